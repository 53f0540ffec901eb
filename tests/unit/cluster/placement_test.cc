// Where replicas go: exact in the small, by what must hold in the large.
#include "cluster/core/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "images.h"

namespace forebay::cluster {
namespace {

const model::NodeId kOne(1), kTwo(2), kThree(3);

std::string text(const std::vector<Placement>& placed) {
  std::string all;
  for (const Placement& placement : placed) {
    if (!all.empty()) all += ' ';
    for (const model::NodeId node : placement.replicas) all += std::to_string(node.value());
  }
  return all;
}

void add_topic(ClusterImage& image, const std::string& name, std::vector<Placement> placed, std::uint8_t id) {
  Topic topic;
  topic.id = uuid_of(id);
  topic.name = name;
  topic.partitions = std::move(placed);
  ASSERT_TRUE(apply(image, TopicCreated{topic}));
}

TEST(Placement, SmallClusters) {
  struct Case {
    std::vector<std::string> racks;
    std::uint32_t count, replication_factor;
    std::string want;
  };
  const std::vector<std::string> none3(3), none5(5);
  for (const Case& c : {
           Case{{""}, 3, 1, "1 1 1"},
           Case{none3, 3, 2, "12 23 31"},
           Case{none3, 6, 2, "12 23 31 13 21 32"},  // the second turn follows at another distance
           Case{none3, 3, 3, "123 231 312"},
           Case{none5, 5, 3, "123 234 345 451 512"},
           // Brokers 1 and 2 share a rack, 3 is alone: every pair has 3, or comes from it.
           Case{{"a", "a", "b"}, 3, 2, "13 32 23"},
           Case{{"a", "a", "b", "b"}, 4, 2, "13 32 24 41"},
           // Three copies on two racks: two of them share one.
           Case{{"a", "a", "b", "b"}, 2, 3, "132 324"},
           // Without a rack it is one of its own.
           Case{{"a", "", "a"}, 3, 2, "12 23 32"},
       }) {
    EXPECT_EQ(text(place(image_of(c.racks), {c.count, c.replication_factor, nullptr})), c.want)
        << c.racks.size() << " brokers, " << c.replication_factor;
  }
}

TEST(Placement, TopicsOfOnePartitionSpreadToo) {
  ClusterImage image = image_of(3);
  std::string all;
  for (std::uint8_t i = 0; i < 6; ++i) {
    auto placed = place(image, {1, 2, nullptr});
    all += text(placed) + " ";
    add_topic(image, "t" + std::to_string(i), std::move(placed), i);
  }
  EXPECT_EQ(all, "12 23 31 13 21 32 ");
}

TEST(Placement, AddedPartitionsGoOnWhereTheTopicEnded) {
  ClusterImage image = image_of(3);
  add_topic(image, "other", place(image, {1, 1, nullptr}), 1);
  add_topic(image, "orders", place(image, {2, 1, nullptr}), 2);
  ASSERT_EQ(text(image.find("orders")->partitions), "2 3");
  EXPECT_EQ(text(place(image, {3, 1, image.find("orders").get()})), "1 2 3");
}

TEST(Placement, FoundersAreSortedAndAreTheReplicas) {
  for (const Placement& placement : place(image_of(5), {20, 3, nullptr})) {
    EXPECT_TRUE(std::is_sorted(placement.founders.begin(), placement.founders.end()));
    std::set<model::NodeId> founders;
    for (const log::Voter& founder : placement.founders) {
      founders.insert(founder.node);
      EXPECT_EQ(founder.disk, disk_of(founder.node.value()));
    }
    EXPECT_EQ(founders, std::set(placement.replicas.begin(), placement.replicas.end()));
  }
}

// Whatever the cluster: distinct replicas, as many racks as there can be, leadership even, and the leadership
// of a lost broker goes to several others.
TEST(Placement, HoldsInDrawnClusters) {
  std::mt19937_64 rng(11);
  for (int round = 0; round < 300; ++round) {
    const std::size_t brokers = 1 + rng() % 9;
    const std::size_t rack_count = 1 + rng() % brokers;
    std::vector<std::string> racks;
    for (std::size_t i = 0; i < brokers; ++i)
      racks.push_back(rng() % 8 == 0 ? "" : "r" + std::to_string(rng() % rack_count));
    const ClusterImage image = image_of(racks);
    const auto rack_of = [&](model::NodeId node) {
      const std::string& rack = racks[node.value() - 1];
      return rack.empty() ? "own " + std::to_string(node.value()) : rack;
    };
    std::set<std::string> distinct;
    for (const auto& [node, broker] : image.brokers) distinct.insert(rack_of(node));
    const auto replication_factor = static_cast<std::uint32_t>(1 + rng() % brokers);
    const auto count = static_cast<std::uint32_t>(1 + rng() % 60);
    SCOPED_TRACE("round " + std::to_string(round));
    std::map<model::NodeId, std::size_t> leaders;
    std::map<model::NodeId, std::set<model::NodeId>> heirs;
    for (const Placement& placement : place(image, {count, replication_factor, nullptr})) {
      const std::set<model::NodeId> nodes(placement.replicas.begin(), placement.replicas.end());
      ASSERT_EQ(nodes.size(), replication_factor);
      std::set<std::string> used;
      for (const model::NodeId node : nodes) used.insert(rack_of(node));
      EXPECT_EQ(used.size(), std::min<std::size_t>(replication_factor, distinct.size()));
      ++leaders[placement.replicas[0]];
      if (replication_factor > 1) heirs[placement.replicas[0]].insert(placement.replicas[1]);
    }
    std::size_t most = 0, fewest = count;
    for (const auto& [node, broker] : image.brokers) {
      most = std::max(most, leaders[node]);
      fewest = std::min(fewest, leaders[node]);
    }
    EXPECT_LE(most - fewest, 1U);
    if (distinct.size() < brokers || replication_factor == 1) continue;
    // No two share a rack: every distance is taken in turn.
    for (const auto& [node, after] : heirs)
      EXPECT_EQ(after.size(), std::min(leaders[node], brokers - 1)) << node.value();
  }
}

// Without racks replicas are as even as leaders.
TEST(Placement, ReplicasAreEvenOverManyTopics) {
  std::mt19937_64 rng(3);
  ClusterImage image = image_of(5);
  for (std::uint8_t i = 0; i < 60; ++i) {
    auto placed = place(image, {static_cast<std::uint32_t>(1 + rng() % 7), 3, nullptr});
    add_topic(image, "t" + std::to_string(i), std::move(placed), i);
  }
  const std::size_t each = image.partition_count() * 3 / 5;
  for (const auto& [node, broker] : image.brokers) {
    std::size_t here = 0, leads = 0;
    for (const auto& [name, topic] : image.topics) {
      here += topic->replicas_on(node);
      leads += static_cast<std::size_t>(
          std::count_if(topic->partitions.begin(), topic->partitions.end(),
                        [id = node](const Placement& one) { return one.replicas.front() == id; }));
    }
    EXPECT_NEAR(static_cast<double>(here), static_cast<double>(each), static_cast<double>(each) * 0.15);
    EXPECT_NEAR(static_cast<double>(leads), static_cast<double>(image.partition_count()) / 5, 5);
  }
}

}  // namespace
}  // namespace forebay::cluster
