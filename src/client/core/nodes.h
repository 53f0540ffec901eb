// The nodes that a client knows: those it was told and those that brokers named as leaders. Which of them
// answer, when one that failed is tried again, and who is next when one does not do. Pure: time is an
// argument.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/core/backoff.h"
#include "forebay/error.h"

namespace forebay::client {

// Whether another node may do what this one has not done for that reason.
[[nodiscard]] inline bool may_do_elsewhere(ErrorCode code) {
  return code == ErrorCode::kNotLeader || code == ErrorCode::kNotYet || code == ErrorCode::kUnavailable ||
         code == ErrorCode::kShuttingDown || code == ErrorCode::kTimedOut ||
         code == ErrorCode::kOutcomeUnknown;
}

class Nodes {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  using Id = std::uint32_t;  // as long as the client lives

  // Requires: servers is not empty.
  Nodes(std::vector<std::string> servers, const BackoffRange& reconnect) : reconnect_(reconnect) {
    for (std::string& server : servers) nodes_.push_back({std::move(server), 0, {}, {}});
  }

  // Nothing: it is not known, and there are too many already.
  [[nodiscard]] std::optional<Id> learn(std::string_view address) {
    const auto found =
        std::find_if(nodes_.begin(), nodes_.end(), [&](const Node& node) { return node.address == address; });
    if (found != nodes_.end()) return static_cast<Id>(found - nodes_.begin());
    if (nodes_.size() >= kNodesMax) return std::nullopt;
    nodes_.push_back({std::string(address), 0, {}, {}});
    return static_cast<Id>(nodes_.size() - 1);
  }
  [[nodiscard]] const std::string& address(Id id) const { return nodes_[id].address; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

  // Where those begin that know no leader.
  [[nodiscard]] Id first() const { return first_; }
  // Whether to go there because it is said to lead. Not soon after it failed: whoever said so may be able to
  // reach it where this client is not, or may not have noticed yet that it is gone.
  [[nodiscard]] bool is_worth_going(Id id, TimePoint now) const { return now >= nodes_[id].avoid_until; }
  [[nodiscard]] TimePoint connect_at(Id id) const { return nodes_[id].connect_at; }
  // Who to try instead: the next one that has not failed lately, else the one whose turn comes first; the
  // same one when there is no other.
  [[nodiscard]] Id next(Id instead_of, TimePoint now) const {
    const Id count = static_cast<Id>(nodes_.size());
    Id earliest = instead_of;
    for (Id step = 1; step < count; ++step) {
      const Id id = (instead_of + step) % count;
      if (now >= nodes_[id].avoid_until) return id;
      if (nodes_[id].connect_at < nodes_[earliest].connect_at) earliest = id;
    }
    return earliest;
  }

  void works(Id id) {
    nodes_[id].failures = 0;
    nodes_[id].avoid_until = {};
  }
  // The connection broke, or there was none.
  void failed(Id id, TimePoint now, JitterRng& rng) {
    Node& node = nodes_[id];
    ++node.failures;
    node.connect_at = now + backoff_delay(reconnect_, node.failures, rng);
    node.avoid_until = now + backoff_delay(kAvoid, node.failures, rng);
    if (first_ == id) first_ = next(id, now);
  }

 private:
  struct Node {
    std::string address;
    std::uint32_t failures;  // in a row
    TimePoint connect_at;
    TimePoint avoid_until;
  };
  static constexpr std::size_t kNodesMax = 256;  // far more than a cluster has
  static constexpr BackoffRange kAvoid{std::chrono::milliseconds(1'000), std::chrono::milliseconds(30'000)};

  const BackoffRange reconnect_;
  std::vector<Node> nodes_;
  Id first_ = 0;
};

}  // namespace forebay::client
