// Base64 with padding, as clients of the convention send serialized descriptors.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace forebay::schema::protobuf {

// Whether it could be nothing else: letters, digits, '+', '/' and '=' only, and not empty.
[[nodiscard]] bool looks_like_base64(std::string_view text);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
[[nodiscard]] std::string to_base64(std::string_view bytes);

}  // namespace forebay::schema::protobuf
