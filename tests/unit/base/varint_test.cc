#include "base/varint.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>
#include <vector>

namespace forebay {
namespace {

using Bytes = std::vector<std::uint8_t>;

const std::byte* begin_of(const Bytes& bytes) { return reinterpret_cast<const std::byte*>(bytes.data()); }
const std::byte* end_of(const Bytes& bytes) { return begin_of(bytes) + bytes.size(); }

template <typename Write, typename Value>
Bytes written(Write write, Value value) {
  std::array<std::byte, 16> buffer{};
  std::byte* end = write(buffer.data(), value);
  const auto* data = reinterpret_cast<const std::uint8_t*>(buffer.data());
  return {data, data + (end - buffer.data())};
}

TEST(Varint, KnownEncodings) {
  const struct {
    std::int32_t value;
    Bytes want;
  } cases[] = {
      {0, {0x00}},
      {-1, {0x01}},
      {1, {0x02}},
      {63, {0x7e}},
      {-64, {0x7f}},
      {64, {0x80, 0x01}},
      {-65, {0x81, 0x01}},
      {8191, {0xfe, 0x7f}},
      {-8192, {0xff, 0x7f}},
      {8192, {0x80, 0x80, 0x01}},
      {std::numeric_limits<std::int32_t>::max(), {0xfe, 0xff, 0xff, 0xff, 0x0f}},
      {std::numeric_limits<std::int32_t>::min(), {0xff, 0xff, 0xff, 0xff, 0x0f}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(written(write_varint, c.value), c.want) << c.value;
    EXPECT_EQ(varint_size(c.value), c.want.size()) << c.value;
    std::int32_t back = 77;
    EXPECT_EQ(read_varint(begin_of(c.want), end_of(c.want), back), end_of(c.want)) << c.value;
    EXPECT_EQ(back, c.value);
  }
}

TEST(Varlong, KnownEncodings) {
  const struct {
    std::int64_t value;
    Bytes want;
  } cases[] = {
      {0, {0x00}},
      {-1, {0x01}},
      {1'700'000'000'000, {0x80, 0xa0, 0xab, 0xfe, 0xf9, 0x62}},
      {std::numeric_limits<std::int64_t>::max(),
       {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
      {std::numeric_limits<std::int64_t>::min(),
       {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(written(write_varlong, c.value), c.want) << c.value;
    EXPECT_EQ(varlong_size(c.value), c.want.size()) << c.value;
    std::int64_t back = 77;
    EXPECT_EQ(read_varlong(begin_of(c.want), end_of(c.want), back), end_of(c.want)) << c.value;
    EXPECT_EQ(back, c.value);
  }
}

TEST(Varint, EveryBitWidthComesBackAndCutsAreRefused) {
  std::mt19937_64 rng(1);
  for (int round = 0; round < 20'000; ++round) {
    const auto wide = static_cast<std::int64_t>(rng() >> (rng() % 64));
    const auto value = static_cast<std::int64_t>((rng() & 1) != 0 ? wide : ~wide);
    const Bytes bytes = written(write_varlong, value);
    ASSERT_EQ(bytes.size(), varlong_size(value));
    std::int64_t back = 0;
    ASSERT_EQ(read_varlong(begin_of(bytes), end_of(bytes), back), end_of(bytes));
    ASSERT_EQ(back, value);
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      ASSERT_EQ(read_varlong(begin_of(bytes), begin_of(bytes) + cut, back), nullptr);
      ASSERT_EQ(back, value) << "a refused read leaves the value alone";
    }
    const auto narrow = static_cast<std::int32_t>(value);
    const Bytes narrow_bytes = written(write_varint, narrow);
    ASSERT_EQ(narrow_bytes.size(), varint_size(narrow));
    std::int32_t narrow_back = 0;
    ASSERT_EQ(read_varint(begin_of(narrow_bytes), end_of(narrow_bytes), narrow_back), end_of(narrow_bytes));
    ASSERT_EQ(narrow_back, narrow);
  }
}

TEST(Varint, OverflowingAndEndlessOnesAreRefused) {
  std::int32_t narrow = 5;
  std::int64_t wide = 5;
  const Bytes narrow_overflow{0xff, 0xff, 0xff, 0xff, 0x10};
  const Bytes narrow_long{0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
  const Bytes wide_overflow{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
  const Bytes wide_long{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
  EXPECT_EQ(read_varint(begin_of(narrow_overflow), end_of(narrow_overflow), narrow), nullptr);
  EXPECT_EQ(read_varint(begin_of(narrow_long), end_of(narrow_long), narrow), nullptr);
  EXPECT_EQ(read_varlong(begin_of(wide_overflow), end_of(wide_overflow), wide), nullptr);
  EXPECT_EQ(read_varlong(begin_of(wide_long), end_of(wide_long), wide), nullptr);
  EXPECT_EQ(narrow, 5);
  EXPECT_EQ(wide, 5);
}

TEST(Varint, LongerThanNeededIsRead) {
  const Bytes padded{0x82, 0x80, 0x00, 0x7f};
  std::int32_t value = 0;
  EXPECT_EQ(read_varint(begin_of(padded), end_of(padded), value), begin_of(padded) + 3);
  EXPECT_EQ(value, 1);
}

TEST(UnsignedVarint, SizesAtEveryBoundary) {
  for (int bits = 0; bits < 64; ++bits) {
    for (const std::uint64_t value : {(1ull << bits) - 1, 1ull << bits}) {
      const Bytes bytes = written(write_unsigned_varint, value);
      EXPECT_EQ(unsigned_varint_size(value), bytes.size()) << value;
      std::uint64_t back = 0;
      EXPECT_EQ(read_unsigned_varlong(begin_of(bytes), end_of(bytes), back), end_of(bytes));
      EXPECT_EQ(back, value);
    }
  }
  EXPECT_EQ(unsigned_varint_size(~0ull), 10u);
}

}  // namespace
}  // namespace forebay
