// The part of Raft that follows a leader: takes what it sends, and answers.
#include <algorithm>

#include "base/assert.h"
#include "raft/core/raft.h"

namespace forebay::raft {

void Raft::tell_flushed(model::LogPosition prev, std::uint64_t barrier) {
  told_flushed_ = std::min(flushed_, matched_);
  told_barrier_ = std::max(told_barrier_, barrier);
  AppendResponse response;
  response.term = hard_state_.term;
  response.prev = prev;
  response.barrier = barrier;
  response.accepted = true;
  response.matched = matched_;
  response.flushed = told_flushed_;
  response.tail_damaged = tail_damaged_;
  response.damaged = damaged_;
  send(*leader_, response);
}

void Raft::refuse(model::NodeId leader, const AppendHead& head, model::LogPosition hint) {
  AppendResponse response;
  response.term = hard_state_.term;
  response.prev = head.prev;
  response.barrier = head.barrier;
  response.hint = hint;
  response.hint_term = terms_.before(hint);
  send(leader, response);
}

Raft::AppendPlan Raft::receive(model::NodeId from, const AppendHead& head,
                               const std::vector<FrameMark>& frames) {
  AppendPlan plan;
  if (head.term < hard_state_.term) {
    refuse(from, head, {});
    return plan;
  }
  adopt(head.term);
  if (role_ == Role::kLeader)
    return plan;  // nobody else leads this term: not from a member that keeps the rules
  if (leader_ != from || role_ != Role::kFollower) follow(from);
  hears_leader_ = true;
  const bool same = head.prev <= commit_ || (head.prev <= end_ && terms_.before(head.prev) == head.prev_term);
  if (!same) {
    // Behind our end nothing agrees, and nothing of terms that the leader does not have up to there: it has
    // none later than the one it names. Of that one and of earlier ones as much may agree as both have.
    const model::LogPosition hint =
        std::max(commit_, terms_.end_of_terms_upto(head.prev_term, std::min(head.prev, end_)));
    refuse(from, head, hint);
    return plan;
  }
  plan.accepted = true;
  plan.first_new = frames.size();
  model::LogPosition last = head.prev;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const FrameMark& frame = frames[i];
    last = frame.end;
    if (frame.end <= commit_ || (frame.end <= end_ && terms_.before(frame.end) == frame.term)) continue;
    if (frame.begin < end_) {
      truncate(frame.begin);
      plan.truncate_to = frame.begin;
    }
    plan.first_new = i;
    for (; i < frames.size(); ++i) take_frame(frames[i]);
    last = end_;
  }
  matched_ = std::max(matched_, last);
  set_commit(std::min(head.commit, matched_));
  if (tail_damaged_) regain_ = head.regain;
  // Else it is answered when it is flushed: one message for both. Each one costs the leader a wake.
  const bool news = std::min(flushed_, matched_) > told_flushed_ || head.barrier > told_barrier_;
  if (head.wants_receipt || tail_damaged_ || news) tell_flushed(head.prev, head.barrier);
  maybe_regain();
  return plan;
}

void Raft::truncate(model::LogPosition to) {
  FOREBAY_ASSERT(to >= commit_);
  end_ = to;
  flushed_ = std::min(flushed_, to);
  terms_.truncate(to);
  while (memberships_.size() > 1 && memberships_.back().begin >= to) memberships_.pop_back();
}

void Raft::take_frame(const FrameMark& frame) {
  FOREBAY_ASSERT(frame.begin == end_);
  terms_.append(frame.begin, frame.term);
  end_ = frame.end;
  if (!frame.membership) return;
  memberships_.push_back({frame.begin, *frame.membership});
}

// --- a log whose tail is lost

// The end that the leader had when it was told of the damage: whatever was promised with this replica's help
// lies below it, for the leader won without any replica whose tail is lost.
void Raft::maybe_regain() {
  if (!tail_damaged_ || regain_reported_ || regain_ == model::LogPosition{}) return;
  if (std::min(flushed_, matched_) < regain_) return;
  regain_reported_ = true;
  ready_.regained = true;
}

void Raft::tail_regained() {
  tail_damaged_ = false;
  if (role_ == Role::kFollower && leader_) tell_flushed(matched_, 0);
}

}  // namespace forebay::raft
