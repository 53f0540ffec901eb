// Arbitrary bytes from a client of the HTTP port: the scan of head and body, and behind it the parsers and
// the routes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.h"
#include "http/answer.h"
#include "http/request.h"
#include "http/request_scan.h"
#include "http/router.h"
#include "telemetry/log.h"

namespace forebay::http {
namespace {

constexpr std::size_t kHeadBytesMax = 4'096;
constexpr std::size_t kBodyBytesMax = 1'024;

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

// The body in one piece and in many is the same, and takes the same bytes. Returns whether it is there.
bool read_body(const HeadScan& head, std::string& received) {
  BodyReader whole(head, kBodyBytesMax);
  BodyReader pieces(head, kBodyBytesMax);
  std::string rest = received;
  const ScanState state = whole.take(rest);
  std::string waiting;
  ScanState piece_state = ScanState::kIncomplete;
  std::size_t given = 0;
  while (piece_state == ScanState::kIncomplete) {
    const std::size_t count = std::min<std::size_t>(given % 7 + 1, received.size() - given);
    waiting += received.substr(given, count);
    given += count;
    piece_state = pieces.take(waiting);
    if (given == received.size()) break;
  }
  FOREBAY_ASSERT(state == piece_state && whole.body().size() <= kBodyBytesMax);
  FOREBAY_ASSERT(state == ScanState::kRefused || whole.body() == pieces.body());
  if (state == ScanState::kComplete) FOREBAY_ASSERT(rest == waiting + received.substr(given));
  if (state == ScanState::kRefused)
    FOREBAY_ASSERT(whole.status() >= 400 && whole.status() == pieces.status());
  received = std::move(rest);
  return state == ScanState::kComplete;
}

void one_input(std::string received) {
  while (!received.empty()) {
    const HeadScan head = scan_head(received, kHeadBytesMax);
    if (head.state == ScanState::kIncomplete) {
      FOREBAY_ASSERT(received.size() < kHeadBytesMax);
      return;
    }
    if (head.state == ScanState::kRefused) {
      FOREBAY_ASSERT(refusal(head.status).bytes.starts_with("HTTP/1.1 "));
      return;
    }
    FOREBAY_ASSERT(head.bytes >= 4 && head.bytes <= received.size());
    received.erase(0, head.bytes);
    if (!read_body(head, received)) return;
    if (const auto target = parse_target(head.target))
      FOREBAY_ASSERT(target->path.size() <= kPathSegmentsMax && target->query.size() <= kQueryParametersMax);
    const Answer answer = router().answer(head.passed, false);
    FOREBAY_ASSERT(answer.bytes.starts_with("HTTP/1.1 ") && answer.bytes.size() < 8'192);
    if (answer.close) return;
  }
}

}  // namespace
}  // namespace forebay::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  forebay::http::one_input(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
