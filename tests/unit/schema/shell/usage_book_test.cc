#include "schema/usage_book.h"

#include <gtest/gtest.h>

#include "kv/memory_store.h"

namespace forebay::schema {
namespace {

TEST(UsageBook, CountsByTopicAndSchemaAndWhoSentThem) {
  UsageBook book;
  book.note("orders", {{1, 10}, {2, 5}}, "checkout", model::Timestamp(100));
  book.note("orders", {{1, 1}}, "", model::Timestamp(200));
  book.note("refunds", {{1, 7}}, "checkout", model::Timestamp(300));
  const auto found = book.of({1});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].topic, "orders");
  EXPECT_EQ(found[0].records, 11U);
  EXPECT_EQ(found[0].first, model::Timestamp(100));
  EXPECT_EQ(found[0].last, model::Timestamp(200));
  ASSERT_EQ(found[0].producers.size(), 2U);
  EXPECT_EQ(found[0].producers[0], (SchemaProducer{"", 1, model::Timestamp(200)}));
  EXPECT_EQ(found[0].producers[1], (SchemaProducer{"checkout", 10, model::Timestamp(100)}));
  EXPECT_EQ(found[1].topic, "refunds");
}

TEST(UsageBook, WhoWasNotSeenForLongestMakesRoom) {
  UsageBook book;
  for (std::size_t i = 0; i <= UsageBook::kProducersKept; ++i)
    book.note("t", {{1, 1}}, "p" + std::to_string(i), model::Timestamp(static_cast<std::int64_t>(i)));
  const auto producers = book.of({1}).front().producers;
  ASSERT_EQ(producers.size(), UsageBook::kProducersKept);
  EXPECT_EQ(producers.front().client_id, "p" + std::to_string(UsageBook::kProducersKept));
  EXPECT_EQ(producers.back().client_id, "p1");
}

TEST(UsageBook, WhatWasSavedIsKnownAgain) {
  auto disk = std::make_shared<kv::MemoryDisk>();
  auto store = *kv::open_memory_store(disk);
  UsageBook book;
  book.note("orders", {{1, 10}}, "checkout", model::Timestamp(100));
  ASSERT_TRUE(book.save(*store));
  book.note("orders", {{1, 1}, {3, 1}}, "other", model::Timestamp(200));
  ASSERT_TRUE(book.save(*store));
  ASSERT_TRUE(book.save(*store));  // nothing new
  UsageBook again;
  ASSERT_TRUE(again.load(*store));
  EXPECT_EQ(again.of({1, 3}), book.of({1, 3}));
  EXPECT_EQ(again.of({3}).size(), 1U);
}

TEST(UsageBook, WhatHasNotComeForLongestMakesRoom) {
  auto disk = std::make_shared<kv::MemoryDisk>();
  auto store = *kv::open_memory_store(disk);
  UsageBook book;
  constexpr auto kCount = static_cast<SchemaId>(UsageBook::kEntriesMax);
  for (SchemaId id = 1; id <= kCount; ++id) book.note("orders", {{id, 1}}, "", model::Timestamp(id));
  ASSERT_TRUE(book.save(*store));
  book.note("orders", {{kCount + 1, 1}}, "", model::Timestamp(kCount + 1));
  ASSERT_TRUE(book.save(*store));
  UsageBook again;
  ASSERT_TRUE(again.load(*store));
  for (const UsageBook* one : {&book, &again}) {
    EXPECT_EQ(one->of({1}).size(), 0U);
    EXPECT_EQ(one->of({kCount, kCount + 1}).size(), 2U);
  }
  book.note("orders", {{1, 1}}, "", model::Timestamp(kCount + 2));  // it comes again
  ASSERT_TRUE(book.save(*store));
  ASSERT_TRUE(again.load(*store));
  EXPECT_EQ(again.of({1}), book.of({1}));
}

TEST(UsageBook, WhatCouldNotBeSavedIsSavedTheNextTime) {
  auto disk = std::make_shared<kv::MemoryDisk>();
  auto store = *kv::open_memory_store(disk);
  UsageBook book;
  book.note("orders", {{1, 10}}, "checkout", model::Timestamp(100));
  disk->fail_writes(Error{ErrorCode::kDiskFull, "full"});
  EXPECT_FALSE(book.save(*store));
  book.note("orders", {{3, 1}}, "checkout", model::Timestamp(200));
  disk->fail_writes(std::nullopt);
  store.reset();
  store = *kv::open_memory_store(disk);
  ASSERT_TRUE(book.save(*store));
  UsageBook again;
  ASSERT_TRUE(again.load(*store));
  EXPECT_EQ(again.of({1, 3}), book.of({1, 3}));
}

}  // namespace
}  // namespace forebay::schema
