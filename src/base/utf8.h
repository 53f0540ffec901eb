// UTF-8 as RFC 3629 has it: no stray or missing continuation, nothing longer than needed, no surrogates,
// nothing above U+10FFFF. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace forebay {

// Of the character that `text` begins with; 0 when it begins with none. Requires: not empty.
[[nodiscard]] std::size_t utf8_character_bytes(std::string_view text);
// Where it stops being UTF-8; the size if all of it is.
[[nodiscard]] std::size_t utf8_bytes(std::string_view text);
[[nodiscard]] inline bool is_utf8(std::string_view text) { return utf8_bytes(text) == text.size(); }

}  // namespace forebay
