// perf consume: how fast a topic can be read.
#include <map>
#include <memory>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/verbs/partition_ends.h"
#include "cli/verbs/perf_report.h"
#include "cli/verbs/verbs.h"
#include "forebay/consumer.h"

namespace forebay::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollWait{200};

struct PerfConsumeOptions {
  std::string topic;
  std::optional<std::uint64_t> records;
  std::vector<std::int32_t> partitions;
};

class PerfConsumption {
 public:
  PerfConsumption(Session& session, const PerfConsumeOptions& options)
      : session_(session), options_(options) {}

  ExitCode run() {
    session_.about(options_.topic);
    auto admin = session_.admin();
    if (!admin) return session_.fail(admin.error());
    const auto offsets = (*admin)->list_offsets(options_.topic, options_.partitions, OffsetSpec::end());
    if (!offsets) return session_.fail(offsets.error());
    const auto started = Clock::now();
    auto consumer = Consumer::create(session_.client_options());
    if (!consumer) return session_.fail(consumer.error());
    std::uint64_t total = 0;
    for (const PartitionOffset& offset : *offsets) {
      if (offset.error) return session_.fail(*offset.error);
      if (offset.log_end <= offset.log_start) continue;
      const auto assigned =
          (*consumer)->assign(options_.topic, {offset.partition}, OffsetSpec::at(offset.log_start));
      if (!assigned) return session_.fail(assigned.error());
      ends_[offset.partition] = offset.log_end;
      total += static_cast<std::uint64_t>(offset.log_end - offset.log_start);
    }
    const GracefulInterrupt graceful;
    const ExitCode code = read(**consumer, options_.records ? std::min(*options_.records, total) : total);
    PerfResult result;
    result.records = records_;
    result.bytes = bytes_;
    result.took = Clock::now() - started;
    print_perf(session_, result);
    return code;
  }

 private:
  ExitCode read(Consumer& consumer, std::uint64_t total) {
    Progress progress(session_, total, "record");
    auto last_heard = Clock::now();
    while (!ends_.empty() && !(options_.records && records_ >= *options_.records)) {
      if (interrupted()) return ExitCode::kInterrupted;
      const auto batches = consumer.poll_batches(kPollWait);
      if (!batches) return session_.fail(batches.error());
      for (const ConsumedBatch& batch : *batches) take(consumer, batch);
      progress.update(records_);
      if (!batches->empty()) {
        last_heard = Clock::now();
        continue;
      }
      drop_finished(ends_, consumer, options_.topic);
      const auto failures = consumer.failures();
      if (failures.empty()) {
        last_heard = Clock::now();
      } else if (Clock::now() - last_heard > session_.timeout()) {
        return session_.fail(failures.front().error);
      }
    }
    return ExitCode::kOk;
  }

  void take(Consumer& consumer, const ConsumedBatch& batch) {
    const auto end = ends_.find(batch.partition());
    if (end == ends_.end() || batch.begin_offset() >= end->second) return;
    records_ += batch.record_count();
    bytes_ += batch.payload_bytes();
    if (batch.end_offset() < end->second) return;
    ends_.erase(end);
    consumer.unassign(options_.topic, {batch.partition()});
  }

  Session& session_;
  const PerfConsumeOptions& options_;
  PartitionEnds ends_;
  std::uint64_t records_ = 0;
  std::uint64_t bytes_ = 0;
};

}  // namespace

void add_perf_consume_command(std::vector<Command>& commands) {
  auto options = std::make_shared<PerfConsumeOptions>();
  Command command;
  command.noun = "perf";
  command.verb = "consume";
  command.summary = "read a topic from its start to the end as it is now, and measure throughput";
  command.examples = {{"forebay perf consume --topic bench", ""},
                      {"forebay perf consume --topic bench -o json", ""}};
  command.options = {
      {"-t,--topic", "TOPIC", "what to read", set_text(&options->topic), Option::Repeats::kNo,
       Option::Need::kRequired, Completes::kTopic},
      {"-n,--records", "N", "stop after N records, at the end of a batch", set_count(&options->records)},
      {"-p,--partition", "P", "only this partition", add_partition(&options->partitions),
       Option::Repeats::kYes}};
  command.json_shape = kPerfShape;
  command.run = [options](Session& session) { return PerfConsumption(session, *options).run(); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
