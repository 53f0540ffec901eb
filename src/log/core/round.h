// One round of the journal: what one durable write carries for all partitions of a shard. Byte by byte:
// docs/format/journal.md.
//
// header | directory: what the round before did, partition by partition | entries | zeros to the block's end
//
// The CRC covers everything behind it up to the block's end; the boot epoch's random seed stands under it, so
// that neither a round of another epoch nor bytes that a client chose can pass for a round.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "log/core/frame.h"
#include "log/core/journal_codec.h"

namespace forebay::log {

inline constexpr std::size_t kRoundHeaderBytes = 128;
// Rounds begin at multiples of this and fill whole ones.
inline constexpr std::size_t kRoundBlockBytes = 4096;
inline constexpr std::size_t kRoundEntryHeaderBytes = 8;

[[nodiscard]] constexpr std::size_t round_blocks_bytes(std::size_t bytes) {
  return (bytes + kRoundBlockBytes - 1) / kRoundBlockBytes * kRoundBlockBytes;
}

enum class RoundKind : std::uint8_t {
  kData = 1,        // frames and records
  kCheckpoint = 2,  // one part of a checkpoint
  kIdle = 3,        // nothing but the directory: written once when the shard goes idle
};

// Numbers the rounds of one shard in one boot epoch, from 1; a number is never used for two contents.
using RoundSequence = StrongId<struct RoundSequenceTag, std::uint64_t>;

struct RoundHeader {
  RoundKind kind = RoundKind::kData;
  bool clean = false;  // the shard was stopped with nothing left to write
  model::BootEpoch boot_epoch;
  std::uint64_t epoch_seed = 0;
  std::uint32_t shard = 0;
  std::uint64_t file_number = 0;
  RoundSequence sequence;
  // The round this one follows, and its CRC. 0 for the first of an epoch. After a failed write it names the
  // last good round: those between were abandoned, they are not lost.
  RoundSequence previous;
  std::uint32_t previous_crc = 0;
  // Rounds below this are not needed any more; what is missing from here on is rot.
  RoundSequence live_from;
  // The file that the journal goes on in when this one is full; 0: not known yet. If it is missing at
  // recovery, nobody knows what it held.
  std::uint64_t next_file = 0;
  model::Timestamp wall_time;
  std::uint32_t checkpoint_part = 0;   // kCheckpoint: 0-based
  std::uint32_t checkpoint_parts = 0;  // in all
  RoundSequence checkpoint_id;         // sequence of its first part
  // Set by seal() and decode_round_header().
  std::uint32_t used_bytes = 0;  // header, directory and entries
  std::uint32_t directory_bytes = 0;
  std::uint32_t crc = 0;
  [[nodiscard]] std::size_t blocks_bytes() const { return round_blocks_bytes(used_bytes); }
  friend bool operator==(const RoundHeader&, const RoundHeader&) = default;
};

// What the directory says of one partition that was in the round before: enough to know what a rotten round
// held, and that nothing else was in it.
struct RoundDirectoryEntry {
  model::TopicPartition id;
  std::optional<KnownEnd> end;            // of the log, after that round
  std::optional<HardState> hard_state;    // after that round; nothing when the journal does not know it
  std::optional<model::LogPosition> cut;  // lowest truncation in that round
  friend bool operator==(const RoundDirectoryEntry&, const RoundDirectoryEntry&) = default;
};

// Sections are appended to plain byte vectors or, for a frame, written straight into the round's buffer.
void put_directory_entry(WireWriter& out, const RoundDirectoryEntry& entry);
// A record with its entry header; used both among the entries and, repeated, in the next round's directory.
void put_record_entry(std::vector<std::byte>& out, const model::TopicPartition& id,
                      const JournalRecord& record);

// Assembles one round in a caller's buffer. Requires: the buffer has room for all that is added, rounded up
// to whole blocks.
class RoundWriter {
 public:
  RoundWriter() = default;  // to be assigned to
  explicit RoundWriter(std::span<std::byte> buffer);
  // The bytes made by put_directory_entry / put_record_entry for the round before. Call first, at most once.
  void add_directory(ByteSpan directory);
  void add_frame(const Frame& frame);
  void add_record(ByteSpan record_entry);  // as made by put_record_entry
  void add_checkpoint_part(ByteSpan part);
  [[nodiscard]] std::size_t used_bytes() const { return used_bytes_; }
  // Takes what was added so far into the checksum: now, while it is in the processor's cache, instead of in
  // seal().
  void checksum();
  // Writes header and padding. Returns: the whole blocks to be written. Sets used_bytes, directory_bytes,
  // crc.
  [[nodiscard]] ByteSpan seal(RoundHeader& header);

  [[nodiscard]] static constexpr std::size_t frame_entry_bytes(const Frame& frame) {
    return kRoundEntryHeaderBytes + kFrameHeaderBytes + frame.header.payload_bytes;
  }

 private:
  std::byte* put_entry_header(std::uint8_t type, std::size_t body_bytes);

  std::span<std::byte> buffer_;
  std::size_t used_bytes_ = kRoundHeaderBytes;
  std::size_t directory_bytes_ = 0;
  std::uint32_t content_crc_ = 0;                     // of what lies behind the header
  std::size_t content_crc_upto_ = kRoundHeaderBytes;  // and before this
};

// Seals again a round that seal() has sealed before: new header fields, same content (it is written elsewhere
// after a failed write).
[[nodiscard]] ByteSpan reseal_round(std::span<std::byte> buffer, RoundHeader& header);

// Reads the header alone: magic, version, lengths within `bytes`; not the CRC. Errors: kCorruptBatch. (A
// newer format is refused by the FORMAT file before any journal is read.)
[[nodiscard]] Result<RoundHeader> decode_round_header(ByteSpan bytes);
// True when the CRC of the round at the front of `bytes` is right.
[[nodiscard]] bool round_crc_matches(const RoundHeader& header, ByteSpan bytes);

// One frame of a round: its header and where the frame begins in the round.
struct RoundFrame {
  FrameHeader header;
  std::uint32_t offset = 0;
};
struct RoundContent {
  std::vector<RoundDirectoryEntry> directory;
  std::vector<PartitionRecord> repeated;  // records of the round before, in their order
  std::vector<std::variant<RoundFrame, PartitionRecord>> entries;
  ByteSpan checkpoint_part;
  std::uint32_t unreadable_entries = 0;
};
// Takes a round apart whose CRC matched. Errors: kCorruptBatch when the structure is wrong (a bug or a
// forgery).
[[nodiscard]] Result<RoundContent> decode_round(const RoundHeader& header, ByteSpan bytes);

}  // namespace forebay::log
