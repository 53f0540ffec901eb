// Every file of the journal begins with a whole checkpoint, and what a start needs always holds two: what
// allows the oldest file to be used again, whatever is in it, and one checkpoint to rot.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "journal_harness.h"
#include "log/core/journal_scan.h"
#include "log/data_directory.h"

namespace forebay::log::testing {
namespace {

// The rounds that a start would need, by file, in their order.
std::map<std::uint64_t, std::vector<ScannedRound>> live_rounds(JournalHarness& node) {
  const auto boot = decode_boot(*node.disk().content("/data/BOOT"));
  EXPECT_TRUE(boot.has_value());
  std::map<std::uint64_t, std::vector<ScannedRound>> files;
  RoundHeader newest;
  const std::string directory = journal_directory(kDataDir, boot->epoch) + "/";
  for (const std::string& path : node.disk().files()) {
    if (!path.starts_with(directory)) continue;
    const auto name = parse_journal_file_name(path.substr(directory.size()));
    FileScan scan = scan_journal_file(*node.disk().content(path),
                                      {boot->epoch, boot->seed, name->shard, name->number}, 0);
    for (const ScannedRound& round : scan.rounds) {
      if (newest.sequence < round.header.sequence) newest = round.header;
    }
    files[name->number] = std::move(scan.rounds);
  }
  for (auto& [number, rounds] : files) {
    std::erase_if(rounds,
                  [&](const ScannedRound& round) { return round.header.sequence < newest.live_from; });
  }
  std::erase_if(files, [](const auto& file) { return file.second.empty(); });
  return files;
}

bool is_part(const ScannedRound& round, std::uint32_t part) {
  return round.header.kind == RoundKind::kCheckpoint && round.header.checkpoint_part == part;
}

// True when the rounds from `at` on are all parts of one checkpoint; a file's end may come first.
bool begins_checkpoint(const std::vector<ScannedRound>& rounds, std::size_t at) {
  if (at >= rounds.size()) return true;
  const std::uint32_t parts = rounds[at].header.checkpoint_parts;
  for (std::uint32_t part = 0; part < parts && at + part < rounds.size(); ++part) {
    if (!is_part(rounds[at + part], part)) return false;
  }
  return rounds[at].header.kind == RoundKind::kCheckpoint;
}

std::size_t whole_checkpoints(const std::map<std::uint64_t, std::vector<ScannedRound>>& files) {
  std::map<RoundSequence, std::uint32_t> parts;
  std::size_t whole = 0;
  for (const auto& [number, rounds] : files) {
    for (const ScannedRound& round : rounds) {
      if (round.header.kind != RoundKind::kCheckpoint) continue;
      if (++parts[round.header.checkpoint_id] == round.header.checkpoint_parts) ++whole;
    }
  }
  return whole;
}

TEST(JournalCheckpoint, StandsWholeAtTheHeadOfEveryFile) {
  for (const std::uint32_t partitions : {3U, 40U, 120U}) {  // of one part, and of several
    SCOPED_TRACE(partitions);
    HarnessOptions options;
    options.partitions = partitions;
    JournalHarness node(options);
    ASSERT_TRUE(node.start());
    for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
    std::uint64_t highest = 0;
    for (int i = 0; i < 250; ++i) {
      node.append(static_cast<std::size_t>(i) % node.partition_count(), 1, 5000);
      ASSERT_TRUE(node.settle()) << i;
      const auto files = live_rounds(node);
      for (const auto& [number, rounds] : files) {
        ASSERT_EQ(rounds.front().file_offset, 0U) << number;
        ASSERT_TRUE(is_part(rounds.front(), 0)) << "file " << number << " does not begin with a checkpoint";
        ASSERT_TRUE(begins_checkpoint(rounds, 0)) << "in file " << number << " something comes in between";
      }
      ASSERT_GE(whole_checkpoints(files), 2U);
      highest = std::max(highest, files.begin()->first);
    }
    EXPECT_GT(highest, 1U) << "no file was given back";
  }
}

// The round that failed comes first there, the checkpoint at once behind it.
TEST(JournalCheckpoint, StandsBehindTheRoundThatAFailedWriteMovedToANewFile) {
  for (std::uint64_t skip = 0; skip < 40; ++skip) {
    SCOPED_TRACE(skip);
    JournalHarness node(HarnessOptions{});
    ASSERT_TRUE(node.start());
    for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
    node.disk().inject({.op = sim::DiskOp::kWrite, .path = sim::path_contains(".journal"), .skip = skip});
    for (int i = 0; i < 30; ++i) {
      node.append(static_cast<std::size_t>(i) % node.partition_count(), 1, 5000);
      ASSERT_TRUE(node.settle()) << i;
    }
    const auto files = live_rounds(node);
    for (const auto& [number, rounds] : files) {
      ASSERT_EQ(rounds.front().file_offset, 0U) << number;
      const bool moved = rounds.front().header.previous.value() + 1 != rounds.front().header.sequence.value();
      const bool in_checkpoint = rounds.front().header.kind == RoundKind::kCheckpoint;
      EXPECT_TRUE(begins_checkpoint(rounds, 0) || moved) << "file " << number;
      if (moved && !in_checkpoint) {
        EXPECT_TRUE(begins_checkpoint(rounds, 1)) << "file " << number;
      }
    }
    EXPECT_GE(whole_checkpoints(files), 2U);
  }
}

}  // namespace
}  // namespace forebay::log::testing
