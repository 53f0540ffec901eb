#include "cli/cluster_health.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>

#include "config/units.h"

namespace forebay::cli {
namespace {

constexpr const char* kLostNode = "docs/operations.md, \"A node is lost\"";
// One that is installed is no single copy yet: there is nowhere to put another.
constexpr std::size_t kSingleCopyNodesMin = 2;

std::string node_name(std::uint32_t id) { return "node " + std::to_string(id); }

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string node_names(const std::vector<std::uint32_t>& ids) {
  std::string text = ids.size() == 1 ? "node" : "nodes";
  for (std::size_t i = 0; i < ids.size(); ++i) text += (i == 0 ? " " : ", ") + std::to_string(ids[i]);
  return text;
}

// --- nodes

void check_node(const ClusterNode& node, std::vector<ClusterProblem>& problems) {
  const std::string where = node_name(node.id);
  const auto add = [&](std::string what, std::string fix, std::optional<std::int64_t> since = {}) {
    problems.push_back({std::move(what), where, since, std::move(fix)});
  };
  if (!node.registered && node.decommission == "removed") {
    if (node.alive)
      add("removed from the cluster, and still runs", "stop forebayd there; its data is not needed");
    return;
  }
  // Down is what a node may be that leaves for good.
  if (!node.alive && !node.decommission.empty()) return;
  if (!node.registered) {
    return add(node.alive ? "not registered: it runs and is no member of the cluster yet"
                          : "not registered: it stands in cluster.nodes and has not come",
               "start forebayd there with node.id=" + std::to_string(node.id) +
                   " and the same cluster.nodes; its log and its /readyz say what it waits for");
  }
  if (node.disk_given_up) {
    return add(
        node.alive ? "refused: its disk is given up" : "node down, and its disk is given up",
        "start forebayd there with an empty data directory; when the node is lost for good: forebay node "
        "decommission " +
            std::to_string(node.id),
        node.away_since_ms);
  }
  if (!node.alive) {
    return add("node down: no node can reach it",
               "start it again: forebayd with its own data directory; when it is lost for good: "
               "forebay node decommission " +
                   std::to_string(node.id),
               node.away_since_ms);
  }
  if (!node.not_reached_by.empty()) {
    add("no link to it from " + node_names(node.not_reached_by),
        "check the network between them: peers dial " + node.peer_address);
  }
  if (!node.details) {
    return add("its API does not answer at " + node.api_address,
               "forebay doctor --server " + node.api_address + ", and the node's log");
  }
  const NodeDescription& details = *node.details;
  if (details.disk_available_bytes < details.disk_reserve_bytes * kDiskLowReserves) {
    const bool refused = details.disk_available_bytes < details.disk_reserve_bytes;
    add("disk low: " + config::format_bytes(details.disk_available_bytes) + " free, the reserve is " +
            config::format_bytes(details.disk_reserve_bytes) +
            (refused ? ": produce is refused" : ": produce is refused below it"),
        "forebay topic trim, a shorter retention.ms, or a larger disk for " + details.data_dir,
        details.disk_low_since_ms);
  }
  if (node.clock_apart_ms && std::llabs(*node.clock_apart_ms) > kClockApartMaxMs) {
    add("clock apart: " + std::to_string(std::llabs(*node.clock_apart_ms)) + " ms " +
            (*node.clock_apart_ms > 0 ? "ahead of" : "behind") + " the asked node",
        "let NTP (chrony, systemd-timesyncd) set the clocks of both");
  }
}

void check_versions(const ClusterDescription& cluster, std::vector<ClusterProblem>& problems) {
  std::map<std::string, std::vector<std::uint32_t>> nodes;
  for (const ClusterNode& node : cluster.nodes) {
    if (!node.registered || !node.alive) continue;
    const std::string& version = node.details ? node.details->version : node.version;
    if (!version.empty()) nodes[version].push_back(node.id);
  }
  if (nodes.size() < 2) return;
  std::vector<std::string> parts;
  for (const auto& [version, ids] : nodes) parts.push_back(version + " on " + node_names(ids));
  problems.push_back({"versions differ: " + join(parts), "cluster", std::nullopt,
                      "finish the upgrade: restart the nodes one by one with the same version"});
}

// --- partitions

struct Finding {
  std::string what;
  std::optional<std::int64_t> since_ms;
  std::string fix;
};

bool counts(const ReplicaStatus& replica) {
  return replica.role != "learner" && replica.state != "being removed";
}

void earlier(std::optional<std::int64_t>& since, const std::optional<std::int64_t>& other) {
  if (other && (!since || *other < *since)) since = other;
}

Finding without_leader(const PartitionReplicas& partition) {
  std::vector<std::uint32_t> unreachable;
  std::size_t voters = 0;
  for (const ReplicaStatus& replica : partition.replicas) {
    if (!counts(replica)) continue;
    ++voters;
    if (replica.state == "unreachable" || replica.state == "failed") unreachable.push_back(replica.node);
  }
  const std::size_t majority = voters / 2 + 1;
  if (voters - unreachable.size() < majority) {
    return {"no leader, and no majority to choose one: " + std::to_string(unreachable.size()) + " of " +
                std::to_string(voters) + " replicas cannot be reached (" + node_names(unreachable) +
                "); nothing is produced or consumed",
            partition.leaderless_since_ms,
            "bring back " + node_names(unreachable) + " with the data; " + kLostNode};
  }
  return {"no leader: nothing is produced or consumed", partition.leaderless_since_ms,
          "an election takes a moment; when it stays so: the logs of the nodes with replicas"};
}

struct MissingCopies {
  std::vector<std::uint32_t> nodes;
  bool being_made = false;
};

// Where a copy is to be and is not, because that disk is given up. A move in which another replica keeps its
// place until the copy is made is no loss.
MissingCopies missing_copies(const PartitionReplicas& partition) {
  const MoveStatus& move = partition.move;
  MissingCopies missing{.nodes = {}, .being_made = move.moving || move.rebuilding};
  if (partition.internal) return missing;
  if (missing.being_made && partition.replicas.size() >= move.target.size()) return missing;
  for (const std::uint32_t id : move.target) {
    if (std::none_of(partition.replicas.begin(), partition.replicas.end(),
                     [id](const ReplicaStatus& one) { return one.node == id; }))
      missing.nodes.push_back(id);
  }
  return missing;
}

std::vector<Finding> replica_findings(const PartitionReplicas& partition,
                                      const std::set<std::uint32_t>& decommissioned) {
  std::vector<Finding> findings;
  std::vector<std::string> lacking;
  std::optional<std::int64_t> since;
  std::string fix = "none is needed while it catches up: forebay partition list " + partition.topic;
  std::size_t wanted = 0;
  const bool moves = std::any_of(partition.replicas.begin(), partition.replicas.end(),
                                 [](const ReplicaStatus& one) { return one.state == "being removed"; });
  for (const ReplicaStatus& replica : partition.replicas) {
    const std::string name = node_name(replica.node);
    // Who is added in the place of another one is a move, not a loss.
    if (replica.state == "being removed" || (replica.state == "being added" && moves)) continue;
    ++wanted;
    if (replica.state == "failed") {
      findings.push_back({"the replica on " + name + " failed" +
                              (replica.problem.empty() ? std::string() : ": " + replica.problem),
                          replica.since_ms, "repair the disk of " + name + " and restart it; see its log"});
    } else if (replica.state == "damaged") {
      findings.push_back(
          {"the replica on " + name + " is damaged: part of its data is lost", replica.since_ms,
           "forebay health --server with the address of " + name + " says what and what to do"});
    }
    if (replica.state == "in sync" || replica.state == "unknown") continue;
    lacking.push_back(name + " " + replica.state);
    earlier(since, replica.since_ms);
    if (replica.state != "unreachable") continue;
    fix = decommissioned.contains(replica.node)
              ? "none is needed while its copies are made elsewhere: forebay node decommission " +
                    std::to_string(replica.node)
              : "bring " + name + " back; it catches up by itself";
  }
  const MissingCopies missing = missing_copies(partition);
  for (const std::uint32_t id : missing.nodes) {
    ++wanted;
    lacking.push_back(node_name(id) + " has none");
    if (missing.being_made) continue;
    fix = "start " + node_name(id) +
          " with an empty data directory, or take it out: forebay node decommission " + std::to_string(id);
  }
  if (!lacking.empty()) {
    findings.push_back({"under-replicated: " + std::to_string(wanted - lacking.size()) + " of " +
                            std::to_string(wanted) + " replicas in sync (" + join(lacking) + ")",
                        since, std::move(fix)});
  }
  return findings;
}

void check_partitions(const ClusterDescription& cluster, const std::vector<PartitionReplicas>& partitions,
                      std::vector<ClusterProblem>& problems) {
  std::set<std::uint32_t> decommissioned;
  for (const ClusterNode& node : cluster.nodes) {
    if (!node.decommission.empty()) decommissioned.insert(node.id);
  }
  struct Alike {
    std::vector<std::int32_t> numbers;
    std::optional<std::int64_t> since_ms;
  };
  // By topic, what and fix; in that order they are told.
  std::map<std::tuple<std::string, std::string, std::string>, Alike> alike;
  for (const PartitionReplicas& partition : partitions) {
    std::vector<Finding> findings;
    if (partition.leader == 0) {
      findings.push_back(without_leader(partition));
    } else {
      findings = replica_findings(partition, decommissioned);
    }
    for (const Finding& finding : findings) {
      Alike& same = alike[{partition.topic, finding.what, finding.fix}];
      same.numbers.push_back(partition.partition);
      earlier(same.since_ms, finding.since_ms);
    }
  }
  for (const auto& [key, same] : alike) {
    const auto& [topic, what, fix] = key;
    problems.push_back({what, topic + '/' + number_ranges(same.numbers), same.since_ms, fix});
  }
}

void check_copies(const ClusterDescription& cluster, const std::vector<PartitionReplicas>& partitions,
                  std::vector<ClusterProblem>& problems) {
  const auto members = std::count_if(cluster.nodes.begin(), cluster.nodes.end(),
                                     [](const ClusterNode& node) { return node.registered; });
  if (static_cast<std::size_t>(members) < kSingleCopyNodesMin) return;
  std::set<std::string> topics;
  for (const PartitionReplicas& partition : partitions) {
    // Of more that it is to have, those that are missing are told already.
    if (!partition.internal && partition.replicas.size() == 1 && partition.move.target.size() <= 1)
      topics.insert(partition.topic);
  }
  for (const std::string& topic : topics) {
    problems.push_back({"single copy: when its node is lost, its records are lost",
                        "topic " + topic,
                        {},
                        "forebay topic alter " + topic + " --replication 3, or accept it"});
  }
}

}  // namespace

std::string number_ranges(const std::vector<std::int32_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    if (!text.empty()) text += ',';
    text += std::to_string(numbers[i]);
    if (last > i) text += (last == i + 1 ? "," : "-") + std::to_string(numbers[last]);
    i = last + 1;
  }
  return text;
}

std::vector<ClusterProblem> cluster_problems(const ClusterDescription& cluster,
                                             const std::vector<PartitionReplicas>& partitions) {
  std::vector<ClusterProblem> problems;
  for (const ClusterNode& node : cluster.nodes) check_node(node, problems);
  check_versions(cluster, problems);
  check_partitions(cluster, partitions, problems);
  check_copies(cluster, partitions, problems);
  return problems;
}

}  // namespace forebay::cli
