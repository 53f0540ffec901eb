// Where the producers of an encoded state (producer_snapshot.h) lie in it: in blocks of about 4 KiB, each
// with a checksum of its own, so that one producer is looked up in a file with one small read. Some 40 bytes
// of memory for a hundred producers. Not a part of the file: made when it is written, and when it is read
// whole. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/shared_bytes.h"
#include "model/ids.h"
#include "partition/core/producer_state.h"

namespace forebay::partition {

// Of an encoded state, before its first producer.
inline constexpr std::size_t kProducersHeadBytes = 8;

class ProducerIndex {
 public:
  struct Block {
    model::ProducerId first;
    std::uint32_t begin = 0;  // [begin, end) of the bytes of the state
    std::uint32_t end = 0;
    std::uint32_t crc = 0;    // CRC-32C of these
    model::Timestamp oldest;  // last_time of those that may be forgotten: none is older
    [[nodiscard]] bool is_whole(ByteSpan bytes) const;
    friend bool operator==(const Block&, const Block&) = default;
  };
  // The next one, by ascending id: its bytes follow those of the one before.
  void add(model::ProducerId id, const ProducerState& state, ByteSpan encoded);

  // Nothing: the state does not have this producer. A block may not have it all the same.
  [[nodiscard]] std::optional<Block> block_of(model::ProducerId id) const;
  [[nodiscard]] std::uint64_t count() const { return count_; }  // producers
  [[nodiscard]] std::uint64_t bytes() const;                    // of the state
  // Of how many blocks a producer would be forgotten; looks at every block.
  [[nodiscard]] std::size_t blocks_with_silent(model::Timestamp before) const;
  friend bool operator==(const ProducerIndex&, const ProducerIndex&) = default;

 private:
  std::vector<Block> blocks_;
  model::ProducerId last_;  // with blocks
  std::uint64_t count_ = 0;
};

}  // namespace forebay::partition
