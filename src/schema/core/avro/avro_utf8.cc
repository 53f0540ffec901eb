#include "schema/core/avro/avro_utf8.h"

#include <cstdint>

#include "base/endian.h"

namespace forebay::schema::avro {
namespace {

// Of the character that begins there; 0: none does.
std::size_t character_bytes(const std::byte* at, std::size_t left) {
  const auto byte = [&](std::size_t i) { return std::to_integer<std::uint32_t>(at[i]); };
  const auto continues = [&](std::size_t i) { return i < left && (byte(i) & 0xc0U) == 0x80; };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return continues(1) ? 2 : 0;
  if (first < 0xf0) {
    if (!continues(1) || !continues(2)) return 0;
    if (first == 0xe0 && byte(1) < 0xa0) return 0;
    return first == 0xed && byte(1) >= 0xa0 ? 0 : 3;
  }
  if (first > 0xf4 || !continues(1) || !continues(2) || !continues(3)) return 0;
  if (first == 0xf0 && byte(1) < 0x90) return 0;
  return first == 0xf4 && byte(1) >= 0x90 ? 0 : 4;
}

}  // namespace

std::size_t valid_utf8_bytes(ByteSpan bytes) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::size_t at = 0;
  while (at < bytes.size()) {
    if (bytes.size() - at >= sizeof(std::uint64_t) &&
        (load_le<std::uint64_t>(bytes.data() + at) & kHighBits) == 0) {
      at += sizeof(std::uint64_t);
      continue;
    }
    const std::size_t size = character_bytes(bytes.data() + at, bytes.size() - at);
    if (size == 0) return at;
    at += size;
  }
  return at;
}

}  // namespace forebay::schema::avro
