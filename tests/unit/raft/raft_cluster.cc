#include "raft_cluster.h"

#include <algorithm>

#include "raft/core/quorum.h"

namespace forebay::raft::testing {
namespace {

log::Voter voter_of(std::size_t i) {
  model::Uuid disk;
  disk.bytes[0] = static_cast<std::uint8_t>(i + 1);
  return {model::NodeId(static_cast<std::uint32_t>(i + 1)), disk};
}

log::Membership membership_of(std::uint32_t nodes) {
  log::Membership membership;
  for (std::uint32_t i = 0; i < nodes; ++i) membership.voters.push_back(voter_of(i));
  return membership;
}

// Also none: an append may say nothing but where the leader is.
constexpr std::size_t kFramesPerAppendMax = 3;

}  // namespace

RaftCluster::RaftCluster(const ClusterOptions& options)
    : options_(options),
      random_(options.seed),
      nodes_(options.nodes + options.spares),
      checked_(nodes_.size()) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    nodes_[i].spare = i >= options.nodes;
    boot(i);
  }
}

void RaftCluster::fail(const std::string& what) {
  if (failure_.empty()) failure_ = "seed " + std::to_string(options_.seed) + ": " + what;
}

void RaftCluster::boot(std::size_t i) {
  Node& node = nodes_[i];
  node.log = node.disk.frames;
  node.begin = node.disk.begin;
  Restored restored;
  restored.hard_state = node.disk.hard_state;
  restored.founders = membership_of(node.spare ? 0 : options_.nodes);
  restored.log_start = restored.end = node.begin.base.begin;
  restored.memberships = node.begin.base.memberships;
  if (node.begin.base.before.term > model::Term()) restored.terms.push_back(node.begin.base.before);
  for (const TestFrame& frame : node.log) {
    if (restored.terms.empty() || restored.terms.back().term != frame.mark.term)
      restored.terms.push_back({frame.mark.term, frame.mark.begin});
    if (frame.mark.membership) restored.memberships.emplace_back(frame.mark.begin, *frame.mark.membership);
    restored.end = frame.mark.end;
  }
  auto opened = Raft::open(voter_of(i), restored);
  if (!opened) return fail(opened.error().context);
  node.raft.emplace(std::move(*opened));
  checked_[i] = node.begin.frames;
}

void RaftCluster::crash(std::size_t i) {
  Node& node = nodes_[i];
  if (!node.pending.empty()) ++events_.crashes_with_loss;
  for (const DiskOp& lost : node.pending) {
    if (std::holds_alternative<NewLog>(lost)) ++events_.installs_undone_by_a_crash;
  }
  node.pending.clear();
  node.read.reset();
  for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
    if (peer != i) reset_link(i, peer);
  }
  boot(i);
}

// Both directions lose what is on its way, and both ends learn of it.
void RaftCluster::reset_link(std::size_t a, std::size_t b) {
  links_[{a, b}].clear();
  links_[{b, a}].clear();
  nodes_[a].raft->reconnected(id_of(b));
  nodes_[b].raft->reconnected(id_of(a));
}

void RaftCluster::append(std::size_t i, TestFrame frame) {
  nodes_[i].log.push_back(frame);
  nodes_[i].pending.emplace_back(std::move(frame));
}

void RaftCluster::cut(std::size_t i, model::LogPosition to) {
  ++events_.truncations;
  Node& node = nodes_[i];
  while (!node.log.empty() && node.log.back().mark.begin >= to) {
    if (node.log.back().mark.membership) ++events_.memberships_cut;
    node.log.pop_back();
  }
  node.pending.emplace_back(Truncation{to});
  checked_[i] = std::min(checked_[i], node.begin.frames + node.log.size());
}

void RaftCluster::carry_out(std::size_t i) {
  Node& node = nodes_[i];
  while (node.raft->has_ready()) {
    Ready ready = node.raft->take_ready();
    if (ready.hard_state) node.pending.emplace_back(*ready.hard_state);
    if (ready.install) begin_anew(i, *ready.install);
    for (const log::Control& control : ready.controls) {
      const model::LogPosition begin = node.raft->end();
      std::optional<log::Membership> membership;
      if (const auto* says = std::get_if<log::Membership>(&control)) membership = *says;
      append(i, {{begin, begin.after_control(), node.raft->term(), membership}, next_value_++});
      node.raft->appended(begin.after_control(), membership);
    }
    for (Outgoing& outgoing : ready.messages) {
      links_[{i, index_of(outgoing.to)}].emplace_back(std::move(outgoing.message));
    }
  }
}

void RaftCluster::pump(std::size_t i, std::size_t peer) {
  Node& node = nodes_[i];
  const auto head = node.raft->next_append(id_of(peer));
  if (!head) return;
  if (head->prev < node.begin.base.begin) {
    links_[{i, peer}].emplace_back(Message(node.raft->install_instead(*head, node.begin.base)));
    return node.raft->install_sent(id_of(peer), node.begin.base.begin);
  }
  Append append{*head, {}};
  model::LogPosition upto = head->prev;
  const std::size_t most = draw(kFramesPerAppendMax + 1);
  for (const TestFrame& frame : node.log) {
    if (frame.mark.begin < head->prev || append.frames.size() == most) continue;
    append.frames.push_back(frame);
    upto = frame.mark.end;
  }
  node.raft->sent(id_of(peer), upto);
  links_[{i, peer}].emplace_back(std::move(append));
}

void RaftCluster::deliver(std::size_t from, std::size_t to) {
  Link& link = links_[{from, to}];
  if (link.empty()) return;
  Wire wire = std::move(link.front());
  link.pop_front();
  Node& node = nodes_[to];
  if (auto* message = std::get_if<Message>(&wire)) {
    std::visit([&](const auto& m) { node.raft->receive(id_of(from), m); }, *message);
  } else {
    deliver(from, to, std::get<Append>(wire));
  }
}

void RaftCluster::begin_anew(std::size_t i, const log::LogBase& base) {
  Node& node = nodes_[i];
  ++events_.installs;
  events_.frames_given_up += node.log.size();
  node.log.clear();
  // What lies below is committed, and was seen to be.
  const auto first = std::find_if(committed_.begin(), committed_.end(),
                                  [&](const TestFrame& frame) { return frame.mark.begin >= base.begin; });
  node.begin = {base, static_cast<std::size_t>(first - committed_.begin())};
  checked_[i] = node.begin.frames;
  node.pending.emplace_back(NewLog{node.begin});
}

void RaftCluster::deliver(std::size_t from, std::size_t to, const Append& append) {
  Node& node = nodes_[to];
  std::vector<FrameMark> marks;
  for (const TestFrame& frame : append.frames) marks.push_back(frame.mark);
  const model::LogPosition commit = node.raft->commit();
  const Raft::AppendPlan plan = node.raft->receive(id_of(from), append.head, marks);
  if (!plan.accepted) {
    ++events_.refusals;
    return;
  }
  if (plan.truncate_to) {
    if (*plan.truncate_to < commit) fail("a log was cut below commit");
    cut(to, *plan.truncate_to);
  }
  for (std::size_t f = plan.first_new; f < append.frames.size(); ++f) this->append(to, append.frames[f]);
}

// The journal is one order: what is durable is a beginning of what was asked for.
void RaftCluster::flush_one(std::size_t i) {
  Node& node = nodes_[i];
  if (node.pending.empty()) return;
  const DiskOp op = std::move(node.pending.front());
  node.pending.pop_front();
  if (const auto* state = std::get_if<log::HardState>(&op)) {
    node.disk.hard_state = *state;
    node.raft->hard_state_durable(*state);
    return;
  }
  if (const auto* truncation = std::get_if<Truncation>(&op)) {
    while (!node.disk.frames.empty() && node.disk.frames.back().mark.begin >= truncation->to)
      node.disk.frames.pop_back();
    return;
  }
  if (const auto* trim = std::get_if<Trim>(&op)) {
    drop_front(node.disk.frames, trim->begin);
    node.disk.begin = trim->begin;
    return;
  }
  model::LogPosition flushed;
  if (const auto* install = std::get_if<NewLog>(&op)) {
    node.disk.frames.clear();
    node.disk.begin = install->begin;
    flushed = install->begin.base.begin;
  } else {
    node.disk.frames.push_back(std::get<TestFrame>(op));
    flushed = node.disk.frames.back().mark.end;
  }
  // A truncation that waits makes what it cuts worthless, an install everything.
  for (const DiskOp& later : node.pending) {
    if (const auto* truncation = std::get_if<Truncation>(&later)) flushed = std::min(flushed, truncation->to);
    if (std::holds_alternative<NewLog>(later)) return;
  }
  node.raft->flushed(flushed);
}

void RaftCluster::drop_front(std::vector<TestFrame>& frames, const Begin& begin) {
  std::erase_if(frames, [&](const TestFrame& frame) { return frame.mark.end <= begin.base.begin; });
}

// Some of what it knows to be committed.
void RaftCluster::trim(std::size_t i) {
  Node& node = nodes_[i];
  const auto committed =
      static_cast<std::size_t>(std::count_if(node.log.begin(), node.log.end(), [&](const TestFrame& frame) {
        return frame.mark.end <= node.raft->commit();
      }));
  const std::size_t count = draw(committed + 1);
  if (count == 0) return;
  ++events_.trims;
  Begin& begin = node.begin;
  for (std::size_t f = 0; f < count; ++f) {
    const FrameMark& mark = node.log[f].mark;
    if (mark.term != begin.base.before.term) begin.base.before = {mark.term, mark.begin};
    if (mark.membership) begin.base.memberships = {{mark.begin, *mark.membership}};
    begin.base.begin = mark.end;
  }
  begin.frames += count;
  drop_front(node.log, begin);
  checked_[i] = std::max(checked_[i], begin.frames);
  node.pending.emplace_back(Trim{begin});
}

bool RaftCluster::is_durable(std::size_t i, std::size_t committed_index, const TestFrame& frame) const {
  const Disk& disk = nodes_[i].disk;
  if (committed_index < disk.begin.frames) return true;  // it was, and has been trimmed
  const std::size_t place = committed_index - disk.begin.frames;
  return place < disk.frames.size() && disk.frames[place].value == frame.value;
}

void RaftCluster::client_append(std::size_t i) {
  Node& node = nodes_[i];
  if (!node.raft->takes_appends() || node.raft->end() == model::LogPosition{}) return;
  const model::LogPosition begin = node.raft->end();
  const model::LogPosition end = begin.after_records(1 + static_cast<std::int64_t>(draw(3)));
  append(i, {{begin, end, node.raft->term(), std::nullopt}, next_value_++});
  node.raft->appended(end);
}

void RaftCluster::client_read(std::size_t i) {
  Node& node = nodes_[i];
  if (node.raft->role() != Role::kLeader) return;
  node.read = {node.raft->begin_barrier(), node.raft->term(), committed_.size()};
}

// Any members, so that consecutive memberships may have no voter in common.
void RaftCluster::change_membership(std::size_t i) {
  log::Membership next;
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const auto dice = draw(3);
    if (dice < 2) (dice == 0 ? next.learners : next.voters).push_back(voter_of(n));
  }
  if (nodes_[i].raft->change_membership(next)) ++events_.changes;
}

void RaftCluster::check(std::size_t i) {
  const Node& node = nodes_[i];
  const Raft& raft = *node.raft;
  if (raft.role() == Role::kLeader) {
    const auto [leader, is_new] = leaders_.emplace(raft.term(), i);
    if (leader->second != i) return fail("two leaders of term " + std::to_string(raft.term().value()));
    if (is_new) {
      ++events_.leaders;
      // Leader completeness: whatever was committed is in the log of who leads later.
      const std::size_t first = node.begin.frames;
      for (std::size_t f = first; f < committed_.size(); ++f) {
        if (f - first >= node.log.size() || node.log[f - first].value != committed_[f].value)
          return fail("a leader lacks a committed frame");
      }
    }
  }
  // State machine safety: the same frame at the same place on every node.
  const std::size_t first = node.begin.frames;
  while (checked_[i] - first < node.log.size() && node.log[checked_[i] - first].mark.end <= raft.commit()) {
    const TestFrame& frame = node.log[checked_[i] - first];
    if (checked_[i] == committed_.size()) {
      committed_.push_back(frame);
      ++events_.commits;
      // Only what a majority has on its disk may be committed.
      const bool durable = is_quorum(
          raft.membership(), [&](model::NodeId id) { return is_durable(index_of(id), checked_[i], frame); });
      // Who had to leave has stepped down by now; and who is told of a commit may not know the latest
      // members.
      if (!durable && raft.role() == Role::kLeader) return fail("committed without a majority of disks");
    } else if (committed_[checked_[i]].value != frame.value) {
      return fail("two nodes committed different frames at one place");
    }
    ++checked_[i];
  }
  std::optional<Node::Read>& read = nodes_[i].read;
  if (read && (raft.role() != Role::kLeader || raft.term() != read->term)) read.reset();
  if (read && raft.barrier_passed(read->barrier)) {
    ++events_.barriers;
    if (checked_[i] < read->committed)
      return fail("a read passed its barrier and missed what was committed before");
    read.reset();
  }
}

bool RaftCluster::step() {
  const std::size_t i = draw(nodes_.size());
  const std::size_t peer = (i + 1 + draw(nodes_.size() - 1)) % nodes_.size();
  const auto dice = static_cast<int>(draw(100));
  int upto = options_.crash_percent;
  if (dice < upto) {
    crash(i);
  } else if (dice < (upto += options_.cut_percent)) {
    reset_link(i, peer);
  } else if (dice < (upto += options_.campaign_percent)) {
    nodes_[i].raft->leader_unreachable();
    if (draw(2) == 0) nodes_[i].raft->campaign();
  } else if (dice < (upto += options_.change_percent)) {
    change_membership(i);
  } else if (dice < (upto += options_.trim_percent)) {
    trim(i);
  } else if (dice < (upto += 1)) {
    if (nodes_[i].raft->transfer_to(id_of(peer))) ++events_.transfers;
  } else if (dice < (upto += 1)) {
    nodes_[i].raft->give_up_transfer();
  } else if (dice < (upto += 2)) {
    client_read(i);
  } else if (dice < (upto += 12)) {
    client_append(i);
  } else if (dice < (upto += 25)) {
    flush_one(i);
  } else if (dice < (upto += 20)) {
    pump(i, peer);
  } else {
    deliver(peer, i);
  }
  carry_out(i);
  for (std::size_t n = 0; n < nodes_.size() && failure_.empty(); ++n) check(n);
  return failure_.empty();
}

bool RaftCluster::settle() {
  for (std::size_t a = 0; a < nodes_.size(); ++a) {
    for (std::size_t b = a + 1; b < nodes_.size(); ++b) reset_link(a, b);
  }
  const auto is_settled = [this] {
    const auto leads = [](const Node& node) { return node.raft->has_committed_in_term(); };
    const auto leader = std::find_if(nodes_.begin(), nodes_.end(), leads);
    if (leader == nodes_.end()) return false;
    return leader->raft->membership_settled() &&
           std::all_of(nodes_.begin(), nodes_.end(), [&](const Node& node) {
             const auto place = static_cast<std::size_t>(&node - nodes_.data());
             if (!leader->raft->is_member(voter_of(place))) return true;
             return node.raft->commit() == leader->raft->end() && node.raft->end() == leader->raft->end();
           });
  };
  for (int round = 0; round < 3'000 && failure_.empty(); ++round) {
    if (is_settled()) return true;
    // Nobody came to the end for a while: one of them stands.
    if (round % 60 == 0) {
      for (Node& node : nodes_) {
        node.raft->quorum_lost();
        node.raft->leader_unreachable();
        node.raft->give_up_transfer();
      }
      nodes_[draw(nodes_.size())].raft->campaign();
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      carry_out(i);
      while (!nodes_[i].pending.empty()) flush_one(i);
      carry_out(i);
      for (std::size_t peer = 0; peer < nodes_.size(); ++peer) {
        if (peer == i) continue;
        pump(i, peer);
        while (!links_[{peer, i}].empty()) deliver(peer, i);
        carry_out(i);
      }
      check(i);
    }
  }
  std::string states;
  for (const Node& node : nodes_) {
    states += "\n  node " + std::to_string(&node - nodes_.data() + 1) + " role " +
              std::to_string(static_cast<int>(node.raft->role())) + " term " +
              std::to_string(node.raft->term().value()) + " commit " + node.raft->commit().to_string() +
              " end " + node.raft->end().to_string() + " settled " +
              std::to_string(node.raft->membership_settled()) + " voters";
    for (const auto& voter : node.raft->membership().voters)
      states += " " + std::to_string(voter.node.value());
    states += ", next";
    for (const auto& voter : node.raft->membership().next_voters)
      states += " " + std::to_string(voter.node.value());
  }
  if (failure_.empty()) fail("does not settle" + states);
  return false;
}

}  // namespace forebay::raft::testing
