#include "io/peer_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/endian.h"

namespace forebay::io {

namespace {

using ::testing::HasSubstr;

std::string hex(ByteSpan bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

PeerHandshake sample() {
  PeerHandshake handshake;
  handshake.kind = PeerHandshakeKind::kRefused;
  for (std::uint8_t i = 0; i < 16; ++i) {
    handshake.hello.cluster.bytes[i] = i;
    handshake.hello.disk.bytes[i] = static_cast<std::uint8_t>(0xf0 + i);
  }
  handshake.hello.node = model::NodeId(0x01020304);
  handshake.hello.incarnation = 0x1112131415161718;
  handshake.hello.shard_count = 9;
  handshake.hello.first_listed = model::NodeId(0x31323334);
  handshake.to_node = model::NodeId(0x05060708);
  handshake.from_shard = 7;
  handshake.to_shard = 3;
  handshake.attempt = 0x2122232425262728;
  handshake.refusal = PeerRefusal::kWrongNode;
  handshake.reason = "no";
  return handshake;
}

// A new checksum over what was changed.
void seal(std::vector<std::byte>& handshake) {
  store_le(handshake.data() + 8, crc32c(ByteSpan(handshake).subspan(12)));
}

TEST(PeerCodec, TheBytesOfAHandshakeStayWhatTheyAre) {
  const std::vector<std::byte> bytes = encode_handshake(sample());
  EXPECT_EQ(hex(bytes),
            "4642504545520d0a229d61066600030001000100040302010807060507000000"
            "0300000009000000000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7"
            "f8f9fafbfcfdfeff181716151413121128272625242322213433323102000000"
            "020000006e6f");
  EXPECT_EQ(decode_handshake(bytes).value(), sample());
}

TEST(PeerCodec, TheBytesOfAMessageStayWhatTheyAre) {
  const PeerMessage message{
      "head", {SharedBytes::take(std::string("abc")), {}, SharedBytes::take(std::string(300, 'x'))}};
  std::vector<std::byte> bytes;
  encode_prefix(message, bytes);
  EXPECT_EQ(hex(bytes), "05274a010400000003000000d0e9b6f503000000000000002c010000");
  const MessagePrefix prefix = decode_prefix(ByteSpan(bytes).first(kMessagePrefixBytes)).value();
  EXPECT_EQ(prefix.header_bytes, 4U);
  EXPECT_EQ(prefix.piece_count, 3U);
}

TEST(PeerCodec, EveryChangedByteOfAHandshakeIsSeen) {
  const std::vector<std::byte> good = encode_handshake(sample());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::vector<std::byte> bad = good;
    bad[i] ^= std::byte{0x10};
    EXPECT_FALSE(decode_handshake(bad).has_value()) << "byte " << i;
  }
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(decode_handshake(ByteSpan(good).first(size)).has_value()) << size << " bytes";
  }
}

TEST(PeerCodec, EveryChangedByteOfAMessageHeadIsSeen) {
  const PeerMessage message{"header",
                            {SharedBytes::take(std::string("abc")), SharedBytes::take(std::string("d"))}};
  std::vector<std::byte> good;
  encode_prefix(message, good);
  const ByteSpan header = as_bytes(message.header);
  good.insert(good.end(), header.begin(), header.end());
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::vector<std::byte> bad = good;
    bad[i] ^= std::byte{0x10};
    const auto prefix = decode_prefix(ByteSpan(bad).first(kMessagePrefixBytes));
    const bool seen = !prefix || !check_body(*prefix, ByteSpan(bad).subspan(kMessagePrefixBytes));
    EXPECT_TRUE(seen) << "byte " << i;
  }
}

TEST(PeerCodec, LengthsBeyondTheBoundsAreRefused) {
  struct Case {
    const char* what;
    std::uint32_t header_bytes;
    std::uint32_t piece_count;
  };
  for (const Case& c : {Case{"header", kPeerMessageBytesMax + 1, 0}, Case{"pieces", 0, kPeerPiecesMax + 1}}) {
    std::vector<std::byte> bytes(kMessagePrefixBytes);
    store_le(bytes.data() + 4, c.header_bytes);
    store_le(bytes.data() + 8, c.piece_count);
    store_le(bytes.data(), crc32c(ByteSpan(bytes).subspan(4)));
    EXPECT_FALSE(decode_prefix(bytes).has_value()) << c.what;
  }
  std::vector<std::byte> lengths(8);
  store_le(lengths.data(), std::uint32_t{1});
  store_le(lengths.data() + 4, static_cast<std::uint32_t>(kPeerMessageBytesMax));
  const auto checked = check_body({0, 2, crc32c(lengths)}, lengths);
  ASSERT_FALSE(checked.has_value());
  EXPECT_THAT(checked.error().context, HasSubstr("67108865 bytes"));
}

TEST(PeerCodec, ALaterVersionMayBeLongerAndIsReadAsFarAsItIsKnown) {
  PeerHandshake handshake = sample();
  handshake.kind = PeerHandshakeKind::kHello;
  handshake.version_max = 7;
  handshake.reason.clear();
  handshake.refusal = PeerRefusal::kNone;
  std::vector<std::byte> bytes = encode_handshake(handshake);
  bytes.resize(bytes.size() + 40, std::byte{0xaa});
  store_le(bytes.data() + 12, static_cast<std::uint16_t>(bytes.size()));
  seal(bytes);
  EXPECT_EQ(decode_handshake(bytes).value(), handshake) << "speaks our version too";
  store_le(bytes.data() + 16, std::uint16_t{2});
  bytes.resize(30);
  store_le(bytes.data() + 12, static_cast<std::uint16_t>(bytes.size()));
  seal(bytes);
  const PeerHandshake later = decode_handshake(bytes).value();
  EXPECT_FALSE(speaks_our_version(later));
  EXPECT_EQ(later.version_min, 2);
}

TEST(PeerCodec, WhatANodeCannotSayIsRefused) {
  PeerHandshake handshake = sample();
  handshake.kind = PeerHandshakeKind::kHello;
  for (const std::uint32_t shards : {0U, 7U, kPeerShardsMax + 1}) {
    handshake.hello.shard_count = shards;
    EXPECT_FALSE(decode_handshake(encode_handshake(handshake)).has_value()) << shards;
  }
}

TEST(PeerCodec, ALongReasonIsCut) {
  PeerHandshake handshake = sample();
  handshake.reason = std::string(5'000, 'r');
  EXPECT_EQ(decode_handshake(encode_handshake(handshake)).value().reason,
            std::string(kPeerReasonBytesMax, 'r'));
}

}  // namespace

}  // namespace forebay::io
