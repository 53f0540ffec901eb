// The protocol as text: a script says what happens to several Raft cores, step by step, and the answer tells
// what each of them does about it. The files are in interactions/; its README tells the words of the
// language.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "memory_node.h"

namespace forebay::raft::testing {

class Interaction {
 public:
  // Does what one line of a script says. Returns: what happened, in lines; a line that begins with "error:"
  // for a word that is not known or a command that makes no sense here.
  [[nodiscard]] std::string run(const std::string& line);

 private:
  using Wire = std::variant<Message, MemoryNode::Append>;
  using Words = std::vector<std::string>;
  using NodeNumber = std::uint32_t;
  // What is told of a node when it changes.
  struct Seen {
    Role role = Role::kFollower;
    model::Term term;
    std::optional<model::NodeId> leader;
    model::LogPosition commit;
    std::size_t waiting = 0;  // of what the disk was asked for
  };
  struct Read {
    std::uint64_t barrier = 0;
    bool told = false;
  };

  void obey(const Words& words);
  void obey_network(const Words& words);
  void found(const Words& words);
  void elect(NodeNumber node, const std::set<NodeNumber>& among);
  void add_node(NodeNumber node, std::uint8_t disk, const log::Membership& founders);
  void booted(NodeNumber node, const Result<void>& booted);
  void append(NodeNumber node, const Words& words);
  void send(NodeNumber from, NodeNumber to, std::size_t frames_max);
  void deliver(NodeNumber from, NodeNumber to, const Wire& wire);
  bool deliver_first(NodeNumber from, NodeNumber to);
  bool flush(NodeNumber node);
  void change_members(NodeNumber node, const Words& words);
  void reset(NodeNumber a, NodeNumber b);
  void run_until_quiet(const std::set<NodeNumber>& among);
  [[nodiscard]] bool speaks_for_a_member(NodeNumber speaker, NodeNumber listener) const;
  void status();
  // Carries out what the node wants now, and tells it and what changed about it.
  void settle(NodeNumber node);
  void tell_changes(NodeNumber node);
  void tell_asked(NodeNumber node);
  void tell(const std::string& line);
  [[nodiscard]] MemoryNode& at(NodeNumber node);
  [[nodiscard]] NodeNumber number(const std::string& word) const;
  [[nodiscard]] std::set<NodeNumber> numbers(const std::string& list) const;
  [[nodiscard]] std::set<NodeNumber> those_named(const Words& words, std::size_t place) const;  // or all
  [[nodiscard]] log::Membership membership_of(const Words& words, std::size_t first) const;

  std::map<NodeNumber, MemoryNode> nodes_;
  std::map<NodeNumber, std::uint8_t> disks_;
  std::map<NodeNumber, Seen> seen_;
  std::map<NodeNumber, std::vector<Read>> reads_;
  std::map<std::pair<NodeNumber, NodeNumber>, std::deque<Wire>> links_;
  std::map<std::pair<NodeNumber, NodeNumber>, Wire> kept_;
  std::ostringstream out_;
  bool quiet_ = false;  // tells only what changes, not who says what
};

}  // namespace forebay::raft::testing
