// Answers as bytes of HTTP/1.1.
#pragma once

#include <string>
#include <string_view>

#include "http/request.h"

namespace forebay::http {

struct Answer {
  std::string bytes;
  bool close = true;  // the connection ends with this answer
};

[[nodiscard]] std::string_view reason_phrase(int status);
// For what never reaches a handler; closes the connection.
[[nodiscard]] Answer refusal(int status);
// `head_only`: the request was HEAD.
[[nodiscard]] Answer answer_of(const Response& response, bool head_only, bool close);

}  // namespace forebay::http
