// What the files of one shard's journal hold: every valid round, then the chain of those that count. Pure:
// bytes in, rounds out; arbitrary bytes are fine.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "log/core/round.h"

namespace forebay::log {

// What a round must say to belong here.
struct JournalFileIdentity {
  model::BootEpoch epoch;
  std::uint64_t seed = 0;
  std::uint32_t shard = 0;
  std::uint64_t file_number = 0;
};

struct FrameLocation {
  std::uint32_t file = 0;    // index of the scanned file, as the caller counts
  std::uint64_t offset = 0;  // of the frame's first byte in it
};
struct ScannedFrame {
  FrameHeader header;
  FrameLocation at;
};
struct ScannedRound {
  RoundHeader header;
  std::uint32_t file = 0;
  std::uint64_t file_offset = 0;
  std::vector<RoundDirectoryEntry> directory;
  std::vector<PartitionRecord> repeated;
  std::vector<std::variant<ScannedFrame, PartitionRecord>> entries;
  std::vector<std::byte> checkpoint_part;
  std::uint32_t unreadable_entries = 0;
};

// A place that says it is a round of this journal and is not whole: torn, rotten, or overwritten in part.
struct BrokenRound {
  RoundSequence sequence;
  RoundSequence previous;
  std::uint32_t file = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t bytes = 0;
};

struct FileScan {
  std::vector<ScannedRound> rounds;  // in the file's order
  std::vector<BrokenRound> broken;
};
[[nodiscard]] FileScan scan_journal_file(ByteSpan bytes, const JournalFileIdentity& identity,
                                         std::uint32_t file);

struct ChainLink {
  const ScannedRound* round = nullptr;
  std::uint64_t lost_before = 0;  // rounds between the one before and this one that are not there
};
struct JournalChain {
  std::vector<ChainLink> links;     // oldest first
  std::uint64_t rotten_rounds = 0;  // sum of lost_before
  std::uint64_t torn_bytes = 0;     // of a last round that did not get whole
  // A broken round behind the newest valid one says that it followed a round which is not there: that one was
  // durable, and is lost.
  bool end_is_lost = false;
};
// Orders the rounds of all files of one shard. What an error left behind (abandoned) and what a reused file
// still holds (below live_from) is left out.
[[nodiscard]] JournalChain chain_rounds(std::span<const FileScan> files);

}  // namespace forebay::log
