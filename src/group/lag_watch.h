// How far the groups of a coordinator are behind: asked of the leaders of their partitions, whenever somebody
// wants to know, and now and then for the metrics, to find what stands still (core/stall_watch.h), and to see
// how fast they read (core/catch_up.h). Nothing of it is logged. Thread rules: everything on the
// coordinator's shard.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "group/core/catch_up.h"
#include "group/core/liveness.h"
#include "group/core/stall_watch.h"
#include "group/core/views.h"
#include "group/ports.h"
#include "runtime/executor.h"

namespace forebay::group {

struct LaggingPartition {
  std::string topic;
  model::TopicPartition partition;
  std::optional<model::Offset> committed;
  std::string member;                 // the owner's id; empty: nobody's
  Result<PartitionLag> lag;           // an error: its leader could not be asked
  std::optional<StallCause> stalled;  // it stands still, as it was seen last
  std::chrono::milliseconds stalled_for{0};
  std::optional<Milliseconds> catch_up;  // as of the looks until now: CatchUp::of
};
struct GroupLag {
  GroupState state = GroupState::kEmpty;
  std::vector<LaggingPartition> partitions;  // of all topics that the group has to do with, in order
  std::optional<Milliseconds> catch_up;      // nothing also: the leader of one could not be asked
};

// Of a group, as it was seen last: what could be asked then.
struct LagFigures {
  std::uint64_t records = 0, bytes = 0;
  Milliseconds age{0};        // since the event time of the oldest record that is not read
  std::uint64_t stalled = 0;  // partitions that stand still
};

class LagWatch {
 public:
  // From the end of one look at all groups to the begin of the next one.
  static constexpr runtime::Duration kLookEvery = std::chrono::seconds(10);
  // Questions of one group that are under way: of a group of thousands of partitions the rest waits.
  static constexpr std::size_t kAskedAtOnce = 64;

  // All outlive it.
  LagWatch(runtime::Executor& executor, PartitionPlaces& places, const GroupImage& groups,
           const Liveness& liveness);
  ~LagWatch();
  LagWatch(const LagWatch&) = delete;
  LagWatch& operator=(const LagWatch&) = delete;

  // The coordinator leads: looks at all groups from now on. Leads no more: forgets what was seen.
  void begin();
  void end();
  // Errors: kUnknownGroup.
  void look(const std::string& group, Done<GroupLag> done);
  // Of groups that are there still, or were a moment ago.
  [[nodiscard]] const std::map<std::string, LagFigures>& figures() const { return figures_; }
  [[nodiscard]] const StallWatch& stalls() const { return stalls_; }
  [[nodiscard]] SteadyTime now() const;

 private:
  struct Look;
  using LookPtr = std::shared_ptr<Look>;
  [[nodiscard]] LookPtr look_of(const std::string& name, const Group& group) const;
  void ask(const LookPtr& look);
  void finish(const LookPtr& look);
  void take(const Look& look);
  void look_later();
  void look_at_next();

  runtime::Executor& executor_;
  PartitionPlaces& places_;
  const GroupImage& groups_;
  const Liveness& liveness_;
  StallWatch stalls_;
  CatchUp catch_up_;
  std::map<std::string, LagFigures> figures_;
  std::optional<std::string> at_;  // the group that was looked at last, in this round
  std::optional<runtime::TimerId> timer_;
  std::uint64_t begun_ = 0;  // counts begin() and end(): a look of before does not go on
  bool looks_ = false;
  std::shared_ptr<LagWatch*> alive_;
};

}  // namespace forebay::group
