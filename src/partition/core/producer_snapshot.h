// The state of a partition's producers as bytes. Byte by byte: docs/format/producer-state.md. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "log/core/wire.h"
#include "partition/core/producer_index.h"
#include "partition/core/producer_state.h"

namespace forebay::partition {

using ProducerEntry = std::pair<model::ProducerId, ProducerState>;

struct ProducerSnapshot {
  std::vector<ProducerEntry> producers;  // by id
  friend bool operator==(const ProducerSnapshot&, const ProducerSnapshot&) = default;
};

// Takes one producer after the other, by ascending id.
class ProducerWriter {
 public:
  ProducerWriter();
  void add(model::ProducerId id, const ProducerState& state);
  struct Encoded {
    std::vector<std::byte> bytes;
    ProducerIndex index;
  };
  [[nodiscard]] Encoded finish();

 private:
  Encoded made_;
};

// Gives one producer after the other.
class ProducerReader {
 public:
  // Of a whole state. Errors: kCorruptBatch, kNewerFormat (an unknown version).
  [[nodiscard]] static Result<ProducerReader> open(ByteSpan state);
  // Of one block of it (ProducerIndex).
  explicit ProducerReader(ByteSpan block) : rest_(block) {}
  // Nothing: that was all. Errors: kCorruptBatch.
  [[nodiscard]] Result<std::optional<ProducerEntry>> next();
  // The bytes that the last one was read from.
  [[nodiscard]] ByteSpan last_bytes() const { return last_bytes_; }
  // How many a whole state says that it has; there is room for them in its bytes.
  [[nodiscard]] std::uint32_t count() const { return count_.value_or(0); }

 private:
  ByteSpan rest_;
  ByteSpan last_bytes_;
  std::optional<std::uint32_t> count_;  // of a whole state
  std::uint32_t given_ = 0;
  std::optional<model::ProducerId> last_;
};

[[nodiscard]] std::vector<std::byte> encode_producers(const ProducerSnapshot& snapshot);
// Errors: kCorruptBatch, kNewerFormat.
[[nodiscard]] Result<ProducerSnapshot> decode_producers(ByteSpan bytes);

}  // namespace forebay::partition
