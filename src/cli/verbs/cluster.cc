// cluster describe, cluster health.
#include <memory>
#include <thread>

#include "base/result.h"
#include "cli/cluster_health.h"
#include "cli/session.h"
#include "cli/time_text.h"
#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

constexpr std::chrono::milliseconds kAskAgainAfter{200};

Value optional_time(const std::optional<std::int64_t>& ms) { return ms ? Value(iso_ms(*ms)) : Value(); }

// --- describe

std::string state_of(const ClusterNode& node) {
  if (!node.registered && node.decommission == "removed")
    return node.alive ? "removed, still runs" : "removed";
  if (!node.registered) return node.alive ? "not registered" : "not registered, not there";
  if (!node.decommission.empty())
    return (node.alive ? "decommissioned, " : "down, decommissioned, ") + node.decommission;
  if (node.disk_given_up) return node.alive ? "refused, its disk is given up" : "down, its disk is given up";
  if (!node.alive) return node.drained ? "down, drained" : "down";
  if (!node.not_reached_by.empty()) return "alive, not reached by all";
  return node.drained ? "alive, drained" : "alive";
}

Value details_value(const NodeDescription& node) {
  Value warnings = Value::array();
  for (const std::string& warning : node.warnings) warnings.push(warning);
  return Value::object()
      .set("data_dir", node.data_dir)
      .set("uptime_ms", node.uptime_ms)
      .set("boot_epoch", node.boot_epoch)
      .set("disk", Value::object()
                       .set("total_bytes", node.disk_total_bytes)
                       .set("available_bytes", node.disk_available_bytes)
                       .set("reserve_bytes", node.disk_reserve_bytes)
                       .set("low_since", optional_time(node.disk_low_since_ms))
                       .set("journal_bytes", node.journal_bytes))
      .set("memory", Value::object()
                         .set("resident_bytes", node.memory_bytes)
                         .set("limit_bytes", node.memory_limit_bytes))
      .set("warnings", std::move(warnings));
}

Value node_value(const ClusterNode& node) {
  Value not_reached_by = Value::array();
  for (const std::uint32_t id : node.not_reached_by) not_reached_by.push(id);
  return Value::object()
      .set("id", node.id)
      .set("state", state_of(node))
      .set("alive", node.alive)
      .set("away_since", optional_time(node.away_since_ms))
      .set("registered", node.registered)
      .set("drained", node.drained)
      .set("decommission", node.decommission.empty() ? Value() : Value(node.decommission))
      .set("waits_for", node.waits_for.empty() ? Value() : Value(node.waits_for))
      .set("disk_given_up", node.disk_given_up)
      .set("controller", node.controller)
      .set("replicas", node.replicas)
      .set("leaders", node.leaders)
      .set("api_address", node.api_address)
      .set("peer_address", node.peer_address)
      .set("http_address", node.http_address)
      .set("rack", node.rack)
      .set("version", node.version)
      .set("shards", node.shards)
      .set("disk_id", node.disk_id)
      .set("not_reached_by", std::move(not_reached_by))
      .set("clock_apart_ms", Value(node.clock_apart_ms))
      .set("details", node.details ? details_value(*node.details) : Value());
}

ExitCode run_describe(Session& session) {
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto cluster = (*admin)->describe_cluster();
  if (!cluster) return session.fail(cluster.error());
  Value nodes = Value::array();
  Value controller;
  for (const ClusterNode& node : cluster->nodes) {
    nodes.push(node_value(node));
    if (node.controller) controller = node.id;
  }
  const Value value = Value::object()
                          .set("cluster_id", cluster->cluster_id)
                          .set("controller", std::move(controller))
                          .set("answered_by", cluster->answered_by)
                          .set("nodes", std::move(nodes));
  using In = Column::In;
  session.print(value, {{{"", "", {{"cluster", "cluster_id"}, {"controller", "controller"}}},
                         {"nodes",
                          "nodes",
                          {{"NODE", "id"},
                           {"STATE", "state"},
                           {"AWAY SINCE", "away_since"},
                           {"API", "api_address"},
                           {"REPLICAS", "replicas"},
                           {"LEADERS", "leaders"},
                           {"DISK FREE", "details.disk.available_bytes", Show::kBytes},
                           {"MEMORY", "details.memory.resident_bytes", Show::kBytes},
                           {"UP FOR", "details.uptime_ms", Show::kDurationMs},
                           {"VERSION", "version"},
                           {"WAITS FOR", "waits_for", Show::kPlain, In::kWide},
                           {"PEERS", "peer_address", Show::kPlain, In::kWide},
                           {"HTTP", "http_address", Show::kPlain, In::kWide},
                           {"RACK", "rack", Show::kPlain, In::kWide},
                           {"SHARDS", "shards", Show::kPlain, In::kWide},
                           {"CLOCK APART MS", "clock_apart_ms", Show::kPlain, In::kWide},
                           {"DISK ID", "disk_id", Show::kPlain, In::kWide}}}},
                        View::Repeat::kNo});
  return ExitCode::kOk;
}

// --- health

std::vector<ClusterProblem> examine(Session& session) {
  const auto admin = session.admin();
  const auto cluster = admin ? (*admin)->describe_cluster() : Result<ClusterDescription>(admin.error());
  if (!cluster) {
    std::string servers;
    for (const std::string& server : session.globals().servers)
      servers += (servers.empty() ? "" : ",") + server;
    return {{"the cluster cannot be asked: " + cluster.error().to_string(), servers, std::nullopt,
             "is forebayd running there? forebay doctor --server " + servers}};
  }
  const auto partitions = (*admin)->list_partitions({}, Admin::Internal::kShow);
  std::vector<ClusterProblem> problems =
      cluster_problems(*cluster, partitions ? *partitions : std::vector<PartitionReplicas>());
  if (!partitions) {
    problems.push_back({"partitions cannot be listed: " + partitions.error().to_string(), "cluster",
                        std::nullopt, "forebay doctor"});
  }
  return problems;
}

ExitCode run_health(Session& session, const std::optional<std::chrono::milliseconds>& wait) {
  const auto deadline = std::chrono::steady_clock::now() + wait.value_or(std::chrono::milliseconds(0));
  std::vector<ClusterProblem> problems = examine(session);
  while (!problems.empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kAskAgainAfter);
    problems = examine(session);
  }
  Value rows = Value::array();
  for (const ClusterProblem& problem : problems) {
    rows.push(Value::object()
                  .set("what", problem.what)
                  .set("where", problem.where)
                  .set("since", optional_time(problem.since_ms))
                  .set("fix", problem.fix));
  }
  const Value value = Value::object().set("healthy", problems.empty()).set("problems", std::move(rows));
  if (session.is_text()) {
    session.out().write(problems.empty() ? "healthy\n" : "not healthy\n");
    if (!problems.empty()) {
      session.print(
          value,
          {{{"problems", "", {{"WHERE", "where"}, {"WHAT", "what"}, {"SINCE", "since"}, {"FIX", "fix"}}}},
           View::Repeat::kNo});
    }
  } else {
    session.print(value, {});
  }
  return problems.empty() ? ExitCode::kOk : ExitCode::kFailure;
}

}  // namespace

void add_cluster_commands(std::vector<Command>& commands) {
  Command describe;
  describe.noun = "cluster";
  describe.verb = "describe";
  describe.summary = "the nodes of the cluster: who is there, since when not, and what they hold";
  describe.examples = {{"forebay cluster describe", ""},
                       {"forebay cluster describe -o wide", "racks, clocks, peer addresses too"},
                       {"forebay cluster describe --server 10.0.0.7:7400,10.0.0.8:7400 -o json", ""}};
  describe.json_shape =
      "{\"cluster_id\": text, \"controller\": node or null, \"answered_by\": node,\n"
      " \"nodes\": [{\"id\": n, \"state\": text, \"alive\": bool, \"away_since\": time or null, "
      "\"registered\": bool,\n"
      "            \"drained\": bool, \"decommission\": text or null, \"waits_for\": text or null,\n"
      "            \"disk_given_up\": bool, \"controller\": bool, \"replicas\": n, \"leaders\": n, "
      "\"api_address\": text,\n"
      "            \"peer_address\": text, \"http_address\": text, \"rack\": text, \"version\": text, "
      "\"shards\": n,\n"
      "            \"disk_id\": text, \"not_reached_by\": [node], \"clock_apart_ms\": n or null,\n"
      "            \"details\": null or {\"data_dir\": text, \"uptime_ms\": n, \"boot_epoch\": n,\n"
      "              \"disk\": {\"total_bytes\": n, \"available_bytes\": n, \"reserve_bytes\": n,\n"
      "                       \"low_since\": time or null, \"journal_bytes\": n},\n"
      "              \"memory\": {\"resident_bytes\": n, \"limit_bytes\": n}, \"warnings\": [text]}}]}";
  describe.notes =
      "The first node of --server that answers asks all others that it can reach. A node is alive when some "
      "node can\n"
      "reach it; away_since is when it was heard last. details are what a node says of itself: null when it "
      "cannot be\n"
      "asked.";
  describe.run = [](Session& session) { return run_describe(session); };
  commands.push_back(std::move(describe));

  auto wait = std::make_shared<std::optional<std::chrono::milliseconds>>();
  Command health;
  health.noun = "cluster";
  health.verb = "health";
  health.summary = "is the whole cluster well? exit 1 and the reasons when it is not";
  health.examples = {{"forebay cluster health", ""},
                     {"forebay cluster health --wait 60s", "after a restart: until everything has caught up"},
                     {"forebay cluster health -o json", ""}};
  health.options = {{"--wait", "DURATION", "ask again until healthy, at most this long",
                     set_duration(wait.get(), std::chrono::seconds(1))}};
  health.json_shape =
      "{\"healthy\": bool,\n"
      " \"problems\": [{\"what\": text, \"where\": text, \"since\": time or null, \"fix\": text}]}";
  health.notes =
      "Nodes that are down, not registered, not reached by others, low on disk, with another clock or "
      "version;\n"
      "partitions without leader, with replicas that lack something, failed or are damaged; topics with a "
      "single "
      "copy.\n"
      "since is null where no node knows when it began. What one node has to say of itself: forebay health.";
  health.run = [wait](Session& session) { return run_health(session, *wait); };
  commands.push_back(std::move(health));
}

}  // namespace forebay::cli
