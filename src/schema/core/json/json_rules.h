// The rules of JSON Schema compatibility by the names that other registries give them. A change that breaks
// none of these is compatible.
#pragma once

#include <span>
#include <string_view>

namespace forebay::schema::json {

struct Rule {
  std::string_view name;
  bool lenient_allows = false;
  std::string_view allowed;  // what would be compatible
};

[[nodiscard]] std::span<const Rule> rules();
// Null: the change of this name is compatible under every policy.
[[nodiscard]] const Rule* rule_named(std::string_view name);

}  // namespace forebay::schema::json
