#include "kv/memory_store.h"

#include <gtest/gtest.h>

namespace forebay::kv {
namespace {

class MemoryStoreCrash : public testing::Test {
 protected:
  void write(const std::string& key, Durability durability) {
    WriteBatch batch;
    batch.put(key, "x");
    batch.put(key + "'", "x");
    ASSERT_TRUE(store_->write(batch, durability));
  }
  bool survived(const std::string& key) {
    auto reopened = open_memory_store(disk_);
    EXPECT_TRUE(reopened);
    const bool first = (*reopened)->get(key)->has_value();
    EXPECT_EQ((*reopened)->get(key + "'")->has_value(), first) << "half a batch";
    return first;
  }

  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
  std::unique_ptr<KeyValueStore> store_ = *open_memory_store(disk_);
};

TEST_F(MemoryStoreCrash, BufferedWritesAreLost) {
  write("a", Durability::kDurable);
  write("b", Durability::kBuffered);
  EXPECT_EQ(disk_->buffered_batches(), 1U);
  disk_->crash();
  EXPECT_TRUE(survived("a"));
  EXPECT_FALSE(survived("b"));
}

TEST_F(MemoryStoreCrash, APrefixOfTheBufferedWritesMaySurvive) {
  for (const char* key : {"a", "b", "c"}) write(key, Durability::kBuffered);
  disk_->crash(2);
  EXPECT_TRUE(survived("a"));
  EXPECT_TRUE(survived("b"));
  EXPECT_FALSE(survived("c"));
}

TEST_F(MemoryStoreCrash, ADurableWriteTakesEverythingBeforeItAlong) {
  write("a", Durability::kBuffered);
  write("b", Durability::kDurable);
  disk_->crash();
  EXPECT_TRUE(survived("a"));
  EXPECT_TRUE(survived("b"));
}

TEST_F(MemoryStoreCrash, TheStoreOfBeforeIsDead) {
  disk_->crash();
  EXPECT_EQ(store_->write({}, Durability::kDurable).error().code, ErrorCode::kFailedPrecondition);
  auto next = open_memory_store(disk_);
  ASSERT_TRUE(next);
  store_.reset();  // must not close the store of after
  EXPECT_TRUE((*next)->get("a"));
}

TEST_F(MemoryStoreCrash, AFailedStoreStaysFailedUntilItIsOpenedAgain) {
  write("a", Durability::kBuffered);
  disk_->fail_writes(Error{ErrorCode::kDiskFull, "no space"});
  EXPECT_EQ(store_->write({}, Durability::kBuffered).error().code, ErrorCode::kDiskFull);
  disk_->fail_writes(std::nullopt);
  EXPECT_EQ(store_->write({}, Durability::kBuffered).error().code, ErrorCode::kDiskFull);
  EXPECT_EQ(store_->close().error().code, ErrorCode::kDiskFull);
  EXPECT_FALSE(survived("a"));
}

}  // namespace
}  // namespace forebay::kv
