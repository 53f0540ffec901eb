// Protobuf messages of generated classes as records. Only who includes this needs protobuf, whose headers
// come with the generated class; none is named here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "forebay/schema_serializer.h"

namespace forebay {

// Which message of its file it is.
template <typename Message>
[[nodiscard]] SchemaMessagePath message_path_of(const Message& message) {
  SchemaMessagePath path;
  for (const auto* at = message.GetDescriptor(); at != nullptr; at = at->containing_type())
    path.push_back(static_cast<std::uint32_t>(at->index()));
  std::reverse(path.begin(), path.end());
  return path;
}

// `serializer`: of a schema that is the file in which the message is declared. Errors: those of
// SchemaSerializer::from_encoded(), also when the schema has another message in that place.
template <typename Message>
[[nodiscard]] Result<SerializedPart> serialize(SchemaSerializer& serializer, std::string_view topic,
                                               const Message& message) {
  return serializer.from_encoded(topic, message.SerializeAsString(), message_path_of(message),
                                 message.GetDescriptor()->full_name());
}
template <typename Message>
[[nodiscard]] Result<void> put_message(SchemaSerializer& serializer, std::string_view topic,
                                       const Message& message, Record& record) {
  return serializer.put_encoded(topic, message.SerializeAsString(), record, message_path_of(message),
                                message.GetDescriptor()->full_name());
}

}  // namespace forebay
