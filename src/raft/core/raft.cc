#include "raft/core/raft.h"

#include <algorithm>

#include "base/assert.h"

namespace forebay::raft {

Result<Raft> Raft::open(log::Voter self, const Restored& restored) {
  if (restored.membership) {
    const auto& voters = restored.membership->voters;
    if (std::find(voters.begin(), voters.end(), self) == voters.end()) {
      return Error{ErrorCode::kFailedPrecondition,
                   "this node and disk are no voter of the partition: its data came from another node or an "
                   "emptied disk"};
    }
    if (voters.size() != 1 || !restored.membership->next_voters.empty()) {
      return Error{ErrorCode::kFailedPrecondition,
                   "the partition has several voters, which this version does not support"};
    }
  }
  return Raft(self, restored);
}

Raft::Raft(log::Voter self, const Restored& restored)
    : self_(self),
      hard_state_(restored.hard_state),
      membership_(
          restored.membership.value_or(log::Membership{.voters = {self}, .next_voters = {}, .learners = {}})),
      membership_logged_(restored.membership.has_value()),
      end_(restored.end),
      flushed_(restored.end),  // what recovery returned is durable
      commit_(restored.log_start) {
  // A term known only from frames counts as already voted in: standing again takes a higher one.
  if (restored.last_term > hard_state_.term) hard_state_ = {restored.last_term, std::nullopt};
}

void Raft::campaign() {
  if (role_ != Role::kFollower) return;
  role_ = Role::kCandidate;
  hard_state_ = {hard_state_.term.next(), self_.node};
  ready_.hard_state = hard_state_;
}

void Raft::hard_state_durable(const log::HardState& state) {
  if (role_ != Role::kCandidate || state.term != hard_state_.term) return;
  // One vote, our own, is a majority of one.
  role_ = Role::kLeader;
  term_start_end_.reset();
  ready_.controls.emplace_back(log::TermStart{self_.node});
  if (!membership_logged_) ready_.controls.emplace_back(membership_);
}

void Raft::appended(model::LogPosition end) {
  FOREBAY_ASSERT(role_ == Role::kLeader);
  FOREBAY_ASSERT(end > end_);
  end_ = end;
  if (!term_start_end_) term_start_end_ = end;  // the first frame of a leadership is its term start
}

void Raft::flushed(model::LogPosition flushed) {
  FOREBAY_ASSERT(flushed <= end_);
  flushed_ = std::max(flushed_, flushed);
  maybe_commit(flushed_);
}

void Raft::maybe_commit(model::LogPosition flushed) {
  if (role_ != Role::kLeader || !term_start_end_ || flushed < *term_start_end_) return;
  if (flushed > commit_) commit_ = flushed;
  membership_logged_ = true;
}

void Raft::step_down() {
  role_ = Role::kFollower;
  term_start_end_.reset();
  ready_ = {};
}

Ready Raft::take_ready() { return std::exchange(ready_, Ready{}); }

bool Raft::has_committed_in_term() const {
  return role_ == Role::kLeader && term_start_end_ && commit_ >= *term_start_end_;
}

}  // namespace forebay::raft
