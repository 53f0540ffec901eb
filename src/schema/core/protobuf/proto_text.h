// The .proto text of a schema in one fixed form: comments and space are gone, names are as short as they can
// be, what is declared stands in the order it was declared in.
#pragma once

#include <string>

#include "schema/core/protobuf/proto_schema.h"

namespace forebay::schema::protobuf {

enum class TextForm : unsigned char {
  kCanonical,
  kNormalized,        // without the order of what has none, type names from the root
  kIgnoreExtensions,  // canonical, without custom options and what is there for extensions
};
[[nodiscard]] std::string text_of(const Schema& schema, TextForm form);
// Base64 of the FileDescriptorProto.
[[nodiscard]] std::string serialized(const Schema& schema);

}  // namespace forebay::schema::protobuf
