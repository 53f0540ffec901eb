#include "raft/core/raft.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/assert.h"
#include "raft/core/quorum.h"

namespace forebay::raft {
namespace {

bool contains(const std::vector<log::Voter>& voters, const log::Voter& voter) {
  return std::find(voters.begin(), voters.end(), voter) != voters.end();
}

bool lists(const log::Membership& membership, const log::Voter& voter) {
  return contains(membership.voters, voter) || contains(membership.next_voters, voter) ||
         contains(membership.learners, voter);
}

bool lists_node(const log::Membership& membership, model::NodeId node) {
  for (const auto* list : {&membership.voters, &membership.next_voters, &membership.learners}) {
    for (const log::Voter& member : *list) {
      if (member.node == node) return true;
    }
  }
  return false;
}

// What counts before a frame says something.
log::Membership first_membership(log::Voter self, const Restored& restored) {
  if (restored.founders) return *restored.founders;
  if (!restored.memberships.empty()) return restored.memberships.front().second;
  return {.voters = {self}, .next_voters = {}, .learners = {}};
}

// What is durable is enough for a message that depends on `needs`.
bool covers(const log::HardState& durable, const log::HardState& needs) {
  if (durable.term != needs.term) return durable.term > needs.term;
  return !needs.vote || durable.vote == needs.vote;
}

}  // namespace

Result<Raft> Raft::open(log::Voter self, const Restored& restored) {
  if (!TermTable::is_ascending(restored.terms))
    return Error{ErrorCode::kDataLoss, "the terms of the log do not ascend: it is damaged"};
  return Raft(self, restored);
}

Raft::Raft(log::Voter self, const Restored& restored)
    : self_(self),
      hard_state_(restored.hard_state),
      durable_(restored.hard_state),
      memberships_{{{}, first_membership(self, restored)}},
      first_is_logged_(!restored.founders && !restored.memberships.empty()),
      tail_damaged_(restored.tail_damaged || restored.renews),
      damaged_(restored.damaged),
      members_uncertain_(restored.members_uncertain),
      renews_(restored.renews),
      terms_(restored.terms),
      end_(restored.end),
      flushed_(restored.end),  // what recovery returned is durable
      commit_(restored.log_start) {
  for (const auto& [begin, membership] : restored.memberships) {
    if (first_is_logged_ && memberships_.size() == 1 && memberships_.front().begin == model::LogPosition{} &&
        membership == memberships_.front().membership) {
      memberships_.front().begin = begin;
    } else {
      memberships_.push_back({begin, membership});
    }
  }
  // A term known only from frames counts as already voted in: standing again takes a higher one.
  const model::Term last = terms_.before(end_);
  if (last > hard_state_.term) hard_state_ = durable_ = {last, std::nullopt};
}

// --- membership

bool Raft::is_voter(model::NodeId node) const {
  const auto is_node = [node](const log::Voter& voter) { return voter.node == node; };
  const log::Membership& now = membership();
  return std::any_of(now.voters.begin(), now.voters.end(), is_node) ||
         std::any_of(now.next_voters.begin(), now.next_voters.end(), is_node);
}

bool Raft::is_member(const log::Voter& voter) const { return lists(membership(), voter); }

bool Raft::is_learner(model::NodeId node) const {
  const auto& learners = membership().learners;
  return std::any_of(learners.begin(), learners.end(),
                     [node](const log::Voter& learner) { return learner.node == node; });
}

bool Raft::is_listed(model::NodeId node) const { return lists_node(membership(), node); }

// The disk that this node had before is another voter: it counts by its node where others are asked only.
bool Raft::votes() const {
  return contains(membership().voters, self_) || contains(membership().next_voters, self_);
}

// Who leaves by a membership that is not committed may be the only one that can commit it. A membership of
// the disk that this node had before speaks of somebody else.
bool Raft::may_stand() const {
  if (renews_) return false;
  return std::any_of(memberships_.begin(), memberships_.end(), [this](const MembershipFrame& frame) {
    return contains(frame.membership.voters, self_) || contains(frame.membership.next_voters, self_);
  });
}

bool Raft::is_sole_voter() const {
  return votes() && is_quorum(membership(), [this](model::NodeId node) { return node == self_.node; });
}

std::vector<model::NodeId> Raft::others() const {
  std::set<model::NodeId> nodes;
  const log::Membership& now = membership();
  for (const auto* list : {&now.voters, &now.next_voters, &now.learners}) {
    for (const log::Voter& member : *list) nodes.insert(member.node);
  }
  nodes.erase(self_.node);
  return {nodes.begin(), nodes.end()};
}

// --- terms and roles

void Raft::set_hard_state(const log::HardState& state) {
  hard_state_ = state;
  ready_.hard_state = state;
}

void Raft::adopt(model::Term term) {
  if (term <= hard_state_.term) return;
  set_hard_state({term, std::nullopt});
  follow(std::nullopt);
}

void Raft::follow(std::optional<model::NodeId> leader) {
  if (role_ != Role::kFollower || leader_ != leader) {
    matched_ = commit_;  // what is committed, every leader has
    told_flushed_ = leader_commit_ = {};
    told_barrier_ = 0;
    regain_ = {};
  }
  role_ = Role::kFollower;
  leader_ = leader;
  hears_leader_ = leader.has_value();
  granted_.clear();
  forced_.reset();
  progress_.clear();
  term_start_end_.reset();
  transfer_target_.reset();
  leaving_joint_ = false;
  ready_.controls.clear();
}

void Raft::leader_unreachable() {
  if (role_ != Role::kLeader) hears_leader_ = false;
}

void Raft::quorum_lost() {
  if (role_ == Role::kLeader) follow(std::nullopt);
}

void Raft::step_down() {
  follow(std::nullopt);
  held_.clear();
  ready_ = {};
}

// Messages that promise something wait for the hard state that they speak of.
void Raft::send(model::NodeId to, Message message) {
  if (covers(durable_, hard_state_)) {
    ready_.messages.push_back({to, std::move(message)});
  } else {
    held_.push_back({hard_state_, {to, std::move(message)}});
  }
}

void Raft::hard_state_durable(const log::HardState& state) {
  if (covers(durable_, state)) return;
  durable_ = state;
  for (Held& held : held_) {
    // Of an earlier term it would only be thrown away.
    if (held.needs == hard_state_ && covers(durable_, held.needs)) {
      ready_.messages.push_back(std::move(held.message));
    }
  }
  std::erase_if(
      held_, [this](const Held& held) { return held.needs != hard_state_ || covers(durable_, held.needs); });
  if (role_ != Role::kCandidate || durable_ != hard_state_) return;
  granted_.insert(self_.node);
  if (has_won()) lead();
}

// --- elections

void Raft::campaign() {
  if (role_ == Role::kLeader || !may_stand()) return;
  // A sole voter leads all the same: nobody else could, and what is lost is answered as lost.
  if ((tail_damaged_ || members_uncertain_) && !is_sole_voter()) return;
  if (role_ == Role::kCandidate && durable_ != hard_state_) return;  // it stands already
  follow(std::nullopt);
  if (is_sole_voter()) return stand(Ask::kVote);
  role_ = Role::kPreCandidate;
  granted_.insert(self_.node);
  ask_for_votes(Ask::kPreVote);
}

void Raft::stand(Ask ask) {
  follow(std::nullopt);
  role_ = Role::kCandidate;
  set_hard_state({hard_state_.term.next(), self_.node});
  ask_for_votes(ask);
}

void Raft::ask_for_votes(Ask ask) {
  const bool pre = ask == Ask::kPreVote;
  const model::Term term = pre ? hard_state_.term.next() : hard_state_.term;
  for (const model::NodeId peer : others()) {
    if (is_voter(peer))
      send(peer, VoteRequest{pre, term, end_, terms_.before(end_), ask == Ask::kVoteForTransfer});
  }
}

bool Raft::is_up_to_date(const VoteRequest& request) const {
  const model::Term last = terms_.before(end_);
  return request.last_term != last ? request.last_term > last : request.end >= end_;
}

void Raft::receive(model::NodeId from, const VoteRequest& request) {
  // Whoever hears a leader does not help to unseat it; one that asks for votes itself leads no more.
  const bool loyal = !request.transfer && leader_ != from && (hears_leader_ || role_ == Role::kLeader);
  if (request.pre) {
    const bool granted =
        !loyal && !tail_damaged_ && request.term > hard_state_.term && is_up_to_date(request);
    send(from, VoteResponse{true, granted ? request.term : hard_state_.term, granted});
    return;
  }
  if (loyal && request.term > hard_state_.term) {
    send(from, VoteResponse{false, hard_state_.term, false});
    return;
  }
  adopt(request.term);
  const bool free = !hard_state_.vote || *hard_state_.vote == from;
  const bool stands = role_ == Role::kCandidate || role_ == Role::kLeader;
  const bool granted = request.term == hard_state_.term && !stands && !leader_ && !tail_damaged_ && free &&
                       is_up_to_date(request);
  if (granted) follow(std::nullopt);  // a pre-vote of our own is over
  if (granted && !hard_state_.vote) set_hard_state({hard_state_.term, from});
  send(from, VoteResponse{false, hard_state_.term, granted});
}

void Raft::receive(model::NodeId from, const VoteResponse& response) {
  if (!response.granted) return adopt(response.term);
  const bool expected = response.pre
                            ? role_ == Role::kPreCandidate && response.term == hard_state_.term.next()
                            : role_ == Role::kCandidate && response.term == hard_state_.term;
  if (!expected) return;
  granted_.insert(from);
  if (!has_won()) return;
  if (response.pre) return stand(Ask::kVote);
  lead();
}

void Raft::receive(model::NodeId from, const TransferNow& transfer) {
  if (transfer.term != hard_state_.term || leader_ != from || !votes() || tail_damaged_ || damaged_) return;
  stand(Ask::kVoteForTransfer);
}

bool Raft::has_won() const {
  const auto granted = [this](model::NodeId node) { return granted_.contains(node); };
  if (!forced_) return is_quorum(membership(), granted);
  return std::all_of(forced_->voters.begin(), forced_->voters.end(),
                     [&granted](const log::Voter& voter) { return granted(voter.node); });
}

Result<void> Raft::stand_without(const std::vector<log::Voter>& lost) {
  const auto refused = [](const char* why) { return Error{ErrorCode::kFailedPrecondition, why}; };
  const log::Membership& now = membership();
  if (role_ == Role::kLeader) return refused("this node leads the partition");
  if (tail_damaged_)
    return refused("the end of the log on this node is lost; accept that loss first, or choose another node");
  log::Membership left;
  for (const auto* voters : {&now.voters, &now.next_voters}) {
    for (const log::Voter& voter : *voters) {
      if (!contains(lost, voter) && !contains(left.voters, voter)) left.voters.push_back(voter);
    }
  }
  if (!contains(left.voters, self_)) return refused("this node is none of the voters that are left");
  const auto is_left = [&left](model::NodeId node) {
    return std::any_of(left.voters.begin(), left.voters.end(),
                       [node](const log::Voter& voter) { return voter.node == node; });
  };
  if (lost.empty() || is_quorum(now, is_left))
    return refused("a majority of the voters is left: they elect a leader by themselves");
  std::sort(left.voters.begin(), left.voters.end());
  left.learners = now.learners;
  // A voter that was on its way to be a learner is needed as it was.
  std::erase_if(left.learners, [&left](const log::Voter& learner) { return contains(left.voters, learner); });
  follow(std::nullopt);
  forced_ = std::move(left);
  role_ = Role::kCandidate;
  set_hard_state({model::Term(hard_state_.term.value() + kForcedTerms), self_.node});
  ask_for_votes(Ask::kVote);
  return {};
}

void Raft::lead() {
  const auto forced = std::exchange(forced_, std::nullopt);
  follow(std::nullopt);
  role_ = Role::kLeader;
  leader_ = self_.node;
  add_new_peers();
  ready_.controls.emplace_back(log::TermStart{self_.node});
  if (forced) {
    ready_.controls.emplace_back(*forced);
  } else if (!membership_logged()) {
    ready_.controls.emplace_back(membership());
  }
}

// --- the own log

void Raft::appended(model::LogPosition end, const std::optional<log::Membership>& membership) {
  FOREBAY_ASSERT(role_ == Role::kLeader);
  FOREBAY_ASSERT(end > end_);
  const model::LogPosition begin = end_;
  terms_.append(begin, hard_state_.term);
  end_ = end;
  if (!term_start_end_) term_start_end_ = end;  // the first frame of a leadership is its term start
  if (!membership) return;
  memberships_.push_back({begin, *membership});
  leaving_joint_ = false;
  add_new_peers();
}

void Raft::add_new_peers() {
  const log::Membership& now = membership();
  for (const auto* list : {&now.voters, &now.next_voters, &now.learners}) {
    for (const log::Voter& member : *list) {
      if (member == self_) continue;
      const auto known = progress_.find(member.node);
      if (known != progress_.end() && known->second.disk == member.disk) continue;
      Progress fresh;
      fresh.disk = member.disk;
      fresh.next = end_;
      progress_.insert_or_assign(member.node, fresh);
    }
  }
}

// Who is in no membership that may still count is told nothing more.
void Raft::forget_gone_peers() {
  std::erase_if(progress_, [this](const auto& entry) { return !lists_node(membership(), entry.first); });
}

void Raft::flushed(model::LogPosition flushed) {
  FOREBAY_ASSERT(flushed <= end_);
  if (flushed <= flushed_) return;
  flushed_ = flushed;
  if (installing_ && flushed_ >= *installing_) {
    set_commit(std::max(*installing_, std::min(leader_commit_, matched_)));
    installing_.reset();
  }
  if (role_ == Role::kLeader) {
    maybe_commit();
  } else if (leader_ && std::min(flushed_, matched_) > told_flushed_) {
    tell_flushed(matched_, 0);
    maybe_regain();
  }
}

// Terms and members that lie in a range which is good again were not known while it was lost.
void Raft::damage_changed(bool damaged, const std::vector<log::TermBegin>& terms,
                          const std::vector<std::pair<model::LogPosition, log::Membership>>& memberships) {
  damaged_ = damaged;
  if (!damaged) {
    members_uncertain_ = false;
    terms_ = TermTable(terms);
    for (const auto& [begin, membership] : memberships) {
      const auto at = std::partition_point(memberships_.begin(), memberships_.end(),
                                           [&](const MembershipFrame& known) { return known.begin < begin; });
      const bool known = at != memberships_.end() && at->begin == begin;
      const bool superseded = at == memberships_.begin() && membership_logged();
      if (!known && !superseded) memberships_.insert(at, {begin, membership});
    }
    const model::LogPosition commit = std::exchange(commit_, {});
    set_commit(commit);
  }
  if (role_ == Role::kFollower && leader_) tell_flushed(matched_, 0);
}

void Raft::maybe_commit() {
  if (role_ != Role::kLeader || !term_start_end_) return;
  const model::LogPosition reached = quorum_position(membership(), [this](model::NodeId node) {
    if (node == self_.node) return flushed_;
    const auto peer = progress_.find(node);
    return peer == progress_.end() ? model::LogPosition{} : peer->second.flushed;
  });
  if (reached < *term_start_end_ || reached <= commit_) return;
  set_commit(reached);
  if (memberships_.size() > 1 || leaving_joint_) return;
  forget_gone_peers();
  const log::Membership& now = membership();
  if (!now.next_voters.empty()) {
    leaving_joint_ = true;
    ready_.controls.emplace_back(log::Membership{now.next_voters, {}, now.learners});
  } else if (!votes()) {
    follow(std::nullopt);  // its last deed was to commit that it leaves
  }
}

void Raft::set_commit(model::LogPosition commit) {
  if (commit <= commit_) return;
  commit_ = commit;
  while (memberships_.size() > 1 && memberships_[1].begin < commit_) {
    memberships_.erase(memberships_.begin());
    first_is_logged_ = true;
  }
}

bool Raft::membership_settled() const {
  return memberships_.size() == 1 && first_is_logged_ && membership().next_voters.empty();
}

Result<void> Raft::change_membership(const log::Membership& next) {
  if (next.voters.empty()) return Error{ErrorCode::kInvalidArgument, "a partition needs at least one voter"};
  if (role_ != Role::kLeader)
    return Error{ErrorCode::kFailedPrecondition, "this node does not lead the partition"};
  if (transfer_target_)
    return Error{ErrorCode::kFailedPrecondition,
                 "leadership is being handed over; retry with the new leader"};
  // Else a change of an earlier leadership could come back beside this one.
  if (!has_committed_in_term()) return Error{ErrorCode::kNotYet, "the leadership is young; retry"};
  if (!membership_settled() || leaving_joint_) {
    return Error{ErrorCode::kFailedPrecondition,
                 "another change of the membership is under way; retry when it is committed"};
  }
  log::Membership step = next;
  step.next_voters.clear();
  if (next.voters != membership().voters) {
    step.voters = membership().voters;
    step.next_voters = next.voters;
  }
  ready_.controls.emplace_back(std::move(step));
  return {};
}

Ready Raft::take_ready() { return std::exchange(ready_, Ready{}); }

bool Raft::has_committed_in_term() const {
  return role_ == Role::kLeader && term_start_end_ && commit_ >= *term_start_end_;
}

}  // namespace forebay::raft
