// The files that every registry of the convention knows without a reference: google/protobuf, google/type,
// confluent. Made once, never changed, shared by all schemas.
#pragma once

#include <string_view>

#include "schema/core/protobuf/proto_schema.h"

namespace forebay::schema::protobuf {

[[nodiscard]] const google::protobuf::DescriptorPool& known_files();
// Those of protobuf itself: a reference of that name does not replace them.
[[nodiscard]] bool is_builtin(std::string_view import);

}  // namespace forebay::schema::protobuf
