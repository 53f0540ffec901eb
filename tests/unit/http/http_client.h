// A client of HTTP over loopback, for tests of the server.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "config/address.h"

namespace forebay::http::testing_http {

// A client that does exactly what the test says. Reads give up after 20 s, so that a hang is a failure.
class Client {
 public:
  explicit Client(const config::Address& address)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    ::inet_pton(AF_INET, address.host.c_str(), &to.sin_addr);
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  // False when the server has closed.
  bool send(std::string_view text) { return ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) >= 0; }
  // Everything up to the server's closing.
  std::string read_all() {
    while (read_more()) {
    }
    return std::exchange(buffer_, {});
  }
  // So many bytes at most; 0: the server has closed.
  std::size_t read_some(std::size_t most) {
    std::string bytes(most, '\0');
    const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  // One answer with its body, by its Content-Length.
  std::string read_answer() {
    std::size_t head_end = std::string::npos;
    while ((head_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) return std::exchange(buffer_, {});
    }
    const std::size_t length_at = buffer_.find("Content-Length: ");
    const std::size_t body = length_at < head_end ? std::stoul(buffer_.substr(length_at + 16)) : 0;
    while (buffer_.size() < head_end + 4 + body) {
      if (!read_more()) break;
    }
    std::string answer = buffer_.substr(0, head_end + 4 + body);
    buffer_.erase(0, answer.size());
    return answer;
  }
  void reset_connection() {
    const linger hard{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }
  void finish_sending() { ::shutdown(socket_, SHUT_WR); }

 private:
  bool read_more() {
    std::array<char, 65'536> bytes;
    const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) ADD_FAILURE() << "the server does not answer";
    if (count <= 0) return false;
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    return true;
  }
  int socket_;
  bool connected_ = false;
  std::string buffer_;
};

inline std::string body_of(const std::string& answer) {
  const std::size_t head_end = answer.find("\r\n\r\n");
  return head_end == std::string::npos ? "" : answer.substr(head_end + 4);
}

}  // namespace forebay::http::testing_http
