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

// False: not from a leader that is to be followed.
bool Raft::hears(model::NodeId from, const AppendHead& head) {
  if (head.term < hard_state_.term) {
    refuse(from, head, {});
    return false;
  }
  adopt(head.term);
  // Nobody else leads this term: not from a member that keeps the rules.
  if (role_ == Role::kLeader) return false;
  if (leader_ != from || role_ != Role::kFollower) follow(from);
  hears_leader_ = true;
  return true;
}

bool Raft::agrees(const AppendHead& head) const {
  return head.prev <= commit_ || (head.prev <= end_ && terms_.before(head.prev) == head.prev_term);
}

Raft::AppendPlan Raft::receive(model::NodeId from, const AppendHead& head,
                               const std::vector<FrameMark>& frames) {
  AppendPlan plan;
  if (!hears(from, head)) return plan;
  if (!agrees(head)) {
    // Behind our end nothing agrees, and nothing of terms that the leader does not have up to there: it has
    // none later than the one it names. Of that one and of earlier ones as much may agree as both have.
    const model::LogPosition hint =
        std::max(commit_, terms_.end_of_terms_upto(head.prev_term, std::min(head.prev, end_)));
    refuse(from, head, hint);
    return plan;
  }
  plan.accepted = true;
  take_frames(frames, plan);
  take_head(head, frames.empty() ? head.prev : frames.back().end);
  return plan;
}

void Raft::take_frames(const std::vector<FrameMark>& frames, AppendPlan& plan) {
  plan.first_new = frames.size();
  for (std::size_t i = 0; i < frames.size(); ++i) {
    FrameMark frame = frames[i];
    if (frame.end <= commit_ || (frame.end <= end_ && terms_.before(frame.end) == frame.term)) continue;
    if (is_widened_over_the_end(frame)) {
      frame.begin = end_;
      plan.rest_from = end_;
    } else if (frame.begin < end_) {
      truncate(frame.begin);
      plan.truncate_to = frame.begin;
    }
    plan.first_new = i;
    take_frame(frame);
    for (++i; i < frames.size(); ++i) take_frame(frames[i]);
  }
}

// All that is here of its range is of its term: a beginning of what that term's leader wrote, so that the
// log ends where a frame did before compaction. What is here may have been promised: it is not cut.
bool Raft::is_widened_over_the_end(const FrameMark& frame) const {
  return frame.begin < end_ && end_ < frame.end && terms_.before(end_) == frame.term &&
         terms_.begin_of_term_before(end_) <= frame.begin;
}

// The logs are the same up to `matched`.
void Raft::take_head(const AppendHead& head, model::LogPosition matched) {
  matched_ = std::max(matched_, matched);
  leader_commit_ = std::max(leader_commit_, head.commit);
  if (!installing_) set_commit(std::min(leader_commit_, matched_));
  if (tail_damaged_) regain_ = head.regain;
  // Else it is answered when it is flushed: one message for both. Each one costs the leader a wake.
  const bool news = std::min(flushed_, matched_) > told_flushed_ || head.barrier > told_barrier_;
  if (head.wants_receipt || tail_damaged_ || news) tell_flushed(head.prev, head.barrier);
  maybe_regain();
}

// What is given up: below the base, what a committed frame has trimmed; behind it, what no leader will ever
// have, for logs that differ below differ there too (docs/adr/0011). So no promise is lost by it.
void Raft::receive(model::NodeId from, const Install& install) {
  if (!hears(from, install.head)) return;
  if (!agrees(install.head)) begin_at(install.base);
  take_head(install.head, install.head.prev);
}

void Raft::begin_at(const log::LogBase& base) {
  FOREBAY_ASSERT(base.begin > commit_);
  ready_.install = base;
  installing_ = end_ = base.begin;
  flushed_ = std::min(flushed_, commit_);
  told_flushed_ = {};
  terms_ = TermTable();
  if (base.before.term > model::Term()) terms_.append(base.before.begin, base.before.term);
  memberships_.resize(1);
  if (base.memberships.empty()) return;
  memberships_.front() = {base.memberships.front().first, base.memberships.front().second};
  first_is_logged_ = true;
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
  if (std::min(flushed_, matched_) < std::max(regain_, regain_floor_)) return;
  regain_reported_ = true;
  ready_.regained = true;
}

void Raft::tail_lost(model::Offset upto) {
  FOREBAY_ASSERT(role_ != Role::kLeader);
  if (role_ != Role::kFollower) follow(std::nullopt);
  tail_damaged_ = true;
  regain_reported_ = false;
  regain_ = {};  // what was told was told of an earlier loss
  regain_floor_ = {upto, 0};
  if (leader_) tell_flushed(matched_, 0);
}

void Raft::tail_regained() {
  tail_damaged_ = renews_ = false;
  regain_floor_ = {};
  if (role_ == Role::kFollower && leader_) tell_flushed(matched_, 0);
}

}  // namespace forebay::raft
