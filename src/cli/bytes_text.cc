#include "cli/bytes_text.h"

#include <cstdint>

namespace forebay::cli {
namespace {

constexpr unsigned byte_at(std::string_view bytes, std::size_t index) {
  return static_cast<unsigned char>(bytes[index]);
}
constexpr bool is_continuation(unsigned byte) { return (byte & 0xC0U) == 0x80U; }

}  // namespace

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
