// Stands between a client and a server, and can freeze: then it takes bytes and hands none on, as a node does
// that is stopped while its kernel still answers.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace forebay::client {

class TcpRelay {
 public:
  explicit TcpRelay(const std::string& server)
      : target_(address_of(static_cast<std::uint16_t>(std::stoi(server.substr(server.rfind(':') + 1))))) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any = address_of(0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t size = sizeof any;
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size), 0);
    port_ = ntohs(any.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~TcpRelay() {
    stopping_ = true;
    wake();
    thread_.join();
    for (const int fd : {listener_, wake_}) ::close(fd);
  }
  TcpRelay(const TcpRelay&) = delete;
  TcpRelay& operator=(const TcpRelay&) = delete;

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void freeze() {
    frozen_ = true;
    wake();
  }

 private:
  static sockaddr_in address_of(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  void wake() {
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(wake_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  void run() {
    std::vector<std::pair<int, int>> pipes;  // from, to; the next one is the way back
    while (!stopping_) {
      std::vector<pollfd> polled{{wake_, POLLIN, 0}};
      if (!frozen_) {
        polled.push_back({listener_, POLLIN, 0});
        for (const auto& [from, to] : pipes) polled.push_back({from, POLLIN, 0});
      }
      if (::poll(polled.data(), polled.size(), -1) < 0) continue;
      std::uint64_t count = 0;
      if (polled[0].revents != 0) (void)!::read(wake_, &count, sizeof count);
      if (frozen_ || stopping_) continue;
      const std::size_t known = pipes.size();
      for (std::size_t i = 0; i < known; ++i) {
        if (polled[2 + i].revents != 0 && !pass(pipes[i].first, pipes[i].second)) {
          ::shutdown(pipes[i].second, SHUT_RDWR);
          pipes[i].first = -1;  // not polled any more
        }
      }
      if (polled[1].revents != 0) {
        const int client = ::accept(listener_, nullptr, nullptr);
        const int server = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        (void)::connect(server, reinterpret_cast<const sockaddr*>(&target_), sizeof target_);
        pipes.emplace_back(client, server);
        pipes.emplace_back(server, client);
        sockets_.insert(sockets_.end(), {client, server});
      }
    }
    for (const int fd : sockets_) ::close(fd);
  }
  static bool pass(int from, int to) {
    std::array<char, 16384> bytes;
    const ssize_t got = ::read(from, bytes.data(), bytes.size());
    for (ssize_t sent = 0; sent < got;) {
      const ssize_t now = ::send(to, bytes.data() + sent, static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (now <= 0) return false;
      sent += now;
    }
    return got > 0;
  }

  const sockaddr_in target_;
  int listener_ = -1;
  const int wake_ = ::eventfd(0, EFD_CLOEXEC);
  std::uint16_t port_ = 0;
  std::atomic<bool> frozen_{false};
  std::atomic<bool> stopping_{false};
  std::vector<int> sockets_;
  std::thread thread_;
};

}  // namespace forebay::client
