// Variable-length integers as the record format has them: 7 bits a byte, low group first, high bit = more
// follow. Signed ones are zigzag encoded ("varint" 32 bits in at most 5 bytes, "varlong" 64 bits in at most
// 10). Readers never pass `end`; encodings that are longer than needed are read, values that overflow the
// type are refused.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace forebay {

inline constexpr std::size_t kVarintBytesMax = 5;
inline constexpr std::size_t kVarlongBytesMax = 10;

[[nodiscard]] constexpr std::uint32_t zigzag(std::int32_t value) {
  return (static_cast<std::uint32_t>(value) << 1) ^ static_cast<std::uint32_t>(value >> 31);
}
[[nodiscard]] constexpr std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
[[nodiscard]] constexpr std::int32_t unzigzag(std::uint32_t value) {
  return static_cast<std::int32_t>((value >> 1) ^ (~(value & 1) + 1));
}
[[nodiscard]] constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

[[nodiscard]] constexpr std::size_t unsigned_varint_size(std::uint64_t value) {
  // ceil(bits / 7) with at least one byte: 9/64 is a little more than 1/7 and exact for 0..64 bits.
  return (static_cast<std::size_t>(std::bit_width(value | 1)) * 9 + 64) / 64;
}
[[nodiscard]] constexpr std::size_t varint_size(std::int32_t value) {
  return unsigned_varint_size(zigzag(value));
}
[[nodiscard]] constexpr std::size_t varlong_size(std::int64_t value) {
  return unsigned_varint_size(zigzag(value));
}

// Writers. Requires: room for the size above. Returns: the byte after the last one written.
inline std::byte* write_unsigned_varint(std::byte* to, std::uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<std::byte>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<std::byte>(value);
  return to;
}
inline std::byte* write_varint(std::byte* to, std::int32_t value) {
  return write_unsigned_varint(to, zigzag(value));
}
inline std::byte* write_varlong(std::byte* to, std::int64_t value) {
  return write_unsigned_varint(to, zigzag(value));
}

// Readers. Returns: the byte after the integer; nullptr if it does not end before `end` or overflows the type
// (the value is untouched then).
[[nodiscard]] const std::byte* read_unsigned_varint_slow(const std::byte* from, const std::byte* end,
                                                         std::uint32_t& value);
[[nodiscard]] const std::byte* read_unsigned_varlong_slow(const std::byte* from, const std::byte* end,
                                                          std::uint64_t& value);

[[nodiscard]] inline const std::byte* read_unsigned_varint(const std::byte* from, const std::byte* end,
                                                           std::uint32_t& value) {
  if (from < end && *from < std::byte{0x80}) [[likely]] {  // most lengths and deltas fit in one byte or two
    value = std::to_integer<std::uint32_t>(*from);
    return from + 1;
  }
  if (end - from >= 2 && from[1] < std::byte{0x80}) [[likely]] {
    value = std::to_integer<std::uint32_t>(from[0] & std::byte{0x7f}) |
            std::to_integer<std::uint32_t>(from[1]) << 7;
    return from + 2;
  }
  return read_unsigned_varint_slow(from, end, value);
}
[[nodiscard]] inline const std::byte* read_unsigned_varlong(const std::byte* from, const std::byte* end,
                                                            std::uint64_t& value) {
  if (from < end && *from < std::byte{0x80}) [[likely]] {
    value = std::to_integer<std::uint64_t>(*from);
    return from + 1;
  }
  if (end - from >= 2 && from[1] < std::byte{0x80}) [[likely]] {
    value = std::to_integer<std::uint64_t>(from[0] & std::byte{0x7f}) |
            std::to_integer<std::uint64_t>(from[1]) << 7;
    return from + 2;
  }
  return read_unsigned_varlong_slow(from, end, value);
}
[[nodiscard]] inline const std::byte* read_varint(const std::byte* from, const std::byte* end,
                                                  std::int32_t& value) {
  std::uint32_t encoded = 0;
  const std::byte* next = read_unsigned_varint(from, end, encoded);
  if (next != nullptr) value = unzigzag(encoded);
  return next;
}
[[nodiscard]] inline const std::byte* read_varlong(const std::byte* from, const std::byte* end,
                                                   std::int64_t& value) {
  std::uint64_t encoded = 0;
  const std::byte* next = read_unsigned_varlong(from, end, encoded);
  if (next != nullptr) value = unzigzag(encoded);
  return next;
}

}  // namespace forebay
