#include "config/topic_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace forebay::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

TEST(TopicConfig, NothingSetGivesTheDefaults) {
  const auto config = parse_topic_config({});
  ASSERT_TRUE(config);
  EXPECT_EQ(*config, TopicConfig{});
}

TEST(TopicConfig, EveryKeyIsReadIntoItsField) {
  const auto config = parse_topic_config({{"cleanup.policy", "compact"},
                                          {"compression.type", "zstd"},
                                          {"delete.retention.ms", "1000"},
                                          {"durability", "replicated"},
                                          {"index.interval.bytes", "4096"},
                                          {"max.compaction.lag.ms", "5000"},
                                          {"max.message.bytes", "2MiB"},
                                          {"message.timestamp.after.max.ms", "3600000"},
                                          {"message.timestamp.before.max.ms", "1d"},
                                          {"message.timestamp.type", "LogAppendTime"},
                                          {"min.cleanable.dirty.ratio", "0.25"},
                                          {"min.compaction.lag.ms", "10"},
                                          {"on.violation", "observe"},
                                          {"partitioner", "murmur2"},
                                          {"retention.bytes", "10GiB"},
                                          {"retention.ms", "7d"},
                                          {"schema.key.subject.strategy", "record"},
                                          {"schema.validation", "payload"},
                                          {"schema.validation.share", "0.5"},
                                          {"schema.value.subject.strategy", "topic-record"},
                                          {"segment.bytes", "1073741824"},
                                          {"segment.ms", "1h"}});
  ASSERT_TRUE(config) << config.error().context;
  TopicConfig want;
  want.cleanup_policy = CleanupPolicy::kCompact;
  want.compression_type = CompressionType::kZstd;
  want.delete_retention = milliseconds(1000);
  want.durability = Durability::kReplicated;
  want.index_interval_bytes = 4096;
  want.max_compaction_lag = milliseconds(5000);
  want.max_message_bytes = 2U << 20;
  want.timestamp_after_max = hours(1);
  want.timestamp_before_max = hours(24);
  want.timestamp_type = TimestampType::kLogAppendTime;
  want.min_cleanable_dirty_ratio = 0.25;
  want.min_compaction_lag = milliseconds(10);
  want.on_violation = OnViolation::kObserve;
  want.retention_bytes = 10ULL << 30;
  want.retention = hours(24 * 7);
  want.schema_key_strategy = SubjectStrategy::kRecord;
  want.schema_validation = SchemaValidation::kPayload;
  want.schema_validation_share = 0.5;
  want.schema_value_strategy = SubjectStrategy::kTopicRecord;
  want.segment_bytes = 1ULL << 30;
  want.segment_age_max = hours(1);
  EXPECT_EQ(*config, want);
  EXPECT_EQ(to_map(*config).size(), 22U) << "a new key belongs into this test";
}

TEST(TopicConfig, MinusOneIsNoLimit) {
  const auto config = parse_topic_config({{"retention.ms", "-1"}, {"retention.bytes", "-1"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->retention, std::nullopt);
  EXPECT_EQ(to_map(*config).at("retention.ms"), "-1");
  EXPECT_FALSE(parse_topic_config({{"segment.ms", "-1"}}));
}

TEST(TopicConfig, KafkaEndlessIsTaken) {
  const auto config = parse_topic_config({{"retention.ms", "9223372036854775807"}});
  ASSERT_TRUE(config) << config.error().context;
  EXPECT_EQ(to_map(*config).at("retention.ms"), "9223372036854775807");
}

TEST(TopicConfig, BothOrdersOfTheDoublePolicyMeanTheSame) {
  for (const std::string text : {"compact,delete", "delete,compact"}) {
    const auto config = parse_topic_config({{"cleanup.policy", text}});
    ASSERT_TRUE(config);
    EXPECT_EQ(config->cleanup_policy, CleanupPolicy::kCompactAndDelete);
    EXPECT_EQ(to_map(*config).at("cleanup.policy"), "compact,delete");
  }
}

TEST(TopicConfig, EveryBadKeyIsReported) {
  const auto config = parse_topic_config({{"retention.m", "1"},
                                          {"segment.bytes", "many"},
                                          {"durability", "maybe"},
                                          {"min.cleanable.dirty.ratio", "1.5"},
                                          {"x\ny", "1"}});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, ErrorCode::kInvalidConfig);
  const std::string& text = config.error().context;
  EXPECT_THAT(text, HasSubstr("'retention.m': unknown key; did you mean 'retention.ms'?"));
  EXPECT_THAT(text, HasSubstr("segment.bytes: found 'many', expected a size from 64KiB to 4GiB"));
  EXPECT_THAT(text, HasSubstr("durability: found 'maybe', expected one of flushed replicated"));
  EXPECT_THAT(text, HasSubstr("min.cleanable.dirty.ratio: found '1.5', expected a number from 0 to 1"));
  EXPECT_THAT(text, HasSubstr("'x?y': unknown key"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4);
}

TEST(TopicConfig, ValuesOutsideTheirRangeAreRefused) {
  struct Case {
    std::string key;
    std::string value;
  };
  for (const Case& c :
       {Case{"max.message.bytes", "8388609"}, Case{"max.message.bytes", "1023"}, Case{"retention.ms", "0"},
        Case{"retention.ms", "-2"}, Case{"segment.ms", "999"}, Case{"retention.ms", "1ns"},
        Case{"retention.ms", "1.5"}, Case{"retention.ms", "9223372036854775808"},
        Case{"min.cleanable.dirty.ratio", "nan"}, Case{"min.cleanable.dirty.ratio", "-0.1"},
        Case{"min.cleanable.dirty.ratio", ""}, Case{"segment.bytes", ""}, Case{"partitioner", "crc32"},
        Case{"cleanup.policy", "Delete"}}) {
    EXPECT_FALSE(parse_topic_config({{c.key, c.value}})) << c.key << "=" << c.value;
  }
}

TEST(TopicConfig, CompactionLagsMustBeInOrder) {
  const auto config = parse_topic_config({{"min.compaction.lag.ms", "10"}, {"max.compaction.lag.ms", "9"}});
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().context,
              HasSubstr("max.compaction.lag.ms: found 9, expected at least min.compaction.lag.ms"));
}

TEST(TopicConfig, OverridesLieOnTopOfTheBase) {
  TopicConfig base;
  base.retention = hours(1);
  base.durability = Durability::kReplicated;
  const auto config = parse_topic_config({{"durability", "flushed"}}, base);
  ASSERT_TRUE(config);
  EXPECT_EQ(config->retention, hours(1));
  EXPECT_EQ(config->durability, Durability::kFlushed);
}

TEST(TopicConfig, MapIsReadBackAsTheSameConfig) {
  const auto config = parse_topic_config(
      {{"retention.ms", "-1"}, {"segment.bytes", "64KiB"}, {"min.cleanable.dirty.ratio", "0.1"}});
  ASSERT_TRUE(config);
  EXPECT_EQ(parse_topic_config(to_map(*config)).value_or(TopicConfig{}), *config);
  EXPECT_EQ(to_map_changed(*config),
            (TopicOverrides{
                {"retention.ms", "-1"}, {"segment.bytes", "65536"}, {"min.cleanable.dirty.ratio", "0.1"}}));
  EXPECT_EQ(to_map_changed(TopicConfig{}), TopicOverrides{});
}

TEST(TopicConfig, OverridesAreStoredInKafkasForm) {
  const auto canonical = canonical_overrides(
      {{"retention.ms", "7d"}, {"segment.bytes", "64MiB"}, {"cleanup.policy", "delete,compact"}});
  ASSERT_TRUE(canonical);
  EXPECT_EQ(*canonical, (TopicOverrides{{"retention.ms", "604800000"},
                                        {"segment.bytes", "67108864"},
                                        {"cleanup.policy", "compact,delete"}}));
  EXPECT_FALSE(canonical_overrides({{"nonsense", "1"}}));
}

TEST(TopicConfig, TableIsCompleteAndItsDefaultsAreThoseOfTheStruct) {
  const auto keys = describe_topic_keys();
  EXPECT_TRUE(
      std::is_sorted(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.name < b.name; }));
  for (const KeyDescription& key : keys) {
    EXPECT_FALSE(key.doc.empty() || key.expected.empty() || key.type.empty()) << key.name;
    TopicConfig config;
    EXPECT_TRUE(set_topic_key(config, key.name, key.default_value)) << key.name;
    EXPECT_EQ(config, TopicConfig{}) << key.name;
  }
}

TEST(TopicConfig, ARefusedValueChangesNothing) {
  for (const KeyDescription& key : describe_topic_keys()) {
    TopicConfig config;
    EXPECT_FALSE(set_topic_key(config, key.name, "@")) << key.name;
    EXPECT_EQ(config, TopicConfig{}) << key.name;
  }
}

}  // namespace
}  // namespace forebay::config
