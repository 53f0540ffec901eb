#include "interaction.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "interaction_text.h"

namespace forebay::raft::testing {
namespace {

// A script that makes no sense: told in the output, where the file shows it.
class ScriptError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Rounds of "run" after which nodes that still talk will not stop.
constexpr int kRoundsMax = 1'000;
constexpr std::size_t kFramesPerAppend = 64;

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

log::Voter voter_of(std::uint32_t node, std::uint8_t disk) {
  model::Uuid id;
  id.bytes[0] = static_cast<std::uint8_t>(node);
  id.bytes[1] = disk;
  return {model::NodeId(node), id};
}

const std::string& word(const std::vector<std::string>& words, std::size_t i) {
  if (i >= words.size()) throw ScriptError("'" + words.front() + "' lacks a word");
  return words[i];
}

}  // namespace

std::string Interaction::run(const std::string& line) {
  out_.str("");
  try {
    obey(words_of(line));
  } catch (const ScriptError& error) {
    tell("error: " + std::string(error.what()));
  }
  return out_.str();
}

void Interaction::tell(const std::string& line) { out_ << line << '\n'; }

Interaction::NodeNumber Interaction::number(const std::string& text) const {
  NodeNumber value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size())
    throw ScriptError("'" + text + "' is no number");
  return value;
}

std::set<Interaction::NodeNumber> Interaction::numbers(const std::string& list) const {
  std::set<NodeNumber> found;
  std::istringstream in(list);
  for (std::string item; std::getline(in, item, ',');) found.insert(number(item));
  return found;
}

std::set<Interaction::NodeNumber> Interaction::those_named(const Words& words, std::size_t place) const {
  if (place < words.size()) return numbers(words[place]);
  std::set<NodeNumber> all;
  for (const auto& [node, unused] : nodes_) all.insert(node);
  return all;
}

MemoryNode& Interaction::at(NodeNumber node) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) throw ScriptError("there is no node " + std::to_string(node));
  return found->second;
}

void Interaction::obey(const Words& words) {
  const std::string& verb = word(words, 0);
  if (verb == "nodes") return found(words);
  if (verb == "status") return status();
  if (verb == "run") return run_until_quiet(those_named(words, 1));
  if (verb == "lead") return elect(number(word(words, 1)), those_named(words, 2));
  if (verb == "send" || verb == "deliver" || verb == "drop" || verb == "keep" || verb == "late" ||
      verb == "reset")
    return obey_network(words);

  const NodeNumber node = number(word(words, 1));
  MemoryNode& machine = at(node);
  Raft& raft = machine.raft();
  if (verb == "campaign") {
    raft.leader_unreachable();
    raft.campaign();
  } else if (verb == "unreachable") {
    raft.leader_unreachable();
  } else if (verb == "quorum-lost") {
    raft.quorum_lost();
  } else if (verb == "append") {
    append(node, words);
  } else if (verb == "flush") {
    do {
      if (!flush(node)) break;
      settle(node);
    } while (words.size() > 2 && words[2] == "all");
  } else if (verb == "crash") {
    for (const auto& [other, unused] : nodes_) {
      if (other != node) reset(node, other);
    }
    booted(node, machine.crash());
  } else if (verb == "lose-tail") {
    for (const auto& [other, unused] : nodes_) {
      if (other != node) reset(node, other);
    }
    booted(node, machine.lose_tail(number(word(words, 2))));
  } else if (verb == "trim") {
    machine.trim(number(word(words, 2)));
  } else if (verb == "wipe") {
    for (const auto& [other, unused] : nodes_) {
      if (other != node) reset(node, other);
    }
    add_node(node, static_cast<std::uint8_t>(disks_[node] + 1), {});
  } else if (verb == "transfer") {
    const auto begun = raft.transfer_to(model::NodeId(number(word(words, 2))));
    if (!begun) tell(std::to_string(node) + " will not: " + begun.error().context);
  } else if (verb == "give-up") {
    raft.give_up_transfer();
  } else if (verb == "members") {
    change_members(node, words);
  } else if (verb == "receipts") {
    raft.want_receipts(true);
  } else if (verb == "held") {
    tell(std::to_string(node) + " knows that a majority holds up to " + raft.held_by_majority().to_string() +
         ", commit " + raft.commit().to_string());
  } else if (verb == "read") {
    reads_[node].push_back({raft.begin_barrier(), false});
    tell(std::to_string(node) + " read waits behind barrier " + std::to_string(reads_[node].back().barrier));
  } else {
    throw ScriptError("'" + verb + "' is no command");
  }
  settle(node);
}

void Interaction::obey_network(const Words& words) {
  const std::string& verb = words[0];
  const NodeNumber from = number(word(words, 1));
  const NodeNumber to = number(word(words, 2));
  for (const NodeNumber node : {from, to}) static_cast<void>(at(node));  // refuses those that are not there
  auto& link = links_[{from, to}];
  if (verb == "send") {
    send(from, to, words.size() > 3 ? number(words[3]) : kFramesPerAppend);
    return;
  }
  if (verb == "reset") return reset(from, to);
  if (verb == "late") {
    const auto kept = kept_.find({from, to});
    if (kept == kept_.end()) throw ScriptError("nothing was kept");
    deliver(from, to, kept->second);
    return settle(to);
  }
  if (link.empty()) throw ScriptError("nothing is on its way");
  if (verb == "drop") {
    link.pop_front();
  } else if (verb == "keep") {
    kept_.insert_or_assign({from, to}, link.front());
  } else {
    const bool all = words.size() > 3 && words[3] == "all";
    do {
      deliver_first(from, to);
    } while (all && !link.empty());
  }
}

// "nodes 3", "nodes 3 spares 1": spares are there and no members.
void Interaction::found(const Words& words) {
  const NodeNumber members = number(word(words, 1));
  const NodeNumber spares = words.size() > 3 ? number(words[3]) : 0;
  log::Membership founders;
  for (NodeNumber node = 1; node <= members; ++node) founders.voters.push_back(voter_of(node, 1));
  for (NodeNumber node = 1; node <= members + spares; ++node)
    add_node(node, 1, node <= members ? founders : log::Membership{});
}

// The named ones hear nobody else: they elect this one, without a word about how.
void Interaction::elect(NodeNumber node, const std::set<NodeNumber>& among) {
  for (const NodeNumber each : among) at(each).raft().leader_unreachable();
  // The first time it may only learn that there was a later term.
  for (int attempt = 0; attempt < 2 && at(node).raft().role() != Role::kLeader; ++attempt) {
    at(node).raft().campaign();
    settle(node);
    run_until_quiet(among);
  }
  for (auto& [ends, link] : links_) {
    if (among.contains(ends.first) && !among.contains(ends.second)) link.clear();
  }
  out_.str("");
  const Raft& raft = at(node).raft();
  if (raft.role() != Role::kLeader) throw ScriptError(std::to_string(node) + " is not elected");
  tell(std::to_string(node) + " leads in term " + std::to_string(raft.term().value()) + ", commit " +
       raft.commit().to_string());
}

void Interaction::add_node(NodeNumber node, std::uint8_t disk, const log::Membership& founders) {
  disks_[node] = disk;
  nodes_.erase(node);
  MemoryNode& machine = nodes_.emplace(node, MemoryNode(voter_of(node, disk), founders)).first->second;
  booted(node, machine.boot());
}

void Interaction::booted(NodeNumber node, const Result<void>& booted) {
  reads_.erase(node);
  if (!booted) throw ScriptError(booted.error().context);
  const Raft& raft = at(node).raft();
  seen_[node] = {raft.role(), raft.term(), raft.leader(), raft.commit()};
}

// "append 1 a", "append 1 a 3": three records.
void Interaction::append(NodeNumber node, const Words& words) {
  MemoryNode& machine = at(node);
  if (!machine.raft().takes_appends()) return tell(std::to_string(node) + " takes no appends");
  machine.append_records(words.size() > 3 ? number(words[3]) : 1, word(words, 2));
}

void Interaction::change_members(NodeNumber node, const Words& words) {
  const auto changed = at(node).raft().change_membership(membership_of(words, 2));
  if (!changed) tell(std::to_string(node) + " will not: " + changed.error().context);
}

// "voters 1,2 learners 3"
log::Membership Interaction::membership_of(const Words& words, std::size_t first) const {
  log::Membership membership;
  for (std::size_t i = first; i < words.size(); i += 2) {
    auto& list = word(words, i) == "learners" ? membership.learners : membership.voters;
    for (const NodeNumber node : numbers(word(words, i + 1))) list.push_back(voter_of(node, disks_.at(node)));
  }
  return membership;
}

// As RaftGroup has it: a wiped node is another voter, and what it says does not count for the one that it
// was.
bool Interaction::speaks_for_a_member(NodeNumber speaker, NodeNumber listener) const {
  return nodes_.at(listener).raft().is_member(voter_of(speaker, disks_.at(speaker)));
}

void Interaction::send(NodeNumber from, NodeNumber to, std::size_t frames_max) {
  if (!speaks_for_a_member(to, from))
    return tell(std::to_string(from) + " does not know the disk of " + std::to_string(to));
  if (auto install = at(from).next_install(model::NodeId(to))) {
    const Message message = std::move(*install);
    tell(std::to_string(from) + " -> " + std::to_string(to) + " " + to_text(message));
    links_[{from, to}].emplace_back(message);
    return;
  }
  auto append = at(from).next_append(model::NodeId(to), frames_max);
  if (!append) return tell(std::to_string(from) + " has nothing to say to " + std::to_string(to));
  tell(std::to_string(from) + " -> " + std::to_string(to) + " " + to_text(*append));
  links_[{from, to}].emplace_back(std::move(*append));
}

bool Interaction::deliver_first(NodeNumber from, NodeNumber to) {
  auto& link = links_[{from, to}];
  if (link.empty()) return false;
  const Wire wire = std::move(link.front());
  link.pop_front();
  deliver(from, to, wire);
  settle(to);
  return true;
}

void Interaction::deliver(NodeNumber from, NodeNumber to, const Wire& wire) {
  MemoryNode& machine = at(to);
  const model::NodeId sender(from);
  if (const auto* message = std::get_if<Message>(&wire)) {
    const auto* vote = std::get_if<VoteResponse>(message);
    const bool counts_for_much =
        (vote != nullptr && vote->granted) || std::holds_alternative<AppendResponse>(*message);
    if (counts_for_much && !speaks_for_a_member(from, to))
      return tell(std::to_string(to) + " counts nothing of " + std::to_string(from) +
                  ": its disk is no member");
    std::visit([&](const auto& one) { machine.raft().receive(sender, one); }, *message);
    return;
  }
  const auto& append = std::get<MemoryNode::Append>(wire);
  const Raft::AppendPlan plan = machine.receive(sender, append);
  if (!plan.accepted && !quiet_) tell(std::to_string(to) + " takes nothing of it");
}

bool Interaction::flush(NodeNumber node) {
  const auto op = at(node).flush();
  if (!op) {
    if (!quiet_) tell(std::to_string(node) + " has nothing to flush");
    return false;
  }
  --seen_[node].waiting;
  if (!quiet_) tell(std::to_string(node) + " flushes " + to_text(*op));
  return true;
}

void Interaction::reset(NodeNumber a, NodeNumber b) {
  links_[{a, b}].clear();
  links_[{b, a}].clear();
  at(a).raft().reconnected(model::NodeId(b));
  at(b).raft().reconnected(model::NodeId(a));
}

void Interaction::settle(NodeNumber node) {
  tell_asked(node);
  at(node).carry_out([&](const Outgoing& outgoing) {
    const NodeNumber to = outgoing.to.value();
    if (!quiet_) tell(std::to_string(node) + " -> " + std::to_string(to) + " " + to_text(outgoing.message));
    links_[{node, to}].emplace_back(outgoing.message);
  });
  tell_changes(node);
  tell_asked(node);
}

void Interaction::tell_asked(NodeNumber node) {
  const auto& waiting = at(node).waiting();
  std::size_t& told = seen_[node].waiting;
  for (; told < waiting.size(); ++told) {
    const MemoryNode::DiskOp& op = waiting[told];
    if (quiet_ && !std::holds_alternative<MemoryNode::Truncation>(op)) continue;
    const bool frame = std::holds_alternative<MemoryNode::Frame>(op);
    tell(std::to_string(node) + (frame ? " appends " : " wants on its disk: ") + to_text(op));
  }
}

void Interaction::tell_changes(NodeNumber node) {
  const Raft& raft = at(node).raft();
  const std::string who = std::to_string(node);
  Seen& seen = seen_[node];
  if (raft.role() != seen.role || raft.term() != seen.term || raft.leader() != seen.leader) {
    std::string line =
        who + " is " + to_text(raft.role()) + " in term " + std::to_string(raft.term().value());
    if (raft.role() == Role::kFollower && raft.leader())
      line += " of " + std::to_string(raft.leader()->value());
    tell(line);
  }
  if (raft.commit() != seen.commit) tell(who + " commits up to " + raft.commit().to_string());
  seen = {raft.role(), raft.term(), raft.leader(), raft.commit(), seen.waiting};
  for (Read& read : reads_[node]) {
    if (read.told || !raft.barrier_passed(read.barrier)) continue;
    read.told = true;
    tell(who + " read passes barrier " + std::to_string(read.barrier) + " and sees commit " +
         raft.commit().to_string());
  }
}

// Everything that is on its way among these arrives, everything is flushed, and leaders send what they can,
// until nothing happens any more.
void Interaction::run_until_quiet(const std::set<NodeNumber>& among) {
  quiet_ = true;
  bool busy = true;
  for (int round = 0; busy && round < kRoundsMax; ++round) {
    busy = false;
    for (const NodeNumber node : among) {
      while (flush(node)) settle(node), busy = true;
      for (const NodeNumber peer : among) {
        if (peer == node) continue;
        auto append = speaks_for_a_member(peer, node)
                          ? at(node).next_append(model::NodeId(peer), kFramesPerAppend)
                          : std::nullopt;
        busy = busy || append;
        if (append) links_[{node, peer}].emplace_back(std::move(*append));
        while (deliver_first(peer, node)) busy = true;
      }
    }
  }
  quiet_ = false;
  if (busy) throw ScriptError("the nodes do not come to rest");
}

void Interaction::status() {
  for (const auto& [node, machine] : nodes_) {
    const Raft& raft = machine.raft();
    tell(std::to_string(node) + " " + to_text(raft.role()) + " in term " +
         std::to_string(raft.term().value()) + ", commit " + raft.commit().to_string() + ", " +
         to_text(raft.membership()) + "; log: " + log_text(machine));
  }
}

}  // namespace forebay::raft::testing
