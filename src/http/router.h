// From a whole request to the bytes of its answer. router.cc is the only file that includes httplib.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/http_server.h"

namespace forebay::http {

struct Answer {
  std::string bytes;
  bool close = true;  // the connection ends with this answer
};

class Router {
 public:
  explicit Router(HttpHandlers handlers);
  ~Router();
  // `head`: as scan_request leaves it.
  [[nodiscard]] Answer answer(std::string_view head);

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

// For what never reaches the parser; closes the connection.
[[nodiscard]] Answer refusal(int status);

}  // namespace forebay::http
