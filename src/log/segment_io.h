// Segments and their indexes on disk: names, walking a whole file, indexes as files. Blocking: for the pool
// and for tools, never on a shard.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "log/core/index.h"
#include "log/core/journal_record.h"
#include "log/core/segment_layout.h"

namespace forebay::log {

[[nodiscard]] std::string topic_directory(const std::string& data_dir, const model::TopicId& topic);
[[nodiscard]] std::string partition_directory(const std::string& data_dir, const model::TopicPartition& id);
[[nodiscard]] std::string segment_path(const std::string& data_dir, const model::TopicPartition& id,
                                       const SegmentMeta& segment);
// The index lies beside its segment: the same name, .idx instead of .log.
[[nodiscard]] std::string index_path(const std::string& data_dir, const model::TopicPartition& id,
                                     const SegmentMeta& segment);
[[nodiscard]] std::string index_file_name(const SegmentMeta& segment);

// Walks the frames of a segment file from the beginning, a bounded window at a time.
class SegmentWalk {
 public:
  static constexpr std::size_t kWindowBytes = 1U << 20;

  // Errors: kNotFound, kStorageFailed.
  [[nodiscard]] static Result<SegmentWalk> open(io::FileSystem& fs, const std::string& data_dir,
                                                const model::TopicPartition& id, const SegmentMeta& segment);
  // The next frame or damaged range (never NeedMore); a payload is good until the next call.
  // Errors: kStorageFailed.
  [[nodiscard]] Result<SegmentCursor::Step> next();
  [[nodiscard]] std::uint64_t position() const { return cursor_.position(); }

 private:
  SegmentWalk(std::unique_ptr<io::File> file, SegmentCursor cursor)
      : file_(std::move(file)), cursor_(cursor) {}
  [[nodiscard]] Result<void> fill(std::uint64_t bytes);

  std::unique_ptr<io::File> file_;
  SegmentCursor cursor_;
  io::AlignedBuffer buffer_;
  std::uint64_t buffer_at_ = 0;  // file position of its first byte
  std::size_t buffered_ = 0;
};

// The index and everything that is wrong with the file.
struct SegmentScan {
  SegmentIndex index;
  std::vector<SegmentCursor::Damaged> damage;
};
// Errors: kNotFound, kStorageFailed.
[[nodiscard]] Result<SegmentScan> scan_segment(io::FileSystem& fs, const std::string& data_dir,
                                               const model::TopicPartition& id, const SegmentMeta& segment,
                                               std::uint32_t index_interval_bytes);

// Replaces the index file. Not synced: an index that a crash tears fails its checksum and is made again.
// Returns: its size.
Result<std::uint64_t> write_index(io::FileSystem& fs, const std::string& data_dir,
                                  const model::TopicPartition& id, const SegmentMeta& segment,
                                  const SegmentIndex& index);
// Errors: whatever is wrong with it.
[[nodiscard]] Result<SegmentIndex> read_index(io::FileSystem& fs, const std::string& data_dir,
                                              const model::TopicPartition& id, const SegmentMeta& segment);
// The index file, or when it is missing, damaged or stale: a scan, and, if the segment is whole, a new index
// file (best effort).
[[nodiscard]] Result<SegmentScan> load_index(io::FileSystem& fs, const std::string& data_dir,
                                             const model::TopicPartition& id, const SegmentMeta& segment,
                                             std::uint32_t index_interval_bytes);

}  // namespace forebay::log
