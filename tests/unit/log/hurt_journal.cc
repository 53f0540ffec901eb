#include "hurt_journal.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace forebay::log::testing {

HarnessOptions three_partitions() {
  HarnessOptions options;
  options.partitions = 3;
  return options;
}

HarnessOptions three_partitions_unflushed() {
  HarnessOptions options = three_partitions();
  options.flush_on_space_wanted = false;
  return options;
}

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

void fill_several_files(JournalHarness& node) {
  ASSERT_TRUE(node.start());
  for (std::size_t i = 0; i < node.partition_count(); ++i) node.create(i);
  for (int i = 0; i < 15; ++i) {
    node.append(static_cast<std::size_t>(i) % 3, 1, 4000);
    ASSERT_TRUE(node.settle());
  }
}

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

}  // namespace forebay::log::testing
