#include "io/fail_point_file_system.h"

#include <gtest/gtest.h>

#include "sim/sim_machine.h"

namespace forebay::io {
namespace {

class FailPointFileSystemTest : public testing::Test {
 protected:
  void with(const char* text) {
    points_ = *FailPoints::parse(text, file_system_fail_points());
    fs_ = with_fail_points(std::make_unique<sim::SimFileSystem>(machine_.disk(), machine_.executor()),
                           points_, machine_.executor());
    ASSERT_TRUE(fs_->create_directories("/d/journal/1"));
  }
  sim::SimMachine machine_{1};
  FailPoints points_;
  std::unique_ptr<FileSystem> fs_;
};

TEST_F(FailPointFileSystemTest, HitsWhatItNamesAndNothingElse) {
  with("segment.write:error");
  auto segment = fs_->open("/d/topics/0.log", OpenMode::kCreate, Caching::kBuffered);
  ASSERT_FALSE(segment);  // its folder is missing: an error of the disk below comes through
  auto journal = fs_->open("/d/journal/1/0.journal", OpenMode::kCreate, Caching::kBuffered);
  ASSERT_TRUE(journal);
  EXPECT_TRUE((*journal)->write_now(0, as_bytes("x")));
  segment = fs_->open("/d/journal.log", OpenMode::kCreate, Caching::kBuffered);
  ASSERT_TRUE(segment);
  EXPECT_EQ((*segment)->write_now(0, as_bytes("x")).error().code, ErrorCode::kStorageFailed);
}

TEST_F(FailPointFileSystemTest, AsynchronousErrorsComeOnTheShardLater) {
  with("journal.write:error,journal.read:error");
  auto file = fs_->open("/d/journal/1/0.journal", OpenMode::kCreate, Caching::kBuffered);
  ASSERT_TRUE(file);
  int answers = 0;
  AlignedBuffer buffer(kBlockBytes);
  (*file)->write(0, buffer.span(), WriteMode::kDurable, [&answers](const Result<void>& done) {
    EXPECT_EQ(done.error().code, ErrorCode::kStorageFailed);
    ++answers;
  });
  (*file)->read(0, buffer.span(), [&answers](const Result<std::size_t>& done) {
    EXPECT_EQ(done.error().code, ErrorCode::kStorageFailed);
    ++answers;
  });
  EXPECT_EQ(answers, 0);
  machine_.scheduler().run_for(std::chrono::seconds(1));
  EXPECT_EQ(answers, 2);
}

TEST_F(FailPointFileSystemTest, SlowWriteDoesNotHoldUpTheShard) {
  with("journal.write:sleep=3000");
  auto file = *fs_->open("/d/journal/1/0.journal", OpenMode::kCreate, Caching::kBuffered);
  std::optional<runtime::TimePoint> written;
  std::optional<runtime::TimePoint> other;
  const AlignedBuffer buffer(kBlockBytes);
  const runtime::TimePoint begin = machine_.executor().now();
  file->write(0, buffer.span(), WriteMode::kPlain, [&](const Result<void>& done) {
    EXPECT_TRUE(done);
    written = machine_.executor().now();
  });
  file.reset();  // what is under way goes on
  machine_.executor().schedule_after(std::chrono::seconds(1), [&] { other = machine_.executor().now(); });
  machine_.scheduler().run_for(std::chrono::seconds(10));
  ASSERT_TRUE(written && other);
  EXPECT_LT(*other - begin, std::chrono::seconds(2));
  EXPECT_GE(*written - begin, std::chrono::seconds(3));
  EXPECT_EQ(machine_.disk().content("/d/journal/1/0.journal")->size(), kBlockBytes);
}

TEST_F(FailPointFileSystemTest, DurableWriteWhoseSyncFailsHasBeenWritten) {
  with("journal.sync:error");
  auto file = *fs_->open("/d/journal/1/0.journal", OpenMode::kCreate, Caching::kBuffered);
  std::optional<Result<void>> plain;
  std::optional<Result<void>> durable;
  const AlignedBuffer buffer(kBlockBytes);
  file->write(0, buffer.span(), WriteMode::kPlain, [&](Result<void> done) { plain = std::move(done); });
  file->write(kBlockBytes, buffer.span(), WriteMode::kDurable,
              [&](Result<void> done) { durable = std::move(done); });
  machine_.scheduler().run_for(std::chrono::seconds(1));
  ASSERT_TRUE(plain && durable);
  EXPECT_TRUE(*plain);
  EXPECT_EQ(durable->error().code, ErrorCode::kStorageFailed);
  EXPECT_EQ(machine_.disk().content("/d/journal/1/0.journal")->size(), 2 * kBlockBytes);
}

TEST_F(FailPointFileSystemTest, NoPointsCostNothing) {
  auto below = std::make_unique<sim::SimFileSystem>(machine_.disk(), machine_.executor());
  const FileSystem* raw = below.get();
  EXPECT_EQ(with_fail_points(std::move(below), points_, machine_.executor()).get(), raw);
}

}  // namespace
}  // namespace forebay::io
