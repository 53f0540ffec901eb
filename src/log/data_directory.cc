#include "log/data_directory.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/crc32c.h"
#include "base/endian.h"
#include "model/random_uuid.h"

namespace forebay::log {
namespace {

constexpr std::uint64_t kBootMagic = 0x31544f4f42424246;  // "FBBBOOT1"
constexpr std::size_t kBootRecordBytes = 40;
constexpr std::size_t kBootCopies = 2;
constexpr std::string_view kFormatFirstLine = "forebay data directory\n";
constexpr std::string_view kJournalSuffix = ".journal";
constexpr std::size_t kZeroFillBytes = 1U << 20;

template <typename T>
bool parse_all(std::string_view text, T& value) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Takes "key: value\n" off the front.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view key) {
  if (!text.starts_with(key)) return std::nullopt;
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view value = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return value;
}

std::string crc_line(std::string_view text) {
  char line[32];
  std::snprintf(line, sizeof line, "crc32c: %08x\n", crc32c(as_bytes(text)));
  return line;
}

// What a crash in the middle of making a data directory may leave.
bool is_ours_unfinished(const io::DirectoryEntry& entry) {
  return !entry.is_directory && (entry.name == "LOCK" || entry.name == "BOOT" || entry.name == "BOOT.tmp" ||
                                 entry.name == "FORMAT.tmp");
}

Result<Identity> read_identity(io::FileSystem& fs, const std::string& path) {
  FOREBAY_TRY(const std::string text, io::read_file(fs, path + "/FORMAT"));
  auto identity = decode_format(text);
  if (!identity)
    return Error{identity.error().code, "data directory " + path + ": " + identity.error().context};
  return identity;
}

Result<void> write_identity(io::FileSystem& fs, const std::string& path, const Identity& identity) {
  return io::write_file_atomically(fs, path + "/FORMAT", as_bytes(encode_format(kFormatVersion, identity)));
}

// Nothing was ever started here: whoever made the directory may have failed at, or died before, the sync of
// its last name. Without FORMAT a later start would take all of it for a stranger's.
Result<void> write_identity_again_if_new(io::FileSystem& fs, const std::string& path) {
  const auto bytes = io::read_file(fs, boot_path(path));
  const auto boot = bytes ? decode_boot(as_bytes(*bytes)) : Result<BootRecord>(bytes.error());
  if (!boot || boot->epoch.value() != 0) return {};  // a damaged BOOT is for recovery to refuse
  FOREBAY_TRY(const Identity identity, read_identity(fs, path));
  return write_identity(fs, path, identity);
}

Result<void> make_data_directory(io::FileSystem& fs, const std::string& path, runtime::Rng& rng) {
  // BOOT first, FORMAT last: a directory with FORMAT has had a BOOT.
  const std::vector<std::byte> boot = encode_boot({});
  FOREBAY_CHECK(io::write_file_atomically(fs, boot_path(path), boot));
  Identity identity;
  identity.disk = model::random_uuid(rng);
  return write_identity(fs, path, identity);
}

}  // namespace

std::vector<std::byte> encode_boot(const BootRecord& boot) {
  std::vector<std::byte> bytes(kBootCopies * io::kBlockBytes);
  for (std::size_t copy = 0; copy < kBootCopies; ++copy) {
    std::byte* to = bytes.data() + copy * io::kBlockBytes;
    store_le(to, kBootMagic);
    store_le(to + 12, kFormatVersion);
    store_le(to + 16, boot.epoch.value());
    store_le(to + 24, boot.seed);
    store_le(to + 32, boot.shard_count);
    store_le(to + 8, crc32c({to + 12, kBootRecordBytes - 12}));
  }
  return bytes;
}

Result<BootRecord> decode_boot(ByteSpan bytes) {
  for (std::size_t copy = 0; copy < kBootCopies; ++copy) {
    const std::size_t at = copy * io::kBlockBytes;
    if (at + kBootRecordBytes > bytes.size()) break;
    const std::byte* from = bytes.data() + at;
    if (load_le<std::uint64_t>(from) != kBootMagic) continue;
    if (load_le<std::uint32_t>(from + 8) != crc32c({from + 12, kBootRecordBytes - 12})) continue;
    if (load_le<std::uint32_t>(from + 12) != kFormatVersion) continue;
    BootRecord boot;
    boot.epoch = model::BootEpoch(load_le<std::uint64_t>(from + 16));
    boot.seed = load_le<std::uint64_t>(from + 24);
    boot.shard_count = load_le<std::uint32_t>(from + 32);
    return boot;
  }
  return Error{ErrorCode::kStorageFailed,
               "BOOT is damaged: it does not say which journal is in force; nothing was touched"};
}

std::string encode_format(std::uint32_t version, const Identity& identity) {
  std::string text(kFormatFirstLine);
  text += "format: " + std::to_string(version) + "\ndisk: " + identity.disk.to_string() + "\n";
  return text + crc_line(text);
}

Result<Identity> decode_format(std::string_view text) {
  if (!text.starts_with(kFormatFirstLine)) {
    return Error{ErrorCode::kFailedPrecondition, "FORMAT is not that of a Forebay data directory"};
  }
  const Error damaged{ErrorCode::kStorageFailed, "FORMAT is damaged; nothing was touched"};
  // A newer version may have more lines; the last one is the checksum of all before in every version.
  const std::size_t last_line = text.size() < 2 ? 0 : text.rfind('\n', text.size() - 2) + 1;
  if (text.substr(last_line) != crc_line(text.substr(0, last_line))) return damaged;
  text.remove_prefix(kFormatFirstLine.size());
  const auto version_text = take_line(text, "format: ");
  std::uint32_t version = 0;
  if (!version_text || !parse_all(*version_text, version)) return damaged;
  if (version > kFormatVersion) {
    return Error{ErrorCode::kNewerFormat, "the data directory has format " + std::to_string(version) +
                                              ", this program knows up to " + std::to_string(kFormatVersion) +
                                              ": use a newer one; nothing was touched"};
  }
  const auto disk_text = take_line(text, "disk: ");
  const auto disk = disk_text ? model::Uuid::parse(*disk_text) : std::nullopt;
  if (!disk) return damaged;
  return Identity{*disk};
}

std::string boot_path(const std::string& data_dir) { return data_dir + "/BOOT"; }
std::string journal_root(const std::string& data_dir) { return data_dir + "/journal"; }
std::string journal_directory(const std::string& data_dir, model::BootEpoch epoch) {
  return journal_root(data_dir) + "/" + std::to_string(epoch.value());
}
std::string journal_file_name(std::uint32_t shard, std::uint64_t number) {
  return std::to_string(shard) + "-" + std::to_string(number) + std::string(kJournalSuffix);
}

std::optional<JournalFileName> parse_journal_file_name(std::string_view name) {
  if (!name.ends_with(kJournalSuffix)) return std::nullopt;
  name.remove_suffix(kJournalSuffix.size());
  const std::size_t dash = name.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  JournalFileName result;
  if (!parse_all(name.substr(0, dash), result.shard)) return std::nullopt;
  if (!parse_all(name.substr(dash + 1), result.number)) return std::nullopt;
  return result;
}

std::optional<model::BootEpoch> parse_epoch_directory_name(std::string_view name) {
  std::uint64_t epoch = 0;
  if (!parse_all(name, epoch) || epoch == 0) return std::nullopt;
  return model::BootEpoch(epoch);
}

Result<void> create_journal_file(io::FileSystem& fs, const std::string& directory, const std::string& name,
                                 std::uint64_t bytes) {
  const std::string path = directory + "/" + name;
  const auto fill = [&]() -> Result<void> {
    FOREBAY_TRY(const auto file, fs.open(path, io::OpenMode::kCreate, io::Caching::kDirect));
    FOREBAY_CHECK(file->allocate(bytes));
    const io::AlignedBuffer zeros(std::min<std::uint64_t>(kZeroFillBytes, bytes));
    for (std::uint64_t at = 0; at < bytes; at += zeros.size()) {
      FOREBAY_CHECK(
          file->write_now(at, zeros.span().first(std::min<std::uint64_t>(zeros.size(), bytes - at))));
    }
    FOREBAY_CHECK(file->sync_now());
    return fs.sync_directory(directory);
  };
  Result<void> filled = fill();
  if (!filled && fs.exists(path)) {
    // The error that matters is the first one.
    if (const auto removed = fs.remove_file(path); !removed) return filled;
  }
  return filled;
}

Result<DataDirectory> open_data_directory(io::FileSystem& fs, const std::string& path, runtime::Rng& rng) {
  if (!fs.exists(path)) FOREBAY_CHECK(fs.create_directories(path));
  FOREBAY_TRY(const auto before, fs.list(path));
  const bool has_format = std::any_of(before.begin(), before.end(),
                                      [](const io::DirectoryEntry& entry) { return entry.name == "FORMAT"; });
  if (!has_format) {
    for (const io::DirectoryEntry& entry : before) {
      if (entry.name == "lost+found" || is_ours_unfinished(entry)) continue;
      return Error{ErrorCode::kFailedPrecondition,
                   path + " is neither empty nor a Forebay data directory (it holds '" + entry.name +
                       "'); nothing was touched"};
    }
  } else {
    // Judged before the lock file is made: what is not ours stays untouched.
    FOREBAY_TRY([[maybe_unused]] const Identity identity, read_identity(fs, path));
  }
  DataDirectory directory;
  directory.path = path;
  FOREBAY_TRY(directory.lock, fs.lock(path + "/LOCK"));
  FOREBAY_CHECK(fs.exists(path + "/FORMAT") ? write_identity_again_if_new(fs, path)
                                            : make_data_directory(fs, path, rng));
  FOREBAY_TRY(directory.identity, read_identity(fs, path));
  return directory;
}

}  // namespace forebay::log
