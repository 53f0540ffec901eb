// A peer by hand: a blocking socket that says what a test tells it to, right or wrong.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "base/endian.h"
#include "io/peer_codec.h"
#include "io/peer_socket.h"

namespace forebay::io {

class RawPeer {
 public:
  explicit RawPeer(const PeerAddress& address, int receive_buffer_bytes = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer_bytes > 0) {
      ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVBUF, &receive_buffer_bytes,
                   sizeof receive_buffer_bytes);
    }
    const timeval patience{60, 0};  // a test that waits longer has failed
    ::setsockopt(socket_.number(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(address.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_.number(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) {
      ADD_FAILURE() << "cannot connect to the node";
    }
  }

  void send(ByteSpan bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0) return;  // the node has closed: what the test then expects
      bytes = bytes.subspan(static_cast<std::size_t>(sent));
    }
  }
  void send(const PeerHandshake& handshake) { send(encode_handshake(handshake)); }
  void send(const PeerMessage& message) {
    std::vector<std::byte> bytes;
    encode_prefix(message, bytes);
    send(bytes);
    send(as_bytes(message.header));
    for (const SharedBytes& piece : message.pieces) send(piece.span());
  }

  // Less than `count` when the node has closed.
  [[nodiscard]] std::vector<std::byte> read(std::size_t count) {
    std::vector<std::byte> bytes(count);
    std::size_t have = 0;
    while (have < count) {
      const ssize_t got = ::recv(socket_.number(), bytes.data() + have, count - have, 0);
      if (got <= 0) {
        closed_ = got == 0 || errno == ECONNRESET;
        break;
      }
      have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
  }
  [[nodiscard]] std::optional<PeerHandshake> read_handshake() {
    std::vector<std::byte> bytes = read(kPeerHandshakeHeadBytes);
    if (bytes.size() < kPeerHandshakeHeadBytes) return std::nullopt;
    const std::vector<std::byte> rest = read(handshake_bytes(bytes).value() - bytes.size());
    bytes.insert(bytes.end(), rest.begin(), rest.end());
    return decode_handshake(bytes).value();
  }
  [[nodiscard]] std::optional<PeerMessage> read_message() {
    const std::vector<std::byte> head = read(kMessagePrefixBytes);
    if (head.size() < kMessagePrefixBytes) return std::nullopt;
    const MessagePrefix prefix = decode_prefix(head).value();
    const std::vector<std::byte> body = read(prefix.lengths_bytes() + prefix.header_bytes);
    EXPECT_TRUE(check_body(prefix, body).has_value());
    PeerMessage message;
    message.header = as_text(ByteSpan(body).subspan(prefix.lengths_bytes()));
    for (std::size_t i = 0; i < prefix.piece_count; ++i) {
      message.pieces.push_back(SharedBytes::take(read(load_le<std::uint32_t>(body.data() + i * 4))));
    }
    return message;
  }
  // Waits for the node to close.
  [[nodiscard]] bool sees_close() {
    static_cast<void>(read(1));
    return closed_;
  }

 private:
  SocketHandle socket_;
  bool closed_ = false;
};

}  // namespace forebay::io
