// Files of a data directory, read without a daemon and without trust: windows over large files, the frames of
// a segment, the state that the journals describe. Changes nothing. Thread rules: one thread; blocking.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "log/core/journal_scan.h"
#include "log/core/recovery_fold.h"
#include "log/core/segment_layout.h"
#include "log/core/state_snapshot.h"
#include "log/data_directory.h"

namespace forebay::cli {

inline constexpr std::size_t kRecordsBytesMax = 256U << 20;  // of one batch, decompressed
// Stands for the end of a segment whose end nobody knows.
inline constexpr model::LogPosition kNowhere{model::Offset(std::numeric_limits<std::int64_t>::max()),
                                             std::numeric_limits<std::uint32_t>::max()};

[[nodiscard]] bool is_zero(ByteSpan bytes);
[[nodiscard]] std::string file_name(const std::string& path);
[[nodiscard]] Result<std::string> read_text(const std::string& path);  // all of a small file

// A file, read through a window that moves forward.
class InputFile {
 public:
  static constexpr std::size_t kWindowBytes = 1U << 20;

  // Errors, here and below: kNotFound, kStorageFailed.
  [[nodiscard]] static Result<InputFile> open(const std::string& path);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  // What the window holds from `position` on.
  [[nodiscard]] ByteSpan window(std::uint64_t position) const;
  // Afterwards it holds `bytes` from `position` on, or all there is.
  [[nodiscard]] Result<void> fill(std::uint64_t position, std::uint64_t bytes);
  // All of it. Requires: a file that is bounded by nature (journal files, markers, indexes).
  [[nodiscard]] Result<ByteSpan> whole();
  // True when nothing but zeros follows.
  [[nodiscard]] Result<bool> zeros_from(std::uint64_t position);

 private:
  InputFile() = default;
  int descriptor_ = -1;
  std::string path_;
  std::uint64_t size_bytes_ = 0;
  std::vector<std::byte> window_;
  std::uint64_t window_at_ = 0;
};

// Walks a segment. `visit` gets every step but NeedMore and returns false to stop.
template <typename Visit>
[[nodiscard]] Result<void> walk_segment(InputFile& file, const model::TopicPartition& id,
                                        const log::SegmentMeta& meta, Visit&& visit) {
  log::SegmentCursor cursor(id, meta, {0, meta.begin});
  cursor.file_ends_at(file.size_bytes());
  for (;;) {
    const log::SegmentCursor::Step step = cursor.next(file.window(cursor.position()));
    if (const auto* more = std::get_if<log::SegmentCursor::NeedMore>(&step)) {
      FOREBAY_CHECK(file.fill(cursor.position(), more->bytes));
      continue;
    }
    if (!visit(step) || std::holds_alternative<log::SegmentCursor::Finished>(step)) return {};
  }
}

// A segment file alone: which partition it belongs to stands in its frames, where it ends nobody knows.
struct LoneSegment {
  model::TopicPartition id;
  log::SegmentMeta meta;
};
// Errors: kCorruptBatch when there is no frame in it.
[[nodiscard]] Result<LoneSegment> identify_segment(InputFile& file, const std::string& path);
// A journal file alone: its rounds say which journal they are of. Errors: kCorruptBatch when there is none.
[[nodiscard]] Result<log::JournalFileIdentity> identify_journal(ByteSpan bytes, const std::string& path);

// A state file says whose it is.
struct LoneState {
  model::TopicPartition id;
  log::StateSnapshot state;
};
// Errors: kNotFound, kStorageFailed, kCorruptBatch (damaged, or under a wrong name), kNewerFormat.
[[nodiscard]] Result<LoneState> read_state(const std::string& path);
// Of the state files of a partition, in order.
[[nodiscard]] std::vector<std::string> state_paths(const std::string& directory,
                                                   const model::TopicPartition& id);

// Held while a data directory is read: a running daemon would make what is read look torn. Errors: kLocked.
class DirectoryUse {
 public:
  [[nodiscard]] static Result<DirectoryUse> begin(const std::string& directory);
  DirectoryUse(DirectoryUse&& other) noexcept;
  DirectoryUse& operator=(DirectoryUse&&) = delete;
  ~DirectoryUse();

 private:
  DirectoryUse() = default;
  int descriptor_ = -1;
};

// From the file that is there for people; empty when there is none.
[[nodiscard]] std::string topic_name(const std::string& directory, const model::TopicId& topic);

// What the marker files and the journals of a data directory say.
struct DirectoryState {
  log::Identity identity;
  log::BootRecord boot;
  struct Shard {
    std::vector<std::string> files;
    std::vector<log::FileScan> scans;
    std::uint64_t links = 0;
    std::uint64_t rotten_rounds = 0;
    std::uint64_t torn_bytes = 0;
    log::FoldResult fold;
  };
  std::vector<Shard> shards;
  std::uint64_t journal_bytes = 0;
};
// Errors: kNewerFormat, kFailedPrecondition (not ours), kNotFound, kStorageFailed.
[[nodiscard]] Result<DirectoryState> read_directory(const std::string& directory);

}  // namespace forebay::cli
