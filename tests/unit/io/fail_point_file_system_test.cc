#include "io/fail_point_file_system.h"

#include <gtest/gtest.h>

#include "sim/sim_machine.h"

namespace forebay::io {
namespace {

class FailPointFileSystemTest : public testing::Test {
 protected:
  void with(const char* text) {
    points_ = *FailPoints::parse(text, file_system_fail_points());
    fs_ =
        with_fail_points(std::make_unique<sim::SimFileSystem>(machine_.disk(), machine_.executor()), points_);
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

TEST_F(FailPointFileSystemTest, NoPointsCostNothing) {
  auto below = std::make_unique<sim::SimFileSystem>(machine_.disk(), machine_.executor());
  const FileSystem* raw = below.get();
  EXPECT_EQ(with_fail_points(std::move(below), points_).get(), raw);
}

}  // namespace
}  // namespace forebay::io
