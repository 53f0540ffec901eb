// Open segment files and loaded indexes of a shard, both bounded, least recently used first to go. What is
// not there is opened or loaded on the blocking pool. Thread rules: everything on the shard.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "log/log_shard.h"
#include "log/segment_io.h"

namespace forebay::log {

class SegmentStore {
 public:
  static constexpr std::size_t kOpenFilesMax = 256;
  static constexpr std::uint64_t kIndexBytesMax = 16ULL << 20;
  static constexpr runtime::Duration kFileIdle = std::chrono::seconds(30);

  using FilePtr = std::shared_ptr<io::File>;
  using IndexPtr = std::shared_ptr<const SegmentIndex>;
  struct LoadedIndex {
    IndexPtr index;
    std::vector<SegmentCursor::Damaged>
        damage;  // when it had to be made from the segment: what was wrong there
  };
  using FileDone = UniqueFunction<void(Result<FilePtr>)>;
  using IndexDone = UniqueFunction<void(Result<LoadedIndex>)>;

  explicit SegmentStore(LogEnvironment& environment) : env_(environment) {}

  // For reading. `done` is called at once when the file is open. Errors: kNotFound, kStorageFailed.
  void open(const SegmentRef& segment, FileDone done);
  // `done` is called at once when the index is loaded. Errors: as open.
  void index(const SegmentRef& segment, std::uint32_t interval_bytes, IndexDone done);
  void put_index(std::uint64_t serial, IndexPtr index);
  // The file is gone or replaced, or its end has moved.
  void forget(std::uint64_t serial);
  void forget_index(std::uint64_t serial);
  void close_idle();

  [[nodiscard]] std::size_t open_files() const { return files_.size(); }
  [[nodiscard]] std::uint64_t index_bytes() const { return index_bytes_; }

 private:
  struct OpenFile {
    FilePtr file;
    runtime::TimePoint used;
    std::list<std::uint64_t>::iterator place;
  };
  struct KeptIndex {
    IndexPtr index;
    std::list<std::uint64_t>::iterator place;
  };

  LogEnvironment& env_;
  std::unordered_map<std::uint64_t, OpenFile> files_;
  std::list<std::uint64_t> files_by_use_;  // the latest first
  std::unordered_map<std::uint64_t, std::vector<FileDone>> opening_;
  std::unordered_map<std::uint64_t, KeptIndex> indexes_;
  std::list<std::uint64_t> indexes_by_use_;
  std::unordered_map<std::uint64_t, std::vector<IndexDone>> loading_;
  std::uint64_t index_bytes_ = 0;
  Lifetime lifetime_;
};

}  // namespace forebay::log
