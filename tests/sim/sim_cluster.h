// A cluster in one process, in virtual time, from one seed: nodes with the real recovery, journal, logs,
// partitions and Raft over simulated disks and a simulated network, clients, and a nemesis whose plan is
// drawn first. After every event the promises of cluster_checks.h are checked; at the end everything is
// healed, every partition must have a leader and all replicas must become the same within a bounded time, and
// what the clients saw is judged (history_check.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/cluster_checks.h"
#include "sim/cluster_clients.h"
#include "sim/cluster_node.h"
#include "sim/liveness_watch.h"
#include "sim/lost_history.h"
#include "sim/nemesis.h"
#include "sim/partition_watch.h"
#include "sim/sim_metadata.h"

namespace forebay::sim {

// All that a seed draws.
struct ClusterOptions {
  std::uint64_t seed = 1;
  NodeSetup setup;
  SimDisk::Options disk;
  SimNetwork::Options network;
  ClientOptions clients;
  Duration duration = std::chrono::seconds(5);  // of the part with faults
  std::uint64_t steps_max = 5'000;              // likewise, whichever comes first
  NemesisPlan plan;
  // Partitions have replicas on some of the nodes, as the metadata says, and move.
  bool moving = false;
  std::uint32_t replication_factor = 3;
  // Records have keys, and each replica compacts its log.
  bool compacting = false;
  // In the end a majority of the disks is gone for ever, and those that are left go on without it.
  bool losing = false;
  [[nodiscard]] static ClusterOptions draw(std::uint64_t seed);

  // A replica may forget who has written, and a record may come a second time then.
  [[nodiscard]] bool may_forget_producers() const;

 private:
  void draw_moves(SimRng& rng);
  void draw_compaction(SimRng& rng);
  void draw_loss();
  void draw_producers(SimRng& rng);
};

// A partition has a leader within this time when everything is well again, also after a restart of everything
// (faults.md: 3 s after a pause or cut; a restart and its reconnecting come before).
inline constexpr Duration kLeaderWithin = std::chrono::seconds(3);
// All replicas are the same, and all readers have read everything.
inline constexpr Duration kConvergedWithin = std::chrono::seconds(10);
// Likewise where replicas have to move first.
inline constexpr Duration kMovedWithin = std::chrono::seconds(20);

struct ClusterCounts {
  CheckCounts checks;
  CompactionCounts compaction;
  ProducerCheckCounts producers;
  partition::Producers::Counts producer_states;
  partition::Producers::Lookups producer_lookups;
  ClientStats clients;
  MoveCounts moves;
  SimNetwork::Stats network;
  std::map<std::string, std::uint64_t> faults;  // by name
  std::uint64_t events = 0;
  std::uint64_t restarts = 0;
  std::uint64_t crashes_in_recovery = 0;
  std::uint64_t late_writes = 0;
  std::uint64_t failed_replicas = 0;  // stopped by their disk
  partition::PartitionSet::HardshipCounts hardship;
  std::uint64_t ranges_damaged = 0;
  std::uint64_t ranges_repaired = 0;
  std::uint64_t recoveries_again = 0;  // without a majority, that had to be asked for once more
  std::uint64_t tombstones_wait = 0;   // for a copy that is named, when we looked
  std::uint64_t installs = 0;          // replicas that began anew where their leader's log begins
};

class SimCluster {
 public:
  explicit SimCluster(const ClusterOptions& options);
  ~SimCluster();
  SimCluster(const SimCluster&) = delete;
  SimCluster& operator=(const SimCluster&) = delete;

  // The whole story. Returns what went wrong; empty: nothing.
  [[nodiscard]] std::string run();
  [[nodiscard]] std::uint64_t trace_hash() const;
  [[nodiscard]] ClusterCounts counts() const;
  // Tells what happens, for people. Before run().
  void keep_trace(std::function<void(const std::string&)> sink) { sink_ = std::move(sink); }

 private:
  [[nodiscard]] TimePoint now() const { return scheduler_.now(); }
  [[nodiscard]] bool failed() const { return !checks_.failure().empty(); }
  [[nodiscard]] std::optional<Duration> tombstone_life() const;
  void form();
  void suffer();
  void heal();
  void converge();
  void judge_all();
  void dump(const ClusterNode& node, std::uint32_t partition);

  // One event or planned act; false when nothing is due by `end`, where time stands then.
  bool advance(TimePoint end);
  // Until it holds; false when it did not within that time, or something failed.
  bool wait_until(Duration most, const std::function<bool()>& holds);
  void at(Duration delay, std::function<void()> act);
  void start(ClusterNode& node);
  void end_node(ClusterNode& node, ClusterNode::End how, Duration restart_after);
  void after_event();
  [[nodiscard]] bool has_replicas(const ClusterNode& node) const;
  void note_tombstones();

  // sim_cluster_loss.cc
  [[nodiscard]] bool is_lost(const ClusterNode& node) const;
  void lose_majority();
  [[nodiscard]] ClusterNode* chosen_for(std::size_t partition, SimRng& rng) const;
  void recover(std::size_t partition);
  void recover_all();
  [[nodiscard]] ClusterHealth health() const;

  // sim_cluster_moves.cc
  void form_metadata();
  void join_by_metadata(ClusterNode& node);
  void later(std::function<void()> act);
  void bring_news(ClusterNode& node);
  void tell(ClusterNode& node, std::size_t version);
  void spread_news();
  void move_something(SimRng& rng);
  void decommission_one(SimRng& rng);
  void keep_up();
  [[nodiscard]] bool is_hosted(const ClusterNode& node, std::size_t partition) const;
  [[nodiscard]] bool all_moved() const;
  void note_members();
  [[nodiscard]] std::vector<PartitionHealth> partition_health() const;

  void join(ClusterNode& node);
  void strike(const Fault& fault);
  void rot(ClusterNode& node, SimRng& rng);
  void strike_disk(ClusterNode& node, const Fault& fault, SimRng& rng);
  void cut_for(model::NodeId from, model::NodeId to, Duration length);
  [[nodiscard]] ClusterNode* leader_of(std::size_t partition) const;
  [[nodiscard]] bool all_led() const;
  [[nodiscard]] bool all_led_well() const;
  [[nodiscard]] bool all_same() const;
  [[nodiscard]] std::string describe() const;
  void trace(const std::string& line);

  const ClusterOptions options_;
  SimScheduler scheduler_;
  SimNetwork network_;
  std::vector<std::unique_ptr<ClusterNode>> nodes_;
  ClusterChecks checks_;
  ClusterClients clients_;
  std::vector<log::Voter> founders_;
  std::multimap<TimePoint, std::function<void()>> acts_;
  // A kill comes when the disk is at work: at this step, or later.
  struct KillAt {
    std::uint64_t step = ~std::uint64_t{0};
    ClusterNode::End how = ClusterNode::End::kKill;
    Duration restart_after{};
  };
  std::vector<KillAt> kill_at_;
  std::vector<Duration> restart_after_;  // of the node whose power goes at a step of its disk
  std::vector<TimePoint> sound_at_;      // by node: its disk is slow or fails until then
  LivenessWatch liveness_;
  PartitionWatch partition_liveness_;                  // instead of it, of worlds that move
  std::vector<std::vector<log::Membership>> members_;  // by node and partition, as it knew them last
  SimMetadata metadata_;                               // of worlds that move
  std::optional<SimRng> metadata_rng_;                 // likewise
  std::optional<SimExecutor> metadata_executor_;       // its news and proposals are on the way
  std::vector<std::size_t> versions_;                  // of the metadata, that each node knows
  std::vector<std::size_t> stored_;                    // and that its next life begins with at the earliest
  std::set<std::uint32_t> lost_;                       // nodes, for ever
  std::vector<AcceptedLoss> given_up_;
  bool healing_ = false;
  bool keeps_up_ = false;  // a node is to go, or has gone
  TimePoint begin_;
  ClusterCounts counts_;
  std::function<void(const std::string&)> sink_;
};

}  // namespace forebay::sim
