#include "config/address.h"

#include <algorithm>
#include <charconv>

namespace forebay::config {
namespace {

constexpr std::size_t kHostBytesMax = 255;

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_';
}
bool is_ipv6_character(char c) { return is_host_character(c) || c == ':' || c == '%'; }

}  // namespace

std::string Address::to_string() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Address> parse_address(std::string_view text) {
  const auto refused = [text](std::string_view why) -> Error {
    return {ErrorCode::kInvalidArgument, "expected HOST:PORT such as 127.0.0.1:7400 or [::1]:7400, found '" +
                                             std::string(text.substr(0, 64)) + "': " + std::string(why)};
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return refused("the port is missing");
  std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
    if (host.find(':') == std::string_view::npos) return refused("brackets are for IPv6 addresses");
  }
  if (host.empty()) return refused("the host is missing; 0.0.0.0 or [::] listens everywhere");
  if (host.size() > kHostBytesMax) return refused("the host is too long");
  if (!bracketed && host.find(':') != std::string_view::npos)
    return refused("an IPv6 address needs brackets");
  if (!std::all_of(host.begin(), host.end(), bracketed ? is_ipv6_character : is_host_character)) {
    return refused("the host has a character that does not belong there");
  }
  std::uint16_t number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) {
    return refused("the port must be a number from 0 to 65535");
  }
  return Address{std::string(host), number};
}

}  // namespace forebay::config
