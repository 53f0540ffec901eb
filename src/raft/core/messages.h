// What the members of a group say to each other. Frames themselves are not here: whoever carries an append
// over the wire puts the leader's frames from `prev` on behind it. Encoding: the peer transport's.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "log/core/control.h"
#include "log/core/journal_record.h"
#include "model/ids.h"

namespace forebay::raft {

struct VoteRequest {
  bool pre = false;  // asks whether a vote would be given; changes nothing
  model::Term term;  // the candidate's; of a pre-vote the one it would take
  model::LogPosition end;
  model::Term last_term;
  bool transfer = false;  // the leader itself asked the candidate to stand
  friend bool operator==(const VoteRequest&, const VoteRequest&) = default;
};

struct VoteResponse {
  bool pre = false;
  model::Term term;  // of the request when granted, else the voter's
  bool granted = false;
  friend bool operator==(const VoteResponse&, const VoteResponse&) = default;
};

// The head of an append: what must stand in the follower's log before the frames that come with it.
struct AppendHead {
  model::Term term;
  model::LogPosition prev;
  model::Term prev_term;
  model::LogPosition commit;
  std::uint64_t barrier = 0;  // comes back with the answer: the sender still led when it was asked
  // For a follower whose tail is lost: once it has flushed up to here it counts again. Zero: not told yet.
  model::LogPosition regain;
  // To be answered on receipt, and not only when what came with it is flushed.
  bool wants_receipt = false;
  friend bool operator==(const AppendHead&, const AppendHead&) = default;
};

struct AppendResponse {
  model::Term term;
  model::LogPosition prev;    // of the request that is answered
  std::uint64_t barrier = 0;  // of that request; 0 in what is said unasked
  bool accepted = false;
  // Accepted: the leader's log and this one are the same up to `matched`, and `flushed` of it is durable
  // here.
  model::LogPosition matched;
  model::LogPosition flushed;
  // Refused: the log is no longer than `hint`, or another term ends there: go on from below.
  model::LogPosition hint;
  model::Term hint_term;
  // What it has flushed does not count for commit, and it wants to be told `regain`.
  bool tail_damaged = false;
  // A range of its log is lost: it should not lead before that is repaired.
  bool damaged = false;
  friend bool operator==(const AppendResponse&, const AppendResponse&) = default;
};

// Instead of an append, to a follower that lacks what the leader has trimmed: its log begins at head.prev
// from now on, and what it has is void. Answered like an append without frames.
struct Install {
  AppendHead head;
  log::LogBase base;  // begins at head.prev, behind a frame of head.prev_term
  friend bool operator==(const Install&, const Install&) = default;
};

// To the one that is to lead next: it has everything, and stands at once.
struct TransferNow {
  model::Term term;
  friend bool operator==(const TransferNow&, const TransferNow&) = default;
};

using Message = std::variant<VoteRequest, VoteResponse, AppendResponse, TransferNow, Install>;
struct Outgoing {
  model::NodeId to;
  Message message;
  friend bool operator==(const Outgoing&, const Outgoing&) = default;
};

// What the core needs to know of a frame.
struct FrameMark {
  model::LogPosition begin;
  model::LogPosition end;
  model::Term term;
  std::optional<log::Membership> membership;  // of a membership frame
};

}  // namespace forebay::raft
