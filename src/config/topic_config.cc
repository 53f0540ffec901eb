#include "config/topic_config.h"

#include <algorithm>
#include <string_view>

#include "config/suggest.h"

namespace forebay::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using Make = KeyMaker<TopicConfig>;

constexpr auto kMilliseconds = Make::Bare::kMilliseconds;
constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kGiB = kKiB * 1024 * 1024;

std::vector<Key<TopicConfig>> make_keys() {
  using Age = std::optional<milliseconds>;
  std::vector<Key<TopicConfig>> keys;
  keys.push_back(Make::choice<CleanupPolicy>(
      "cleanup.policy", [](auto& c) -> auto& { return c.cleanup_policy; },
      {{"delete", CleanupPolicy::kDelete},
       {"compact", CleanupPolicy::kCompact},
       {"compact,delete", CleanupPolicy::kCompactAndDelete},
       {"delete,compact", CleanupPolicy::kCompactAndDelete}},
      "delete: whole old segments go by age and size. compact: the last record of every key stays. Both "
      "together are possible."));
  keys.push_back(Make::choice<CompressionType>(
      "compression.type", [](auto& c) -> auto& { return c.compression_type; },
      {{"producer", CompressionType::kProducer},
       {"uncompressed", CompressionType::kUncompressed},
       {"gzip", CompressionType::kGzip},
       {"snappy", CompressionType::kSnappy},
       {"lz4", CompressionType::kLz4},
       {"zstd", CompressionType::kZstd}},
      "Compression that batches must have. producer: whatever they come with. The broker never recompresses: "
      "with any other value "
      "a batch that differs is refused."));
  keys.push_back(Make::duration<milliseconds>(
      "delete.retention.ms", [](auto& c) -> auto& { return c.delete_retention; }, kMilliseconds,
      milliseconds(0), Make::kLongest,
      "How long a tombstone (a record without a value) stays readable in a compacted topic."));
  keys.push_back(Make::choice<Durability>(
      "durability", [](auto& c) -> auto& { return c.durability; },
      {{"flushed", Durability::kFlushed}, {"replicated", Durability::kReplicated}},
      "What an acknowledgement means. flushed: on stable storage on a majority. replicated: in the memory of "
      "a majority; a power cut of "
      "all of them at once may lose what was acknowledged last."));
  keys.push_back(Make::bytes<std::uint32_t>(
      "index.interval.bytes", [](auto& c) -> auto& { return c.index_interval_bytes; }, kKiB, kGiB,
      "One index entry for about so many bytes of a segment."));
  keys.push_back(Make::duration<Age>(
      "max.compaction.lag.ms", [](auto& c) -> auto& { return c.max_compaction_lag; }, kMilliseconds,
      milliseconds(1), Make::kLongest,
      "A record older than this makes its segment due for compaction, whatever the dirty ratio."));
  keys.push_back(Make::bytes<std::uint32_t>(
      "max.message.bytes", [](auto& c) -> auto& { return c.max_message_bytes; }, kKiB, kMaxMessageBytesMax,
      "Largest batch that is accepted, as encoded (after compression)."));
  keys.push_back(Make::duration<Age>(
      "message.timestamp.after.max.ms", [](auto& c) -> auto& { return c.timestamp_after_max; }, kMilliseconds,
      milliseconds(0), Make::kLongest,
      "How far an event time may lie ahead of the broker's clock; later ones are refused."));
  keys.push_back(Make::duration<Age>(
      "message.timestamp.before.max.ms", [](auto& c) -> auto& { return c.timestamp_before_max; },
      kMilliseconds, milliseconds(0), Make::kLongest,
      "How far an event time may lie behind the broker's clock; earlier ones are refused."));
  keys.push_back(Make::choice<TimestampType>(
      "message.timestamp.type", [](auto& c) -> auto& { return c.timestamp_type; },
      {{"CreateTime", TimestampType::kCreateTime}, {"LogAppendTime", TimestampType::kLogAppendTime}},
      "Which time readers see as the event time: the producer's, or the one at which the broker appended the "
      "batch."));
  keys.push_back(Make::ratio(
      "min.cleanable.dirty.ratio", [](auto& c) -> auto& { return c.min_cleanable_dirty_ratio; },
      "Share of not yet compacted bytes from which on a partition is compacted."));
  keys.push_back(Make::duration<milliseconds>(
      "min.compaction.lag.ms", [](auto& c) -> auto& { return c.min_compaction_lag; }, kMilliseconds,
      milliseconds(0), Make::kLongest, "Records younger than this are not compacted."));
  keys.push_back(Make::choice<OnViolation>(
      "on.violation", [](auto& c) -> auto& { return c.on_violation; },
      {{"reject", OnViolation::kReject},
       {"quarantine", OnViolation::kQuarantine},
       {"observe", OnViolation::kObserve}},
      "What becomes of a record that breaks schema.validation. reject: nothing of its batch is stored, and "
      "the error names the records and what is wrong with them. quarantine: it is stored as a dead letter, "
      "which readers of the topic are not shown, and readers of TOPIC.dlq are, with the reason; for topics "
      "only, not as a default. observe: it is stored and counted."));
  keys.push_back(Make::choice<Partitioner>(
      "partitioner", [](auto& c) -> auto& { return c.partitioner; }, {{"murmur2", Partitioner::kMurmur2}},
      "How keys are mapped to partitions, so that all clients agree; murmur2 is what Kafka's Java clients "
      "use."));
  keys.push_back(Make::bytes<std::optional<std::uint64_t>>(
      "retention.bytes", [](auto& c) -> auto& { return c.retention_bytes; }, kKiB, Make::kNoBound,
      "A partition that is larger loses its oldest segments."));
  keys.push_back(Make::duration<Age>(
      "retention.ms", [](auto& c) -> auto& { return c.retention; }, kMilliseconds, milliseconds(1),
      Make::kLongest,
      "Segments whose records were all appended longer ago go. Checked on a timer; the active segment is "
      "rolled when it is due."));
  const std::vector<std::pair<std::string, SubjectStrategy>> strategies{
      {"none", SubjectStrategy::kNone},
      {"topic", SubjectStrategy::kTopic},
      {"record", SubjectStrategy::kRecord},
      {"topic-record", SubjectStrategy::kTopicRecord}};
  keys.push_back(Make::choice<SubjectStrategy>(
      "schema.key.subject.strategy", [](auto& c) -> auto& { return c.schema_key_strategy; }, strategies,
      "Subject that the schema of a key must belong to. topic: TOPIC-key. record: the full name of what the "
      "schema describes. topic-record: TOPIC-NAME. none: keys have no schema."));
  keys.push_back(Make::choice<SchemaValidation>(
      "schema.validation", [](auto& c) -> auto& { return c.schema_validation; },
      {{"none", SchemaValidation::kNone},
       {"id", SchemaValidation::kId},
       {"payload", SchemaValidation::kPayload}},
      "What is checked of each record before it is stored. id: that it names a schema which belongs to its "
      "subject. payload: also that its bytes are a value of that schema. A record without value passes."));
  keys.push_back(Make::ratio(
      "schema.validation.share", [](auto& c) -> auto& { return c.schema_validation_share; },
      "Share of the records whose payload is checked, evenly spread; the schema's id is checked of all."));
  keys.push_back(Make::choice<SubjectStrategy>(
      "schema.value.subject.strategy", [](auto& c) -> auto& { return c.schema_value_strategy; }, strategies,
      "Subject that the schema of a value must belong to. topic: TOPIC-value. record: the full name of what "
      "the "
      "schema describes. topic-record: TOPIC-NAME. none: values have no schema."));
  keys.push_back(Make::bytes<std::uint64_t>(
      "segment.bytes", [](auto& c) -> auto& { return c.segment_bytes; }, 64 * kKiB, 4 * kGiB,
      "A segment that has grown to this size is sealed and the next one begun."));
  keys.push_back(Make::duration<milliseconds>(
      "segment.ms", [](auto& c) -> auto& { return c.segment_age_max; }, kMilliseconds, milliseconds(1000),
      Make::kLongest, "A segment whose first record is this old is sealed and the next one begun."));
  std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return keys;
}

const Key<TopicConfig>* find_key(std::string_view name) {
  const auto& keys = topic_keys();
  const auto found =
      std::find_if(keys.begin(), keys.end(), [&](const auto& key) { return key.name == name; });
  return found == keys.end() ? nullptr : &*found;
}

Error invalid(std::string context) { return Error{ErrorCode::kInvalidConfig, std::move(context)}; }

void add_line(std::string& text, const std::string& line) {
  if (!text.empty()) text += '\n';
  text += line;
}

}  // namespace

const std::vector<Key<TopicConfig>>& topic_keys() {
  static const auto* const keys = new std::vector<Key<TopicConfig>>(make_keys());
  return *keys;
}

std::vector<KeyDescription> describe_topic_keys() {
  std::vector<KeyDescription> all;
  for (const auto& key : topic_keys()) all.push_back(key.describe(TopicConfig{}));
  return all;
}

Result<void> set_topic_key(TopicConfig& config, std::string_view key, std::string_view value) {
  const auto* const entry = find_key(key);
  if (entry == nullptr) {
    std::vector<std::string> names;
    for (const auto& known : topic_keys()) names.push_back(known.name);
    const auto near = closest_name(key, names);
    return invalid(quoted_value(key) + ": unknown key" + (near ? "; did you mean '" + *near + "'?" : ""));
  }
  if (!entry->set(config, value)) {
    return invalid(entry->name + ": found " + quoted_value(value) + ", expected " + entry->expected);
  }
  return {};
}

Result<void> check_topic_config(const TopicConfig& config) {
  std::string problems;
  if (config.max_compaction_lag && *config.max_compaction_lag < config.min_compaction_lag) {
    add_line(problems, "max.compaction.lag.ms: found " + std::to_string(config.max_compaction_lag->count()) +
                           ", expected at least min.compaction.lag.ms, which is " +
                           std::to_string(config.min_compaction_lag.count()));
  }
  if (problems.empty()) return {};
  return invalid(std::move(problems));
}

Result<TopicConfig> parse_topic_config(const TopicOverrides& overrides, const TopicConfig& base) {
  TopicConfig config = base;
  std::string problems;
  for (const auto& [key, value] : overrides) {
    const auto set = set_topic_key(config, key, value);
    if (!set) add_line(problems, set.error().context);
  }
  if (problems.empty()) {
    const auto checked = check_topic_config(config);
    if (checked) return config;
    problems = checked.error().context;
  }
  return invalid(std::move(problems));
}

Result<TopicOverrides> canonical_overrides(const TopicOverrides& overrides, const TopicConfig& base) {
  FOREBAY_TRY(const TopicConfig config, parse_topic_config(overrides, base));
  TopicOverrides canonical;
  for (const auto& override : overrides)
    canonical.emplace(override.first, find_key(override.first)->plain(config));
  return canonical;
}

TopicOverrides to_map(const TopicConfig& config) {
  TopicOverrides all;
  for (const auto& key : topic_keys()) all.emplace(key.name, key.plain(config));
  return all;
}

TopicOverrides to_map_changed(const TopicConfig& config, const TopicConfig& base) {
  TopicOverrides changed;
  for (const auto& key : topic_keys()) {
    std::string value = key.plain(config);
    if (value != key.plain(base)) changed.emplace(key.name, std::move(value));
  }
  return changed;
}

}  // namespace forebay::config
