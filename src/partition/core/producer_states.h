// The producers of one partition: judges what they send, and follows the log. Pure; owned by the partition's
// shard.
//
//   what is committed: a table (producer_table.h), which nothing ever takes back
//   what is appended behind it: the frames' events in order, and for each of their producers what it will be
//
// so that a truncation drops events and undoes nothing. What judges a batch is the state with all that is
// appended: a copy of a batch in flight is a copy.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "log/core/frame.h"
#include "model/record_batch.h"
#include "partition/core/producer_events.h"
#include "partition/core/producer_state.h"
#include "partition/core/producer_table.h"

namespace forebay::partition {

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
  explicit ProducerStates(const ProducerLimits& limits) : table_(limits) {}
  void set_limits(const ProducerLimits& limits) { table_.set_limits(limits); }

  // --- the log, in its order
  // Forgets everything; frames from `at` on follow.
  void reset(model::LogPosition at);
  // Begins with a state of `at` that lies on the disk. Errors: kCorruptBatch, kNewerFormat; then it is as it
  // was.
  [[nodiscard]] Result<void> restore(model::LogPosition at, ByteSpan encoded);
  // What begins below position() is passed over.
  void appended(const log::Frame& frame);
  // As far as nobody has to be looked up for it, see awaited().
  void committed(model::LogPosition upto);
  // Requires: not below position(). Returns: whether something that was said is taken back.
  bool truncated(model::LogPosition to);
  // What is committed is folded up to here.
  [[nodiscard]] model::LogPosition position() const { return position_; }

  // --- producers that are on the disk only (ProducerTable)
  // Of it nothing can be said before bring().
  [[nodiscard]] bool is_away(model::ProducerId id) const { return !tips_.contains(id) && table_.is_away(id); }
  // Whom what is appended speaks of, and who is away.
  [[nodiscard]] const std::set<model::ProducerId>& awaited() const { return awaited_; }
  using Found = std::pair<model::ProducerId, std::optional<ProducerState>>;
  void bring(std::vector<Found> found);
  // Of what is committed, at position(), to be written.
  [[nodiscard]] ProducerDraft draft();
  void written(model::LogPosition position, ProducerIndex index);
  void used_by(model::ProducerId id, std::string_view client) { table_.used_by(id, client); }
  ProducerTable::LetGo let_go();
  [[nodiscard]] const ProducerTable& table() const { return table_; }

  // --- verdicts, which change nothing. Requires: the producer is not away.
  // `leadership`: of a topic that acknowledges early, where this leadership began; what is missing before it
  // was perhaps acknowledged, and is lost (kEarlyAckLost). Requires: a validated batch of a producer.
  [[nodiscard]] BatchVerdict check(const model::BatchHeader& batch,
                                   std::optional<model::Offset> leadership = std::nullopt) const;
  // Of the position that comes with a batch that is fresh.
  [[nodiscard]] Result<void> check_position(const model::BatchHeader& batch,
                                            const SourcePosition& position) const;
  [[nodiscard]] FenceVerdict check_fence(model::ProducerId id, model::ProducerEpoch epoch) const;

  // As of position(); null: not known. Requires: not away.
  [[nodiscard]] const ProducerState* find_committed(model::ProducerId id) const { return table_.find(id); }
  [[nodiscard]] std::size_t count() const { return table_.count(); }  // in memory
  [[nodiscard]] bool is_empty() const { return table_.is_empty(); }
  [[nodiscard]] std::size_t memory_bytes() const { return table_.memory_bytes(); }
  // No new producer is taken.
  [[nodiscard]] bool is_full() const { return table_.total_bytes() >= limits().bytes_max; }
  [[nodiscard]] const ProducerLimits& limits() const { return table_.limits(); }

  // What a frame would free that says so; looks at every producer in memory. Of those on the disk a block
  // with one counts as one.
  struct Forgettable {
    std::size_t producers = 0;
    std::size_t batches = 0;  // of others
  };
  [[nodiscard]] Forgettable count(const log::ProducersForgotten& forgotten) const;
  // What is committed, at position(). docs/format/producer-state.md. Requires: nobody is on the disk only.
  [[nodiscard]] std::vector<std::byte> encode() const;

 private:
  struct Tip {
    ProducerState state;
    std::size_t events = 0;  // of it in events_
    model::LogPosition end;  // of the last of them
  };
  void extend_tips(const ProducerEvent& event);
  void rebuild_tips();
  // Not before it is known what the producer was.
  [[nodiscard]] bool waits(const ProducerEvent& event) const;
  void commit(const ProducerEvent& event);
  [[nodiscard]] ProducerTable::IsHeld is_held() const;
  // With all that is appended; null: not known. Into `made` goes what stands in no table.
  [[nodiscard]] const ProducerState* find(model::ProducerId id, ProducerState& made) const;

  ProducerTable table_;
  model::LogPosition position_;
  std::deque<ProducerEvent> events_;
  std::deque<log::ProducersForgotten> forgotten_;  // those of events_: for the producers without a tip
  std::unordered_map<model::ProducerId, Tip> tips_;
  std::set<model::ProducerId> awaited_;  // of events_: those without a tip
};

// `where`: "partition 3 of topic 'orders'".
[[nodiscard]] Error refusal_error(const ProducerRefusal& refusal, const model::BatchHeader& batch,
                                  std::string_view where);
[[nodiscard]] Error fence_refusal_error(const ProducerRefusal& refusal, model::ProducerId id,
                                        model::ProducerEpoch epoch, std::string_view where);

}  // namespace forebay::partition
