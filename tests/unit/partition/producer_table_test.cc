// Who stays in memory, and what is found of those who do not. That nothing is forgotten with them the random
// test of ProducerStates says.
#include "partition/core/producer_table.h"

#include <gtest/gtest.h>

#include <string>

namespace forebay::partition {
namespace {

using model::LogPosition;
using model::Offset;
using model::ProducerEpoch;
using model::ProducerId;
using model::Timestamp;

LogPosition at(std::int64_t offset) { return {Offset(offset), 0}; }
const ProducerTable::IsHeld kNobodyHeld = [](ProducerId) { return false; };

class ProducerTableTest : public testing::Test {
 protected:
  static constexpr std::size_t kInMemory = 8;
  LogPosition next() { return end_ = at(end_.next_offset.value() + 1); }
  // One batch at `time`.
  void write(std::int64_t id, std::int64_t time, const std::string& client = {}) {
    const StoredBatch batch{0, 0, end_.next_offset, Timestamp(time)};
    table_.change(ProducerId(id), next(),
                  [&batch](ProducerState& state) { state.store(ProducerEpoch(0), batch); });
    table_.used_by(ProducerId(id), client);
  }
  void write_base() {
    table_.expect_base();
    const ProducerDraft draft = table_.draft(end_);
    auto encoded = finish_draft(draft, base_);
    ASSERT_TRUE(encoded);
    base_ = std::move(encoded->bytes);
    table_.written(end_, std::move(encoded->index), kNobodyHeld);
  }
  std::optional<ProducerState> look_up(std::int64_t id) {
    const auto block = table_.index()->block_of(ProducerId(id));
    if (!block) return std::nullopt;
    ProducerReader in(ByteSpan(base_).subspan(block->begin, block->end - block->begin));
    while (auto entry = *in.next()) {
      if (entry->first == ProducerId(id)) return entry->second;
    }
    return std::nullopt;
  }
  [[nodiscard]] bool is_away(std::int64_t id) const { return table_.is_away(ProducerId(id)); }

  ProducerTable table_{ProducerLimits{.in_memory_per_client = kInMemory}};
  LogPosition end_;
  std::vector<std::byte> base_;
};

TEST_F(ProducerTableTest, NobodyGoesBeforeHeIsOnTheDisk) {
  for (std::int64_t id = 0; id < 20; ++id) write(id, id);
  EXPECT_EQ(table_.let_go(kNobodyHeld).producers, 0U);
  EXPECT_TRUE(table_.is_crowded());
  write_base();
  EXPECT_FALSE(table_.is_crowded());
  EXPECT_EQ(table_.let_go(kNobodyHeld).producers, 12U);
  EXPECT_EQ(table_.count(), kInMemory);
  EXPECT_EQ(table_.count_on_disk(), 20U);
}

TEST_F(ProducerTableTest, ThoseThatWereSilentForLongestGoAndWhoIsHeldStays) {
  for (std::int64_t id = 0; id < 20; ++id) write(id, 100 - id);
  write_base();
  static_cast<void>(table_.let_go([](ProducerId id) { return id == ProducerId(19); }));
  for (std::int64_t id = 0; id < 20; ++id) EXPECT_EQ(is_away(id), id >= 7 && id != 19) << id;
  EXPECT_EQ(look_up(12)->last_time, Timestamp(88));
}

TEST_F(ProducerTableTest, EachClientHasItsOwnPart) {
  for (std::int64_t id = 0; id < 6; ++id) write(id, id, "quiet");
  for (std::int64_t id = 6; id < 26; ++id) write(id, id, "many");
  write_base();
  const auto gone = table_.let_go(kNobodyHeld);
  EXPECT_EQ(gone.producers, 12U);
  EXPECT_EQ(gone.client, "many");
  for (std::int64_t id = 0; id < 26; ++id) EXPECT_EQ(is_away(id), id >= 6 && id < 18) << id;
}

// A client that calls itself otherwise each time has the part of one.
TEST_F(ProducerTableTest, NamesThatAreTooManyCountAsOne) {
  constexpr std::int64_t kNames = kProducerClientsMax + 50;
  for (std::int64_t id = 0; id < kNames; ++id) write(id, id, "client " + std::to_string(id));
  write_base();
  const auto gone = table_.let_go(kNobodyHeld);
  EXPECT_EQ(gone.producers, 50U - kInMemory);
  EXPECT_EQ(gone.client, "");
}

TEST_F(ProducerTableTest, NameThatNobodyHasAnyMoreMakesRoomForAnother) {
  for (std::int64_t id = 0; id < static_cast<std::int64_t>(kProducerClientsMax); ++id)
    write(id, id, "client " + std::to_string(id));
  write(0, 100, "client 1");  // nobody is left of client 0
  for (std::int64_t id = 1'000; id < 1'010; ++id) write(id, id, "another");
  write_base();
  EXPECT_EQ(table_.let_go(kNobodyHeld).client, "another");
}

TEST_F(ProducerTableTest, IdAboveAllOfTheBaseIsNew) {
  for (std::int64_t id = 0; id < 20; ++id) write(2 * id, id);
  write_base();
  static_cast<void>(table_.let_go(kNobodyHeld));
  EXPECT_FALSE(is_away(1'000));
  EXPECT_TRUE(is_away(1)) << "it could be there";
  table_.bring(ProducerId(1), look_up(1));
  EXPECT_FALSE(is_away(1));
  EXPECT_EQ(table_.find(ProducerId(1)), nullptr);
}

TEST_F(ProducerTableTest, EachOfManyBlocksIsFound) {
  constexpr std::int64_t kMany = 1'000;
  for (std::int64_t id = 0; id < kMany; ++id) write(3 * id, id);
  write_base();
  ASSERT_GT(table_.index()->blocks_with_silent(Timestamp(kMany)), 5U);
  ProducerTable other(ProducerLimits{.in_memory_per_client = kInMemory});
  ASSERT_TRUE(other.restore(end_, base_));
  EXPECT_EQ(other.index(), table_.index()) << "made of the bytes as it was made with them";
  EXPECT_EQ(other.count(), kInMemory);
  static_cast<void>(table_.let_go(kNobodyHeld));
  for (std::int64_t id = 0; id < kMany; ++id) {
    ASSERT_EQ(look_up(3 * id)->last_time, Timestamp(id));
    ASSERT_EQ(look_up(3 * id + 1), std::nullopt);
    ASSERT_EQ(is_away(3 * id), other.is_away(ProducerId(3 * id))) << "the newest stay, here and there";
  }
}

TEST_F(ProducerTableTest, DamagedBlockIsSeen) {
  for (std::int64_t id = 0; id < 20; ++id) write(id, id);
  write_base();
  const auto block = *table_.index()->block_of(ProducerId(3));
  EXPECT_TRUE(block.is_whole(ByteSpan(base_).subspan(block.begin)));
  base_[30] ^= std::byte{1};
  EXPECT_FALSE(block.is_whole(ByteSpan(base_).subspan(block.begin)));
}

TEST_F(ProducerTableTest, SilentOnesOnTheDiskCountAndGoWithTheNextBase) {
  for (std::int64_t id = 0; id < 20; ++id) write(id, id);
  write_base();
  static_cast<void>(table_.let_go(kNobodyHeld));
  const log::ProducersForgotten forgotten{.silent_before = Timestamp(5), .quiet_before = Timestamp(5)};
  EXPECT_GT(table_.blocks_to_forget(forgotten), 0U);
  table_.forget(forgotten, next());
  EXPECT_EQ(table_.blocks_to_forget(forgotten), 0U) << "the base is to be written first";
  EXPECT_TRUE(table_.is_crowded());
  table_.bring(ProducerId(4), look_up(4));
  EXPECT_EQ(table_.find(ProducerId(4)), nullptr);
  write_base();
  EXPECT_EQ(table_.count_on_disk(), 15U);
  EXPECT_FALSE(table_.is_crowded());
}

// Or what the base says of it, which is older, would come up again.
TEST_F(ProducerTableTest, WhoWroteAfterTheBaseAndIsForgottenStaysSo) {
  for (std::int64_t id = 0; id < 20; ++id) write(id, 50);
  write_base();
  write(3, 10);  // append times may go back
  const log::ProducersForgotten forgotten{.silent_before = Timestamp(20), .quiet_before = Timestamp(20)};
  table_.forget(forgotten, next());
  static_cast<void>(table_.let_go(kNobodyHeld));
  EXPECT_FALSE(is_away(3));
  EXPECT_EQ(table_.find(ProducerId(3)), nullptr);
}

}  // namespace
}  // namespace forebay::partition
