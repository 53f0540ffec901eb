// Log.FenceProducer: each partition is fenced by its leader; what other nodes lead is asked of them once.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>

#include "api/context.h"

namespace forebay::api {

[[nodiscard]] grpc::ServerUnaryReactor* fence_producer(const ContextPtr& context,
                                                       grpc::CallbackServerContext& server_call,
                                                       const grpc::ByteBuffer& bytes,
                                                       grpc::ByteBuffer* response);

}  // namespace forebay::api
