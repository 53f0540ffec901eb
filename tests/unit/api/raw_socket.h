// A TCP client that says what it likes, and just enough HTTP/2 to misbehave above TCP: a peer that opens
// calls and grants no window, so that the server can never send it anything.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forebay::test {

class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) close();
  }
  RawSocket(RawSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RawSocket& operator=(RawSocket&&) = delete;
  ~RawSocket() { close(); }

  [[nodiscard]] bool connected() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  // The peer sees a reset, not an end.
  void reset() {
    const linger now{1, 0};
    (void)::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // As much as the peer's window takes right now.
  void send_what_fits(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // Returns: true when the peer closes (or resets) before 30 s are over; what it says until then is dropped.
  [[nodiscard]] bool closed_by_peer() const {
    char bytes[4096];
    while (true) {
      pollfd polled{fd_, POLLIN, 0};
      if (::poll(&polled, 1, 30'000) <= 0) return false;
      if (::recv(fd_, bytes, sizeof bytes, 0) <= 0) return true;
    }
  }
  // Until `wanted` frames of a type have come. Returns: false when the peer closed first.
  bool wait_for_frame(char type) {
    while (true) {
      while (input_.size() >= 9) {
        const auto byte = [this](std::size_t at) { return static_cast<unsigned char>(input_[at]); };
        const std::size_t size = (std::size_t{byte(0)} << 16) | (std::size_t{byte(1)} << 8) | byte(2);
        if (input_.size() < 9 + size) break;
        const char found = input_[3];
        input_.erase(0, 9 + size);
        if (found == type) return true;
      }
      char bytes[4096];
      pollfd polled{fd_, POLLIN, 0};
      if (::poll(&polled, 1, 30'000) <= 0) return false;
      const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
      if (got <= 0) return false;
      input_.append(bytes, static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_;
  std::string input_;
};

namespace http2 {

inline constexpr char kData = 0, kHeaders = 1, kSettings = 4, kPing = 6, kEndStream = 1, kEndHeaders = 4;

inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) text.push_back(static_cast<char>(value >> shift));
  return text;
}
inline std::string frame(char type, char flags, std::uint32_t stream, std::string_view payload) {
  std::string bytes = big_endian(payload.size(), 3);
  bytes.push_back(type);
  bytes.push_back(flags);
  return bytes.append(big_endian(stream, 4)).append(payload);
}
// The preface, and settings that grant streams this many bytes.
inline std::string hello(std::uint32_t window) {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
         frame(kSettings, 0, 0, big_endian(4, 2) + big_endian(window, 4));
}
inline std::string call(std::uint32_t stream, const std::string& method) {
  std::string block;
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{":method", "POST"},
                                                        {":scheme", "http"},
                                                        {":path", method},
                                                        {":authority", "localhost"},
                                                        {"te", "trailers"},
                                                        {"content-type", "application/grpc"}}) {
    block.push_back(0);  // a literal, not indexed
    block.push_back(static_cast<char>(name.size()));
    block.append(name);
    block.push_back(static_cast<char>(value.size()));
    block.append(value);
  }
  return frame(kHeaders, kEndHeaders, stream, block);
}
inline std::string message(std::uint32_t stream, const std::string& bytes, char flags = 0) {
  return frame(kData, flags, stream, std::string(1, '\0') + big_endian(bytes.size(), 4) + bytes);
}

}  // namespace http2
}  // namespace forebay::test
