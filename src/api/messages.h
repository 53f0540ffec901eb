// Messages to and from the bytes that gRPC hands over. gRPC would decode by itself, but it answers what does
// not parse with UNIMPLEMENTED and no text, which says that the method is not there.
// Thread rules: pure functions.
#pragma once

#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>

#include "base/result.h"

namespace forebay::api {

// Errors: kInvalidArgument.
template <typename Message>
[[nodiscard]] Result<Message> read_message(const grpc::ByteBuffer& bytes) {
  Message message;
  grpc::ByteBuffer shared(bytes);  // the same slices: reading takes them out of their buffer
  if (!grpc::SerializationTraits<Message>::Deserialize(&shared, &message).ok()) {
    return Error{ErrorCode::kInvalidArgument, "the message is not a " + Message::descriptor()->full_name()};
  }
  return message;
}

template <typename Message>
void write_message(const Message& message, grpc::ByteBuffer* bytes) {
  bool own_buffer = false;
  (void)grpc::SerializationTraits<Message>::Serialize(message, bytes, &own_buffer);
}

}  // namespace forebay::api
