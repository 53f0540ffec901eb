// group list, describe, members, lag, create, delete: consumer groups.
#include <chrono>
#include <cmath>
#include <memory>

#include "base/result.h"
#include "cli/offsets.h"
#include "cli/session.h"
#include "cli/time_text.h"
#include "cli/verbs/delete_each.h"
#include "cli/verbs/group_start.h"
#include "cli/verbs/verbs.h"
#include "cli/wall_clock.h"
#include "config/units.h"

namespace forebay::cli {
namespace {

constexpr const char* kMemberShape =
    "{\"id\": text, \"epoch\": n, \"instance\": text or null, \"client\": text, \"host\": text, \"rack\": "
    "text,\n"
    " \"connected\": bool, \"topics\": [text], \"pattern\": text or null,\n"
    " \"owned\": [partition], \"giving_up\": [partition], \"waits_for\": [partition]}; partition: "
    "\"topic/n\"";

Value names_of(const std::vector<TopicPartition>& partitions) {
  Value names = Value::array();
  for (const TopicPartition& one : partitions) names.push(one.to_string());
  return names;
}

Value text_or_null(const std::string& text) { return text.empty() ? Value() : Value(text); }

std::string start_text(const StartRule& rule) {
  if (rule.point == StartRule::Point::kAtTime) return "@" + iso_ms(rule.time_ms);
  return rule.to_string();
}
Value start_of(const StartRule& rule) { return start_text(rule); }

Value summary_of(const GroupSummary& group) {
  return Value::object()
      .set("group", group.group)
      .set("state", group.state)
      .set("members", group.members)
      .set("start", start_of(group.start));
}

Value member_of(const GroupMember& member) {
  Value topics = Value::array();
  for (const std::string& topic : member.topics) topics.push(topic);
  return Value::object()
      .set("id", member.id)
      .set("epoch", member.epoch)
      .set("instance", text_or_null(member.instance_id))
      .set("client", member.client_id)
      .set("host", member.host)
      .set("rack", member.rack)
      .set("connected", member.connected)
      .set("topics", std::move(topics))
      .set("pattern", text_or_null(member.pattern))
      .set("owned", names_of(member.owned))
      .set("giving_up", names_of(member.giving_up))
      .set("waits_for", names_of(member.waits_for));
}

Value stalled_of(const std::vector<StalledPartition>& partitions) {
  Value rows = Value::array();
  for (const StalledPartition& one : partitions) {
    rows.push(Value::object()
                  .set("topic", one.partition.topic)
                  .set("partition", one.partition.partition)
                  .set("cause", one.cause)
                  .set("seconds", one.seconds));
  }
  return rows;
}

// How many, and the first ones: "3: orders/0 orders/2 ...".
std::string partitions_text(const std::vector<TopicPartition>& partitions) {
  constexpr std::size_t kNamed = 4;
  std::string text = std::to_string(partitions.size());
  for (std::size_t i = 0; i < partitions.size() && i < kNamed; ++i)
    text += (i == 0 ? ": " : " ") + partitions[i].to_string();
  return text + (partitions.size() > kNamed ? " ..." : "");
}

// What a table shows of one.
Value member_row(const GroupMember& member) {
  return member_of(member)
      .set("has", partitions_text(member.owned))
      .set("gives", member.giving_up.size())
      .set("waits", member.waits_for.size());
}

const std::vector<Column> kMemberColumns{{"MEMBER", "id"},
                                         {"CLIENT", "client"},
                                         {"HOST", "host"},
                                         {"CONNECTED", "connected"},
                                         {"OWNS", "has"},
                                         {"GIVES UP", "gives"},
                                         {"WAITS FOR", "waits"},
                                         {"EPOCH", "epoch", Show::kPlain, Column::In::kWide},
                                         {"INSTANCE", "instance", Show::kPlain, Column::In::kWide},
                                         {"RACK", "rack", Show::kPlain, Column::In::kWide}};

ExitCode run_list(Session& session) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto list = (*admin)->list_groups();
  if (!list) return session.fail(list.error());
  Value rows = Value::array();
  for (const GroupSummary& group : list->groups) rows.push(summary_of(group));
  if (session.is_text() && list->groups.empty()) {
    session.note("there is no consumer group");
  } else {
    session.print(
        rows,
        {{{"", "", {{"GROUP", "group"}, {"STATE", "state"}, {"MEMBERS", "members"}, {"START", "start"}}}},
         View::Repeat::kNo});
  }
  if (!list->incomplete) return ExitCode::kOk;
  Error why = *list->incomplete;
  why.context = "not all groups are listed: " + why.context;
  return session.fail(why);
}

ExitCode run_describe(Session& session, const std::string& group) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto found = (*admin)->describe_group(group);
  if (!found) return session.fail(found.error());
  Value members = Value::array();
  for (const GroupMember& member : found->members)
    members.push(session.is_text() ? member_row(member) : member_of(member));
  Value offsets = Value::array();
  for (const GroupOffset& one : found->offsets) {
    offsets.push(Value::object()
                     .set("topic", one.partition.topic)
                     .set("partition", one.partition.partition)
                     .set("committed", one.offset)
                     .set("metadata", one.metadata)
                     .set("time", one.offset ? Value(iso_ms(one.commit_time_ms)) : Value()));
  }
  Value shown = summary_of(found->summary);
  shown.set("assignor", found->assignor)
      .set("epoch", found->epoch)
      .set("coordinator", text_or_null(found->coordinator))
      .set("member_list", std::move(members))
      .set("offsets", std::move(offsets))
      .set("unowned", names_of(found->unowned))
      .set("stalled", stalled_of(found->stalled));
  session.print(
      shown,
      {{{"",
         "",
         {{"group", "group"},
          {"state", "state"},
          {"members", "members"},
          {"start", "start"},
          {"assignor", "assignor"},
          {"epoch", "epoch"},
          {"coordinator", "coordinator"}}},
        {"member_list", "members", kMemberColumns},
        {"offsets",
         "offsets",
         {{"TOPIC", "topic"},
          {"PARTITION", "partition"},
          {"COMMITTED", "committed"},
          {"TIME", "time"},
          {"METADATA", "metadata", Show::kPlain, Column::In::kWide}}},
        {"stalled",
         "stands still",
         {{"TOPIC", "topic"}, {"PARTITION", "partition"}, {"SECONDS", "seconds"}, {"CAUSE", "cause"}}}},
       View::Repeat::kNo});
  if (!found->unowned.empty())
    session.warn(std::to_string(found->unowned.size()) + " partitions have no owner now, first " +
                 found->unowned.front().to_string());
  return ExitCode::kOk;
}

ExitCode run_members(Session& session, const std::string& group) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto found = (*admin)->describe_group(group);
  if (!found) return session.fail(found.error());
  if (session.is_text() && found->members.empty()) {
    session.note("group " + group + " has no members");
    return ExitCode::kOk;
  }
  Value rows = Value::array();
  for (const GroupMember& member : found->members)
    rows.push(session.is_text() ? member_row(member) : member_of(member));
  session.print(rows, {{{"", "", kMemberColumns}}, View::Repeat::kNo});
  return ExitCode::kOk;
}

// For people, without the digits that an estimate does not have.
std::string about(double seconds) {
  return config::format_duration(std::chrono::seconds(static_cast<std::int64_t>(std::ceil(seconds))));
}

ExitCode run_lag(Session& session, const std::string& group) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto lag = (*admin)->group_lag(group);
  if (!lag) return session.fail(lag.error());
  Value rows = Value::array();
  ItemOutcomes outcomes;
  for (const PartitionLag& one : lag->partitions) {
    // No number would be true.
    if (one.error) {
      outcomes.failed(session.fail_item(one.partition.to_string(), *one.error));
      continue;
    }
    outcomes.succeeded();
    if (!one.stalled.empty()) session.warn(one.partition.to_string() + " stands still: " + one.stalled);
    Value row = Value::object()
                    .set("topic", one.partition.topic)
                    .set("partition", one.partition.partition)
                    .set("committed", one.committed)
                    .set("end", one.end)
                    .set("lag_records", one.lag_records)
                    .set("lag_bytes", one.lag_bytes)
                    .set("lag_seconds", one.lag_seconds)
                    .set("member", one.member);
    if (session.is_text() && one.lag_seconds)
      row.set("late_ms", static_cast<std::int64_t>(*one.lag_seconds * 1'000));
    rows.push(std::move(row));
  }
  Value shown = Value::object()
                    .set("group", lag->group)
                    .set("state", lag->state)
                    .set("partitions", std::move(rows))
                    .set("catch_up_seconds", lag->catch_up_seconds);
  session.print(shown, {{{"partitions",
                          "",
                          {{"TOPIC", "topic"},
                           {"PARTITION", "partition"},
                           {"COMMITTED", "committed"},
                           {"END", "end"},
                           {"LAG", "lag_records", Show::kCount},
                           {"BYTES", "lag_bytes", Show::kBytes},
                           {"LATE BY", "late_ms", Show::kDurationMs},
                           {"MEMBER", "member"}}}},
                        View::Repeat::kNo});
  if (session.is_text() && lag->catch_up_seconds.value_or(0) > 0)
    session.note("at the present pace the group has read all in about " + about(*lag->catch_up_seconds));
  return outcomes.exit_code();
}

struct CreateOptions {
  std::string group;
  std::optional<std::string> offsets;
};

// Without a word about its start; what it has then is asked for.
Result<MadeGroup> make_any(Session& session, const std::string& group) {
  FOREBAY_TRY(Admin * admin, session.admin());
  FOREBAY_TRY(const bool created, admin->create_group(group));
  FOREBAY_TRY(const GroupDescription found, admin->describe_group(group));
  return MadeGroup{created, found.summary.start};
}

ExitCode run_create(Session& session, const CreateOptions& options) {
  Result<MadeGroup> made;
  if (options.offsets) {
    const auto rule = parse_start_rule(*options.offsets, now_ms());
    if (!rule) return session.fail(ExitCode::kUsage, "--offsets: " + rule.error().context);
    made = make_group(session, options.group, *options.offsets, *rule);
  } else {
    made = make_any(session, options.group);
  }
  if (!made) return session.fail(made.error());
  if (session.is_text()) {
    session.note(made->created ? "created group " + options.group
                               : "group " + options.group + " is there already, with start rule " +
                                     start_text(made->start));
    return ExitCode::kOk;
  }
  session.print(Value::object()
                    .set("group", options.group)
                    .set("status", made->created ? "created" : "exists")
                    .set("start", start_of(made->start)),
                {});
  return ExitCode::kOk;
}

// A deletion is refused while there are members; a dry run looks whether it would be.
Result<void> delete_or_look(Admin& admin, const std::string& name, Validate validate) {
  if (validate == Validate::kAndApply) return admin.delete_group(name);
  FOREBAY_TRY(const GroupDescription found, admin.describe_group(name));
  if (found.members.empty()) return {};
  return Error{
      ErrorCode::kFailedPrecondition,
      "group '" + name + "' has " + std::to_string(found.members.size()) + " members; stop them first"};
}

ExitCode run_delete(Session& session, const DeleteOptions& options) {
  const std::string what = options.names.size() == 1 ? "group " + options.names.front()
                                                     : std::to_string(options.names.size()) + " groups";
  return delete_each(session, options, "group", "Delete " + what + " with all committed offsets?",
                     &delete_or_look);
}

Command one_group(std::string verb, std::string summary, std::string json_shape,
                  ExitCode (*run)(Session&, const std::string&)) {
  auto group = std::make_shared<std::string>();
  Command command;
  command.noun = "group";
  command.verb = std::move(verb);
  command.summary = std::move(summary);
  command.examples = {{"forebay group " + command.verb + " billing", ""},
                      {"forebay group " + command.verb + " billing -o json", ""}};
  command.positionals = {{"GROUP", "name of the group", set_text(group.get()), Option::Repeats::kNo,
                          Option::Need::kRequired, Completes::kNothing}};
  command.json_shape = std::move(json_shape);
  command.run = [group, run](Session& session) { return run(session, *group); };
  return command;
}

Command list_command() {
  Command command;
  command.noun = "group";
  command.verb = "list";
  command.summary = "the consumer groups";
  command.examples = {{"forebay group list", ""}, {"forebay group list -o json", ""}};
  command.json_shape =
      "[{\"group\": text, \"state\": \"empty\" or \"assigning\" or \"stable\", \"members\": n, "
      "\"start\": text}]";
  command.run = [](Session& session) { return run_list(session); };
  return command;
}

Command lag_command() {
  Command command = one_group("lag", "how far a group is behind, partition by partition",
                              "{\"group\": text, \"state\": text, \"partitions\": [\n"
                              "  {\"topic\": text, \"partition\": n, \"committed\": n or null, \"end\": n, "
                              "\"lag_records\": n, \"lag_bytes\": n,\n"
                              "   \"lag_seconds\": n or null, \"member\": text or null}],\n"
                              " \"catch_up_seconds\": n or null}",
                              &run_lag);
  command.notes =
      "The leader of each partition measures all of it at one moment. Before the first commit the lag counts "
      "from where\n"
      "the group's start rule leads. Seconds: since the event time of the first record that is not read; 0 "
      "when all is read.\n"
      "A partition that stands still although there is something to read is named, with the cause.\n"
      "Catch-up: until all is read, if the group and those who write go on as in the last minute or so; 0 "
      "when "
      "all is read.\n"
      "No number: it does not catch up, some of it is read by nobody, or the coordinator has not seen it for "
      "long enough.";
  return command;
}

Command create_command() {
  auto options = std::make_shared<CreateOptions>();
  Command command;
  command.noun = "group";
  command.verb = "create";
  command.summary = "make a group before its first member does";
  command.examples = {{"forebay group create billing", ""},
                      {"forebay group create billing --offsets end", "what is there now is not read"},
                      {"forebay group create billing --offsets fail", "nothing is read before a reset"}};
  command.positionals = {{"GROUP", "1 to 249 of a-z A-Z 0-9 . _ -", set_text(&options->group),
                          Option::Repeats::kNo, Option::Need::kRequired, Completes::kNothing}};
  command.options = {
      {"--offsets", "RULE",
       "where it begins what it has committed nothing of: start, end, @TIME or fail (default start, "
       "or what the group has)",
       set_text(&options->offsets)}};
  command.json_shape = "{\"group\": text, \"status\": \"created\" or \"exists\", \"start\": text}";
  command.notes =
      "The rule stays with the group. A group that is there with another one is refused; but @1h, or another "
      "time that is\n"
      "counted from now, takes the time that the group has.";
  command.run = [options](Session& session) { return run_create(session, *options); };
  return command;
}

Command delete_command() {
  auto options = std::make_shared<DeleteOptions>();
  Command command;
  command.noun = "group";
  command.verb = "delete";
  command.summary = "delete groups without members, with all that they have committed; asks first";
  command.examples = {{"forebay group delete billing", ""},
                      {"forebay group delete billing --dry-run", "would it be refused?"},
                      {"forebay group delete billing audit --yes", "in a script"}};
  command.positionals = {{"GROUP", "groups to delete", add_text(&options->names), Option::Repeats::kYes,
                          Option::Need::kRequired, Completes::kNothing}};
  command.options = {{"--dry-run", "", "check and show, change nothing", set_flag(&options->dry_run)}};
  command.json_shape = kDeletedShape;
  command.run = [options](Session& session) { return run_delete(session, *options); };
  return command;
}

}  // namespace

Result<StartRule> parse_start_rule(std::string_view text, std::int64_t now) {
  if (text == "fail") return StartRule{StartRule::Point::kFail, 0};
  const auto place = parse_offsets(text, now);
  if (place && place->kind == Offsets::Kind::kStart) return StartRule{StartRule::Point::kEarliest, 0};
  if (place && place->kind == Offsets::Kind::kEnd) return StartRule{StartRule::Point::kLatest, 0};
  if (place && place->kind == Offsets::Kind::kTime) return StartRule{StartRule::Point::kAtTime, place->value};
  return Error{ErrorCode::kInvalidArgument,
               "'" + std::string(text) + "' is not where a group can begin: start, end or @TIME"};
}

bool is_counted_from_now(std::string_view text) {
  const auto now = parse_start_rule(text, 0);
  const auto later = parse_start_rule(text, 1);
  return now && later && *now != *later;
}

Result<MadeGroup> make_group(Session& session, const std::string& group, std::string_view text,
                             const StartRule& rule) {
  FOREBAY_TRY(Admin * admin, session.admin());
  const auto created = admin->create_group(group, rule);
  if (created) return MadeGroup{*created, rule};
  if (created.error().code != ErrorCode::kStartRuleConflict || !is_counted_from_now(text))
    return created.error();
  FOREBAY_TRY(const GroupDescription found, admin->describe_group(group));
  const StartRule& present = found.summary.start;
  if (present.point != StartRule::Point::kAtTime) return created.error();
  session.note("group " + group + " begins at @" + iso_ms(present.time_ms) +
               ", as when it was made: " + std::string(text) + " now does not change that");
  return MadeGroup{false, present};
}

void add_group_commands(std::vector<Command>& commands) {
  commands.push_back(list_command());
  commands.push_back(
      one_group("describe", "a group: its state, members and committed offsets",
                "{\"group\": text, \"state\": text, \"members\": n, \"start\": text, \"assignor\": text, "
                "\"epoch\": n,\n"
                " \"coordinator\": text or null, \"member_list\": [member, as `group members`],\n"
                " \"offsets\": [{\"topic\": text, \"partition\": n, \"committed\": n or null, "
                "\"metadata\": text, \"time\": time or null}],\n"
                " \"unowned\": [\"topic/n\"],\n"
                " \"stalled\": [{\"topic\": text, \"partition\": n, \"cause\": text, \"seconds\": n}]}",
                &run_describe));
  commands.push_back(one_group("members", "who is in a group, and has which partitions",
                               "[" + std::string(kMemberShape) + "]", &run_members));
  commands.push_back(lag_command());
  add_group_reset_command(commands);
  commands.push_back(create_command());
  commands.push_back(delete_command());
}

}  // namespace forebay::cli
