// The nodes as a client of a torture run knows them: a stub for each address, and whom to ask next. Thread
// rules: ClusterStub from any thread; a Target belongs to one client.
#pragma once

#include <grpcpp/channel.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "client/rpc_error.h"
#include "forebay/v1/log.grpc.pb.h"

namespace forebay::torture {

class ClusterStub {
 public:
  explicit ClusterStub(std::vector<std::string> servers) : servers_(std::move(servers)) {}
  [[nodiscard]] v1::Log::Stub& at(const std::string& address);
  [[nodiscard]] const std::vector<std::string>& servers() const { return servers_; }

 private:
  const std::vector<std::string> servers_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<v1::Log::Stub>> stubs_;
};

// Follows the leader that answers and errors name; goes round when nobody names one.
class Target {
 public:
  Target(const ClusterStub& cluster, std::size_t first) : servers_(&cluster.servers()), next_(first) {
    go_on();
  }
  [[nodiscard]] const std::string& address() const { return address_; }
  // An answer or an error named this node; empty: none.
  void named(const std::string& leader) {
    if (!leader.empty()) address_ = leader;
  }
  void go_on() { address_ = (*servers_)[next_++ % servers_->size()]; }

 private:
  const std::vector<std::string>* servers_;
  std::size_t next_;
  std::string address_;
};

// What a failed call means for the history.
enum class Certainty : std::uint8_t {
  kRefused,  // the broker said so: it never happened
  kUnknown,
};
[[nodiscard]] Certainty certainty_of(const client::RpcError& error);

}  // namespace forebay::torture
