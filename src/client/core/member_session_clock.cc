// What passing time makes of a membership: whose lease or patience is over, and what is too slow.
#include <algorithm>
#include <utility>

#include "client/core/member_session.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;

// A coordinator that takes a join answers within a round of its log.
constexpr milliseconds kJoinPatience{10'000};

}  // namespace

std::optional<MemberSession::TimePoint> MemberSession::earlier(std::optional<TimePoint> a,
                                                               std::optional<TimePoint> b) {
  return a && b ? std::min(a, b) : (a ? a : b);
}

std::optional<MemberSession::TimePoint> MemberSession::next_deadline() const {
  if (over_) return std::nullopt;
  std::optional<TimePoint> first;
  const auto at = [&](TimePoint time) { first = first ? std::min(*first, time) : time; };
  switch (phase_) {
    case Phase::kAway:
      at(not_before_);
      break;
    case Phase::kJoining:
      at(join_sent_ + join_patience());
      break;
    case Phase::kJoined:
      at(lease_end());
      if (leave_said_) break;  // nothing more is said
      at(heartbeat_at_);
      if (!committing_) at(commit_at_);
      break;
  }
  if (!owned_.empty()) at(lease_end());
  if (const auto until = earlier(give_up_until_, unproved_until_)) at(*until);
  if (settings_.processing_deadline.count() > 0) {
    for (const auto& [partition, owned] : owned_) {
      const auto oldest = owned.marks.oldest_unmarked();
      if (oldest && !owned.overdue && owned.state == State::kReading)
        at(*oldest + settings_.processing_deadline);
    }
  }
  return first;
}

// Who has a session needs what is left of it for another node, when this one is silent.
milliseconds MemberSession::join_patience() const {
  return member_id_.empty() ? kJoinPatience : std::min(kJoinPatience, session_ / 2);
}

void MemberSession::look_at_clock(TimePoint now) {
  if (over_) return;
  const bool gives_up = to_confirm_ || std::any_of(owned_.begin(), owned_.end(), [](const auto& one) {
                          return one.second.state != State::kReading;
                        });
  if (!gives_up) give_up_until_.reset();
  const auto until = earlier(give_up_until_, unproved_until_);
  const bool late = until && now >= *until;
  const bool lease_over = session_.count() > 0 && now >= lease_end();
  const bool may_lose = !owned_.empty() || phase_ == Phase::kJoined;
  if (late && !may_lose) {  // what it will own is told by the answer to its next join
    give_up_until_.reset();
    unproved_until_.reset();
  }
  if ((lease_over || late) && may_lose) {
    lose_all(late ? Error{ErrorCode::kTimedOut,
                          "what was to be given up was not finished in time; a longer revoke timeout helps"}
                  : Error{ErrorCode::kTimedOut, "the coordinator of the group has not been heard for " +
                                                    std::to_string(member_lease_of(session_).count()) +
                                                    " ms"});
    if (phase_ == Phase::kJoined) {
      drop_stream();
      if (lease_over) {
        trouble_ = Error{ErrorCode::kTimedOut, nodes_.address(node_) + " does not answer"};
        nodes_.failed(node_, now, rng_);
        node_ = nodes_.next(node_, now);
      }
      not_before_ = now;
    }
  }
  if (phase_ == Phase::kJoining && now >= join_sent_ + join_patience()) {
    drop_stream();
    come_back(RpcError{{ErrorCode::kTimedOut, nodes_.address(node_) + " has not answered the join"},
                       false,
                       std::nullopt,
                       std::nullopt},
              now);
  }
  look_for_slow(now);
}

void MemberSession::look_for_slow(TimePoint now) {
  if (settings_.processing_deadline.count() == 0) return;
  holds_back_ = false;
  for (auto& [partition, owned] : owned_) {
    const auto oldest = owned.marks.oldest_unmarked();
    const bool overdue = oldest && *oldest + settings_.processing_deadline <= now;
    if (!overdue) owned.released = owned.stays = false;
    owned.overdue = overdue;
    holds_back_ |= owned.is_held_back();
  }
}

}  // namespace forebay::client
