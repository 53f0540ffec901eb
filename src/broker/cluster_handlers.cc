// The cluster as this node sees it: nodes, and where the replicas of partitions are and how far.
#include <algorithm>
#include <tuple>
#include <utility>

#include "broker/gather.h"
#include "broker/node_broker.h"
#include "cluster/core/upkeep.h"

namespace forebay::broker {
namespace {

// What the asked node knows of a partition before it has looked at a replica.
struct Asked {
  model::TopicPartition id;
  std::uint32_t shard = 0;
  PartitionReplicas known;
  bool here = false;  // placed on this node, or found there
};

// A time of the executor's clock as wall time. `now` is the same moment on both.
class WallTimes {
 public:
  WallTimes(model::Timestamp wall_now, runtime::TimePoint now) : wall_now_(wall_now), now_(now) {}
  [[nodiscard]] std::optional<model::Timestamp> of(const std::optional<partition::Steady>& at) const {
    if (!at) return std::nullopt;
    const auto ago = std::chrono::duration_cast<std::chrono::milliseconds>(now_.time_since_epoch() - *at);
    return wall_now_.plus(-ago.count());
  }

 private:
  model::Timestamp wall_now_;
  runtime::TimePoint now_;
};

void fill_from_replica(PartitionReplicas& known, const partition::ReplicationStatus& status,
                       model::NodeId self, const WallTimes& times) {
  known.leader = status.leader;
  known.term = status.term;
  known.waits_for = status.waits_for;
  known.leaderless_since = times.of(status.leaderless_since);
  known.rates = status.rates;
  known.replicas.clear();
  for (const partition::ReplicaReport& report : status.replicas) {
    ReplicaDescription& replica = known.replicas.emplace_back();
    replica.node = report.node;
    replica.role = report.role;
    replica.state = report.state;
    replica.flushed = report.flushed;
    replica.lag_records = report.lag_records;
    replica.lag_bytes = report.lag_bytes;
    replica.since = times.of(report.since);
    if (report.node == self) replica.problem = status.problem;
  }
}

// The replica that should be here and could not be opened.
void fill_missing(PartitionReplicas& known, model::NodeId self, const Error& why) {
  for (ReplicaDescription& replica : known.replicas) {
    if (replica.node != self) continue;
    const bool opening = why.code == ErrorCode::kNotYet || why.code == ErrorCode::kUnknownPartition;
    replica.state = opening ? ReplicaState::kUnknown : ReplicaState::kFailed;
    replica.problem = why.context;
  }
}

void look(const ShardHandle& shard, Asked& asked, model::NodeId self, const WallTimes& times) {
  if (const partition::Partition* partition = shard.partitions->find(asked.id)) {
    asked.here = true;
    return fill_from_replica(asked.known, partition->replication(), self, times);
  }
  fill_missing(asked.known, self, shard.partitions->not_here(asked.id));
}

bool is_linked(const PeersSeen& peers, model::NodeId node) {
  const auto at = peers.find(node);
  return at != peers.end() && at->second.linked;
}

// By the placement: until a replica or its leader says more.
std::vector<ReplicaDescription> placed(const cluster::Replicas& nodes, model::NodeId self,
                                       const PeersSeen& peers) {
  std::vector<ReplicaDescription> replicas;
  for (const model::NodeId node : nodes) {
    ReplicaDescription& replica = replicas.emplace_back();
    replica.node = node;
    if (node == self || is_linked(peers, node)) continue;
    replica.state = ReplicaState::kUnreachable;
    if (const auto at = peers.find(node); at != peers.end()) replica.since = at->second.away_since;
  }
  std::sort(replicas.begin(), replicas.end(), [](const auto& a, const auto& b) { return a.node < b.node; });
  return replicas;
}

MoveDescription describe_move(const cluster::Placement& placement) {
  return {.epoch = placement.epoch,
          .moving = placement.is_moving(),
          .target = placement.replicas,
          .previous = placement.previous,
          .leaving = placement.leaving,
          .rebuilding = placement.rebuilding};
}

}  // namespace

void NodeBroker::describe_cluster(Done<ClusterDescription> done) {
  if (auto open = check_not_refused(); !open) return done(open.error());
  on_controller([this, done = std::move(done)]() mutable {
    if (controller_ == nullptr || !controller_->image())
      return done(Error{ErrorCode::kNotYet, "metadata is being loaded; retry", 100});
    const cluster::ImagePtr image = controller_->image();
    const PeersSeen peers = peers_seen_ ? peers_seen_() : PeersSeen{};
    std::map<model::NodeId, ClusterNode> nodes;
    for (const auto& [id, peer_address] : config_.listed) nodes[id].peer_address = peer_address;
    nodes[config_.self.node].peer_address = config_.self.peer_address;
    for (const auto& [id, broker] : image->brokers) {
      const cluster::BrokerRegistration& said = broker.registration;
      ClusterNode& node = nodes[id];
      node.registered = true;
      node.drained = broker.drained;
      node.disk_id = said.disk.to_string();
      node.disk_given_up = image->retired.contains(said.disk);
      node.api_address = said.api_address;
      node.peer_address = said.peer_address;
      node.http_address = said.http_address;
      node.rack = said.rack;
      node.version = said.version;
      node.shards = said.shard_count;
    }
    for (const auto& [name, topic] : image->topics) {
      for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
        for (const model::NodeId node : topic->partitions[i].replicas) ++nodes[node].replicas;
        const auto leader = leaders_.of({topic->id, model::PartitionIndex(static_cast<std::int32_t>(i))});
        if (leader) ++nodes[leader->node].leaders;
      }
    }
    describe_departures(*image, nodes);
    ClusterDescription description;
    description.cluster_id = image->cluster_id.to_string();
    description.answered_by = config_.self.node;
    const auto controller = controller_->leader();
    for (auto& [id, node] : nodes) {
      node.id = id;
      node.controller = controller == id;
      const auto seen = peers.find(id);
      node.alive = id == config_.self.node || is_linked(peers, id);
      if (!node.alive && seen != peers.end()) node.away_since = seen->second.away_since;
      if (!node.alive) node.leaders = 0;  // what is known is from before
      description.nodes.push_back(std::move(node));
    }
    done(std::move(description));
  });
}

void NodeBroker::set_node_drained(model::NodeId node, bool drained, Done<std::monostate> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  on_controller([this, node, drained, done = std::move(done)]() mutable {
    if (auto open = check_decides(); !open) return done(open.error());
    controller_->submit_change(
        [node, drained](const cluster::ClusterImage& image) -> Result<std::optional<cluster::ClusterRecord>> {
          FOREBAY_TRY(const auto record, cluster::decide_drain(image, node, drained));
          if (!record) return std::optional<cluster::ClusterRecord>();
          return std::optional<cluster::ClusterRecord>(*record);
        },
        [this, done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
          if (!image) return done(with_controller(std::move(image).error()));
          done(std::monostate{});
        });
  });
}

void NodeBroker::list_partitions(ListPartitionsRequest request, Done<std::vector<PartitionReplicas>> done) {
  if (auto open = check_not_refused(); !open) return done(open.error());
  on_controller([this, request = std::move(request), done = std::move(done)]() mutable {
    const cluster::ImagePtr image = controller_ == nullptr ? nullptr : controller_->image();
    const RoutingPtr table = routing();
    const model::NodeId self = config_.self.node;
    const PeersSeen peers = peers_seen_ ? peers_seen_() : PeersSeen{};
    std::map<std::string, const TopicRoute*> routes;
    for (const std::string& name : request.topics) {
      const auto route = table->find(name, "looked at");
      if (!route) return done(route.error());
      routes.emplace(name, *route);
    }
    if (request.topics.empty()) {
      for (const auto& [name, route] : table->topics) {
        if (request.include_internal || !route.internal) routes.emplace(name, &route);
      }
    }
    std::vector<Asked> all;
    for (const auto& [name, route] : routes) {
      for (std::size_t i = 0; i < route->shards.size(); ++i) {
        const model::PartitionIndex index(static_cast<std::int32_t>(i));
        Asked& asked = all.emplace_back(
            Asked{route->id_of(index), route->shards[i], {}, route->is_hosted_by(self, index)});
        asked.known.topic = name;
        asked.known.partition = index;
        asked.known.internal = route->internal;
        asked.known.move = describe_move(route->topic->partitions[i]);
        asked.known.move.queued =
            image && cluster::is_to_change(*image, *route->topic, route->topic->partitions[i]);
        asked.known.replicas = placed(route->topic->partitions[i].replicas, self, peers);
        const auto leader = leaders_.of(asked.id);
        if (!leader) continue;
        asked.known.term = leader->term;
        if (leader->node == self || is_linked(peers, leader->node)) asked.known.leader = leader->node;
      }
    }
    // Each shard takes its own; what stands in `table` is copied by now.
    std::vector<std::vector<Asked>> by_shard(shards_.size());
    for (Asked& asked : all) by_shard[asked.shard].push_back(std::move(asked));
    auto gather = std::make_shared<Gather<std::vector<Asked>>>(
        shards_.size(), [hosted_only = request.hosted_only,
                         done = std::move(done)](Result<std::vector<std::vector<Asked>>> looked) mutable {
          std::vector<PartitionReplicas> partitions;
          for (std::vector<Asked>& of_shard : *looked) {
            for (Asked& asked : of_shard) {
              if (asked.here || !hosted_only) partitions.push_back(std::move(asked.known));
            }
          }
          std::sort(partitions.begin(), partitions.end(), [](const auto& a, const auto& b) {
            return std::tie(a.topic, a.partition) < std::tie(b.topic, b.partition);
          });
          done(std::move(partitions));
        });
    for (std::size_t i = 0; i < shards_.size(); ++i) {
      shards_[i].executor->post(
          [this, shard = shards_[i], gather, i, self, asked = std::move(by_shard[i])]() mutable {
            const WallTimes times(clock_.now(), shard.executor->now());
            for (Asked& one : asked) look(shard, one, self, times);
            gather->set(i, std::move(asked));
          });
    }
  });
}

}  // namespace forebay::broker
