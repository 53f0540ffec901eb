// Sockets of the HTTP server: an owned descriptor, and a listener.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <utility>

#include "base/result.h"
#include "config/address.h"

namespace forebay::http {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Descriptor() { reset(); }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  [[nodiscard]] int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

[[nodiscard]] Error cannot_listen(const config::Address& listen, int error);
// Without blocking. Errors: kFailedPrecondition, kUnavailable, as HttpServer::start.
[[nodiscard]] Result<Descriptor> listen_on(const config::Address& listen);
// Of a socket that is bound; 0: none.
[[nodiscard]] std::uint16_t port_of(int socket);

}  // namespace forebay::http
