#include "base/varint.h"

#include <algorithm>
#include <limits>

namespace forebay {
namespace {

template <typename U>
const std::byte* read_groups(const std::byte* from, const std::byte* end, U& value) {
  constexpr int kBits = std::numeric_limits<U>::digits;
  constexpr int kLastShift = (kBits - 1) / 7 * 7;
  U result = 0;
  for (int shift = 0; shift <= kLastShift && from < end; shift += 7) {
    const U group = std::to_integer<U>(*from & std::byte{0x7f});
    const bool more = (*from++ & std::byte{0x80}) != std::byte{0};
    if (shift == kLastShift && (more || group >> (kBits - kLastShift) != 0)) return nullptr;
    result |= group << shift;
    if (!more) {
      value = result;
      return from;
    }
  }
  return nullptr;
}

}  // namespace

const std::byte* read_unsigned_varint_slow(const std::byte* from, const std::byte* end,
                                           std::uint32_t& value) {
  return read_groups(from, end, value);
}
const std::byte* read_unsigned_varlong_slow(const std::byte* from, const std::byte* end,
                                            std::uint64_t& value) {
  return read_groups(from, end, value);
}

}  // namespace forebay
