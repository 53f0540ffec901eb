// How an Error leaves the node: the typed detail (proto ErrorDetail) and the gRPC status around it.
// Thread rules: pure functions.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "forebay/v1/error.pb.h"
#include "forebay/v1/log.pb.h"

namespace forebay::api {

struct WireError {
  v1::ErrorReason reason;
  grpc::StatusCode status;
};
[[nodiscard]] WireError wire_error(ErrorCode code);

// What the error was about, as far as the request said.
struct ErrorPlace {
  std::string_view topic;
  std::optional<std::int32_t> partition;
};
[[nodiscard]] v1::ErrorDetail to_detail(const Error& error, const ErrorPlace& place = {});

// The way back, of another node's answer.
[[nodiscard]] Error error_of(const v1::ErrorDetail& detail);

// The status of a call that failed: the detail travels as an RpcStatus in the trailer
// `grpc-status-details-bin`. `acknowledged`: the part of a spread plain request that was written all the
// same; a second entry of the details.
[[nodiscard]] grpc::Status to_status(const v1::ErrorDetail& detail,
                                     const v1::ProduceAck* acknowledged = nullptr);
[[nodiscard]] grpc::Status to_status(const Error& error, const ErrorPlace& place = {});

}  // namespace forebay::api
