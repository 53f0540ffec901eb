// The published meta-schemas, so that a "$ref" to one is answered without a network.
#pragma once

#include <string_view>

namespace forebay::schema::json {

// The text of the one at this URI (without fragment); empty: there is none.
[[nodiscard]] std::string_view meta_schema_at(std::string_view uri);

}  // namespace forebay::schema::json
