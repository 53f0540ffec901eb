// What the bytes received so far are: the head of an HTTP/1.1 request that we let near the parser, and its
// body. Pure. The parser (httplib) is given heads only, and of their headers only those in kPassedHeaders:
// its handling of ranges and bodies can be made to use memory and stack without bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace forebay::http {

enum class ScanState {
  kIncomplete,  // needs more bytes
  kComplete,
  kRefused,  // answer `status` and close
};

struct HeadScan {
  ScanState state = ScanState::kIncomplete;
  int status = 0;         // kRefused: 400, 413, 431 or 501
  std::size_t bytes = 0;  // kComplete: of the head, with the empty line at its end
  std::string passed;     // request line and passed headers, for the parser
  std::string method;
  std::string target;
  std::string version;  // "HTTP/1.1", or what the client says
  bool chunked = false;
  std::uint64_t content_length = 0;
  bool expects_continue = false;  // the client waits with its body until it is asked for it
  bool keeps_alive = false;
  std::map<std::string, std::string> headers;  // kept ones, by their names in lower case
};

inline constexpr std::size_t kHeaderLinesMax = 100;

[[nodiscard]] HeadScan scan_head(std::string_view received, std::size_t head_bytes_max);

// Takes the body of one request out of what is received, piece by piece.
class BodyReader {
 public:
  BodyReader() = default;
  BodyReader(const HeadScan& head, std::size_t body_bytes_max);
  // Takes what belongs to the body. kRefused: `status` says with what, 400 or 413.
  [[nodiscard]] ScanState take(std::string& received);
  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& body() const { return body_; }
  [[nodiscard]] std::string take_body() { return std::move(body_); }

 private:
  enum class At { kBytes, kChunkSize, kChunkEnd, kTrailer, kEnd, kRefused };
  ScanState refuse(int status);
  // The next line, without its end; false: it is not there yet, or is refused.
  bool take_line(std::string_view& rest, std::string_view& line);
  void take_bytes(std::string_view& rest);
  bool take_chunk_size(std::string_view& rest);
  bool step(std::string_view& rest);

  At at_ = At::kEnd;
  bool chunked_ = false;
  std::size_t bytes_max_ = 0;
  std::uint64_t left_ = 0;  // of the body, or of the chunk
  std::size_t trailer_lines_ = 0;
  int status_ = 0;
  std::string body_;
};

}  // namespace forebay::http
