// Nodes that leave the cluster for good: decided by the controller, and seen from the node itself.
#include <algorithm>
#include <utility>

#include "broker/node_broker.h"
#include "cluster/core/decommission.h"
#include "telemetry/log.h"

namespace forebay::broker {
namespace {

// Seldom enough to be no load for the controller, often enough that whoever waits sees it.
constexpr auto kAskAgain = std::chrono::seconds(2);
// Without a controller for so many looks in a row, a node asks too: elections are over by then.
constexpr std::uint32_t kLooksWithoutController = 5;
// With one, now and then: a controller that has taken this node out of the metadata log sends it nothing
// more, and one word of it just before is enough for this node to take it for its controller for good.
constexpr std::uint32_t kLooksBetweenWords = 10;

DecommissionResult result_of(const cluster::DecommissionDecision& decision) {
  DecommissionResult result;
  result.replicas = static_cast<std::uint32_t>(decision.replicas);
  for (const auto& [node, count] : decision.gains) result.gains[node] = static_cast<std::uint32_t>(count);
  return result;
}

Result<std::optional<cluster::ClusterRecord>> decide(const cluster::ClusterImage& image,
                                                     const DecommissionNodeRequest& request,
                                                     const cluster::Limits& limits,
                                                     const std::set<log::Voter>& alive,
                                                     DecommissionResult& result) {
  if (request.cancel) {
    FOREBAY_TRY(const auto kept, cluster::decide_keep_broker(image, request.node));
    if (!kept) return std::optional<cluster::ClusterRecord>();
    return std::optional<cluster::ClusterRecord>(*kept);
  }
  FOREBAY_TRY(const auto decision,
              cluster::decide_decommission(image, {request.node, request.allow_fewer_racks}, limits, alive));
  result = result_of(decision);
  if (!decision.record) return std::optional<cluster::ClusterRecord>();
  return std::optional<cluster::ClusterRecord>(*decision.record);
}

}  // namespace

void NodeBroker::decommission_node(DecommissionNodeRequest request, Done<DecommissionResult> done) {
  if (auto open = check_intake(); !open) return done(open.error());
  on_controller([this, request, done = std::move(done)]() mutable {
    if (auto open = check_decides(); !open) return done(open.error());
    if (!controller_->image()) return done(Error{ErrorCode::kNotYet, "the node is starting; retry", 100});
    auto result = std::make_shared<DecommissionResult>();
    if (request.validate_only) {
      const auto decided =
          decide(*controller_->image(), request, config_.limits, controller_->alive(), *result);
      if (!decided) return done(decided.error());
      return done(std::move(*result));
    }
    controller_->submit_change(
        [this, request, result](const cluster::ClusterImage& image) {
          return decide(image, request, config_.limits, controller_->alive(), *result);
        },
        [this, request, result, done = std::move(done)](Result<cluster::ImagePtr> image) mutable {
          if (!image) return done(with_controller(std::move(image).error()));
          telemetry::log_info(request.cancel ? "a decommission is cancelled" : "a node is decommissioned",
                              {{"node", request.node.value()}, {"replicas", result->replicas}});
          done(std::move(*result));
        });
  });
}

// On the controller's shard. By the metadata of this node; what the controller waits for it knows best
// itself.
void NodeBroker::describe_departures(const cluster::ClusterImage& image,
                                     std::map<model::NodeId, ClusterNode>& nodes) {
  const auto waits_for = controller_->upkeep().waits_for;
  for (auto& [id, node] : nodes) {
    const cluster::Broker* broker = image.broker(id);
    if (broker == nullptr) {
      const bool was_one = std::any_of(image.retired.begin(), image.retired.end(),
                                       [id = id](const auto& one) { return one.second == id; });
      if (was_one) node.decommission = kDecommissionRemoved;
      continue;
    }
    if (!broker->is_going()) continue;
    node.decommission =
        broker->decommission == cluster::Decommission::kEmptying ? kDecommissionMoving : kDecommissionLeaving;
    if (const auto why = waits_for.find(id); why != waits_for.end()) node.waits_for = why->second;
  }
}

// --- this node -------------------------------------------------------------------------------------------

void NodeBroker::on_refused(const Error& why) {
  registration_ = why;
  if (refused_.exchange(true, std::memory_order_acq_rel)) return;
  telemetry::log_error("the cluster refuses this node", {{"error", why.to_string()}});
}

void NodeBroker::watch_own_place(const cluster::ClusterImage& image) {
  if (image.retired.contains(config_.self.disk)) {
    return on_refused(
        {ErrorCode::kFailedPrecondition,
         "node " + std::to_string(config_.self.node.value()) +
             " was removed from the cluster, with its data directory: stop it. To add it again, "
             "move the data directory away and start it with an empty one"});
  }
  const cluster::Broker* self = image.broker(config_.self.node);
  const bool in_doubt = !registration_ && registration_.error().code == ErrorCode::kUnavailable;
  if (self != nullptr && (self->is_going() || in_doubt) && !asks_for_own_place_) ask_for_own_place();
}

// As long as its metadata says that it goes; the last word may not reach it.
void NodeBroker::ask_for_own_place() {
  if (std::exchange(asks_for_own_place_, true)) return;
  own_place_timer_ = home().schedule_after(kAskAgain, [this] {
    own_place_timer_.reset();
    propose(cluster::RegisterBroker{config_.self},
            [this, alive = alive_](const Result<std::monostate>& registered) {
              if (*alive == nullptr || stopping_.load(std::memory_order_acquire)) return;
              asks_for_own_place_ = false;
              looks_since_word_ = 0;
              if (!registered && registered.error().code == ErrorCode::kFailedPrecondition)
                return on_refused(registered.error());
              on_own_place(registered.has_value());
            });
  });
}

// Whoever was away for so long that it was taken for dead knows nothing of its decommission, and its metadata
// stays as it was: nobody gives it news any more.
void NodeBroker::look_for_controller() {
  controller_look_timer_ = home().schedule_after(kAskAgain, [this] {
    look_for_controller();
    if (!controller_->image()) return;  // it joins, and asks anyway
    looks_without_controller_ = controller_->leader() ? 0 : looks_without_controller_ + 1;
    ++looks_since_word_;
    if (looks_without_controller_ >= kLooksWithoutController || looks_since_word_ >= kLooksBetweenWords)
      ask_for_own_place();
  });
}

// Nobody answers: it was cut off, or removed so long ago that nobody speaks with it.
void NodeBroker::on_own_place(bool known) {
  const cluster::Broker* self = controller_->image()->broker(config_.self.node);
  if (!known && registration_ && self != nullptr && self->is_going()) {
    registration_ = Error{
        ErrorCode::kUnavailable,
        "this node is being decommissioned, and no controller answers it: it may have been removed. Ask "
        "another node: forebay cluster describe. Where it is listed as removed, stop it; else look at the "
        "network"};
    telemetry::log_warn("nobody says whether this node is still in the cluster",
                        {{"error", registration_.error().to_string()}});
  }
  if (known) registration_ = Result<void>{};
  watch_own_place(*controller_->image());
}

}  // namespace forebay::broker
