// group reset: where a group goes on, by an operator's word.
#include <algorithm>
#include <limits>
#include <map>
#include <memory>

#include "base/result.h"
#include "cli/offsets.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "cli/wall_clock.h"

namespace forebay::cli {
namespace {

struct ResetOptions {
  std::string group;
  std::optional<std::string> to, by, to_time;
  std::vector<std::string> topics;
  std::vector<std::int32_t> partitions;
  bool dry_run = false;
};

// Where to: one of the three, with what the broker has to be asked for it.
struct Place {
  enum class Kind : std::uint8_t { kStart, kEnd, kOffset, kBy, kTime } kind = Kind::kStart;
  std::int64_t value = 0;
};

Result<std::int64_t> parse_distance(std::string text) {
  const bool back = text.starts_with('-');
  if (back || text.starts_with('+')) text.erase(0, 1);
  std::uint64_t count = 0;
  FOREBAY_CHECK(set_count(&count)(text));
  if (count > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return Error{ErrorCode::kInvalidArgument, "'" + text + "' is too far"};
  return back ? -static_cast<std::int64_t>(count) : static_cast<std::int64_t>(count);
}

Result<Place> parse_place(const ResetOptions& options) {
  if (options.to.has_value() + options.by.has_value() + options.to_time.has_value() != 1)
    return Error{ErrorCode::kInvalidArgument, "say where to, by one of --to, --by and --to-time"};
  if (options.by) {
    auto distance = parse_distance(*options.by);
    if (!distance) return Error{ErrorCode::kInvalidArgument, "--by: " + distance.error().context};
    return Place{Place::Kind::kBy, *distance};
  }
  const bool by_time = options.to_time.has_value();
  std::string text = by_time ? *options.to_time : *options.to;
  if (by_time && !text.starts_with('@')) text.insert(0, 1, '@');
  auto offsets = parse_offsets(text, now_ms());
  if (!offsets)
    return Error{ErrorCode::kInvalidArgument, (by_time ? "--to-time: " : "--to: ") + offsets.error().context};
  switch (offsets->kind) {
    case Offsets::Kind::kStart:
      return Place{Place::Kind::kStart, 0};
    case Offsets::Kind::kEnd:
      return Place{Place::Kind::kEnd, 0};
    case Offsets::Kind::kTime:
      return Place{Place::Kind::kTime, offsets->value};
    case Offsets::Kind::kExact:
      if (!offsets->last) return Place{Place::Kind::kOffset, offsets->value};
      break;
    case Offsets::Kind::kAfterStart:
    case Offsets::Kind::kBeforeEnd:
      break;
  }
  return Error{ErrorCode::kInvalidArgument, "--to: expected an offset, start or end"};
}

// What is committed now, by topic: the partitions that are moved unless some are named.
using Committed = std::map<std::string, std::map<std::int32_t, std::optional<std::int64_t>>>;

Result<Committed> subjects_of(Admin& admin, const ResetOptions& options) {
  FOREBAY_TRY(const GroupDescription group, admin.describe_group(options.group));
  Committed all;
  for (const GroupOffset& one : group.offsets) all[one.partition.topic][one.partition.partition] = one.offset;
  if (options.topics.empty()) return all;
  Committed named;
  for (const std::string& topic : options.topics) named[topic] = std::move(all[topic]);
  return named;
}

class Reset {
 public:
  Reset(Admin& admin, const ResetOptions& options, const Place& place)
      : admin_(admin), options_(options), place_(place) {}

  Result<std::vector<OffsetMove>> moves() {
    FOREBAY_TRY(const Committed subjects, subjects_of(admin_, options_));
    std::vector<OffsetMove> moves;
    for (const auto& [topic, committed] : subjects) FOREBAY_CHECK(add(topic, committed, moves));
    return moves;
  }

 private:
  Result<void> add(const std::string& topic,
                   const std::map<std::int32_t, std::optional<std::int64_t>>& committed,
                   std::vector<OffsetMove>& moves) {
    std::vector<std::int32_t> partitions = options_.partitions;
    // A topic that is named: all it has. Else what the group has come to.
    if (partitions.empty() && options_.topics.empty()) {
      for (const auto& [partition, offset] : committed) partitions.push_back(partition);
    }
    const OffsetSpec spec =
        place_.kind == Place::Kind::kTime ? OffsetSpec::event_time(place_.value) : OffsetSpec::end();
    FOREBAY_TRY(const auto found, admin_.list_offsets(topic, partitions, spec));
    for (const PartitionOffset& one : found) {
      if (one.error) return *one.error;
      const auto at = committed.find(one.partition);
      const auto now = at == committed.end() ? std::nullopt : at->second;
      FOREBAY_TRY(const std::int64_t target, target_of({topic, one.partition}, one, now));
      moves.push_back({{topic, one.partition}, target});
    }
    return {};
  }

  [[nodiscard]] Result<std::int64_t> target_of(const TopicPartition& partition, const PartitionOffset& ends,
                                               std::optional<std::int64_t> now) const {
    switch (place_.kind) {
      case Place::Kind::kStart:
        return ends.log_start;
      case Place::Kind::kEnd:
        return ends.log_end;
      case Place::Kind::kTime:
        return ends.offset.value_or(ends.log_end);
      case Place::Kind::kOffset:
        if (place_.value >= ends.log_start && place_.value <= ends.log_end) return place_.value;
        return Error{ErrorCode::kOffsetOutOfRange, partition.to_string() + " has offsets " +
                                                       std::to_string(ends.log_start) + " to before " +
                                                       std::to_string(ends.log_end)};
      case Place::Kind::kBy:
        break;
    }
    if (!now) {
      return Error{ErrorCode::kFailedPrecondition,
                   partition.to_string() +
                       ": nothing is committed that --by could count from; use "
                       "--to"};
    }
    // Not past either end: what lies there cannot be read.
    if (place_.value < 0) return *now < ends.log_start - place_.value ? ends.log_start : *now + place_.value;
    return *now > ends.log_end - place_.value ? ends.log_end : *now + place_.value;
  }

  Admin& admin_;
  const ResetOptions& options_;
  const Place place_;
};

ExitCode run_reset(Session& session, const ResetOptions& options) {
  const auto place = parse_place(options);
  if (!place) return session.fail(ExitCode::kUsage, place.error().context);
  if (!options.partitions.empty() && options.topics.size() != 1)
    return session.fail(ExitCode::kUsage, "--partition needs one --topic");
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto moves = Reset(**admin, options, *place).moves();
  if (!moves) return session.fail(moves.error());
  if (moves->empty()) {
    return session.fail(
        {ErrorCode::kFailedPrecondition, "group '" + options.group +
                                             "' has committed nothing yet; name what it is to "
                                             "begin with --topic"});
  }
  if (!options.dry_run) {
    if (const auto refused = session.confirm("Move " + std::to_string(moves->size()) +
                                             " committed offsets of group " + options.group + "?"))
      return *refused;
  }
  const auto moved =
      (*admin)->reset_offsets(options.group, *moves, options.dry_run ? Validate::kOnly : Validate::kAndApply);
  if (!moved) return session.fail(moved.error());
  const bool refused =
      std::any_of(moved->begin(), moved->end(), [](const auto& one) { return one.error.has_value(); });
  Value rows = Value::array();
  ItemOutcomes outcomes;
  for (const OffsetMoved& one : *moved) {
    const char* done = options.dry_run ? "would reset" : "reset";
    rows.push(Value::object()
                  .set("topic", one.partition.topic)
                  .set("partition", one.partition.partition)
                  .set("before", one.before)
                  .set("after", one.after)
                  .set("status", one.error ? "failed" : (refused ? "kept" : done))
                  .set("error", one.error ? Value(one.error->to_string()) : Value()));
    if (one.error) {
      outcomes.failed(session.fail_item(one.partition.to_string(), *one.error));
    } else if (!refused) {
      outcomes.succeeded();
    }
  }
  session.print(rows, {{{"",
                         "",
                         {{"TOPIC", "topic"},
                          {"PARTITION", "partition"},
                          {"BEFORE", "before"},
                          {"AFTER", "after"},
                          {"STATUS", "status"}}}},
                       View::Repeat::kNo});
  return outcomes.exit_code();
}

}  // namespace

void add_group_reset_command(std::vector<Command>& commands) {
  auto options = std::make_shared<ResetOptions>();
  Command command;
  command.noun = "group";
  command.verb = "reset";
  command.summary = "move committed offsets, also back; asks first";
  command.examples = {
      {"forebay group reset billing --to start --dry-run", "what would be moved"},
      {"forebay group reset billing --to end --yes", "skip what is there"},
      {"forebay group reset billing --by -100 --yes", "the last hundred of each partition again"},
      {"forebay group reset billing --to-time @2026-01-31T12:00:00Z --yes", ""},
      {"forebay group reset billing --topic orders -p 3 --to 4711 --yes", "one partition"}};
  command.positionals = {{"GROUP", "name of the group", set_text(&options->group), Option::Repeats::kNo,
                          Option::Need::kRequired, Completes::kNothing}};
  command.options = {
      {"--to", "OFFSET", "to this offset, start or end", set_text(&options->to)},
      {"--by", "N", "so many offsets on, or back: -N; not past either end", set_text(&options->by)},
      {"--to-time", "TIME", "to the first record with this event time or a later one",
       set_text(&options->to_time)},
      {"--topic", "TOPIC", "only this topic, with all its partitions (default: all that is committed)",
       add_text(&options->topics), Option::Repeats::kYes},
      {"-p,--partition", "P", "only this partition of the topic", add_partition(&options->partitions),
       Option::Repeats::kYes},
      {"--dry-run", "", "check and show, change nothing", set_flag(&options->dry_run)}};
  command.options[3].completes = Completes::kTopic;
  command.json_shape =
      "[{\"topic\": text, \"partition\": n, \"before\": n or null, \"after\": n,\n"
      "  \"status\": \"reset\" or \"would reset\" or \"kept\" or \"failed\", \"error\": text or null}]";
  command.notes =
      "Only what no member owns: stop them first. All or nothing: where one is refused, none is moved.";
  command.run = [options](Session& session) { return run_reset(session, *options); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
