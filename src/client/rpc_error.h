// From what gRPC and the broker say to an Error.
#pragma once

#include <string>

#include "client/core/fetched.h"
#include "forebay/error.h"

namespace grpc {
class Status;
}
namespace forebay::v1 {
class ErrorDetail;
}

namespace forebay::client {

[[nodiscard]] RpcError rpc_error_of(const v1::ErrorDetail& detail);
// Requires: !status.ok(). `server` goes into the context.
[[nodiscard]] RpcError rpc_error_of(const grpc::Status& status, const std::string& server);

}  // namespace forebay::client
