#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace forebay {
namespace {

// The definition, bit by bit.
std::uint32_t crc_by_definition(ByteSpan bytes) {
  std::uint32_t state = 0xffffffff;
  for (const std::byte b : bytes) {
    state ^= std::to_integer<std::uint32_t>(b);
    for (int bit = 0; bit < 8; ++bit) state = (state >> 1) ^ ((state & 1) != 0 ? 0x82f63b78u : 0u);
  }
  return ~state;
}

std::vector<std::byte> random_bytes(std::mt19937_64& rng, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (auto& b : bytes) b = static_cast<std::byte>(rng());
  return bytes;
}

struct Way {
  const char* name;
  crc32c_ways::Extend extend;
};
std::vector<Way> ways() {
  std::vector<Way> all{{"default", &crc32c_extend}, {"portable", &crc32c_ways::portable}};
  if (const auto one = crc32c_ways::one_stream()) all.push_back({"one stream", one});
  if (const auto three = crc32c_ways::three_streams()) all.push_back({"three streams", three});
  return all;
}

TEST(Crc32c, PublishedVectors) {
  std::string up(32, '\0');
  std::string down(32, '\0');
  for (std::size_t i = 0; i < 32; ++i) {
    up[i] = static_cast<char>(i);
    down[i] = static_cast<char>(31 - i);
  }
  const std::uint8_t iscsi_read[48] = {0x01, 0xc0, 0, 0, 0, 0, 0,    0, 0,    0, 0, 0,    0, 0, 0, 0,
                                       0x14, 0,    0, 0, 0, 0, 0x04, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
                                       0x28, 0,    0, 0, 0, 0, 0,    0, 0x02, 0, 0, 0,    0, 0, 0, 0};
  const struct {
    const char* name;
    std::string in;
    std::uint32_t want;
  } cases[] = {
      {"nothing", "", 0},
      {"check value", "123456789", 0xe3069283},
      {"RFC 3720: 32 zeros", std::string(32, '\0'), 0x8a9136aa},
      {"RFC 3720: 32 ones", std::string(32, '\xff'), 0x62a8ab43},
      {"RFC 3720: ascending", up, 0x46dd794e},
      {"RFC 3720: descending", down, 0x113fdb5c},
      {"RFC 3720: iSCSI read command", std::string(reinterpret_cast<const char*>(iscsi_read), 48),
       0xd9963a56},
  };
  for (const auto& way : ways()) {
    for (const auto& c : cases)
      EXPECT_EQ(way.extend(0, as_bytes(c.in)), c.want) << way.name << ", " << c.name;
  }
}

TEST(Crc32c, EveryLengthAndAlignmentAgreesWithTheDefinition) {
  std::mt19937_64 rng(1);
  const auto bytes = random_bytes(rng, 1200);
  for (std::size_t length = 0; length <= 1100; ++length) {
    const ByteSpan part = ByteSpan(bytes).subspan(length % 17, length);
    const std::uint32_t want = crc_by_definition(part);
    for (const auto& way : ways()) ASSERT_EQ(way.extend(0, part), want) << way.name << ", length " << length;
  }
}

TEST(Crc32c, LongRandomBuffersAgreeWithTheDefinition) {
  std::mt19937_64 rng(2);
  const auto bytes = random_bytes(rng, 70'000);
  for (int round = 0; round < 60; ++round) {
    const std::size_t begin = rng() % 64;
    const std::size_t length = rng() % (bytes.size() - begin);
    const ByteSpan part = ByteSpan(bytes).subspan(begin, length);
    const std::uint32_t want = crc_by_definition(part);
    for (const auto& way : ways()) ASSERT_EQ(way.extend(0, part), want) << way.name << ", length " << length;
  }
}

TEST(Crc32c, ExtendedInPiecesIsTheWhole) {
  std::mt19937_64 rng(3);
  const auto bytes = random_bytes(rng, 20'000);
  const std::uint32_t want = crc_by_definition(bytes);
  for (const auto& way : ways()) {
    for (int round = 0; round < 100; ++round) {
      std::uint32_t crc = 0;
      for (std::size_t at = 0; at < bytes.size();) {
        const std::size_t piece = std::min<std::size_t>(rng() % 9'000, bytes.size() - at);
        crc = way.extend(crc, ByteSpan(bytes).subspan(at, piece));
        at += piece;
      }
      ASSERT_EQ(crc, want) << way.name;
    }
  }
}

TEST(Crc32c, CombinedFromItsPartsIsTheWhole) {
  std::mt19937_64 rng(5);
  const auto bytes = random_bytes(rng, 5'000);
  const std::uint32_t want = crc32c(bytes);
  for (std::size_t at = 0; at <= bytes.size(); at += 1 + at / 7) {
    const ByteSpan first = ByteSpan(bytes).first(at);
    const ByteSpan second = ByteSpan(bytes).subspan(at);
    ASSERT_EQ(crc32c_combine(crc32c(first), crc32c(second), second.size()), want) << at;
  }
  EXPECT_EQ(crc32c_combine(want, 0, 0), want);
}

TEST(Crc32c, EveryFlippedBitChangesTheValue) {
  std::mt19937_64 rng(4);
  auto bytes = random_bytes(rng, 300);
  const std::uint32_t want = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
    EXPECT_NE(crc32c(bytes), want) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1u << (bit % 8));
  }
}

}  // namespace
}  // namespace forebay
