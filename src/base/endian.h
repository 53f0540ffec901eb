// Fixed-width integers in byte buffers. Our own formats are little endian; the record batch is big endian.
// Requires, for all: the buffer is long enough (callers check lengths first).
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <type_traits>

namespace forebay {

static_assert(std::endian::native == std::endian::little,
              "the on-disk formats are read in place: little-endian hosts only");

template <typename T>
[[nodiscard]] inline T byte_swapped(T value) {
  using U = std::make_unsigned_t<T>;
  const U u = static_cast<U>(value);
  if constexpr (sizeof(T) == 1)
    return value;
  else if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(u));
  else if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(u));
  else
    return static_cast<T>(__builtin_bswap64(u));
}

template <typename T>
[[nodiscard]] inline T load_le(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
template <typename T>
inline void store_le(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof value);
}
template <typename T>
[[nodiscard]] inline T load_be(const std::byte* from) {
  return byte_swapped(load_le<T>(from));
}
template <typename T>
inline void store_be(std::byte* to, T value) {
  store_le(to, byte_swapped(value));
}

}  // namespace forebay
