// HOST:PORT as written in configuration and on the command line: 127.0.0.1:7400, node-1.example:7400,
// [::1]:7400.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::config {

struct Address {
  std::string host;        // without brackets
  std::uint16_t port = 0;  // 0 = any free port, where a listener is meant

  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const Address&, const Address&) = default;
};

// Errors: kInvalidArgument with what was found and what was expected.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

}  // namespace forebay::config
