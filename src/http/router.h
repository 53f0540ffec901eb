// From a whole request to the bytes of its answer. router.cc is the only file that includes httplib.h.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "http/answer.h"
#include "http/http_server.h"

namespace forebay::http {

class Router {
 public:
  explicit Router(HttpHandlers handlers);
  ~Router();
  // `head`: as scan_head passes it. `close`: the connection ends with this answer, also where the client
  // would go on.
  [[nodiscard]] Answer answer(std::string_view head, bool close);

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

// Whether the router answers this path of a request line itself; the others are for HttpHandlers::other.
[[nodiscard]] bool is_own_path(std::string_view target);

}  // namespace forebay::http
