// What `doctor` finds out about an address without the SDK: does a TCP connection come about, and what does
// the HTTP port say. Blocking, with deadlines.
#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "config/address.h"

namespace forebay::cli {

// Returns: how long the connection took. Errors: kUnavailable (refused, unreachable, unknown host),
// kTimedOut.
[[nodiscard]] Result<std::chrono::nanoseconds> probe_tcp(const config::Address& address,
                                                         std::chrono::milliseconds timeout);

// The body of the answer to GET `path`, at most 4 MiB. Errors: as above; kFailedPrecondition for a status
// other than 200.
[[nodiscard]] Result<std::string> http_get(const config::Address& address, const std::string& path,
                                           std::chrono::milliseconds timeout);

// True for 0.0.0.0, [::] and an empty host: nobody can connect to such an address from elsewhere.
[[nodiscard]] bool is_wildcard(const config::Address& address);

}  // namespace forebay::cli
