#include "partition/core/producer_index.h"

#include <algorithm>
#include <limits>

#include "base/crc32c.h"

namespace forebay::partition {
namespace {

constexpr std::uint32_t kBlockBytes = 4096;
constexpr model::Timestamp kNever(std::numeric_limits<std::int64_t>::max());

}  // namespace

bool ProducerIndex::Block::is_whole(ByteSpan bytes) const {
  return bytes.size() == end - begin && crc32c(bytes) == crc;
}

void ProducerIndex::add(model::ProducerId id, const ProducerState& state, ByteSpan encoded) {
  if (blocks_.empty() || blocks_.back().end - blocks_.back().begin >= kBlockBytes) {
    const auto begin = static_cast<std::uint32_t>(bytes());
    blocks_.push_back({.first = id, .begin = begin, .end = begin, .crc = 0, .oldest = kNever});
  }
  Block& block = blocks_.back();
  block.end += static_cast<std::uint32_t>(encoded.size());
  block.crc = crc32c_extend(block.crc, encoded);
  if (!state.named) block.oldest = std::min(block.oldest, state.last_time);
  last_ = id;
  ++count_;
}

std::optional<ProducerIndex::Block> ProducerIndex::block_of(model::ProducerId id) const {
  if (blocks_.empty() || id > last_) return std::nullopt;
  const auto behind =
      std::upper_bound(blocks_.begin(), blocks_.end(), id,
                       [](model::ProducerId one, const Block& block) { return one < block.first; });
  if (behind == blocks_.begin()) return std::nullopt;
  return *std::prev(behind);
}

std::uint64_t ProducerIndex::bytes() const {
  return blocks_.empty() ? kProducersHeadBytes : blocks_.back().end;
}

std::size_t ProducerIndex::blocks_with_silent(model::Timestamp before) const {
  return static_cast<std::size_t>(std::count_if(
      blocks_.begin(), blocks_.end(), [before](const Block& block) { return block.oldest < before; }));
}

}  // namespace forebay::partition
