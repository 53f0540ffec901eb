// Rot and torn writes: every bit of the files, every byte of the last round, files that are missing. Whatever
// is hurt, recovery never gives wrong data: it gives what is there and says what is not.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "journal_harness.h"
#include "log/core/journal_scan.h"
#include "log/core/segment_layout.h"
#include "log/data_directory.h"
#include "log/segment_io.h"

namespace forebay::log::testing {
namespace {

struct Files {
  std::vector<std::pair<std::string, std::vector<std::byte>>> journal;  // of the epoch in force
  BootRecord boot;
};

Files files_in_force(JournalHarness& node) {
  Files files;
  const auto boot = decode_boot(*node.disk().content("/data/BOOT"));
  EXPECT_TRUE(boot.has_value());
  files.boot = *boot;
  const std::string directory = journal_directory(kDataDir, boot->epoch);
  for (const std::string& path : node.disk().files()) {
    if (path.starts_with(directory + "/")) files.journal.emplace_back(path, *node.disk().content(path));
  }
  return files;
}

// Where the rounds lie.
struct Place {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t used = 0;
  std::uint64_t whole = 0;
  RoundHeader header;
};
std::vector<Place> rounds_in(const Files& files) {
  std::vector<Place> places;
  for (const auto& [path, bytes] : files.journal) {
    const auto name = parse_journal_file_name(path.substr(path.rfind('/') + 1));
    EXPECT_TRUE(name.has_value());
    const FileScan scan =
        scan_journal_file(bytes, {files.boot.epoch, files.boot.seed, name->shard, name->number}, 0);
    for (const ScannedRound& round : scan.rounds) {
      places.push_back(
          {path, round.file_offset, round.header.used_bytes, round.header.blocks_bytes(), round.header});
    }
  }
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.header.sequence < b.header.sequence; });
  return places;
}

// What every recovery must keep to, whatever is damaged: only frames that were appended, in order, holes only
// where damage says so.
void expect_honest(const Recovered& recovered, JournalHarness& node) {
  for (const RecoveredPartition& p : recovered.shards[0].partitions) {
    const ModelPartition* model = nullptr;
    for (std::size_t i = 0; i < node.partition_count(); ++i) {
      if (node.partition(i).id == p.state.id) model = &node.partition(i);
    }
    ASSERT_NE(model, nullptr) << "a partition that nobody made";
    LogPosition at = p.state.segment_end;
    const auto is_damaged = [&](const LogPosition& begin, const LogPosition& end) {
      return std::any_of(p.state.damage.begin(), p.state.damage.end(), [&](const Damage& damage) {
        return damage.kind == DamageKind::kMiddle && damage.begin <= begin && damage.end >= end;
      });
    };
    for (const FramePtr& frame : p.tail) {
      ASSERT_TRUE(frame->header.begin == at || is_damaged(at, frame->header.begin))
          << "hole from " << at.to_string() << " to " << frame->header.begin.to_string();
      at = frame->header.end;
      ASSERT_TRUE(check_frame_payload(frame->header, frame->payload.span()).has_value());
      const bool appended = std::any_of(model->ops.begin(), model->ops.end(), [&](const ModelOp& op) {
        const auto* made = std::get_if<FramePtr>(&op);
        return made != nullptr && (*made)->header == frame->header;
      });
      ASSERT_TRUE(appended) << "a frame that nobody appended at " << frame->header.begin.to_string();
    }
    ASSERT_TRUE(p.end == at || is_damaged(at, p.end));
  }
}

// Undoes a recovery, so that the next one finds the same files.
class Rewind {
 public:
  explicit Rewind(JournalHarness& node) : node_(node), boot_(*node.disk().content("/data/BOOT")) {}
  Result<Recovered> recover() {
    node_.disk().replace_file("/data/BOOT", boot_);
    auto recovered = node_.recover_only();
    if (recovered) {
      node_.disk().remove(journal_directory(kDataDir, recovered->epoch));
      if (recovered->report.rotten_rounds > 0) node_.disk().remove("/data/quarantine");
    }
    return recovered;
  }

 private:
  JournalHarness& node_;
  const std::vector<std::byte> boot_;
};

bool has_damage(const Recovered& recovered, const TopicPartition& id, DamageKind kind) {
  for (const RecoveredPartition& p : recovered.shards[0].partitions) {
    if (p.state.id != id) continue;
    for (const Damage& damage : p.state.damage) {
      if (damage.kind == kind) return true;
    }
  }
  return false;
}

const RecoveredPartition* find(const Recovered& recovered, const TopicPartition& id) {
  for (const RecoveredPartition& p : recovered.shards[0].partitions) {
    if (p.state.id == id) return &p;
  }
  return nullptr;
}

// Three partitions, five rounds of frames; everything reported durable, the journal idle.
void fill(JournalHarness& node) {
  ASSERT_TRUE(node.start());
  for (std::size_t i = 0; i < node.partition_count(); ++i) {
    node.create(i);
    node.set_term(i, 1, 1);
    node.append_control(i);
  }
  ASSERT_TRUE(node.settle());
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < node.partition_count(); ++i) node.append(i, 2, 100 + 50 * i);
    if (round == 3) node.set_term(0, 7, 2);
    ASSERT_TRUE(node.settle());
  }
}

HarnessOptions three_partitions() {
  HarnessOptions options;
  options.partitions = 3;
  return options;
}

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

TEST(Damage, MissingJournalFileIsRotOfItsRounds) {
  HarnessOptions options = three_partitions();
  options.flush_on_space_wanted = false;
  JournalHarness node(options);
  ASSERT_TRUE(node.start());
  for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
  for (int i = 0; i < 15; ++i) {
    node.append(static_cast<std::size_t>(i) % 3, 1, 4000);
    ASSERT_TRUE(node.settle());
  }
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

// The sync of the last name fails at the first start; the second one finds all there and serves. What it has
// acknowledged must not be taken for a stranger's files after a power cut.
TEST(DataDirectory, WhoseMakingFailedAtTheLastStepIsMadeDurableByTheNextStart) {
  for (std::uint64_t skip = 0; skip < 6; ++skip) {
    SCOPED_TRACE(skip);
    HarnessOptions options = three_partitions();
    options.seed = skip + 1;
    JournalHarness node(options);
    node.disk().inject({.op = sim::DiskOp::kSyncDirectory, .skip = skip});
    const auto refused = node.recover_only();
    node.disk().clear_faults();
    node.stop_objects();
    node.machine().kill_and_restart(sim::Landing::kKeep);
    fill(node);
    node.reboot(sim::Landing::kDrop);
    EXPECT_TRUE(node.start());
    if (HasFailure()) return;
  }
}

// The power went while a round was under way, and the one before it, which was durable and acknowledged, has
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

// A file that was cut right behind a round looks like one whose newest round is that one.
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
  HarnessOptions options = three_partitions();
  options.flush_on_space_wanted = false;
  JournalHarness node(options);
  ASSERT_TRUE(node.start());
  for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
  for (int i = 0; i < 15; ++i) {
    node.append(static_cast<std::size_t>(i) % 3, 1, 4000);
    ASSERT_TRUE(node.settle());
  }
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

TEST(Damage, ReadErrorAnywhereInTheJournalIsDamageAndStopsNothing) {
  HarnessOptions options = three_partitions();
  options.flush_on_space_wanted = false;
  JournalHarness node(options);
  ASSERT_TRUE(node.start());
  for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
  for (int i = 0; i < 15; ++i) {
    node.append(static_cast<std::size_t>(i) % 3, 1, 4000);
    ASSERT_TRUE(node.settle());
  }
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

// Rot took all rounds that tell of two partitions, their creation too. What lies in their folders is theirs:
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

TEST(Damage, FlippedBitInBootIsHealedByTheSecondCopyAndBothAreRefused) {
  JournalHarness node(three_partitions());
  fill(node);
  node.reboot(sim::Landing::kKeep);
  const auto boot = *node.disk().content("/data/BOOT");
  for (std::uint64_t bit = 0; bit < 40 * 8; ++bit) {
    node.disk().flip_bit("/data/BOOT", bit);
    const auto recovered = node.recover_only();
    ASSERT_TRUE(recovered.has_value()) << bit;
    EXPECT_EQ(find(*recovered, node.partition(0).id)->end, node.partition(0).durable.end());
  }
  std::vector<std::byte> broken = boot;
  broken[20] ^= std::byte{1};
  broken[4096 + 20] ^= std::byte{1};
  node.disk().replace_file("/data/BOOT", broken);
  const auto files = node.disk().files();
  const auto refused = node.recover_only();
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kStorageFailed);
  EXPECT_EQ(node.disk().files(), files);
}

TEST(Damage, FlippedBitInFormatIsRefusedUntouched) {
  JournalHarness node(three_partitions());
  fill(node);
  node.reboot(sim::Landing::kKeep);
  const std::uint64_t bits = node.disk().content("/data/FORMAT")->size() * 8;
  for (std::uint64_t bit = 0; bit < bits; ++bit) {
    node.disk().flip_bit("/data/FORMAT", bit);
    const auto files = node.disk().files();
    const auto opened = open_data_directory(node.machine().file_system(), kDataDir, node.machine().rng());
    EXPECT_FALSE(opened.has_value()) << bit;
    EXPECT_EQ(node.disk().files(), files);
    node.disk().flip_bit("/data/FORMAT", bit);
  }
}

TEST(DataDirectory, NewerFormatIsRefusedUntouched) {
  sim::SimMachine machine(1);
  ASSERT_TRUE(machine.file_system().create_directories("/data").has_value());
  Identity identity;
  identity.disk.bytes.fill(7);
  machine.disk().replace_file("/data/FORMAT", as_bytes(encode_format(kFormatVersion + 1, identity)));
  const auto opened = open_data_directory(machine.file_system(), "/data", machine.rng());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kNewerFormat);
  EXPECT_EQ(machine.disk().files(), std::vector<std::string>{"/data/FORMAT"});
}

TEST(DataDirectory, ForeignDirectoryIsRefusedUntouched) {
  sim::SimMachine machine(1);
  ASSERT_TRUE(machine.file_system().create_directories("/data").has_value());
  machine.disk().replace_file("/data/thesis.txt", as_bytes("years of work"));
  const auto opened = open_data_directory(machine.file_system(), "/data", machine.rng());
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(machine.disk().files(), std::vector<std::string>{"/data/thesis.txt"});
}

TEST(DataDirectory, SecondOpenIsLockedOut) {
  sim::SimMachine machine(1);
  const auto first = open_data_directory(machine.file_system(), "/data", machine.rng());
  ASSERT_TRUE(first.has_value());
  const auto second = open_data_directory(machine.file_system(), "/data", machine.rng());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kLocked);
}

TEST(DataDirectory, CrashAtEveryStepOfMakingItIsHealed) {
  for (std::uint64_t step = 1;; ++step) {
    SCOPED_TRACE(step);
    sim::SimMachine machine(step);
    machine.disk().crash_at_step(step);
    { [[maybe_unused]] const auto made = open_data_directory(machine.file_system(), "/data", machine.rng()); }
    const bool crashed = machine.disk().power_is_off();
    machine.reboot(sim::Landing::kSeeded);
    const auto opened = open_data_directory(machine.file_system(), "/data", machine.rng());
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
    EXPECT_FALSE(opened->identity.disk.is_nil());
    if (!crashed) break;
  }
}

TEST(DataDirectory, IdentityStaysTheSame) {
  sim::SimMachine machine(1);
  model::Uuid disk;
  {
    const auto made = open_data_directory(machine.file_system(), "/data", machine.rng());
    ASSERT_TRUE(made.has_value());
    disk = made->identity.disk;
  }
  const auto again = open_data_directory(machine.file_system(), "/data", machine.rng());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->identity.disk, disk);
}

}  // namespace
}  // namespace forebay::log::testing
