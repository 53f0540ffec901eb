// What must hold of a simulated cluster after every event, apart from what its clients see:
//
//  I2   what is acknowledged or committed is on the disks of a majority of the voters, at that moment
//  I8   log start only grows, also over a crash, and never beyond what is committed, nor by what is not
//  I20  one leader per term
//  I21  a committed frame is the same everywhere, for ever; where logs are compacted see compaction_checks.h
//  I22  who leads has everything that was committed; commit never goes back
//  I9 to I11, and what replicas know of producers: see producer_checks.h
//  and: what a replica said to be durable is there after a restart; no replica is damaged, for no disk rots.
//
// Looks at the replicas from outside, between the events; reads their logs as any reader does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "log/core/frame.h"
#include "sim/cluster_clients.h"
#include "sim/cluster_node.h"
#include "sim/compaction_checks.h"
#include "sim/producer_checks.h"

namespace forebay::sim {

struct CheckCounts {
  std::uint64_t leaders = 0;          // leaderships that began, after the first of each partition
  std::uint64_t truncations = 0;      // of a log that lost frames
  std::uint64_t lost_on_crash = 0;    // frames that were in a log and not on its disk when it ended
  std::uint64_t committed = 0;        // frames
  std::uint64_t older_terms = 0;      // frames of an older term that were committed by a later one
  std::uint64_t log_starts = 0;       // that moved
  std::uint64_t recovered_lives = 0;  // restarts that found something
  std::uint64_t torn_tails = 0;
  std::uint64_t removed = 0;          // replicas, by their nodes
  std::uint64_t second_lives = 0;     // of replicas that were removed before
  std::uint64_t recoveries = 0;       // of a partition without a majority
  std::uint64_t frames_given_up = 0;  // by those, that were committed
};

class ClusterChecks {
 public:
  using Nodes = std::vector<std::unique_ptr<ClusterNode>>;
  // `nodes` may be filled later.
  ClusterChecks(Nodes& nodes, std::size_t partitions, std::size_t node_count);

  // After each event.
  void look();
  // Inside the event in which a leader gives it.
  void on_ack(const AckSeen& seen);
  // Before the node's objects go, and once it is up again.
  void node_dies(const ClusterNode& node);
  void node_is_up(const ClusterNode& node);
  void replica_is_up(const ClusterNode& node, std::size_t partition);  // as it has just been opened

  // cluster_checks_loss.cc: the node never comes back; the chosen one of those that are left is to lead
  // without a majority, from now on and until that ends.
  using OnGivenUp = std::function<void(std::uint32_t partition, std::int64_t from)>;
  void on_given_up(OnGivenUp listener) { on_given_up_ = std::move(listener); }
  void node_is_lost(const ClusterNode& node);
  void expect_recovery(std::size_t partition, const ClusterNode& chosen);
  [[nodiscard]] bool goes_on(std::size_t partition) const { return groups_[partition].recovered; }
  void recovery_ends(std::size_t partition) { groups_[partition].recovery.reset(); }

  [[nodiscard]] const std::string& failure() const { return failure_; }
  void fail(const std::string& what);
  // Replicas come and go, as the groups' own memberships say. Before the first look.
  void expect_moves() { moves_ = true; }
  // Replicas compact their logs. Before the first look.
  void expect_compaction(std::optional<Duration> tombstone_life, std::function<TimePoint()> now);
  // Producers number their batches. Before the first look.
  void expect_producers(const ProducerChecks::Rules& rules);
  [[nodiscard]] ProducerChecks* producers() { return producers_ ? &*producers_ : nullptr; }
  [[nodiscard]] const ProducerChecks* producers() const { return producers_ ? &*producers_ : nullptr; }
  // The node is out of the cluster: whatever its disk still has comes back to nobody.
  void disk_is_given_up(const ClusterNode& node);
  [[nodiscard]] const CompactionChecks* compaction() const { return compaction_ ? &*compaction_ : nullptr; }
  [[nodiscard]] const CheckCounts& counts() const { return counts_; }
  // A replica on it was stopped by its disk.
  [[nodiscard]] bool has_stopped(const ClusterNode& node) const;
  // All frames below were compared on this node.
  [[nodiscard]] bool caught_up(const ClusterNode& node) const;
  // Ranges may be lost, until they are repaired.
  void let_disks_rot() { disks_rot_ = true; }
  void set_trace(std::function<void(const std::string&)> trace) { trace_ = std::move(trace); }
  // Up to here a trim leaves nobody behind: every replica has, and knows to be committed, a frame that begins
  // here or later. (That frame stays: a log does not remember the term of what it has trimmed, so a replica
  // that ends exactly at its leader's log start cannot be told from one that differs.)
  [[nodiscard]] model::Offset trimmable(std::size_t partition) const;
  // Where the committed log of a partition ends.
  [[nodiscard]] model::LogPosition committed_end(std::size_t partition) const;

 private:
  struct CommittedFrame {
    model::LogPosition begin, end;
    model::Term term;
    model::Term committed_in;  // the highest that anybody led in when it was first seen to be committed
    log::FrameKind kind;
    std::uint32_t crc = 0;
    bool whole = true;  // else first seen when it was compacted
  };
  struct Replica {
    std::uint64_t life = 0;
    // As it was when we looked last; of a node that is down, when it ended.
    model::LogPosition commit, end, flushed, log_start;
    model::LogPosition
        committed;  // the highest that it had on its disk and knew to be committed, in any life
    model::Term term;
    bool leads = false;
    bool stopped = false;               // by its disk
    std::vector<log::TermBegin> terms;  // of a node that is down
    bool down = true;
    bool removed = false;        // by the node itself: nothing that it had counts any more
    model::LogPosition checked;  // committed frames below were compared
    bool reading = false;
    bool unread = false;                // it met damage there
    bool scanning = false;              // all of it is read, for what compaction has left
    bool rescan = false;                // and once more
    std::uint64_t compacted_files = 0;  // of the node, when it was scanned
    std::uint64_t producer_loads = 0;   // what it knew of producers was looked at after so many
    model::LogPosition producers_at;    // and there
  };
  // The chosen replica as it was when the operator said so.
  struct Recovery {
    std::uint32_t node = 0;
    model::LogPosition end, log_start;
    std::vector<log::TermBegin> terms;
  };
  struct Group {
    std::optional<Recovery> recovery;  // under way
    bool recovered = false;            // those that are left are its voters
    std::vector<CommittedFrame> committed;
    model::LogPosition log_start;                                            // as the committed frames put it
    std::map<model::Term, std::pair<std::uint32_t, std::uint64_t>> leaders;  // node, life
  };

  void look_at(const ClusterNode& node, std::size_t partition);
  void on_leader(const ClusterNode& node, std::size_t partition, log::Log& log, model::Term term);
  void on_recovery(const ClusterNode& node, std::size_t partition, const log::Log& log);
  [[nodiscard]] std::optional<model::LogPosition> parts_from(const Recovery& chosen,
                                                             const Replica& lost) const;
  void compare_more(const ClusterNode& node, std::size_t partition);
  [[nodiscard]] model::LogPosition frame_at_or_after(std::size_t partition,
                                                     model::LogPosition position) const;
  void compare(const ClusterNode& node, std::size_t partition, const log::Frame& frame);
  void compare_compacted(const ClusterNode& node, std::size_t partition, const log::Frame& frame);
  void add_committed(const ClusterNode& node, std::size_t partition, const log::Frame& frame,
                     model::LogPosition begin);
  void watch_compaction(const ClusterNode& node, std::size_t partition);
  // Everything that a replica ever knew to be committed was compared.
  [[nodiscard]] bool all_read(std::size_t partition) const;
  void watch_producers(const ClusterNode& node, std::size_t partition);  // cluster_checks_producers.cc
  void see_compaction(const ClusterNode& node, std::size_t partition);
  void begin_scan(const ClusterNode& node, std::size_t partition);
  void watch_lives(const ClusterNode& node, std::size_t partition);
  [[nodiscard]] bool has_durably(const ClusterNode& node, std::size_t partition, model::LogPosition begin,
                                 model::LogPosition end, model::Term term) const;
  // On the disks of a majority of the voters; `copies` of all nodes.
  [[nodiscard]] bool is_on_a_quorum(std::size_t partition, model::LogPosition begin, model::LogPosition end,
                                    model::Term term, std::uint32_t& copies) const;
  // Another life of a replica that was removed, which has not regained what that had.
  [[nodiscard]] bool is_renewed(const log::Log& log) const { return moves_ && log.is_renewed(); }
  [[nodiscard]] std::string name(const ClusterNode& node, std::size_t partition) const;
  void trace(const std::string& line) {
    if (trace_) trace_(line);
  }

  Nodes& nodes_;
  std::vector<Group> groups_;
  std::vector<std::vector<Replica>> replicas_;  // by node, by partition
  std::set<std::uint32_t> lost_;                // nodes, for ever
  OnGivenUp on_given_up_;
  bool disks_rot_ = false;
  bool moves_ = false;
  std::optional<CompactionChecks> compaction_;
  std::optional<ProducerChecks> producers_;
  std::set<std::uint32_t> given_up_;  // nodes whose disks are
  std::function<TimePoint()> now_;
  std::uint64_t looks_ = 0;
  std::string failure_;
  CheckCounts counts_;
  std::function<void(const std::string&)> trace_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace forebay::sim
