#include "base/murmur2.h"

#include "base/assert.h"
#include "base/endian.h"

namespace forebay {

std::int32_t murmur2(ByteSpan bytes) {
  constexpr std::uint32_t kSeed = 0x9747b28c;
  constexpr std::uint32_t kMultiplier = 0x5bd1e995;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint32_t hash = kSeed ^ static_cast<std::uint32_t>(left);
  for (; left >= 4; left -= 4, at += 4) {
    std::uint32_t word = load_le<std::uint32_t>(at) * kMultiplier;
    word ^= word >> 24;
    hash = (hash * kMultiplier) ^ (word * kMultiplier);
  }
  if (left > 0) {
    for (std::size_t i = 0; i < left; ++i) hash ^= std::to_integer<std::uint32_t>(at[i]) << (8 * i);
    hash *= kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  hash ^= hash >> 15;
  return static_cast<std::int32_t>(hash);
}

std::int32_t partition_for_key(ByteSpan key, std::int32_t partition_count) {
  FOREBAY_ASSERT(partition_count > 0);
  return (murmur2(key) & 0x7fffffff) % partition_count;
}

}  // namespace forebay
