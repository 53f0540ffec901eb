// What records, partitions and places in the log look like to a program that uses Forebay.
// Thread rules: plain values; share them as you would share a std::string.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "forebay/error.h"

namespace forebay {

// A name-value pair beside the value of a record. Names are UTF-8, may repeat, and keep their order.
// No value is not the same as an empty one.
struct Header {
  std::string name;
  std::optional<std::string> value;
  friend bool operator==(const Header&, const Header&) = default;
};

// A record that owns its bytes.
struct Record {
  std::optional<std::string> key;    // absent: null; such a record is placed with its neighbours, not by key
  std::optional<std::string> value;  // absent: null; in a compacted topic it deletes the key
  std::vector<Header> headers;
  // When it happened, ms since 1970-01-01 UTC. Absent on sending: the clock of the sender, now. Always there
  // on consumption.
  std::optional<std::int64_t> event_time_ms;

  // The rest is set on consumption and ignored on sending.
  std::string topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;          // place in the partition: from 0, never reused
  std::int64_t append_time_ms = 0;  // when the broker appended it; never falls within a partition
  std::uint64_t term = 0;           // of the leadership that appended it; Kafka calls it leader epoch
  friend bool operator==(const Record&, const Record&) = default;
};

// The same without ownership: for sending without a copy into a Record first, and for reading in place.
// Whoever hands one out says how long its bytes live.
struct HeaderView {
  std::string_view name;
  std::optional<std::string_view> value;
};
struct RecordView {
  std::optional<std::string_view> key;
  std::optional<std::string_view> value;
  std::span<const HeaderView> headers;
  std::optional<std::int64_t> event_time_ms;
  std::int64_t offset = 0;  // set on consumption
};

struct TopicPartition {
  std::string topic;
  std::int32_t partition = 0;
  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
  [[nodiscard]] std::string to_string() const;  // "orders/3"
};

// When an acknowledgement leaves the broker.
enum class Acks : std::uint8_t {
  kAll,     // durable on a majority of the replicas
  kLeader,  // durable on the leader
  kNone,    // received; it may still be lost
};

// How a batch of records is stored and sent. The broker keeps what the producer chose.
enum class Compression : std::uint8_t { kNone, kGzip, kSnappy, kLz4, kZstd };

// Names as on the command line and in topic configuration: all leader none / none gzip snappy lz4 zstd.
[[nodiscard]] std::string_view acks_name(Acks acks);
[[nodiscard]] std::string_view compression_name(Compression compression);
// Errors: kInvalidArgument, naming what is accepted.
[[nodiscard]] Result<Acks> parse_acks(std::string_view name);
[[nodiscard]] Result<Compression> parse_compression(std::string_view name);

// A place in a partition, known or still to be looked up.
struct OffsetSpec {
  enum class Kind : std::uint8_t {
    kStart,       // the first record that is kept
    kEnd,         // after the last committed record
    kOffset,      // `value` is the offset
    kEventTime,   // the first record whose event time is `value` ms since 1970 UTC or later; the end if none
                  // is
    kAppendTime,  // the same by append time
  };
  Kind kind = Kind::kStart;
  std::int64_t value = 0;

  [[nodiscard]] static OffsetSpec start() { return {Kind::kStart, 0}; }
  [[nodiscard]] static OffsetSpec end() { return {Kind::kEnd, 0}; }
  [[nodiscard]] static OffsetSpec at(std::int64_t offset) { return {Kind::kOffset, offset}; }
  [[nodiscard]] static OffsetSpec event_time(std::int64_t ms) { return {Kind::kEventTime, ms}; }
  [[nodiscard]] static OffsetSpec append_time(std::int64_t ms) { return {Kind::kAppendTime, ms}; }
  friend bool operator==(const OffsetSpec&, const OffsetSpec&) = default;
};

}  // namespace forebay
