// What somebody has folded from a log up to a position, to the log only bytes: a file beside the segments, so
// that whoever opens the log again need not read all of it. Pure. Byte by byte:
// docs/format/state-snapshot.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/ids.h"

namespace forebay::log {

struct StateSnapshot {
  model::LogPosition position;  // of all frames below
  // Of the frame that ends there; 0 where the log begins. Two logs that have the same term before the same
  // position have the same frames below it.
  model::Term term;
  SharedBytes bytes;  // at most kStateBytesMax
};

// Of the bytes of a state: [begin, end).
struct StateRange {
  std::uint32_t begin = 0, end = 0;
};

// One that lies in a log's folder.
struct StateFile {
  model::LogPosition position;
  std::uint64_t size_bytes = 0;
  friend bool operator==(const StateFile&, const StateFile&) = default;
};

// A state is written, read and sent whole: it must not take what a shard needs for its traffic.
inline constexpr std::size_t kStateBytesMax = 64U << 20;
inline constexpr std::size_t kStateHeaderBytes = 64;

// Requires: state.bytes within its bound.
[[nodiscard]] std::vector<std::byte> encode_state(const model::TopicPartition& id,
                                                  const StateSnapshot& state);
// `file` as encode_state() made it; the state is a slice of it. Errors: kCorruptBatch (damaged, or of another
// partition), kNewerFormat.
[[nodiscard]] Result<StateSnapshot> decode_state(const model::TopicPartition& id, const SharedBytes& file);
// Of which partition it says to be: for a file that lies somewhere alone. Errors: likewise.
[[nodiscard]] Result<model::TopicPartition> partition_of_state(ByteSpan file);

// <20-digit offset>-<8-digit control count>.state
[[nodiscard]] std::string state_file_name(const model::LogPosition& position);
[[nodiscard]] std::optional<model::LogPosition> parse_state_file_name(std::string_view name);
// What a crash leaves of writing one.
[[nodiscard]] bool is_unfinished_state(std::string_view name);

}  // namespace forebay::log
