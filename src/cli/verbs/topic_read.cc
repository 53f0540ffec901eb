// topic list, topic describe.
#include <algorithm>
#include <memory>
#include <regex>

#include "base/result.h"
#include "cli/session.h"
#include "cli/time_text.h"
#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

Value optional_time(const std::optional<std::int64_t>& ms) { return ms ? Value(iso_ms(*ms)) : Value(); }

Value partition_value(const PartitionDescription& partition) {
  Value replicas = Value::array();
  for (const std::uint32_t node : partition.replicas) replicas.push(node);
  Value damage = Value::array();
  for (const DamagedRange& range : partition.damage) {
    damage.push(Value::object()
                    .set("kind", range.end_offset ? "range" : "tail")
                    .set("begin", range.begin_offset)
                    .set("end", Value(range.end_offset))
                    .set("accepted", range.accepted));
  }
  Value value = Value::object();
  value.set("partition", partition.partition)
      .set("leader", partition.leader == 0 ? Value() : Value(partition.leader))
      .set("term", partition.term)
      .set("replicas", std::move(replicas))
      .set("log_start", partition.log_start)
      .set("log_end", partition.log_end)
      .set("bytes", partition.disk_bytes)
      .set("state", partition.state)
      .set("segments", partition.segments)
      .set("oldest_append_time", optional_time(partition.oldest_append_time_ms))
      .set("oldest_leaves_at", optional_time(partition.oldest_leaves_at_ms))
      .set("last_full_scrub", optional_time(partition.last_full_scrub_ms))
      .set("damage", std::move(damage));
  return value;
}

Value topic_value(const TopicDescription& topic) {
  Value partitions = Value::array();
  Value damage = Value::array();
  for (const PartitionDescription& partition : topic.partitions) {
    partitions.push(partition_value(partition));
    for (const Value& range : partitions.items().back().at("damage").items()) {
      damage.push(Value::object()
                      .set("partition", partition.partition)
                      .set("kind", range.at("kind"))
                      .set("begin", range.at("begin"))
                      .set("end", range.at("end"))
                      .set("accepted", range.at("accepted")));
    }
  }
  Value config = Value::object();
  Value changed = Value::object();
  for (const ConfigEntry& entry : topic.config) {
    config.set(entry.name, entry.value);
    if (!entry.is_default) changed.set(entry.name, entry.value);
  }
  Value value = Value::object();
  value.set("name", topic.name)
      .set("id", topic.id)
      .set("replication", topic.replication_factor)
      .set("internal", topic.internal)
      .set("dead_letters_of", topic.dead_letters_of.empty() ? Value() : Value(topic.dead_letters_of))
      .set("partitions", std::move(partitions))
      .set("damage", std::move(damage))
      .set("config", std::move(config))
      .set("config_changed", std::move(changed));
  return value;
}

View describe_view(bool every_config) {
  using In = Column::In;
  View view;
  view.repeat = View::Repeat::kForEachItem;
  view.sections.push_back({"", "", {{"name", "name"}, {"id", "id"}, {"replication", "replication"}}});
  view.sections.push_back({"partitions",
                           "partitions",
                           {{"PARTITION", "partition"},
                            {"LEADER", "leader"},
                            {"TERM", "term"},
                            {"REPLICAS", "replicas"},
                            {"LOG START", "log_start"},
                            {"LOG END", "log_end"},
                            {"SIZE", "bytes", Show::kBytes},
                            {"STATE", "state"},
                            {"OLDEST GOES", "oldest_leaves_at"},
                            {"SEGMENTS", "segments", Show::kPlain, In::kWide},
                            {"OLDEST", "oldest_append_time", Show::kPlain, In::kWide},
                            {"LAST SCRUB", "last_full_scrub", Show::kPlain, In::kWide}}});
  view.sections.push_back({"damage",
                           "damage",
                           {{"PARTITION", "partition"},
                            {"KIND", "kind"},
                            {"BEGIN", "begin"},
                            {"END", "end"},
                            {"ACCEPTED", "accepted"}}});
  view.sections.push_back(every_config ? Section{"config", "config", {}}
                                       : Section{"config_changed", "config that is not the default", {}});
  return view;
}

struct ListOptions {
  std::vector<std::string> names;
  std::optional<std::string> pattern;
  bool internal = false;
};

ExitCode run_list(Session& session, const ListOptions& options) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  auto topics = (*admin)->list_topics(options.internal ? Admin::Internal::kShow : Admin::Internal::kHide);
  if (!topics) return session.fail(topics.error());
  std::optional<std::regex> pattern;
  if (options.pattern) {
    try {
      pattern.emplace(*options.pattern, std::regex::extended);
    } catch (const std::regex_error& error) {
      return session.fail(ExitCode::kUsage, "--regex: '" + *options.pattern + "': " + error.what());
    }
  }
  ItemOutcomes outcomes;
  for (const std::string& name : options.names) {
    const bool known =
        std::any_of(topics->begin(), topics->end(), [&](const auto& t) { return t.name == name; });
    if (known) {
      outcomes.succeeded();
    } else {
      outcomes.failed(session.fail_item(name, Error{ErrorCode::kUnknownTopic, "no such topic"}));
    }
  }
  Value rows = Value::array();
  for (const TopicSummary& topic : *topics) {
    if (pattern && !std::regex_match(topic.name, *pattern)) continue;
    if (!options.names.empty() &&
        std::find(options.names.begin(), options.names.end(), topic.name) == options.names.end()) {
      continue;
    }
    rows.push(
        Value::object()
            .set("name", topic.name)
            .set("id", topic.id)
            .set("partitions", topic.partitions)
            .set("replication", topic.replication_factor)
            .set("bytes", topic.disk_bytes)
            .set("internal", topic.internal)
            .set("dead_letters_of", topic.dead_letters_of.empty() ? Value() : Value(topic.dead_letters_of)));
  }
  const bool empty = rows.items().empty();
  if (empty && session.is_text()) {
    if (outcomes.exit_code() == ExitCode::kOk) session.note("no topics; make one: forebay topic create NAME");
    return outcomes.exit_code();
  }
  session.print(rows, {{{"",
                         "",
                         {{"NAME", "name"},
                          {"PARTITIONS", "partitions"},
                          {"REPLICATION", "replication"},
                          {"SIZE", "bytes", Show::kBytes},
                          {"ID", "id", Show::kPlain, Column::In::kWide},
                          {"INTERNAL", "internal", Show::kPlain, Column::In::kWide}}}},
                       View::Repeat::kNo});
  return outcomes.exit_code();
}

struct DescribeOptions {
  std::vector<std::string> names;
  std::optional<std::string> pattern;
};

ExitCode run_describe(Session& session, const DescribeOptions& options) {
  auto names = choose_topics(session, options.names, options.pattern);
  if (!names) return session.fail(names.error());
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  ItemOutcomes outcomes;
  Value topics = Value::array();
  for (const std::string& name : *names) {
    auto topic = (*admin)->describe_topic(name);
    if (!topic) {
      if (names->size() == 1) return session.fail(topic.error());
      outcomes.failed(session.fail_item(name, topic.error()));
      continue;
    }
    outcomes.succeeded();
    topics.push(topic_value(*topic));
  }
  const bool single = options.names.size() == 1 && !options.pattern;
  const View view = describe_view(session.globals().format == Format::kWide);
  if (single && !session.is_text()) {
    session.print(topics.items().front(), view);
  } else {
    session.print(topics, view);
  }
  return outcomes.exit_code();
}

Command list_command() {
  auto options = std::make_shared<ListOptions>();
  Command command;
  command.noun = "topic";
  command.verb = "list";
  command.summary = "the topics there are";
  command.examples = {{"forebay topic list", ""},
                      {"forebay topic list -r 'orders\\..*' -o json", "those whose whole name matches"}};
  command.positionals = {
      {"TOPIC", "only these", add_text(&options->names), Option::Repeats::kYes, Option::Need::kOptional}};
  command.options = {
      {"-r,--regex", "REGEX", "only topics whose whole name matches", set_text(&options->pattern)},
      {"--internal", "", "show internal topics too", set_flag(&options->internal)}};
  command.json_shape =
      "[{\"name\": text, \"id\": text, \"partitions\": n, \"replication\": n, \"bytes\": n, \"internal\": "
      "bool}]";
  command.run = [options](Session& session) { return run_list(session, *options); };
  return command;
}

Command describe_command() {
  auto options = std::make_shared<DescribeOptions>();
  Command command;
  command.noun = "topic";
  command.verb = "describe";
  command.summary = "partitions and configuration of topics";
  command.examples = {{"forebay topic describe orders", ""},
                      {"forebay topic describe orders -o json", "one object; several topics: an array"},
                      {"forebay topic describe -r '.*' -o wide", "every topic, every configuration key"}};
  command.positionals = {{"TOPIC", "topics to describe", add_text(&options->names), Option::Repeats::kYes,
                          Option::Need::kOptional}};
  command.options = {
      {"-r,--regex", "REGEX", "every topic whose whole name matches", set_text(&options->pattern)}};
  command.json_shape =
      "{\"name\": text, \"id\": text, \"replication\": n, \"internal\": bool,\n"
      " \"partitions\": [{\"partition\": n, \"leader\": node or null, \"term\": n, \"replicas\": [node],\n"
      "                 \"log_start\": n, \"log_end\": n, \"bytes\": n, \"state\": text, \"segments\": n,\n"
      "                 \"oldest_append_time\": time or null, \"oldest_leaves_at\": time or null,\n"
      "                 \"last_full_scrub\": time or null,\n"
      "                 \"damage\": [{\"kind\": \"range\" or \"tail\", \"begin\": n, \"end\": n or null, "
      "\"accepted\": bool}]}],\n"
      " \"damage\": [{\"partition\": n, \"kind\": text, \"begin\": n, \"end\": n or null, \"accepted\": "
      "bool}],\n"
      " \"config\": {key: text}, \"config_changed\": {key: text}}\n"
      "of one TOPIC; with several, or with -r: an array of them";
  command.notes =
      "log_end is the offset that the next record will have. bytes are those of the segments and their "
      "indexes: "
      "what\n"
      "is so far only in the shard's journal is not among them. oldest_leaves_at says when retention by time "
      "takes\n"
      "the oldest record.";
  command.run = [options](Session& session) { return run_describe(session, *options); };
  return command;
}

}  // namespace

Result<std::vector<std::string>> choose_topics(Session& session, const std::vector<std::string>& names,
                                               const std::optional<std::string>& pattern) {
  if (!pattern) {
    if (names.empty()) return Error{ErrorCode::kInvalidArgument, "name a topic, or give -r REGEX"};
    return names;
  }
  if (!names.empty()) return Error{ErrorCode::kInvalidArgument, "give names or -r REGEX, not both"};
  std::regex expression;
  try {
    expression.assign(*pattern, std::regex::extended);
  } catch (const std::regex_error& error) {
    return Error{ErrorCode::kInvalidArgument, "--regex: '" + *pattern + "': " + error.what()};
  }
  FOREBAY_TRY(Admin * admin, session.admin());
  FOREBAY_TRY(const auto topics, admin->list_topics());
  std::vector<std::string> chosen;
  for (const TopicSummary& topic : topics) {
    if (std::regex_match(topic.name, expression)) chosen.push_back(topic.name);
  }
  return chosen;
}

void add_topic_commands(std::vector<Command>& commands) {
  commands.push_back(list_command());
  commands.push_back(describe_command());
}

}  // namespace forebay::cli
