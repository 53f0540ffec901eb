// Bytes as text: UTF-8 checks, base64, hexadecimal. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forebay::cli {

// True for well-formed UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view bytes);

// Length of the well-formed sequence that `bytes` begins with; 0 when it begins with none. Requires: not
// empty.
[[nodiscard]] std::size_t utf8_sequence_bytes(std::string_view bytes);

// Columns on a terminal, counting one per code point.
[[nodiscard]] std::size_t display_width(std::string_view text);

void append_base64(std::string& out, std::string_view bytes);  // RFC 4648 section 4, padded
void append_hex(std::string& out, std::string_view bytes);

}  // namespace forebay::cli
