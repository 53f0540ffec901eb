#include "cli/bytes_text.h"

#include <cstdint>
#include <cstring>

namespace forebay::cli {
namespace {

constexpr unsigned byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}
constexpr bool is_continuation(unsigned byte) { return (byte & 0xC0U) == 0x80U; }

}  // namespace

std::size_t utf8_sequence_bytes(std::string_view bytes) {
  const unsigned first = byte_at(bytes, 0);
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;  // a continuation byte, or an overlong form of two bytes
  if (first < 0xE0) return bytes.size() >= 2 && is_continuation(byte_at(bytes, 1)) ? 2 : 0;
  if (first < 0xF0) {
    if (bytes.size() < 3 || !is_continuation(byte_at(bytes, 1)) || !is_continuation(byte_at(bytes, 2)))
      return 0;
    const unsigned second = byte_at(bytes, 1);
    if (first == 0xE0 && second < 0xA0) return 0;   // overlong
    if (first == 0xED && second >= 0xA0) return 0;  // surrogate
    return 3;
  }
  if (first > 0xF4 || bytes.size() < 4) return 0;
  for (std::size_t i = 1; i < 4; ++i) {
    if (!is_continuation(byte_at(bytes, i))) return 0;
  }
  const unsigned second = byte_at(bytes, 1);
  if (first == 0xF0 && second < 0x90) return 0;   // overlong
  if (first == 0xF4 && second >= 0x90) return 0;  // above U+10FFFF
  return 4;
}

bool is_utf8(std::string_view bytes) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  std::size_t at = 0;
  while (at < bytes.size()) {
    while (bytes.size() - at >= sizeof(std::uint64_t)) {  // most text is ASCII: eight bytes a step
      std::uint64_t word = 0;
      std::memcpy(&word, bytes.data() + at, sizeof(word));
      if ((word & kHighBits) != 0) break;
      at += sizeof(word);
    }
    if (at == bytes.size()) break;
    const std::size_t length = utf8_sequence_bytes(bytes.substr(at));
    if (length == 0) return false;
    at += length;
  }
  return true;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += is_continuation(static_cast<unsigned char>(c)) ? 0 : 1;
  return width;
}

void append_base64(std::string& out, std::string_view bytes) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  std::size_t at = 0;
  for (; at + 3 <= bytes.size(); at += 3) {
    const unsigned group = byte_at(bytes, at) << 16U | byte_at(bytes, at + 1) << 8U | byte_at(bytes, at + 2);
    for (const unsigned shift : {18U, 12U, 6U, 0U}) out += kAlphabet[group >> shift & 63U];
  }
  const std::size_t rest = bytes.size() - at;
  if (rest == 0) return;
  const unsigned group = byte_at(bytes, at) << 16U | (rest == 2 ? byte_at(bytes, at + 1) << 8U : 0U);
  out += kAlphabet[group >> 18U & 63U];
  out += kAlphabet[group >> 12U & 63U];
  out += rest == 2 ? kAlphabet[group >> 6U & 63U] : '=';
  out += '=';
}

void append_hex(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4U];
    out += kDigits[static_cast<unsigned char>(c) & 15U];
  }
}

}  // namespace forebay::cli
