// What we do not know is kept, out of the way, in <data>/quarantine: never deleted. And the look around in a
// partition's folder at start, which finds it. Blocking: for the pool and for start-up.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "log/core/journal_record.h"
#include "log/core/state_snapshot.h"

namespace forebay::log {

// A copy of a damaged file, made once: <data>/quarantine/<topic id>-<partition>-<file name>. What cannot be
// read is zeros in the copy.
[[nodiscard]] Result<void> quarantine_copy(io::FileSystem& fs, const std::string& data_dir,
                                           const model::TopicPartition& id, const std::string& path);
// A damaged file that is in use no more: it goes where its copy is there, else it is moved there itself. One
// that is missing is no error.
[[nodiscard]] Result<void> quarantine_damaged(io::FileSystem& fs, const std::string& data_dir,
                                              const model::TopicPartition& id, const std::string& path);
// A file or folder that does not belong where it is: moved to <data>/quarantine/<name>, or <name>.2, .3 ...
[[nodiscard]] Result<void> quarantine_move(io::FileSystem& fs, const std::string& data_dir,
                                           const std::string& path, const std::string& name);

struct FolderState {
  model::TopicPartition id;
  std::vector<SegmentMeta> segments;  // that recovery knows
  model::LogPosition end;
  bool damaged = false;      // then nothing is redundant
  model::BootEpoch current;  // files of this start are in use
  // What lies beyond the end from there on was cut.
  std::optional<model::LogPosition> lowest_truncation = std::nullopt;
};
struct FolderReport {
  std::vector<SegmentMeta> missing;
  std::vector<std::pair<SegmentMeta, std::uint64_t>> disk_bytes;  // of those that are there, index included
  std::vector<StateFile> states;
  std::uint64_t removed_files = 0;  // of ours, redundant: a crash left them
  std::vector<std::string> quarantined;
};
// Compares a partition's folder with what recovery knows. Files of ours that a crash left behind go when
// every frame in them is elsewhere (the log is whole and reaches beyond them) or was cut; everything else
// that is unknown goes to quarantine.
[[nodiscard]] Result<FolderReport> tidy_partition_folder(io::FileSystem& fs, const std::string& data_dir,
                                                         const FolderState& state);

// The folder of a removed replica, if it is there, to <data>/trash/<topic id>-<partition>-<time in ms>.
[[nodiscard]] Result<void> move_to_trash(io::FileSystem& fs, const std::string& data_dir,
                                         const model::TopicPartition& id, model::Timestamp now);

struct UnknownFolders {
  std::vector<std::string> moved;     // paths as they were
  std::vector<std::string> problems;  // what could not be looked at or moved, and stays
};
// Whatever lies under topics/ and belongs to no partition in `known` (list those that were removed too:
// theirs are moved to the trash): to quarantine, before anything is served. It does what it can: nothing
// depends on it.
[[nodiscard]] UnknownFolders quarantine_unknown_folders(io::FileSystem& fs, const std::string& data_dir,
                                                        std::span<const model::TopicPartition> known);

}  // namespace forebay::log
