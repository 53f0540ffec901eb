// partition status, move, cancel, rebuild, transfer-leader: where replicas are to be.
#include <algorithm>
#include <charconv>
#include <memory>
#include <thread>

#include "base/result.h"
#include "cli/count_text.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "config/units.h"

namespace forebay::cli {
namespace {

constexpr const char* kDryRunHelp = "check and show, change nothing";
// The leader gives up after a second; an election may come in between.
constexpr std::chrono::seconds kTransferWait{5};
constexpr std::chrono::milliseconds kTransferPoll{100};

struct PartitionOptions {
  std::string topic;
  std::optional<std::int32_t> partition;
  std::vector<std::uint32_t> nodes;
  bool dry_run = false;

  [[nodiscard]] Validate validation() const { return dry_run ? Validate::kOnly : Validate::kAndApply; }
  [[nodiscard]] std::string name() const { return topic + '/' + std::to_string(partition.value_or(0)); }
};

std::string joined(const std::vector<std::uint32_t>& nodes) {
  std::string text;
  for (const std::uint32_t node : nodes) text += (text.empty() ? "" : ",") + std::to_string(node);
  return text;
}

Value nodes_value(const std::vector<std::uint32_t>& nodes) {
  Value list = Value::array();
  for (const std::uint32_t node : nodes) list.push(Value(node));
  return list;
}

Value optional_text(const std::string& text) { return text.empty() ? Value() : Value(text); }

// "1,2,3" or a single number; each occurrence replaces what was given before.
Apply set_nodes(std::vector<std::uint32_t>* target) {
  return [target](const std::string& text) -> Result<void> {
    target->clear();
    for (std::size_t begin = 0; begin <= text.size();) {
      const std::size_t end = std::min(text.find(',', begin), text.size());
      std::uint32_t node = 0;
      const auto parsed = std::from_chars(text.data() + begin, text.data() + end, node);
      if (begin == end || parsed.ec != std::errc() || parsed.ptr != text.data() + end || node == 0) {
        return Error{ErrorCode::kInvalidArgument,
                     "'" + text + "' is no list of nodes; expected numbers with commas, as in 1,2,3"};
      }
      target->push_back(node);
      begin = end + 1;
    }
    return {};
  };
}

Result<PartitionReplicas> find(Admin& admin, const PartitionOptions& options) {
  FOREBAY_TRY(auto partitions, admin.list_partitions({options.topic}));
  for (PartitionReplicas& one : partitions) {
    if (one.partition == *options.partition) return std::move(one);
  }
  return Error{ErrorCode::kUnknownPartition,
               "topic '" + options.topic + "' has partitions 0 to " + std::to_string(partitions.size() - 1) +
                   "; there is no partition " + std::to_string(*options.partition)};
}

// --- status

std::uint64_t bytes_left(const PartitionReplicas& partition) {
  std::uint64_t bytes = 0;
  for (const ReplicaStatus& replica : partition.replicas) {
    if (replica.state == "being added") bytes += replica.lag_bytes.value_or(0);
  }
  return bytes;
}

bool is_unfinished(const PartitionReplicas& partition) {
  return partition.move.moving || partition.move.queued || !partition.move.leaving.empty();
}

std::string state_of(const PartitionReplicas& partition) {
  const MoveStatus& move = partition.move;
  if (move.rebuilding) return "dropping the copy on node " + std::to_string(*move.rebuilding);
  if (move.moving)
    return move.previous.empty() && move.epoch > 0 ? "on its way, not to be cancelled" : "on its way";
  if (move.queued) return "waits for its turn";
  return move.leaving.empty() ? "settled" : "removing copies";
}

std::string waits_for(const PartitionReplicas& partition) {
  if (!partition.waits_for.empty()) return partition.waits_for;
  if (partition.move.moving && partition.leader == 0) return "a leader that can be reached";
  if (!partition.move.moving && partition.move.queued)
    return "room among the moves under way (forebay cluster describe -o wide)";
  if (!partition.move.moving && !partition.move.leaving.empty())
    return "node " + joined(partition.move.leaving) + " to remove its copy";
  return {};
}

Value status_value(const PartitionReplicas& partition) {
  const MoveStatus& move = partition.move;
  return Value::object()
      .set("topic", partition.topic)
      .set("partition", partition.partition)
      .set("state", state_of(partition))
      .set("target", nodes_value(move.target))
      .set("previous", nodes_value(move.previous))
      .set("leaving", nodes_value(move.leaving))
      .set("change", move.epoch)
      .set("bytes_left", bytes_left(partition))
      .set("waits_for", optional_text(waits_for(partition)));
}

Value status_row(const PartitionReplicas& partition) {
  return Value::object()
      .set("topic", partition.topic)
      .set("partition", partition.partition)
      .set("state", state_of(partition))
      .set("target", joined(partition.move.target))
      .set("from", optional_text(joined(partition.move.previous)))
      .set("left", config::format_bytes(bytes_left(partition)))
      .set("waits_for", optional_text(waits_for(partition)));
}

View status_view() {
  return {{{"",
            "",
            {{"TOPIC", "topic"},
             {"PARTITION", "partition"},
             {"STATE", "state"},
             {"TARGET", "target"},
             {"FROM", "from"},
             {"LEFT", "left"},
             {"WAITS FOR", "waits_for"}}}},
          View::Repeat::kNo};
}

struct StatusOptions {
  std::vector<std::string> topics;
  bool all = false;
};

ExitCode run_status(Session& session, const StatusOptions& options) {
  if (options.topics.size() == 1) session.about(options.topics.front());
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto partitions = (*admin)->list_partitions(options.topics);
  if (!partitions) return session.fail(partitions.error());
  Value rows = Value::array();
  for (const PartitionReplicas& partition : *partitions) {
    if (options.all || is_unfinished(partition))
      rows.push(session.is_text() ? status_row(partition) : status_value(partition));
  }
  if (rows.items().empty() && session.is_text()) {
    session.note("no partition is on its way; all of them: forebay partition status --all");
    return ExitCode::kOk;
  }
  session.print(rows, status_view());
  return ExitCode::kOk;
}

// --- what was decided

ExitCode tell(Session& session, const PartitionOptions& options, const DecidedMoves& decided) {
  for (const std::string& warning : decided.warnings) session.warn(warning);
  Value targets = Value::array();
  for (const PartitionTarget& target : decided.targets) {
    targets.push(Value::object()
                     .set("partition", target.partition)
                     .set("change", target.epoch)
                     .set("from", nodes_value(target.from))
                     .set("to", nodes_value(target.to))
                     .set("rebuild", target.rebuild ? Value(*target.rebuild) : Value()));
    if (!session.is_text()) continue;
    const std::string verb = options.dry_run ? " would go from nodes " : " goes from nodes ";
    const std::string what = target.rebuild ? (options.dry_run ? " would make" : " makes") +
                                                  std::string(" the copy on node ") +
                                                  std::to_string(*target.rebuild) + " anew"
                                            : verb + joined(target.from) + " to nodes " + joined(target.to);
    session.note(options.topic + '/' + std::to_string(target.partition) + what +
                 (options.dry_run ? "" : "; how far it is: forebay partition status " + options.topic));
  }
  if (session.is_text()) {
    if (decided.targets.empty()) session.note(options.name() + " is there already; nothing to do");
    return ExitCode::kOk;
  }
  Value warnings = Value::array();
  for (const std::string& warning : decided.warnings) warnings.push(Value(warning));
  session.print(Value::object()
                    .set("topic", options.topic)
                    .set("dry_run", options.dry_run)
                    .set("targets", std::move(targets))
                    .set("warnings", std::move(warnings)),
                {});
  return ExitCode::kOk;
}

ExitCode run_move(Session& session, const PartitionOptions& options) {
  session.about(options.topic);
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto decided = (*admin)->move_partition({options.topic, *options.partition, std::nullopt},
                                                options.nodes, options.validation());
  if (!decided) return session.fail(decided.error());
  return tell(session, options, *decided);
}

// The move that is cancelled is the one that is there now, and no later one.
ExitCode run_cancel(Session& session, const PartitionOptions& options) {
  session.about(options.topic);
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto now = find(**admin, options);
  if (!now) return session.fail(now.error());
  const auto decided =
      (*admin)->cancel_move({options.topic, *options.partition, now->move.epoch}, options.validation());
  if (!decided) return session.fail(decided.error());
  return tell(session, options, *decided);
}

// --- rebuild

ExitCode run_rebuild(Session& session, const PartitionOptions& options) {
  session.about(options.topic);
  if (options.nodes.size() != 1) return session.fail(ExitCode::kUsage, "--node: one node");
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto now = find(**admin, options);
  if (!now) return session.fail(now.error());
  const Admin::MoveSubject subject{options.topic, *options.partition, now->move.epoch};
  auto decided = (*admin)->rebuild_replica(subject, options.nodes.front(), Validate::kOnly);
  if (!decided) return session.fail(decided.error());
  if (!options.dry_run) {
    if (const auto refused = session.confirm("Drop the copy of " + options.name() + " on node " +
                                             joined(options.nodes) + " and make it anew from the others?"))
      return *refused;
    decided = (*admin)->rebuild_replica(subject, options.nodes.front(), Validate::kAndApply);
    if (!decided) return session.fail(decided.error());
  }
  return tell(session, options, *decided);
}

// --- transfer-leader

// First in the target, so that leadership is not given back a little later.
Result<void> prefer(Admin& admin, const PartitionReplicas& now, std::uint32_t node, Validate validate) {
  std::vector<std::uint32_t> order = now.move.target;
  const auto at = std::find(order.begin(), order.end(), node);
  if (at == order.end()) {
    return Error{ErrorCode::kFailedPrecondition, "node " + std::to_string(node) +
                                                     " has no copy; it is on nodes " + joined(order) +
                                                     "; move it there first: forebay partition move"};
  }
  if (at == order.begin()) return {};
  std::rotate(order.begin(), at, at + 1);
  FOREBAY_CHECK(admin.move_partition({now.topic, now.partition, now.move.epoch}, order, validate));
  return {};
}

Result<bool> is_led_by(Admin& admin, const PartitionOptions& options, std::uint32_t node) {
  FOREBAY_TRY(const auto now, find(admin, options));
  return now.leader == node;
}

ExitCode run_transfer(Session& session, const PartitionOptions& options) {
  session.about(options.topic);
  if (options.nodes.size() != 1) return session.fail(ExitCode::kUsage, "--to: one node");
  const std::uint32_t to = options.nodes.front();
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto now = find(**admin, options);
  if (!now) return session.fail(now.error());
  if (auto preferred = prefer(**admin, *now, to, options.validation()); !preferred)
    return session.fail(preferred.error());
  bool led = now->leader == to;
  if (!led && !options.dry_run) {
    if (auto begun = (*admin)->transfer_leader(options.topic, *options.partition, to); !begun)
      return session.fail(begun.error());
    const auto end = std::chrono::steady_clock::now() + kTransferWait;
    while (!led && std::chrono::steady_clock::now() < end) {
      const auto led_now = is_led_by(**admin, options, to);
      if (!led_now) return session.fail(led_now.error());
      led = *led_now;
      if (!led) std::this_thread::sleep_for(kTransferPoll);
    }
    if (!led) {
      return session.fail(
          {ErrorCode::kTimedOut, "node " + std::to_string(to) + " does not lead " + options.name() +
                                     " yet; it is preferred from now on, and leads as soon as "
                                     "it has everything"});
    }
  }
  if (session.is_text()) {
    session.note((options.dry_run ? "node " + std::to_string(to) + " would lead "
                                  : "node " + std::to_string(to) + " leads ") +
                 options.name());
  } else {
    session.print(Value::object()
                      .set("topic", options.topic)
                      .set("partition", *options.partition)
                      .set("from", now->leader == 0 ? Value() : Value(now->leader))
                      .set("to", to)
                      .set("dry_run", options.dry_run),
                  {});
  }
  return ExitCode::kOk;
}

// --- commands

Command status_command() {
  auto options = std::make_shared<StatusOptions>();
  Command command;
  command.noun = "partition";
  command.verb = "status";
  command.summary = "partitions on their way to other nodes, what is left, and what they wait for";
  command.examples = {{"forebay partition status", ""},
                      {"forebay partition status orders --all -o json", ""}};
  command.positionals = {{"TOPIC", "only of these topics", add_text(&options->topics), Option::Repeats::kYes,
                          Option::Need::kOptional}};
  command.options = {{"--all", "", "also those that are where they are to be", set_flag(&options->all)}};
  command.json_shape =
      "[{\"topic\": text, \"partition\": n, \"state\": text, \"target\": [node], \"previous\": [node], "
      "\"leaving\": [node],\n"
      "  \"change\": n, \"bytes_left\": n, \"waits_for\": text or null}]";
  command.notes =
      "New copies learn first; they vote, and others leave, when they have what the leader has. A copy that "
      "left is\n"
      "removed when its node has the leader's word that a committed membership excludes it: a node that is "
      "down does so\n"
      "when it is back. bytes_left is what new copies lack, about.";
  command.run = [options](Session& session) { return run_status(session, *options); };
  return command;
}

std::vector<Positional> subject_positionals(const std::shared_ptr<PartitionOptions>& options) {
  return {{"TOPIC", "the topic", set_text(&options->topic)},
          {"PARTITION", "the number of the partition", set_partition(&options->partition),
           Option::Repeats::kNo, Option::Need::kRequired, Completes::kNothing}};
}

const char* const kDecidedShape =
    "{\"topic\": text, \"dry_run\": bool,\n"
    " \"targets\": [{\"partition\": n, \"change\": n, \"from\": [node], \"to\": [node], \"rebuild\": node or "
    "null}],\n"
    " \"warnings\": [text]}";

using Run = ExitCode (*)(Session&, const PartitionOptions&);

Command subject_command(std::string verb, std::string summary,
                        const std::shared_ptr<PartitionOptions>& options, Run run) {
  Command command;
  command.noun = "partition";
  command.verb = std::move(verb);
  command.summary = std::move(summary);
  command.positionals = subject_positionals(options);
  command.options = {{"--dry-run", "", kDryRunHelp, set_flag(&options->dry_run)}};
  command.json_shape = kDecidedShape;
  command.run = [options, run](Session& session) { return run(session, *options); };
  return command;
}

Command move_command() {
  auto options = std::make_shared<PartitionOptions>();
  Command command =
      subject_command("move", "put the replicas of a partition on other nodes", options, run_move);
  command.examples = {{"forebay partition move orders 3 --to 1,2,4", "node 1 is to lead it"},
                      {"forebay partition move orders 3 --to 1,2,4 --dry-run", "would it be taken?"}};
  command.options.push_back({"--to", "NODES",
                             "as many nodes as there are replicas, the one that is to lead first",
                             set_nodes(&options->nodes), Option::Repeats::kNo, Option::Need::kRequired});
  command.notes =
      "Answers when it is decided. Producers and consumers go on meanwhile; leadership moves once, if its "
      "node "
      "leaves.";
  return command;
}

Command cancel_command() {
  auto options = std::make_shared<PartitionOptions>();
  Command command =
      subject_command("cancel", "take a partition back to where it was before its move", options, run_cancel);
  command.examples = {{"forebay partition cancel orders 3", ""}};
  command.notes = "Refused when the move is done: then move it back.";
  return command;
}

Command rebuild_command() {
  auto options = std::make_shared<PartitionOptions>();
  Command command = subject_command("rebuild", "drop one copy and make it anew from the others; asks first",
                                    options, run_rebuild);
  command.examples = {{"forebay partition rebuild orders 3 --node 2 --yes", ""}};
  command.options.push_back({"--node", "N", "whose copy", set_nodes(&options->nodes), Option::Repeats::kNo,
                             Option::Need::kRequired});
  command.notes =
      "Refused while fewer than a majority of the other copies are in sync. Until it is done the partition "
      "has "
      "one\n"
      "copy less.";
  return command;
}

Command transfer_command() {
  auto options = std::make_shared<PartitionOptions>();
  Command command =
      subject_command("transfer-leader", "let another replica lead a partition", options, run_transfer);
  command.examples = {{"forebay partition transfer-leader orders 3 --to 2", ""}};
  command.options.push_back({"--to", "N", "who is to lead", set_nodes(&options->nodes), Option::Repeats::kNo,
                             Option::Need::kRequired});
  command.json_shape =
      "{\"topic\": text, \"partition\": n, \"from\": node or null, \"to\": node, \"dry_run\": bool}";
  command.notes = "That node is preferred from then on. Producers wait for a moment, and lose nothing.";
  return command;
}

}  // namespace

void add_partition_move_commands(std::vector<Command>& commands) {
  commands.push_back(status_command());
  commands.push_back(move_command());
  commands.push_back(cancel_command());
  commands.push_back(rebuild_command());
  commands.push_back(transfer_command());
}

}  // namespace forebay::cli
