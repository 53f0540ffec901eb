// Accepts connections and hands their descriptors on. gRPC's own listener stops for ever when accept fails
// once, for example because descriptors ran out, and it knows no bound; so this one accepts for it. Thread
// rules: one thread of its own, which runs the events; open, start and stop from one other thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"

namespace forebay::api {

// The sockets that were handed on. Nobody tells when one is closed, so they are looked at when the bound is
// reached: a descriptor whose socket cookie is another one now, or none, was closed.
class AcceptedSockets {
 public:
  explicit AcceptedSockets(std::size_t count_max) : count_max_(count_max) {}
  // Returns: false when count_max are open: close it.
  [[nodiscard]] bool add(int fd, std::chrono::steady_clock::time_point now);

 private:
  void drop_closed();
  const std::size_t count_max_;
  std::vector<std::pair<int, std::uint64_t>> sockets_;
  std::chrono::steady_clock::time_point looked_at_;
};

struct ListenerEvents {
  UniqueFunction<void(int listener_fd, int fd)> accepted;  // fd is the callee's: non-blocking, no delay
  UniqueFunction<void()> refused;
};

class Listener {
 public:
  // Binds every address that the host has. Errors: kInvalidArgument, kUnavailable.
  [[nodiscard]] static Result<std::unique_ptr<Listener>> open(const std::string& address,
                                                              std::size_t connections_max);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  void start(ListenerEvents events);
  // No connection is accepted after it returned; those in the backlog are reset.
  void stop();

 private:
  explicit Listener(std::size_t connections_max) : accepted_(connections_max) {}
  [[nodiscard]] Result<void> bind_to(const std::string& address);
  void run();
  // Returns: false when descriptors or memory ran out: wait before the next try.
  [[nodiscard]] bool accept_all(int listener_fd);

  std::vector<int> sockets_;
  int wake_ = -1;  // eventfd: stop
  std::uint16_t port_ = 0;
  ListenerEvents events_;
  AcceptedSockets accepted_;
  std::thread thread_;
};

}  // namespace forebay::api
