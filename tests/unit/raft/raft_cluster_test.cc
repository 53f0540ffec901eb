// Raft's promises over several nodes and thousands of schedules.
#include "raft_cluster.h"
#include "sim/seed_range.h"

namespace forebay::raft::testing {
namespace {

RareEvents run(ClusterOptions options, std::uint64_t seeds, int steps) {
  RareEvents all;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    options.seed = seed;
    RaftCluster cluster(options);
    for (int step = 0; step < steps && cluster.step(); ++step) {
    }
    EXPECT_TRUE(cluster.failure().empty() && cluster.settle()) << cluster.failure();
    all.leaders += cluster.events().leaders;
    all.truncations += cluster.events().truncations;
    all.refusals += cluster.events().refusals;
    all.crashes_with_loss += cluster.events().crashes_with_loss;
    all.commits += cluster.events().commits;
    all.transfers += cluster.events().transfers;
    all.barriers += cluster.events().barriers;
    all.changes += cluster.events().changes;
    all.memberships_cut += cluster.events().memberships_cut;
    all.trims += cluster.events().trims;
    all.installs += cluster.events().installs;
    all.installs_undone_by_a_crash += cluster.events().installs_undone_by_a_crash;
    all.frames_given_up += cluster.events().frames_given_up;
    if (::testing::Test::HasFailure()) break;
  }
  return all;
}

TEST(RaftCluster, ThreeNodesKeepEveryPromise) {
  const RareEvents events = run({.nodes = 3}, 2'000, 800);
  EXPECT_GT(events.leaders, 2'000U);
  EXPECT_GT(events.truncations, 100U);
  EXPECT_GT(events.refusals, 100U);
  EXPECT_GT(events.crashes_with_loss, 100U);
  EXPECT_GT(events.commits, 5'000U);
  EXPECT_GT(events.transfers, 500U);
  EXPECT_GT(events.barriers, 500U);
}

TEST(RaftCluster, FiveNodesKeepEveryPromise) {
  const RareEvents events = run({.nodes = 5}, 500, 2'500);
  EXPECT_GT(events.truncations, 100U);
  EXPECT_GT(events.commits, 2'000U);
}

TEST(RaftCluster, NodesThatCrashAllTheTimeLoseNothing) {
  const RareEvents events =
      run({.nodes = 3, .crash_percent = 8, .cut_percent = 6, .campaign_percent = 8}, 1'000, 600);
  EXPECT_GT(events.crashes_with_loss, 500U);
}

TEST(RaftCluster, MembersComeAndGo) {
  const RareEvents events = run({.nodes = 3,
                                 .spares = 2,
                                 .crash_percent = 0,
                                 .cut_percent = 1,
                                 .campaign_percent = 1,
                                 .change_percent = 2},
                                sim::worlds(1'000), 5'000);
  EXPECT_GT(events.changes, sim::worlds(1'000));
  EXPECT_GT(events.memberships_cut, sim::worlds(20));
}

TEST(RaftCluster, MembersComeAndGoWhileNodesCrash) {
  const RareEvents events =
      run({.nodes = 3, .spares = 2, .cut_percent = 1, .campaign_percent = 2, .change_percent = 2},
          sim::worlds(1'000), 8'000);
  EXPECT_GT(events.changes, sim::worlds(200));
}

TEST(RaftCluster, GroupOfOneGrows) {
  const RareEvents events = run({.nodes = 1, .spares = 2, .change_percent = 4}, sim::worlds(500), 1'500);
  EXPECT_GT(events.changes, sim::worlds(500));
}

TEST(RaftCluster, LogsAreTrimmedPastThoseWhoAreBehind) {
  const RareEvents events =
      run({.nodes = 3, .crash_percent = 1, .cut_percent = 1, .campaign_percent = 1, .trim_percent = 4},
          sim::worlds(1'000), 4'000);
  EXPECT_GT(events.trims, sim::worlds(5'000));
  EXPECT_GT(events.installs, sim::worlds(500));
  EXPECT_GT(events.installs_undone_by_a_crash, sim::worlds(20));
  EXPECT_GT(events.frames_given_up, sim::worlds(200));
}

TEST(RaftCluster, NewMembersOfATrimmedLogBeginWhereItDoes) {
  const RareEvents events = run({.nodes = 3,
                                 .spares = 2,
                                 .cut_percent = 1,
                                 .campaign_percent = 1,
                                 .change_percent = 2,
                                 .trim_percent = 3},
                                sim::worlds(500), 8'000);
  EXPECT_GT(events.changes, sim::worlds(100));
  EXPECT_GT(events.installs, sim::worlds(200));
}

TEST(RaftCluster, QuietNetworkKeepsOneLeader) {
  const RareEvents events =
      run({.nodes = 3, .crash_percent = 0, .cut_percent = 0, .campaign_percent = 1}, 200, 2'000);
  EXPECT_GT(events.commits, 5'000U);
}

}  // namespace
}  // namespace forebay::raft::testing
