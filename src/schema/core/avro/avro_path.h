// How messages name types and places: "order.lines[2].price". Cut short, so that no schema or payload makes
// them long.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/core/avro/avro_schema.h"

namespace forebay::schema::avro {

// "int", "record n.Order", "union of null, string".
[[nodiscard]] std::string described(const Schema& schema, const Type& type);
// As a branch of a union is named in JSON: the full name of a named type, else its kind.
[[nodiscard]] std::string branch_name(const Type& type);
// At most some 64 bytes of it, whole characters, with "..." if there was more.
[[nodiscard]] std::string cut_short(std::string_view utf8);
// "a, b, c", as many as fit in some 1000 bytes.
[[nodiscard]] std::string listed(const std::vector<std::string>& names);

[[nodiscard]] std::string field_step(std::string_view name);
[[nodiscard]] std::string item_step(std::uint64_t index);
[[nodiscard]] std::string key_step(std::string_view key);
// Puts a step before a path, which is made from its end to its beginning.
void prepend_step(std::string& path, const std::string& step);

}  // namespace forebay::schema::avro
