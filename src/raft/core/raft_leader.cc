// The part of Raft that leads: what followers have, what they are sent, hand-overs and read barriers.
#include <algorithm>
#include <string>

#include "base/assert.h"
#include "raft/core/quorum.h"
#include "raft/core/raft.h"

namespace forebay::raft {

void Raft::receive(model::NodeId from, const AppendResponse& response) {
  if (response.term > hard_state_.term) return adopt(response.term);
  const auto found = progress_.find(from);
  if (role_ != Role::kLeader || response.term != hard_state_.term || found == progress_.end()) return;
  Progress& peer = found->second;
  peer.barrier = std::max(peer.barrier, response.barrier);
  if (!response.accepted) {
    if (!peer.probing || response.prev != peer.next) return;  // an answer to something older
    peer.waiting = false;
    peer.next =
        std::min(peer.next, terms_.end_of_terms_upto(response.hint_term, std::min(response.hint, end_)));
    return;
  }
  if (response.tail_damaged && peer.regain == model::LogPosition{}) {
    peer.regain = end_;
    peer.told_regain = false;
  }
  if (!response.tail_damaged) peer.regain = {};  // another loss asks for another one
  peer.damaged = response.damaged;
  peer.matched = std::max(peer.matched, std::min(response.matched, end_));
  peer.stored = std::max(peer.stored, response.flushed);
  // A longer log was there, and may have been promised: it does not count before that is there again.
  if (!response.tail_damaged) peer.flushed = std::max(peer.flushed, response.flushed);
  if (peer.probing) {
    peer.probing = peer.waiting = false;
    peer.next = std::min(response.matched, end_);
  }
  peer.next = std::max(peer.next, peer.stored);
  if (peer.stored >= peer.install_upto) peer.install_upto.reset();
  maybe_commit();
  maybe_transfer();
}

std::optional<AppendHead> Raft::next_append(model::NodeId peer_id) const {
  const auto found = progress_.find(peer_id);
  if (role_ != Role::kLeader || found == progress_.end() || !term_start_end_) return std::nullopt;
  const Progress& peer = found->second;
  // Confirmed by a majority, before it lets a replica count again.
  const bool may_regain = has_committed_in_term();
  const bool has_news = peer.probing || peer.next != end_ || peer.told_commit != commit_ ||
                        peer.told_barrier != barrier_ || (!peer.told_regain && may_regain);
  if (peer.waiting || !has_news) return std::nullopt;
  return AppendHead{.term = hard_state_.term,
                    .prev = peer.next,
                    .prev_term = terms_.before(peer.next),
                    .commit = commit_,
                    .barrier = barrier_,
                    .regain = may_regain ? peer.regain : model::LogPosition{},
                    .wants_receipt = wants_receipts_ || peer.probing};
}

bool Raft::news_can_wait(model::NodeId peer_id) const {
  const auto found = progress_.find(peer_id);
  if (found == progress_.end()) return true;
  const Progress& peer = found->second;
  return !peer.probing && peer.next == end_ && peer.told_barrier == barrier_ && peer.told_regain;
}

void Raft::sent(model::NodeId peer_id, model::LogPosition upto) {
  Progress& peer = progress_.at(peer_id);
  FOREBAY_ASSERT(upto >= peer.next && upto <= end_);
  peer.told_commit = commit_;
  peer.told_barrier = barrier_;
  peer.told_regain = peer.told_regain || has_committed_in_term();
  if (peer.probing) {
    peer.waiting = true;
  } else {
    peer.next = upto;
  }
}

AppendHead Raft::append_from(const AppendHead& head, model::LogPosition begin) const {
  AppendHead lower = head;
  lower.prev = begin;
  lower.prev_term = terms_.before(begin);
  return lower;
}

Install Raft::install_instead(const AppendHead& head, const log::LogBase& base) const {
  FOREBAY_ASSERT(role_ == Role::kLeader && head.prev < base.begin && base.begin <= commit_);
  Install install{head, base};
  install.head.prev = base.begin;
  install.head.prev_term = base.before.term;
  install.head.wants_receipt = true;
  return install;
}

// The answer says whether it was needed; what comes behind it is sent then.
void Raft::install_sent(model::NodeId peer_id, model::LogPosition begin) {
  Progress& peer = progress_.at(peer_id);
  peer.probing = true;
  peer.next = begin;
  peer.install_upto = end_;
  sent(peer_id, begin);
}

void Raft::reconnected(model::NodeId peer_id) {
  const auto found = progress_.find(peer_id);
  if (found == progress_.end()) return;
  found->second.probing = true;
  found->second.waiting = false;
  found->second.matched = found->second.stored = found->second.flushed;
  found->second.told_regain = found->second.regain == model::LogPosition{};
}

std::vector<model::NodeId> Raft::peers() const {
  std::vector<model::NodeId> nodes;
  nodes.reserve(progress_.size());
  for (const auto& [node, progress] : progress_) nodes.push_back(node);
  return nodes;
}

std::optional<Raft::PeerProgress> Raft::progress(model::NodeId peer) const {
  const auto found = progress_.find(peer);
  if (found == progress_.end()) return std::nullopt;
  const Progress& known = found->second;
  return PeerProgress{.next = known.next,
                      .matched = known.matched,
                      .stored = known.stored,
                      .flushed = known.flushed,
                      .probing = known.probing,
                      .damaged = known.damaged,
                      .installing = known.install_upto.has_value()};
}

model::LogPosition Raft::held_by_majority() const {
  if (role_ != Role::kLeader) return commit_;
  const model::LogPosition held = quorum_position(membership(), [this](model::NodeId node) {
    if (node == self_.node) return end_;
    const auto peer = progress_.find(node);
    return peer == progress_.end() ? model::LogPosition{} : peer->second.matched;
  });
  return std::max(held, commit_);
}

Result<void> Raft::transfer_to(model::NodeId target) {
  if (role_ != Role::kLeader)
    return Error{ErrorCode::kFailedPrecondition, "this node does not lead the partition"};
  if (target == self_.node || !is_voter(target)) {
    return Error{ErrorCode::kFailedPrecondition,
                 "node " + std::to_string(target.value()) + " is no other voter of the partition"};
  }
  transfer_target_ = target;
  transfer_told_ = false;
  maybe_transfer();
  return {};
}

void Raft::maybe_transfer() {
  if (!transfer_target_ || transfer_told_) return;
  const auto target = progress_.find(*transfer_target_);
  if (target == progress_.end() || target->second.flushed != end_) return;
  transfer_told_ = true;
  send(*transfer_target_, TransferNow{hard_state_.term});
}

std::uint64_t Raft::begin_barrier() {
  FOREBAY_ASSERT(role_ == Role::kLeader);
  return ++barrier_;
}

bool Raft::barrier_passed(std::uint64_t barrier) const {
  if (!has_committed_in_term()) return false;
  return is_quorum(membership(), [this, barrier](model::NodeId node) {
    if (node == self_.node) return true;
    const auto peer = progress_.find(node);
    return peer != progress_.end() && peer->second.barrier >= barrier;
  });
}

}  // namespace forebay::raft
