// A request as those see it who answer paths that are not the server's own, and what they answer.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forebay::http {

struct Request {
  std::string method;             // "GET"
  std::vector<std::string> path;  // its segments, decoded: "/subjects/a%2Fb/" is {"subjects", "a/b"}
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  std::map<std::string, std::string> headers;  // those of kKeptHeaders (request_scan.h), in lower case
  std::string body;

  // The first one of that name; nothing: there is none.
  [[nodiscard]] const std::string* parameter(std::string_view name) const;
  [[nodiscard]] std::string_view header(const std::string& name) const;  // empty: there is none
};

struct Response {
  int status = 200;
  std::string content_type;  // empty: no body
  std::string body;
  std::string allow;  // the methods, with 405 and OPTIONS
};

struct Target {
  std::vector<std::string> path;
  std::vector<std::pair<std::string, std::string>> query;
};
inline constexpr std::size_t kPathSegmentsMax = 16;
inline constexpr std::size_t kQueryParametersMax = 100;
// Of a request line. Nothing: it is none that a server may be asked for ("/..." in UTF-8, escaped rightly),
// or has more parts than the bounds.
[[nodiscard]] std::optional<Target> parse_target(std::string_view target);

}  // namespace forebay::http
