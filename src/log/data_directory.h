// The marker files of a data directory and the names of its journal files. Byte by byte:
// docs/format/data-directory.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file_system.h"
#include "log/recovery.h"

namespace forebay::log {

// The journal in force.
struct BootRecord {
  model::BootEpoch epoch;         // 0: the directory is new, there is no journal yet
  std::uint32_t shard_count = 0;  // of that epoch
  std::uint64_t seed = 0;         // random; stands in every round of the epoch
  friend bool operator==(const BootRecord&, const BootRecord&) = default;
};

// Two copies of the record, a block apart: one flipped bit does not stop a start.
[[nodiscard]] std::vector<std::byte> encode_boot(const BootRecord& boot);
// Errors: kStorageFailed when neither copy is right.
[[nodiscard]] Result<BootRecord> decode_boot(ByteSpan bytes);

// Text: "forebay data directory", "format: N", "disk: UUID", "crc32c: 8 hex digits of all before".
[[nodiscard]] std::string encode_format(std::uint32_t version, const Identity& identity);
// Errors: kNewerFormat, kStorageFailed (damaged), kFailedPrecondition (not ours).
[[nodiscard]] Result<Identity> decode_format(std::string_view text);

[[nodiscard]] std::string boot_path(const std::string& data_dir);
[[nodiscard]] std::string journal_root(const std::string& data_dir);
[[nodiscard]] std::string journal_directory(const std::string& data_dir, model::BootEpoch epoch);
[[nodiscard]] std::string journal_file_name(std::uint32_t shard, std::uint64_t number);

struct JournalFileName {
  std::uint32_t shard = 0;
  std::uint64_t number = 0;
};
[[nodiscard]] std::optional<JournalFileName> parse_journal_file_name(std::string_view name);
[[nodiscard]] std::optional<model::BootEpoch> parse_epoch_directory_name(std::string_view name);

// A journal file of zeros, synced, its directory too. Blocking. After an error nothing is left behind.
[[nodiscard]] Result<void> create_journal_file(io::FileSystem& fs, const std::string& directory,
                                               const std::string& name, std::uint64_t bytes);

}  // namespace forebay::log
