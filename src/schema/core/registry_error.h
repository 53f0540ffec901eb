// The errors of the registry, by the numbers that clients of its REST API know them by; over gRPC the same
// numbers come in ErrorDetail.registry_code.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace forebay::schema {

enum class RegistryCode : std::uint32_t {
  kSubjectNotFound = 40401,
  kVersionNotFound = 40402,
  kSchemaNotFound = 40403,
  kSubjectSoftDeleted = 40404,
  kSubjectNotSoftDeleted = 40405,
  kVersionSoftDeleted = 40406,
  kVersionNotSoftDeleted = 40407,
  kNoSubjectConfig = 40408,
  kNoSubjectMode = 40409,
  kIncompatible = 40901,
  kInvalidSchema = 42201,
  kInvalidVersion = 42202,
  kInvalidLevel = 42203,
  kInvalidMode = 42204,
  kNotPermitted = 42205,
  kReferenceExists = 42206,
  kIdDoesNotMatch = 42207,
  kInvalidSubject = 42208,
  kTooLarge = 42209,
  kContextNotEmpty = 42211,
  kStore = 50001,
  kTimedOut = 50002,
  kForwardingFailed = 50003,
  kUnknownLeader = 50004,
};

[[nodiscard]] Error registry_error(RegistryCode code, std::string context);
// Of any error: its own number, or the one that says it best to a client of the REST API.
[[nodiscard]] std::uint32_t registry_code_of(const Error& error);

}  // namespace forebay::schema
