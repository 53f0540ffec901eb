// What every KeyValueStore must do, run over both implementations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <thread>

#include "kv/key_value_store.h"
#include "kv/memory_store.h"
#include "kv/rocksdb_store.h"
#include "temporary_directory.h"

namespace forebay::kv {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using Entries = std::vector<std::pair<std::string, std::string>>;

class Medium {
 public:
  virtual ~Medium() = default;
  virtual Result<std::unique_ptr<KeyValueStore>> open() = 0;
};

class Memory final : public Medium {
 public:
  Result<std::unique_ptr<KeyValueStore>> open() override { return open_memory_store(disk_); }

 private:
  std::shared_ptr<MemoryDisk> disk_ = std::make_shared<MemoryDisk>();
};

class RocksDb final : public Medium {
 public:
  Result<std::unique_ptr<KeyValueStore>> open() override {
    return open_rocksdb_store(directory_.path() + "/kv");
  }

 private:
  TemporaryDirectory directory_;
};

template <typename T>
class KeyValueStoreContract : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    store_.reset();
    auto opened = medium_.open();
    ASSERT_TRUE(opened) << opened.error().to_string();
    store_ = *std::move(opened);
  }
  void put(const std::string& key, const std::string& value, Durability durability = Durability::kBuffered) {
    WriteBatch batch;
    batch.put(key, value);
    const auto written = store_->write(batch, durability);
    ASSERT_TRUE(written) << written.error().to_string();
  }
  static Entries scan(const View& view, const KeyRange& range = KeyRange::all()) {
    Entries entries;
    const auto scanned = view.scan(range, [&](std::string_view key, std::string_view value) {
      entries.emplace_back(key, value);
      return true;
    });
    EXPECT_TRUE(scanned) << scanned.error().to_string();
    return entries;
  }
  static std::optional<std::string> get(const View& view, const std::string& key) {
    const auto value = view.get(key);
    EXPECT_TRUE(value) << value.error().to_string();
    return value.value_or(std::nullopt);
  }

  T medium_;
  std::unique_ptr<KeyValueStore> store_;
};

using Media = testing::Types<Memory, RocksDb>;
TYPED_TEST_SUITE(KeyValueStoreContract, Media);

TYPED_TEST(KeyValueStoreContract, EmptyStoreHasNothing) {
  EXPECT_EQ(this->get(*this->store_, "a"), std::nullopt);
  EXPECT_THAT(this->scan(*this->store_), IsEmpty());
}

TYPED_TEST(KeyValueStoreContract, LastWriteWins) {
  this->put("a", "1");
  this->put("a", "2", Durability::kDurable);
  EXPECT_EQ(this->get(*this->store_, "a"), "2");
}

TYPED_TEST(KeyValueStoreContract, AnyBytesAreKept) {
  const std::string key("\0k\xff\n", 4);
  const std::string value("\0\0v\xfe", 4);
  this->put(key, value);
  this->put("empty", "");
  this->put("", "under the empty key");
  EXPECT_EQ(this->get(*this->store_, key), value);
  EXPECT_EQ(this->get(*this->store_, "empty"), "");
  EXPECT_EQ(this->get(*this->store_, ""), "under the empty key");
}

TYPED_TEST(KeyValueStoreContract, ABatchIsAppliedInItsOrder) {
  WriteBatch batch;
  batch.put("a", "1");
  batch.put("b", "1");
  batch.remove("a");
  batch.put("c", "1");
  batch.remove_range({"b", "d"});
  batch.put("c", "2");
  batch.remove("missing");
  ASSERT_TRUE(this->store_->write(batch, Durability::kBuffered));
  EXPECT_THAT(this->scan(*this->store_), ElementsAre(Pair("c", "2")));
}

TYPED_TEST(KeyValueStoreContract, AnEmptyBatchIsFine) {
  EXPECT_TRUE(this->store_->write({}, Durability::kDurable));
}

TYPED_TEST(KeyValueStoreContract, ScanIsOrderedByBytesAndHalfOpen) {
  for (const char* key : {"b", "a", "\xff", "aa", "c"}) this->put(key, "x");
  EXPECT_THAT(this->scan(*this->store_, {"a", "c"}),
              ElementsAre(Pair("a", "x"), Pair("aa", "x"), Pair("b", "x")));
  EXPECT_EQ(this->scan(*this->store_, {"b", std::nullopt}).size(), 3U);
  EXPECT_THAT(this->scan(*this->store_, {"c", "a"}), IsEmpty());
  EXPECT_THAT(this->scan(*this->store_, {"b", "b"}), IsEmpty());
}

TYPED_TEST(KeyValueStoreContract, PrefixRangesHoldExactlyTheirKeys) {
  for (const char* key : {"t/", "t/1", "t/2", "t0", "s", "\xff\xff", "\xff\xff\x01", "\xff"})
    this->put(key, "x");
  EXPECT_THAT(this->scan(*this->store_, KeyRange::prefix("t/")),
              ElementsAre(Pair("t/", "x"), Pair("t/1", "x"), Pair("t/2", "x")));
  EXPECT_THAT(this->scan(*this->store_, KeyRange::prefix("\xff\xff")),
              ElementsAre(Pair("\xff\xff", "x"), Pair("\xff\xff\x01", "x")));
  EXPECT_EQ(this->scan(*this->store_, KeyRange::prefix("")).size(), 8U);
}

TYPED_TEST(KeyValueStoreContract, AVisitorCanStop) {
  for (const char* key : {"a", "b", "c"}) this->put(key, "x");
  int seen = 0;
  ASSERT_TRUE(
      this->store_->scan(KeyRange::all(), [&](std::string_view, std::string_view) { return ++seen < 2; }));
  EXPECT_EQ(seen, 2);
}

TYPED_TEST(KeyValueStoreContract, RangesAreRemovedOpenOrClosed) {
  for (const char* key : {"a", "b", "c", "\xff\xff\xff"}) this->put(key, "x");
  WriteBatch middle;
  middle.remove_range({"b", "c"});
  middle.remove_range({"z", "a"});
  ASSERT_TRUE(this->store_->write(middle, Durability::kBuffered));
  EXPECT_THAT(this->scan(*this->store_),
              ElementsAre(Pair("a", "x"), Pair("c", "x"), Pair("\xff\xff\xff", "x")));
  WriteBatch replace;
  replace.remove_range(KeyRange::all());
  replace.put("new", "y");
  ASSERT_TRUE(this->store_->write(replace, Durability::kBuffered));
  EXPECT_THAT(this->scan(*this->store_), ElementsAre(Pair("new", "y")));
}

TYPED_TEST(KeyValueStoreContract, ALongKeyIsRefusedAndNothingOfItsBatchWritten) {
  WriteBatch batch;
  batch.put("a", "1");
  batch.put(std::string(kKeyBytesMax + 1, 'k'), "1");
  const auto written = this->store_->write(batch, Durability::kBuffered);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(this->scan(*this->store_), IsEmpty());
  this->put(std::string(kKeyBytesMax, '\xff'), "fits");
  WriteBatch all;
  all.remove_range(KeyRange::all());
  ASSERT_TRUE(this->store_->write(all, Durability::kBuffered));
  EXPECT_THAT(this->scan(*this->store_), IsEmpty());
}

TYPED_TEST(KeyValueStoreContract, SnapshotDoesNotMove) {
  this->put("a", "1");
  const auto snapshot = this->store_->snapshot();
  ASSERT_TRUE(snapshot);
  this->put("a", "2");
  this->put("b", "2");
  WriteBatch all;
  all.remove_range(KeyRange::all());
  ASSERT_TRUE(this->store_->write(all, Durability::kBuffered));
  EXPECT_EQ(this->get(**snapshot, "a"), "1");
  EXPECT_THAT(this->scan(**snapshot), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(this->scan(*this->store_), IsEmpty());
}

TYPED_TEST(KeyValueStoreContract, SnapshotMayOutliveTheStore) {
  this->put("a", "1");
  auto snapshot = this->store_->snapshot();
  ASSERT_TRUE(snapshot);
  ASSERT_TRUE(this->store_->close());
  this->store_.reset();
  this->reopen();
  const auto value = (*snapshot)->get("a");  // some keep their state, others end with the store
  EXPECT_TRUE(value ? *value == "1" : value.error().code == ErrorCode::kFailedPrecondition);
  EXPECT_EQ(this->get(*this->store_, "a"), "1");
}

TYPED_TEST(KeyValueStoreContract, ExportInPiecesIsWholeAndOrdered) {
  for (int i = 0; i < 100; ++i) this->put("k" + std::to_string(1000 + i), std::string(50, 'v'));
  const auto snapshot = this->store_->snapshot();
  ASSERT_TRUE(snapshot);
  this->put("k2000", "later");
  Entries exported;
  KeyRange rest = KeyRange::all();
  int pieces = 0;
  while (true) {
    auto piece = export_piece(**snapshot, rest, 500);
    ASSERT_TRUE(piece);
    ++pieces;
    for (auto& entry : piece->entries) exported.emplace_back(entry.key, entry.value);
    if (!piece->next) break;
    ASSERT_FALSE(piece->entries.empty());
    rest.begin = *piece->next;
  }
  EXPECT_EQ(exported, this->scan(**snapshot));
  EXPECT_EQ(exported.size(), 100U);
  EXPECT_GT(pieces, 10);
}

TYPED_TEST(KeyValueStoreContract, AnEntryLargerThanThePieceIsExportedAlone) {
  this->put("a", std::string(1'000, 'v'));
  this->put("b", std::string(1'000, 'v'));
  const auto piece = export_piece(*this->store_, KeyRange::all(), 10);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->entries.size(), 1U);
  EXPECT_EQ(piece->next, "b");
}

TYPED_TEST(KeyValueStoreContract, CloseKeepsBufferedWrites) {
  this->put("a", "1", Durability::kBuffered);
  ASSERT_TRUE(this->store_->close());
  this->reopen();
  EXPECT_EQ(this->get(*this->store_, "a"), "1");
}

TYPED_TEST(KeyValueStoreContract, DestructionClosesToo) {
  this->put("a", "1", Durability::kBuffered);
  this->reopen();
  EXPECT_EQ(this->get(*this->store_, "a"), "1");
}

TYPED_TEST(KeyValueStoreContract, ClosedStoreRefusesEverything) {
  ASSERT_TRUE(this->store_->close());
  EXPECT_EQ(this->store_->get("a").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(this->store_->write({}, Durability::kDurable).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(this->store_->snapshot().error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(this->store_->close().error().code, ErrorCode::kFailedPrecondition);
  const auto scanned =
      this->store_->scan(KeyRange::all(), [](std::string_view, std::string_view) { return true; });
  EXPECT_EQ(scanned.error().code, ErrorCode::kFailedPrecondition);
}

TYPED_TEST(KeyValueStoreContract, SecondOpenIsRefusedAndHarmless) {
  this->put("a", "1");
  const auto second = this->medium_.open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kLocked) << second.error().to_string();
  EXPECT_EQ(this->get(*this->store_, "a"), "1");
}

TYPED_TEST(KeyValueStoreContract, ThreadsMayShareIt) {
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([this, t] {
        for (int i = 0; i < 50; ++i) {
          WriteBatch batch;
          batch.put("k" + std::to_string(t) + "/" + std::to_string(i), "x");
          EXPECT_TRUE(this->store_->write(batch, Durability::kBuffered));
          EXPECT_TRUE(this->store_->get("k0/0"));
        }
      });
    }
  }
  EXPECT_EQ(this->scan(*this->store_).size(), 200U);
}

// Against the slow obvious model, with reopenings in between.
TYPED_TEST(KeyValueStoreContract, RandomBatchesMatchAMap) {
  std::mt19937_64 random(17);
  std::map<std::string, std::string> model;
  const auto key = [&] { return std::string(1 + random() % 2, static_cast<char>('a' + random() % 8)); };
  for (int round = 0; round < 150; ++round) {
    WriteBatch batch;
    for (std::uint64_t i = random() % 6; i > 0; --i) {
      const std::string k = key();
      switch (random() % 4) {
        case 0:
          batch.remove(k);
          model.erase(k);
          break;
        case 1: {
          const std::string end = key();
          batch.remove_range({k, end});
          if (k < end) model.erase(model.lower_bound(k), model.lower_bound(end));
          break;
        }
        default: {
          const std::string value = std::to_string(random() % 1000);
          batch.put(k, value);
          model[k] = value;
        }
      }
    }
    ASSERT_TRUE(this->store_->write(batch, random() % 4 == 0 ? Durability::kDurable : Durability::kBuffered));
    if (round % 50 == 49) this->reopen();
    ASSERT_EQ(this->scan(*this->store_), Entries(model.begin(), model.end())) << round;
  }
  EXPECT_EQ(this->scan(*this->store_), Entries(model.begin(), model.end()));
}

}  // namespace
}  // namespace forebay::kv
