// From what gRPC and the broker say to an Error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "forebay/error.h"

namespace grpc {
class Status;
}
namespace forebay::v1 {
class ErrorDetail;
}

namespace forebay::client {

struct RpcError {
  Error error;
  // The broker itself said so, in its typed detail; otherwise it is gRPC's word, and the request may have
  // reached the broker or not.
  bool from_broker = false;
  std::optional<std::int64_t> log_start;
  std::optional<std::int64_t> log_end;
};

[[nodiscard]] RpcError rpc_error_of(const v1::ErrorDetail& detail);
// Requires: !status.ok(). `server` goes into the context.
[[nodiscard]] RpcError rpc_error_of(const grpc::Status& status, const std::string& server);

}  // namespace forebay::client
