// A node of GroupSim: what it knows of topics comes late, and what it finds committed is shown.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "sim/group_log.h"
#include "sim/group_node.h"
#include "sim/group_sim.h"

namespace forebay::sim {

class GroupSim::Node final : public GroupNode {
 public:
  using GroupNode::GroupNode;
  ~Node() override { shut_down(); }
  // Before it is started.
  void attach(GroupSim& sim) {
    sim_ = &sim;
    places_.emplace(sim.topics_, sim.rng_.fork());
    set_places(&*places_);
  }
  [[nodiscard]] SimExecutor& executor() { return sim_machine().executor(); }
  // Never an older one.
  void learn(const cluster::ClusterImage& image) {
    if (image.applied <= version_) return;
    version_ = image.applied;
    set_topics(image);
  }
  void close_host() override {
    reader_.reset();
    GroupNode::close_host();
  }
  std::optional<TimePoint> paused_until;

 private:
  void open_host(partition::Partition& log) override {
    places_->run_on(executor());
    GroupNode::open_host(log);
    reader_ = std::make_unique<GroupLogReader>(
        log, executor(), [this](model::Offset at, ByteSpan record) { sim_->checks_.logged(at, record); });
  }

  GroupSim* sim_ = nullptr;
  std::optional<GroupPlaces> places_;
  model::Offset version_;
  std::unique_ptr<GroupLogReader> reader_;
};

}  // namespace forebay::sim
