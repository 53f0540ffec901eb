// Files and folders that no log knows: kept, and moved out of the way.
#include "log/core/segment_layout.h"
#include "log/quarantine.h"
#include "log_world.h"

namespace forebay::log::testing {
namespace {

using model::Offset;

TEST(ShardLogs, UnknownFilesAreKeptInQuarantine) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 100; ++i) world.append(0, {.records = 2, .value_bytes = 500});
  ASSERT_TRUE(world.flush_all());
  ASSERT_TRUE(world.stop_clean(sim::Landing::kKeep));
  const std::string folder = "/data/topics/" + LogWorld::partition_id(0).topic.to_string() + "/0/";
  const auto note = as_bytes("do not delete me");
  world.disk().replace_file(folder + "notes.txt", note);
  // A segment that claims to come from a later start, and one that holds frames beyond the log's end.
  world.disk().replace_file(folder + "00000000000000000000-00000000-99.log", note);
  const FramePtr beyond =
      make_batch_frame(LogWorld::partition_id(0), {Offset(500), 0}, model::Term(1), {.records = 1});
  const std::vector<FramePtr> frames{beyond};
  std::vector<std::byte> piece(4096);
  encode_piece(frames, piece);
  world.disk().replace_file(folder + "00000000000000000500-00000000-1.log", piece);
  // What a crash may leave behind: an old copy of frames that are in the log.
  const std::vector<FramePtr> inside{world.model(0).frames[3]};
  std::vector<std::byte> old_piece(static_cast<std::size_t>(piece_bytes(inside)));
  encode_piece(inside, old_piece);
  const std::string leftover = folder + "00000000000000000006-00000000-1-g7.log";
  world.disk().replace_file(leftover, old_piece);
  ASSERT_TRUE(world.start());
  world.run_for(std::chrono::seconds(2));
  EXPECT_EQ(world.files_with("/quarantine/").size(), 3U);
  EXPECT_FALSE(world.disk().content(leftover));
  EXPECT_FALSE(world.disk().content(folder + "notes.txt"));
  world.check_reads(0);
}

TEST(ShardLogs, LookAroundNeverCutsAFileOfThisLife) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 20; ++i) world.append(0, {.records = 2, .value_bytes = 900});
  ASSERT_TRUE(world.flush_all());
  world.run_for(std::chrono::seconds(1));
  SegmentMeta meta = world.log(0).status().segments.at(0).meta;
  const std::string path = world.segment_files(0).at(0);
  const std::uint64_t size = world.disk().content(path)->size();
  // As the list was before the writer went on: what lies behind is being written, or belongs to an earlier
  // life.
  meta.size_bytes = 4096;
  FolderState state{LogWorld::partition_id(0), {meta}, world.log(0).end(), false, meta.boot_epoch};
  ASSERT_TRUE(tidy_partition_folder(world.machine().file_system(), "/data", state));
  EXPECT_EQ(world.disk().content(path)->size(), size);
  state.current = meta.boot_epoch.next();
  ASSERT_TRUE(tidy_partition_folder(world.machine().file_system(), "/data", state));
  EXPECT_EQ(world.disk().content(path)->size(), 4096U);
}

TEST(ShardLogs, UnknownFoldersAreKeptInQuarantine) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  ASSERT_TRUE(world.create(1));
  for (int i = 0; i < 50; ++i) world.append(i % 2, {.records = 2, .value_bytes = 500});
  ASSERT_TRUE(world.flush_all());
  ASSERT_TRUE(world.stop_clean(sim::Landing::kKeep));
  auto& fs = world.machine().file_system();
  ASSERT_TRUE(fs.create_directories("/data/topics/somebody/else"));
  const std::vector<model::TopicPartition> known{LogWorld::partition_id(0)};
  const UnknownFolders report = quarantine_unknown_folders(fs, "/data", known);
  EXPECT_EQ(report.moved.size(), 2U);
  EXPECT_TRUE(report.problems.empty());
  EXPECT_FALSE(world.segment_files(0).empty());
  EXPECT_TRUE(world.segment_files(1).empty());
  EXPECT_EQ(world.files_with("/quarantine/").size(), 2U) << "a segment and its index";
}

TEST(ShardLogs, UnknownFoldersThatCannotBeMovedStay) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  world.append(0, {.records = 2, .value_bytes = 500});
  ASSERT_TRUE(world.flush_all());
  ASSERT_TRUE(world.stop_clean(sim::Landing::kKeep));
  auto& fs = world.machine().file_system();
  const std::string topic = "/data/topics/" + LogWorld::partition_id(0).topic.to_string();
  ASSERT_TRUE(fs.create_directories("/data/topics/somebody"));
  ASSERT_TRUE(fs.create_directories(topic + "/nobody"));
  const auto note = as_bytes("events");
  world.disk().replace_file(topic + "/NAME.tmp", note);
  const std::vector<model::TopicPartition> known{LogWorld::partition_id(0)};
  world.disk().inject({.op = sim::DiskOp::kRename, .path = sim::path_contains("/nobody")});
  const UnknownFolders report = quarantine_unknown_folders(fs, "/data", known);
  EXPECT_EQ(report.moved, (std::vector<std::string>{"/data/topics/somebody"}));
  ASSERT_EQ(report.problems.size(), 1U);
  EXPECT_NE(report.problems[0].find(topic + "/nobody"), std::string::npos) << report.problems[0];
  EXPECT_TRUE(fs.exists(topic + "/nobody"));
  EXPECT_TRUE(fs.exists(topic + "/NAME.tmp"));
  world.disk().inject(
      {.op = sim::DiskOp::kList, .path = sim::path_contains(topic), .times = sim::DiskFault::kForever});
  EXPECT_EQ(quarantine_unknown_folders(fs, "/data", known).problems.size(), 1U);
  ASSERT_TRUE(world.start());
  world.check_reads(0);
}

}  // namespace
}  // namespace forebay::log::testing
