#include "group/group_codec.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace forebay::group {
namespace {

model::TopicPartition partition(std::uint8_t topic, std::int32_t index) {
  model::TopicId id;
  id.bytes[15] = topic;
  return {id, model::PartitionIndex(index)};
}

MemberSettings settings() {
  MemberSettings settings;
  settings.id = "reader-1";
  settings.epoch = MemberEpoch(3);
  settings.instance = "pod-0";
  settings.replaced_id = "reader-0";
  settings.client_id = "reader";
  settings.host = "10.0.0.7";
  settings.rack = "east";
  settings.subscription = {{"orders", "payments"}, "logs\\..*"};
  settings.session = Milliseconds(30'000);
  settings.revoke = Milliseconds(5'000);
  return settings;
}

std::vector<GroupRecord> one_of_each() {
  const Partitions several{partition(1, 0), partition(1, 2), partition(2, 0), partition(1, 3)};
  return {GroupCreated{"g", {StartPoint::kAtTime, model::Timestamp(1'700'000'000'000)}, Assignor::kRange},
          GroupDeleted{"g"},
          AssignorSet{"g", Assignor::kUniformSticky},
          MemberSet{"g", MemberNumber(7), settings()},
          MemberResumed{"g", MemberNumber(7), MemberEpoch(4)},
          MemberRemoved{"g", MemberNumber(7), Removal::kRevokeTimedOut},
          TopicSeen{"g", partition(1, 0).topic, "orders", 12, 6, model::Offset(99)},
          TopicForgotten{"g", partition(1, 0).topic, model::Offset(100)},
          TargetSet{"g",
                    GroupEpoch(5),
                    {{partition(1, 0), MemberNumber(7)},
                     {partition(1, 4), kNobody},
                     {partition(2, 0), MemberNumber(8)}}},
          OwnershipChanged{"g", MemberNumber(7), AssignmentNumber(9), several, {partition(3, 1)}},
          PartitionsReleased{"g", MemberNumber(7), several},
          PartitionsAvoided{"g", MemberNumber(7), several},
          OffsetsCommitted{
              "g", MemberNumber(7), model::Timestamp(5), {{partition(1, 2), model::Offset(1'000), "line 7"}}},
          OffsetsReset{"g", model::Timestamp(5), {{partition(1, 2), model::Offset(0), ""}}},
          StartsResolved{"g", {{partition(1, 2), model::Offset(44)}}}};
}

TEST(GroupCodec, EveryRecordComesBackAsItWas) {
  const auto records = one_of_each();
  ASSERT_EQ(records.size(), std::variant_size_v<GroupRecord>);
  for (const GroupRecord& record : records) {
    const auto decoded = decode_record(as_bytes(encode_record(record)));
    ASSERT_TRUE(decoded) << record.index() << ": " << decoded.error().to_string();
    EXPECT_EQ(*decoded, record) << record.index();
  }
}

// Bytes that version 1 wrote: what is on disks does not change.
TEST(GroupCodec, AnOldRecordIsRead) {
  const std::string bytes(
      "\x0a\x01g\x72\x1f\x08\x07\x10\x05\x1a\x19\x0a\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x10\x02\x18\x2c"
      "\x22\x01x",
      36);
  const GroupRecord record = OffsetsCommitted{
      "g", MemberNumber(7), model::Timestamp(5), {{partition(1, 2), model::Offset(44), "x"}}};
  const auto decoded = decode_record(as_bytes(bytes));
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  EXPECT_EQ(*decoded, record);
  EXPECT_EQ(encode_record(record), bytes);
}

TEST(GroupCodec, ACommitOfOnePartitionIsSmall) {
  const GroupRecord record = OffsetsCommitted{"orders-to-warehouse",
                                              MemberNumber(700),
                                              model::Timestamp(1'700'000'000'000),
                                              {{partition(1, 900), model::Offset(1'000'000'000), ""}}};
  EXPECT_LT(encode_record(record).size(), 70U);
}

TEST(GroupCodec, AKindThatIsNotKnownIsNewer) {
  const std::string bytes("\x0a\x01g\x9a\x01\x00", 6);  // field 19
  EXPECT_EQ(decode_record(as_bytes(bytes)).error().code, ErrorCode::kNewerFormat);
}

TEST(GroupCodec, DamagedBytesAreRefusedOrAnotherRecord) {
  for (const GroupRecord& record : one_of_each()) {
    const std::string bytes = encode_record(record);
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      const auto flipped = decode_record(as_bytes(damaged));
      if (!flipped) {
        EXPECT_TRUE(flipped.error().code == ErrorCode::kCorruptBatch ||
                    flipped.error().code == ErrorCode::kNewerFormat);
      }
      const auto cut = decode_record(as_bytes(bytes.substr(0, at)));
      if (cut) {
        EXPECT_NE(*cut, record);
      }
    }
  }
}

}  // namespace
}  // namespace forebay::group
