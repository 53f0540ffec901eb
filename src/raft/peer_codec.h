// What nodes say to each other over the peer transport, as bytes: docs/format/peer-messages.md. Encoded by
// hand like the journal's records: an append is small beside its frames, and there are many.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "io/peer_transport.h"
#include "log/core/frame.h"
#include "model/ids.h"
#include "raft/core/hardship.h"
#include "raft/core/messages.h"

namespace forebay::raft {

// Both ends count: a heartbeat whose echo does not come back says that the link is broken in one direction at
// least.
struct Heartbeat {
  std::uint64_t sequence = 0;  // of the sender, from 1
  std::uint64_t echo = 0;      // the highest sequence that the sender has had from the other
  Hardship hardship;           // of the sender
};
struct LedGroup {
  model::TopicPartition group;
  model::Term term;
};
// Groups that the sender leads: all of them at the beginning of a session, later what changes.
struct Led {
  bool complete = false;
  std::vector<LedGroup> groups;
};
// Groups that it no longer leads, and does not know who does.
struct Resigned {
  std::vector<LedGroup> groups;
};
// Groups that the sender has just opened: what was sent to them before, it did not take.
struct Opened {
  std::vector<model::TopicPartition> groups;
};
struct GroupMessage {
  model::TopicPartition group;
  Message message;
};
struct Append {
  model::TopicPartition group;
  AppendHead head;
  std::vector<log::FramePtr> frames;
};
// Of a replica that has lost a range: asks for the frames that cover it. Answered by a leader of that term,
// or by whose commit lies behind the range (core/repair_plan.h).
struct RepairRequest {
  model::TopicPartition group;
  std::uint64_t id = 0;  // comes back with the answer
  model::Term term;      // of the asker
  model::LogPosition begin;
  model::LogPosition end;
  friend bool operator==(const RepairRequest&, const RepairRequest&) = default;
};
// The answer: frames that cover what was asked for, from its begin on; none: they are not here, or it
// is not certain that they are the same.
struct RepairFrames {
  model::TopicPartition group;
  std::uint64_t id = 0;
  model::LogPosition log_start;  // of the sender
  std::vector<log::FramePtr> frames;
};
// Of a replica that is not to be there any more: whether it is out of the group for good. It may have been
// away while the members changed, so it has to ask.
struct LeaveRequest {
  model::TopicPartition group;
  std::uint64_t number = 0;  // comes back with the answer
};
// By a leader that has proved that it leads since it was asked: the last membership is committed, and the
// node is not in it. There is no other answer: whoever is still in has nothing to do.
struct LeaveResponse {
  model::TopicPartition group;
  std::uint64_t number = 0;
  model::Term term;
  model::LogPosition commit;
};
// To the leader of a term: how far the sender has compacted its log. Answered by the other one.
struct Compacted {
  model::TopicPartition group;
  model::Term term;
  model::LogPosition compacted_to;
};
// So far have all replicas, and will those that come later.
struct CompactedEverywhere {
  model::TopicPartition group;
  model::Term term;
  model::LogPosition position;
};
// Of the layers above; answered once, or never when the session ends.
struct Request {
  std::uint64_t id = 0;
  std::string body;
};
struct Response {
  std::uint64_t id = 0;
  Result<std::string> body;
};
using PeerWords =
    std::variant<Heartbeat, Led, Resigned, Opened, GroupMessage, Append, RepairRequest, RepairFrames, Request,
                 Response, LeaveRequest, LeaveResponse, Compacted, CompactedEverywhere>;

[[nodiscard]] io::PeerMessage encode(const PeerWords& words);
// Checks every frame of an append. Errors: kCorruptBatch; kNewerFormat for a kind that is not known here.
[[nodiscard]] Result<PeerWords> decode(const io::PeerMessage& message);

}  // namespace forebay::raft
