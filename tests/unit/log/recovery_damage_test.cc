// Rot and torn writes in the rounds of a journal: every bit of the files, every byte of the last round.
// Whatever is hurt, recovery never gives wrong data: it gives what is there and says what is not.
#include <gtest/gtest.h>

#include <algorithm>

#include "hurt_journal.h"

namespace forebay::log::testing {
namespace {

TEST(Damage, TornLastRoundIsCutAtEveryByte) {
  JournalHarness node(three_partitions());
  fill(node);
  node.reboot(sim::Landing::kKeep);
  const Files files = files_in_force(node);
  const std::vector<Place> rounds = rounds_in(files);
  ASSERT_EQ(rounds.back().header.kind, RoundKind::kData);
  const Place last = rounds.back();
  const std::vector<std::byte> before = *node.disk().content(last.path);
  Rewind rewind(node);
  for (std::uint64_t kept = 0; kept < last.used; kept += kept < 200 ? 1 : 5) {
    SCOPED_TRACE(kept);
    std::vector<std::byte> torn = before;
    std::fill(torn.begin() + static_cast<std::ptrdiff_t>(last.offset + kept),
              torn.begin() + static_cast<std::ptrdiff_t>(last.offset + last.whole), std::byte{0});
    if (torn == before) continue;  // what was cut off was zero
    node.disk().replace_file(last.path, torn);
    const auto recovered = rewind.recover();
    ASSERT_TRUE(recovered.has_value()) << recovered.error().to_string();
    EXPECT_EQ(recovered->report.rotten_rounds, 0U);
    EXPECT_EQ(recovered->report.rounds_read, rounds.size() - 1);
    for (std::size_t i = 0; i < node.partition_count(); ++i) {
      const RecoveredPartition* p = find(*recovered, node.partition(i).id);
      ASSERT_NE(p, nullptr);
      EXPECT_TRUE(p->state.damage.empty());
      EXPECT_EQ(p->end.next_offset.value(), 8);  // four of five rounds
    }
    expect_honest(*recovered, node);
  }
}

TEST(Damage, FlippedBitInAnyRoundIsRotOrTornAndNeverWrongData) {
  JournalHarness node(three_partitions());
  fill(node);
  node.run_for(std::chrono::seconds(1));  // the empty round
  node.reboot(sim::Landing::kKeep);
  const Files files = files_in_force(node);
  const std::vector<Place> rounds = rounds_in(files);
  ASSERT_EQ(rounds.back().header.kind, RoundKind::kIdle);
  Rewind rewind(node);
  sim::SimRng rng(5);
  for (const Place& round : rounds) {
    // A sample; round_test flips every bit, without the disk around it.
    const auto stride = [&](std::uint64_t bit) {
      const std::uint64_t byte = bit / 8;
      return 1 + rng.below(byte < kRoundHeaderBytes ? 60 : byte < round.used ? 600 : 6000);
    };
    for (std::uint64_t bit = 0; bit < round.whole * 8; bit += stride(bit)) {
      SCOPED_TRACE(std::to_string(round.header.sequence.value()) + " bit " + std::to_string(bit));
      node.disk().flip_bit(round.path, round.offset * 8 + bit);
      const auto recovered = rewind.recover();
      ASSERT_TRUE(recovered.has_value()) << recovered.error().to_string();
      expect_honest(*recovered, node);
      if (::testing::Test::HasFatalFailure()) return;
      const bool is_last = round.header.sequence == rounds.back().header.sequence;
      EXPECT_EQ(recovered->report.rotten_rounds, is_last ? 0U : 1U);
      for (std::size_t i = 0; i < node.partition_count(); ++i) {
        const ModelPartition& model = node.partition(i);
        const RecoveredPartition* p = find(*recovered, model.id);
        ASSERT_NE(p, nullptr);
        // One bad round loses neither a log end, nor a term, nor a vote.
        EXPECT_EQ(p->end, model.durable.end());
        EXPECT_EQ(p->state.hard_state, model.durable.hard_state);
        EXPECT_FALSE(has_damage(*recovered, model.id, DamageKind::kTail));
        const bool frames_lost = round.header.kind == RoundKind::kData;
        EXPECT_EQ(has_damage(*recovered, model.id, DamageKind::kMiddle), frames_lost && !is_last);
      }
      ASSERT_FALSE(HasFailure());
      node.disk().flip_bit(round.path, round.offset * 8 + bit);
    }
  }
}

TEST(Damage, RottenFileIsKeptInQuarantine) {
  JournalHarness node(three_partitions());
  fill(node);
  node.run_for(std::chrono::seconds(1));
  node.reboot(sim::Landing::kKeep);
  const std::vector<Place> rounds = rounds_in(files_in_force(node));
  const Place hurt = rounds[rounds.size() - 3];
  node.disk().flip_bit(hurt.path, (hurt.offset + 700) * 8);
  const std::vector<std::byte> damaged = *node.disk().content(hurt.path);
  const auto recovered = node.recover_only();
  ASSERT_TRUE(recovered.has_value());
  EXPECT_FALSE(recovered->report.notes.empty());
  const std::string name = hurt.path.substr(hurt.path.rfind('/') + 1);
  const auto kept = node.disk().content(
      "/data/quarantine/journal-" + std::to_string(recovered->report.previous_epoch.value()) + "/" + name);
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(*kept, damaged);
}

TEST(Damage, DamageIsRememberedByTheNextStart) {
  JournalHarness node(three_partitions());
  fill(node);
  node.run_for(std::chrono::seconds(1));
  node.reboot(sim::Landing::kKeep);
  const std::vector<Place> rounds = rounds_in(files_in_force(node));
  node.disk().flip_bit(rounds[rounds.size() - 4].path, (rounds[rounds.size() - 4].offset + 700) * 8);
  const auto first = node.recover_only();
  ASSERT_TRUE(first.has_value());
  const auto second = node.recover_only();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->report.rotten_rounds, 0U);
  for (std::size_t i = 0; i < node.partition_count(); ++i) {
    const RecoveredPartition* before = find(*first, node.partition(i).id);
    const RecoveredPartition* after = find(*second, node.partition(i).id);
    ASSERT_TRUE(before != nullptr && after != nullptr);
    EXPECT_FALSE(before->state.damage.empty());
    EXPECT_EQ(before->state.damage, after->state.damage);
    EXPECT_EQ(before->end, after->end);
    EXPECT_EQ(before->tail.size(), after->tail.size());
  }
}

TEST(Damage, SeveralRottenRoundsInARowLeaveTheEndUnknown) {
  JournalHarness node(three_partitions());
  fill(node);
  // Two more rounds for partition 0 only, then one for partition 1.
  for (int i = 0; i < 2; ++i) {
    node.append(0, 1, 100);
    ASSERT_TRUE(node.settle());
  }
  node.append(1, 1, 100);
  ASSERT_TRUE(node.settle());
  node.reboot(sim::Landing::kKeep);
  const std::vector<Place> rounds = rounds_in(files_in_force(node));
  // The two of partition 0: the second one is proven by the directory behind it, whatever else was in the
  // first one is not.
  for (const std::size_t back : {2U, 3U}) {
    const Place& hurt = rounds[rounds.size() - back];
    node.disk().flip_bit(hurt.path, (hurt.offset + 300) * 8);
  }
  const auto recovered = node.recover_only();
  ASSERT_TRUE(recovered.has_value());
  expect_honest(*recovered, node);
  EXPECT_EQ(recovered->report.rotten_rounds, 2U);
  EXPECT_EQ(find(*recovered, node.partition(0).id)->end, node.partition(0).durable.end());
  EXPECT_TRUE(has_damage(*recovered, node.partition(0).id, DamageKind::kMiddle));
  EXPECT_FALSE(has_damage(*recovered, node.partition(0).id, DamageKind::kTail));
  EXPECT_TRUE(has_damage(*recovered, node.partition(2).id, DamageKind::kTail));
}

TEST(Damage, RottenCheckpointIsReplacedByTheOneBefore) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    HarnessOptions options;
    options.seed = seed;
    JournalHarness node(options);
    ASSERT_TRUE(node.start());
    for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
    for (int i = 0; i < 150; ++i) {
      node.random_op();
      if (i % 5 == 0) {
        ASSERT_TRUE(node.settle());
      }
    }
    ASSERT_TRUE(node.settle());
    node.run_for(std::chrono::seconds(1));
    node.reboot(sim::Landing::kKeep);
    const std::vector<Place> rounds = rounds_in(files_in_force(node));
    const auto newest = std::find_if(rounds.rbegin(), rounds.rend(), [](const Place& round) {
      return round.header.kind == RoundKind::kCheckpoint;
    });
    ASSERT_NE(newest, rounds.rend());
    if (newest == rounds.rbegin()) continue;  // the last round: that would be a torn one
    node.disk().flip_bit(newest->path, (newest->offset + 150) * 8);
    ASSERT_TRUE(node.start());  // compares with the model: nothing is lost
    EXPECT_EQ(node.recovered().report.rotten_rounds, 1U);
    if (HasFailure()) return;
  }
}

TEST(Damage, FailedWriteNeverUsesASequenceTwice) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    HarnessOptions options = three_partitions();
    options.seed = seed;
    JournalHarness node(options);
    fill(node);
    node.disk().inject({.op = sim::DiskOp::kWrite, .path = sim::path_contains(".journal")});
    node.append(0, 1, 300);
    ASSERT_TRUE(node.settle());
    node.append(1, 1, 300);
    ASSERT_TRUE(node.settle());
    node.reboot(sim::Landing::kKeep);
    const std::vector<Place> rounds = rounds_in(files_in_force(node));
    const auto same = [](const Place& a, const Place& b) { return a.header.sequence == b.header.sequence; };
    EXPECT_EQ(std::adjacent_find(rounds.begin(), rounds.end(), same), rounds.end());
    ASSERT_TRUE(node.start());
    EXPECT_EQ(node.recovered().report.rotten_rounds, 0U);
  }
}

// rotted since. The torn one says that it followed it: that is not a longer torn end.
TEST(Damage, RotRightBeforeATornRoundIsNotTakenForTorn) {
  JournalHarness node(three_partitions());
  fill(node);
  node.reboot(sim::Landing::kKeep);
  const std::vector<Place> rounds = rounds_in(files_in_force(node));
  const Place torn = rounds[rounds.size() - 1];
  const Place rotten = rounds[rounds.size() - 2];
  ASSERT_EQ(rotten.header.kind, RoundKind::kData);
  node.disk().flip_bit(torn.path, (torn.offset + kRoundHeaderBytes + 8) * 8);
  Rewind rewind(node);
  {
    const auto recovered = rewind.recover();
    ASSERT_TRUE(recovered.has_value());
    EXPECT_TRUE(recovered->report.notes.empty()) << "a torn round alone is nobody's damage";
  }
  node.disk().flip_bit(rotten.path, (rotten.offset + kRoundHeaderBytes + 8) * 8);
  const auto recovered = rewind.recover();
  ASSERT_TRUE(recovered.has_value());
  expect_honest(*recovered, node);
  for (std::size_t i = 0; i < node.partition_count(); ++i) {
    EXPECT_TRUE(has_damage(*recovered, node.partition(i).id, DamageKind::kTail)) << i;
  }
  EXPECT_TRUE(node.disk().content("/data/quarantine/journal-" +
                                  std::to_string(torn.header.boot_epoch.value()) +
                                  rotten.path.substr(rotten.path.rfind('/'))));
}

TEST(Damage, ReadErrorAnywhereInTheJournalIsDamageAndStopsNothing) {
  JournalHarness node(three_partitions_unflushed());
  fill_several_files(node);
  node.run_for(std::chrono::seconds(1));
  node.reboot(sim::Landing::kKeep);
  const auto boot = *node.disk().content("/data/BOOT");
  const std::uint64_t boot_epoch = decode_boot(boot)->epoch.value();
  // Each read of the first pass, then each one of the second, which fetches the frames.
  bool frames_lost_by_the_second_pass = false;
  for (std::uint64_t skip = 0;; ++skip) {
    SCOPED_TRACE(skip);
    node.disk().replace_file("/data/BOOT", boot);
    node.disk().inject({.op = sim::DiskOp::kRead, .path = sim::path_contains(".journal"), .skip = skip});
    const auto recovered = node.recover_only();
    node.disk().clear_faults();
    ASSERT_TRUE(recovered.has_value()) << recovered.error().to_string();
    expect_honest(*recovered, node);
    if (HasFatalFailure()) return;
    for (std::size_t i = 0; i < node.partition_count(); ++i) {
      // Less than was reported durable is never passed over in silence.
      const RecoveredPartition* p = find(*recovered, node.partition(i).id);
      const bool whole = p != nullptr && p->end == node.partition(i).durable.end();
      EXPECT_TRUE(whole || p == nullptr || !p->state.damage.empty());
    }
    if (recovered->report.notes.empty()) break;  // more than there are reads
    EXPECT_TRUE(
        node.disk().content("/data/quarantine/journal-" + std::to_string(boot_epoch) + "/0-1.journal"));
    node.disk().remove("/data/quarantine");
    if (recovered->report.rotten_rounds == 0) {
      for (std::size_t i = 0; i < node.partition_count(); ++i) {
        const RecoveredPartition* p = find(*recovered, node.partition(i).id);
        frames_lost_by_the_second_pass |= p != nullptr && !p->state.damage.empty();
      }
    }
    ASSERT_LT(skip, 100U);
  }
  EXPECT_TRUE(frames_lost_by_the_second_pass);
}

}  // namespace
}  // namespace forebay::log::testing
