// What a control frame says. Control frames are zero-width: they take no offset and no consumer sees them.
// Encoding (docs/format/control.md): u16 version, u16 type, fields; little endian.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/ids.h"

namespace forebay::log {

// A voter is a node with one life of its disk: a wiped node is another voter.
struct Voter {
  model::NodeId node;
  model::Uuid disk;
  friend auto operator<=>(const Voter&, const Voter&) = default;
};

// First frame of every leadership; commits what earlier terms left.
struct TermStart {
  model::NodeId leader;
  friend bool operator==(const TermStart&, const TermStart&) = default;
};
// The membership from here on. Sorted; `next_voters` is empty outside a joint configuration.
struct Membership {
  std::vector<Voter> voters;
  std::vector<Voter> next_voters;
  std::vector<Voter> learners;
  friend bool operator==(const Membership&, const Membership&) = default;
};
// Once committed, nothing below `begin` may be read any more and its files may go.
struct LogStart {
  model::LogPosition begin;
  friend bool operator==(const LogStart&, const LogStart&) = default;
};
// A new session of this producer has begun: behind this frame no batch of a lower epoch of it is taken.
struct ProducerFence {
  model::ProducerId producer;
  model::ProducerEpoch epoch;
  friend bool operator==(const ProducerFence&, const ProducerFence&) = default;
};
// Of each text in a producer's position: a path or a topic's name fits, and a frame stays small beside its
// batch.
inline constexpr std::size_t kProducerTextBytesMax = 256;
// Stands directly before a batch: once the one that ends with `last_sequence` is in the log, the producer has
// read its source up to `position`. What the two texts mean is the producer's affair.
struct ProducerPosition {
  model::ProducerId producer;
  model::ProducerEpoch epoch;
  std::int32_t last_sequence = 0;
  std::string source;    // at most kProducerTextBytesMax
  std::string position;  // likewise
  friend bool operator==(const ProducerPosition&, const ProducerPosition&) = default;
};
// Behind this frame no producer without a name is known whose last frame was appended before `silent_before`,
// and of one whose last batch was appended before `quiet_before` nothing but that batch. A leader decides it
// when its clock can be trusted, and the log says it, so that all replicas forget the same.
struct ProducersForgotten {
  model::Timestamp silent_before = model::kNoTimestamp;
  model::Timestamp quiet_before = model::kNoTimestamp;
  friend bool operator==(const ProducersForgotten&, const ProducersForgotten&) = default;
};
using Control =
    std::variant<TermStart, Membership, LogStart, ProducerFence, ProducerPosition, ProducersForgotten>;

// Requires: texts within their bound.
[[nodiscard]] std::vector<std::byte> encode_control(const Control& control);
// Errors: kCorruptBatch for malformed bytes, kNewerFormat for an unknown version or type.
[[nodiscard]] Result<Control> decode_control(ByteSpan bytes);
// Whether it stands in the log for the sake of the batch behind it: then it may take no room that a batch may
// not, and is worth nothing without it. Looks at the type only.
[[nodiscard]] bool goes_with_a_batch(ByteSpan control_payload);

}  // namespace forebay::log
