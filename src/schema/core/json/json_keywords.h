// What the keywords of the drafts hold: which of them exist, and whether a value is one that they can have.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schema/core/json/json_schema.h"

namespace forebay::schema::json {

// "http://json-schema.org/draft-07/schema#" and its like, with or without the last '#'.
[[nodiscard]] std::optional<Draft> draft_named(std::string_view uri);
[[nodiscard]] std::string draft_uris();  // those there are, for a message
[[nodiscard]] std::string_view meta_schema_uri(Draft draft);

// Which keywords hold schemas, so that a walk finds them all.
enum class Holds : std::uint8_t {
  kNothing,       // no schemas
  kSchema,        // one
  kSchemaOrBool,  // one; before draft 6 true and false only here
  kItems,         // one or an array
  kSchemas,       // an array, not empty
  kMembers,       // an object of schemas
  kDependencies,  // an object of schemas or arrays of strings
};
[[nodiscard]] Holds holds(std::string_view keyword, Draft draft);

// Of an object that is a schema: every keyword that the draft knows has a value that it can have. What they
// hold is not looked into. Errors: kInvalidArgument with the pointer, found and what would be right.
[[nodiscard]] Result<void> check_keywords(const Value& schema, Draft draft, const std::string& pointer);

}  // namespace forebay::schema::json
