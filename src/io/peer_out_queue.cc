#include "io/peer_out_queue.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "io/peer_codec.h"

namespace forebay::io {

bool PeerOutQueue::admits(const PeerMessage& message) const {
  const std::size_t bytes = message.bytes();
  if (!message.pieces.empty() && room() >= peer_room_wanted(bytes)) return true;
  return bytes_ + bytes + kMessagePrefixBytes <= bytes_max_;
}

void PeerOutQueue::push(PeerMessage message) {
  const bool had_room = !message.pieces.empty() && room() >= peer_room_wanted(message.bytes());
  prefix_.clear();
  encode_prefix(message, prefix_);
  append_copy(prefix_);
  if (message.header.size() <= kCopiedBytesMax) {
    append_copy(as_bytes(message.header));
  } else {
    append_owned(SharedBytes::take(std::move(message.header)));
  }
  for (SharedBytes& piece : message.pieces) {
    if (piece.size() <= kCopiedBytesMax) {
      append_copy(piece.span());
    } else {
      append_owned(std::move(piece));
    }
  }
  // What one large message takes beyond the bound is no fault of those behind it.
  if (had_room) bytes_max_ = std::max(bytes_max_, bytes_ + kPeerQueueSlackBytes);
}

void PeerOutQueue::append_copy(ByteSpan bytes) {
  while (!bytes.empty()) {
    if (block_ == nullptr || block_used_ == kBlockBytes) {
      block_ = std::make_shared_for_overwrite<std::byte[]>(kBlockBytes);
      block_used_ = 0;
    }
    std::byte* const to = block_.get() + block_used_;
    const std::size_t count = std::min(bytes.size(), kBlockBytes - block_used_);
    std::memcpy(to, bytes.data(), count);
    block_used_ += count;
    bytes_ += count;
    bytes = bytes.subspan(count);
    if (!stretches_.empty() && stretches_.back().data + stretches_.back().bytes == to &&
        stretches_.back().owner == block_) {
      stretches_.back().bytes += count;
    } else {
      stretches_.push_back({block_, to, count});
    }
  }
}

void PeerOutQueue::append_owned(SharedBytes bytes) {
  bytes_ += bytes.size();
  stretches_.push_back({bytes.owner(), bytes.data(), bytes.size()});
}

std::size_t PeerOutQueue::gather(std::span<iovec> into) const {
  const std::size_t count = std::min(into.size(), stretches_.size());
  auto stretch = stretches_.begin();
  for (std::size_t i = 0; i < count; ++i, ++stretch) {
    into[i] = {const_cast<std::byte*>(stretch->data), stretch->bytes};
  }
  return count;
}

bool PeerOutQueue::taken(std::size_t bytes) {
  FOREBAY_ASSERT(bytes <= bytes_);
  const bool short_before = room() < kPeerQueueBytes / 2;
  bytes_ -= bytes;
  while (bytes > 0) {
    Stretch& first = stretches_.front();
    const std::size_t count = std::min(bytes, first.bytes);
    first.data += count;
    first.bytes -= count;
    bytes -= count;
    if (first.bytes == 0) stretches_.pop_front();
  }
  if (bytes_ <= kPeerQueueBytes) bytes_max_ = kPeerQueueBytes + kPeerQueueSlackBytes;
  if (stretches_.empty()) block_used_ = 0;  // nobody looks into the block any more
  return short_before && room() >= kPeerQueueBytes / 2;
}

}  // namespace forebay::io
