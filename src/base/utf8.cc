#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace forebay {

std::size_t utf8_character_bytes(std::string_view text) {
  const auto byte = [text](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
  };
  const auto continues = [&](std::size_t i, unsigned from = 0x80, unsigned to = 0xbf) {
    return i < text.size() && byte(i) >= from && byte(i) <= to;
  };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;  // a continuation, or longer than needed
  if (first < 0xe0) return continues(1) ? 2 : 0;
  if (first < 0xf0) {
    const unsigned from = first == 0xe0 ? 0xa0 : 0x80, to = first == 0xed ? 0x9f : 0xbf;
    return continues(1, from, to) && continues(2) ? 3 : 0;
  }
  if (first > 0xf4) return 0;
  const unsigned from = first == 0xf0 ? 0x90 : 0x80, to = first == 0xf4 ? 0x8f : 0xbf;
  return continues(1, from, to) && continues(2) && continues(3) ? 4 : 0;
}

std::size_t utf8_bytes(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t eight = kHighBits;  // most text is ASCII: eight bytes a step
    if (text.size() - at >= sizeof(eight)) std::memcpy(&eight, text.data() + at, sizeof(eight));
    if ((eight & kHighBits) == 0) {
      at += sizeof(eight);
      continue;
    }
    const std::size_t size = utf8_character_bytes(text.substr(at));
    if (size == 0) return at;
    at += size;
  }
  return at;
}

}  // namespace forebay
