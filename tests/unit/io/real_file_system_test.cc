// What only the real disk has: the probe, the errors of the system, locks between processes.
#include "io/real_file_system.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <future>
#include <string>

#include "runtime/shard.h"

namespace forebay::io {

namespace {

class RealFileSystemTest : public ::testing::TestWithParam<EngineChoice> {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "forebay-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    const auto engine = probe_io_engine(root_, GetParam(), DirectChoice::kAuto);
    if (!engine.has_value()) GTEST_SKIP() << engine.error().to_string();
    fs_ = make_real_file_system(shard_, *engine).value();
    shard_.start();
  }
  void TearDown() override {
    shard_.stop_and_join();
    fs_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  template <typename Start>
  Error error_of(Start start) {
    std::promise<Error> error;
    shard_.post([&] {
      start([&error](const auto& result) { error.set_value(result.has_value() ? Error{} : result.error()); });
    });
    return error.get_future().get();
  }

  std::string root_;
  runtime::Shard shard_{"test"};
  std::unique_ptr<FileSystem> fs_;
};

TEST_P(RealFileSystemTest, FullDiskIsDiskFull) {
  const auto file = fs_->open("/dev/full", OpenMode::kReadWrite, Caching::kBuffered).value();
  for (const WriteMode mode : {WriteMode::kPlain, WriteMode::kDurable}) {
    const Error error = error_of([&](auto done) { file->write(0, as_bytes("x"), mode, done); });
    EXPECT_EQ(error.code, ErrorCode::kDiskFull);
    EXPECT_EQ(error.context, "write /dev/full: No space left on device");
  }
  EXPECT_EQ(file->write_now(0, as_bytes("x")).error().code, ErrorCode::kDiskFull);
}

TEST_P(RealFileSystemTest, RefusedTransfersAreStorageFailures) {
  ASSERT_TRUE(write_file_atomically(*fs_, root_ + "/a", as_bytes("text")));
  const auto file = fs_->open(root_ + "/a", OpenMode::kRead, Caching::kBuffered).value();
  const Error error = error_of([&](auto done) { file->write(0, as_bytes("x"), WriteMode::kDurable, done); });
  EXPECT_EQ(error.code, ErrorCode::kStorageFailed);
  EXPECT_EQ(error.context, "write " + root_ + "/a: Bad file descriptor");
}

TEST_P(RealFileSystemTest, ReadsAcrossTheEndOfAFileThatIsNoWholeBlock) {
  const std::string text(2 * kBlockBytes + 100, 'x');
  ASSERT_TRUE(write_file_atomically(*fs_, root_ + "/a", as_bytes(text)));
  for (const Caching caching : {Caching::kDirect, Caching::kBuffered}) {
    const auto file = fs_->open(root_ + "/a", OpenMode::kRead, caching).value();
    AlignedBuffer back(4 * kBlockBytes);
    std::promise<Result<std::size_t>> got;
    shard_.post(
        [&] { file->read(0, back.span(), [&](Result<std::size_t> r) { got.set_value(std::move(r)); }); });
    const auto result = got.get_future().get();
    ASSERT_TRUE(result.has_value()) << result.error().to_string();
    EXPECT_EQ(*result, text.size());
    EXPECT_EQ(file->read_now(0, back.span()).value(), text.size());
  }
}

TEST_P(RealFileSystemTest, DestroyedWithOperationsInFlightWaitsForTheKernel) {
  const auto held = std::make_shared<int>(0);
  {
    AlignedBuffer data(64 * 1024);
    auto shard = std::make_unique<runtime::Shard>("test");
    auto fs = make_real_file_system(*shard, *probe_io_engine(root_, GetParam(), DirectChoice::kAuto)).value();
    // Completions hold it too, as those of whoever reads on do.
    std::shared_ptr<File> file = fs->open(root_ + "/a", OpenMode::kCreate, Caching::kDirect).value();
    shard->start();
    std::promise<void> started;
    shard->post([&] {
      for (std::size_t i = 0; i < 400; ++i) {
        file->write(i * data.size(), data.span(), WriteMode::kDurable, [held, file](Result<void>) {});
      }
      started.set_value();
    });
    started.get_future().wait();
    shard->stop_and_join();
    file.reset();
    fs.reset();
    shard.reset();
  }
  EXPECT_EQ(held.use_count(), 1);
}

TEST_P(RealFileSystemTest, LockOfAnotherProcessNamesIt) {
  int to_parent[2];
  int to_child[2];
  ASSERT_EQ(::pipe(to_parent), 0);
  ASSERT_EQ(::pipe(to_child), 0);
  const std::string path = root_ + "/LOCK";
  const pid_t child = ::fork();
  if (child == 0) {  // nothing here but the lock: other threads of the parent are not in the child
    const auto lock = fs_->lock(path);
    char byte = lock.has_value() ? 'y' : 'n';
    static_cast<void>(!::write(to_parent[1], &byte, 1));
    static_cast<void>(!::read(to_child[0], &byte, 1));
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(to_parent[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const auto refused = fs_->lock(path);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kLocked);
  EXPECT_EQ(refused.error().context, "lock " + path + ": held by process " + std::to_string(child));
  ASSERT_EQ(::write(to_child[1], &byte, 1), 1);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_TRUE(fs_->lock(path)) << "it died with its process";
  for (const int descriptor : {to_parent[0], to_parent[1], to_child[0], to_child[1]}) ::close(descriptor);
}

TEST_P(RealFileSystemTest, ProbeLeavesNothingBehindAndNeedsTheDirectory) {
  EXPECT_TRUE(fs_->list(root_)->empty());
  EXPECT_EQ(probe_io_engine(root_ + "/absent", GetParam(), DirectChoice::kAuto).error().code,
            ErrorCode::kNotFound);
}

TEST(IoEngine, SaysWhatWasSwitchedOff) {
  const auto engine = probe_io_engine("/tmp", EngineChoice::kPosix, DirectChoice::kNever);
  ASSERT_TRUE(engine.has_value());
  EXPECT_FALSE(engine->uring);
  EXPECT_FALSE(engine->direct);
  EXPECT_EQ(engine->why, "direct transfers are switched off; io_uring is switched off");
  EXPECT_EQ(engine->to_string(), "helper threads, page cache");
}

INSTANTIATE_TEST_SUITE_P(Engines, RealFileSystemTest,
                         ::testing::Values(EngineChoice::kUring, EngineChoice::kPosix), [](const auto& test) {
                           return std::string(test.param == EngineChoice::kUring ? "Uring" : "Threads");
                         });

}  // namespace

}  // namespace forebay::io
