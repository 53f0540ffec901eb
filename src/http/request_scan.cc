#include "http/request_scan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace forebay::http {
namespace {

constexpr std::array<std::string_view, 5> kPassedHeaders = {"host", "connection", "accept", "accept-encoding",
                                                            "user-agent"};
// What those who answer other paths may ask for.
constexpr std::array<std::string_view, 4> kKeptHeaders = {"accept", "content-type", "content-encoding",
                                                          "confluent-accept-unknown-properties"};
constexpr std::string_view kHttp11 = "HTTP/1.1";
constexpr std::size_t kChunkLineBytesMax = 256;  // a size is short; what follows it is ignored

HeadScan refused(int status) {
  HeadScan scan;
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

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Head {
  HeadScan scan;
  std::optional<std::uint64_t> content_length;
  std::string connection;
  int refusal = 0;
};

void read_content_length(std::string_view value, Head& head) {
  std::uint64_t length = 0;
  const auto parsed = std::from_chars(value.data(), value.data() + value.size(), length);
  if (parsed.ptr != value.data() + value.size() || value.empty() || head.content_length)
    head.refusal = 400;
  else if (parsed.ec != std::errc())
    head.refusal = 413;
  else
    head.content_length = length;
}

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
    // Once, and only this: how a list of codings is read is another way of smuggling.
    const bool understood = lower_case(value) == "chunked";
    head.refusal = !understood ? 501 : head.scan.chunked ? 400 : 0;
    head.scan.chunked = understood;
  } else if (name == "content-length") {
    read_content_length(value, head);
  } else if (name == "expect") {
    head.scan.expects_continue = lower_case(value) == "100-continue";
  } else if (is_one_of(kPassedHeaders, name)) {
    head.scan.passed.append(line).append("\r\n");
  }
  if (name == "connection") head.connection += "," + lower_case(value);
  if (is_one_of(kKeptHeaders, name)) {
    std::string& kept = head.scan.headers[name];
    if (!kept.empty()) kept += ", ";
    kept += value;
  }
}

// What is not METHOD TARGET VERSION is left to the parser to refuse.
void read_request_line(std::string_view line, HeadScan& scan) {
  scan.passed.append(line).append("\r\n");
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return;
  scan.method = line.substr(0, first);
  scan.target = line.substr(first + 1, last - first - 1);
  scan.version = line.substr(last + 1);
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (trimmed(list.substr(0, end)) == token) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
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
      read_request_line(line, head.scan);
    else if (lines > kHeaderLinesMax)
      head.refusal = 431;
    else
      read_header_line(line, head);
  }
  head.scan.passed.append("\r\n");
  // Two lengths, or a coding that the version does not have: where the body ends is a matter of opinion.
  if (head.refusal == 0 && head.scan.chunked && (head.content_length || head.scan.version != kHttp11))
    head.refusal = 400;
  return head;
}

}  // namespace

HeadScan scan_head(std::string_view received, std::size_t head_bytes_max) {
  // Methods are capital letters: TLS, HTTP/2 frames and noise are known by their first bytes.
  constexpr std::size_t kMethodBytesMax = 16;
  for (std::size_t i = 0; i < received.size() && i <= kMethodBytesMax; ++i) {
    if (i > 0 && received[i] == ' ') break;
    if (received[i] < 'A' || received[i] > 'Z' || i == kMethodBytesMax) return refused(400);
  }
  const std::size_t head_end = received.substr(0, head_bytes_max).find("\r\n\r\n");
  if (head_end == std::string_view::npos)
    return received.size() >= head_bytes_max ? refused(431) : HeadScan{};
  Head head = read_head(received.substr(0, head_end));
  if (head.refusal != 0) return refused(head.refusal);
  HeadScan scan = std::move(head.scan);
  scan.state = ScanState::kComplete;
  scan.bytes = head_end + 4;
  scan.content_length = head.content_length.value_or(0);
  scan.keeps_alive = scan.version == kHttp11 ? !has_token(head.connection, "close")
                                             : has_token(head.connection, "keep-alive");
  return scan;
}

BodyReader::BodyReader(const HeadScan& head, std::size_t body_bytes_max)
    : at_(head.chunked ? At::kChunkSize : At::kBytes),
      chunked_(head.chunked),
      bytes_max_(body_bytes_max),
      left_(head.content_length) {
  if (left_ > bytes_max_) static_cast<void>(refuse(413));
}

ScanState BodyReader::refuse(int status) {
  at_ = At::kRefused;
  status_ = status;
  return ScanState::kRefused;
}

bool BodyReader::take_line(std::string_view& rest, std::string_view& line) {
  const std::size_t end = rest.substr(0, kChunkLineBytesMax).find("\r\n");
  if (end == std::string_view::npos) {
    if (rest.size() >= kChunkLineBytesMax) static_cast<void>(refuse(400));
    return false;
  }
  line = rest.substr(0, end);
  rest.remove_prefix(end + 2);
  if (!std::any_of(line.begin(), line.end(), is_control)) return true;
  static_cast<void>(refuse(400));
  return false;
}

void BodyReader::take_bytes(std::string_view& rest) {
  const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
  body_.append(rest.substr(0, count));
  rest.remove_prefix(count);
  left_ -= count;
}

bool BodyReader::take_chunk_size(std::string_view& rest) {
  std::string_view line;
  if (!take_line(rest, line)) return false;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
  const std::string_view extension =
      line.substr(std::min(line.size(), static_cast<std::size_t>(parsed.ptr - line.data())));
  if (parsed.ptr == line.data() || (!extension.empty() && extension.front() != ';'))
    static_cast<void>(refuse(400));
  else if (parsed.ec != std::errc() || left_ > bytes_max_ - body_.size())
    static_cast<void>(refuse(413));
  else
    at_ = left_ == 0 ? At::kTrailer : At::kBytes;
  return at_ != At::kRefused;
}

// Whether there may be more to do.
bool BodyReader::step(std::string_view& rest) {
  std::string_view line;
  switch (at_) {
    case At::kBytes:
      take_bytes(rest);
      if (left_ > 0) return false;
      at_ = chunked_ ? At::kChunkEnd : At::kEnd;
      return true;
    case At::kChunkSize:
      return take_chunk_size(rest);
    case At::kChunkEnd:
      if (!take_line(rest, line)) return false;
      at_ = At::kChunkSize;
      if (!line.empty()) static_cast<void>(refuse(400));
      return true;
    case At::kTrailer:
      if (!take_line(rest, line)) return false;
      if (line.empty())
        at_ = At::kEnd;
      else if (++trailer_lines_ > kHeaderLinesMax)
        static_cast<void>(refuse(431));
      return true;
    case At::kEnd:
    case At::kRefused:
      return false;
  }
  return false;
}

ScanState BodyReader::take(std::string& received) {
  std::string_view rest = received;
  while (step(rest)) {
  }
  received.erase(0, received.size() - rest.size());
  if (at_ == At::kRefused) return ScanState::kRefused;
  return at_ == At::kEnd ? ScanState::kComplete : ScanState::kIncomplete;
}

}  // namespace forebay::http
