#include "cli/log_input.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "log/segment_io.h"

namespace forebay::cli {
namespace {

namespace fs = std::filesystem;

Error system_error(const std::string& path, int number) {
  return Error{number == ENOENT ? ErrorCode::kNotFound : ErrorCode::kStorageFailed,
               path + ": " + std::strerror(number)};
}

Result<void> read_journal_files(const std::string& directory, DirectoryState& state) {
  std::map<std::uint32_t, std::map<std::uint64_t, std::string>> files;
  std::error_code error;
  for (const auto& entry :
       fs::directory_iterator(log::journal_directory(directory, state.boot.epoch), error)) {
    const auto name = log::parse_journal_file_name(entry.path().filename().string());
    if (name) files[name->shard][name->number] = entry.path().string();
  }
  for (std::uint32_t shard = 0; shard < state.boot.shard_count; ++shard) {
    DirectoryState::Shard& target = state.shards.emplace_back();
    for (const auto& [number, path] : files[shard]) {
      FOREBAY_TRY(InputFile file, InputFile::open(path));
      FOREBAY_TRY(const ByteSpan bytes, file.whole());
      const log::JournalFileIdentity identity{state.boot.epoch, state.boot.seed, shard, number};
      target.scans.push_back(
          log::scan_journal_file(bytes, identity, static_cast<std::uint32_t>(target.files.size())));
      target.files.push_back(path);
      state.journal_bytes += file.size_bytes();
    }
    const log::JournalChain chain = log::chain_rounds(target.scans);
    log::RecoveryFold fold;
    for (const log::ChainLink& link : chain.links) fold.apply(*link.round, link.lost_before);
    target.links = chain.links.size();
    target.rotten_rounds = chain.rotten_rounds;
    target.torn_bytes = chain.torn_bytes;
    target.fold = fold.finish();
  }
  return {};
}

}  // namespace

bool is_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

std::string file_name(const std::string& path) { return fs::path(path).filename().string(); }

Result<InputFile> InputFile::open(const std::string& path) {
  InputFile file;
  file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file.descriptor_ < 0) return system_error(path, errno);
  struct stat status {};
  if (::fstat(file.descriptor_, &status) != 0) return system_error(path, errno);
  file.path_ = path;
  file.size_bytes_ = static_cast<std::uint64_t>(status.st_size);
  return file;
}

InputFile::InputFile(InputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      size_bytes_(other.size_bytes_),
      window_(std::move(other.window_)),
      window_at_(other.window_at_) {}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

ByteSpan InputFile::window(std::uint64_t position) const {
  if (position < window_at_ || position >= window_at_ + window_.size()) return {};
  return ByteSpan(window_).subspan(static_cast<std::size_t>(position - window_at_));
}

Result<void> InputFile::fill(std::uint64_t position, std::uint64_t bytes) {
  const std::uint64_t there = position < size_bytes_ ? size_bytes_ - position : 0;
  window_.resize(static_cast<std::size_t>(std::min(std::max<std::uint64_t>(bytes, kWindowBytes), there)));
  window_at_ = position;
  std::size_t got = 0;
  while (got < window_.size()) {
    const ssize_t count =
        ::pread(descriptor_, window_.data() + got, window_.size() - got, static_cast<off_t>(position + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error(path_, errno);
    if (count == 0) break;
    got += static_cast<std::size_t>(count);
  }
  window_.resize(got);
  return {};
}

Result<ByteSpan> InputFile::whole() {
  FOREBAY_CHECK(fill(0, size_bytes_));
  return window(0);
}

Result<bool> InputFile::zeros_from(std::uint64_t position) {
  while (position < size_bytes_) {
    FOREBAY_CHECK(fill(position, kWindowBytes));
    const ByteSpan here = window(position);
    if (here.empty()) return true;
    if (!is_zero(here)) return false;
    position += here.size();
  }
  return true;
}

Result<LoneSegment> identify_segment(InputFile& file, const std::string& path) {
  const auto named = log::parse_segment_file_name(file_name(path));
  LoneSegment segment;
  bool found = false;
  for (std::uint64_t at = 0; at < file.size_bytes() && !found; at += log::kSegmentBlockBytes) {
    FOREBAY_CHECK(file.fill(at, InputFile::kWindowBytes));
    const auto header = log::decode_frame_header(file.window(at));
    if (!header) continue;
    segment.id = header->partition;
    segment.meta.begin = named ? named->begin : header->begin;
    found = true;
  }
  if (!found) return Error{ErrorCode::kCorruptBatch, path + ": no frame in it"};
  if (named) {
    segment.meta.boot_epoch = named->boot_epoch;
    segment.meta.generation = named->generation;
  }
  segment.meta.end = kNowhere;
  segment.meta.size_bytes = file.size_bytes();
  return segment;
}

Result<log::JournalFileIdentity> identify_journal(ByteSpan bytes, const std::string& path) {
  std::optional<log::RoundHeader> newest;
  for (std::uint64_t at = 0; at + log::kRoundBlockBytes <= bytes.size(); at += log::kRoundBlockBytes) {
    const ByteSpan here = bytes.subspan(static_cast<std::size_t>(at));
    const auto header = log::decode_round_header(here);
    if (!header || !log::round_crc_matches(*header, here)) continue;
    if (!newest || newest->sequence < header->sequence) newest = *header;
  }
  if (!newest) return Error{ErrorCode::kCorruptBatch, path + ": no valid round in it"};
  return log::JournalFileIdentity{newest->boot_epoch, newest->epoch_seed, newest->shard, newest->file_number};
}

Result<DirectoryUse> DirectoryUse::begin(const std::string& directory) {
  DirectoryUse use;
  use.descriptor_ = ::open((directory + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC);
  if (use.descriptor_ >= 0 && ::flock(use.descriptor_, LOCK_SH | LOCK_NB) != 0) {
    return Error{ErrorCode::kLocked,
                 directory + " is in use by a daemon: stop it first, or name single files"};
  }
  return use;
}

DirectoryUse::DirectoryUse(DirectoryUse&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

DirectoryUse::~DirectoryUse() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::string> read_text(const std::string& path) {
  FOREBAY_TRY(InputFile file, InputFile::open(path));
  FOREBAY_TRY(const ByteSpan bytes, file.whole());
  return std::string(as_text(bytes));
}

Result<LoneState> read_state(const std::string& path) {
  FOREBAY_TRY(std::string text, read_text(path));
  const SharedBytes file = SharedBytes::take(std::move(text));
  LoneState lone;
  FOREBAY_TRY(lone.id, log::partition_of_state(file.span()));
  FOREBAY_TRY(lone.state, log::decode_state(lone.id, file));
  if (log::parse_state_file_name(file_name(path)) != lone.state.position)
    return Error{ErrorCode::kCorruptBatch,
                 "the state at " + lone.state.position.to_string() + " lies under another one's name"};
  return lone;
}

std::vector<std::string> state_paths(const std::string& directory, const model::TopicPartition& id) {
  std::vector<std::string> paths;
  std::error_code error;
  for (auto it = fs::directory_iterator(log::partition_directory(directory, id), error);
       !error && it != fs::directory_iterator(); it.increment(error)) {
    if (it->is_regular_file() && log::parse_state_file_name(it->path().filename().string()))
      paths.push_back(it->path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string topic_name(const std::string& directory, const model::TopicId& topic) {
  const auto text = read_text(log::topic_directory(directory, topic) + "/NAME");
  std::string name = text ? *text : std::string();
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return name;
}

Result<DirectoryState> read_directory(const std::string& directory) {
  DirectoryState state;
  FOREBAY_TRY(const std::string format, read_text(directory + "/FORMAT"));
  FOREBAY_TRY(state.identity, log::decode_format(format));
  FOREBAY_TRY(const std::string boot, read_text(log::boot_path(directory)));
  FOREBAY_TRY(state.boot, log::decode_boot(as_bytes(boot)));
  FOREBAY_CHECK(read_journal_files(directory, state));
  return state;
}

}  // namespace forebay::cli
