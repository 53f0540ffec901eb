// Three replicas of one group over simulated disks and a simulated network, without a partition above: a
// listener that trims what is committed to be trimmed, keeps a mirror of what it hears of the log, and has a
// state to give.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/recovery.h"
#include "log/shard_logs.h"
#include "raft/raft_group.h"
#include "sim/sim_machine.h"
#include "sim/sim_network.h"
#include "sim/sim_peer_transport.h"

namespace forebay::raft::testing {

class GroupNode final : private GroupListener {
 public:
  GroupNode(sim::SimScheduler& scheduler, sim::SimNetwork& network, std::uint32_t number);
  ~GroupNode() override;

  // Opens the data directory, makes the log when there is none, joins. Requires: does not run.
  void start(const std::vector<model::NodeId>& all);
  void kill();
  [[nodiscard]] bool runs() const { return group_ != nullptr; }

  [[nodiscard]] model::NodeId id() const { return id_; }
  [[nodiscard]] RaftGroup& group() { return *group_; }
  [[nodiscard]] log::Log& log() { return *log_; }
  [[nodiscard]] sim::SimDisk& disk() { return machine_.disk(); }
  [[nodiscard]] bool leads() const { return runs() && group_->is_established(); }
  void append(int records, std::size_t value_bytes = 50);

  // What a leader gives, and how often it was asked.
  std::function<Result<std::optional<log::StateSnapshot>>()> state;
  int states_asked = 0;
  int installs = 0;
  // State files that were there, under their own names, when the last install took effect.
  std::vector<std::string> states_at_install;
  // Of each frame since the log was opened, or began anew.
  struct Seen {
    model::LogPosition begin, end;
    model::Term term;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  std::vector<Seen> mirror;
  model::LogPosition mirror_begin;
  int truncations = 0;

 private:
  void on_role() override {}
  void on_commit(model::LogPosition commit) override;
  void on_held(model::LogPosition) override {}
  void on_flushed(model::LogPosition) override {}
  void on_log_failed(const Error& error) override { ADD_FAILURE() << error.to_string(); }
  void on_excluded(model::Term, model::LogPosition) override {}
  void on_frame(const log::Frame& frame) override;
  void on_truncated(model::LogPosition to) override;
  void on_installed(const log::LogBase& base) override;
  [[nodiscard]] Result<std::optional<log::StateSnapshot>> state_for_install() override;

  sim::SimNetwork& network_;
  const model::NodeId id_;
  sim::SimMachine machine_;
  std::uint64_t life_ = 0;
  std::unique_ptr<log::DataDirectory> directory_;
  std::unique_ptr<log::ShardLogs> logs_;
  std::unique_ptr<sim::SimPeerTransport> transport_;
  std::unique_ptr<Peers> peers_;
  log::Log* log_ = nullptr;
  std::unique_ptr<RaftGroup> group_;
};

class GroupWorld {
 public:
  explicit GroupWorld(std::uint64_t seed = 1);
  ~GroupWorld();

  [[nodiscard]] GroupNode& node(std::size_t index) { return *nodes_.at(index); }
  void start(std::size_t index) { node(index).start(ids_); }
  void run_for(runtime::Duration duration) { scheduler_.run_for(duration); }
  [[nodiscard]] bool run_until(const std::function<bool()>& predicate) {
    return scheduler_.run_until(predicate, {.steps_max = 5'000'000, .duration_max = std::chrono::minutes(2)});
  }
  // The one that leads; null when nobody comes to.
  [[nodiscard]] GroupNode* leader();
  // All that run have all that the leader has, durably, and commit it.
  [[nodiscard]] bool settle();
  // Appends, and trims all of it but the last frame, on every replica that runs.
  void trim(GroupNode& leader);
  // Each mirror is its log.
  void check_mirrors();

 private:
  sim::SimScheduler scheduler_;
  sim::SimNetwork network_;
  std::vector<model::NodeId> ids_{model::NodeId(1), model::NodeId(2), model::NodeId(3)};
  std::vector<std::unique_ptr<GroupNode>> nodes_;
};

}  // namespace forebay::raft::testing
