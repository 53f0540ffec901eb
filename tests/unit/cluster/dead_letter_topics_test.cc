#include "cluster/core/dead_letter_topics.h"

#include <gtest/gtest.h>

#include "cluster/core/decisions.h"
#include "images.h"

namespace forebay::cluster {
namespace {

const Overrides kQuarantine{{"on.violation", "quarantine"}};

Result<void> create(ClusterImage& image, const std::string& name, const Overrides& config = {}) {
  CreateTopic request;
  request.name = name;
  request.partitions = 1;
  request.replication_factor = 1;
  request.config = config;
  FOREBAY_TRY(const auto created,
              decide_create(image, request, uuid_of(static_cast<std::uint8_t>(image.topics.size() + 1)), {}));
  return apply(image, created);
}

TEST(DeadLetterTopics, AreThereForTopicsThatQuarantine) {
  ClusterImage image = image_of(1);
  ASSERT_TRUE(create(image, "a", kQuarantine));
  ASSERT_TRUE(create(image, "b", {{"on.violation", "reject"}}));
  EXPECT_EQ(dead_letter_source(image, "a.dlq"), image.find("a"));
  EXPECT_EQ(dead_letter_source(image, "b.dlq"), nullptr);
  EXPECT_EQ(dead_letter_source(image, "a"), nullptr);
  EXPECT_EQ(dead_letter_source(image, ".dlq"), nullptr);
}

TEST(DeadLetterTopics, NamesAreNotTakenTwice) {
  ClusterImage image = image_of(1);
  ASSERT_TRUE(create(image, "a", kQuarantine));
  const auto taken = create(image, "a.dlq");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kTopicExists);
  EXPECT_NE(taken.error().context.find("dead letters of topic 'a'"), std::string::npos);
  ASSERT_TRUE(create(image, "b.dlq"));
  EXPECT_EQ(create(image, "b", kQuarantine).error().code, ErrorCode::kTopicExists);
  ASSERT_TRUE(create(image, "b"));
  EXPECT_EQ(decide_set_config(image, "b", kQuarantine).error().code, ErrorCode::kTopicExists);
  EXPECT_TRUE(decide_set_config(image, "b", {{"on.violation", "observe"}}));
  const std::string longest(248, 'x');
  EXPECT_EQ(create(image, longest, kQuarantine).error().code, ErrorCode::kInvalidTopicName);
  EXPECT_TRUE(create(image, longest));
}

TEST(DeadLetterTopics, NothingIsDecidedOfThemAlone) {
  ClusterImage image = image_of(1);
  ASSERT_TRUE(create(image, "a", kQuarantine));
  EXPECT_EQ(decide_delete(image, "a.dlq").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(decide_add_partitions(image, "a.dlq", 3, {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(decide_set_config(image, "a.dlq", {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(decide_delete(image, "a"));
}

}  // namespace
}  // namespace forebay::cluster
