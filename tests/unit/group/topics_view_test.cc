#include "group/topics_view.h"

#include <gtest/gtest.h>

#include "model/dead_letters.h"

namespace forebay::group {
namespace {

cluster::ClusterImage image_of(const std::map<std::string, std::uint32_t>& topics) {
  cluster::ClusterImage image;
  for (const auto& [name, partitions] : topics) {
    auto topic = std::make_shared<cluster::Topic>();
    topic->id.bytes[0] = static_cast<std::uint8_t>(name.back());
    topic->name = name;
    topic->partitions.resize(partitions);
    for (auto& one : topic->partitions) one.replicas = {model::NodeId(1), model::NodeId(2)};
    image.topics[name] = topic;
  }
  for (const std::uint32_t node : {1U, 2U})
    image.brokers[model::NodeId(node)].registration = {.node = model::NodeId(node),
                                                       .rack = "r" + std::to_string(node)};
  return image;
}

TEST(TopicsView, ShowsTopicsOfUsersWithTheRacksOfThoseThatShouldLead) {
  TopicsView view;
  EXPECT_EQ(view.snapshot(), nullptr);
  EXPECT_TRUE(view.set(image_of({{"a", 2}, {"__groups", 16}})));
  ASSERT_NE(view.snapshot(), nullptr);
  ASSERT_EQ(view.snapshot()->by_name.size(), 1U);
  EXPECT_EQ(view.snapshot()->by_name.at("a").leader_racks, (std::vector<std::string>{"r1", "r1"}));
}

TEST(TopicsView, GroupsFollowTopicsAndPartitionsAndNothingElse) {
  TopicsView view;
  cluster::ClusterImage image = image_of({{"a", 2}});
  EXPECT_TRUE(view.set(image));
  image.applied = model::Offset(9);
  image.brokers.at(model::NodeId(1)).registration.rack = "else";
  EXPECT_FALSE(view.set(image));
  EXPECT_EQ(view.snapshot()->version, model::Offset(9));
  EXPECT_EQ(view.snapshot()->by_name.at("a").leader_racks[0], "else");
  EXPECT_FALSE(view.set(image));
  EXPECT_TRUE(view.set(image_of({{"a", 3}})));
  EXPECT_TRUE(view.set(image_of({{"a", 3}, {"b", 1}})));
  EXPECT_TRUE(view.set(image_of({{"b", 1}})));
  EXPECT_EQ(view.snapshot()->by_name.count("a"), 0U);
}

TEST(TopicsView, PatternsAreOfTheWholeName) {
  TopicsView view;
  view.set(image_of({{"orders-a", 1}, {"orders-b", 1}, {"old-orders-c", 1}}));
  ASSERT_TRUE(view.want_pattern("orders-.*"));
  EXPECT_EQ(view.snapshot()->matches.at("orders-.*"), (std::vector<std::string>{"orders-a", "orders-b"}));
  EXPECT_EQ(view.want_pattern("orders-(").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(view.want_pattern("orders-(").error().code, ErrorCode::kInvalidArgument) << "also again";
}

TEST(TopicsView, DeadLettersAreTopicsOfTheirOwnThatNoPatternMatches) {
  TopicsView view;
  const auto image_with = [](std::uint32_t partitions, const std::string& on_violation) {
    cluster::ClusterImage image = image_of({{"b", 1}});
    auto topic = std::make_shared<cluster::Topic>();
    topic->id.bytes[6] = 0x40;
    topic->name = "a";
    topic->partitions.resize(partitions);
    topic->config = {{"on.violation", on_violation}};
    image.topics["a"] = topic;
    return image;
  };
  EXPECT_TRUE(view.set(image_with(2, "quarantine")));
  ASSERT_EQ(view.snapshot()->by_name.size(), 3U);
  const TopicView& letters = view.snapshot()->by_name.at("a.dlq");
  EXPECT_EQ(letters.leader_racks.size(), 2U);
  EXPECT_EQ(model::reading_of(letters.id), model::Reading::kDeadLetters);
  EXPECT_EQ(model::source_of(letters.id), view.snapshot()->by_name.at("a").id);
  ASSERT_TRUE(view.want_pattern(".*"));
  EXPECT_EQ(view.snapshot()->matches.at(".*"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(view.set(image_with(3, "quarantine")));
  EXPECT_EQ(view.snapshot()->by_name.at("a.dlq").leader_racks.size(), 3U);
  EXPECT_TRUE(view.set(image_with(3, "reject")));
  EXPECT_EQ(view.snapshot()->by_name.count("a.dlq"), 0U);
}

// What would take a backtracking matcher for ever.
TEST(TopicsView, PatternThatIsMeantToHurtDoesNot) {
  TopicsView view;
  view.set(image_of({{std::string(200, 'a') + "b", 1}}));
  EXPECT_TRUE(view.want_pattern("(a*)*(a*)*(a*)*c"));
  EXPECT_FALSE(view.want_pattern(std::string(1'000, '(') + std::string(1'000, ')') + "{1000}{1000}"));
}

TEST(TopicsView, PatternsAreAskedForAgainAfterAChange) {
  TopicsView view;
  view.set(image_of({{"a", 1}}));
  const std::uint64_t before = view.generation();
  ASSERT_TRUE(view.want_pattern(".*"));
  view.set(image_of({{"a", 1}, {"b", 1}}));
  EXPECT_NE(view.generation(), before);
  EXPECT_TRUE(view.snapshot()->matches.empty());
  ASSERT_TRUE(view.want_pattern(".*"));
  EXPECT_EQ(view.snapshot()->matches.at(".*").size(), 2U);
}

}  // namespace
}  // namespace forebay::group
