// partition recover-without-majority: decide that most voters of a partition are gone for ever.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "base/result.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

struct RecoverOptions {
  RecoverySpec spec;
  std::optional<std::int32_t> partition;
  bool dry_run = false;
};

std::string user_and_host() {
  constexpr std::size_t kHostBytesMax = 256;
  std::string host(kHostBytesMax, '\0');
  if (::gethostname(host.data(), host.size() - 1) != 0) host = "?";
  const char* user = std::getenv("SUDO_USER");
  if (user == nullptr) user = std::getenv("USER");
  return std::string(user != nullptr ? user : std::to_string(::getuid())) + " on " + host.c_str();
}

std::string nodes_text(const std::vector<std::uint32_t>& nodes) {
  std::string text = nodes.size() == 1 ? "node " : "nodes ";
  for (std::size_t i = 0; i < nodes.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(nodes[i]);
  return text;
}

std::vector<std::uint32_t> lost_nodes(const RecoveryLoss& loss) {
  std::vector<std::uint32_t> nodes;
  for (const RecoveryLoss::Voter& voter : loss.lost) nodes.push_back(voter.node);
  return nodes;
}

std::vector<std::string> meaning(const RecoverySpec& spec, const RecoveryLoss& loss) {
  const std::string end = std::to_string(loss.end_offset);
  const std::string lost = nodes_text(lost_nodes(loss));
  std::vector<std::string> lines;
  lines.push_back("node " + std::to_string(spec.node) + " has what was written below offset " + end +
                  ", and knows that it was acknowledged below " + std::to_string(loss.committed_offset));
  if (spec.topic == "__cluster") {
    lines.push_back(
        "decisions that only " + lost +
        " had are lost, nobody knows how many: topics that were created, altered or deleted, nodes "
        "that came");
  } else {
    lines.push_back(
        "what " + lost + " acknowledged at offset " + end +
        " and behind it is lost, nobody knows how much; those offsets are given out a second time: "
        "set consumers that had read past " +
        end + " back to it");
  }
  lines.push_back("the data directories that " + lost +
                  " had are refused from then on, also if they turn up again: keep them for what they may "
                  "hold, and start those "
                  "nodes with empty ones");
  return lines;
}

// Of those that are left, where their logs end: the longest one should count. Best effort; the votes decide.
std::vector<std::string> ends_of_others(Admin& admin, const RecoverySpec& spec, const RecoveryLoss& loss) {
  std::vector<std::string> lines;
  const auto partitions = admin.list_partitions({spec.topic}, Admin::Internal::kShow);
  if (!partitions || loss.left.size() < 2) return lines;
  for (const PartitionReplicas& partition : *partitions) {
    if (partition.partition != spec.partition) continue;
    for (const ReplicaStatus& replica : partition.replicas) {
      const bool left = std::find(loss.left.begin(), loss.left.end(), replica.node) != loss.left.end();
      if (!left || replica.node == spec.node || !replica.flushed) continue;
      lines.push_back("node " + std::to_string(replica.node) +
                      ", which is left too, has what was written below "
                      "offset " +
                      std::to_string(*replica.flushed));
    }
  }
  return lines;
}

void print(Session& session, const RecoverOptions& options, const RecoveryLoss& loss, bool recovered) {
  Value lost = Value::array();
  for (const RecoveryLoss::Voter& voter : loss.lost)
    lost.push(Value::object().set("node", voter.node).set("disk_id", voter.disk_id));
  Value left = Value::array();
  for (const std::uint32_t node : loss.left) left.push(node);
  Value lines = Value::array();
  for (const std::string& line : meaning(options.spec, loss)) lines.push(line);
  session.print(Value::object()
                    .set("topic", options.spec.topic)
                    .set("partition", options.spec.partition)
                    .set("node", options.spec.node)
                    .set("dry_run", options.dry_run)
                    .set("recovered", recovered)
                    .set("end", loss.end_offset)
                    .set("committed", loss.committed_offset)
                    .set("lost", std::move(lost))
                    .set("left", std::move(left))
                    .set("what", std::move(lines)),
                {});
}

ExitCode run_recover(Session& session, RecoverOptions options) {
  session.about(options.spec.topic);
  options.spec.partition = options.partition.value_or(0);
  options.spec.by = user_and_host();
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto loss = (*admin)->recovery_loss(options.spec);
  if (!loss) return session.fail(loss.error());
  if (session.is_text()) {
    for (const std::string& line : meaning(options.spec, *loss)) session.warn(line);
    for (const std::string& line : ends_of_others(**admin, options.spec, *loss)) session.warn(line);
  }
  if (options.dry_run) {
    if (!session.is_text()) print(session, options, *loss, false);
    return ExitCode::kOk;
  }
  options.spec.lost = lost_nodes(*loss);
  if (const auto refused = session.confirm("Are the data directories of " + nodes_text(options.spec.lost) +
                                           " gone for ever, and is " + options.spec.topic + "/" +
                                           std::to_string(options.spec.partition) + " to go on from node " +
                                           std::to_string(options.spec.node) + "?")) {
    return *refused;
  }
  const auto done = (*admin)->recover_partition(options.spec);
  if (!done) return session.fail(done.error());
  if (session.is_text()) {
    session.note("it goes on; audit.log of node " + std::to_string(options.spec.node) + " has it");
  } else {
    print(session, options, *done, true);
  }
  return ExitCode::kOk;
}

}  // namespace

void add_partition_recover_command(std::vector<Command>& commands) {
  auto options = std::make_shared<RecoverOptions>();
  Command command;
  command.noun = "partition";
  command.verb = "recover-without-majority";
  command.summary = "go on from one replica when most of a partition's voters are gone for ever; asks first";
  command.examples = {
      {"forebay partition recover-without-majority __cluster --node 1 --dry-run", "what would be lost"},
      {"forebay partition recover-without-majority __cluster --node 1", "the metadata first"},
      {"forebay partition recover-without-majority orders --partition 3 --node 1", ""}};
  command.positionals = {{"TOPIC", "the partition's topic", set_text(&options->spec.topic)}};
  command.options = {
      {"-p,--partition", "P", "the partition; 0 when not given", set_partition(&options->partition)},
      {"--node", "NODE", "whose replica counts from then on", set_count_from_one(&options->spec.node),
       Option::Repeats::kNo, Option::Need::kRequired},
      {"--dry-run", "", "only say what would be lost", set_flag(&options->dry_run)}};
  command.notes =
      "Refused while a majority can be reached, and until it has been away for 10 s. The node becomes the "
      "only "
      "voter,\n"
      "with the others that are left, each of which has to agree: one that has more is to be named instead. "
      "What "
      "is\n"
      "lost is lost for ever; bringing back one of the lost nodes with its data is always the better way. "
      "docs/operations.md,\n"
      "\"Most nodes are lost\".";
  command.json_shape =
      "{\"topic\": text, \"partition\": n, \"node\": n, \"dry_run\": bool, \"recovered\": bool, \"end\": n, "
      "\"committed\": n,\n"
      " \"lost\": [{\"node\": n, \"disk_id\": text}], \"left\": [node], \"what\": [text]}";
  command.run = [options](Session& session) { return run_recover(session, *options); };
  commands.push_back(std::move(command));
}

}  // namespace forebay::cli
