#include "cli/log_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <set>

#include "cli/log_lines.h"
#include "log/core/index.h"
#include "log/core/recovery_fold.h"
#include "log/core/segment_layout.h"
#include "log/data_directory.h"
#include "log/segment_io.h"
#include "model/record_batch.h"
#include "model/record_iterator.h"

namespace forebay::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kWindowBytes = 1U << 20;
constexpr std::size_t kRecordsBytesMax = 256U << 20;  // of one batch, decompressed
constexpr model::LogPosition kNowhere{model::Offset(std::numeric_limits<std::int64_t>::max()),
                                      std::numeric_limits<std::uint32_t>::max()};

Error system_error(const std::string& path, int number) {
  return Error{number == ENOENT ? ErrorCode::kNotFound : ErrorCode::kStorageFailed,
               path + ": " + std::strerror(number)};
}

bool is_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte == std::byte{0}; });
}

// A file, read through a window that moves forward.
class InputFile {
 public:
  static Result<InputFile> open(const std::string& path) {
    InputFile file;
    file.descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file.descriptor_ < 0) return system_error(path, errno);
    struct stat status {};
    if (::fstat(file.descriptor_, &status) != 0) return system_error(path, errno);
    file.path_ = path;
    file.size_bytes_ = static_cast<std::uint64_t>(status.st_size);
    return file;
  }
  InputFile(InputFile&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        path_(std::move(other.path_)),
        size_bytes_(other.size_bytes_),
        window_(std::move(other.window_)) {}
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_bytes_; }

  // What the window holds from `position` on.
  [[nodiscard]] ByteSpan window(std::uint64_t position) const {
    if (position < window_at_ || position >= window_at_ + window_.size()) return {};
    return ByteSpan(window_).subspan(static_cast<std::size_t>(position - window_at_));
  }
  // Afterwards it holds `bytes` from `position` on, or all there is.
  Result<void> fill(std::uint64_t position, std::uint64_t bytes) {
    const std::uint64_t there = position < size_bytes_ ? size_bytes_ - position : 0;
    window_.resize(static_cast<std::size_t>(std::min(std::max<std::uint64_t>(bytes, kWindowBytes), there)));
    window_at_ = position;
    std::size_t got = 0;
    while (got < window_.size()) {
      const ssize_t count = ::pread(descriptor_, window_.data() + got, window_.size() - got,
                                    static_cast<off_t>(position + got));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_error(path_, errno);
      if (count == 0) break;
      got += static_cast<std::size_t>(count);
    }
    window_.resize(got);
    return {};
  }
  // All of it. Requires: files that are bounded by nature (journal files, markers, indexes).
  Result<ByteSpan> whole() {
    FOREBAY_CHECK(fill(0, size_bytes_));
    return window(0);
  }
  // True when nothing but zeros follows.
  Result<bool> zeros_from(std::uint64_t position) {
    while (position < size_bytes_) {
      FOREBAY_CHECK(fill(position, kWindowBytes));
      const ByteSpan here = window(position);
      if (here.empty()) return true;
      if (!is_zero(here)) return false;
      position += here.size();
    }
    return true;
  }

 private:
  InputFile() = default;
  int descriptor_ = -1;
  std::string path_;
  std::uint64_t size_bytes_ = 0;
  std::vector<std::byte> window_;
  std::uint64_t window_at_ = 0;
};

std::string file_name(const std::string& path) { return fs::path(path).filename().string(); }

// Walks a segment. `visit` gets every step but NeedMore and returns false to stop.
template <typename Visit>
Result<void> walk_segment(InputFile& file, const model::TopicPartition& id, const log::SegmentMeta& meta,
                          Visit&& visit) {
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
Result<LoneSegment> identify_segment(InputFile& file, const std::string& path) {
  const auto named = log::parse_segment_file_name(file_name(path));
  LoneSegment segment;
  bool found = false;
  for (std::uint64_t at = 0; at < file.size_bytes() && !found; at += log::kSegmentBlockBytes) {
    FOREBAY_CHECK(file.fill(at, kWindowBytes));
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

// A journal file alone: its rounds say which journal they are of.
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

// Held while a data directory is read: a running daemon would make what is read look torn.
class DirectoryUse {
 public:
  static Result<DirectoryUse> begin(const std::string& directory) {
    DirectoryUse use;
    use.descriptor_ = ::open((directory + "/LOCK").c_str(), O_RDONLY | O_CLOEXEC);
    if (use.descriptor_ >= 0 && ::flock(use.descriptor_, LOCK_SH | LOCK_NB) != 0) {
      return Error{ErrorCode::kLocked,
                   directory + " is in use by a daemon: stop it first, or name single files"};
    }
    return use;
  }
  DirectoryUse(DirectoryUse&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  DirectoryUse& operator=(DirectoryUse&&) = delete;
  ~DirectoryUse() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

 private:
  DirectoryUse() = default;
  int descriptor_ = -1;
};

Result<std::string> read_text(const std::string& path) {
  FOREBAY_TRY(InputFile file, InputFile::open(path));
  FOREBAY_TRY(const ByteSpan bytes, file.whole());
  return std::string(as_text(bytes));
}

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

Result<DirectoryState> read_directory(const std::string& directory) {
  DirectoryState state;
  FOREBAY_TRY(const std::string format, read_text(directory + "/FORMAT"));
  FOREBAY_TRY(state.identity, log::decode_format(format));
  FOREBAY_TRY(const std::string boot, read_text(log::boot_path(directory)));
  FOREBAY_TRY(state.boot, log::decode_boot(as_bytes(boot)));
  FOREBAY_CHECK(read_journal_files(directory, state));
  return state;
}

// --- dump

Value tail_line(const std::string& file, std::uint64_t position, std::uint64_t bytes,
                std::string_view state) {
  return Value::object()
      .set("kind", "tail")
      .set("file", file)
      .set("position", position)
      .set("bytes", bytes)
      .set("state", state);
}

Result<void> dump_segment(const std::string& path, DumpRecords records, const EmitLine& emit) {
  FOREBAY_TRY(InputFile file, InputFile::open(path));
  FOREBAY_TRY(const LoneSegment segment, identify_segment(file, path));
  std::vector<std::byte> scratch;
  std::optional<std::uint64_t> tail;
  bool more = true;
  FOREBAY_CHECK(walk_segment(file, segment.id, segment.meta, [&](const log::SegmentCursor::Step& step) {
    if (const auto* whole = std::get_if<log::SegmentCursor::Whole>(&step)) {
      more = emit(frame_line(file_name(path), whole->file_position, whole->header, whole->payload));
      if (more && records == DumpRecords::kYes && whole->header.kind == log::FrameKind::kRecords) {
        more = emit_records(whole->header, whole->payload, kRecordsBytesMax, scratch, emit);
      }
    } else if (const auto* damaged = std::get_if<log::SegmentCursor::Damaged>(&step)) {
      if (damaged->end == kNowhere) {
        tail = damaged->file_position;
      } else {
        more = emit(damage_line(file_name(path), damaged->file_position, damaged->begin, damaged->end));
      }
    }
    return more;
  }));
  if (!more || !tail) return {};
  FOREBAY_TRY(const bool zeros, file.zeros_from(*tail));
  emit(tail_line(file_name(path), *tail, file.size_bytes() - *tail,
                 zeros ? "not written" : "not readable as frames"));
  return {};
}

Result<void> dump_journal(const std::string& path, const EmitLine& emit) {
  FOREBAY_TRY(InputFile file, InputFile::open(path));
  FOREBAY_TRY(const ByteSpan bytes, file.whole());
  if (is_zero(bytes)) {  // in store for later
    emit(tail_line(file_name(path), 0, bytes.size(), "not written"));
    return {};
  }
  FOREBAY_TRY(const auto identity, identify_journal(bytes, path));
  const log::FileScan scan = log::scan_journal_file(bytes, identity, 0);
  for (const log::ScannedRound& round : scan.rounds) {
    if (!emit(round_line(file_name(path), round))) return {};
  }
  for (const log::BrokenRound& broken : scan.broken) {
    if (!emit(broken_round_line(file_name(path), broken))) return {};
  }
  return {};
}

Result<void> dump_directory(const std::string& directory, const EmitLine& emit) {
  FOREBAY_TRY(const DirectoryUse use, DirectoryUse::begin(directory));
  FOREBAY_TRY(const DirectoryState state, read_directory(directory));
  if (!emit(Value::object()
                .set("kind", "directory")
                .set("disk_id", state.identity.disk.to_string())
                .set("boot_epoch", state.boot.epoch.value())
                .set("shards", state.boot.shard_count))) {
    return {};
  }
  for (std::size_t shard = 0; shard < state.shards.size(); ++shard) {
    const DirectoryState::Shard& one = state.shards[shard];
    if (!emit(Value::object()
                  .set("kind", "journal")
                  .set("shard", std::uint64_t{shard})
                  .set("files", std::uint64_t{one.files.size()})
                  .set("rounds", one.links)
                  .set("rotten_rounds", one.rotten_rounds)
                  .set("torn_bytes", one.torn_bytes))) {
      return {};
    }
    for (const log::FoldedPartition& partition : one.fold.partitions) {
      std::string name;
      if (auto text = read_text(log::topic_directory(directory, partition.state.id.topic) + "/NAME"))
        name = *text;
      while (!name.empty() && name.back() == '\n') name.pop_back();
      if (!emit(partition_line(name, partition))) return {};
    }
  }
  return {};
}

// --- verify

class Verifier {
 public:
  Verifier(LogVerification& result, const std::function<void(std::uint64_t)>& progress)
      : result_(result), progress_(progress) {}

  Result<void> directory(const std::string& path) {
    FOREBAY_TRY(const DirectoryUse use, DirectoryUse::begin(path));
    FOREBAY_TRY(const DirectoryState state, read_directory(path));
    result_.files += 2;
    read(state.journal_bytes);
    std::set<std::string> known;
    for (const DirectoryState::Shard& shard : state.shards) {
      FOREBAY_CHECK(shard_journal(shard));
      for (const log::FoldedPartition& partition : shard.fold.partitions) {
        FOREBAY_CHECK(partition_segments(path, partition, known));
      }
    }
    unknown_files(path, known);
    return {};
  }

  Result<void> lone_segment(const std::string& path) {
    FOREBAY_TRY(InputFile file, InputFile::open(path));
    ++result_.files;
    auto segment = identify_segment(file, path);
    if (!segment) {
      if (segment.error().code != ErrorCode::kCorruptBatch) return segment.error();
      FOREBAY_TRY(const bool zeros, file.zeros_from(0));
      if (!zeros) add(LogProblem::Severity::kDamage, path, 0, "no frame can be read");
      return {};
    }
    std::optional<std::uint64_t> tail;
    FOREBAY_CHECK(segment_frames(file, path, segment->id, segment->meta, tail));
    if (!tail) return {};
    FOREBAY_TRY(const bool zeros, file.zeros_from(*tail));
    if (!zeros) {
      add(LogProblem::Severity::kWarning, path, *tail,
          "what follows the last frame is not readable: a write that a crash cut short, or damage; verify "
          "the whole "
          "data directory to know which");
    }
    return {};
  }

  Result<void> lone_journal(const std::string& path) {
    FOREBAY_TRY(InputFile file, InputFile::open(path));
    FOREBAY_TRY(const ByteSpan bytes, file.whole());
    ++result_.files;
    read(file.size_bytes());
    const auto identity = identify_journal(bytes, path);
    if (!identity) {
      FOREBAY_TRY(const bool zeros, file.zeros_from(0));
      if (!zeros) add(LogProblem::Severity::kWarning, path, 0, "no valid round in it");
      return {};
    }
    const log::FileScan scan = log::scan_journal_file(bytes, *identity, 0);
    for (const log::ScannedRound& round : scan.rounds) round_frames(path, bytes, round);
    log::RoundSequence newest{};
    if (!scan.rounds.empty()) newest = scan.rounds.back().header.sequence;
    for (const log::BrokenRound& broken : scan.broken) {
      const bool last = broken.sequence > newest;
      add(last ? LogProblem::Severity::kWarning : LogProblem::Severity::kDamage, path, broken.file_offset,
          "round " + std::to_string(broken.sequence.value()) +
              (last ? " is not whole: a write that a crash cut short" : " is damaged"));
    }
    return {};
  }

 private:
  void add(LogProblem::Severity severity, const std::string& file, std::uint64_t position, std::string what) {
    result_.problems.push_back({severity, file, position, std::move(what)});
  }
  void read(std::uint64_t bytes) {
    result_.bytes += bytes;
    progress_(result_.bytes);
  }

  void batch(const std::string& path, std::uint64_t position, ByteSpan payload) {
    ++result_.batches;
    const auto view = model::RecordBatchView::parse(payload);
    Result<void> decoded = view ? Result<void>{} : Result<void>(view.error());
    if (view) {
      decoded = model::for_each_record(*view, kRecordsBytesMax, scratch_,
                                       [&](const model::RecordView&) { ++result_.records; });
    }
    if (!decoded) add(LogProblem::Severity::kDamage, path, position, "batch: " + decoded.error().to_string());
  }

  Result<void> segment_frames(InputFile& file, const std::string& path, const model::TopicPartition& id,
                              const log::SegmentMeta& meta, std::optional<std::uint64_t>& tail) {
    std::uint64_t counted = 0;
    FOREBAY_CHECK(walk_segment(file, id, meta, [&](const log::SegmentCursor::Step& step) {
      if (const auto* whole = std::get_if<log::SegmentCursor::Whole>(&step)) {
        ++result_.frames;
        if (whole->header.kind == log::FrameKind::kRecords) batch(path, whole->file_position, whole->payload);
        const std::uint64_t end = whole->file_position + whole->payload.size();
        read(end - counted);
        counted = end;
      } else if (const auto* damaged = std::get_if<log::SegmentCursor::Damaged>(&step)) {
        if (damaged->end == kNowhere) {
          tail = damaged->file_position;
        } else if (damaged->begin == damaged->end) {
          add(LogProblem::Severity::kWarning, path, damaged->file_position,
              "damaged padding; no frame is lost");
        } else {
          add(LogProblem::Severity::kDamage, path, damaged->file_position,
              "positions " + damaged->begin.to_string() + " to before " + damaged->end.to_string() +
                  " are damaged");
        }
      }
      return true;
    }));
    return {};
  }

  void round_frames(const std::string& path, ByteSpan bytes, const log::ScannedRound& round) {
    ++result_.rounds;
    if (round.unreadable_entries != 0) {
      add(LogProblem::Severity::kDamage, path, round.file_offset,
          std::to_string(round.unreadable_entries) + " entries of round " +
              std::to_string(round.header.sequence.value()) + " cannot be read");
    }
    for (const auto& entry : round.entries) {
      const auto* frame = std::get_if<log::ScannedFrame>(&entry);
      if (frame == nullptr) continue;
      ++result_.frames;
      const ByteSpan payload = bytes.subspan(
          static_cast<std::size_t>(frame->at.offset) + log::kFrameHeaderBytes, frame->header.payload_bytes);
      if (frame->header.kind == log::FrameKind::kRecords) batch(path, frame->at.offset, payload);
    }
  }

  Result<void> shard_journal(const DirectoryState::Shard& shard) {
    if (shard.links == 0) {
      add(LogProblem::Severity::kDamage, shard.files.empty() ? "journal" : shard.files.front(), 0,
          "the journal holds no valid round");
    }
    const std::string newest = shard.files.empty() ? "journal" : shard.files.back();
    if (shard.rotten_rounds != 0) {
      add(LogProblem::Severity::kDamage, newest, 0,
          std::to_string(shard.rotten_rounds) + " rounds are missing");
    }
    if (shard.torn_bytes != 0) {
      add(LogProblem::Severity::kWarning, newest, 0,
          "the last round is not whole: a write that a crash cut short, never acknowledged");
    }
    for (const std::string& note : shard.fold.notes) add(LogProblem::Severity::kWarning, newest, 0, note);
    for (std::size_t i = 0; i < shard.files.size(); ++i) {
      ++result_.files;
      FOREBAY_TRY(InputFile file, InputFile::open(shard.files[i]));
      FOREBAY_TRY(const ByteSpan bytes, file.whole());
      for (const log::ScannedRound& round : shard.scans[i].rounds) round_frames(shard.files[i], bytes, round);
    }
    return {};
  }

  Result<void> partition_segments(const std::string& directory, const log::FoldedPartition& partition,
                                  std::set<std::string>& known) {
    const model::TopicPartition& id = partition.state.id;
    for (const log::Damage& damage : partition.state.damage) {
      add(LogProblem::Severity::kDamage, log::partition_directory(directory, id), 0,
          damage.kind == log::DamageKind::kTail
              ? "the log is damaged from " + damage.begin.to_string() + " on"
              : "the log is damaged from " + damage.begin.to_string() + " to before " +
                    damage.end.to_string());
    }
    if (partition.base_unknown) {
      add(LogProblem::Severity::kDamage, log::partition_directory(directory, id), 0,
          "no checkpoint of this partition is left");
    }
    for (const log::SegmentMeta& meta : partition.state.segments) {
      const std::string path = log::segment_path(directory, id, meta);
      known.insert(path);
      auto file = InputFile::open(path);
      if (!file) {
        add(LogProblem::Severity::kDamage, path, 0, file.error().context);
        continue;
      }
      ++result_.files;
      std::optional<std::uint64_t> tail;
      FOREBAY_CHECK(segment_frames(*file, path, id, meta, tail));
      check_index(directory, id, meta, known);
    }
    return {};
  }

  void check_index(const std::string& directory, const model::TopicPartition& id,
                   const log::SegmentMeta& meta, std::set<std::string>& known) {
    const std::string path = log::index_path(directory, id, meta);
    known.insert(path);
    const auto text = read_text(path);
    if (!text && text.error().code == ErrorCode::kNotFound) return;  // an active segment has none
    Result<void> decoded = text ? Result<void>{} : Result<void>(text.error());
    if (text) {
      ++result_.files;
      read(text->size());
      const auto index = log::decode_index(as_bytes(*text), id, meta);
      if (!index) decoded = index.error();
    }
    if (!decoded) {
      add(LogProblem::Severity::kWarning, path, 0,
          "the index will be made again from its segment: " + decoded.error().context);
    }
  }

  void unknown_files(const std::string& directory, const std::set<std::string>& known) {
    std::error_code error;
    for (auto it = fs::recursive_directory_iterator(directory + "/topics", error);
         !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
      const std::string path = it->path().string();
      if (!it->is_regular_file() || known.contains(path) || it->path().filename() == "NAME") continue;
      add(LogProblem::Severity::kWarning, path, 0,
          "the journal does not name it: left from a crash, it goes to quarantine at the next start");
    }
  }

  LogVerification& result_;
  const std::function<void(std::uint64_t)>& progress_;
  std::vector<std::byte> scratch_;
};

}  // namespace

bool LogVerification::ok() const {
  return std::none_of(problems.begin(), problems.end(),
                      [](const LogProblem& one) { return one.severity == LogProblem::Severity::kDamage; });
}

Result<LogPath> recognise_log_path(const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return Error{ErrorCode::kNotFound, path + ": no such file or directory"};
  if (fs::is_directory(status)) {
    if (fs::exists(path + "/FORMAT", error)) return LogPath::kDataDirectory;
    return Error{ErrorCode::kInvalidArgument, path + " is not a data directory: it has no FORMAT file"};
  }
  if (path.ends_with(".journal")) return LogPath::kJournal;
  if (path.ends_with(".log")) return LogPath::kSegment;
  return Error{ErrorCode::kInvalidArgument,
               path + " is neither a data directory, nor a segment (*.log), nor a journal file (*.journal)"};
}

Result<void> dump_log(const std::string& path, DumpRecords records, const EmitLine& emit) {
  FOREBAY_TRY(const LogPath kind, recognise_log_path(path));
  switch (kind) {
    case LogPath::kDataDirectory:
      return dump_directory(path, emit);
    case LogPath::kSegment:
      return dump_segment(path, records, emit);
    case LogPath::kJournal:
      return dump_journal(path, emit);
  }
  return {};
}

Result<void> verify_log(const std::string& path, LogVerification& result,
                        const std::function<void(std::uint64_t)>& progress) {
  FOREBAY_TRY(const LogPath kind, recognise_log_path(path));
  Verifier verifier(result, progress);
  switch (kind) {
    case LogPath::kDataDirectory:
      return verifier.directory(path);
    case LogPath::kSegment:
      return verifier.lone_segment(path);
    case LogPath::kJournal:
      return verifier.lone_journal(path);
  }
  return {};
}

}  // namespace forebay::cli
