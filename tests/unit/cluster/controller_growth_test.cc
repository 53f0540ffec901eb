// One node becomes several, and takes back one that was emptied; the power goes at each step.
#include <gtest/gtest.h>

#include <algorithm>

#include "cluster/core/moves.h"
#include "metadata_cluster.h"

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One node with a topic becomes three. `crash_at`: the event of the growth at which `victim` loses power.
// Returns: false when the growth was over before.
bool grow(std::uint64_t crash_at, std::size_t victim) {
  MetadataCluster cluster(3, 3);
  MetadataNode& first = cluster.node(0);
  first.start();
  EXPECT_TRUE(cluster.run_until(
      [&] { return first.leads() && first.image() && first.image()->broker(first.id()) != nullptr; }));
  const auto before = cluster.create(first, "before");
  EXPECT_TRUE(before) << before.error().to_string();
  cluster.node(1).start();
  cluster.node(2).start();
  std::uint64_t events = 0;
  EXPECT_TRUE(cluster.run_until([&] { return events++ == crash_at || cluster.converged(); }))
      << cluster.state();
  const bool grew = cluster.converged();
  cluster.node(victim).die(MetadataNode::End::kPower);
  cluster.scheduler().run_for(milliseconds(50));
  cluster.node(victim).start();
  EXPECT_TRUE(cluster.run_until([&] { return cluster.converged(); }, std::chrono::minutes(2)))
      << cluster.state();
  cluster.expect_agreement();
  EXPECT_NE(cluster.node(2).image()->find("before"), nullptr);
  const auto created = cluster.create(*cluster.leader(), "after");
  EXPECT_TRUE(created) << created.error().to_string();
  return !grew;
}

TEST(ClusterGrowth, SurvivesAPowerCutOfAnyNodeAtEachStep) {
#ifdef __SANITIZE_ADDRESS__
  constexpr std::uint64_t kStride = 41;
#else
  constexpr std::uint64_t kStride = 3;
#endif
  for (std::size_t victim = 0; victim < 3; ++victim) {
    std::uint64_t at = victim;  // other steps for each
    while (!testing::Test::HasFailure() && grow(at, victim)) at += kStride;
    EXPECT_GT(at, 100U) << "the growth has more steps";
    EXPECT_FALSE(testing::Test::HasFailure()) << "power cut of node " << victim + 1 << " at step " << at;
  }
}

// A node that comes back with an empty disk gets the log from its beginning, and with it memberships that
// name the disk it had before. It loses power at the event `crash_at` of that. Returns: false when it was
// taken back before.
bool readmit(std::uint64_t crash_at, std::size_t wiped) {
  MetadataCluster cluster(5, 3);
  cluster.start_all();
  EXPECT_TRUE(cluster.run_until([&] { return cluster.converged(); })) << cluster.state();
  for (int i = 0; i < 6; ++i) {  // so much that it comes in several rounds
    std::optional<Result<ImagePtr>> created;
    cluster.leader()->controller()->submit(
        [i](const ClusterImage& image) -> Result<ClusterRecord> {
          FOREBAY_TRY(auto record, decide_create(image,
                                                 {.name = "t" + std::to_string(i),
                                                  .config = {{"filler", std::string(60U << 10, 'x')}}},
                                                 model::TopicId{{static_cast<std::uint8_t>(i + 1)}}, {}));
          return ClusterRecord(std::move(record));
        },
        [&created](Result<ImagePtr> image) { created = std::move(image); });
    EXPECT_TRUE(cluster.run_until([&] { return created.has_value() && cluster.converged(); }));
    EXPECT_TRUE(*created) << created->error().to_string();
  }
  MetadataNode& node = cluster.node(wiped);
  const auto is_back = [&] {
    if (!cluster.converged()) return false;
    const auto& voters = cluster.leader()->log()->group().committed_membership().voters;
    return std::find(voters.begin(), voters.end(), node.voter()) != voters.end();
  };
  node.die(MetadataNode::End::kPower);
  node.lose_disk();
  cluster.scheduler().run_for(seconds(5));  // it is known to be gone
  node.start();
  std::uint64_t events = 0;
  EXPECT_TRUE(cluster.run_until([&] { return events++ == crash_at || is_back(); })) << cluster.state();
  const bool was_back = is_back();
  node.die(MetadataNode::End::kPower);
  cluster.scheduler().run_for(milliseconds(50));
  node.start();
  EXPECT_TRUE(cluster.run_until(is_back, std::chrono::minutes(2))) << cluster.state();
  cluster.expect_agreement();
  const auto created = cluster.create(*cluster.leader(), "after");
  EXPECT_TRUE(created) << created.error().to_string();
  return !was_back;
}

TEST(ClusterGrowth, EmptiedNodeIsTakenBackThoughItLosesPowerAtAnyStepOfThat) {
#ifdef __SANITIZE_ADDRESS__
  constexpr std::uint64_t kStride = 41;
#else
  constexpr std::uint64_t kStride = 3;
#endif
  for (std::size_t wiped = 0; wiped < 3; ++wiped) {
    std::uint64_t at = wiped;
    while (!testing::Test::HasFailure() && readmit(at, wiped)) at += kStride;
    EXPECT_GT(at, 50U) << "the way back has more steps";
    EXPECT_FALSE(testing::Test::HasFailure()) << "power cut of node " << wiped + 1 << " at step " << at;
  }
}

}  // namespace
}  // namespace forebay::cluster
