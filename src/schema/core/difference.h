// What makes two schemas incompatible, told so that whoever changes one knows what to change.
#pragma once

#include <cstdint>
#include <string>

namespace forebay::schema {

struct Difference {
  std::string rule;     // as other registries name it: READER_FIELD_MISSING_DEFAULT_VALUE
  std::string path;     // in the schema that reads, as a JSON pointer: "/fields/2/type"
  std::string writes;   // what the one that writes has there; empty: nothing
  std::string reads;    // what the one that reads has; empty: nothing
  std::string allowed;  // what would be compatible
  friend bool operator==(const Difference&, const Difference&) = default;
};

struct CompatibilityPolicy {
  // Of JSON Schema. Strict, as other registries judge it: an optional property may come only where the one
  // that wrote was closed for it. Lenient: optional properties come and go.
  enum class Json : std::uint8_t { kStrict, kLenient };
  Json json = Json::kStrict;
};

}  // namespace forebay::schema
