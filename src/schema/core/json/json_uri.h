// References between schemas are URIs: resolved as RFC 3986 (section 5.2) says, fetched never.
#pragma once

#include <string>
#include <string_view>

namespace forebay::schema::json {

struct Uri {
  std::string document;  // all but the fragment
  std::string fragment;  // without '#', not decoded
};

// `reference` as seen from a document at `base`, which may be relative itself.
[[nodiscard]] Uri resolve_uri(std::string_view base, std::string_view reference);
// "%41" becomes "A"; what is no such escape stays.
[[nodiscard]] std::string percent_decoded(std::string_view text);

}  // namespace forebay::schema::json
