#include "api/cluster_view.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace forebay::api {
namespace {

using broker::ReplicaRole;
using broker::ReplicaState;
using broker::role_name;
using broker::state_name;

template <typename Messages, typename Less>
void sort_by(Messages* messages, Less less) {
  std::sort(messages->begin(), messages->end(), less);
}

// A node of a later version may know others.
ReplicaRole role_of(const std::string& name) {
  for (const ReplicaRole role : {ReplicaRole::kLeader, ReplicaRole::kLearner}) {
    if (name == role_name(role)) return role;
  }
  return ReplicaRole::kFollower;
}

ReplicaState state_of(const std::string& name) {
  using enum ReplicaState;
  for (const ReplicaState state :
       {kInSync, kCatchingUp, kInstalling, kUnreachable, kFailed, kDamaged, kBeingAdded, kBeingRemoved}) {
    if (name == state_name(state)) return state;
  }
  return kUnknown;
}

// Of a node that is not known here at all, as one that only the other node lists, counts what that one says.
v1::ClusterNode& node_of(v1::DescribeClusterResponse& cluster, const v1::ClusterNode& seen) {
  for (v1::ClusterNode& node : *cluster.mutable_nodes()) {
    if (node.id() == seen.id()) return node;
  }
  v1::ClusterNode& node = *cluster.add_nodes();
  node = seen;
  node.clear_not_reached_by();  // added up by whoever asks
  return node;
}

v1::ReplicaStatus& replica_of(v1::PartitionReplicas& partition, std::uint32_t node) {
  for (v1::ReplicaStatus& replica : *partition.mutable_replicas()) {
    if (replica.node() == node) return replica;
  }
  v1::ReplicaStatus& replica = *partition.add_replicas();
  replica.set_node(node);
  replica.set_role(std::string(role_name(ReplicaRole::kFollower)));
  replica.set_state(std::string(state_name(ReplicaState::kUnknown)));
  return replica;
}

// What only the node itself knows of its replica.
bool is_own_trouble(const v1::ReplicaStatus& replica) {
  return replica.state() == state_name(ReplicaState::kFailed) ||
         replica.state() == state_name(ReplicaState::kDamaged);
}

void take_trouble(v1::ReplicaStatus& into, const v1::ReplicaStatus& own) {
  into.set_state(own.state());
  into.set_problem(own.problem());
  if (own.has_since_ms()) {
    into.set_since_ms(own.since_ms());
  } else {
    into.clear_since_ms();
  }
}

// From its leader, at least as new as what is known.
void take_leaders_view(v1::PartitionReplicas& into, const v1::PartitionReplicas& theirs) {
  v1::PartitionReplicas merged = theirs;
  for (const v1::ReplicaStatus& known : into.replicas()) {
    if (is_own_trouble(known)) take_trouble(replica_of(merged, known.node()), known);
  }
  into = std::move(merged);
}

void take_followers_view(v1::PartitionReplicas& into, const v1::PartitionReplicas& theirs,
                         std::uint32_t from) {
  for (const v1::ReplicaStatus& own : theirs.replicas()) {
    if (own.node() != from) continue;
    v1::ReplicaStatus& replica = replica_of(into, from);
    if (!replica.has_flushed() && own.has_flushed()) replica.set_flushed(own.flushed());
    if (is_own_trouble(own)) {
      take_trouble(replica, own);
    } else if (into.leader() == 0) {
      replica.set_role(own.role());
      replica.set_state(own.state());
      replica.clear_since_ms();
    }
  }
  if (theirs.leader() != 0 && theirs.leader() != from &&
      (theirs.term() > into.term() || (into.leader() == 0 && theirs.term() == into.term()))) {
    into.set_leader(theirs.leader());
  }
  into.set_term(std::max(into.term(), theirs.term()));
  if (theirs.has_leaderless_since_ms()) {
    into.set_leaderless_since_ms(into.has_leaderless_since_ms()
                                     ? std::min(into.leaderless_since_ms(), theirs.leaderless_since_ms())
                                     : theirs.leaderless_since_ms());
  }
}

void fill_move(const broker::MoveDescription& from, v1::MoveStatus* to) {
  const auto put = [](const std::vector<model::NodeId>& nodes, auto* list) {
    for (const model::NodeId node : nodes) list->Add(node.value());
  };
  to->set_epoch(from.epoch);
  to->set_moving(from.moving);
  put(from.target, to->mutable_target());
  put(from.previous, to->mutable_previous());
  put(from.leaving, to->mutable_leaving());
  if (from.rebuilding) to->set_rebuilding(from.rebuilding->value());
  to->set_queued(from.queued);
}

}  // namespace

void fill_node(const broker::NodeDescription& from, v1::DescribeNodeResponse* to) {
  to->set_id(from.id.value());
  to->set_version(from.version);
  to->set_cluster_id(from.cluster_id);
  to->set_disk_id(from.disk_id);
  to->set_peer_address(from.peer_address);
  to->set_http_address(from.http_address);
  to->set_data_dir(from.data_dir);
  to->set_uptime_ms(static_cast<std::uint64_t>(from.uptime.count()));
  to->set_shards(from.shards);
  to->set_io_engine(from.io_engine);
  to->set_boot_epoch(from.boot_epoch.value());
  to->set_disk_total_bytes(from.disk_total_bytes);
  to->set_disk_available_bytes(from.disk_available_bytes);
  to->set_disk_reserve_bytes(from.disk_reserve_bytes);
  if (from.disk_low_for) to->set_disk_low_since_ms(from.wall_time.value() - from.disk_low_for->count());
  to->set_journal_bytes(from.journal_bytes);
  to->set_memory_bytes(from.memory_bytes);
  to->set_memory_limit_bytes(from.memory_limit_bytes);
  to->set_move_bytes_per_second(from.move_bytes_per_second);
  to->set_topics(from.topics);
  to->set_partitions(from.partitions);
  to->set_journal_rounds(from.journal_rounds);
  for (const std::string& warning : from.warnings) to->add_warnings(warning);
  to->set_wall_time_ms(from.wall_time.value());
}

void fill_cluster(const broker::ClusterDescription& from, const broker::NodeDescription& self,
                  v1::DescribeClusterResponse* to) {
  to->set_cluster_id(from.cluster_id);
  to->set_answered_by(from.answered_by.value());
  for (const broker::ClusterNode& known : from.nodes) {
    v1::ClusterNode* node = to->add_nodes();
    node->set_id(known.id.value());
    node->set_disk_id(known.disk_id);
    node->set_api_address(known.api_address);
    node->set_peer_address(known.peer_address);
    node->set_http_address(known.http_address);
    node->set_rack(known.rack);
    node->set_version(known.version);
    node->set_shards(known.shards);
    node->set_registered(known.registered);
    node->set_drained(known.drained);
    node->set_decommission(known.decommission);
    node->set_waits_for(known.waits_for);
    node->set_disk_given_up(known.disk_given_up);
    node->set_controller(known.controller);
    node->set_alive(known.alive);
    if (known.away_since) node->set_away_since_ms(known.away_since->value());
    if (!known.alive) node->add_not_reached_by(from.answered_by.value());
    node->set_replicas(known.replicas);
    node->set_leaders(known.leaders);
    if (known.id != from.answered_by) continue;
    fill_node(self, node->mutable_details());
    node->mutable_details()->set_api_address(self.api_advertised.value_or(self.api_address));
    node->set_clock_apart_ms(0);
  }
}

void fill_partitions(const std::vector<broker::PartitionReplicas>& from, v1::ListPartitionsResponse* to) {
  for (const broker::PartitionReplicas& known : from) {
    v1::PartitionReplicas* partition = to->add_partitions();
    partition->set_topic(known.topic);
    partition->set_partition(known.partition.value());
    partition->set_internal(known.internal);
    partition->set_leader(known.leader ? known.leader->value() : 0);
    partition->set_term(known.term.value());
    partition->set_waits_for(known.waits_for);
    fill_move(known.move, partition->mutable_move());
    if (known.rates) {
      partition->mutable_rates()->set_in_records(known.rates->in_records);
      partition->mutable_rates()->set_in_bytes(known.rates->in_bytes);
      partition->mutable_rates()->set_out_bytes(known.rates->out_bytes);
    }
    if (known.leaderless_since) partition->set_leaderless_since_ms(known.leaderless_since->value());
    for (const broker::ReplicaDescription& one : known.replicas) {
      v1::ReplicaStatus* replica = partition->add_replicas();
      replica->set_node(one.node.value());
      replica->set_role(std::string(role_name(one.role)));
      replica->set_state(std::string(state_name(one.state)));
      if (one.flushed) replica->set_flushed(one.flushed->value());
      if (one.lag_records) replica->set_lag_records(*one.lag_records);
      if (one.lag_bytes) replica->set_lag_bytes(*one.lag_bytes);
      if (one.since) replica->set_since_ms(one.since->value());
      replica->set_problem(one.problem);
    }
  }
}

void merge_cluster(v1::DescribeClusterResponse& into, const v1::DescribeClusterResponse& theirs,
                   const AskedAt& asked) {
  // How far a decommission is the controller knows best.
  const bool controls = std::any_of(theirs.nodes().begin(), theirs.nodes().end(), [&](const auto& one) {
    return one.id() == theirs.answered_by() && one.controller();
  });
  for (const v1::ClusterNode& seen : theirs.nodes()) {
    v1::ClusterNode& node = node_of(into, seen);
    if (controls) {
      node.set_decommission(seen.decommission());
      node.set_waits_for(seen.waits_for());
    }
    if (seen.id() == theirs.answered_by()) {
      node.set_alive(true);
      node.set_leaders(seen.leaders());
      *node.mutable_details() = seen.details();
      // It read its clock in between; what lies outside is the difference of the clocks.
      const std::int64_t wall = seen.details().wall_time_ms();
      node.set_clock_apart_ms(std::max<std::int64_t>(0, wall - asked.end.value()) +
                              std::min<std::int64_t>(0, wall - asked.begin.value()));
      continue;
    }
    if (seen.alive()) node.set_alive(true);
    for (const std::uint32_t by : seen.not_reached_by()) node.add_not_reached_by(by);
    if (seen.has_away_since_ms())
      node.set_away_since_ms(
          std::max(node.has_away_since_ms() ? node.away_since_ms() : INT64_MIN, seen.away_since_ms()));
  }
}

void finish_cluster(v1::DescribeClusterResponse& cluster) {
  for (v1::ClusterNode& node : *cluster.mutable_nodes()) {
    if (node.alive()) {
      node.clear_away_since_ms();
      sort_by(node.mutable_not_reached_by(), std::less<>());
    } else {
      node.clear_not_reached_by();  // nobody reaches it
      node.set_leaders(0);
    }
  }
  sort_by(cluster.mutable_nodes(), [](const auto& a, const auto& b) { return a.id() < b.id(); });
}

void merge_partitions(v1::ListPartitionsResponse& into, const v1::ListPartitionsResponse& theirs,
                      std::uint32_t from) {
  std::map<std::pair<std::string, std::int32_t>, v1::PartitionReplicas*> known;
  for (v1::PartitionReplicas& one : *into.mutable_partitions())
    known.emplace(std::pair{one.topic(), one.partition()}, &one);
  for (const v1::PartitionReplicas& seen : theirs.partitions()) {
    const auto at = known.find({seen.topic(), seen.partition()});
    if (at == known.end()) continue;  // made or deleted a moment ago
    if (seen.leader() == from && seen.term() >= at->second->term()) {
      take_leaders_view(*at->second, seen);
    } else {
      take_followers_view(*at->second, seen, from);
    }
  }
}

void finish_partitions(v1::ListPartitionsResponse& partitions) {
  for (v1::PartitionReplicas& partition : *partitions.mutable_partitions()) {
    if (partition.leader() != 0) partition.clear_leaderless_since_ms();
    for (v1::ReplicaStatus& replica : *partition.mutable_replicas()) {
      const bool leads = replica.node() == partition.leader();
      if (!leads && replica.role() == role_name(ReplicaRole::kLeader))
        replica.set_role(std::string(role_name(ReplicaRole::kFollower)));
      if (leads) replica.set_role(std::string(role_name(ReplicaRole::kLeader)));
    }
    sort_by(partition.mutable_replicas(), [](const auto& a, const auto& b) { return a.node() < b.node(); });
  }
}

std::vector<broker::PartitionReplicas> read_partitions(const v1::ListPartitionsResponse& from) {
  std::vector<broker::PartitionReplicas> partitions;
  for (const v1::PartitionReplicas& one : from.partitions()) {
    broker::PartitionReplicas& to = partitions.emplace_back();
    to.topic = one.topic();
    to.partition = model::PartitionIndex(one.partition());
    to.internal = one.internal();
    if (one.leader() != 0) to.leader = model::NodeId(one.leader());
    to.term = model::Term(one.term());
    for (const v1::ReplicaStatus& replica : one.replicas()) {
      to.replicas.push_back({.node = model::NodeId(replica.node()),
                             .role = role_of(replica.role()),
                             .state = state_of(replica.state()),
                             .flushed = {},
                             .lag_records = {},
                             .since = {},
                             .problem = replica.problem()});
    }
  }
  return partitions;
}

}  // namespace forebay::api
