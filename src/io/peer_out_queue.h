// What one session has to send, in order, as the network takes it. Pieces are not copied: their owners are
// kept until the network has them. What is small (prefixes, headers, small pieces) is copied together, so
// that many small messages are one stretch of memory. Owned by one shard.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "io/peer_transport.h"

namespace forebay::io {

class PeerOutQueue {
 public:
  // Below this a copy is cheaper than a stretch of its own for the kernel to look at.
  static constexpr std::size_t kCopiedBytesMax = 2U << 10;

  // Whether `message` may be queued now: it waited for its room, or what nobody waits for is within the
  // slack.
  [[nodiscard]] bool admits(const PeerMessage& message) const;
  // Requires: within kPeerMessageBytesMax and kPeerPiecesMax.
  void push(PeerMessage message);

  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }  // not yet taken
  [[nodiscard]] std::size_t room() const { return bytes_ < kPeerQueueBytes ? kPeerQueueBytes - bytes_ : 0; }

  // Describes what is to be sent next, as much as `into` holds. Returns: how many of them it filled.
  [[nodiscard]] std::size_t gather(std::span<iovec> into) const;
  // The network took so many of the first bytes. Returns: true when by this half of the bound is free again.
  [[nodiscard]] bool taken(std::size_t bytes);

 private:
  static constexpr std::size_t kBlockBytes = 32U << 10;  // of small things copied together

  struct Stretch {
    std::shared_ptr<const void> owner;
    const std::byte* data;
    std::size_t bytes;
  };
  void append_copy(ByteSpan bytes);
  void append_owned(SharedBytes bytes);

  std::deque<Stretch> stretches_;
  std::size_t bytes_ = 0;
  std::size_t bytes_max_ =
      kPeerQueueBytes + kPeerQueueSlackBytes;  // higher behind one message larger than that
  std::shared_ptr<std::byte[]> block_;
  std::size_t block_used_ = 0;
  std::vector<std::byte> prefix_;  // only used within push
};

}  // namespace forebay::io
