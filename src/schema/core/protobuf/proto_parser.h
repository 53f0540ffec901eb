// The door to protobuf's compiler library: what could take its stack, its memory or its time is refused
// before.
#pragma once

#include <string_view>
#include <vector>

#include "schema/core/protobuf/proto_schema.h"
#include "schema/core/schema.h"

namespace forebay::schema::protobuf {

// `text`: a .proto file, or base64 of a serialized FileDescriptorProto, as clients register it; so are the
// references, whose names are the paths of the imports. Errors: kInvalidArgument with line and column (of a
// descriptor: the name of the element); kRecordTooLarge above a limit.
[[nodiscard]] Result<Schema> parse(std::string_view text, const std::vector<NamedText>& references = {},
                                   const Limits& limits = {});

}  // namespace forebay::schema::protobuf
