// What a broker does with the batches of idempotent producers, written down as plainly as can be: the model
// that the producer's queue is tested against.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include "client/core/producer_session.h"
#include "forebay/producer.h"
#include "model/record_batch.h"

namespace forebay::client {

// The producers of one partition.
class SequenceBroker {
 public:
  // Judges a batch. Returns: nothing: it is new, and now part of the state, at `offset`; else the first
  // copy's offset. Errors: as the broker's.
  Result<std::optional<std::int64_t>> take(const model::BatchHeader& batch, std::int64_t offset) {
    const std::int32_t first = batch.base_sequence;
    const std::int32_t last = batch.last_sequence();
    const auto found = producers_.find(batch.producer_id.value());
    if (found == producers_.end()) {
      if (first != 0) return Error{ErrorCode::kUnknownProducer, "no record of it"};
    } else {
      Producer& known = found->second;
      const std::int16_t epoch = batch.producer_epoch.value();
      if (epoch == known.epoch) {
        for (const auto& stored : known.stored) {
          if (stored.first == first && stored.last == last) return std::optional<std::int64_t>(stored.offset);
        }
      }
      if (epoch < known.epoch) return Error{ErrorCode::kProducerFenced, "a newer session"};
      const bool follows =
          epoch > known.epoch
              ? first == 0
              : first == (known.stored.empty() ? 0 : sequence_after(known.stored.back().last, 1));
      if (!follows) {
        Error error{gap_code, "a gap"};
        error.last_sequence = epoch > known.epoch || known.stored.empty() ? -1 : known.stored.back().last;
        return error;
      }
      if (epoch > known.epoch) known.stored.clear();
    }
    Producer& producer = producers_[batch.producer_id.value()];
    producer.epoch = batch.producer_epoch.value();
    producer.stored.push_back({first, last, offset});
    if (producer.stored.size() > kRemembered) producer.stored.pop_front();
    return std::optional<std::int64_t>();
  }
  void fence(std::int64_t id, std::int16_t epoch) {
    if (epoch <= producers_[id].epoch) return;
    producers_[id] = {epoch, {}};
  }
  // As after the producer's time is up.
  void forget() { producers_.clear(); }
  void forget_last(std::int64_t id) { producers_[id].stored.pop_back(); }

  ErrorCode gap_code = ErrorCode::kOutOfOrderSequence;

 private:
  static constexpr std::size_t kRemembered = 5;
  struct Stored {
    std::int32_t first;
    std::int32_t last;
    std::int64_t offset;
  };
  struct Producer {
    std::int16_t epoch = -1;
    std::deque<Stored> stored;
  };
  std::map<std::int64_t, Producer> producers_;
};

}  // namespace forebay::client
