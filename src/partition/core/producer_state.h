// What a partition knows of one idempotent producer: its session, the last batches of it that are stored,
// and, of a named one, how far its source is read. Pure; plain values. Everything in here follows from the
// frames of the log, in order, and nothing from the time of day; so do leader, follower and a replica that
// was opened from a snapshot agree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/core/control.h"
#include "model/ids.h"

namespace forebay::partition {

// As many batches of a partition as a producer may have unanswered (Kafka's number, which clients count on):
// a copy of any of them is recognised.
inline constexpr std::size_t kRememberedBatches = 5;

[[nodiscard]] constexpr std::int32_t next_sequence(std::int32_t last) {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(last) + 1) & 0x7fffffffU);
}

struct StoredBatch {
  std::int32_t first_sequence = 0;
  std::int32_t last_sequence = 0;  // inclusive; below the first one where they wrapped
  model::Offset first_offset;
  model::Timestamp append_time;
  [[nodiscard]] model::Offset last_offset() const {
    return first_offset.plus(
        (static_cast<std::uint32_t>(last_sequence) - static_cast<std::uint32_t>(first_sequence)) &
        0x7fffffffU);
  }
  [[nodiscard]] model::LogPosition end() const { return {last_offset().next(), 0}; }
  friend bool operator==(const StoredBatch&, const StoredBatch&) = default;
};

// Opaque but for equality; each at most log::kProducerTextBytesMax bytes.
struct SourcePosition {
  std::string source;
  std::string position;
  friend bool operator==(const SourcePosition&, const SourcePosition&) = default;
};

// How far a session came.
struct SessionEnd {
  model::ProducerEpoch epoch;
  std::int32_t last_sequence = 0;
  model::Offset last_offset;
  std::optional<SourcePosition> position;  // that came with the last record; none: it had none
  friend bool operator==(const SessionEnd&, const SessionEnd&) = default;
};

// Only of those that have fenced.
struct NamedProducer {
  struct Next {
    model::ProducerEpoch epoch;
    std::int32_t last_sequence = 0;
    SourcePosition position;
    friend bool operator==(const Next&, const Next&) = default;
  };
  std::optional<SessionEnd> before;        // the last session before this one that has stored anything
  std::optional<SourcePosition> position;  // of the last stored batch
  std::optional<Next> next;                // of a batch that is not there yet
  friend bool operator==(const NamedProducer&, const NamedProducer&) = default;
};

struct ProducerState {
  model::ProducerEpoch epoch = model::kNoProducerEpoch;  // of the session that may write
  model::Timestamp last_time = model::kNoTimestamp;      // append time of the last frame of it
  std::vector<StoredBatch> batches;                      // of this epoch, the oldest first
  std::shared_ptr<const NamedProducer> named;            // none: it never fenced

  // --- what a frame does; `time` is its append time
  void store(model::ProducerEpoch batch_epoch, const StoredBatch& batch);
  void fence(model::ProducerEpoch fence_epoch, model::Timestamp time);
  void announce(NamedProducer::Next next, model::Timestamp time);
  // Named ones stay, whatever was silent: that an older session is fenced must not be forgotten.
  void forget(const log::ProducersForgotten& forgotten);

  [[nodiscard]] bool is_silent(const log::ProducersForgotten& forgotten) const;
  [[nodiscard]] bool is_quiet(const log::ProducersForgotten& forgotten) const;
  // Neither a session nor a fence.
  [[nodiscard]] bool is_nobody() const { return epoch == model::kNoProducerEpoch; }
  // The stored copy of the batch with these sequences, if it is still remembered.
  [[nodiscard]] const StoredBatch* find(std::int32_t first_sequence, std::int32_t last_sequence) const;
  // -1: none of this session.
  [[nodiscard]] std::int32_t last_sequence() const;
  // About, with what the table around it needs.
  [[nodiscard]] std::size_t memory_bytes() const;

  friend bool operator==(const ProducerState& a, const ProducerState& b);

 private:
  void begin_session(model::ProducerEpoch session);
  [[nodiscard]] SessionEnd session_end() const;
};

}  // namespace forebay::partition
