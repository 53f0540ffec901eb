#include "client/rpc_error.h"

#include <grpcpp/support/status.h>

#include "forebay/v1/error.pb.h"

namespace forebay::client {
namespace {

// Numbers are the same on both sides (a test compares them); one that a newer broker uses is not known here.
ErrorCode code_of(v1::ErrorReason reason) {
  if (reason == v1::ERROR_REASON_UNSPECIFIED || !v1::ErrorReason_IsValid(reason)) return ErrorCode::kInternal;
  return static_cast<ErrorCode>(reason);
}

ErrorCode code_of(grpc::StatusCode status) {
  switch (status) {
    case grpc::StatusCode::UNAVAILABLE:
      return ErrorCode::kUnavailable;
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return ErrorCode::kTimedOut;
    case grpc::StatusCode::CANCELLED:
      return ErrorCode::kCancelled;
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return ErrorCode::kResourceExhausted;
    case grpc::StatusCode::UNIMPLEMENTED:
      return ErrorCode::kUnsupported;
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::OUT_OF_RANGE:
      return ErrorCode::kInvalidArgument;
    case grpc::StatusCode::NOT_FOUND:
      return ErrorCode::kNotFound;
    case grpc::StatusCode::FAILED_PRECONDITION:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
      return ErrorCode::kFailedPrecondition;
    case grpc::StatusCode::DATA_LOSS:
      return ErrorCode::kDataLoss;
    case grpc::StatusCode::OK:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::ALREADY_EXISTS:
    case grpc::StatusCode::ABORTED:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::DO_NOT_USE:
      return ErrorCode::kInternal;
  }
  return ErrorCode::kInternal;
}

}  // namespace

RpcError rpc_error_of(const v1::ErrorDetail& detail) {
  RpcError out;
  out.error = Error{code_of(detail.reason()), detail.message(), detail.retry_delay_ms(), detail.leader()};
  if (detail.has_last_sequence()) out.error.last_sequence = detail.last_sequence();
  out.error.registry_code = detail.registry_code();
  for (const v1::RecordFault& one : detail.record_faults())
    out.error.record_faults.push_back({one.index(), one.text()});
  out.from_broker = true;
  if (detail.has_log_start()) out.log_start = detail.log_start();
  if (detail.has_log_end()) out.log_end = detail.log_end();
  return out;
}

RpcError rpc_error_of(const grpc::Status& status, const std::string& server) {
  v1::RpcStatus typed;
  if (!status.error_details().empty() && typed.ParseFromString(status.error_details())) {
    for (const auto& any : typed.details()) {
      v1::ErrorDetail detail;
      if (any.UnpackTo(&detail)) return rpc_error_of(detail);
    }
  }
  RpcError out;
  out.error =
      Error{code_of(status.error_code()),
            server + ": " + (status.error_message().empty() ? "no reason given" : status.error_message())};
  return out;
}

}  // namespace forebay::client
