// The list of damage of a partition, and what is accepted of it.
#include "log/core/damage.h"

#include <gtest/gtest.h>

#include "log/core/loss.h"

namespace forebay::log {
namespace {

model::LogPosition at(std::int64_t offset, std::uint32_t control = 0) {
  return {model::Offset(offset), control};
}
Damage range(DamageKind kind, std::int64_t begin, std::int64_t end) { return {kind, at(begin), at(end)}; }
Damage middle(std::int64_t begin, std::int64_t end) { return range(DamageKind::kMiddle, begin, end); }
Damage passed(std::int64_t begin, std::int64_t end) { return range(DamageKind::kAcceptedMiddle, begin, end); }
Damage tail(std::int64_t end) { return range(DamageKind::kTail, end, end); }
Damage ended(std::int64_t end) { return range(DamageKind::kAcceptedTail, end, end); }
using List = std::vector<Damage>;

TEST(DamageList, LostRangesJoin) {
  List damage;
  EXPECT_TRUE(add_lost_range(damage, at(10), at(20)));
  EXPECT_TRUE(add_lost_range(damage, at(30), at(40)));
  EXPECT_FALSE(add_lost_range(damage, at(12), at(18)));
  EXPECT_FALSE(add_lost_range(damage, at(18), at(18)));
  EXPECT_TRUE(add_lost_range(damage, at(15), at(30)));
  EXPECT_EQ(damage, (List{middle(10, 40)}));
}

TEST(DamageList, WhatIsAcceptedIsNotLostAgain) {
  List damage{passed(10, 20), ended(25)};
  EXPECT_FALSE(add_lost_range(damage, at(10), at(20)));
  EXPECT_FALSE(add_lost_range(damage, at(12), at(15)));
  EXPECT_TRUE(add_lost_range(damage, at(5), at(30)));
  EXPECT_EQ(damage, (List{middle(5, 10), passed(10, 20), middle(20, 30), ended(25)}));
}

TEST(DamageList, AcceptedRangeIsAcceptedAsAWhole) {
  const List damage{passed(10, 20), passed(20, 30), middle(30, 40)};
  EXPECT_TRUE(is_accepted_range(damage, at(12), at(25)));
  EXPECT_FALSE(is_accepted_range(damage, at(9), at(12)));
  EXPECT_FALSE(is_accepted_range(damage, at(25), at(35)));
  EXPECT_FALSE(is_accepted_range(damage, at(30), at(40)));
}

TEST(DamageList, FirstLostTailCounts) {
  List damage;
  EXPECT_FALSE(lost_tail(damage).has_value());
  EXPECT_TRUE(add_lost_tail(damage, at(5)));
  EXPECT_FALSE(add_lost_tail(damage, at(5, 3)));
  EXPECT_EQ(lost_tail(damage), at(5));
  damage = {ended(5)};
  EXPECT_FALSE(lost_tail(damage).has_value());
  EXPECT_TRUE(add_lost_tail(damage, at(9)));  // of a later life
  EXPECT_EQ(damage, (List{ended(5), tail(9)}));
  EXPECT_TRUE(tail_accepted_at(damage, model::Offset(5)));
  EXPECT_FALSE(tail_accepted_at(damage, model::Offset(9)));
}

TEST(DamageList, LogStartForgetsAllButAnOpenTail) {
  List damage{middle(1, 4), passed(5, 8), ended(8), middle(9, 12), tail(12)};
  drop_damage_below(damage, at(10));
  EXPECT_EQ(damage, (List{middle(10, 12), tail(12)}));
  drop_damage_below(damage, at(12));
  EXPECT_EQ(damage, (List{tail(12)}));
}

TEST(DamageList, RangesAreFoundByKindAndOffset) {
  const List damage{middle(1, 4), passed(5, 8), tail(8)};
  EXPECT_EQ(range_end(damage, DamageKind::kMiddle, model::Offset(3)), model::Offset(4));
  EXPECT_FALSE(range_end(damage, DamageKind::kMiddle, model::Offset(4)).has_value());
  EXPECT_FALSE(range_end(damage, DamageKind::kMiddle, model::Offset(6)).has_value());
  EXPECT_EQ(range_end(damage, DamageKind::kAcceptedMiddle, model::Offset(5)), model::Offset(8));
}

TEST(DamageList, RenewalIsALostTailAndNoDamage) {
  List damage;
  add_renewal(damage);
  add_renewal(damage);
  EXPECT_EQ(damage.size(), 1U);
  EXPECT_EQ(lost_tail(damage), at(0));
  EXPECT_TRUE(is_renewed(damage));
  EXPECT_FALSE(is_open(damage));
  PartitionCheckpoint state;
  state.damage = damage;
  EXPECT_FALSE(is_wholly_lost(state));
  EXPECT_TRUE(losses_of(state).empty());
  drop_damage_below(damage, at(10));
  EXPECT_TRUE(is_renewed(damage));
  // What is lost besides is lost, and both go with what is regained.
  EXPECT_TRUE(add_lost_tail(damage, at(12)));
  EXPECT_TRUE(is_open(damage));
  forget_lost_tail(damage);
  EXPECT_TRUE(damage.empty());
}

TEST(Losses, OnlyWhatIsNamedIsAccepted) {
  PartitionCheckpoint state;
  state.id.topic.bytes[0] = 1;
  state.damage = {middle(1, 4), middle(6, 8), passed(9, 10), tail(12)};
  const std::vector<Loss> losses = losses_of(state);
  ASSERT_EQ(losses.size(), 3U);
  EXPECT_EQ(losses[0].kind, LossKind::kRange);
  EXPECT_EQ(losses[2].kind, LossKind::kTail);
  std::vector<Loss> named{losses[0], losses[2]};
  named.push_back(losses[1]);
  named.back().end = at(9);  // another range than the one that is lost
  accept_losses(state, named);
  EXPECT_EQ(state.damage, (List{passed(1, 4), middle(6, 8), passed(9, 10), ended(12)}));

  PartitionCheckpoint other = state;
  other.id.topic.bytes[0] = 2;
  other.damage = {tail(12)};
  accept_losses(other, losses);
  EXPECT_EQ(other.damage, (List{tail(12)}));
}

TEST(Losses, TextSaysWhatReadersAndWritersWillSee) {
  Loss loss{{}, LossKind::kRange, at(3), at(7)};
  EXPECT_NE(describe(loss).find("offsets 3 to 6 are lost"), std::string::npos) << describe(loss);
  loss = {{}, LossKind::kRange, at(3, 1), at(3, 2)};
  EXPECT_NE(describe(loss).find("no record"), std::string::npos) << describe(loss);
  loss = {{}, LossKind::kTail, at(7), at(7)};
  EXPECT_NE(describe(loss).find("from offset 7 on"), std::string::npos) << describe(loss);
  EXPECT_NE(describe(loss).find("set back to 7"), std::string::npos) << describe(loss);
}

}  // namespace
}  // namespace forebay::log
