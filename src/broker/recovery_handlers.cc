// Going on without a majority: judged by the partition on its shard, written down, and carried out in an
// order that a crash may cut anywhere (ADR 13). First the disks of the lost are retired, so that none of them
// comes back with another history; of __cluster itself, which alone can retire disks, right after it goes on.
#include <algorithm>
#include <utility>

#include "broker/node_broker.h"
#include "telemetry/log.h"

namespace forebay::broker {
namespace {

std::string numbers(const std::vector<log::Voter>& voters) {
  std::string text;
  for (const log::Voter& voter : voters)
    text += (text.empty() ? "" : ",") + std::to_string(voter.node.value());
  return text;
}

// What a client says of itself, as a JSON string needs it.
std::string plain(std::string text) {
  constexpr std::size_t kBytesMax = 200;
  text.resize(std::min(text.size(), kBytesMax));
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '"' || c == '\\') c = '?';
  }
  return text;
}

bool names_all(const std::vector<model::NodeId>& named, const std::vector<log::Voter>& lost) {
  return named.size() == lost.size() &&
         std::all_of(lost.begin(), lost.end(), [&named](const log::Voter& voter) {
           return std::find(named.begin(), named.end(), voter.node) != named.end();
         });
}

std::string audit_line(const RecoverPartitionRequest& request, const partition::MajorityLoss& loss,
                       model::Timestamp now) {
  std::string disks;
  for (const log::Voter& voter : loss.lost)
    disks += (disks.empty() ? "\"" : ", \"") + voter.disk.to_string() + '"';
  return "{\"time_ms\": " + std::to_string(now.value()) + ", \"user\": \"" + plain(request.by) +
         "\", \"verb\": \"partition recover-without-majority\", \"topic\": \"" + plain(request.topic) +
         "\", \"partition\": " + std::to_string(request.partition.value()) +
         ", \"node\": " + std::to_string(request.node.value()) + ", \"lost_nodes\": [" + numbers(loss.lost) +
         "], \"lost_disks\": [" + disks + "], \"left_nodes\": [" + numbers(loss.left) +
         "], \"end\": " + std::to_string(loss.end.value()) +
         ", \"committed\": " + std::to_string(loss.committed.value()) + "}\n";
}

Error no_copy_on(const RecoverPartitionRequest& request) {
  return Error{ErrorCode::kFailedPrecondition,
               "node " + std::to_string(request.node.value()) + " has no copy of " + request.topic + "/" +
                   std::to_string(request.partition.value()) +
                   "; name a node that has one: forebay partition list " + request.topic + " -o wide"};
}

}  // namespace

Result<NodeBroker::RecoveryPtr> NodeBroker::recovery_of(RecoverPartitionRequest request) {
  auto recovery = std::make_shared<Recovery>();
  if (request.topic == cluster::kClusterTopicName && request.partition == model::PartitionIndex(0)) {
    // Also when the metadata cannot tell its own route.
    recovery->id = cluster::cluster_partition();
    recovery->shard = shards_[controller_shard_];
  } else {
    const RoutingPtr table = routing();
    FOREBAY_TRY(const TopicRoute* route, table->find(request.topic, "recovered"));
    FOREBAY_TRY(const std::uint32_t shard, route->shard_of(request.partition));
    recovery->id = route->id_of(request.partition);
    recovery->shard = shards_[shard];
    recovery->hosted = route->is_hosted_by(config_.self.node, request.partition);
  }
  if (request.node != config_.self.node) {
    const cluster::ImagePtr image = controller_->image();
    if (image && image->broker(request.node) == nullptr) {
      return Error{ErrorCode::kInvalidArgument, "the cluster has no node " +
                                                    std::to_string(request.node.value()) +
                                                    "; see: forebay cluster describe"};
    }
    Error elsewhere{ErrorCode::kNotLeader,
                    "node " + std::to_string(request.node.value()) + " has to do it, and this is node " +
                        std::to_string(config_.self.node.value()) + "; name its API with --server"};
    elsewhere.leader = routing()->address_of(request.node);
    return elsewhere;
  }
  recovery->request = std::move(request);
  return recovery;
}

void NodeBroker::recover_partition(RecoverPartitionRequest request, Done<partition::MajorityLoss> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  on_controller([this, request = std::move(request), done = std::move(done)]() mutable {
    if (controller_ == nullptr) return done(Error{ErrorCode::kNotYet, "the node is starting; retry", 100});
    auto found = recovery_of(std::move(request));
    if (!found) return done(std::move(found).error());
    const RecoveryPtr recovery = *found;
    recovery->done = std::move(done);
    recovery->shard.executor->post([this, recovery] {
      const auto* partition = recovery->shard.partitions->find(recovery->id);
      if (partition == nullptr && !recovery->hosted) return recovery->done(no_copy_on(recovery->request));
      auto loss = partition == nullptr
                      ? Result<partition::MajorityLoss>(recovery->shard.partitions->not_here(recovery->id))
                      : partition->majority_loss();
      if (!loss) return recovery->done(std::move(loss).error());
      recovery->loss = std::move(*loss);
      on_controller([this, recovery] { judged(recovery); });
    });
  });
}

void NodeBroker::judged(const RecoveryPtr& recovery) {
  const RecoverPartitionRequest& request = recovery->request;
  const partition::MajorityLoss& loss = recovery->loss;
  if (request.dry_run) return recovery->done(loss);
  if (!names_all(request.lost, loss.lost)) {
    return recovery->done(Error{ErrorCode::kFailedPrecondition,
                                "the voters that are out of reach are those of nodes " + numbers(loss.lost) +
                                    ", not those that were named; look again"});
  }
  const bool metadata = recovery->id == cluster::cluster_partition();
  if (!metadata && !controller_->leader()) {
    return recovery->done(
        Error{ErrorCode::kFailedPrecondition,
              "the metadata has no leader, and the loss of disks is noted there; recover it "
              "first: forebay partition recover-without-majority __cluster --partition 0"});
  }
  if (!audit_) return recovery->done(Error{ErrorCode::kUnsupported, "this node keeps no audit log"});
  telemetry::log_warn("partition goes on without its majority, by an operator's word",
                      {{"topic", request.topic},
                       {"partition", request.partition.value()},
                       {"lost_nodes", numbers(loss.lost)},
                       {"end", loss.end.value()},
                       {"by", plain(request.by)}});
  audit_(audit_line(request, loss, clock_.now()), [this, recovery, metadata](Result<std::monostate> written) {
    if (!written) return recovery->done(std::move(written).error());
    on_controller([this, recovery, metadata] {
      auto finish = [recovery] { recovery->done(recovery->loss); };
      if (metadata)
        return go_on_without(recovery, [this, recovery, finish] { retire_lost(recovery, 0, finish); });
      retire_lost(recovery, 0, [this, recovery, finish] { go_on_without(recovery, finish); });
    });
  });
}

void NodeBroker::retire_lost(const RecoveryPtr& recovery, std::size_t next, UniqueFunction<void()> then) {
  if (next == recovery->loss.lost.size()) return then();
  propose(cluster::RetireDisk{recovery->loss.lost[next]},
          [this, recovery, next, then = std::move(then)](Result<std::monostate> retired) mutable {
            if (retired) return retire_lost(recovery, next + 1, std::move(then));
            Error error = std::move(retired).error();
            error.context = "the loss of a disk could not be noted: " + error.context;
            recovery->done(std::move(error));
          });
}

// Calls back on the controller's shard.
void NodeBroker::go_on_without(const RecoveryPtr& recovery, UniqueFunction<void()> then) {
  recovery->shard.executor->post([this, recovery, then = std::move(then)]() mutable {
    auto* partition = recovery->shard.partitions->find(recovery->id);
    if (partition == nullptr) return recovery->done(recovery->shard.partitions->not_here(recovery->id));
    partition->recover_without(recovery->loss.lost, recovery->request.timeout,
                               [this, recovery, then = std::move(then)](Result<std::monostate> done) mutable {
                                 if (!done) return recovery->done(std::move(done).error());
                                 on_controller(std::move(then));
                               });
  });
}

}  // namespace forebay::broker
