// consume: print the records of a topic.
#include <algorithm>
#include <cstring>
#include <limits>
#include <map>
#include <memory>

#include "base/result.h"
#include "cli/interrupt.h"
#include "cli/offsets.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "cli/verbs/consume.h"
#include "cli/verbs/partition_ends.h"
#include "cli/verbs/record_schemas.h"
#include "cli/verbs/verbs.h"
#include "cli/wall_clock.h"
#include "forebay/consumer.h"

namespace forebay::cli {
namespace {

constexpr std::chrono::milliseconds kPollWait{200};

// Where one partition is read from and to.
struct Reach {
  std::int32_t partition = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;  // exclusive; only looked at when the command stops by itself
};

class Consumption {
 public:
  Consumption(Session& session, const ConsumeOptions& options, RecordPrinter printer)
      : session_(session), options_(options), printer_(std::move(printer)), decoder_(session, options.raw) {}

  ExitCode run() {
    const auto offsets = parse_offsets(options_.offsets.value_or("start"), now_ms());
    if (!offsets) return session_.fail(ExitCode::kUsage, "--offsets: " + offsets.error().context);
    decide_stop(*offsets);
    const auto reaches = resolve(*offsets);
    if (!reaches) return session_.fail(reaches.error());
    ConsumerOptions consumer_options;
    auto consumer = Consumer::create(session_.client_options(), consumer_options);
    if (!consumer) return session_.fail(consumer.error());
    std::uint64_t total = 0;
    for (const Reach& reach : *reaches) {
      if (bounded_ && reach.begin >= reach.end) continue;
      const auto assigned =
          (*consumer)->assign(options_.topic, {reach.partition}, OffsetSpec::at(reach.begin));
      if (!assigned) return session_.fail(assigned.error());
      ends_[reach.partition] = bounded_ ? reach.end : std::numeric_limits<std::int64_t>::max();
      if (bounded_) total += static_cast<std::uint64_t>(reach.end - reach.begin);
    }
    if (options_.count) total = bounded_ ? std::min(total, *options_.count) : *options_.count;
    const GracefulInterrupt graceful;
    const ExitCode code = read(**consumer, total);
    session_.out().flush();
    if (session_.out().failed()) {
      return session_.fail(ExitCode::kFailure, std::string("cannot write the output: ") +
                                                   std::strerror(session_.out().error_number()));
    }
    return session_.out().closed() ? code : with_damage(code);
  }

 private:
  // Without --follow the end as it was at the start is the end, unless what was asked for can only come
  // later.
  void decide_stop(const Offsets& offsets) {
    const bool waits = options_.count.has_value() || offsets.kind == Offsets::Kind::kEnd;
    bounded_ = options_.until_end || (!options_.follow && (offsets.last.has_value() || !waits));
    range_last_ = offsets.last;
    if (options_.follow && offsets.last) bounded_ = true;  // ends by itself, but waits for records to come
  }

  Result<std::vector<Reach>> resolve(const Offsets& offsets) {
    FOREBAY_TRY(Admin * admin, session_.admin());
    OffsetSpec spec = OffsetSpec::end();
    if (offsets.kind == Offsets::Kind::kTime) {
      spec = options_.by == "append" ? OffsetSpec::append_time(offsets.value)
                                     : OffsetSpec::event_time(offsets.value);
    }
    FOREBAY_TRY(const auto found, admin->list_offsets(options_.topic, options_.partitions, spec));
    std::vector<Reach> reaches;
    std::string outside;
    for (const PartitionOffset& one : found) {
      if (one.error) {
        if (!reads_past_damage() || !is_damage(one.error->code)) return *one.error;
        damage_.push_back(*one.error);
        damage_.back().context.insert(0, options_.topic + '/' + std::to_string(one.partition) + ": ");
        continue;
      }
      if (one.end_lost && (!range_last_ || *range_last_ >= one.log_end))
        lost_ends_[one.partition] = one.log_end;
      const auto begin = begin_offset(offsets, one.log_start, one.log_end, one.offset);
      std::int64_t end = one.log_end;
      if (range_last_) end = options_.follow ? *range_last_ + 1 : std::min(end, *range_last_ + 1);
      if (!begin) {
        outside += (outside.empty() ? "" : "; ") +
                   ("partition " + std::to_string(one.partition) + " has offsets ") +
                   std::to_string(one.log_start) + " to before " + std::to_string(one.log_end);
        continue;
      }
      reaches.push_back({one.partition, *begin, end});
    }
    if (reaches.empty() && !outside.empty()) {
      return Error{ErrorCode::kOffsetOutOfRange, "offset " + std::to_string(offsets.value) + ": " + outside};
    }
    if (!outside.empty())
      session_.warn("left out, not in offset " + std::to_string(offsets.value) + ": " + outside);
    return reaches;
  }

  ExitCode read(Consumer& consumer, std::uint64_t total) {
    Progress progress(session_, total, "record");
    auto last_heard = std::chrono::steady_clock::now();
    while (!done()) {
      if (interrupted()) return ExitCode::kInterrupted;
      auto batches = consumer.poll_batches(kPollWait);
      if (!batches) {
        if (!set_aside(consumer, batches.error())) return session_.fail(batches.error());
        continue;
      }
      for (const ConsumedBatch& batch : *batches) {
        print(batch);
        if (session_.out().closed() || session_.out().failed() || done()) break;
        if (!ends_.contains(batch.partition())) consumer.unassign(options_.topic, {batch.partition()});
      }
      if (session_.out().closed() || session_.out().failed()) return ExitCode::kOk;
      progress.update(printed_);
      const auto now = std::chrono::steady_clock::now();
      if (!batches->empty()) {
        last_heard = now;
        if (batches->size() < 2) session_.out().flush();
        continue;
      }
      session_.out().flush();
      drop_finished(ends_, consumer, options_.topic);
      const auto failures = consumer.failures();
      if (failures.empty()) {
        last_heard = now;
      } else if (now - last_heard > session_.timeout()) {
        return session_.fail(failures.front().error);
      }
    }
    return ExitCode::kOk;
  }

  // A command that ends by itself reads what else there is and tells of damage at its end. One that goes on
  // for ever has no such moment, and whoever waits for it would not learn of a partition that stands still.
  [[nodiscard]] bool reads_past_damage() const { return bounded_ && !options_.follow; }

  // Goes on without the partition that this error of a poll is about.
  bool set_aside(Consumer& consumer, const Error& error) {
    if (!reads_past_damage() || !is_damage(error.code)) return false;
    for (const PartitionFailure& failure : consumer.failures()) {
      if (failure.error != error) continue;
      damage_.push_back(error);
      ends_.erase(failure.partition.partition);
      lost_ends_.erase(failure.partition.partition);
      consumer.unassign(options_.topic, {failure.partition.partition});
      return true;
    }
    return false;
  }

  // All that can be read was printed, and it is not all there was.
  ExitCode with_damage(ExitCode code) {
    const bool counted = options_.count && printed_ >= *options_.count;
    if (code == ExitCode::kOk && bounded_ && !counted) {
      for (const auto& [partition, end] : lost_ends_)
        damage_.push_back(lost_end(options_.topic, partition, end));
    }
    return tell_damage(session_, damage_, code);
  }

  [[nodiscard]] bool done() const {
    return (options_.count && printed_ >= *options_.count) || (bounded_ && ends_.empty());
  }

  void print(const ConsumedBatch& batch) {
    const auto end = ends_.find(batch.partition());
    if (end == ends_.end()) return;  // read ahead of its end
    ShownRecord shown{options_.topic, batch.partition(), batch.append_time_ms(), nullptr};
    RecordView record;
    auto cursor = batch.records();
    while (cursor.next(record)) {
      if (record.offset >= end->second || (options_.count && printed_ >= *options_.count)) break;
      const RecordView decoded = decoder_.decode(record);
      shown.record = &decoded;
      printer_.append(session_.out().buffer(), shown);
      session_.out().written();
      ++printed_;
    }
    if (batch.end_offset() >= end->second) ends_.erase(end);
  }

  Session& session_;
  const ConsumeOptions& options_;
  RecordPrinter printer_;
  RecordDecoder decoder_;
  bool bounded_ = false;  // stops where `ends_` says
  std::optional<std::int64_t> range_last_;
  PartitionEnds ends_;
  std::map<std::int32_t, std::int64_t> lost_ends_;  // partitions that end there, but had ended later
  std::vector<Error> damage_;                       // met on the way, told at the end
  std::uint64_t printed_ = 0;
};

ExitCode run_consume(Session& session, const ConsumeOptions& options) {
  session.about(options.topic);
  if (options.until_end && options.follow) {
    return session.fail(ExitCode::kUsage, "--until-end and --follow contradict each other");
  }
  auto printer = RecordPrinter::make(session.globals());
  if (!printer) return session.fail(ExitCode::kUsage, "--output: " + printer.error().context);
  if (options.group) return consume_as_group(session, options, *printer);
  return Consumption(session, options, std::move(*printer)).run();
}

}  // namespace

bool is_damage(ErrorCode code) {
  return code == ErrorCode::kDataLoss || code == ErrorCode::kStorageFailed ||
         code == ErrorCode::kCorruptBatch;
}

Error lost_end(const std::string& topic, std::int32_t partition, std::int64_t end) {
  return {ErrorCode::kDataLoss, "topic '" + topic + "' partition " + std::to_string(partition) +
                                    ": what was acknowledged from offset " + std::to_string(end) +
                                    " on is lost"};
}

ExitCode tell_damage(Session& session, const std::vector<Error>& damage, ExitCode code) {
  for (std::size_t i = 0; i < damage.size(); ++i) {
    const bool last = i + 1 == damage.size();  // says what to do next
    const ExitCode damaged =
        last ? session.fail(damage[i]) : session.fail(exit_code_of(damage[i].code), damage[i].to_string());
    if (code == ExitCode::kOk) code = damaged;
  }
  return code;
}

void add_consume_command(std::vector<Command>& commands) {
  auto options = std::make_shared<ConsumeOptions>();
  Command command;
  command.noun = "consume";
  command.summary = "print the records of a topic";
  command.examples = {
      {"forebay consume orders --until-end", "everything there is"},
      {"forebay consume orders --offsets -10 -o json", "the last ten of each partition"},
      {"forebay consume orders --offsets end --follow -o '%p %o %k %v\\n'", "what comes from now on"},
      {"forebay consume orders --offsets @1h --until-end", "the last hour by event time"},
      {"forebay consume orders --partition 3 --offsets 100-199 -o json", ""},
      {"forebay consume orders --group billing",
       "go on where the group has come to, with its other members"}};
  command.positionals = {{"TOPIC", "what to read", set_text(&options->topic)}};
  command.options = {
      {"--offsets", "OFFSETS",
       "start, end, N, +N, -N, A-B or @TIME (default start); see: forebay help offsets",
       set_text(&options->offsets)},
      {"--by", "TIME", "@TIME is event or append time (default event)", set_text(&options->by)},
      {"-p,--partition", "P", "only this partition", add_partition(&options->partitions),
       Option::Repeats::kYes},
      {"-n,--count", "N", "stop after N records", set_count(&options->count)},
      {"--until-end", "", "stop at the end as it was at the start", set_flag(&options->until_end)},
      {"-f,--follow", "", "wait for more records until interrupted", set_flag(&options->follow)},
      {"-g,--group", "GROUP", "share the topic with the other members of this consumer group",
       set_text(&options->group)},
      {"--raw", "", "keys and values as they are stored, whatever schema they say", set_flag(&options->raw)}};
  command.options[1].choices = {"event", "append"};
  command.options[1].completes = Completes::kChoice;
  command.output = Command::Output::kFormatsOrTemplate;
  command.notes =
      "Where it stops: with --until-end, at the end as it was at the start; with --count, after that many "
      "records,\n"
      "waiting for them if need be; with A-B, after B; with --follow, never. With none of these it stops "
      "like\n"
      "--until-end, but --offsets end waits like --follow. Records of one partition come in the order of "
      "their\n"
      "offsets; partitions come as they answer. -o may also be a template: see forebay help templates.\n"
      "Text prints the values, one a line. Keys and values that say a schema of the registry (a zero byte "
      "and "
      "its id, or\n"
      "the header of its GUID) are shown as JSON. A damaged partition does not keep the others: they are "
      "read to "
      "their\n"
      "ends, then the damage is told, and the exit code is 1; only with --follow it ends the command at "
      "once.\n"
      "\n"
      "With --group: each record goes to one member, and is done, and committed, when it is written out. It "
      "goes on until\n"
      "it is interrupted, or to --count, or to --until-end: the ends, as they were, of what this member has "
      "once every\n"
      "partition is where it is to be. --offsets start, end or @TIME is the rule of a new group, kept with "
      "it: a group\n"
      "that has another one is refused, but a time that is counted from now (@1h) takes the time that the "
      "group has.\n"
      "Without --offsets it is start, or what the group has. After a failure records that were written out, "
      "and not yet\n"
      "committed, "
      "come again.";
  command.json_shape =
      "one object a line:\n"
      "{\"topic\": text, \"partition\": n, \"offset\": n, \"event_time\": \"2026-01-31T12:00:00.000Z\",\n"
      " \"append_time\": time, \"key\": text or null, \"value\": text or null, \"headers\": {name: text or "
      "null}}\n"
      "bytes that are not UTF-8 are {\"base64\": text}; a header that repeats is an array of its values";
  command.run = [options](Session& session) { return run_consume(session, *options); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
