// The Join streams of a world with groups: what members and nodes say to one another, on its way, and the
// call that serves a stream on its node (as api/member_call.h does it, without gRPC).
//
// Within a stream words arrive in order, each after a drawn delay; streams overtake one another. A cut holds
// up what goes both ways until it heals, or until each end gives the stream up, by itself. A process that
// dies ends its streams; one without power says nothing. What was said before the end of a stream may arrive,
// or not.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "client/core/fetched.h"
#include "client/core/member_words.h"
#include "group/coordinator.h"
#include "sim/sim_executor.h"

namespace forebay::sim {

using WireId = std::uint64_t;

// The end of a stream at a member's process.
class MemberEnd {
 public:
  virtual ~MemberEnd() = default;
  virtual void on_words(WireId wire, const client::CoordinatorWords& words) = 0;
  virtual void on_ended(WireId wire, const std::optional<client::RpcError>& error) = 0;
  [[nodiscard]] virtual std::uint32_t number() const = 0;
};

// What a stream needs of the nodes.
class WireNodes {
 public:
  virtual ~WireNodes() = default;
  // Of the process that runs now. Nothing: there is none.
  [[nodiscard]] virtual SimExecutor* executor_of(std::size_t node) = 0;
  // Nothing: it is not open yet.
  [[nodiscard]] virtual group::Coordinator* coordinator_of(std::size_t node) = 0;
  // The address of who leads, as that node knows it; empty: it does not.
  [[nodiscard]] virtual std::string leader_hint(std::size_t node) = 0;
  // An entry of a commit was answered with success.
  virtual void on_committed(std::size_t node, const group::NamedOffset& entry) = 0;
  // It comes to a coordinator now, by a member that says to be this one.
  virtual void on_commit(std::size_t node, const group::MemberRef& member,
                         const std::vector<group::NamedOffset>& entries) = 0;
};

class GroupWires {
 public:
  struct Options {
    Duration delay_max = std::chrono::milliseconds(3);
    std::uint64_t late_one_in = 0;  // of what is said: 0: nothing is late
    Duration late_max = std::chrono::milliseconds(800);
  };
  GroupWires(SimScheduler& scheduler, WireNodes& nodes, std::string group,
             std::optional<group::Assignor> assignor)
      : scheduler_(scheduler),
        nodes_(nodes),
        group_(std::move(group)),
        assignor_(assignor),
        rng_(scheduler.fork_rng()) {}
  GroupWires(const GroupWires&) = delete;
  GroupWires& operator=(const GroupWires&) = delete;
  ~GroupWires() { scheduler_.discard_events_of(this); }
  void set_options(const Options& options) { options_ = options; }

  // --- by members
  [[nodiscard]] WireId open(MemberEnd& member, std::size_t node);
  void say(WireId wire, const client::MemberWords& words) { send_up(wire, words); }
  void cancel(WireId wire);
  enum class Death : std::uint8_t { kProcess, kSilent };
  void member_died(std::uint32_t member, Death how);
  // --- by nodes
  void node_died(std::size_t node, Death how);
  void node_started(std::size_t node);

  // --- faults
  void cut(std::uint32_t member, std::size_t node);
  void heal_all();
  [[nodiscard]] bool is_cut(std::uint32_t member, std::size_t node) const {
    return cuts_.contains({member, node});
  }
  // Each end learns it by itself.
  void break_streams_of(std::uint32_t member);

  struct Counts {
    std::uint64_t opened = 0, held = 0, late = 0, broken = 0, given_up = 0, refused = 0, lost_words = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  class Stream;
  struct End {
    std::optional<client::RpcError> error;
  };
  using Up = std::variant<client::MemberWords, End>;
  using Down = std::variant<client::CoordinatorWords, End>;
  template <typename Item>
  struct Way {
    std::deque<Item> items;
    TimePoint last{};
  };
  struct Wire {
    MemberEnd* member = nullptr;
    std::uint32_t number = 0;
    std::size_t node = 0;
    Way<Up> up;
    Way<Down> down;
    bool at_member = true;  // that end is there
    bool at_node = true;
    std::optional<group::Joined> joined;
  };

  [[nodiscard]] Wire* find(WireId id);
  [[nodiscard]] Duration delay(Duration most);
  template <typename Item>
  Duration queue(Way<Item>& way, Item item);
  void after(Duration delay, std::function<void()> what) {
    scheduler_.add_event(delay, this, nullptr, std::move(what));
  }
  void send_up(WireId id, Up item);
  void send_down(WireId id, Down item);
  void deliver_up(WireId id);
  void deliver_down(WireId id);
  void drop_member_end(WireId id, const std::string& why);
  void drop_node_end(WireId id);
  void give_up_later(WireId id);

  // --- the call on the node (group_calls.cc)
  void serve(WireId id, const client::MemberWords& words);
  void join(WireId id, group::Coordinator& coordinator, const client::JoinWords& words);
  void joined(WireId id, std::size_t node, const Result<group::Joined>& result);
  void commit(WireId id, group::Coordinator& coordinator, const client::CommitWords& words);
  void committed(WireId id, const client::CommitWords& words, const std::vector<group::NamedOffset>& entries,
                 const Result<group::EntryResults>& results);
  void release(WireId id, group::Coordinator& coordinator, const client::ReleaseWords& words);
  void told(WireId id, const group::AssignmentNotice& notice);
  void end_call(WireId id, const Error& why);
  void detach(WireId id);
  void detach(std::size_t node, const group::Joined& member);
  [[nodiscard]] Error with_hint(Error error, std::size_t node);

  SimScheduler& scheduler_;
  WireNodes& nodes_;
  const std::string group_;
  const std::optional<group::Assignor> assignor_;
  SimRng rng_;
  Options options_;
  std::map<WireId, Wire> wires_;
  WireId next_ = 1;
  std::set<std::pair<std::uint32_t, std::size_t>> cuts_;
  std::set<std::size_t> dark_;  // nodes without power
  Counts counts_;
};

}  // namespace forebay::sim
