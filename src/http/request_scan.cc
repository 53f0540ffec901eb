#include "http/request_scan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace forebay::http {
namespace {

constexpr std::array<std::string_view, 5> kPassedHeaders = {"host", "connection", "accept", "accept-encoding",
                                                            "user-agent"};

RequestScan refused(int status) {
  RequestScan scan;
  scan.state = ScanState::kRefused;
  scan.status = status;
  return scan;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_control(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u < 0x20 && c != '\t') || u == 0x7f;
}

// What the headers say that matters here.
struct Head {
  std::string passed;
  std::optional<std::uint64_t> content_length;
  int refusal = 0;
};

void read_header_line(std::string_view line, Head& head) {
  const std::size_t colon = line.find(':');
  // A space before the colon, or a folded line, is how requests are smuggled past a parser.
  if (colon == std::string_view::npos || colon == 0 || line.find_first_of(" \t") < colon) {
    head.refusal = 400;
    return;
  }
  const std::string name = lower_case(line.substr(0, colon));
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (name == "transfer-encoding") {
    head.refusal = 501;
  } else if (name == "content-length") {
    std::uint64_t length = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), length);
    if (parsed.ptr != value.data() + value.size() || value.empty() || head.content_length)
      head.refusal = 400;
    else if (parsed.ec != std::errc())
      head.refusal = 413;
    else
      head.content_length = length;
  } else if (std::find(kPassedHeaders.begin(), kPassedHeaders.end(), name) != kPassedHeaders.end()) {
    head.passed.append(line).append("\r\n");
  }
}

Head read_head(std::string_view text) {
  Head head;
  std::size_t lines = 0;
  while (!text.empty() && head.refusal == 0) {
    const std::size_t end = text.find("\r\n");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
    if (std::any_of(line.begin(), line.end(), is_control))
      head.refusal = 400;
    else if (lines++ == 0)
      head.passed.append(line).append("\r\n");
    else if (lines > kHeaderLinesMax)
      head.refusal = 431;
    else
      read_header_line(line, head);
  }
  head.passed.append("\r\n");
  return head;
}

}  // namespace

RequestScan scan_request(std::string_view received, const ScanLimits& limits) {
  // Methods are capital letters: TLS, HTTP/2 frames and noise are known by their first bytes.
  constexpr std::size_t kMethodBytesMax = 16;
  for (std::size_t i = 0; i < received.size() && i <= kMethodBytesMax; ++i) {
    if (i > 0 && received[i] == ' ') break;
    if (received[i] < 'A' || received[i] > 'Z' || i == kMethodBytesMax) return refused(400);
  }
  const std::size_t head_end = received.substr(0, limits.head_bytes_max).find("\r\n\r\n");
  if (head_end == std::string_view::npos) {
    return received.size() >= limits.head_bytes_max ? refused(431) : RequestScan{};
  }
  Head head = read_head(received.substr(0, head_end));
  if (head.refusal != 0) return refused(head.refusal);
  const std::uint64_t body_bytes = head.content_length.value_or(0);
  if (body_bytes > limits.body_bytes_max) return refused(413);
  RequestScan scan;
  scan.bytes = head_end + 4 + static_cast<std::size_t>(body_bytes);
  if (received.size() < scan.bytes) return RequestScan{};
  scan.state = ScanState::kComplete;
  scan.head = std::move(head.passed);
  return scan;
}

}  // namespace forebay::http
