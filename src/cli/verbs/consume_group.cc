// consume --group: a member of a consumer group that prints what it gets.
#include <cstring>
#include <map>

#include "cli/interrupt.h"
#include "cli/verbs/consume.h"
#include "cli/verbs/group_start.h"
#include "cli/wall_clock.h"
#include "forebay/group_consumer.h"

namespace forebay::cli {
namespace {

constexpr std::chrono::milliseconds kPollWait{200};

class Member {
 public:
  Member(Session& session, const ConsumeOptions& options, const RecordPrinter& printer)
      : session_(session), options_(options), printer_(printer) {}

  ExitCode run() {
    GroupOptions group;
    group.group = *options_.group;
    group.topics = {options_.topic};
    group.client_id = "forebay consume";
    group.close_timeout = std::min(group.close_timeout, session_.timeout());
    if (options_.offsets) {
      const auto rule = parse_start_rule(*options_.offsets, now_ms());
      if (!rule) return session_.fail(ExitCode::kUsage, "--offsets: with --group, " + rule.error().context);
      group.start = *rule;
    }
    if (const auto looked = look_at_topic(); !looked) return session_.fail(looked.error());
    auto consumer = GroupConsumer::create(session_.client_options(), std::move(group));
    if (!consumer) return session_.fail(consumer.error());
    const GracefulInterrupt graceful;
    ExitCode code = read(**consumer);
    session_.out().flush();
    if (session_.out().failed()) {
      code = session_.fail(ExitCode::kFailure, std::string("cannot write the output: ") +
                                                   std::strerror(session_.out().error_number()));
    }
    // What was written out is committed, or the reader of the output gets it again.
    if (const auto closed = (*consumer)->close(); !closed && code != ExitCode::kFailure)
      return session_.fail(closed.error());
    return code;
  }

 private:
  // A group may wait for a topic that is not there yet; whoever mistypes a name should not.
  Result<void> look_at_topic() {
    FOREBAY_TRY(Admin * admin, session_.admin());
    FOREBAY_TRY(const auto found, admin->list_offsets(options_.topic, {}, OffsetSpec::end()));
    for (const PartitionOffset& one : found) ends_[one.partition] = one.log_end;
    return {};
  }

  ExitCode read(GroupConsumer& consumer) {
    auto last_joined = std::chrono::steady_clock::now();
    while (!interrupted()) {
      const auto batches = consumer.poll_batches(kPollWait);
      if (!batches) return session_.fail(batches.error());
      for (const ConsumedBatch& batch : *batches) {
        if (const auto written = write_out(consumer, batch); !written) return session_.fail(written.error());
        if (session_.out().closed() || session_.out().failed() || counted()) return ExitCode::kOk;
      }
      const auto now = std::chrono::steady_clock::now();
      const GroupStatus status = consumer.status();
      if (status.joined) last_joined = now;
      if (!status.joined && status.trouble && now - last_joined > session_.timeout())
        return session_.fail(*status.trouble);
      if (!options_.until_end || !batches->empty() || !status.joined) continue;
      const auto at_end = has_reached_ends(consumer);
      if (!at_end) return session_.fail(at_end.error());
      if (*at_end) return ExitCode::kOk;
    }
    return ExitCode::kInterrupted;
  }

  [[nodiscard]] bool counted() const { return options_.count && printed_ >= *options_.count; }

  // Marks nothing that has not left this process.
  Result<void> write_out(GroupConsumer& consumer, const ConsumedBatch& batch) {
    ShownRecord shown{options_.topic, batch.partition(), batch.append_time_ms(), nullptr};
    RecordView record;
    auto cursor = batch.records();
    std::optional<std::int64_t> last;
    while (!counted() && cursor.next(record)) {
      shown.record = &record;
      printer_.append(session_.out().buffer(), shown);
      session_.out().written();
      last = record.offset;
      ++printed_;
    }
    session_.out().flush();
    if (!last || session_.out().closed() || session_.out().failed()) return {};
    const auto marked = consumer.mark_done_through({batch.topic(), batch.partition()}, *last);
    // It has gone meanwhile: whoever has it now prints these again.
    if (!marked && marked.error().code != ErrorCode::kNotOwner) return marked.error();
    return {};
  }

  Result<bool> has_reached_ends(GroupConsumer& consumer) {
    const auto assignment = consumer.assignment();
    for (const TopicPartition& one : assignment) {
      const auto position = consumer.position(one);
      if (!position || *position < ends_[one.partition]) return false;
    }
    if (!assignment.empty()) return true;
    // Others have everything, or nothing is decided yet.
    FOREBAY_TRY(Admin * admin, session_.admin());
    FOREBAY_TRY(const GroupDescription group, admin->describe_group(*options_.group));
    return group.summary.state == "stable" && consumer.assignment().empty();
  }

  Session& session_;
  const ConsumeOptions& options_;
  const RecordPrinter& printer_;
  std::map<std::int32_t, std::int64_t> ends_;
  std::uint64_t printed_ = 0;
};

}  // namespace

ExitCode consume_as_group(Session& session, const ConsumeOptions& options, const RecordPrinter& printer) {
  if (!options.partitions.empty())
    return session.fail(ExitCode::kUsage, "--partition and --group contradict each other: the group decides");
  if (options.by != "event")
    return session.fail(ExitCode::kUsage,
                        "--group begins by event time only; --by append does not go with it");
  return Member(session, options, printer).run();
}

}  // namespace forebay::cli
