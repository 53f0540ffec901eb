#include "machine/state_store.h"

#include <gtest/gtest.h>

#include "kv/memory_store.h"

namespace forebay::machine {
namespace {

model::TopicPartition partition(std::int32_t number) {
  model::TopicPartition id;
  id.topic.bytes[1] = 4;
  id.partition = model::PartitionIndex(number);
  return id;
}

class StateStoreTest : public testing::Test {
 protected:
  void write(const kv::WriteBatch& batch) { ASSERT_TRUE(store_->write(batch, kv::Durability::kDurable)); }
  StoredState load(std::int32_t number) { return *load_state(*store_, partition(number)); }
  std::unique_ptr<kv::KeyValueStore> store_ = *kv::open_memory_store(std::make_shared<kv::MemoryDisk>());
};

TEST_F(StateStoreTest, EmptyStoreHoldsTheStateBeforeTheFirstRecord) {
  EXPECT_EQ(load(1).applied, model::Offset(0));
  EXPECT_TRUE(load(1).entries.empty());
}

TEST_F(StateStoreTest, ChangesComeTogetherWithTheirOffset) {
  write(changes_batch(partition(1), {{"a", "1"}, {"b/x", "2"}}, model::Offset(5)));
  write(changes_batch(partition(1), {{"a", std::nullopt}, {"b/x", "3"}}, model::Offset(9)));
  EXPECT_EQ(load(1).applied, model::Offset(9));
  EXPECT_EQ(load(1).entries, (Entries{{"b/x", "3"}}));
}

// "1" is no prefix of "11".
TEST_F(StateStoreTest, PartitionsDoNotTouchOneAnother) {
  write(changes_batch(partition(1), {{"a", "1"}}, model::Offset(1)));
  write(changes_batch(partition(11), {{"a", "11"}}, model::Offset(11)));
  write(replacing_batch(partition(1), {model::Offset(7), {{"c", "7"}}}));
  EXPECT_EQ(load(1).entries, (Entries{{"c", "7"}}));
  EXPECT_EQ(load(11).entries, (Entries{{"a", "11"}}));
  write(erasing_batch(partition(1)));
  EXPECT_EQ(load(1).applied, model::Offset(0));
  EXPECT_TRUE(load(1).entries.empty());
  EXPECT_EQ(load(11).applied, model::Offset(11));
}

TEST_F(StateStoreTest, OffsetThatIsNoneIsALoss) {
  write(changes_batch(partition(1), {}, model::Offset(1)));
  std::string key;
  ASSERT_TRUE(store_->scan(kv::KeyRange::all(), [&](std::string_view name, std::string_view) {
    key = name;
    return true;
  }));
  for (const char* bad : {"", "x", "-1", "1 "}) {
    kv::WriteBatch batch;
    batch.put(key, bad);
    write(batch);
    EXPECT_EQ(load_state(*store_, partition(1)).error().code, ErrorCode::kDataLoss) << bad;
  }
}

}  // namespace
}  // namespace forebay::machine
