// Consumer groups in a simulated world: three nodes with the real recovery, journal, log, Raft, machine host
// and coordinator, over simulated disks and a simulated network; members with the real session of the SDK,
// over simulated streams, each with a clock of its own. A seed is a world: who comes, what fails when, how
// long everything takes.
//
// A world first sees trouble, then is left in peace: all that was done has to be committed then, and every
// partition owned, in time. Then it loses its coordinator in peace: nothing may move. Then everybody leaves.
// All the while, group_checks.h judges.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/group_checks.h"
#include "sim/group_log.h"
#include "sim/group_member.h"
#include "sim/group_node.h"
#include "sim/group_topics.h"
#include "sim/group_wires.h"

namespace forebay::sim {

// What happens in a world, and how its members are.
struct GroupSimOptions {
  static GroupSimOptions draw(std::uint64_t seed);
  std::uint64_t seed = 1;
  SimNetwork::Options network;
  GroupWires::Options wires;
  std::chrono::milliseconds session{3'000};
  std::optional<group::Assignor> assignor;
  std::optional<StartRule> start;
  bool mixed_subscriptions = false;
  bool static_members = false;
  std::size_t members = 3;
  int steps = 60;
  // What goes wrong; 0: never, else about as often.
  std::uint64_t node_faults = 0, cuts = 0, member_faults = 0, slow = 0, topic_changes = 0, deletions = 0,
                strangers = 0;
};

class GroupSim final : private WireNodes {
 public:
  using Tell = std::function<void(const std::string& line)>;
  explicit GroupSim(const GroupSimOptions& options, Tell tell = nullptr);
  ~GroupSim() override;
  GroupSim(const GroupSim&) = delete;
  GroupSim& operator=(const GroupSim&) = delete;

  // Returns: what failed first; empty: nothing.
  [[nodiscard]] std::string run();
  [[nodiscard]] std::uint64_t trace_hash();
  using Places = std::vector<std::pair<const char*, std::uint64_t>>;
  [[nodiscard]] Places places() const;

 private:
  class Node;
  struct Counts {
    std::uint64_t kills = 0, power_cuts = 0, node_pauses = 0, transfers = 0, cuts = 0, member_kills = 0,
                  member_pauses = 0, member_cuts = 0, breaks = 0, leaves = 0, slow = 0, topics_made = 0,
                  topics_grown = 0, topics_deleted = 0, resets = 0, old_commits_refused = 0,
                  far_commits_refused = 0, late_commits = 0, moves_of_leadership = 0, static_places_taken = 0,
                  steps = 0;
  };
  struct SentCommit {
    group::MemberRef member;
    std::vector<group::NamedOffset> entries;
  };

  // --- WireNodes
  [[nodiscard]] SimExecutor* executor_of(std::size_t node) override;
  [[nodiscard]] group::Coordinator* coordinator_of(std::size_t node) override;
  [[nodiscard]] std::string leader_hint(std::size_t node) override;
  void on_committed(std::size_t node, const group::NamedOffset& entry) override;
  void on_commit(std::size_t node, const group::MemberRef& member,
                 const std::vector<group::NamedOffset>& entries) override;

  void fail(const std::string& what);
  [[nodiscard]] bool failed() const { return !failure_.empty(); }
  void tell(const std::string& line);
  [[nodiscard]] Node& node(std::size_t index);
  [[nodiscard]] Node* leader();
  [[nodiscard]] static std::size_t index_of(const Node& node);
  [[nodiscard]] std::uint64_t draw(std::uint64_t below) { return rng_.below(below); }
  void run_for(Duration duration);
  [[nodiscard]] bool run_until(const std::function<bool()>& holds, Duration limit);

  // --- trouble (group_sim_faults.cc)
  void step();
  void node_fault();
  void kill(std::size_t index, machine::MachineNode::End how);
  void start_node(std::size_t index);
  void transfer();
  void cut_some();
  void member_fault();
  void topic_change();
  void spread_topics();
  void stranger();
  void commit_as(const group::MemberRef& member, const std::vector<group::NamedOffset>& entries,
                 bool must_fail);
  void reset_some();
  void produce();
  GroupMember& add_member();
  [[nodiscard]] GroupMemberOptions member_options();
  [[nodiscard]] GroupMember* draw_member();

  // --- peace
  void heal();
  [[nodiscard]] std::string restless();
  [[nodiscard]] std::string uneven();
  void settle();
  void lose_coordinator();
  void all_leave();
  void compare_replicas();

  const GroupSimOptions options_;
  Tell tell_;
  SimRng rng_;
  std::string failure_;
  GroupTopics topics_;
  GroupChecks checks_;
  machine::MachineCluster cluster_;
  GroupWires wires_;
  GroupMember::World world_;
  std::vector<std::unique_ptr<GroupMember>> members_;
  std::uint32_t members_made_ = 0;
  std::vector<std::string> instances_free_;
  std::deque<SentCommit> sent_;         // commits of late
  std::vector<group::MemberRef> seen_;  // who ever committed
  std::optional<std::size_t> last_leader_;
  Counts counts_;
};

}  // namespace forebay::sim
