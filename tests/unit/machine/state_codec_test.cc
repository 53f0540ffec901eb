#include "machine/core/state_codec.h"

#include <gtest/gtest.h>

#include "machine/core/trimming.h"

namespace forebay::machine {
namespace {

StateRequest request() {
  StateRequest request{.id = {}, .applied = model::Offset(0x0102030405060708), .from = 0x1112};
  request.id.topic.bytes[0] = 0xab;
  request.id.partition = model::PartitionIndex(15);
  return request;
}

TEST(MachineState, RoundTrip) {
  for (const Entries& entries :
       {Entries{}, Entries{{"", ""}}, Entries{{"a", "1"}, {"b/c", std::string(70'000, 'x')}}}) {
    const auto decoded = decode_state(as_bytes(encode_state(entries)));
    ASSERT_TRUE(decoded) << decoded.error().to_string();
    EXPECT_EQ(*decoded, entries);
  }
}

TEST(MachineState, AnythingDamagedIsRefused) {
  const std::string good = encode_state({{"key", "value"}, {"other", ""}});
  for (std::size_t i = 0; i < good.size(); ++i) {
    EXPECT_FALSE(decode_state(as_bytes(good.substr(0, i)))) << "cut at " << i;
    for (const int bit : {0, 7}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(decode_state(as_bytes(bad))) << "byte " << i;
    }
  }
  EXPECT_FALSE(decode_state(as_bytes(good + "x")));
}

TEST(MachineState, LaterVersionIsSaidToBeOne) {
  std::string later = encode_state({});
  later[8] = 2;
  EXPECT_EQ(decode_state(as_bytes(later)).error().code, ErrorCode::kNewerFormat);
}

TEST(MachineState, KeyThatNoStoreTakesIsRefused) {
  EXPECT_TRUE(decode_state(as_bytes(encode_state({{std::string(kEntryKeyBytesMax, 'k'), ""}}))));
  EXPECT_FALSE(decode_state(as_bytes(encode_state({{std::string(kEntryKeyBytesMax + 1, 'k'), ""}}))));
}

TEST(MachineState, RequestsAreLikeNothingElse) {
  const std::string bytes = encode_request(request());
  EXPECT_EQ(*decode_request(as_bytes(bytes)), request());
  EXPECT_TRUE(is_state_request(as_bytes(bytes)));
  EXPECT_FALSE(is_state_request({}));
  EXPECT_FALSE(is_state_request(as_bytes(std::string("\x0a")))) << "a proposal";
  for (std::size_t i = 0; i < bytes.size(); ++i) EXPECT_FALSE(decode_request(as_bytes(bytes.substr(0, i))));
  EXPECT_FALSE(decode_request(as_bytes(bytes + "x")));
  std::string version = bytes;
  version[1] = 2;
  EXPECT_FALSE(decode_request(as_bytes(version)));
}

TEST(MachineState, PiecesKeepTheirPlace) {
  const StatePiece piece{
      .term = model::Term(9), .applied = model::Offset(77), .size = 10, .bytes = std::string("abc\0d", 5)};
  const std::string bytes = encode_piece(piece);
  EXPECT_EQ(*decode_piece(as_bytes(bytes)), piece);
  EXPECT_FALSE(decode_piece(as_bytes(bytes + "123456"))) << "more than the whole";
  for (std::size_t i = 0; i + piece.bytes.size() < bytes.size(); ++i)
    EXPECT_FALSE(decode_piece(as_bytes(bytes.substr(0, i))));
  StatePiece large = piece;
  large.size = kStateBytesMax + 1;
  EXPECT_FALSE(decode_piece(as_bytes(encode_piece(large))));
}

TEST(MachineTrimming, BeginsWhenEnoughHasComeTogetherAndKeepsSome) {
  struct Case {
    std::int64_t log_start, stored;
    std::optional<std::int64_t> want;
  };
  for (const Case& one :
       {Case{0, 0, {}}, Case{0, 99, {}}, Case{0, 100, 70}, Case{70, 169, {}}, Case{70, 400, 370}}) {
    const auto to = trim_to(model::Offset(one.log_start), model::Offset(one.stored), {100, 30});
    EXPECT_EQ(to.has_value(), one.want.has_value());
    if (to && one.want) {
      EXPECT_EQ(to->value(), *one.want);
    }
  }
}

}  // namespace
}  // namespace forebay::machine
