#include "schema/core/registry_error.h"

#include <utility>

namespace forebay::schema {
namespace {

ErrorCode error_code_of(RegistryCode code) {
  switch (code) {
    case RegistryCode::kSubjectNotFound:
    case RegistryCode::kVersionNotFound:
    case RegistryCode::kSchemaNotFound:
    case RegistryCode::kNoSubjectConfig:
    case RegistryCode::kNoSubjectMode:
      return ErrorCode::kNotFound;
    case RegistryCode::kSubjectSoftDeleted:
    case RegistryCode::kSubjectNotSoftDeleted:
    case RegistryCode::kVersionSoftDeleted:
    case RegistryCode::kVersionNotSoftDeleted:
    case RegistryCode::kNotPermitted:
    case RegistryCode::kReferenceExists:
    case RegistryCode::kIdDoesNotMatch:
    case RegistryCode::kContextNotEmpty:
      return ErrorCode::kFailedPrecondition;
    case RegistryCode::kIncompatible:
      return ErrorCode::kIncompatibleSchema;
    case RegistryCode::kInvalidSchema:
      return ErrorCode::kInvalidSchema;
    case RegistryCode::kInvalidVersion:
    case RegistryCode::kInvalidLevel:
    case RegistryCode::kInvalidMode:
    case RegistryCode::kInvalidSubject:
      return ErrorCode::kInvalidArgument;
    case RegistryCode::kTooLarge:
      return ErrorCode::kRecordTooLarge;
    case RegistryCode::kStore:
      return ErrorCode::kStorageFailed;
    case RegistryCode::kTimedOut:
      return ErrorCode::kTimedOut;
    case RegistryCode::kForwardingFailed:
      return ErrorCode::kUnavailable;
    case RegistryCode::kUnknownLeader:
      return ErrorCode::kNotYet;
  }
  return ErrorCode::kInternal;
}

}  // namespace

Error registry_error(RegistryCode code, std::string context) {
  Error error{error_code_of(code), std::move(context)};
  error.registry_code = static_cast<std::uint32_t>(code);
  return error;
}

std::uint32_t registry_code_of(const Error& error) {
  if (error.registry_code != 0) return error.registry_code;
  // Who leads is known, and was asked in vain: whoever answers does not refuse with another one's name.
  if (error.code == ErrorCode::kNotLeader && !error.leader.empty())
    return static_cast<std::uint32_t>(RegistryCode::kForwardingFailed);
  using Pair = std::pair<ErrorCode, RegistryCode>;
  static constexpr Pair kSaid[] = {{ErrorCode::kTimedOut, RegistryCode::kTimedOut},
                                   {ErrorCode::kOutcomeUnknown, RegistryCode::kTimedOut},
                                   {ErrorCode::kUnavailable, RegistryCode::kForwardingFailed},
                                   {ErrorCode::kShuttingDown, RegistryCode::kForwardingFailed},
                                   {ErrorCode::kNotLeader, RegistryCode::kUnknownLeader},
                                   {ErrorCode::kNotYet, RegistryCode::kUnknownLeader},
                                   {ErrorCode::kNotFound, RegistryCode::kSchemaNotFound},
                                   {ErrorCode::kInvalidSchema, RegistryCode::kInvalidSchema},
                                   {ErrorCode::kInvalidArgument, RegistryCode::kInvalidSchema},
                                   {ErrorCode::kIncompatibleSchema, RegistryCode::kIncompatible},
                                   {ErrorCode::kRecordTooLarge, RegistryCode::kTooLarge}};
  for (const auto& [code, number] : kSaid)
    if (code == error.code) return static_cast<std::uint32_t>(number);
  return static_cast<std::uint32_t>(RegistryCode::kStore);  // whatever else keeps it from being stored
}

}  // namespace forebay::schema
