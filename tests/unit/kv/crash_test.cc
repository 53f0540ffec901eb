// RocksDB under kill -9 and with a torn write-ahead log: what is left is a prefix of the batches, each whole.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>

#include "kv/rocksdb_store.h"
#include "temporary_directory.h"

namespace forebay::kv {
namespace {

namespace fs = std::filesystem;

// Runs the writer until it has reported `batches`, kills it, and returns the last number that it reported.
int write_and_kill(const std::string& directory, int durable_every, int batches) {
  std::array<int, 2> pipe_ends{};
  EXPECT_EQ(::pipe(pipe_ends.data()), 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, pipe_ends[0]);
  std::string program = FOREBAY_KV_CRASH_WRITER;
  std::string path = directory;
  std::string every = std::to_string(durable_every);
  std::array<char*, 4> arguments = {program.data(), path.data(), every.data(), nullptr};
  pid_t writer = 0;
  EXPECT_EQ(::posix_spawn(&writer, program.c_str(), &actions, nullptr, arguments.data(), environ), 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(pipe_ends[1]);
  std::string reported;
  std::array<char, 4096> buffer;
  bool killed = false;
  while (true) {
    const ssize_t count = ::read(pipe_ends[0], buffer.data(), buffer.size());
    if (count <= 0) break;
    reported.append(buffer.data(), static_cast<std::size_t>(count));
    if (!killed && std::count(reported.begin(), reported.end(), '\n') >= batches) {
      EXPECT_EQ(::kill(writer, SIGKILL), 0);
      killed = true;
    }
  }
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(writer, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the writer ended by itself: " << status;
  reported.resize(reported.rfind('\n') + 1);
  return static_cast<int>(std::count(reported.begin(), reported.end(), '\n'));
}

// The number of the last batch in the store; checks that every batch up to it is there, and no half of one.
int last_batch(const std::string& directory) {
  const auto store = open_rocksdb_store(directory);
  if (!store) {
    ADD_FAILURE() << store.error().to_string();
    return -1;
  }
  const auto a = *(*store)->get("a");
  EXPECT_EQ(*(*store)->get("b"), a);
  const int last = a ? std::stoi(*a) : 0;
  int count = 0;
  EXPECT_TRUE((*store)->scan(KeyRange::prefix("n/"),
                             [&](std::string_view, std::string_view) { return ++count > 0; }));
  EXPECT_EQ(count, last);
  EXPECT_EQ((*store)->get("n/" + std::to_string(last))->has_value(), last > 0);
  return last;
}

TEST(RocksDbCrash, EverythingWrittenSurvivesKill) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/kv";
  const int reported = write_and_kill(path, 1, 50);
  EXPECT_GE(last_batch(path), reported);
}

TEST(RocksDbCrash, BufferedWritesSurviveTheDeathOfTheProcess) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/kv";
  const int reported = write_and_kill(path, 1'000'000, 300);
  EXPECT_GE(last_batch(path), reported);
}

TEST(RocksDbCrash, KillsThroughSeveralMemtablesLeaveAWholePrefix) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/kv";
  const int reported = write_and_kill(path, 1'000'000, 40'000);  // more than two write buffers
  EXPECT_GE(last_batch(path), reported);
}

TEST(RocksDbCrash, AnyCutOfTheWriteAheadLogLeavesAPrefix) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/kv";
  const int reported = write_and_kill(path, 1, 20);
  fs::path log;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().extension() == ".log") log = entry.path();
  }
  ASSERT_FALSE(log.empty());
  int before = -1;
  const auto size = fs::file_size(log);
  for (std::uintmax_t cut = 0; cut <= size; cut += 61) {
    const std::string copy = directory.path() + "/copy";
    fs::remove_all(copy);
    fs::copy(path, copy);
    fs::resize_file(fs::path(copy) / log.filename(), cut);
    const int last = last_batch(copy);
    EXPECT_GE(last, before) << "a longer log held less, cut at " << cut;
    before = last;
  }
  EXPECT_GE(before, reported - 1);
}

TEST(RocksDbOpen, ADamagedStoreIsDataLoss) {
  const TemporaryDirectory directory;
  const std::string path = directory.path() + "/kv";
  {
    const auto store = open_rocksdb_store(path);
    ASSERT_TRUE(store);
    WriteBatch batch;
    batch.put("a", "1");
    ASSERT_TRUE((*store)->write(batch, Durability::kDurable));
  }
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.path().filename().string().starts_with("MANIFEST")) fs::resize_file(entry.path(), 10);
  }
  const auto store = open_rocksdb_store(path);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kDataLoss) << store.error().to_string();
}

TEST(RocksDbOpen, AnUnusablePathIsAnError) {
  const auto store = open_rocksdb_store("/proc/forebay-kv");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kStorageFailed) << store.error().to_string();
}

}  // namespace
}  // namespace forebay::kv
