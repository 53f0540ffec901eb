// partition list.
#include <algorithm>
#include <memory>

#include "base/result.h"
#include "cli/session.h"
#include "cli/time_text.h"
#include "cli/verbs/verbs.h"

namespace forebay::cli {
namespace {

struct ListOptions {
  std::vector<std::string> topics;
  bool internal = false;
};

Value optional_time(const std::optional<std::int64_t>& ms) { return ms ? Value(iso_ms(*ms)) : Value(); }
Value optional_text(const std::string& text) { return text.empty() ? Value() : Value(text); }
Value node_or_null(std::uint32_t id) { return id == 0 ? Value() : Value(id); }

Value rates_value(const std::optional<TrafficRates>& rates) {
  if (!rates) return Value();
  return Value::object()
      .set("in_records", rates->in_records)
      .set("in_bytes", rates->in_bytes)
      .set("out_bytes", rates->out_bytes);
}

Value replica_value(const ReplicaStatus& replica) {
  return Value::object()
      .set("node", replica.node)
      .set("role", replica.role)
      .set("flushed", Value(replica.flushed))
      .set("lag_records", Value(replica.lag_records))
      .set("state", replica.state)
      .set("since", optional_time(replica.since_ms))
      .set("problem", optional_text(replica.problem));
}

Value partition_value(const PartitionReplicas& partition) {
  Value replicas = Value::array();
  for (const ReplicaStatus& replica : partition.replicas) replicas.push(replica_value(replica));
  return Value::object()
      .set("topic", partition.topic)
      .set("partition", partition.partition)
      .set("leader", node_or_null(partition.leader))
      .set("term", partition.term)
      .set("replicas", std::move(replicas))
      .set("waits_for", optional_text(partition.waits_for))
      .set("leaderless_since", optional_time(partition.leaderless_since_ms))
      .set("rates", rates_value(partition.rates));
}

// For people: a line for each partition, with those replicas named that are not well.
Value text_row(const PartitionReplicas& partition) {
  std::string nodes, in_sync, state;
  std::optional<std::uint64_t> lag;
  for (const ReplicaStatus& replica : partition.replicas) {
    const std::string node = std::to_string(replica.node);
    nodes += (nodes.empty() ? "" : ",") + node;
    if (replica.lag_records) lag = std::max(lag.value_or(0), *replica.lag_records);
    if (replica.state == "in sync") {
      in_sync += (in_sync.empty() ? "" : ",") + node;
    } else {
      state += (state.empty() ? "" : ", ") + ("node " + node + " " + replica.state);
    }
  }
  if (partition.leader == 0) state = state.empty() ? "no leader" : "no leader; " + state;
  if (!partition.waits_for.empty())
    state += (state.empty() ? "" : "; ") + ("waits for " + partition.waits_for);
  return Value::object()
      .set("topic", partition.topic)
      .set("partition", partition.partition)
      .set("leader", node_or_null(partition.leader))
      .set("term", partition.term)
      .set("replicas", nodes)
      .set("in_sync", optional_text(in_sync))
      .set("lag", Value(lag))
      .set("in", partition.rates ? Value(static_cast<std::uint64_t>(partition.rates->in_bytes)) : Value())
      .set("out", partition.rates ? Value(static_cast<std::uint64_t>(partition.rates->out_bytes)) : Value())
      .set("state", state.empty() ? "in sync" : state);
}

// And a line for each replica.
void add_wide_rows(const PartitionReplicas& partition, Value& rows) {
  for (const ReplicaStatus& replica : partition.replicas) {
    Value row = Value::object();
    row.set("topic", partition.topic)
        .set("partition", partition.partition)
        .set("leader", node_or_null(partition.leader))
        .set("term", partition.term);
    const Value said = replica_value(replica);
    for (const auto& [name, value] : said.members()) row.set(name, value);
    rows.push(std::move(row));
  }
}

View text_view() {
  return {{{"",
            "",
            {{"TOPIC", "topic"},
             {"PARTITION", "partition"},
             {"LEADER", "leader"},
             {"TERM", "term"},
             {"REPLICAS", "replicas"},
             {"IN SYNC", "in_sync"},
             {"LAG", "lag"},
             {"IN/S", "in", Show::kBytes},
             {"OUT/S", "out", Show::kBytes},
             {"STATE", "state"}}}},
          View::Repeat::kNo};
}

View wide_view() {
  return {{{"",
            "",
            {{"TOPIC", "topic"},
             {"PARTITION", "partition"},
             {"LEADER", "leader"},
             {"TERM", "term"},
             {"NODE", "node"},
             {"ROLE", "role"},
             {"FLUSHED", "flushed"},
             {"LAG", "lag_records"},
             {"STATE", "state"},
             {"SINCE", "since"},
             {"PROBLEM", "problem"}}}},
          View::Repeat::kNo};
}

ExitCode run_list(Session& session, const ListOptions& options) {
  if (options.topics.size() == 1) session.about(options.topics.front());
  auto admin = session.admin();
  if (!admin) return session.fail(admin.error());
  const auto partitions = (*admin)->list_partitions(
      options.topics, options.internal ? Admin::Internal::kShow : Admin::Internal::kHide);
  if (!partitions) return session.fail(partitions.error());
  Value rows = Value::array();
  const Format format = session.globals().format;
  for (const PartitionReplicas& partition : *partitions) {
    if (format == Format::kWide) {
      add_wide_rows(partition, rows);
    } else {
      rows.push(format == Format::kText ? text_row(partition) : partition_value(partition));
    }
  }
  if (rows.items().empty() && session.is_text()) {
    session.note("no topics; make one: forebay topic create NAME");
    return ExitCode::kOk;
  }
  session.print(rows, format == Format::kWide ? wide_view() : text_view());
  return ExitCode::kOk;
}

}  // namespace

void add_partition_commands(std::vector<Command>& commands) {
  auto options = std::make_shared<ListOptions>();
  Command list;
  list.noun = "partition";
  list.verb = "list";
  list.summary = "where the replicas of partitions are, who leads, and how far each is";
  list.examples = {{"forebay partition list", ""},
                   {"forebay partition list orders -o wide", "a line for each replica"},
                   {"forebay partition list orders -o json", ""}};
  list.positionals = {{"TOPIC", "only of these topics", add_text(&options->topics), Option::Repeats::kYes,
                       Option::Need::kOptional}};
  list.options = {{"--internal", "", "internal topics too", set_flag(&options->internal)}};
  list.json_shape =
      "[{\"topic\": text, \"partition\": n, \"leader\": node or null, \"term\": n,\n"
      "  \"replicas\": [{\"node\": n, \"role\": \"leader\", \"follower\" or \"learner\", \"flushed\": n or "
      "null,\n"
      "                \"lag_records\": n or null, \"state\": text, \"since\": time or null, \"problem\": "
      "text or null}],\n"
      "  \"waits_for\": text or null, \"leaderless_since\": time or null,\n"
      "  \"rates\": {\"in_records\": n, \"in_bytes\": n, \"out_bytes\": n} or null}]";
  list.notes =
      "Each partition as its leader sees it. Records below flushed are on that replica's disk; lag_records "
      "is how "
      "many\n"
      "it lacks of the leader's log. state: in sync, catching up, installing (it lacked what the leader has "
      "trimmed,\n"
      "and begins anew where the leader's log does), unreachable, failed, damaged, being added, being "
      "removed, "
      "or\n"
      "unknown, when there is no leader who could tell. waits_for says what holds up a change of replicas.\n"
      "rates: a second, as the leader has measured over the last few.";
  list.run = [options](Session& session) { return run_list(session, *options); };
  commands.push_back(std::move(list));
}

}  // namespace forebay::cli
