// Reaching a broker: which server of the list is in use, a tuned gRPC channel to it, and unary calls with
// retries. gRPC's types stay in the .cc files.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_function.h"
#include "client/rpc_error.h"
#include "forebay/client_options.h"

namespace grpc {
class Channel;
}

namespace forebay::client {

// The servers in turn, those of the options and those that brokers named. Any thread.
class ServerList {
 public:
  explicit ServerList(std::vector<std::string> servers) : servers_(std::move(servers)) {}
  [[nodiscard]] std::string current() const;
  // Goes on to the next server, unless somebody else did so already since `failed` was the current one.
  void leave(const std::string& failed);
  void learn(std::string_view server);  // for later, when the others do not answer
  // Goes to this one next, unless the current one is not `instead_of` any more.
  void prefer(std::string_view server, const std::string& instead_of);
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::string all() const;  // "a:1, b:2"

 private:
  static constexpr std::size_t kServersMax = 256;  // far more than a cluster has
  [[nodiscard]] std::optional<std::size_t> place_of(std::string_view server);
  mutable std::mutex mutex_;
  std::vector<std::string> servers_;
  std::size_t current_ = 0;
};

// A channel with a TCP connection of its own and large HTTP/2 frames (the default ones halve the throughput).
// Does not connect yet. It tries once and reports; when to try again is the caller's choice.
[[nodiscard]] std::shared_ptr<grpc::Channel> open_channel(const std::string& server);

// What a person needs of gRPC's message about a connection that could not be made.
[[nodiscard]] std::string reason_in(std::string_view message);

// Unary calls, tried again within the options' timeouts. Any thread.
class UnaryCaller {
 public:
  explicit UnaryCaller(const ClientOptions& options);
  // A broker named this one.
  void learn(std::string_view server) { servers_.learn(server); }
  ~UnaryCaller();

  enum class Repeat : std::uint8_t {
    kAlways,        // reads
    kIfNotReached,  // changes: what may have reached the broker is not sent twice
  };
  using Deadline = std::chrono::system_clock::time_point;
  // One try. Returns: nothing on success.
  using Try = UniqueFunction<std::optional<RpcError>(const std::shared_ptr<grpc::Channel>&,
                                                     const std::string& server, Deadline deadline)>;
  // Errors: of the last try; kOutcomeUnknown for a change that may have reached the broker.
  [[nodiscard]] std::optional<RpcError> call(Try attempt, Repeat repeat, std::chrono::milliseconds timeout);
  [[nodiscard]] std::optional<RpcError> call(Try attempt, Repeat repeat) {
    return call(std::move(attempt), repeat, options_.request_timeout);
  }

 private:
  struct Reached {
    std::shared_ptr<grpc::Channel> channel;
    std::string server;
  };
  [[nodiscard]] Reached channel();
  void drop(const Reached& failed);
  void move_on(const Reached& from, const std::string& leader, const std::set<std::string>& silent);

  const ClientOptions options_;
  ServerList servers_;
  std::mutex mutex_;
  Reached reached_;
};

}  // namespace forebay::client
