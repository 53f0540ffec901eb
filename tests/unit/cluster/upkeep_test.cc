// What the controller decides by itself: in which order, how much at a time, and until when it waits.
#include "cluster/core/upkeep.h"

#include <gtest/gtest.h>

#include <random>

#include "cluster/core/decommission.h"
#include "cluster/core/internal_topics.h"
#include "cluster/core/moves.h"
#include "cluster/core/proposals.h"
#include "images.h"

namespace forebay::cluster {
namespace {

const model::NodeId kOne(1), kTwo(2), kThree(3), kFour(4), kFive(5);

class UpkeepTest : public testing::Test {
 protected:
  void create(const std::string& name, std::uint8_t id, std::uint32_t partitions, std::uint32_t copies) {
    const auto created = decide_create(image_,
                                       {.name = name,
                                        .partitions = partitions,
                                        .replication_factor = copies,
                                        .config = {},
                                        .allow_single_copy = true},
                                       uuid_of(id), {});
    ASSERT_TRUE(created) << created.error().context;
    ASSERT_TRUE(apply(image_, *created));
  }
  void make_schemas() {
    const auto made =
        decide(image_, MakeInternalTopic{InternalTopic::kSchemas, uuid_of(kSchemasId)}, alive());
    ASSERT_TRUE(made && *made) << made.error().context;
    ASSERT_TRUE(apply(image_, **made));
  }
  [[nodiscard]] std::set<log::Voter> alive() const {
    std::set<log::Voter> alive;
    for (const auto& [node, broker] : image_.brokers) {
      if (!view_.away.contains(node)) alive.insert({node, broker.registration.disk});
    }
    return alive;
  }
  [[nodiscard]] bool has_schemas(model::NodeId node) const {
    return image_.find(std::string(kSchemasTopicName))->replicas_on(node) == 1;
  }
  // It may lead something.
  [[nodiscard]] bool is_in_use(model::NodeId node) const {
    for (const auto& [name, topic] : image_.topics) {
      if (name == kSchemasTopicName) continue;
      for (const Placement& one : topic->partitions) {
        if (one.counts_on(node)) return true;
      }
    }
    return false;
  }
  void decommission(model::NodeId node) {
    ASSERT_TRUE(apply(image_, BrokerDecommission{node, Decommission::kEmptying}));
  }
  [[nodiscard]] UpkeepStep look() const { return next_upkeep(image_, limits_, view_); }
  // Takes the steps that there are without anybody's help; returns how many.
  std::size_t take_steps() {
    for (std::size_t count = 0; count < 1'000; ++count) {
      const UpkeepStep step = look();
      if (!step.record) return count;
      EXPECT_TRUE(apply(image_, *step.record));
      if (limits_.moves_max != 0) {
        EXPECT_LE(moves_under_way(image_), limits_.moves_max);
      }
    }
    ADD_FAILURE() << "it never ends";
    return 0;
  }
  // The leaders lead every partition where it is to be.
  void reach_all() {
    for (const auto& [id, topic] : std::map(image_.by_id)) {
      for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
        const Placement& now = topic->partitions[i];
        const model::PartitionIndex index(static_cast<std::int32_t>(i));
        if (now.reached == now.epoch) continue;
        ASSERT_TRUE(apply(image_, TargetReached{id, index, now.epoch}));
      }
    }
  }
  void remove_data_of(model::NodeId node) {
    for (const auto& [id, topic] : std::map(image_.by_id)) {
      for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
        const auto& leaving = topic->partitions[i].leaving;
        const model::PartitionIndex index(static_cast<std::int32_t>(i));
        if (std::find(leaving.begin(), leaving.end(), node) == leaving.end()) continue;
        ASSERT_TRUE(apply(image_, ReplicaGone{id, index, node}));
      }
    }
  }
  [[nodiscard]] std::size_t replicas_on(model::NodeId node) const {
    std::size_t count = 0;
    for (const auto& [name, topic] : image_.topics) count += topic->replicas_on(node);
    return count;
  }
  [[nodiscard]] const Placement& first() const { return image_.find("orders")->partitions.front(); }
  void expect_wait(model::NodeId node, const char* word) const {
    const UpkeepStep step = look();
    EXPECT_FALSE(step.record);
    EXPECT_TRUE(step.unfinished);
    ASSERT_TRUE(step.waits_for.contains(node));
    EXPECT_NE(step.waits_for.at(node).find(word), std::string::npos) << step.waits_for.at(node);
  }

  static constexpr std::uint8_t kSchemasId = 99;
  ClusterImage image_ = image_of(4);
  Limits limits_;
  UpkeepView view_;
};

TEST_F(UpkeepTest, NothingIsDoneWhereAllIsAsItShouldBe) {
  create("orders", 1, 8, 3);
  EXPECT_FALSE(look().record);
  EXPECT_FALSE(look().unfinished);
}

TEST_F(UpkeepTest, LiveBrokerGoesStepByStep) {
  create("orders", 1, 8, 3);
  view_.metadata_members = {kOne, kTwo, kThree, kFour};
  decommission(kFour);
  EXPECT_EQ(take_steps(), 1U);
  EXPECT_EQ(replicas_on(kFour), 0U);
  expect_wait(kFour, "on their way");
  reach_all();
  expect_wait(kFour, "its data");
  remove_data_of(kFour);
  EXPECT_EQ(take_steps(), 1U);
  EXPECT_EQ(image_.broker(kFour)->decommission, Decommission::kEmptied);
  EXPECT_FALSE(image_.hears_metadata(*image_.broker(kFour)));
  expect_wait(kFour, "metadata");
  view_.metadata_members.erase(kFour);
  EXPECT_EQ(take_steps(), 1U);
  EXPECT_EQ(image_.broker(kFour), nullptr);
  EXPECT_TRUE(image_.retired.contains(disk_of(4)));
  EXPECT_FALSE(look().unfinished);
}

TEST_F(UpkeepTest, DeadBrokerIsNotWaitedFor) {
  create("orders", 1, 8, 3);
  view_.away = {kFour};
  decommission(kFour);
  take_steps();
  expect_wait(kFour, "on their way");
  reach_all();
  EXPECT_EQ(take_steps(), 2U);
  EXPECT_EQ(image_.broker(kFour), nullptr);
  for (const Placement& placement : image_.find("orders")->partitions)
    EXPECT_TRUE(placement.leaving.empty()) << "its disk is retired";
}

TEST_F(UpkeepTest, DeletedTopicsAreWaitedForWhereTheBrokerIsThere) {
  create("orders", 1, 1, 1);
  ASSERT_TRUE(apply(image_, PartitionsConfirmed{uuid_of(1), kOne, 1}));
  ASSERT_TRUE(apply(image_, TopicDeleted{uuid_of(1)}));
  decommission(kOne);
  expect_wait(kOne, "deleted topics");
  view_.away = {kOne};
  EXPECT_EQ(take_steps(), 2U);
  EXPECT_TRUE(image_.deleting.empty());
}

TEST_F(UpkeepTest, NewcomerTakesThePlaceOfWhoGoes) {
  create("orders", 1, 1, 3);
  ASSERT_EQ(first().replicas, (Replicas{kOne, kTwo, kThree}));
  decommission(kOne);
  take_steps();
  EXPECT_EQ(first().replicas, (Replicas{kFour, kTwo, kThree}));
  EXPECT_TRUE(first().previous.empty()) << "one that is cancelled by itself would be begun again";
}

TEST_F(UpkeepTest, NoMoreAreUnderWayThanAllowed) {
  create("orders", 1, 8, 3);
  create("events", 2, 8, 3);
  limits_.moves_max = 3;
  decommission(kFour);
  const std::size_t all = replicas_on(kFour);
  std::size_t rounds = 0;
  for (; replicas_on(kFour) > 0; ++rounds) {
    ASSERT_LT(rounds, 100U);
    take_steps();
    if (replicas_on(kFour) > 0) expect_wait(kFour, "3 partitions are on their way");
    reach_all();
  }
  EXPECT_EQ(rounds, (all + 2) / 3);
}

TEST_F(UpkeepTest, MovesOfOperatorsCountAndAreNotRefused) {
  create("orders", 1, 8, 3);
  limits_.moves_max = 1;
  const auto moved =
      decide_move(image_, {"orders", model::PartitionIndex(0), {}}, {kOne, kTwo, kFour}, limits_);
  ASSERT_TRUE(moved && moved->record);
  ASSERT_TRUE(apply(image_, *moved->record));
  EXPECT_TRUE(decide_move(image_, {"orders", model::PartitionIndex(4), {}}, {kOne, kTwo, kFour}, limits_));
  decommission(kThree);
  EXPECT_FALSE(look().record);
  reach_all();
  EXPECT_TRUE(look().record);
}

TEST_F(UpkeepTest, MoreReplicasComeByAndBy) {
  create("orders", 1, 8, 1);
  limits_.moves_max = 3;
  const auto decided = decide_replication(image_, {"orders", 3, false}, limits_);
  ASSERT_TRUE(decided && decided->record);
  EXPECT_EQ(decided->record->changes.size(), 3U);
  ASSERT_EQ(decided->warnings.size(), 1U);
  EXPECT_NE(decided->warnings.front().find("5 of 8 partitions wait"), std::string::npos);
  ASSERT_TRUE(apply(image_, *decided->record));
  EXPECT_EQ(take_steps(), 0U);
  for (std::size_t round = 0; round < 3; ++round) {
    reach_all();
    take_steps();
  }
  for (const Placement& placement : image_.find("orders")->partitions)
    EXPECT_EQ(placement.replicas.size(), 3U);
  EXPECT_FALSE(look().unfinished);
}

TEST_F(UpkeepTest, NumberOfReplicasCanBeChangedBackOnTheWay) {
  create("orders", 1, 8, 1);
  limits_.moves_max = 3;
  ASSERT_TRUE(apply(image_, *decide_replication(image_, {"orders", 3, false}, limits_)->record));
  const auto back = decide_replication(image_, {"orders", 1, true}, {});
  ASSERT_TRUE(back && back->record) << back.error().context;
  ASSERT_TRUE(apply(image_, *back->record));
  reach_all();
  for (const Placement& placement : image_.find("orders")->partitions)
    EXPECT_EQ(placement.replicas.size(), 1U);
  EXPECT_FALSE(look().unfinished);
}

TEST_F(UpkeepTest, WhoIsAwayGetsNothing) {
  image_ = image_of(5);
  create("orders", 1, 5, 3);
  view_.away = {kFive};
  decommission(kOne);
  take_steps();
  EXPECT_EQ(replicas_on(kOne), 0U);
  for (const Placement& placement : image_.find("orders")->partitions)
    EXPECT_EQ(std::count(placement.joining.begin(), placement.joining.end(), kFive), 0);
}

TEST_F(UpkeepTest, TooFewBrokersThatAreThereAreWaitedFor) {
  create("orders", 1, 1, 3);
  decommission(kOne);
  view_.away = {kFour};
  expect_wait(kOne, "too few for 3 replicas");
  view_.away = {};
  EXPECT_EQ(take_steps(), 1U);
}

TEST_F(UpkeepTest, NodeWithoutRoomIsWaitedFor) {
  create("orders", 1, 1, 3);
  decommission(kOne);
  limits_.partitions_max = 0;
  expect_wait(kOne, "room for a copy");
}

TEST_F(UpkeepTest, ChangeUnderWayEndsFirst) {
  create("orders", 1, 1, 3);
  const auto moved = decide_move(image_, {"orders", model::PartitionIndex(0), {}}, {kOne, kTwo, kFour}, {});
  ASSERT_TRUE(apply(image_, *moved->record));
  decommission(kOne);
  expect_wait(kOne, "under way");
  reach_all();
  EXPECT_EQ(take_steps(), 1U);
}

// Its copy will never be complete.
TEST_F(UpkeepTest, ChangeTowardsWhoGoesIsNotWaitedFor) {
  create("orders", 1, 1, 3);
  const auto moved = decide_move(image_, {"orders", model::PartitionIndex(0), {}}, {kOne, kTwo, kFour}, {});
  ASSERT_TRUE(apply(image_, *moved->record));
  decommission(kFour);
  EXPECT_EQ(take_steps(), 1U);
  EXPECT_EQ(first().replicas, (Replicas{kOne, kTwo, kThree}));
}

// Those that go there take all turns that there are, and never end.
TEST_F(UpkeepTest, WhoIsOnTheWayToWhoGoesNeedsNoTurn) {
  create("orders", 1, 3, 3);
  create("others", 2, 3, 3);
  limits_.moves_max = 2;
  decommission(kOne);
  EXPECT_EQ(take_steps(), 1U);
  ASSERT_EQ(moves_under_way(image_), 2U);
  ASSERT_TRUE(apply(image_, BrokerRegistered{registration_of(5)}));
  view_.away = {kFour};
  decommission(kFour);
  for (int round = 0; round < 20 && look().unfinished; ++round) {
    take_steps();
    // Whatever a dead node is to get does not come to an end.
    for (const auto& [id, topic] : std::map(image_.by_id)) {
      for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
        const Placement& now = topic->partitions[i];
        if (!now.is_moving() || now.is_member(kFour)) continue;
        const model::PartitionIndex index(static_cast<std::int32_t>(i));
        ASSERT_TRUE(apply(image_, TargetReached{id, index, now.epoch}));
      }
    }
    remove_data_of(kOne);
  }
  EXPECT_FALSE(look().unfinished) << look().waits_for[kFour];
  EXPECT_EQ(image_.broker(kOne), nullptr);
  EXPECT_EQ(image_.broker(kFour), nullptr);
}

TEST_F(UpkeepTest, CopyThatIsBeingMadeAnewWhereItGoesIsNotWaitedFor) {
  create("orders", 1, 1, 3);
  const auto rebuilt = decide_rebuild(image_, {"orders", model::PartitionIndex(0), {}}, kThree);
  ASSERT_TRUE(apply(image_, *rebuilt->record));
  decommission(kThree);
  EXPECT_EQ(take_steps(), 1U);
  EXPECT_EQ(first().replicas, (Replicas{kOne, kTwo, kFour}));
  EXPECT_FALSE(first().rebuilding);
}

TEST_F(UpkeepTest, NobodyGoesBackToWhoGoes) {
  create("orders", 1, 1, 3);
  const MoveSubject subject{"orders", model::PartitionIndex(0), std::nullopt};
  ASSERT_TRUE(apply(image_, *decide_move(image_, subject, {kTwo, kThree, kFour}, {})->record));
  decommission(kOne);
  const auto cancelled = decide_cancel(image_, subject);
  ASSERT_FALSE(cancelled);
  EXPECT_NE(cancelled.error().context.find("node 1, which is being decommissioned"), std::string::npos)
      << cancelled.error().context;
  const auto moved = decide_move(image_, subject, {kTwo, kThree, kOne}, {});
  ASSERT_FALSE(moved);
}

TEST_F(UpkeepTest, WhatIsKeptKeepsWhatItHas) {
  create("orders", 1, 8, 3);
  limits_.moves_max = 2;
  decommission(kFour);
  take_steps();
  ASSERT_TRUE(apply(image_, **decide_keep_broker(image_, kFour)));
  const std::size_t kept = replicas_on(kFour);
  EXPECT_EQ(kept, 4U);
  reach_all();
  EXPECT_EQ(take_steps(), 0U);
  EXPECT_EQ(replicas_on(kFour), kept);
}

TEST_F(UpkeepTest, SeveralBrokersGoTogether) {
  image_ = image_of({"a", "b", "a", "b", "a", "b"});
  create("orders", 1, 12, 2);
  decommission(kOne);
  decommission(kTwo);
  view_.away = {kTwo};
  take_steps();
  reach_all();
  remove_data_of(kOne);
  take_steps();
  EXPECT_EQ(image_.brokers.size(), 4U);
  Load load = load_of(image_);
  for (const auto& [node, count] : load) {
    if (count > 0) {
      EXPECT_EQ(count, 6U) << node.value();
    }
  }
  for (const Placement& placement : image_.find("orders")->partitions)
    EXPECT_EQ(copies_on_a_crowded_rack(image_, placement.replicas), 0U);
}

// Until then it takes records of topics that are validated, which it can by its own copy only.
TEST_F(UpkeepTest, SchemasStayOnWhoGoesUntilNothingElseCountsOnIt) {
  create("orders", 1, 4, 1);
  create("events", 2, 4, 3);
  make_schemas();
  limits_.moves_max = 2;
  decommission(kFour);
  for (int round = 0; is_in_use(kFour); ++round) {
    ASSERT_LT(round, 20);
    take_steps();
    EXPECT_TRUE(has_schemas(kFour));
    EXPECT_TRUE(look().waits_for.contains(kFour));
    reach_all();
  }
  EXPECT_TRUE(has_schemas(kFour));
  take_steps();
  EXPECT_FALSE(has_schemas(kFour));
  reach_all();
  remove_data_of(kFour);
  take_steps();
  EXPECT_EQ(image_.broker(kFour), nullptr);
  EXPECT_FALSE(look().unfinished);
}

TEST_F(UpkeepTest, SchemasLeaveAtOnceWhereNothingElseIs) {
  make_schemas();
  decommission(kFour);
  EXPECT_EQ(take_steps(), 2U) << "fewer replicas, and where";
  EXPECT_FALSE(has_schemas(kFour));
  reach_all();
  remove_data_of(kFour);
  take_steps();
  EXPECT_EQ(image_.broker(kFour), nullptr);
}

// It may come back, and lead what has not been taken from it yet; and it is not waited for.
TEST_F(UpkeepTest, SchemasStayInTheTargetOfADeadBrokerThatGoesUntilTheRestIsMoved) {
  create("orders", 1, 4, 3);
  make_schemas();
  view_.away = {kFour};
  decommission(kFour);
  take_steps();
  EXPECT_TRUE(has_schemas(kFour));
  reach_all();
  take_steps();
  EXPECT_FALSE(has_schemas(kFour));
  reach_all();
  take_steps();
  EXPECT_EQ(image_.broker(kFour), nullptr);
  EXPECT_FALSE(look().unfinished);
}

TEST_F(UpkeepTest, WhoIsToStayAfterAllHasTheSchemasStill) {
  create("orders", 1, 4, 1);
  make_schemas();
  decommission(kFour);
  take_steps();
  ASSERT_TRUE(apply(image_, **decide_keep_broker(image_, kFour)));
  reach_all();
  take_steps();
  EXPECT_TRUE(has_schemas(kFour));
  EXPECT_FALSE(look().unfinished);
}

// Between the number of replicas and the target that follows from it.
TEST_F(UpkeepTest, SchemasAreTakenFromNobodyWhenTheLastStepIsCalledOff) {
  create("orders", 1, 4, 3);
  make_schemas();
  decommission(kFour);
  while (is_in_use(kFour)) {
    take_steps();
    reach_all();
  }
  const UpkeepStep fewer = look();
  ASSERT_TRUE(fewer.record && cluster::apply(image_, *fewer.record));
  ASSERT_EQ(image_.find(std::string(kSchemasTopicName))->replication_factor, 3U);
  ASSERT_TRUE(apply(image_, **decide_keep_broker(image_, kFour)));
  take_steps();
  for (const model::NodeId node : {kOne, kTwo, kThree, kFour}) EXPECT_TRUE(has_schemas(node)) << node.value();
}

// Brokers are drained, decommissioned, kept after all, and away, several at once, at any step: whoever may
// lead something keeps his copy, and it ends with a copy on every broker that is left.
TEST_F(UpkeepTest, SchemasAreWhereverSomethingMayBeLed) {
  std::uint64_t removed = 0, kept = 0, waited = 0, several = 0;
  for (std::uint64_t seed = 1; seed <= 400 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 rng(seed);
    const auto brokers = static_cast<std::uint32_t>(3 + rng() % 4);
    image_ = image_of(brokers);
    view_ = {};
    limits_.moves_max = 1 + static_cast<std::uint32_t>(rng() % 4);
    for (std::uint32_t node = 1; node <= brokers; ++node) {
      if (rng() % 4 == 0 && node > 2) {
        ASSERT_TRUE(apply(image_, BrokerDrained{model::NodeId(node), true}));
      }
    }
    create("orders", 1, 6, 1);
    create("events", 2, 4, 2);
    make_schemas();
    if (HasFatalFailure()) return;
    const auto follow = [&](const ClusterRecord& record) {
      std::set<model::NodeId> had;
      for (const auto& [node, broker] : image_.brokers) {
        if (has_schemas(node)) had.insert(node);
      }
      ASSERT_TRUE(cluster::apply(image_, record));
      for (const model::NodeId node : had) {
        if (!is_in_use(node)) continue;
        EXPECT_TRUE(has_schemas(node)) << "node " << node.value();
        waited += image_.broker(node)->is_going() ? 1 : 0;
      }
    };
    const auto lead_one = [&](bool everywhere) {
      for (const auto& [id, topic] : std::map(image_.by_id)) {
        for (std::size_t i = 0; i < topic->partitions.size(); ++i) {
          const Placement now = topic->partitions[i];
          const model::PartitionIndex index(static_cast<std::int32_t>(i));
          const bool stuck = std::any_of(now.joining.begin(), now.joining.end(),
                                         [&](model::NodeId node) { return view_.away.contains(node); });
          if (!everywhere && rng() % 4 != 0) continue;
          if (now.is_moving() && !stuck) follow(TargetReached{id, index, now.epoch});
          for (const model::NodeId node : now.leaving) {
            if (!now.is_moving() && !view_.away.contains(node)) follow(ReplicaGone{id, index, node});
          }
        }
      }
    };
    for (int turn = 0; turn < 80; ++turn) {
      const model::NodeId node(static_cast<std::uint32_t>(1 + rng() % brokers));
      const Broker* broker = image_.broker(node);
      const auto dice = rng() % 20;
      if (dice < 10) {
        const UpkeepStep step = look();
        if (step.record) follow(*step.record);
      } else if (dice < 15) {
        lead_one(false);
      } else if (broker == nullptr) {
        continue;
      } else if (dice == 15) {
        const auto decided = decide_decommission(image_, {node}, limits_, alive());
        if (!decided || !decided->record) continue;
        follow(*decided->record);
      } else if (dice == 16 && broker->is_going()) {
        follow(**decide_keep_broker(image_, node));
        ++kept;
      } else if (dice == 17) {
        follow(BrokerDrained{node, !broker->drained});
      } else if (dice == 18) {
        if (!view_.away.erase(node) && rng() % 2 == 0) view_.away.insert(node);
      }
      several += std::count_if(image_.brokers.begin(), image_.brokers.end(),
                               [](const auto& one) { return one.second.is_going(); }) > 1
                     ? 1
                     : 0;
    }
    view_.away.clear();
    for (const auto& [node, broker] : std::map(image_.brokers)) {
      if (broker.drained && !broker.is_going()) follow(BrokerDrained{node, false});
    }
    for (int round = 0; look().unfinished; ++round) {
      ASSERT_LT(round, 200) << "it never ends";
      if (const UpkeepStep step = look(); step.record) {
        follow(*step.record);
      } else {
        lead_one(true);
      }
    }
    for (const auto& [node, broker] : image_.brokers) EXPECT_TRUE(has_schemas(node)) << node.value();
    removed += brokers - image_.brokers.size();
  }
  EXPECT_GT(removed, 100U);
  EXPECT_GT(kept, 50U);
  EXPECT_GT(waited, 1'000U);
  EXPECT_GT(several, 500U);
}

}  // namespace
}  // namespace forebay::cluster
