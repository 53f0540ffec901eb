#include "base/crc32c.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "base/endian.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace forebay {
namespace {

constexpr std::uint32_t kPolynomialReflected = 0x82f63b78;

// In reflected form bit i is the coefficient of x^(31 - i): multiplying by x shifts right.
constexpr std::uint32_t times_x(std::uint32_t value) {
  return (value >> 1) ^ ((value & 1) != 0 ? kPolynomialReflected : 0);
}

// kTables[k][b]: the effect of byte b that has k more bytes behind it in the same 8-byte word.
constexpr std::array<std::array<std::uint32_t, 256>, 8> make_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t value = b;
    for (int bit = 0; bit < 8; ++bit) value = times_x(value);
    tables[0][b] = value;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t b = 0; b < 256; ++b) {
      const std::uint32_t value = tables[k - 1][b];
      tables[k][b] = (value >> 8) ^ tables[0][value & 0xff];
    }
  }
  return tables;
}
constexpr auto kTables = make_tables();

constexpr std::uint32_t times(std::uint32_t a, std::uint32_t b) {
  std::uint32_t product = 0;
  for (std::uint32_t bit = 1U << 31; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = times_x(b);
  }
  return product;
}

// kByteSteps[k] = x^(8 * 2^k) mod P: the step over 2^k bytes.
constexpr std::array<std::uint32_t, 64> make_byte_steps() {
  std::array<std::uint32_t, 64> steps{};
  std::uint32_t value = 1U << 23;  // x^8
  for (std::uint32_t& step : steps) {
    step = value;
    value = times(value, value);
  }
  return steps;
}
constexpr auto kByteSteps = make_byte_steps();

}  // namespace

// The register's start value and the inversion at the end cancel out between the two.
std::uint32_t crc32c_combine(std::uint32_t first, std::uint32_t second, std::uint64_t second_bytes) {
  for (std::size_t k = 0; second_bytes != 0; ++k, second_bytes >>= 1) {
    if ((second_bytes & 1) != 0) first = times(kByteSteps[k], first);
  }
  return first ^ second;
}

std::uint32_t crc32c_ways::portable(std::uint32_t crc, ByteSpan bytes) {
  std::uint32_t state = ~crc;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, at += 8) {
    const std::uint64_t word = load_le<std::uint64_t>(at) ^ state;
    state = 0;
    for (std::size_t k = 0; k < 8; ++k) state ^= kTables[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; left > 0; --left, ++at)
    state = (state >> 8) ^ kTables[0][(state ^ std::to_integer<std::uint32_t>(*at)) & 0xff];
  return ~state;
}

#if defined(__x86_64__)
namespace {

// The instruction takes 3 cycles and one can start each cycle: three independent streams keep it busy.
// A stream is at most this many 8-byte words, so that the data of all three stays in the first-level cache.
constexpr std::size_t kStreamWordsMax = 256;
constexpr std::size_t kThreeStreamsBytesMin = 3 * 8 * 4;

// kShift[j] = x^(64 j - 33) mod P, reflected. The carry-less product of two reflected 32-bit values a, b, fed
// as a word to the CRC instruction, gives a * b * x^33: with b = kShift[j] that is a, moved j words to the
// left.
constexpr std::array<std::uint32_t, 2 * kStreamWordsMax + 1> make_shifts() {
  std::array<std::uint32_t, 2 * kStreamWordsMax + 1> shifts{};
  std::uint32_t value = 1;  // x^31
  for (std::size_t j = 1; j < shifts.size(); ++j) {
    shifts[j] = value;
    for (int bit = 0; bit < 64; ++bit) value = times_x(value);
  }
  return shifts;
}
constexpr auto kShift = make_shifts();

__attribute__((target("sse4.2"))) std::uint64_t step(std::uint64_t state, const std::byte* at) {
  return _mm_crc32_u64(state, load_le<std::uint64_t>(at));
}

// The rest of a buffer on one stream; `state` is the register, not the finalised value.
__attribute__((target("sse4.2"))) std::uint32_t finish(std::uint64_t state, const std::byte* at,
                                                       std::size_t left) {
  for (; left >= 8; left -= 8, at += 8) state = step(state, at);
  auto narrow = static_cast<std::uint32_t>(state);
  for (; left > 0; --left, ++at) narrow = _mm_crc32_u8(narrow, std::to_integer<std::uint8_t>(*at));
  return ~narrow;
}

std::uint32_t extend_one_stream(std::uint32_t crc, ByteSpan bytes) {
  return finish(~crc, bytes.data(), bytes.size());
}

__attribute__((target("pclmul"))) std::uint64_t shifted(std::uint64_t state, std::size_t words) {
  const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<long long>(state)),
                                               _mm_cvtsi32_si128(static_cast<int>(kShift[words])), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

__attribute__((target("sse4.2,pclmul"))) std::uint32_t extend_three_streams(std::uint32_t crc,
                                                                            ByteSpan bytes) {
  std::uint64_t first = static_cast<std::uint32_t>(~crc);
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  while (left >= kThreeStreamsBytesMin) {
    const std::size_t words = std::min(left / 24, kStreamWordsMax);
    const std::size_t stream_bytes = words * 8;
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    const std::byte* const last = at + stream_bytes - 8;
    for (; at != last; at += 8) {
      first = step(first, at);
      second = step(second, at + stream_bytes);
      third = step(third, at + 2 * stream_bytes);
    }
    first = step(first, at);
    second = step(second, at + stream_bytes);
    // The other two enter with the last word of the third stream, moved over what lies between.
    const std::uint64_t word = load_le<std::uint64_t>(at + 2 * stream_bytes);
    first = _mm_crc32_u64(third, word ^ shifted(first, 2 * words) ^ shifted(second, words));
    at += 8 + 2 * stream_bytes;
    left -= 3 * stream_bytes;
  }
  return finish(first, at, left);
}

}  // namespace

crc32c_ways::Extend crc32c_ways::one_stream() {
  return __builtin_cpu_supports("sse4.2") ? &extend_one_stream : nullptr;
}
crc32c_ways::Extend crc32c_ways::three_streams() {
  const bool supported = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
  return supported ? &extend_three_streams : nullptr;
}
#else
crc32c_ways::Extend crc32c_ways::one_stream() { return nullptr; }
crc32c_ways::Extend crc32c_ways::three_streams() { return nullptr; }
#endif

std::uint32_t crc32c_extend(std::uint32_t crc, ByteSpan bytes) {
  static const crc32c_ways::Extend kBest = [] {
    if (const auto three = crc32c_ways::three_streams()) return three;
    if (const auto one = crc32c_ways::one_stream()) return one;
    return static_cast<crc32c_ways::Extend>(&crc32c_ways::portable);
  }();
  return kBest(crc, bytes);
}

}  // namespace forebay
