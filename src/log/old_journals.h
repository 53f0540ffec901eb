// The journals that an earlier start of the daemon has left: which there are, and what they hold.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "log/core/journal_scan.h"
#include "log/core/recovery_fold.h"
#include "log/data_directory.h"
#include "log/recovery.h"

namespace forebay::log {

struct OldFile {
  std::string name;
  std::string path;
  std::uint64_t number = 0;
  std::uint64_t size_bytes = 0;
};

// The journals of the epoch in force, shard by shard.
struct OldJournals {
  BootRecord boot;
  std::map<std::uint32_t, std::vector<OldFile>> files;
  std::vector<std::string> directories;  // of every epoch that is there
  model::BootEpoch highest_epoch;
};

[[nodiscard]] Result<OldJournals> find_journals(io::FileSystem& fs, const std::string& data_dir);

// Reads the old journals and folds them.
class OldJournalReader {
 public:
  OldJournalReader(io::FileSystem& fs, const BootRecord& boot, RecoveryReport& report)
      : fs_(fs), boot_(boot), report_(report) {}

  struct ShardState {
    FoldResult fold;
    std::vector<std::string> damaged_files;
    bool clean = false;
    bool whole = false;  // nothing of the journal is missing, as far as it can say
  };
  // Errors: none of the journal's content; a file that cannot be read counts as rotten.
  [[nodiscard]] ShardState read_shard(std::uint32_t shard, const std::vector<OldFile>& files);

  // The payloads of the frames of all tails, in one pass over each file: partitions lie mixed in it. A frame
  // that reads differently now becomes damage. Returns: one tail for each partition.
  [[nodiscard]] std::vector<std::vector<FramePtr>> read_tails(std::vector<FoldedPartition>& partitions,
                                                              const std::vector<OldFile>& files);

  // True once a frame of read_tails could not be had: the files it is in must be kept.
  [[nodiscard]] bool frames_unread() const { return frames_unread_; }

 private:
  // A part of a file that the disk did not give.
  struct Unreadable {
    std::string path;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  // Rounds that follow `last` can only lie right behind it or at the head of a file.
  [[nodiscard]] bool may_hide_rounds(const ScannedRound& last, const std::vector<OldFile>& files) const;

  // Returns: whether there were any.
  bool drop_unread(FoldedPartition& folded, std::vector<FramePtr>& tail);

  std::size_t read_whole(const OldFile& file);

  FramePtr read_frame(const ScannedFrame& frame, const OldFile& file);

  bool load_window(const OldFile& file, std::uint64_t offset, std::size_t bytes);

  io::FileSystem& fs_;
  const BootRecord boot_;
  RecoveryReport& report_;
  std::vector<Unreadable> unreadable_;  // of the shard being read
  bool frames_unread_ = false;
  io::AlignedBuffer buffer_;
  std::unique_ptr<io::File> open_file_;
  std::string open_path_;
  std::string window_file_;
  std::uint64_t window_begin_ = 0;
  std::uint64_t window_end_ = 0;
};

}  // namespace forebay::log
