// Consensus of one partition, as a pure state machine: inputs in, effects out through take_ready(). No clock,
// no disk, no network. So far a group has one voter: it wins every election alone, and commit follows its own
// flushed log. Terms, votes, term-start frames and the membership frame are those of a group of any size, so
// that nothing migrates when it grows.
//
// Rules kept here (docs/architecture.md, "Raft"):
//  - a term and its vote are durable before anything that depends on them: no frame of a term before its hard
//  state;
//  - every leadership, also of a sole voter, begins with a new term and a term-start frame;
//  - only flushed entries count for commit, and only through an entry of the current term; commit never
//  falls.
#pragma once

#include <optional>
#include <vector>

#include "base/result.h"
#include "log/core/control.h"
#include "log/core/journal_record.h"
#include "model/ids.h"

namespace forebay::raft {

enum class Role { kFollower, kCandidate, kLeader };

// What the log knew when the group was opened.
struct Restored {
  log::HardState hard_state;
  model::LogPosition end;        // of the log
  model::Term last_term;         // of its last frame; 0 when empty
  model::LogPosition log_start;  // committed by definition
  std::optional<log::Membership>
      membership;  // the latest in the log; none: a new group, its first leader writes it
};

// Effects, to be carried out in this order.
struct Ready {
  std::optional<log::HardState> hard_state;  // make durable, then report hard_state_durable()
  std::vector<log::Control>
      controls;  // append as frames of the current term now, and report each with appended()
};

class Raft {
 public:
  // Requires: `self` is a voter of the restored membership, if there is one. Errors: kFailedPrecondition
  // otherwise, or when there are other voters (groups of several voters are not supported by this version).
  [[nodiscard]] static Result<Raft> open(log::Voter self, const Restored& restored);

  // Inputs.
  void campaign();  // stand for election; a sole voter wins once its vote is durable
  void hard_state_durable(const log::HardState& state);
  void appended(model::LogPosition end);     // a frame of the current term is in the log (not yet durable)
  void flushed(model::LogPosition flushed);  // the log is durable up to here
  void step_down();                          // the log failed: no more promises

  [[nodiscard]] Ready take_ready();
  [[nodiscard]] bool has_ready() const { return ready_.hard_state.has_value() || !ready_.controls.empty(); }

  [[nodiscard]] Role role() const { return role_; }
  [[nodiscard]] model::Term term() const { return hard_state_.term; }
  // Everything below is committed. Never falls.
  [[nodiscard]] model::LogPosition commit() const { return commit_; }
  // True once the term-start frame of the current term is committed: before it, `commit` may lag behind what
  // was promised by an earlier leadership, so reads of the end must wait.
  [[nodiscard]] bool has_committed_in_term() const;
  [[nodiscard]] const log::Membership& membership() const { return membership_; }

 private:
  Raft(log::Voter self, const Restored& restored);
  void maybe_commit(model::LogPosition flushed);

  log::Voter self_;
  log::HardState hard_state_;
  log::Membership membership_;
  bool membership_logged_ = false;
  Role role_ = Role::kFollower;
  model::LogPosition end_;
  model::LogPosition flushed_;
  model::LogPosition commit_;
  std::optional<model::LogPosition> term_start_end_;  // end of the current leadership's term-start frame
  Ready ready_;
};

}  // namespace forebay::raft
