#include "model/compression.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace forebay::model {
namespace {

using Bytes = std::vector<std::byte>;
constexpr Codec kCompressing[] = {Codec::kGzip, Codec::kSnappy, Codec::kLz4, Codec::kZstd};

Bytes text_bytes(std::string_view text) {
  const ByteSpan bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}
Bytes of_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}
Bytes compressed(Codec codec, ByteSpan in) {
  Bytes out;
  EXPECT_TRUE(compress(codec, in, out).has_value());
  return out;
}
Bytes random_input(std::mt19937_64& rng, std::size_t size) {
  Bytes bytes(size);
  const auto kind = rng() % 3;
  for (std::size_t i = 0; i < size; ++i) {
    if (kind == 0) bytes[i] = static_cast<std::byte>(rng());
    if (kind == 1) bytes[i] = static_cast<std::byte>('a' + rng() % 3);
    if (kind == 2) bytes[i] = static_cast<std::byte>(i / 100);
  }
  return bytes;
}

TEST(Compression, EveryCodecGivesBackWhatItGot) {
  std::mt19937_64 rng(1);
  for (const Codec codec : kCodecs) {
    for (const std::size_t size :
         {0, 1, 2, 100, 32'767, 32'768, 32'769, 65'536, 65'537, 300'000, 2'000'000}) {
      const Bytes in = random_input(rng, size);
      const Bytes packed = compressed(codec, in);
      Bytes out = text_bytes("left over from before");
      const auto done =
          decompress(codec, packed, in.size(), out);  // a bound that is exactly reached is allowed
      ASSERT_TRUE(done.has_value()) << codec_name(codec) << " " << size << ": " << done.error().to_string();
      ASSERT_EQ(out, in) << codec_name(codec) << " " << size;
    }
  }
}

TEST(Compression, AppendsAndLeavesWhatWasThere) {
  for (const Codec codec : kCodecs) {
    Bytes out = text_bytes("head");
    ASSERT_TRUE(compress(codec, as_bytes("the body"), out).has_value());
    ASSERT_EQ(as_text(ByteSpan(out).first(4)), "head");
    Bytes back;
    ASSERT_TRUE(decompress(codec, ByteSpan(out).subspan(4), 100, back).has_value());
    EXPECT_EQ(as_text(back), "the body");
  }
}

TEST(Compression, OneByteOverTheBoundIsTooLarge) {
  std::mt19937_64 rng(2);
  for (const Codec codec : kCodecs) {
    for (const std::size_t size : {1, 100, 40'000, 70'000, 1'000'000}) {
      const Bytes in = random_input(rng, size);
      const Bytes packed = compressed(codec, in);
      Bytes out;
      const auto done = decompress(codec, packed, size - 1, out);
      ASSERT_FALSE(done.has_value()) << codec_name(codec) << " " << size;
      EXPECT_EQ(done.error().code, ErrorCode::kRecordTooLarge) << codec_name(codec) << " " << size;
      EXPECT_LE(out.size(), size - 1);
    }
  }
}

TEST(Compression, ABombNeverGrowsPastTheBound) {
  const Bytes zeros(64 << 20);
  for (const Codec codec : kCompressing) {
    const Bytes packed = compressed(codec, zeros);
    ASSERT_LT(packed.size(), zeros.size() / 15) << codec_name(codec);
    Bytes out;
    const auto done = decompress(codec, packed, 1 << 20, out);
    ASSERT_FALSE(done.has_value()) << codec_name(codec);
    EXPECT_EQ(done.error().code, ErrorCode::kRecordTooLarge) << codec_name(codec);
    EXPECT_LE(out.capacity(), std::size_t{1} << 20) << codec_name(codec);
  }
}

TEST(Compression, EveryCutIsCorrupt) {
  std::mt19937_64 rng(3);
  for (const Codec codec : kCompressing) {
    const Bytes in = random_input(rng, 700);
    const Bytes packed = compressed(codec, in);
    for (std::size_t size = 0; size < packed.size(); ++size) {
      // A xerial stream ends wherever a block ends: cut after its header it is an empty one, which the record
      // count of the batch then contradicts.
      if (codec == Codec::kSnappy && size == 16) continue;
      Bytes out;
      const auto done = decompress(codec, ByteSpan(packed).first(size), 1 << 20, out);
      ASSERT_FALSE(done.has_value()) << codec_name(codec) << " cut at " << size;
      EXPECT_EQ(done.error().code, ErrorCode::kCorruptBatch) << codec_name(codec) << " cut at " << size;
    }
  }
}

TEST(Compression, GarbageNeverPasses) {
  std::mt19937_64 rng(4);
  for (const Codec codec : kCompressing) {
    for (int round = 0; round < 3'000; ++round) {
      Bytes packed = compressed(codec, random_input(rng, rng() % 200));
      for (auto flips = rng() % 4 + 1; flips > 0; --flips)
        packed[rng() % packed.size()] = static_cast<std::byte>(rng());
      Bytes out;
      const auto done = decompress(codec, packed, 4096, out);
      if (done.has_value()) {
        EXPECT_LE(out.size(), 4096u);
      } else {
        EXPECT_TRUE(done.error().code == ErrorCode::kCorruptBatch ||
                    done.error().code == ErrorCode::kRecordTooLarge);
      }
    }
  }
}

TEST(Compression, BytesAfterTheEndAreCorrupt) {
  for (const Codec codec : kCompressing) {
    Bytes packed = compressed(codec, as_bytes("some text, some text"));
    packed.insert(packed.end(), 5, std::byte{0x55});
    Bytes out;
    EXPECT_EQ(decompress(codec, packed, 4096, out).error().code, ErrorCode::kCorruptBatch)
        << codec_name(codec);
  }
}

TEST(Compression, SeveralGzipMembersAndZstdFramesAreOneStream) {
  for (const Codec codec : {Codec::kGzip, Codec::kZstd}) {
    Bytes packed = compressed(codec, as_bytes("first, "));
    const Bytes second = compressed(codec, as_bytes("second"));
    packed.insert(packed.end(), second.begin(), second.end());
    Bytes out;
    ASSERT_TRUE(decompress(codec, packed, 4096, out).has_value()) << codec_name(codec);
    EXPECT_EQ(as_text(out), "first, second");
  }
}

TEST(Compression, SnappyIsWrittenInXerialBlocks) {
  const Bytes packed = compressed(Codec::kSnappy, as_bytes("abc"));
  EXPECT_EQ(packed, of_hex("82534e415050590000000001000000010000000503"
                           "08616263"));
}

TEST(Compression, RawSnappyIsReadToo) {
  Bytes out;
  ASSERT_TRUE(decompress(Codec::kSnappy, of_hex("0308616263"), 100, out).has_value());
  EXPECT_EQ(as_text(out), "abc");
}

TEST(Compression, LyingSnappyLengthsAreRefused) {
  const struct {
    const char* name;
    const char* hex;
  } cases[] = {
      {"raw block that claims 1 GiB", "808080800408616263"},
      {"raw block that claims 4 bytes of 3", "0408616263"},
      {"raw block that claims 2 bytes of 3", "0208616263"},
      {"raw length that overflows", "ffffffffff0861"},
      {"xerial block of 2 GiB",
       "82534e41505059000000000100000001"
       "7fffffff0308616263"},
      {"xerial block of negative size",
       "82534e41505059000000000100000001"
       "ffffffff0308616263"},
      {"xerial block of no bytes",
       "82534e41505059000000000100000001"
       "00000000"},
      {"xerial header that is cut", "82534e415050590000000001"},
      {"xerial version 2",
       "82534e41505059000000000200000002"
       "000000050308616263"},
  };
  for (const auto& c : cases) {
    Bytes out;
    const auto done = decompress(Codec::kSnappy, of_hex(c.hex), std::size_t{2} << 30, out);
    ASSERT_FALSE(done.has_value()) << c.name;
    EXPECT_EQ(done.error().code, ErrorCode::kCorruptBatch) << c.name;
    EXPECT_LE(out.capacity(), 1u << 20) << c.name;
  }
}

TEST(Compression, Lz4IsAFrameOfIndependentBlocksWithAHeaderChecksum) {
  const Bytes packed = compressed(Codec::kLz4, as_bytes("abc"));
  // Magic, FLG 0x60 (version 1, independent blocks), BD 0x40 (64 KiB), the header checksum that goes with
  // them.
  ASSERT_GE(packed.size(), 7u);
  EXPECT_EQ(Bytes(packed.begin(), packed.begin() + 7), of_hex("04224d18604082"));
  Bytes damaged = packed;
  damaged[6] ^= std::byte{1};
  Bytes out;
  EXPECT_EQ(decompress(Codec::kLz4, damaged, 100, out).error().code, ErrorCode::kCorruptBatch);
}

TEST(Compression, ZstdWithoutContentSizeIsRead) {
  // What `zstd --no-check` makes of "hello hello hello hello hello\n" from a pipe: frame header descriptor 0.
  Bytes out;
  ASSERT_TRUE(
      decompress(Codec::kZstd, of_hex("28b52ffd00586d00003868656c6c6f200a0100a94b11"), 30, out).has_value());
  EXPECT_EQ(as_text(out), "hello hello hello hello hello\n");
}

TEST(Compression, ZstdContentSizeIsNotBelievedBeforeDecoding) {
  // A frame that claims 1 GiB and holds one byte.
  Bytes out;
  const auto done = decompress(Codec::kZstd,
                               of_hex("28b52ffda000000040"
                                      "09000061"),
                               std::size_t{1} << 30, out);
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kCorruptBatch);
  EXPECT_LE(out.capacity(), 1u << 20);
}

TEST(CodecName, GoesBothWays) {
  for (const Codec codec : kCodecs) {
    EXPECT_EQ(codec_of_name(codec_name(codec)), codec);
    EXPECT_EQ(codec_of_number(static_cast<unsigned>(codec)), codec);
  }
  EXPECT_EQ(codec_of_name("brotli"), std::nullopt);
  for (unsigned number = 5; number < 9; ++number) EXPECT_EQ(codec_of_number(number), std::nullopt);
}

}  // namespace
}  // namespace forebay::model
