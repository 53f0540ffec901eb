// Whether bytes are UTF-8, as protobuf demands it of strings.
#pragma once

#include <cstdint>
#include <string_view>

namespace forebay::schema::protobuf {

// Returns: where they stop to be; `end` if they do not.
[[nodiscard]] const std::uint8_t* skip_utf8(const std::uint8_t* at, const std::uint8_t* end);
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace forebay::schema::protobuf
