// The identities of the log, each its own type.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/strong_id.h"

namespace forebay::model {

// Place of a record in its partition: from 0, dense, never reused.
using Offset = StrongId<struct OffsetTag, std::int64_t>;
// Number of a leadership; clients and batch headers call it leader epoch. 0 = before the first leadership.
using Term = StrongId<struct TermTag, std::uint64_t>;
using NodeId = StrongId<struct NodeIdTag, std::uint32_t>;
using PartitionIndex = StrongId<struct PartitionIndexTag, std::int32_t>;
// Milliseconds since 1970-01-01 UTC.
using Timestamp = StrongId<struct TimestampTag, std::int64_t>;
// Names the journal of one start of the daemon; each start takes a higher one.
using BootEpoch = StrongId<struct BootEpochTag, std::uint64_t>;
// Counts the truncations of one replica: a completion of a write from before a truncation must not count
// after it.
using LogEpoch = StrongId<struct LogEpochTag, std::uint64_t>;

inline constexpr Timestamp kNoTimestamp{-1};

// Who produced a batch: the identity of an idempotent producer and its incarnation.
using ProducerId = StrongId<struct ProducerIdTag, std::int64_t>;
using ProducerEpoch = StrongId<struct ProducerEpochTag, std::int16_t>;
inline constexpr ProducerId kNoProducerId{-1};
inline constexpr ProducerEpoch kNoProducerEpoch{-1};

// A UUID. Text form: 8-4-4-4-12 lower-case hexadecimal digits.
struct Uuid {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const Uuid&, const Uuid&) = default;
  [[nodiscard]] bool is_nil() const { return *this == Uuid{}; }
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] static std::optional<Uuid> parse(std::string_view text);
};
using TopicId = Uuid;

// A partition of a topic, by the topic's id: a topic that was deleted and made again has another id.
struct TopicPartition {
  TopicId topic;
  PartitionIndex partition;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
  [[nodiscard]] std::string to_string() const;  // "<topic id>/<partition>"
};

// A place in the log as Raft sees it: the offset of the next record and how many control frames lie between
// the record before and this place. Compared as a pair. Control frames take no offset ("zero-width").
struct LogPosition {
  Offset next_offset;
  std::uint32_t control_count = 0;
  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
  [[nodiscard]] std::string to_string() const;  // "<offset>/<control count>"
  // The position after a batch of `records` / after one control frame that starts here.
  [[nodiscard]] LogPosition after_records(std::int64_t records) const {
    return {next_offset.plus(records), 0};
  }
  [[nodiscard]] LogPosition after_control() const { return {next_offset, control_count + 1}; }
};

}  // namespace forebay::model

template <>
struct std::hash<forebay::model::Uuid> {
  std::size_t operator()(const forebay::model::Uuid& id) const noexcept;
};
template <>
struct std::hash<forebay::model::TopicPartition> {
  std::size_t operator()(const forebay::model::TopicPartition& id) const noexcept {
    return std::hash<forebay::model::Uuid>{}(id.topic) * 31 + std::hash<std::int32_t>{}(id.partition.value());
  }
};
