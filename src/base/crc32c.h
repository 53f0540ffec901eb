// CRC-32C (Castagnoli, RFC 3720): the checksum of record batches, frames, journal rounds and every file of
// ours. Values are finalised ones (start 0xffffffff, inverted at the end), so crc32c_extend(crc32c(a), b) ==
// crc32c(a + b) and the checksum of no bytes is 0. Thread rules: pure functions.
#pragma once

#include <cstdint>

#include "base/shared_bytes.h"

namespace forebay {

[[nodiscard]] std::uint32_t crc32c_extend(std::uint32_t crc, ByteSpan bytes);
[[nodiscard]] inline std::uint32_t crc32c(ByteSpan bytes) { return crc32c_extend(0, bytes); }
// The checksum of a + b from those of a and b, and the length of b. About a microsecond, whatever the length.
[[nodiscard]] std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second,
                                           std::uint64_t second_bytes);

// The ways to compute it; crc32c_extend takes the best one that the processor has. Tests compare them,
// benchmarks too.
namespace crc32c_ways {
using Extend = std::uint32_t (*)(std::uint32_t crc, ByteSpan bytes);
[[nodiscard]] std::uint32_t portable(std::uint32_t crc, ByteSpan bytes);
[[nodiscard]] Extend one_stream();  // the CRC-32C instruction; nullptr where the processor has none
[[nodiscard]] Extend
three_streams();  // the same, three independent streams joined by a carry-less multiplication
}  // namespace crc32c_ways

}  // namespace forebay
