// What the tests of the Protobuf format share.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "schema/core/schema.h"

namespace forebay::schema::protobuf {

inline SchemaPtr schema_of(const std::string& text, const std::vector<NamedText>& references = {}) {
  auto parsed = parse_schema(Format::kProtobuf, text, references);
  EXPECT_TRUE(parsed) << parsed.error().to_string() << "\n" << text;
  return parsed ? *parsed : nullptr;
}
inline Error error_of(const std::string& text, const std::vector<NamedText>& references = {},
                      const Limits& limits = {}) {
  const auto parsed = parse_schema(Format::kProtobuf, text, references, limits);
  EXPECT_FALSE(parsed) << text.substr(0, 200);
  return parsed ? Error{} : parsed.error();
}
inline std::string proto3(const std::string& body) { return "syntax = \"proto3\";\n" + body; }
inline std::string proto2(const std::string& body) { return "syntax = \"proto2\";\n" + body; }

}  // namespace forebay::schema::protobuf
