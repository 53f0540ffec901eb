// What a schema may take of a broker: whoever registers one is not trusted.
#pragma once

#include <cstddef>
#include <cstdint>

namespace forebay::schema {

struct Limits {
  std::size_t text_bytes_max = 1U << 20;  // of one schema; those in use have a few hundred kilobytes at most
  std::size_t depth_max = 100;         // of types within types, so that no recursion takes a thread's stack
  std::size_t types_max = 20'000;      // of one schema with all that it refers to
  std::size_t members_max = 2'000;     // of an object in its text: parsing takes a time of their square
  std::size_t references_max = 1'000;  // of one schema, with those of what it refers to
  std::size_t references_bytes_max = 16U << 20;  // and their texts
  std::size_t compared_steps_max = 500'000;  // pairs of types and fields, of two schemas: 20'000 are large
  std::size_t named_depth_max = 1000;        // of named types that refer to each other
  std::size_t value_depth_max = 500;         // of values within values: a recursive type alone has no end
  std::size_t empty_values_max = 100'000;    // of one payload, that take none of its bytes, such as null
  std::size_t json_bytes_max = 64U << 20;  // of a payload as JSON: names may be long, and their values short
  // Of regular expressions in a JSON Schema: the first 32 hold up to two megabytes of caches, each other one
  // up to a quarter.
  std::size_t patterns_max = 1000;
};

}  // namespace forebay::schema
