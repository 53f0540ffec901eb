#include "io/peer_session.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <string>
#include <utility>

namespace forebay::io {

namespace {

// Of one session in one turn, before the others and the disk have theirs.
constexpr std::size_t kReadBytesPerTurn = 512U << 10;
constexpr std::size_t kWriteBytesPerTurn = 2U << 20;
constexpr std::size_t kStretchesPerWrite = 64;

std::string shown(const PeerShard& peer) {
  return "shard " + std::to_string(peer.shard) + " of node " + std::to_string(peer.node.value());
}

}  // namespace

PeerSession::PeerSession(Peer peer, PeerSocket socket, std::span<std::byte> buffer, PeerStats& stats,
                         Owner& owner)
    : peer_(std::move(peer)),
      socket_(std::move(socket)),
      buffer_(buffer),
      stats_(stats),
      owner_(owner),
      in_([this](PeerMessage message) {
        ++stats_.messages_received;
        owner_.message_arrived(*this, std::move(message));
        return !ended_.has_value();
      }) {}

void PeerSession::start() {
  if (!ended_) wait_readable();
}

bool PeerSession::send(PeerMessage message) {
  if (ended_) return false;
  if (message.bytes() > kPeerMessageBytesMax || message.pieces.size() > kPeerPiecesMax) {
    end(Error{ErrorCode::kInternal, "a message of " + std::to_string(message.bytes()) + " bytes in " +
                                        std::to_string(message.pieces.size()) + " pieces was to be sent to " +
                                        shown(peer_.shard) + "; that is too large for one message"});
    return false;
  }
  if (!out_.admits(message)) {
    end(Error{ErrorCode::kResourceExhausted, shown(peer_.shard) +
                                                 " does not read: " + std::to_string(out_.bytes()) +
                                                 " bytes wait to be sent to it"});
    return false;
  }
  ++stats_.messages_sent;
  out_.push(std::move(message));
  if (!blocked_) request_turn();
  return true;
}

void PeerSession::end(Error why) {
  if (ended_) return;
  ended_ = std::move(why);
  socket_.close();
  owner_.has_ended(*this);
}

Error PeerSession::socket_error(const char* what, int error_number) const {
  return Error{ErrorCode::kUnavailable,
               std::string(what) + " " + shown(peer_.shard) + ": " + socket_error_text(error_number)};
}

void PeerSession::flush() {
  std::size_t total = 0;
  bool room_is_back = false;
  while (!ended_ && !blocked_ && !out_.empty() && total < kWriteBytesPerTurn) {
    std::array<iovec, kStretchesPerWrite> stretches;
    msghdr header{};
    header.msg_iov = stretches.data();
    header.msg_iovlen = out_.gather(stretches);
    const ssize_t sent = ::sendmsg(socket_.number(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      blocked_ = true;
      socket_.when_writable([this] {
        blocked_ = false;
        request_turn();
      });
      break;
    }
    if (sent < 0) {
      end(socket_error("cannot send to", errno));
      break;
    }
    const auto bytes = static_cast<std::size_t>(sent);
    total += bytes;
    stats_.bytes_sent += bytes;
    room_is_back = out_.taken(bytes) || room_is_back;
  }
  if (room_is_back && !ended_) owner_.room_is_back(*this);
}

void PeerSession::request_turn() {
  if (!std::exchange(turn_requested_, true)) owner_.wants_turn(*this);
}

PeerSession::Next PeerSession::turn() {
  turn_requested_ = false;
  flush();
  if (ended_) return Next::kWaits;
  if (!blocked_ && !out_.empty()) request_turn();
  if (reading_ == Reading::kMore) return Next::kReadMore;
  if (reading_ == Reading::kDrained) wait_readable();
  return Next::kWaits;
}

// Only at the end of a turn: within one the answer would come in the same turn, and a fast peer would make it
// endless.
void PeerSession::wait_readable() {
  reading_ = Reading::kWaits;
  socket_.when_readable([this] { read(); });
}

void PeerSession::read() {
  reading_ = Reading::kDrained;
  request_turn();
  std::size_t total = 0;
  while (!ended_) {
    const std::array<iovec, 2> into = in_.wanted(buffer_);
    const ssize_t got = ::readv(socket_.number(), into.data(), into.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got < 0) return end(socket_error("cannot read from", errno));
    if (got == 0) {
      return end(Error{ErrorCode::kUnavailable, shown(peer_.shard) + " closed the connection" +
                                                    (in_.between_messages() ? "" : " within a message")});
    }
    const auto bytes = static_cast<std::size_t>(got);
    stats_.bytes_received += bytes;
    auto goes_on = in_.arrived(bytes, buffer_);
    if (!goes_on) {
      return end(Error{ErrorCode::kUnavailable,
                       "what " + shown(peer_.shard) + " sent is damaged: " + goes_on.error().context});
    }
    if (!*goes_on) return;
    // Less than was asked for: nothing is left there.
    if (bytes < into[0].iov_len + into[1].iov_len) return;
    total += bytes;
    if (total >= kReadBytesPerTurn) {
      reading_ = Reading::kMore;
      return;
    }
  }
}

}  // namespace forebay::io
