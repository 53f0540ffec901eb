// Files of a journal that are missing or cut, all of them too: what recovery still knows, and what it takes
// from the segments.
#include <gtest/gtest.h>

#include "hurt_journal.h"
#include "log/core/segment_layout.h"
#include "log/segment_io.h"

namespace forebay::log::testing {
namespace {

TEST(Damage, MissingJournalFileIsRotOfItsRounds) {
  JournalHarness node(three_partitions_unflushed());
  fill_several_files(node);
  node.run_for(std::chrono::seconds(1));
  node.reboot(sim::Landing::kKeep);
  const std::vector<Place> rounds = rounds_in(files_in_force(node));
  const std::string first = rounds.front().path;
  ASSERT_NE(first, rounds.back().path);
  node.disk().remove(first);
  const auto recovered = node.recover_only();
  ASSERT_TRUE(recovered.has_value()) << recovered.error().to_string();
  EXPECT_GT(recovered->report.rotten_rounds, 0U);
  for (std::size_t i = 0; i < node.partition_count(); ++i) {
    const RecoveredPartition* p = find(*recovered, node.partition(i).id);
    ASSERT_NE(p, nullptr);
    EXPECT_EQ(p->end, node.partition(i).durable.end());
    EXPECT_TRUE(has_damage(*recovered, p->state.id, DamageKind::kMiddle));
  }
  expect_honest(*recovered, node);
}

TEST(Damage, NewestFileThatWasCutLeavesEveryEndUnknown) {
  JournalHarness node(three_partitions());
  fill(node);
  node.run_for(std::chrono::seconds(1));  // more files are made
  node.reboot(sim::Landing::kKeep);
  const std::vector<Place> rounds = rounds_in(files_in_force(node));
  ASSERT_GT(files_in_force(node).journal.size(), 1U);
  const Place kept = rounds[rounds.size() - 4];
  const std::vector<std::byte> before = *node.disk().content(kept.path);
  Rewind rewind(node);
  for (const bool cut : {true, false}) {
    SCOPED_TRACE(cut);
    std::vector<std::byte> after = before;
    const auto end = static_cast<std::size_t>(kept.offset + kept.whole);
    after.resize(end);
    if (!cut) after.resize(before.size());  // the same bytes, at the full size: nothing tells it from torn
    node.disk().replace_file(kept.path, after);
    const auto recovered = rewind.recover();
    ASSERT_TRUE(recovered.has_value());
    for (std::size_t i = 0; i < node.partition_count(); ++i) {
      EXPECT_EQ(has_damage(*recovered, node.partition(i).id, DamageKind::kTail), cut) << i;
    }
  }
}

TEST(Damage, MissingNewestFileLeavesEveryEndUnknown) {
  JournalHarness node(three_partitions_unflushed());
  fill_several_files(node);
  node.reboot(sim::Landing::kKeep);
  const std::vector<Place> rounds = rounds_in(files_in_force(node));
  ASSERT_NE(rounds.front().path, rounds.back().path);
  node.disk().remove(rounds.back().path);
  const auto recovered = node.recover_only();
  ASSERT_TRUE(recovered.has_value());
  expect_honest(*recovered, node);
  for (std::size_t i = 0; i < node.partition_count(); ++i) {
    EXPECT_TRUE(has_damage(*recovered, node.partition(i).id, DamageKind::kTail));
  }
}

// Puts frames into a segment file, as a log would.
void write_segment(JournalHarness& node, const TopicPartition& id, const SegmentMeta& meta,
                   const std::vector<FramePtr>& frames) {
  std::vector<std::byte> bytes(piece_bytes(frames));
  encode_piece(frames, bytes);
  bytes.resize(bytes.size() + 8192);  // room for more, as segments have it
  EXPECT_TRUE(node.machine().file_system().create_directories(partition_directory(kDataDir, id)).has_value());
  node.disk().replace_file(segment_path(kDataDir, id, meta), bytes);
}

TEST(Damage, WithoutAnyJournalThePartitionsAreSalvagedFromTheirSegments) {
  JournalHarness node(three_partitions());
  fill(node);
  node.reboot(sim::Landing::kKeep);
  const ModelPartition& whole = node.partition(0);
  const std::vector<FramePtr>& frames = whole.durable.frames;
  SegmentMeta first;
  first.boot_epoch = model::BootEpoch(1);
  SegmentMeta second = first;
  second.begin = frames[2]->header.end;
  write_segment(node, whole.id, first, {frames[0], frames[1], frames[2]});
  write_segment(node, whole.id, second, {frames[3], frames[4]});
  // Of another partition the first of two segments is missing its middle frame.
  const ModelPartition& holed = node.partition(1);
  write_segment(node, holed.id, first,
                {holed.durable.frames[0], holed.durable.frames[1], holed.durable.frames[2]});
  const std::uint64_t hole = frames[0]->encoded_bytes() + 100;
  node.disk().flip_bit(segment_path(kDataDir, holed.id, first), hole * 8);
  for (const auto& [path, bytes] : files_in_force(node).journal) node.disk().remove(path);

  const auto recovered = node.recover_only();
  ASSERT_TRUE(recovered.has_value()) << recovered.error().to_string();
  const RecoveredPartition* p = find(*recovered, whole.id);
  ASSERT_NE(p, nullptr);
  ASSERT_EQ(p->state.segments.size(), 2U);
  EXPECT_EQ(p->end, frames[4]->header.end);
  EXPECT_EQ(p->state.segment_end, p->end);
  EXPECT_EQ(p->state.segments[0].end, second.begin);
  EXPECT_EQ(p->state.hard_state.term, model::Term(1));
  EXPECT_EQ(p->state.terms.size(), 1U);
  EXPECT_TRUE(has_damage(*recovered, whole.id, DamageKind::kTail));
  EXPECT_FALSE(has_damage(*recovered, whole.id, DamageKind::kMiddle));
  const RecoveredPartition* q = find(*recovered, holed.id);
  ASSERT_NE(q, nullptr);
  EXPECT_EQ(q->end, holed.durable.frames[2]->header.end);
  EXPECT_TRUE(has_damage(*recovered, holed.id, DamageKind::kMiddle));
  // And it stays so.
  const auto again = node.recover_only();
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(find(*again, whole.id)->state.damage, p->state.damage);
  EXPECT_EQ(find(*again, whole.id)->state.segments, p->state.segments);
}

// the one is salvaged, the other one cannot be read now.
TEST(Damage, PartitionWhoseCreationIsLostIsSalvagedOnceItCanBeRead) {
  JournalHarness node(three_partitions());
  fill(node);
  for (int i = 0; i < 2; ++i) {
    node.append(1, 1, 100);
    ASSERT_TRUE(node.settle());
  }
  node.reboot(sim::Landing::kKeep);
  std::vector<Place> data = rounds_in(files_in_force(node));
  std::erase_if(data, [](const Place& place) { return place.header.kind != RoundKind::kData; });
  data.pop_back();  // its directory speaks of partition 1 only
  for (const Place& hurt : data) node.disk().flip_bit(hurt.path, (hurt.offset + 300) * 8);
  const ModelPartition& salvaged = node.partition(0);
  const ModelPartition& unread = node.partition(2);
  Rewind rewind(node);
  {
    const auto recovered = rewind.recover();
    ASSERT_TRUE(recovered.has_value()) << recovered.error().to_string();
    ASSERT_EQ(find(*recovered, salvaged.id), nullptr);
    ASSERT_EQ(find(*recovered, unread.id), nullptr);
  }
  SegmentMeta first;
  first.boot_epoch = model::BootEpoch(1);
  const std::vector<FramePtr>& frames = salvaged.durable.frames;
  write_segment(node, salvaged.id, first, {frames[0], frames[1]});
  write_segment(node, unread.id, first, {unread.durable.frames[0]});
  node.disk().inject({.op = sim::DiskOp::kList,
                      .path = sim::path_contains(partition_directory(kDataDir, unread.id)),
                      .times = sim::DiskFault::kForever});
  const auto recovered = rewind.recover();
  ASSERT_TRUE(recovered.has_value()) << recovered.error().to_string();
  const RecoveredPartition* p = find(*recovered, salvaged.id);
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p->end, frames[1]->header.end);
  EXPECT_TRUE(has_damage(*recovered, salvaged.id, DamageKind::kTail));
  // The other one is lost for now, not blank; and found by the first start that can read it.
  ASSERT_NE(find(*recovered, unread.id), nullptr);
  EXPECT_EQ(find(*recovered, unread.id)->end, LogPosition{});
  EXPECT_TRUE(has_damage(*recovered, unread.id, DamageKind::kTail));
  ASSERT_TRUE(node.recover_only().has_value());
  node.disk().clear_faults();
  const auto later = node.recover_only();
  ASSERT_TRUE(later.has_value()) << later.error().to_string();
  EXPECT_EQ(find(*later, unread.id)->end, unread.durable.frames[0]->header.end);
  EXPECT_TRUE(has_damage(*later, unread.id, DamageKind::kTail));
}

}  // namespace
}  // namespace forebay::log::testing
