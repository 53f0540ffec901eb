// What producers of a simulated cluster send, and what they remember.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "model/batch_builder.h"
#include "partition/partition.h"

namespace forebay::sim {

struct OutgoingRecord {
  std::optional<std::string> key;
  std::optional<std::string> value;  // none: a tombstone
  std::int64_t timestamp = 1'000;
};

// A record on its way in, and its place in the history.
struct ClientItem {
  OutgoingRecord record;
  std::size_t sent = 0;
};

// Of an idempotent producer in one partition.
struct ProducerSession {
  std::int16_t epoch = 0;
  std::int32_t next_sequence = 0;
  bool begun = false;
  enum class Fence : std::uint8_t { kUnasked, kAsked, kStands } fence = Fence::kUnasked;  // of a named one
  std::size_t next_item = 0;  // likewise: of its source
  std::uint64_t batches = 0;
  std::set<std::uint64_t> in_flight;  // of those, by number
  // Batches from the oldest one without an answer on: a partition recognises no older ones.
  [[nodiscard]] std::uint64_t unanswered() const {
    return in_flight.empty() ? 0 : batches - *in_flight.begin();
  }
};

// Of a producer, from its start on.
struct ProducerLife {
  std::uint32_t producer = 0;
  bool named = false;
  bool over = false;
  std::uint32_t refusals = 0;             // because it is fenced
  std::vector<ProducerSession> sessions;  // by partition
};

struct ProduceRequest {
  ProducerLife* life = nullptr;
  std::uint32_t partition = 0;
  std::int32_t count = 0;
  std::vector<ClientItem> items;
  std::string batch;
  // Of an idempotent producer.
  std::uint64_t number = 0;  // in its session
  std::int16_t epoch = 0;
  std::int32_t last_sequence = 0;
  bool first = false;  // of its session
  bool gap = false;    // its sequence follows nothing: nobody may take it
  std::optional<partition::SourcePosition> position;
  [[nodiscard]] partition::ProduceInput input() const;
};

[[nodiscard]] std::string batch_of(const std::vector<ClientItem>& items, const model::BatchOptions& options);

}  // namespace forebay::sim
