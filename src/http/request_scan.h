// Whether the bytes received so far hold a whole HTTP/1.1 request, and whether it is one that we let near the
// parser. Pure. The parser (httplib) is given whole requests only, and of their headers only those in
// kPassedHeaders: its handling of ranges and bodies can be made to use memory and stack without bound.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace forebay::http {

enum class ScanState {
  kIncomplete,  // needs more bytes
  kComplete,
  kRefused,  // answer `status` and close
};

struct RequestScan {
  ScanState state = ScanState::kIncomplete;
  int status = 0;         // kRefused: 400, 413, 431 or 501
  std::size_t bytes = 0;  // kComplete: of the whole request, its body included
  std::string head;       // kComplete: request line and passed headers, with the empty line at the end
};

struct ScanLimits {
  std::size_t head_bytes_max = 0;
  std::size_t body_bytes_max = 0;
};

inline constexpr std::size_t kHeaderLinesMax = 100;

[[nodiscard]] RequestScan scan_request(std::string_view received, const ScanLimits& limits);

}  // namespace forebay::http
