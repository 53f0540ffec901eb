// Configuration of one topic, under the names that Kafka users know. One table of keys (describe_topic_keys)
// parses, bounds, prints and documents it. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/key.h"

namespace forebay::config {

enum class CleanupPolicy : std::uint8_t { kDelete, kCompact, kCompactAndDelete };
// What the broker demands of batches. It stores what producers send and does not compress by itself: with
// anything but kProducer a batch of another compression is refused (kInvalidRecord), so that what the topic
// promises is true.
enum class CompressionType : std::uint8_t { kProducer, kUncompressed, kGzip, kSnappy, kLz4, kZstd };
enum class TimestampType : std::uint8_t { kCreateTime, kLogAppendTime };
// When a record is acknowledged: flushed by a majority (the default), or held in memory by a majority.
enum class Durability : std::uint8_t { kFlushed, kReplicated };
// How clients place keyed records; stored so that all of them agree.
enum class Partitioner : std::uint8_t { kMurmur2 };

// What of a record is checked against the schemas of its topic before it is appended.
enum class SchemaValidation : std::uint8_t {
  kNone,
  kId,       // it names a schema that belongs to its subject
  kPayload,  // and its bytes are a value of that
};
// What becomes of a record that breaks them.
enum class OnViolation : std::uint8_t { kReject, kQuarantine, kObserve };
// By which name the subject of a record's schema is known.
enum class SubjectStrategy : std::uint8_t {
  kNone,         // it has no schema
  kTopic,        // "TOPIC-key", "TOPIC-value"
  kRecord,       // the full name of what is described
  kTopicRecord,  // "TOPIC-" and that
};

// Empty optionals: no limit (-1 in text). Ages are by append time unless said otherwise.
struct TopicConfig {
  using Milliseconds = std::chrono::milliseconds;
  CleanupPolicy cleanup_policy = CleanupPolicy::kDelete;
  CompressionType compression_type = CompressionType::kProducer;
  Milliseconds delete_retention = std::chrono::hours(24);
  Durability durability = Durability::kFlushed;
  std::uint32_t index_interval_bytes = 64U << 10;
  std::optional<Milliseconds> max_compaction_lag;
  std::uint32_t max_message_bytes = 1U << 20;        // of an encoded batch
  std::optional<Milliseconds> timestamp_after_max;   // event time ahead of the broker's clock
  std::optional<Milliseconds> timestamp_before_max;  // event time behind it
  TimestampType timestamp_type = TimestampType::kCreateTime;
  double min_cleanable_dirty_ratio = 0.5;
  Milliseconds min_compaction_lag{0};
  Partitioner partitioner = Partitioner::kMurmur2;
  OnViolation on_violation = OnViolation::kReject;
  std::optional<std::uint64_t> retention_bytes;  // of one partition
  std::optional<Milliseconds> retention = std::chrono::hours(24 * 7);
  SubjectStrategy schema_key_strategy = SubjectStrategy::kNone;
  SchemaValidation schema_validation = SchemaValidation::kNone;
  double schema_validation_share = 1;  // of the records whose payload is checked
  SubjectStrategy schema_value_strategy = SubjectStrategy::kTopic;
  std::uint64_t segment_bytes = 256ULL << 20;
  Milliseconds segment_age_max = std::chrono::hours(24 * 7);

  friend bool operator==(const TopicConfig&, const TopicConfig&) = default;
};

// The largest batch that any topic may allow; the journal's rounds and the API's messages are sized by it.
inline constexpr std::uint32_t kMaxMessageBytesMax = 8U << 20;

using TopicOverrides = std::map<std::string, std::string>;

// `overrides` on top of `base` (the node's topic defaults). Accepts units ("7d", "64MiB") beside Kafka's
// plain numbers. Errors: kInvalidConfig naming every bad key, what was found and what was expected, one a
// line.
[[nodiscard]] Result<TopicConfig> parse_topic_config(const TopicOverrides& overrides,
                                                     const TopicConfig& base = {});

// One value. For the table of settings, and for tests. Errors: kInvalidConfig.
[[nodiscard]] Result<void> set_topic_key(TopicConfig& config, std::string_view key, std::string_view value);

// The rules between keys. Errors: kInvalidConfig, one line for each broken rule.
[[nodiscard]] Result<void> check_topic_config(const TopicConfig& config);

// The same overrides with values as Kafka shows them: "7d" -> "604800000". This is the form to store and to
// answer with. Errors: as parse_topic_config.
[[nodiscard]] Result<TopicOverrides> canonical_overrides(const TopicOverrides& overrides,
                                                         const TopicConfig& base = {});

// Every key with its effective value, in Kafka's form.
[[nodiscard]] TopicOverrides to_map(const TopicConfig& config);
// Only the keys whose value differs from `base`.
[[nodiscard]] TopicOverrides to_map_changed(const TopicConfig& config, const TopicConfig& base = {});

// The table, by name.
[[nodiscard]] const std::vector<Key<TopicConfig>>& topic_keys();
[[nodiscard]] std::vector<KeyDescription> describe_topic_keys();

}  // namespace forebay::config
