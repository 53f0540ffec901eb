#include "log/quarantine.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <set>

#include "log/segment_io.h"

namespace forebay::log {
namespace {

constexpr std::size_t kCopyBytes = 1U << 20;
constexpr int kNamesMax = 1000;
constexpr const char* kUnfinishedSuffix = ".tmp";
constexpr std::uint64_t kSpaceShare = 4;  // a copy may take this part of the free space at most

std::string quarantine_directory(const std::string& data_dir) { return data_dir + "/quarantine"; }

std::string file_name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string name_in_quarantine(const model::TopicPartition& id, const std::string& file_name) {
  return id.topic.to_string() + "-" + std::to_string(id.partition.value()) + "-" + file_name;
}

std::string index_name_of(std::string segment_name) {
  return segment_name.replace(segment_name.size() - 4, 4, ".idx");
}

// True when every frame that can be read in an unlisted segment file lies below the log's end, or was cut.
bool holds_nothing_of_use(io::FileSystem& fs, const std::string& data_dir, const FolderState& state,
                          SegmentMeta meta, std::uint64_t size_bytes) {
  const auto was_cut = [&](const model::LogPosition& at) {
    return state.lowest_truncation && at >= *state.lowest_truncation;
  };
  if (meta.begin > state.end && !was_cut(meta.begin)) return false;
  meta.end = {model::Offset(std::numeric_limits<std::int64_t>::max()), 0};
  meta.size_bytes = size_bytes;
  auto walk = SegmentWalk::open(fs, data_dir, state.id, meta);
  if (!walk) return false;
  for (;;) {
    const auto step = walk->next();
    if (!step) return false;
    if (std::holds_alternative<SegmentCursor::Finished>(*step)) return true;
    if (const auto* whole = std::get_if<SegmentCursor::Whole>(&*step)) {
      if (whole->header.end > state.end && !was_cut(whole->header.begin)) return false;
    }
  }
}

class FolderTidy {
 public:
  FolderTidy(io::FileSystem& fs, const std::string& data_dir, const FolderState& state)
      : fs_(fs), data_dir_(data_dir), state_(state), directory_(partition_directory(data_dir, state.id)) {}

  Result<FolderReport> run() {
    auto entries = fs_.list(directory_);
    if (!entries && entries.error().code != ErrorCode::kNotFound) return std::move(entries).error();
    if (entries) entries_ = *std::move(entries);
    for (const SegmentMeta& segment : state_.segments) look_for(segment);
    for (const io::DirectoryEntry& entry : entries_) {
      if (!known_.contains(entry.name)) FOREBAY_CHECK(judge(entry));
    }
    // What was cut must not come back once nobody remembers the cut.
    if (report_.removed_files > 0) FOREBAY_CHECK(fs_.sync_directory(directory_));
    return std::move(report_);
  }

 private:
  const io::DirectoryEntry* entry(const std::string& name) const {
    const auto it =
        std::find_if(entries_.begin(), entries_.end(), [&name](const auto& e) { return e.name == name; });
    return it == entries_.end() ? nullptr : &*it;
  }

  void look_for(const SegmentMeta& segment) {
    const std::string name = segment_file_name(segment);
    known_.insert(name);
    known_.insert(index_name_of(name));
    const io::DirectoryEntry* file = entry(name);
    if (file == nullptr || file->is_directory) {
      report_.missing.push_back(segment);
      return;
    }
    std::uint64_t bytes = file->size_bytes;
    // Space reserved for more, and frames that the journal has too. In a damaged log they may be the only
    // copy. A file of this life is its writer's: what lies behind the end that was flushed when we were asked
    // is being written.
    const bool of_earlier_life = segment.boot_epoch < state_.current;
    if (bytes > segment.size_bytes && of_earlier_life && !state_.damaged) {
      const auto open = fs_.open(directory_ + "/" + name, io::OpenMode::kReadWrite, io::Caching::kDirect);
      if (open && (*open)->truncate(segment.size_bytes)) bytes = segment.size_bytes;
    }
    if (const io::DirectoryEntry* index = entry(index_name_of(name))) bytes += index->size_bytes;
    report_.disk_bytes.emplace_back(segment, bytes);
  }

  Result<void> judge(const io::DirectoryEntry& found) {
    const std::string path = directory_ + "/" + found.name;
    if (found.is_directory) return to_quarantine(path, found.name);
    if (found.name.ends_with(".idx")) {
      std::string segment_name = found.name;
      segment_name.replace(segment_name.size() - 4, 4, ".log");
      const auto meta = parse_segment_file_name(segment_name);
      if (!meta) return to_quarantine(path, found.name);
      if (meta->boot_epoch >= state_.current) return {};
      return remove(path);  // of a segment that is gone; it could be made again from it
    }
    if (const auto position = parse_state_file_name(found.name)) {
      report_.states.push_back({*position, found.size_bytes});
      return {};
    }
    if (is_unfinished_state(found.name)) return {};  // its writer may be at it, and removes what a crash left
    const auto meta = parse_segment_file_name(found.name);
    if (!meta) return to_quarantine(path, found.name);
    if (meta->boot_epoch == state_.current) return {};
    const bool redundant = !state_.damaged && meta->boot_epoch < state_.current &&
                           holds_nothing_of_use(fs_, data_dir_, state_, *meta, found.size_bytes);
    return redundant ? remove(path) : to_quarantine(path, found.name);
  }

  Result<void> remove(const std::string& path) {
    auto removed = fs_.remove_file(path);
    if (removed) ++report_.removed_files;
    return removed;
  }

  Result<void> to_quarantine(const std::string& path, const std::string& name) {
    FOREBAY_CHECK(quarantine_move(fs_, data_dir_, path, name_in_quarantine(state_.id, name)));
    report_.quarantined.push_back(path);
    return {};
  }

  io::FileSystem& fs_;
  const std::string& data_dir_;
  const FolderState& state_;
  std::string directory_;
  std::vector<io::DirectoryEntry> entries_;
  std::set<std::string> known_;
  FolderReport report_;
};

std::optional<std::int32_t> parse_partition(const std::string& name) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (error != std::errc() || end != name.data() + name.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

Result<void> quarantine_copy(io::FileSystem& fs, const std::string& data_dir, const model::TopicPartition& id,
                             const std::string& path) {
  const std::string directory = quarantine_directory(data_dir);
  const std::string to = directory + "/" + name_in_quarantine(id, file_name_of(path));
  if (fs.exists(to)) return {};
  FOREBAY_CHECK(fs.create_directories(directory));
  FOREBAY_TRY(const auto source, fs.open(path, io::OpenMode::kRead, io::Caching::kDirect));
  FOREBAY_TRY(const std::uint64_t size, source->size());
  // The damaged file itself stays where it is; a copy must not eat the reserve.
  FOREBAY_TRY(const io::DiskSpace space, fs.space(data_dir));
  if (space.available_bytes / kSpaceShare < size) {
    return Error{ErrorCode::kDiskFull, "no room to copy " + path + " to quarantine"};
  }
  // Under its name only when it is whole and on stable storage: what has the name is never copied again.
  const std::string unfinished = to + kUnfinishedSuffix;
  if (fs.exists(unfinished)) FOREBAY_CHECK(fs.remove_file(unfinished));
  FOREBAY_TRY(const auto copy, fs.open(unfinished, io::OpenMode::kCreate, io::Caching::kDirect));
  io::AlignedBuffer buffer(kCopyBytes);
  for (std::uint64_t at = 0; at < size; at += kCopyBytes) {
    const std::span<std::byte> piece = buffer.span().first(
        static_cast<std::size_t>(std::min<std::uint64_t>(kCopyBytes, io::round_up_to_block(size - at))));
    std::memset(piece.data(), 0, piece.size());
    if (!source->read_now(at, piece)) std::memset(piece.data(), 0, piece.size());
    FOREBAY_CHECK(copy->write_now(at, piece));
  }
  FOREBAY_CHECK(copy->sync_now());
  FOREBAY_CHECK(fs.rename(unfinished, to));
  return fs.sync_directory(directory);
}

Result<void> quarantine_damaged(io::FileSystem& fs, const std::string& data_dir,
                                const model::TopicPartition& id, const std::string& path) {
  if (!fs.exists(path)) return {};
  const std::string name = name_in_quarantine(id, file_name_of(path));
  if (fs.exists(quarantine_directory(data_dir) + "/" + name)) return fs.remove_file(path);
  return quarantine_move(fs, data_dir, path, name);
}

Result<void> quarantine_move(io::FileSystem& fs, const std::string& data_dir, const std::string& path,
                             const std::string& name) {
  const std::string directory = quarantine_directory(data_dir);
  FOREBAY_CHECK(fs.create_directories(directory));
  std::string to = directory + "/" + name;
  for (int n = 2; fs.exists(to) && n < kNamesMax; ++n) to = directory + "/" + name + "." + std::to_string(n);
  FOREBAY_CHECK(fs.rename(path, to));
  FOREBAY_CHECK(fs.sync_directory(directory));
  return fs.sync_directory(path.substr(0, path.rfind('/')));
}

Result<FolderReport> tidy_partition_folder(io::FileSystem& fs, const std::string& data_dir,
                                           const FolderState& state) {
  return FolderTidy(fs, data_dir, state).run();
}

Result<void> move_to_trash(io::FileSystem& fs, const std::string& data_dir, const model::TopicPartition& id,
                           model::Timestamp now) {
  const std::string from = partition_directory(data_dir, id);
  if (!fs.exists(from)) return {};
  const std::string trash = data_dir + "/trash";
  FOREBAY_CHECK(fs.create_directories(trash));
  FOREBAY_CHECK(fs.rename(from, trash + "/" + id.topic.to_string() + "-" +
                                    std::to_string(id.partition.value()) + "-" +
                                    std::to_string(now.value())));
  FOREBAY_CHECK(fs.sync_directory(trash));
  return fs.sync_directory(topic_directory(data_dir, id.topic));
}

UnknownFolders quarantine_unknown_folders(io::FileSystem& fs, const std::string& data_dir,
                                          std::span<const model::TopicPartition> known) {
  UnknownFolders report;
  const std::string root = data_dir + "/topics";
  if (!fs.exists(root)) return report;
  const std::set<model::TopicPartition> wanted(known.begin(), known.end());
  const auto list = [&](const std::string& path) {
    auto entries = fs.list(path);
    if (entries) return *std::move(entries);
    report.problems.push_back(path + " cannot be listed: " + entries.error().context);
    return std::vector<io::DirectoryEntry>();
  };
  const auto move = [&](const std::string& path, const std::string& name) {
    if (const auto moved = quarantine_move(fs, data_dir, path, name)) {
      report.moved.push_back(path);
    } else {
      report.problems.push_back(path +
                                " belongs to no partition and cannot be moved: " + moved.error().context);
    }
  };
  for (const io::DirectoryEntry& topic : list(root)) {
    const std::string topic_path = root + "/" + topic.name;
    const auto id = model::Uuid::parse(topic.name);
    if (!id || !topic.is_directory) {
      move(topic_path, topic.name);
      continue;
    }
    for (const io::DirectoryEntry& entry : list(topic_path)) {
      // The name for people, and what a crash left of writing it.
      if (entry.name.starts_with("NAME") && !entry.is_directory) continue;
      const auto partition = parse_partition(entry.name);
      const bool ours = partition && entry.is_directory &&
                        wanted.contains(model::TopicPartition{*id, model::PartitionIndex(*partition)});
      if (!ours) move(topic_path + "/" + entry.name, topic.name + "-" + entry.name);
    }
  }
  return report;
}

}  // namespace forebay::log
