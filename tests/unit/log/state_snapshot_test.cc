// State files: round trip, every bit and every length of them, and their names.
#include "log/core/state_snapshot.h"

#include <gtest/gtest.h>

#include <limits>

namespace forebay::log {
namespace {

model::TopicPartition partition(std::int32_t number = 3) {
  model::TopicPartition id;
  for (std::uint8_t i = 0; i < 16; ++i) id.topic.bytes[i] = i;
  id.partition = model::PartitionIndex(number);
  return id;
}

StateSnapshot example() {
  return {{model::Offset(1'000'000'000'007), 2}, model::Term(9), SharedBytes::take(std::string("a state"))};
}

TEST(StateSnapshot, IsReadBackAsWritten) {
  for (const std::string text : {"a state", ""}) {
    StateSnapshot state = example();
    state.bytes = SharedBytes::take(text);
    const SharedBytes file = SharedBytes::take(encode_state(partition(), state));
    EXPECT_EQ(file.size(), kStateHeaderBytes + text.size());
    const auto decoded = decode_state(partition(), file);
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(decoded->position, state.position);
    EXPECT_EQ(decoded->term, state.term);
    EXPECT_EQ(as_text(decoded->bytes.span()), text);
    EXPECT_EQ(partition_of_state(file.span()).value(), partition());
  }
}

TEST(StateSnapshot, EveryBitAndEveryLengthCounts) {
  const std::vector<std::byte> file = encode_state(partition(), example());
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    std::vector<std::byte> flipped = file;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(decode_state(partition(), SharedBytes::take(flipped))) << bit;
  }
  for (std::size_t length = 0; length < file.size(); ++length)
    EXPECT_FALSE(decode_state(partition(), SharedBytes::copy_of(ByteSpan(file).first(length)))) << length;
  std::vector<std::byte> longer = file;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_state(partition(), SharedBytes::take(longer)));
}

TEST(StateSnapshot, OfAnotherPartitionIsRefused) {
  const auto decoded = decode_state(partition(4), SharedBytes::take(encode_state(partition(), example())));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kCorruptBatch);
}

TEST(StateSnapshot, NamesSortByPosition) {
  EXPECT_EQ(state_file_name({model::Offset(7), 1}), "00000000000000000007-00000001.state");
  for (const model::LogPosition position :
       {model::LogPosition{}, model::LogPosition{model::Offset(7), 1},
        model::LogPosition{model::Offset(std::numeric_limits<std::int64_t>::max()), 4'000'000'000U}})
    EXPECT_EQ(parse_state_file_name(state_file_name(position)), position);
  for (const char* name : {"", ".state", "7-1.state", "00000000000000000007-00000001",
                           "00000000000000000007-00000001.log", "00000000000000000007_00000001.state",
                           "00000000000000000007-000000001.state", "00000000000000000007-00000001.state.tmp",
                           "99999999999999999999-00000001.state", "-0000000000000000007-00000001.state"})
    EXPECT_FALSE(parse_state_file_name(name)) << name;
  EXPECT_TRUE(is_unfinished_state("00000000000000000007-00000001.state.tmp"));
  EXPECT_FALSE(is_unfinished_state("00000000000000000007-00000001.state"));
}

}  // namespace
}  // namespace forebay::log
