// Where replicas are to be: decided by the controller, carried out by the leaders. Answered when it is
// decided: what is left to do is told by list_partitions().
#include <utility>

#include "broker/node_broker.h"
#include "cluster/core/features.h"
#include "cluster/core/moves.h"

namespace forebay::broker {
namespace {

MoveResult result_of(const cluster::ClusterImage& image, const cluster::MoveDecision& decision) {
  MoveResult result;
  result.warnings = decision.warnings;
  if (!decision.record) return result;
  const cluster::TopicPtr topic = image.by_id.at(decision.record->id);
  for (const cluster::TargetChange& change : decision.record->changes) {
    result.targets.push_back({.partition = change.partition,
                              .epoch = change.epoch,
                              .from = topic->placement(change.partition)->replicas,
                              .to = change.replicas,
                              .rebuild = change.rebuild});
  }
  return result;
}

Result<cluster::MoveDecision> decide(const cluster::ClusterImage& image, const MoveRequest& request,
                                     const cluster::Limits& limits) {
  const cluster::MoveSubject subject{request.topic, request.partition, request.epoch};
  if (const auto* move = std::get_if<MoveTo>(&request.what))
    return cluster::decide_move(image, subject, move->nodes, limits);
  if (const auto* rebuild = std::get_if<RebuildReplica>(&request.what))
    return cluster::decide_rebuild(image, subject, rebuild->node);
  return cluster::decide_cancel(image, subject);
}

}  // namespace

void NodeBroker::decide_targets(DecideTargets decide_on, bool validate_only, Done<MoveResult> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  on_controller([this, decide_on = std::move(decide_on), validate_only, done = std::move(done)]() mutable {
    if (auto open = check_decides(); !open) return done(open.error());
    if (!controller_->image()) return done(Error{ErrorCode::kNotYet, "the node is starting; retry", 100});
    if (validate_only) {
      const auto decision = decide_on(*controller_->image());
      if (!decision) return done(decision.error());
      if (decision->record) {
        if (auto read = cluster::with_level(*controller_->image(), *decision->record); !read)
          return done(std::move(read).error());
      }
      return done(result_of(*controller_->image(), *decision));
    }
    auto result = std::make_shared<MoveResult>();
    controller_->submit_change(
        [decide_on = std::move(decide_on), result](
            const cluster::ClusterImage& image) mutable -> Result<std::optional<cluster::ClusterRecord>> {
          FOREBAY_TRY(auto decision, decide_on(image));
          *result = result_of(image, decision);
          if (!decision.record) return std::optional<cluster::ClusterRecord>();
          return std::optional<cluster::ClusterRecord>(std::move(*decision.record));
        },
        [this, result, done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
          if (!image) return done(with_controller(std::move(image).error()));
          done(std::move(*result));
        });
  });
}

void NodeBroker::move_partition(MoveRequest request, Done<MoveResult> done) {
  const bool validate_only = request.validate_only;
  decide_targets([request = std::move(request), limits = config_.limits](
                     const cluster::ClusterImage& image) { return decide(image, request, limits); },
                 validate_only, std::move(done));
}

void NodeBroker::change_replication(ChangeReplicationRequest request, Done<MoveResult> done) {
  const bool validate_only = request.validate_only;
  cluster::Limits limits = config_.limits;
  if (validate_only) limits.moves_max = 0;  // shows all, also what would have to wait
  decide_targets(
      [request = std::move(request), limits](const cluster::ClusterImage& image) {
        return cluster::decide_replication(
            image, {request.topic, request.replication_factor, request.allow_single_copy}, limits);
      },
      validate_only, std::move(done));
}

void NodeBroker::set_move_rate(std::uint64_t bytes_per_second, Done<std::uint64_t> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  if (!move_rate_) return done(Error{ErrorCode::kUnsupported, "this node has no rate of moves"});
  done(move_rate_(bytes_per_second));
}

void NodeBroker::transfer_leader(TransferLeaderRequest request, Done<std::monostate> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  const RoutingPtr table = routing();
  const auto route = table->find(request.topic, "moved");
  if (!route) return done(route.error());
  const auto shard_index = (*route)->shard_of(request.partition);
  if (!shard_index) return done(shard_index.error());
  const ShardHandle shard = shards_[*shard_index];
  const bool hosted = (*route)->is_hosted_by(config_.self.node, request.partition);
  shard.executor->post([this, shard, id = (*route)->id_of(request.partition), hosted, to = request.to,
                        done = std::move(done)]() mutable {
    partition::Partition* partition = shard.partitions->find(id);
    if (partition == nullptr) return done(not_here(shard, id, hosted));
    if (auto serving = partition->check_serving(); !serving)
      return done(with_leader(std::move(serving).error(), shard, id));
    if (to == config_.self.node) return done(std::monostate{});
    if (auto begun = partition->group().transfer_to(to); !begun) return done(std::move(begun).error());
    done(std::monostate{});
  });
}

}  // namespace forebay::broker
