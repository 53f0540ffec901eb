// Arbitrary bytes from a client of the HTTP port: the scan, and behind it the parser and the routes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "http/request_scan.h"
#include "http/router.h"
#include "telemetry/log.h"

namespace forebay::http {
namespace {

constexpr ScanLimits kLimits{4'096, 1'024};

Router& router() {
  static auto* const instance = [] {
    telemetry::set_log_level(telemetry::Level::kError);
    HttpHandlers handlers;
    handlers.readiness = [] { return Readiness{false, "starting", {{"orders", 3, "recovering"}}}; };
    handlers.metrics = [] { return std::string("x 1\n"); };
    return new Router(std::move(handlers));
  }();
  return *instance;
}

void one_input(std::string_view received) {
  while (!received.empty()) {
    const RequestScan scan = scan_request(received, kLimits);
    if (scan.state == ScanState::kIncomplete) {
      FOREBAY_ASSERT(received.size() < kLimits.head_bytes_max + kLimits.body_bytes_max);
      return;
    }
    if (scan.state == ScanState::kRefused) {
      FOREBAY_ASSERT(refusal(scan.status).bytes.starts_with("HTTP/1.1 "));
      return;
    }
    FOREBAY_ASSERT(scan.bytes >= 4 && scan.bytes <= received.size());
    const Answer answer = router().answer(scan.head);
    FOREBAY_ASSERT(answer.bytes.starts_with("HTTP/1.1 ") && answer.bytes.size() < 8'192);
    if (answer.close) return;
    received.remove_prefix(scan.bytes);
  }
}

}  // namespace
}  // namespace forebay::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  forebay::http::one_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
