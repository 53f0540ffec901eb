// The state of a machine as bytes, and the messages in which it comes from its leader to a replica whose log
// does not lead to it (docs/format/machine-state.md). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "machine/core/state_machine.h"
#include "model/ids.h"

namespace forebay::machine {

// 10,000 members with their subscriptions and a million committed offsets are some 150 MiB: who says more is
// wrong.
inline constexpr std::size_t kStateBytesMax = 256U << 20;
// One message: others get their turn in between, and a piece is in no queue for long.
inline constexpr std::size_t kStatePieceBytes = 256U << 10;

[[nodiscard]] std::string encode_state(const Entries& entries);
// Errors: kCorruptBatch (a checksum, a length, an entry twice), kNewerFormat.
[[nodiscard]] Result<Entries> decode_state(ByteSpan bytes);

struct StateRequest {
  model::TopicPartition id;
  model::Offset applied;   // of the state whose pieces came before; at the begin: at least this
  std::uint64_t from = 0;  // bytes of it that are there
  friend bool operator==(const StateRequest&, const StateRequest&) = default;
};
struct StatePiece {
  model::Term term;  // the sender leads in it
  model::Offset applied;
  std::uint64_t size = 0;  // of the whole
  std::string bytes;       // from where it was asked
  friend bool operator==(const StatePiece&, const StatePiece&) = default;
};
// And nothing else that nodes ask one another.
[[nodiscard]] bool is_state_request(ByteSpan bytes);
[[nodiscard]] std::string encode_request(const StateRequest& request);
// Errors of both: kInvalidArgument.
[[nodiscard]] Result<StateRequest> decode_request(ByteSpan bytes);
[[nodiscard]] std::string encode_piece(const StatePiece& piece);
[[nodiscard]] Result<StatePiece> decode_piece(ByteSpan bytes);

}  // namespace forebay::machine
