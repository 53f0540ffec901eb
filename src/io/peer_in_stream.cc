#include "io/peer_in_stream.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/endian.h"

namespace forebay::io {

PeerInStream::PeerInStream(UniqueFunction<bool(PeerMessage)> deliver)
    : deliver_(std::move(deliver)), left_(prefix_bytes_) {}

std::array<iovec, 2> PeerInStream::wanted(std::span<std::byte> buffer) {
  return {iovec{left_.data(), left_.size()},
          iovec{buffer.data(), std::min(buffer.size(), read_ahead_bytes_)}};
}

Result<bool> PeerInStream::arrived(std::size_t bytes, std::span<const std::byte> buffer) {
  const std::size_t straight = std::min(bytes, left_.size());
  left_ = left_.subspan(straight);
  ByteSpan rest = buffer.first(bytes - straight);
  for (;;) {
    while (left_.empty()) {
      FOREBAY_TRY(const bool goes_on, next_part());
      if (!goes_on) return false;
    }
    if (rest.empty()) return true;
    const std::size_t count = std::min(rest.size(), left_.size());
    std::memcpy(left_.data(), rest.data(), count);
    left_ = left_.subspan(count);
    rest = rest.subspan(count);
  }
}

// The part that was read is whole.
Result<bool> PeerInStream::next_part() {
  switch (part_) {
    case Part::kPrefix:
      FOREBAY_CHECK(begin_body());
      return true;
    case Part::kBody:
      FOREBAY_CHECK(take_body());
      break;
    case Part::kPiece:
      break;
  }
  if (message_.pieces.size() < piece_bytes_.size()) {
    begin_piece();
    return true;
  }
  read_ahead_bytes_ = has_large_piece_ ? kShortReadAheadBytes : kBufferBytes;
  part_ = Part::kPrefix;
  left_ = prefix_bytes_;
  return deliver_(std::exchange(message_, {}));
}

Result<void> PeerInStream::begin_body() {
  FOREBAY_TRY(prefix_, decode_prefix(prefix_bytes_));
  part_ = Part::kBody;
  has_large_piece_ = false;
  // The prefix has its own checksum: a length that is no length ends the session before memory is taken.
  body_.resize(prefix_.lengths_bytes() + prefix_.header_bytes);
  left_ = std::as_writable_bytes(std::span(body_));
  return {};
}

Result<void> PeerInStream::take_body() {
  FOREBAY_CHECK(check_body(prefix_, as_bytes(body_)));
  piece_bytes_.resize(prefix_.piece_count);
  for (std::size_t i = 0; i < piece_bytes_.size(); ++i) {
    piece_bytes_[i] = load_le<std::uint32_t>(as_bytes(body_).data() + i * sizeof(std::uint32_t));
  }
  body_.erase(0, prefix_.lengths_bytes());
  message_.header = std::exchange(body_, {});
  message_.pieces.reserve(piece_bytes_.size());
  return {};
}

void PeerInStream::begin_piece() {
  part_ = Part::kPiece;
  const std::size_t bytes = piece_bytes_[message_.pieces.size()];
  if (bytes == 0) {
    message_.pieces.emplace_back();
    left_ = {};
    return;
  }
  if (bytes >= kLargePieceBytes) {
    has_large_piece_ = true;
    read_ahead_bytes_ = kShortReadAheadBytes;
  }
  // One allocation for the count and the bytes, and no zeroing of what is overwritten.
  auto memory = std::make_shared_for_overwrite<std::byte[]>(bytes);
  left_ = {memory.get(), bytes};
  const ByteSpan span = left_;
  message_.pieces.emplace_back(std::move(memory), span, bytes);
}

}  // namespace forebay::io
