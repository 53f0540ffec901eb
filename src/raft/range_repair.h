// Repairs the damaged ranges of one replica, one after the other, with frames of its other members
// (core/repair_plan.h), and answers those that ask for theirs. Thread rules: everything on the shard that
// owns the log.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "log/log.h"
#include "raft/core/repair_plan.h"
#include "raft/peers.h"
#include "runtime/executor.h"

namespace forebay::raft {

// The group, as its repair sees it.
class RepairOwner {
 public:
  virtual ~RepairOwner() = default;
  // `damage` is left empty.
  [[nodiscard]] virtual RepairView repair_view() const = 0;
  [[nodiscard]] virtual model::Term repair_term() const = 0;
  [[nodiscard]] virtual bool leads_in(model::Term term) const = 0;
  // GroupListener::may_give_up()
  [[nodiscard]] virtual bool may_give_up(model::LogPosition begin) = 0;
  // The log's damage has changed, and what it knows of terms and members may have.
  virtual void on_damage_changed() = 0;
};

class RangeRepair {
 public:
  // `peers`: none for a node alone, which has nobody to ask. All outlive it.
  RangeRepair(log::Log& log, RepairOwner& owner, runtime::Executor& executor, Peers* peers);
  ~RangeRepair();
  RangeRepair(const RangeRepair&) = delete;
  RangeRepair& operator=(const RangeRepair&) = delete;

  // Looks for something to repair now, and again until nothing is damaged.
  void look();
  // What is damaged may be whole again soon: it makes sense to come again.
  [[nodiscard]] bool is_hopeful() const;

  // --- messages
  void receive(model::NodeId from, const RepairRequest& request);
  void receive(model::NodeId from, RepairFrames frames);

 private:
  struct Asking {
    std::uint64_t id = 0;
    log::LogRange range;
    model::Term term;
    std::deque<model::NodeId> sources;  // the first one has been asked
    runtime::TimerId timer{};
    log::FramesDone done;
  };

  void arm();
  void ask(const log::LogRange& range, log::FramesDone done);
  void ask_next();
  void answer(Result<std::vector<log::FramePtr>> frames);

  log::Log& log_;
  RepairOwner& owner_;
  runtime::Executor& executor_;
  Peers* peers_;
  bool repairing_ = false;
  bool answering_ = false;  // reads for another replica
  std::optional<Asking> asking_;
  std::uint64_t next_id_ = 1;
  std::uint64_t attempts_ = 0;
  std::optional<runtime::TimePoint> hopeful_until_;  // since something is damaged
  std::optional<runtime::TimerId> timer_;
  std::shared_ptr<RangeRepair*> alive_;
};

}  // namespace forebay::raft
