// How a client reaches the brokers. The same for Producer, Consumer and Admin.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "forebay/error.h"

namespace forebay {

inline constexpr std::string_view kDefaultServer = "127.0.0.1:7400";

// Times are more than 0 and at most a day.
struct ClientOptions {
  // HOST:PORT of brokers of one cluster; an IPv6 address in brackets. Tried in turn, starting with the first;
  // after a failure the next one is tried. One that answers is enough: the others are learnt from it, by the
  // addresses that the brokers advertise (api.advertised). Creating a client connects to none of them.
  std::vector<std::string> servers{std::string(kDefaultServer)};
  // A request that asks (metadata, offsets, Admin) gives up after this long, all its tries together:
  // kTimedOut, or kUnavailable when nobody could be reached.
  std::chrono::milliseconds request_timeout{30'000};
  // The same, but earlier, with kUnavailable, when nobody could be reached for so long.
  std::chrono::milliseconds connect_timeout{3'000};
  // Wait before the first reconnect; doubled, with jitter, up to the maximum while nobody answers.
  std::chrono::milliseconds reconnect_delay{20};
  std::chrono::milliseconds reconnect_delay_max{1'000};
  // Names this program in the logs of brokers, and in the bounds that they keep by client (of the memory that
  // idempotent producers take): the same for all instances of a program. At most 256 bytes.
  std::string client_id;
};

// "a:1,b:2" -> {"a:1", "b:2"}. Errors: kInvalidArgument when an entry is not HOST:PORT.
[[nodiscard]] Result<std::vector<std::string>> parse_servers(std::string_view list);

}  // namespace forebay
