// topic create, alter, delete, add-partitions, trim.
#include <memory>

#include "base/result.h"
#include "cli/count_text.h"
#include "cli/offsets.h"
#include "cli/session.h"
#include "cli/verbs/delete_each.h"
#include "cli/verbs/verbs.h"
#include "cli/wall_clock.h"

namespace forebay::cli {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kDryRunHelp = "check and show, change nothing";

Validate validation(bool dry_run) { return dry_run ? Validate::kOnly : Validate::kAndApply; }

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

// --- create

struct CreateOptions {
  TopicSpec spec;
  Pairs config;
  bool dry_run = false;
};

ExitCode run_create(Session& session, CreateOptions& options) {
  session.about(options.spec.name);
  for (auto& [key, value] : options.config) options.spec.config[key] = value;
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  auto created = (*admin)->create_topic(options.spec, validation(options.dry_run));
  if (!created) return session.fail(created.error());
  Value value = Value::object();
  value.set("name", options.spec.name)
      .set("id", options.dry_run ? Value() : Value(created->id))
      .set("partitions", created->partitions)
      .set("replication", created->replication_factor)
      .set("dry_run", options.dry_run);
  if (session.is_text()) {
    session.note((options.dry_run ? "would create topic " : "created topic ") + options.spec.name + ": " +
                 count_text(created->partitions, "partition") + ", replication " +
                 std::to_string(created->replication_factor));
  } else {
    session.print(value, {});
  }
  return ExitCode::kOk;
}

Command create_command() {
  auto options = std::make_shared<CreateOptions>();
  Command command;
  command.noun = "topic";
  command.verb = "create";
  command.summary = "make a topic; answers when it can be written";
  command.examples = {
      {"forebay topic create orders --partitions 12", ""},
      {"forebay topic create clicks -p 24 --config retention.ms=604800000 --config compression.type=zstd",
       ""},
      {"forebay topic create orders -p 12 --dry-run", "would it work?"}};
  command.positionals = {{"NAME", "letters, digits, '.', '_' and '-'", set_text(&options->spec.name),
                          Option::Repeats::kNo, Option::Need::kRequired, Completes::kNothing}};
  command.options = {{"-p,--partitions", "N", "number of partitions (default 1)",
                      set_count_from_one(&options->spec.partitions)},
                     {"--replication", "N", "copies of each record (default: the cluster's)",
                      set_count_from_one(&options->spec.replication_factor)},
                     {"--allow-single-copy", "",
                      "take --replication 1 in a cluster of three or more: a lost disk loses the records",
                      set_flag(&options->spec.allow_single_copy)},
                     {"-c,--config", "KEY=VALUE", "configuration, for example retention.ms=86400000",
                      add_pair(&options->config), Option::Repeats::kYes, Option::Need::kOptional,
                      Completes::kTopicConfigPair},
                     {"--dry-run", "", kDryRunHelp, set_flag(&options->dry_run)}};
  command.json_shape =
      "{\"name\": text, \"id\": text or null, \"partitions\": n, \"replication\": n, \"dry_run\": bool}";
  command.run = [options](Session& session) { return run_create(session, *options); };
  return command;
}

// --- alter

struct AlterOptions {
  std::string name;
  Pairs set;
  std::vector<std::string> unset;
  std::uint32_t replication = 0;  // 0: as it is
  bool allow_single_copy = false;
  bool dry_run = false;

  [[nodiscard]] bool changes_config() const { return !set.empty() || !unset.empty(); }
};

struct ConfigChange {
  Value changes = Value::array();
  Value config = Value::object();
};

Result<ConfigChange> change_config(Admin& admin, const AlterOptions& options) {
  FOREBAY_TRY(const auto before, admin.describe_topic(options.name));
  TopicChange change;
  for (const auto& [key, value] : options.set) change.set[key] = value;
  change.unset = options.unset;
  FOREBAY_TRY(const auto after, admin.alter_topic(options.name, change, validation(options.dry_run)));
  ConfigChange result;
  for (const ConfigEntry& entry : after) {
    result.config.set(entry.name, entry.value);
    for (const ConfigEntry& old : before.config) {
      if (old.name != entry.name || old.value == entry.value) continue;
      result.changes.push(
          Value::object().set("key", entry.name).set("from", old.value).set("to", entry.value));
    }
  }
  return result;
}

// The partitions go to their new targets one after the other, as fast as their leaders can.
Result<void> change_replication(Session& session, Admin& admin, const AlterOptions& options) {
  const auto single = options.allow_single_copy ? Admin::SingleCopy::kAllow : Admin::SingleCopy::kRefuse;
  FOREBAY_TRY(const auto decided, admin.change_replication(options.name, options.replication, single,
                                                           validation(options.dry_run)));
  for (const std::string& warning : decided.warnings) session.warn(warning);
  if (session.is_text()) {
    session.note((options.dry_run ? "would change " : "changed ") +
                 count_text(decided.targets.size(), "partition") + " of topic " + options.name + " to " +
                 std::to_string(options.replication) + " replicas" +
                 (options.dry_run ? "" : "; how far they are: forebay partition status " + options.name));
  }
  return {};
}

ExitCode run_alter(Session& session, const AlterOptions& options) {
  session.about(options.name);
  if (!options.changes_config() && options.replication == 0) {
    return session.fail(ExitCode::kUsage,
                        "nothing to change: give --config KEY=VALUE, --unset KEY or --replication N");
  }
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  auto changed = change_config(**admin, options);
  if (!changed) return session.fail(changed.error());
  if (options.replication != 0) {
    if (auto replicated = change_replication(session, **admin, options); !replicated)
      return session.fail(replicated.error());
  }
  Value value = Value::object();
  value.set("name", options.name)
      .set("dry_run", options.dry_run)
      .set("changes", std::move(changed->changes))
      .set("replication", options.replication == 0 ? Value() : Value(options.replication))
      .set("config", std::move(changed->config));
  if (session.is_text()) {
    if (!options.changes_config()) return ExitCode::kOk;
    const std::size_t count = value.at("changes").items().size();
    session.note((options.dry_run ? "would change " : "changed ") + count_text(count, "key") + " of topic " +
                 options.name);
    if (count == 0) return ExitCode::kOk;
  }
  session.print(value,
                {{{"changes", "", {{"KEY", "key"}, {"FROM", "from"}, {"TO", "to"}}}}, View::Repeat::kNo});
  return ExitCode::kOk;
}

Command alter_command() {
  auto options = std::make_shared<AlterOptions>();
  Command command;
  command.noun = "topic";
  command.verb = "alter";
  command.summary = "change a topic's configuration, or how many replicas it has";
  command.examples = {
      {"forebay topic alter orders --config retention.ms=86400000", ""},
      {"forebay topic alter orders --unset retention.ms --dry-run", "back to the default: a preview"},
      {"forebay topic alter orders --replication 3", "online; how far: forebay partition status orders"}};
  command.positionals = {{"TOPIC", "the topic to change", set_text(&options->name)}};
  command.options = {
      {"-c,--config", "KEY=VALUE", "new value", add_pair(&options->set), Option::Repeats::kYes,
       Option::Need::kOptional, Completes::kTopicConfigPair},
      {"--unset", "KEY", "back to the default", add_text(&options->unset), Option::Repeats::kYes,
       Option::Need::kOptional, Completes::kTopicConfigKey},
      {"--replication", "N", "copies of each record, from now on", set_count_from_one(&options->replication)},
      {"--allow-single-copy", "",
       "take --replication 1 in a cluster of three or more: a lost disk loses the records",
       set_flag(&options->allow_single_copy)},
      {"--dry-run", "", kDryRunHelp, set_flag(&options->dry_run)}};
  command.json_shape =
      "{\"name\": text, \"dry_run\": bool, \"changes\": [{\"key\": text, \"from\": text, \"to\": text}],\n"
      " \"replication\": n or null, \"config\": {key: text}}";
  command.run = [options](Session& session) { return run_alter(session, *options); };
  return command;
}

// --- delete

struct TopicDeleteOptions {
  DeleteOptions chosen;
  std::optional<std::string> pattern;
};

ExitCode run_delete(Session& session, const TopicDeleteOptions& options) {
  auto names = choose_topics(session, options.chosen.names, options.pattern);
  if (!names) return session.fail(names.error());
  if (names->empty()) {
    session.note("no topic matches");
    if (!session.is_text()) session.print(Value::array(), {});
    return ExitCode::kOk;
  }
  const std::string question = "Delete topic " + joined(*names) + " with all records?";
  return delete_each(session, {std::move(*names), options.chosen.dry_run}, "topic", question,
                     [](Admin& admin, const std::string& name, Validate validate) -> Result<void> {
                       if (validate == Validate::kAndApply) return admin.delete_topic(name);
                       FOREBAY_CHECK(admin.describe_topic(name));
                       return {};
                     });
}

Command delete_command() {
  auto options = std::make_shared<TopicDeleteOptions>();
  Command command;
  command.noun = "topic";
  command.verb = "delete";
  command.summary = "delete topics with all their records; asks first";
  command.examples = {{"forebay topic delete orders", ""},
                      {"forebay topic delete -r 'test-.*' --dry-run", "which ones would go?"},
                      {"forebay topic delete orders clicks --yes", "in a script"}};
  command.positionals = {{"TOPIC", "topics to delete", add_text(&options->chosen.names),
                          Option::Repeats::kYes, Option::Need::kOptional}};
  command.options = {
      {"-r,--regex", "REGEX", "every topic whose whole name matches", set_text(&options->pattern)},
      {"--dry-run", "", kDryRunHelp, set_flag(&options->chosen.dry_run)}};
  command.json_shape = kDeletedShape;
  command.run = [options](Session& session) { return run_delete(session, *options); };
  return command;
}

// --- add-partitions

struct AddPartitionsOptions {
  std::string name;
  std::uint32_t total = 0;
  std::uint32_t add = 0;
  bool dry_run = false;
};

ExitCode run_add_partitions(Session& session, const AddPartitionsOptions& options) {
  session.about(options.name);
  if ((options.total == 0) == (options.add == 0)) {
    return session.fail(ExitCode::kUsage, "give --total N (the new count) or --add N (how many more)");
  }
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  auto topic = (*admin)->describe_topic(options.name);
  if (!topic) return session.fail(topic.error());
  const auto now = static_cast<std::uint32_t>(topic->partitions.size());
  const std::uint32_t total = options.total != 0 ? options.total : now + options.add;
  auto added = (*admin)->add_partitions(options.name, total, validation(options.dry_run));
  if (!added) return session.fail(added.error());
  if (!added->warning.empty()) session.warn(added->warning);
  Value value = Value::object();
  value.set("name", options.name)
      .set("from", now)
      .set("partitions", added->partitions)
      .set("dry_run", options.dry_run)
      .set("warning", added->warning.empty() ? Value() : Value(added->warning));
  if (session.is_text()) {
    session.note("topic " + options.name + (options.dry_run ? " would have " : " has ") +
                 count_text(added->partitions, "partition") + "; it had " + std::to_string(now));
  } else {
    session.print(value, {});
  }
  return ExitCode::kOk;
}

Command add_partitions_command() {
  auto options = std::make_shared<AddPartitionsOptions>();
  Command command;
  command.noun = "topic";
  command.verb = "add-partitions";
  command.summary = "give a topic more partitions";
  command.examples = {{"forebay topic add-partitions orders --total 24", ""},
                      {"forebay topic add-partitions orders --add 12 --dry-run", ""}};
  command.positionals = {{"TOPIC", "the topic to widen", set_text(&options->name)}};
  command.options = {{"-p,--total", "N", "the new number of partitions", set_count_from_one(&options->total)},
                     {"--add", "N", "how many more", set_count_from_one(&options->add)},
                     {"--dry-run", "", kDryRunHelp, set_flag(&options->dry_run)}};
  command.notes =
      "Records with a key go to the partition that the key and the number of partitions choose: after this, "
      "the\n"
      "same key may go to another partition, while its older records stay where they are.";
  command.json_shape =
      "{\"name\": text, \"from\": n, \"partitions\": n, \"dry_run\": bool, \"warning\": text or null}";
  command.run = [options](Session& session) { return run_add_partitions(session, *options); };
  return command;
}

// --- trim

struct TrimOptions {
  std::string name;
  std::string before;
  std::vector<std::int32_t> partitions;
  bool dry_run = false;
};

struct PlannedTrim {
  TrimPoint point;
  std::int64_t log_start = 0;
};

Result<std::vector<PlannedTrim>> plan_trim(Admin& admin, const TrimOptions& options, const Offsets& before) {
  const OffsetSpec spec =
      before.kind == Offsets::Kind::kTime ? OffsetSpec::event_time(before.value) : OffsetSpec::start();
  FOREBAY_TRY(const auto offsets, admin.list_offsets(options.name, options.partitions, spec));
  std::vector<PlannedTrim> plan;
  for (const PartitionOffset& offset : offsets) {
    if (offset.error) return *offset.error;
    const auto found = before.kind == Offsets::Kind::kTime ? offset.offset : std::nullopt;
    // An exact offset is passed on as it is: the broker refuses what is outside, partition by partition.
    const std::int64_t begin =
        before.kind == Offsets::Kind::kExact
            ? before.value
            : begin_offset(before, offset.log_start, offset.log_end, found).value_or(0);
    plan.push_back({{offset.partition, begin}, offset.log_start});
  }
  return plan;
}

ExitCode run_trim(Session& session, const TrimOptions& options) {
  session.about(options.name);
  const auto before = parse_offsets(options.before, now_ms());
  if (!before) return session.fail(ExitCode::kUsage, "--before: " + before.error().context);
  if (before->last) return session.fail(ExitCode::kUsage, "--before: one offset, not a range");
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  auto plan = plan_trim(**admin, options, *before);
  if (!plan) return session.fail(plan.error());
  std::vector<TrimPoint> points;
  std::uint64_t doomed = 0;
  for (const PlannedTrim& one : *plan) {
    points.push_back(one.point);
    doomed +=
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, one.point.before.value_or(0) - one.log_start));
  }
  if (!options.dry_run) {
    if (const auto refused = session.confirm("Remove up to " + count_text(doomed, "record") + " of topic " +
                                             options.name + " for ever?")) {
      return *refused;
    }
  }
  Value rows = Value::array();
  ItemOutcomes outcomes;
  const auto add_row = [&](std::int32_t partition, std::int64_t from, std::int64_t to, const Error* error) {
    rows.push(Value::object()
                  .set("partition", partition)
                  .set("from", from)
                  .set("log_start", to)
                  .set("error", error == nullptr ? Value() : Value(error->to_string())));
  };
  if (options.dry_run) {
    for (const PlannedTrim& one : *plan) {
      outcomes.succeeded();
      add_row(one.point.partition, one.log_start, std::max(one.log_start, one.point.before.value_or(0)),
              nullptr);
    }
  } else {
    auto results = (*admin)->trim_topic(options.name, points);
    if (!results) return session.fail(results.error());
    for (const TrimResult& result : *results) {
      std::int64_t from = 0;
      for (const PlannedTrim& one : *plan) {
        if (one.point.partition == result.partition) from = one.log_start;
      }
      if (result.error) {
        outcomes.failed(
            session.fail_item(options.name + '/' + std::to_string(result.partition), *result.error));
      } else {
        outcomes.succeeded();
      }
      // What was refused starts where it did.
      add_row(result.partition, from, result.error ? from : result.log_start,
              result.error ? &*result.error : nullptr);
    }
  }
  Value value = Value::object();
  value.set("name", options.name).set("dry_run", options.dry_run).set("partitions", std::move(rows));
  if (session.is_text()) session.note(options.dry_run ? "log starts would be:" : "log starts:");
  session.print(
      value,
      {{{"partitions", "", {{"PARTITION", "partition"}, {"FROM", "from"}, {"LOG START", "log_start"}}}},
       View::Repeat::kNo});
  return outcomes.exit_code();
}

Command trim_command() {
  auto options = std::make_shared<TrimOptions>();
  Command command;
  command.noun = "topic";
  command.verb = "trim";
  command.summary = "remove a topic's oldest records; asks first";
  command.examples = {{"forebay topic trim orders --before @7d", "keep a week"},
                      {"forebay topic trim orders --before 5000 --partition 3 --yes", ""},
                      {"forebay topic trim orders --before end --dry-run", "everything would go"}};
  command.positionals = {{"TOPIC", "the topic to trim", set_text(&options->name)}};
  command.options = {
      {"--before", "OFFSET", "the first record that stays; see: forebay help offsets",
       set_text(&options->before), Option::Repeats::kNo, Option::Need::kRequired},
      {"--partition", "P", "only this partition", add_partition(&options->partitions), Option::Repeats::kYes},
      {"--dry-run", "", kDryRunHelp, set_flag(&options->dry_run)}};
  command.notes = "Works on a full disk. Space comes back in whole segments.";
  command.json_shape =
      "{\"name\": text, \"dry_run\": bool,\n"
      " \"partitions\": [{\"partition\": n, \"from\": n, \"log_start\": n, \"error\": text or null}]}";
  command.run = [options](Session& session) { return run_trim(session, *options); };
  return command;
}

}  // namespace

void add_topic_change_commands(std::vector<Command>& commands) {
  commands.push_back(create_command());
  commands.push_back(alter_command());
  commands.push_back(delete_command());
  commands.push_back(add_partitions_command());
  commands.push_back(trim_command());
}

}  // namespace forebay::cli
