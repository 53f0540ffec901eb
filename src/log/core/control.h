// What a control frame says. Control frames are zero-width: they take no offset and no consumer sees them.
// Encoding (docs/format/control.md): u16 version, u16 type, fields; little endian.
#pragma once

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
using Control = std::variant<TermStart, Membership, LogStart>;

[[nodiscard]] std::vector<std::byte> encode_control(const Control& control);
// Errors: kCorruptBatch for malformed bytes, kNewerFormat for an unknown version or type.
[[nodiscard]] Result<Control> decode_control(ByteSpan bytes);

}  // namespace forebay::log
