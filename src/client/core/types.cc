#include "forebay/types.h"

#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "client/core/options_check.h"
#include "forebay/client_options.h"

namespace forebay {
namespace {

constexpr std::array<std::pair<std::string_view, Acks>, 3> kAcksNames{
    {{"all", Acks::kAll}, {"leader", Acks::kLeader}, {"none", Acks::kNone}}};
constexpr std::array<std::pair<std::string_view, Compression>, 5> kCompressionNames{
    {{"none", Compression::kNone},
     {"gzip", Compression::kGzip},
     {"snappy", Compression::kSnappy},
     {"lz4", Compression::kLz4},
     {"zstd", Compression::kZstd}}};

template <typename Names, typename Value>
std::string_view name_of(const Names& names, Value value) {
  for (const auto& [name, candidate] : names) {
    if (candidate == value) return name;
  }
  return "?";
}

template <typename Names>
auto parse_name(const Names& names, std::string_view what, std::string_view text)
    -> Result<typename Names::value_type::second_type> {
  std::string accepted;
  for (const auto& [name, value] : names) {
    if (name == text) return value;
    accepted.append(accepted.empty() ? "" : ", ").append(name);
  }
  return Error{ErrorCode::kInvalidArgument,
               std::string(what) + " '" + std::string(text) + "' is none of: " + accepted};
}

Error not_host_port(std::string_view entry) {
  return Error{ErrorCode::kInvalidArgument,
               "server '" + std::string(entry) +
                   "' is not HOST:PORT with a port of 1 to 65535 (an IPv6 address "
                   "in brackets: [::1]:7400)"};
}

}  // namespace

std::string TopicPartition::to_string() const { return topic + "/" + std::to_string(partition); }

std::string_view acks_name(Acks acks) { return name_of(kAcksNames, acks); }
std::string_view compression_name(Compression compression) { return name_of(kCompressionNames, compression); }
Result<Acks> parse_acks(std::string_view name) { return parse_name(kAcksNames, "acks", name); }
Result<Compression> parse_compression(std::string_view name) {
  return parse_name(kCompressionNames, "compression", name);
}

namespace client {

Result<void> check_server(std::string_view entry) {
  const std::size_t colon = entry.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return not_host_port(entry);
  const std::string_view host = entry.substr(0, colon);
  const bool bracketed = host.front() == '[' && host.back() == ']' && host.size() > 2;
  if (!bracketed && host.find_first_of(":[]/ \t") != std::string_view::npos) return not_host_port(entry);
  const std::string_view port = entry.substr(colon + 1);
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (failure != std::errc{} || end != port.data() + port.size() || number == 0 || number > 65'535) {
    return not_host_port(entry);
  }
  return {};
}

constexpr std::size_t kClientIdBytesMax = 256;  // what brokers take

Result<void> check_client_options(const ClientOptions& options) {
  if (options.servers.empty()) return Error{ErrorCode::kInvalidArgument, "servers: at least one is needed"};
  for (const std::string& server : options.servers) {
    if (auto checked = check_server(server); !checked) return std::move(checked).error();
  }
  if (options.client_id.size() > kClientIdBytesMax) {
    return Error{ErrorCode::kInvalidArgument,
                 "client_id must be at most " + std::to_string(kClientIdBytesMax) + " bytes"};
  }
  const std::chrono::milliseconds zero{0};
  const std::chrono::milliseconds day = std::chrono::hours(24);
  if (options.request_timeout > day || options.connect_timeout > day || options.reconnect_delay_max > day) {
    return Error{ErrorCode::kInvalidArgument,
                 "request_timeout, connect_timeout and reconnect_delay_max must be a day at most"};
  }
  if (options.request_timeout <= zero || options.connect_timeout <= zero || options.reconnect_delay <= zero ||
      options.reconnect_delay_max < options.reconnect_delay) {
    return Error{ErrorCode::kInvalidArgument,
                 "request_timeout, connect_timeout and reconnect_delay must be more than 0, and "
                 "reconnect_delay_max at least reconnect_delay"};
  }
  return {};
}

}  // namespace client

Result<std::vector<std::string>> parse_servers(std::string_view list) {
  std::vector<std::string> servers;
  while (true) {
    const std::size_t comma = list.find(',');
    const std::string_view entry = list.substr(0, comma);
    if (auto checked = client::check_server(entry); !checked) return std::move(checked).error();
    servers.emplace_back(entry);
    if (comma == std::string_view::npos) return servers;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace forebay
