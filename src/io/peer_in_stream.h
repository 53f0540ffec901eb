// Puts the bytes of one session together to messages again. Every part of a message has its own memory from
// its first byte on, and the socket is read straight into the part that is next; what comes behind that part
// lands in a buffer that all sessions of the shard share and is copied out of it at once. So an idle session
// holds no buffer, and of a stream of large pieces only their first few KiB are copied. Owned by one shard.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/unique_function.h"
#include "io/peer_codec.h"

namespace forebay::io {

class PeerInStream {
 public:
  // The shared buffer.
  static constexpr std::size_t kBufferBytes = 256U << 10;

  // `deliver` takes a whole message and says whether the session still is.
  explicit PeerInStream(UniqueFunction<bool(PeerMessage)> deliver);

  // Where the next bytes go. Nothing may happen to the stream before arrived().
  [[nodiscard]] std::array<iovec, 2> wanted(std::span<std::byte> buffer);
  // So many bytes have come there. Errors: kInvalidArgument, this is no stream of messages (any more).
  // Returns: false when `deliver` did.
  [[nodiscard]] Result<bool> arrived(std::size_t bytes, std::span<const std::byte> buffer);
  // Nothing of a message has come yet.
  [[nodiscard]] bool between_messages() const {
    return part_ == Part::kPrefix && left_.size() == kMessagePrefixBytes;
  }

 private:
  enum class Part { kPrefix, kBody, kPiece };
  // Pieces of at least this are worth a read of their own.
  static constexpr std::size_t kLargePieceBytes = 16U << 10;
  // Behind a large piece: the prefix and header of the next message and not much of its pieces.
  static constexpr std::size_t kShortReadAheadBytes = 4U << 10;

  [[nodiscard]] Result<bool> next_part();
  [[nodiscard]] Result<void> begin_body();
  [[nodiscard]] Result<void> take_body();
  void begin_piece();

  UniqueFunction<bool(PeerMessage)> deliver_;
  Part part_ = Part::kPrefix;
  std::span<std::byte> left_;  // of the part that is being read
  std::array<std::byte, kMessagePrefixBytes> prefix_bytes_{};
  MessagePrefix prefix_;
  std::string body_;  // lengths and header
  std::vector<std::uint32_t> piece_bytes_;
  PeerMessage message_;
  std::size_t read_ahead_bytes_ = kBufferBytes;
  bool has_large_piece_ = false;
};

}  // namespace forebay::io
