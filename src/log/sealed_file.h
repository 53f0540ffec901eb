// A segment file that is made whole, beside those in use: what compaction and repair put in the place of
// others. Frames go in, pieces go out; nothing counts before finish(). Blocking: for the pool.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "log/core/frame.h"
#include "log/core/index.h"
#include "log/core/journal_record.h"

namespace forebay::log {

// A file that takes the place of others.
struct SealedSegment {
  SegmentMeta meta;
  SegmentTimes times;
  std::uint64_t disk_bytes = 0;  // index included
};

class SealedFile {
 public:
  // `meta`: begin, end and name. References outlive it.
  SealedFile(io::FileSystem& fs, const std::string& data_dir, const model::TopicPartition& id,
             const SegmentMeta& meta, std::uint32_t index_interval_bytes)
      : fs_(fs), data_dir_(data_dir), id_(id), meta_(meta), index_(index_interval_bytes) {}

  // Errors: kDiskFull, kStorageFailed, as those of the others.
  [[nodiscard]] Result<void> create();
  // In the order of the log.
  [[nodiscard]] Result<void> add(Frame frame);
  // Afterwards the file is on stable storage, its name too.
  [[nodiscard]] Result<SealedSegment> finish();
  // It came to nothing.
  void discard();

 private:
  [[nodiscard]] Result<void> write_piece();

  io::FileSystem& fs_;
  const std::string& data_dir_;
  model::TopicPartition id_;
  SegmentMeta meta_;
  SegmentIndex index_;
  std::unique_ptr<io::File> file_;
  std::vector<FramePtr> pending_;
  std::uint64_t pending_bytes_ = 0;
};

}  // namespace forebay::log
