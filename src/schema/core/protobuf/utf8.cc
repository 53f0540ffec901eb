#include "schema/core/protobuf/utf8.h"

#include <cstddef>
#include <cstring>

namespace forebay::schema::protobuf {
namespace {

// Of a character of more than one byte; 0: it is none. No surrogates, nothing longer than it must be.
std::size_t size_of(const std::uint8_t* at, const std::uint8_t* end) {
  const auto left = static_cast<std::size_t>(end - at);
  const auto follows = [&](std::size_t i, unsigned from = 0x80, unsigned to = 0xbf) {
    return i < left && at[i] >= from && at[i] <= to;
  };
  const unsigned first = at[0];
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const unsigned from = first == 0xe0 ? 0xa0 : 0x80, to = first == 0xed ? 0x9f : 0xbf;
    return follows(1, from, to) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const unsigned from = first == 0xf0 ? 0x90 : 0x80, to = first == 0xf4 ? 0x8f : 0xbf;
    return follows(1, from, to) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

const std::uint8_t* skip_utf8(const std::uint8_t* at, const std::uint8_t* end) {
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  while (at < end) {
    std::uint64_t eight = kHigh;
    if (end - at >= 8) std::memcpy(&eight, at, 8);
    if ((eight & kHigh) == 0) {
      at += 8;
    } else if (*at < 0x80) {
      ++at;
    } else {
      const std::size_t size = size_of(at, end);
      if (size == 0) return at;
      at += size;
    }
  }
  return end;
}

bool is_utf8(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(text.data());
  return skip_utf8(begin, begin + text.size()) == begin + text.size();
}

}  // namespace forebay::schema::protobuf
