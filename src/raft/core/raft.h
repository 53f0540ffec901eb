// Consensus of one partition, as a pure state machine: inputs in, effects out. No clock, no disk, no network:
// that a leader cannot be reached is an input, and so is a flush. Frames stay with the caller; the core knows
// where they begin and end and in which term.
//
// Rules kept here (docs/architecture.md, "Raft"):
//  - a term and its vote are durable before anything that depends on them leaves: a vote, an answer to an
//    append, a frame of the term;
//  - every leadership, also of a sole voter, begins with a new term and a term-start frame;
//  - only flushed entries count for commit, the leader's own too, and only through an entry of the current
//    term; commit never falls;
//  - a log is cut only where another term stands, and never below commit;
//  - nobody votes while it hears a leader, and a pre-vote comes before a term is taken: who was cut off
//    disturbs nobody when it comes back;
//  - a membership counts from the frame on that holds it, and no longer when that is cut.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/result.h"
#include "log/core/control.h"
#include "log/core/journal_record.h"
#include "model/ids.h"
#include "raft/core/messages.h"
#include "raft/core/term_table.h"

namespace forebay::raft {

// A leadership that an operator forced is so many terms above what its members know: the lost ones may have
// gone on without them for a while, and no two histories may ever share a term.
inline constexpr std::uint64_t kForcedTerms = 100'000;

enum class Role : std::uint8_t { kFollower, kPreCandidate, kCandidate, kLeader };

// What the log knew when the group was opened.
struct Restored {
  log::HardState hard_state;
  model::LogPosition end;             // of the log
  std::vector<log::TermBegin> terms;  // of its frames
  model::LogPosition log_start;       // committed by definition
  // Those in the log, each with the begin of its frame: the last committed one and all later ones.
  std::vector<std::pair<model::LogPosition, log::Membership>> memberships;
  // What counts as long as the log has none, the same for every replica of a new group: its first leader
  // writes it. Without voters: this replica waits to be told by a leader. None: a group of this node alone.
  std::optional<log::Membership> founders;
  // The log may have been longer, and the vote is unknown: no vote, and no flush that counts.
  bool tail_damaged = false;
  // A range is lost: it votes and counts, and does not lead if another can.
  bool damaged = false;
  // Of what is lost nobody knows whether it held members: who does not know the members must not lead.
  bool members_uncertain = false;
  // Likewise, and this replica had an earlier life here that ended: what it promised then must not be undone
  // by what it knows now, which may be the begin of the log alone. It never stands before it has caught up,
  // also where that begin says that nobody else votes.
  bool renews = false;
};

// Effects, to be carried out in this order.
struct Ready {
  std::optional<log::HardState> hard_state;  // make durable, then report hard_state_durable()
  // The log begins there from now on. Behind the term in which a leader said so, or a crash could leave this
  // replica in an earlier one with a log that no leader of that has. flushed() up to there when it is
  // durable.
  std::optional<log::LogBase> install;
  std::vector<log::Control>
      controls;  // append as frames of the current term now, and report each with appended()
  std::vector<Outgoing> messages;
  // The lost tail is here again: forget durably that it was lost, then report tail_regained().
  bool regained = false;
};

class Raft {
 public:
  // Who is no member follows all the same, and never stands: also where the log ends at a membership that
  // names the disk that this node had before, as it does on the way back. Errors: kDataLoss when the terms of
  // the log do not ascend.
  [[nodiscard]] static Result<Raft> open(log::Voter self, const Restored& restored);

  // --- elections
  // Others may have our vote from now on.
  void leader_unreachable();
  // Nothing is heard of the leader, or nobody won: asks the others whether they would vote. A sole voter
  // stands at once.
  void campaign();
  void hard_state_durable(const log::HardState& state);
  void receive(model::NodeId from, const VoteRequest& request);
  void receive(model::NodeId from, const VoteResponse& response);
  void receive(model::NodeId from, const TransferNow& transfer);
  // A leader that no longer hears a majority, or gives up for another reason: it must not go on answering.
  void quorum_lost();
  // An operator's word that these voters are gone for ever: stands for a leadership of all the others, each
  // of whom has to agree, so that whoever leads has what any of them knows to be committed. Their first deed
  // is a membership without the lost ones. Errors: kFailedPrecondition when this node leads, does not vote,
  // is among the lost or has lost its tail; when nobody is lost, or those who are left are a majority.
  [[nodiscard]] Result<void> stand_without(const std::vector<log::Voter>& lost);
  void step_down();  // the log failed: no more promises

  // --- the own log
  // A frame of the current term is in the log (not yet durable).
  void appended(model::LogPosition end, const std::optional<log::Membership>& membership = std::nullopt);
  void flushed(model::LogPosition flushed);  // the log is durable up to here
  void tail_regained();
  // Somebody knows that what lies below `upto` was committed, and it is not all in this log: from now on this
  // replica neither votes nor counts until it has that, and what its leader has. Does not lead.
  void tail_lost(model::Offset upto);
  // What is said of the log's damage as long as it is there; with it members that were not known.
  void damage_changed(bool damaged, const std::vector<log::TermBegin>& terms,
                      const std::vector<std::pair<model::LogPosition, log::Membership>>& memberships);

  // --- follower
  struct AppendPlan {
    bool accepted = false;
    std::optional<model::LogPosition> truncate_to;  // cut first
    std::size_t first_new = 0;  // then append the frames from here on; those before are there
    // Of the first one only what lies from there on: compaction widened it over what is there (log::rest_of).
    std::optional<model::LogPosition> rest_from;
  };
  // Carry the plan out before the next input; the core knows the frames already. Requires: the frames follow
  // each other from head.prev on.
  [[nodiscard]] AppendPlan receive(model::NodeId from, const AppendHead& head,
                                   const std::vector<FrameMark>& frames);
  // Until the new log is durable this replica promises nothing.
  void receive(model::NodeId from, const Install& install);
  // Whether receive() would give up what the log holds.
  [[nodiscard]] bool begins_anew_by(const Install& install) const {
    return install.head.term >= hard_state_.term && !agrees(install.head);
  }
  // Follows whoever sent it, and does nothing else of what it says.
  void hear_only(model::NodeId from, const Install& install) { static_cast<void>(hears(from, install.head)); }

  // --- leader
  void receive(model::NodeId from, const AppendResponse& response);
  // What to send to this peer now, frames from `prev` on as many as the window allows, maybe none; nothing
  // when there is nothing to say, or an answer has to come first. Report with sent().
  [[nodiscard]] std::optional<AppendHead> next_append(model::NodeId peer) const;
  void sent(model::NodeId peer, model::LogPosition upto);
  // All that there is to say to this peer is what has been committed: with the next frames is soon enough.
  [[nodiscard]] bool news_can_wait(model::NodeId peer) const;
  // Followers answer when what they got is flushed; with receipts also when they got it, which is what
  // held_by_majority() lives on.
  void want_receipts(bool wanted) { wants_receipts_ = wanted; }
  // The append that next_append() gave, from a frame on that begins before head.prev: for a peer that is
  // known to have that one.
  [[nodiscard]] AppendHead append_from(const AppendHead& head, model::LogPosition begin) const;
  // Instead of it: the log has nothing before `base` any more, and that is
  // what the peer needs next. Report with install_sent(). Requires: head.prev < base.begin <= commit().
  [[nodiscard]] Install install_instead(const AppendHead& head, const log::LogBase& base) const;
  void install_sent(model::NodeId peer, model::LogPosition begin);
  // What was on its way to it, or from it, is lost.
  void reconnected(model::NodeId peer);
  struct PeerProgress {
    model::LogPosition next;     // sent up to here
    model::LogPosition matched;  // in its memory
    model::LogPosition stored;   // on its disk
    model::LogPosition flushed;  // likewise, and counts for commit
    bool probing = true;
    bool damaged = false;     // as it says
    bool installing = false;  // told to begin anew, and has not yet stored what this leader had then
  };
  [[nodiscard]] std::optional<PeerProgress> progress(model::NodeId peer) const;
  // Whom a leader sends to: all other members, and those that are about to leave.
  [[nodiscard]] std::vector<model::NodeId> peers() const;
  [[nodiscard]] bool has_peers() const { return !progress_.empty(); }
  // A majority has it in memory, though perhaps not on disk: what may be acknowledged early, and never
  // committed by that. Known in time only with want_receipts().
  [[nodiscard]] model::LogPosition held_by_majority() const;

  // Makes `next` (without next_voters) the membership: over a joint one when its voters are others than now.
  // The core does each step when the one before is committed. Errors: kFailedPrecondition when this node does
  // not lead, leadership is being handed over, or another change is under way; kNotYet before this leadership
  // has committed anything; kInvalidArgument without voters.
  [[nodiscard]] Result<void> change_membership(const log::Membership& next);
  // The latest membership is committed, and no joint one.
  [[nodiscard]] bool membership_settled() const;

  // Hands leadership over: nothing may be appended any more, and when the target has everything it is told to
  // stand. Whoever asks gives up after an election timeout. Errors: kFailedPrecondition when this node does
  // not lead or the target is no voter.
  [[nodiscard]] Result<void> transfer_to(model::NodeId target);
  void give_up_transfer() { transfer_target_.reset(); }
  [[nodiscard]] bool takes_appends() const { return role_ == Role::kLeader && !transfer_target_; }

  // A read barrier: once it has passed, commit() was not overtaken by another leader before begin_barrier().
  // Barriers that wait at one time share a round of messages.
  [[nodiscard]] std::uint64_t begin_barrier();
  [[nodiscard]] bool barrier_passed(std::uint64_t barrier) const;

  [[nodiscard]] Ready take_ready();
  [[nodiscard]] bool has_ready() const {
    return ready_.hard_state.has_value() || ready_.install.has_value() || !ready_.controls.empty() ||
           !ready_.messages.empty() || ready_.regained;
  }

  [[nodiscard]] Role role() const { return role_; }
  [[nodiscard]] model::Term term() const { return hard_state_.term; }
  [[nodiscard]] std::optional<model::NodeId> leader() const { return leader_; }
  // Everything below is committed. Never falls.
  [[nodiscard]] model::LogPosition commit() const { return commit_; }
  // True once the term-start frame of the current term is committed: before it, `commit` may lag behind what
  // was promised by an earlier leadership, so reads of the end must wait.
  [[nodiscard]] bool has_committed_in_term() const;
  [[nodiscard]] const log::Membership& membership() const { return memberships_.back().membership; }
  // The last one that is committed, as far as this replica knows.
  [[nodiscard]] const log::Membership& committed_membership() const {
    return memberships_.front().membership;
  }
  [[nodiscard]] bool is_member(const log::Voter& voter) const;
  [[nodiscard]] bool is_listed(model::NodeId node) const;   // whatever its disk
  [[nodiscard]] bool is_learner(model::NodeId node) const;  // likewise
  [[nodiscard]] model::LogPosition end() const { return end_; }
  // Up to here the log is the same as that of the leader that is followed.
  [[nodiscard]] model::LogPosition matched() const { return role_ == Role::kFollower ? matched_ : commit_; }

 private:
  struct Progress {
    model::Uuid disk;            // of the member: the same node with another disk knows nothing of this
    model::LogPosition next;     // what is sent next begins here
    model::LogPosition matched;  // in its memory, verified to be the same as here
    model::LogPosition stored;   // of that, on its disk
    model::LogPosition flushed;  // likewise, and counts: not of one whose tail is lost
    model::LogPosition told_commit;
    std::uint64_t told_barrier = 0;
    model::LogPosition regain;  // told, or to be told, to a follower whose tail is lost
    bool told_regain = true;
    std::uint64_t barrier = 0;  // it answered
    bool probing = true;        // where its log agrees is not known: one append at a time
    bool waiting = false;       // for the answer to that one
    bool damaged = false;       // a range of its log is lost
    std::optional<model::LogPosition> install_upto;  // the end when it was told to begin anew
  };
  struct MembershipFrame {
    model::LogPosition begin;
    log::Membership membership;
  };
  // A message that must not leave before this is durable.
  struct Held {
    log::HardState needs;
    Outgoing message;
  };

  Raft(log::Voter self, const Restored& restored);
  [[nodiscard]] bool is_voter(model::NodeId node) const;
  [[nodiscard]] bool may_stand() const;
  [[nodiscard]] bool votes() const;
  [[nodiscard]] bool is_sole_voter() const;
  [[nodiscard]] std::vector<model::NodeId> others() const;
  [[nodiscard]] bool is_up_to_date(const VoteRequest& request) const;
  void set_hard_state(const log::HardState& state);
  void adopt(model::Term term);
  void follow(std::optional<model::NodeId> leader);
  [[nodiscard]] bool has_won() const;
  enum class Ask : std::uint8_t { kPreVote, kVote, kVoteForTransfer };
  void ask_for_votes(Ask ask);
  void stand(Ask ask);
  void maybe_transfer();
  void lead();
  void send(model::NodeId to, Message message);
  void tell_flushed(model::LogPosition prev, std::uint64_t barrier);
  [[nodiscard]] bool hears(model::NodeId from, const AppendHead& head);
  [[nodiscard]] bool agrees(const AppendHead& head) const;
  void take_head(const AppendHead& head, model::LogPosition matched);
  void take_frames(const std::vector<FrameMark>& frames, AppendPlan& plan);
  [[nodiscard]] bool is_widened_over_the_end(const FrameMark& frame) const;
  void begin_at(const log::LogBase& base);
  void refuse(model::NodeId leader, const AppendHead& head, model::LogPosition hint);
  void take_frame(const FrameMark& frame);
  void truncate(model::LogPosition to);
  void maybe_commit();
  void set_commit(model::LogPosition commit);
  void maybe_regain();
  void forget_gone_peers();
  void add_new_peers();
  [[nodiscard]] bool membership_logged() const { return first_is_logged_ || memberships_.size() > 1; }

  log::Voter self_;
  log::HardState hard_state_;
  log::HardState durable_;
  // At least one; the first is committed, or what counts before the log has one.
  std::vector<MembershipFrame> memberships_;
  bool first_is_logged_ = false;
  bool tail_damaged_ = false;
  bool damaged_ = false;
  bool members_uncertain_ = false;
  bool renews_ = false;
  model::LogPosition regain_;        // of the leader that is followed
  model::LogPosition regain_floor_;  // at least
  bool regain_reported_ = false;
  bool leaving_joint_ = false;  // the control that ends a joint membership is on its way into the log
  TermTable terms_;
  model::LogPosition end_;
  model::LogPosition flushed_;
  model::LogPosition commit_;

  Role role_ = Role::kFollower;
  std::optional<model::NodeId> leader_;
  bool hears_leader_ = false;
  model::LogPosition matched_;        // follower: up to here the leader's log and ours are the same
  model::LogPosition told_flushed_;   // follower: what the leader knows of our flushes
  std::uint64_t told_barrier_ = 0;    // follower: the last barrier of the leader that was answered
  model::LogPosition leader_commit_;  // follower: as the leader told
  // Follower: the log is to begin there, which is not durable yet. Until it is, nothing more is committed.
  std::optional<model::LogPosition> installing_;
  bool wants_receipts_ = false;
  std::set<model::NodeId> granted_;
  std::optional<log::Membership> forced_;  // a candidate's that stands without the lost: theirs when it leads
  std::optional<model::LogPosition> term_start_end_;  // end of the current leadership's term-start frame
  std::map<model::NodeId, Progress> progress_;
  std::optional<model::NodeId> transfer_target_;
  bool transfer_told_ = false;
  std::uint64_t barrier_ = 0;
  std::vector<Held> held_;
  Ready ready_;
};

}  // namespace forebay::raft
