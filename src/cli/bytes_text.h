// Bytes as text: their width, base64, hexadecimal. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forebay::cli {

// Columns on a terminal, counting one per code point.
[[nodiscard]] std::size_t display_width(std::string_view text);

void append_base64(std::string& out, std::string_view bytes);  // RFC 4648 section 4, padded
void append_hex(std::string& out, std::string_view bytes);

}  // namespace forebay::cli
