// Writes what recovery found as the first rounds of a new boot epoch, for one shard. Blocking; plain writes,
// durable after finish().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "log/core/round.h"
#include "log/journal_seed.h"

namespace forebay::log {

class RecoveryWriter {
 public:
  struct Place {
    std::string data_dir;
    model::BootEpoch epoch;
    std::uint64_t epoch_seed = 0;
    std::uint32_t shard = 0;
    model::Timestamp wall_now;
  };
  RecoveryWriter(io::FileSystem& fs, const JournalConfig& config, Place place);

  // The state of all partitions, which stands at the head of every file; `end` of each is its true end.
  [[nodiscard]] Result<void> start(std::vector<CheckpointEntry> checkpoint);
  [[nodiscard]] Result<void> add(const FramePtr& frame);
  // A checkpoint that proves the ends, an empty round that proves the checkpoint; then syncs. The directory
  // is the caller's to sync.
  [[nodiscard]] Result<JournalSeed> finish();

 private:
  [[nodiscard]] Result<void> open_file();
  [[nodiscard]] Result<void> close_file();
  [[nodiscard]] Result<void> write_checkpoint();
  [[nodiscard]] Result<void> write_frames();
  [[nodiscard]] Result<void> write_round(RoundWriter& writer, RoundHeader header);
  [[nodiscard]] RoundHeader next_header(RoundKind kind) const;
  [[nodiscard]] Error too_small() const;
  [[nodiscard]] std::span<std::byte> buffer_for(std::size_t bytes);

  io::FileSystem& fs_;
  const JournalConfig config_;
  JournalSeed seed_;
  model::Timestamp wall_now_;
  std::vector<CheckpointEntry> checkpoint_;  // `end`: as far as frames are written
  std::vector<KnownEnd> true_ends_;
  std::map<model::TopicPartition, std::size_t> place_in_checkpoint_;
  std::vector<std::byte> directory_;  // of the last round
  std::vector<FramePtr> pending_;
  std::size_t pending_bytes_ = 0;
  io::AlignedBuffer buffer_;
  std::unique_ptr<io::File> file_;
};

// Parts of a checkpoint are cut to this, so that a small file takes them too.
[[nodiscard]] std::size_t checkpoint_part_bytes(const JournalConfig& config);

}  // namespace forebay::log
