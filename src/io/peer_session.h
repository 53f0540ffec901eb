// One session over one connection: messages out in one gathered write for each turn, messages in as they
// come. Owned by one shard. It never calls its owner inside send() or end() but for has_ended() and
// wants_turn(), which only take note.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "io/peer_in_stream.h"
#include "io/peer_out_queue.h"
#include "io/peer_socket.h"
#include "io/peer_stats.h"

namespace forebay::io {

class PeerSession {
 public:
  class Owner {
   public:
    // The session's turn() is called at the end of this turn of the shard.
    virtual void wants_turn(PeerSession& session) = 0;
    virtual void has_ended(PeerSession& session) = 0;
    virtual void message_arrived(PeerSession& session, PeerMessage message) = 0;
    virtual void room_is_back(PeerSession& session) = 0;

   protected:
    ~Owner() = default;
  };
  struct Peer {
    PeerShard shard;
    PeerHello hello;
    std::uint64_t attempt = 0;
  };

  // `buffer`: PeerInStream::kBufferBytes, shared with other sessions of the shard.
  PeerSession(Peer peer, PeerSocket socket, std::span<std::byte> buffer, PeerStats& stats, Owner& owner);
  PeerSession(const PeerSession&) = delete;
  PeerSession& operator=(const PeerSession&) = delete;

  [[nodiscard]] const Peer& peer() const { return peer_; }
  void start();  // receiving
  // Returns: false when the session has ended, perhaps by this.
  [[nodiscard]] bool send(PeerMessage message);
  [[nodiscard]] std::size_t room() const { return ended_ ? 0 : out_.room(); }
  [[nodiscard]] std::size_t queue_bytes() const { return out_.bytes(); }
  void end(Error why);
  // Why, once it has ended.
  [[nodiscard]] const std::optional<Error>& ended() const { return ended_; }

  void flush();  // sends what is queued
  enum class Next { kWaits, kReadMore };
  // Sends, and waits for what comes. kReadMore: there is more to read, call read() in the next turn.
  [[nodiscard]] Next turn();
  void read();

 private:
  enum class Reading {
    kWaits,    // the socket tells when there is something
    kDrained,  // nothing is there; to be waited for at the end of the turn
    kMore,     // enough for this turn
  };
  void request_turn();
  void wait_readable();
  [[nodiscard]] Error socket_error(const char* what, int error_number) const;

  const Peer peer_;
  PeerSocket socket_;
  std::span<std::byte> buffer_;
  PeerStats& stats_;
  Owner& owner_;
  PeerOutQueue out_;
  PeerInStream in_;
  std::optional<Error> ended_;
  Reading reading_ = Reading::kWaits;
  bool turn_requested_ = false;
  bool blocked_ = false;  // the network takes nothing now; the socket tells when it does
};

}  // namespace forebay::io
