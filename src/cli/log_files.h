// Reads the files of a data directory while no daemon uses it: what is in them, and what is wrong. Changes
// nothing. Thread rules: one thread; blocking.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/value.h"

namespace forebay::cli {

enum class LogPath : std::uint8_t { kDataDirectory, kSegment, kJournal, kState };
// Errors: kNotFound, kInvalidArgument (nothing of ours).
[[nodiscard]] Result<LogPath> recognise_log_path(const std::string& path);

// One line of a dump: an object whose member "kind" says what it is. Return false to stop.
using EmitLine = std::function<bool(const Value& line)>;
enum class DumpRecords : std::uint8_t { kNo, kYes };

// A segment: its frames, with their records if wanted. A journal file: its rounds. A state file: of what it
// is. A data directory: what its marker files and journals say of each partition and which states it has, if
// wanted with all its frames and records. Errors:
// kNotFound, kStorageFailed, kLocked, kNewerFormat.
[[nodiscard]] Result<void> dump_log(const std::string& path, DumpRecords records, const EmitLine& emit);

struct LogProblem {
  enum class Severity : std::uint8_t {
    kDamage,   // something that was written is lost or wrong
    kWarning,  // nothing is lost: an index to be made again, a write that a crash cut short
  };
  Severity severity = Severity::kDamage;
  std::string file;
  std::uint64_t position = 0;  // byte in the file
  std::string what;
};

struct LogVerification {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t frames = 0;
  std::uint64_t batches = 0;
  std::uint64_t records = 0;
  std::uint64_t rounds = 0;
  std::vector<LogProblem> problems;
  [[nodiscard]] bool ok() const;
};

// Every checksum, the order of the frames, every record; of a data directory also that the files which its
// journals name are there. `progress` hears of the bytes read so far. Errors: as dump_log.
[[nodiscard]] Result<void> verify_log(const std::string& path, LogVerification& result,
                                      const std::function<void(std::uint64_t)>& progress);

}  // namespace forebay::cli
