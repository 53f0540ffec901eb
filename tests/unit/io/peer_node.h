// Nodes on loopback in one process, for the tests of the real peer transport: shards with threads of their
// own, and listeners that write down what they are told, so that a test can wait for it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/real_peer_transport.h"
#include "runtime/shard_group.h"
#include "runtime/system_clock.h"

namespace forebay::io {

// One thing that a listener was told.
struct PeerEvent {
  enum class Kind { kSession, kEnd, kUnreachable, kMessage, kRoom };
  Kind kind;
  PeerShard peer;
  PeerHello hello;
  Error error;
  PeerMessage message;
};

class PeerRecorder final : public PeerTransportListener {
 public:
  using Hook = std::function<void(const PeerEvent&)>;
  // Runs on the shard for every event, after it is written down.
  void set_hook(Hook hook) { hook_ = std::move(hook); }

  void on_session(const PeerShard& peer, const PeerHello& hello) override {
    add({PeerEvent::Kind::kSession, peer, hello, {}, {}});
  }
  void on_session_end(const PeerShard& peer, const Error& why) override {
    add({PeerEvent::Kind::kEnd, peer, {}, why, {}});
  }
  void on_unreachable(model::NodeId node, const Error& why) override {
    add({PeerEvent::Kind::kUnreachable, {node, 0}, {}, why, {}});
  }
  void on_message(const PeerShard& peer, PeerMessage message) override {
    add({PeerEvent::Kind::kMessage, peer, {}, {}, std::move(message)});
  }
  void on_room(const PeerShard& peer) override { add({PeerEvent::Kind::kRoom, peer, {}, {}, {}}); }

  // Waits until `count` events of the kind were told, in all. False when that takes far too long.
  [[nodiscard]] bool wait_for(PeerEvent::Kind kind, std::size_t count) {
    return wait_until([&] { return count_locked(kind) >= count; });
  }
  // Waits for one that is as `wanted` says.
  [[nodiscard]] bool wait_for_event(const std::function<bool(const PeerEvent&)>& wanted) {
    return wait_until([&] { return std::any_of(events_.begin(), events_.end(), wanted); });
  }
  [[nodiscard]] std::size_t count(PeerEvent::Kind kind) {
    const std::lock_guard lock(mutex_);
    return count_locked(kind);
  }
  [[nodiscard]] std::vector<PeerEvent> events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  [[nodiscard]] std::vector<PeerEvent> events(PeerEvent::Kind kind) {
    std::vector<PeerEvent> found = events();
    std::erase_if(found, [&](const PeerEvent& event) { return event.kind != kind; });
    return found;
  }

 private:
  static constexpr std::chrono::seconds kPatience{60};  // of a test, on a busy machine

  void add(PeerEvent event) {
    {
      const std::lock_guard lock(mutex_);
      events_.push_back(event);
    }
    told_.notify_all();
    if (hook_) hook_(event);
  }
  [[nodiscard]] std::size_t count_locked(PeerEvent::Kind kind) const {
    std::size_t count = 0;
    for (const PeerEvent& event : events_) count += event.kind == kind ? 1 : 0;
    return count;
  }
  template <typename Predicate>
  [[nodiscard]] bool wait_until(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return told_.wait_for(lock, kPatience, predicate);
  }

  std::mutex mutex_;
  std::condition_variable told_;
  std::vector<PeerEvent> events_;
  Hook hook_;
};

template <typename F>
void run_on(runtime::Shard& shard, F task) {
  std::promise<void> done;
  shard.post([&] {
    task();
    done.set_value();
  });
  done.get_future().wait();
}

inline model::Uuid uuid_of(std::uint8_t number) {
  model::Uuid id;
  id.bytes.fill(number);
  return id;
}

// A node that listens on a free port of loopback.
class PeerNode {
 public:
  struct Options {
    std::uint32_t id = 1;
    std::size_t shards = 1;
    std::uint64_t incarnation = 1;
    std::uint8_t cluster = 0;  // 0: in none
    std::uint8_t disk = 0;     // 0: by the id
    std::uint16_t port = 0;    // 0: any free one
    bool says_hello = true;
  };
  explicit PeerNode(Options options) : options_(options), group_(options.shards) {
    std::vector<runtime::Shard*> shards;
    for (std::size_t i = 0; i < options.shards; ++i) shards.push_back(&group_.at(i));
    group_.start();
    auto network = PeerNetwork::listen({"127.0.0.1", options.port}, shards, rng_);
    if (!network) {
      ADD_FAILURE() << network.error().to_string();
      return;
    }
    network_ = *std::move(network);
    for (std::size_t i = 0; i < options.shards; ++i) {
      recorders_.push_back(std::make_unique<PeerRecorder>());
      transports_.push_back(&network_->of_shard(i));
    }
    for (std::size_t i = 0; i < options.shards; ++i) {
      on_shard(i, [&] { transport(i).set_listener(recorders_[i].get()); });
    }
    if (options.says_hello) say_hello(options.cluster);
  }
  ~PeerNode() { stop(); }
  void stop() {
    network_.reset();
    group_.stop_and_join();
  }

  void say_hello(std::uint8_t cluster) {
    const PeerHello hello{uuid_of(cluster), id(),
                          uuid_of(options_.disk != 0 ? options_.disk : std::uint8_t(options_.id)),
                          options_.incarnation, static_cast<std::uint32_t>(options_.shards)};
    for (std::size_t i = 0; i < options_.shards; ++i) on_shard(i, [&] { transport(i).set_hello(hello); });
  }
  void set_peers(const std::map<model::NodeId, PeerAddress>& peers) {
    for (std::size_t i = 0; i < options_.shards; ++i) on_shard(i, [&] { transport(i).set_peers(peers); });
  }
  template <typename F>
  void on_shard(std::size_t index, F task) {
    run_on(group_.at(index), task);
  }
  bool send(std::size_t from_shard, const PeerShard& peer, PeerMessage message) {
    bool sent = false;
    on_shard(from_shard, [&] { sent = transport(from_shard).send(peer, std::move(message)); });
    return sent;
  }
  [[nodiscard]] PeerStats stats(std::size_t shard, const PeerShard& peer) {
    PeerStats stats;
    on_shard(shard, [&] { stats = network_->stats_of_shard(shard)[peer]; });
    return stats;
  }

  [[nodiscard]] model::NodeId id() const { return model::NodeId(options_.id); }
  [[nodiscard]] PeerShard shard(std::uint32_t index) const { return {id(), index}; }
  [[nodiscard]] PeerAddress address() const { return network_->address(); }
  [[nodiscard]] PeerTransport& transport(std::size_t index) { return *transports_[index]; }
  [[nodiscard]] PeerRecorder& recorder(std::size_t index) { return *recorders_[index]; }

 private:
  Options options_;
  runtime::SystemRng rng_;
  runtime::ShardGroup group_;
  std::vector<std::unique_ptr<PeerRecorder>> recorders_;
  std::unique_ptr<PeerNetwork> network_;
  // Hooks call these on the shards, perhaps while the test's thread ends the network.
  std::vector<PeerTransport*> transports_;
};

}  // namespace forebay::io
