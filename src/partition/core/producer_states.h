// The producers of one partition: judges what they send, and follows the log. Pure; owned by the partition's
// shard.
//
//   what is committed: a table, which nothing ever takes back
//   what is appended behind it: the frames' events in order, and for each of their producers what it will be
//
// so that a truncation drops events and undoes nothing. What judges a batch is the state with all that is
// appended: a copy of a batch in flight is a copy.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "log/core/frame.h"
#include "model/record_batch.h"
#include "partition/core/producer_events.h"
#include "partition/core/producer_state.h"

namespace forebay::partition {

struct ProducerLimits {
  // An unnamed producer is remembered for so long after its last frame at least: producer.id_expiration.
  std::int64_t expiration_ms = 86'400'000;
  // About; no more producers are taken above it. 100,000 that are silent fit, and a state of this size is
  // written and read within a second.
  std::size_t memory_bytes_max = 24U << 20;
};

// Why a batch or a fence is not taken.
struct ProducerRefusal {
  ErrorCode code = ErrorCode::kOutOfOrderSequence;
  std::int32_t last_sequence = -1;  // of the session that asks; -1: nothing of it is here
  model::ProducerEpoch epoch = model::kNoProducerEpoch;  // of the session that is known
};

struct FreshBatch {};
struct DuplicateBatch {
  StoredBatch first;  // is to be answered once first.end() is committed
};
using BatchVerdict = std::variant<FreshBatch, DuplicateBatch, ProducerRefusal>;

struct FreshFence {};
struct KnownFence {
  model::LogPosition counts_at;  // is committed when this is
};
using FenceVerdict = std::variant<FreshFence, KnownFence, ProducerRefusal>;

class ProducerStates {
 public:
  explicit ProducerStates(const ProducerLimits& limits) : limits_(limits) {}
  void set_limits(const ProducerLimits& limits) { limits_ = limits; }

  // --- the log, in its order
  // Forgets everything; frames from `at` on follow.
  void reset(model::LogPosition at);
  // Begins with what encode() gave at `at`. Errors: kCorruptBatch, kNewerFormat; then it is as it was.
  [[nodiscard]] Result<void> restore(model::LogPosition at, ByteSpan encoded);
  // What begins below position() is passed over.
  void appended(const log::Frame& frame);
  void committed(model::LogPosition upto);
  // Requires: not below position().
  void truncated(model::LogPosition to);
  // What is committed is folded up to here.
  [[nodiscard]] model::LogPosition position() const { return position_; }

  // --- verdicts, which change nothing.
  // `leadership`: of a topic that acknowledges early, where this leadership began; what is missing before it
  // was perhaps acknowledged, and is lost (kEarlyAckLost). Requires: a validated batch of a producer.
  [[nodiscard]] BatchVerdict check(const model::BatchHeader& batch,
                                   std::optional<model::Offset> leadership = std::nullopt) const;
  // Of the position that comes with a batch that is fresh.
  [[nodiscard]] Result<void> check_position(const model::BatchHeader& batch,
                                            const SourcePosition& position) const;
  [[nodiscard]] FenceVerdict check_fence(model::ProducerId id, model::ProducerEpoch epoch) const;

  // As of position(); null: not known.
  [[nodiscard]] const ProducerState* find_committed(model::ProducerId id) const;
  [[nodiscard]] std::size_t count() const { return committed_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }
  // No new producer is taken.
  [[nodiscard]] bool is_full() const { return memory_bytes_ >= limits_.memory_bytes_max; }
  [[nodiscard]] const ProducerLimits& limits() const { return limits_; }

  // What a frame would free that says so; looks at every producer.
  struct Forgettable {
    std::size_t producers = 0;
    std::size_t batches = 0;  // of others
  };
  [[nodiscard]] Forgettable count(const log::ProducersForgotten& forgotten) const;
  // What is committed, at position(). docs/format/producer-state.md
  [[nodiscard]] std::vector<std::byte> encode() const;

 private:
  using Table = std::unordered_map<model::ProducerId, ProducerState>;
  struct Tip {
    ProducerState state;
    std::size_t events = 0;  // of it in events_
    model::LogPosition end;  // of the last of them
  };
  void extend_tips(const ProducerEvent& event);
  void commit(const ProducerEvent& event);
  void commit(const log::ProducersForgotten& forgotten);
  // With all that is appended; null: not known. Into `made` goes what stands in no table.
  [[nodiscard]] const ProducerState* find(model::ProducerId id, ProducerState& made) const;

  ProducerLimits limits_;
  model::LogPosition position_;
  Table committed_;
  std::size_t memory_bytes_ = 0;  // of committed_
  std::deque<ProducerEvent> events_;
  std::deque<log::ProducersForgotten> forgotten_;  // those of events_: for the producers without a tip
  std::unordered_map<model::ProducerId, Tip> tips_;
};

// `where`: "partition 3 of topic 'orders'".
[[nodiscard]] Error refusal_error(const ProducerRefusal& refusal, const model::BatchHeader& batch,
                                  std::string_view where);
[[nodiscard]] Error fence_refusal_error(const ProducerRefusal& refusal, model::ProducerId id,
                                        model::ProducerEpoch epoch, std::string_view where);

}  // namespace forebay::partition
