#include "cli/log_files.h"

#include <filesystem>

#include "cli/log_input.h"
#include "cli/log_lines.h"
#include "log/segment_io.h"

namespace forebay::cli {
namespace {

namespace fs = std::filesystem;

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

Result<void> dump_state(const std::string& path, const EmitLine& emit) {
  FOREBAY_TRY(const LoneState lone, read_state(path));
  emit(state_line(file_name(path), lone.id, lone.state));
  return {};
}

// Returns whether more is wanted.
bool dump_states_of(const std::string& directory, const model::TopicPartition& id, const EmitLine& emit) {
  for (const std::string& path : state_paths(directory, id)) {
    const auto lone = read_state(path);
    const bool more = emit(lone ? state_line(file_name(path), lone->id, lone->state)
                                : Value::object()
                                      .set("kind", "damage")
                                      .set("file", file_name(path))
                                      .set("error", lone.error().to_string()));
    if (!more) return false;
  }
  return true;
}

// Frames of one partition in their order: those of its segments, then those that only the journal has.
class PartitionDump {
 public:
  PartitionDump(const std::string& directory, const DirectoryState::Shard& shard, const EmitLine& emit)
      : directory_(directory), shard_(shard), emit_(emit) {}

  // Returns whether more is wanted.
  Result<bool> run(const log::FoldedPartition& partition) {
    for (const log::SegmentMeta& meta : partition.state.segments) {
      FOREBAY_CHECK(segment(partition.state.id, meta));
      if (!more_) return false;
    }
    for (const log::ScannedFrame& scanned : partition.tail) {
      FOREBAY_CHECK(journal_frame(scanned));
      if (!more_) return false;
    }
    return more_;
  }

 private:
  void frame(const std::string& path, std::uint64_t position, const log::FrameHeader& header,
             ByteSpan payload) {
    more_ = emit_(frame_line(file_name(path), position, header, payload));
    if (more_ && header.kind == log::FrameKind::kRecords)
      more_ = emit_records(header, payload, kRecordsBytesMax, scratch_, emit_);
  }

  Result<void> segment(const model::TopicPartition& id, const log::SegmentMeta& meta) {
    const std::string path = log::segment_path(directory_, id, meta);
    auto file = InputFile::open(path);
    if (!file) {  // the rest of the partition is worth seeing
      more_ = emit_(damage_line(file_name(path), 0, meta.begin, meta.end));
      return {};
    }
    return walk_segment(*file, id, meta, [&](const log::SegmentCursor::Step& step) {
      if (const auto* whole = std::get_if<log::SegmentCursor::Whole>(&step)) {
        frame(path, whole->file_position, whole->header, whole->payload);
      } else if (const auto* damaged = std::get_if<log::SegmentCursor::Damaged>(&step);
                 damaged != nullptr && damaged->begin != damaged->end) {
        more_ = emit_(damage_line(file_name(path), damaged->file_position, damaged->begin, damaged->end));
      }
      return more_;
    });
  }

  Result<void> journal_frame(const log::ScannedFrame& scanned) {
    if (!journal_ || journal_file_ != scanned.at.file) {
      FOREBAY_TRY(InputFile opened, InputFile::open(shard_.files[scanned.at.file]));
      journal_.emplace(std::move(opened));
      journal_file_ = scanned.at.file;
      FOREBAY_TRY(journal_bytes_, journal_->whole());
    }
    frame(shard_.files[journal_file_], scanned.at.offset, scanned.header,
          journal_bytes_.subspan(static_cast<std::size_t>(scanned.at.offset) + log::kFrameHeaderBytes,
                                 scanned.header.payload_bytes));
    return {};
  }

  const std::string& directory_;
  const DirectoryState::Shard& shard_;
  const EmitLine& emit_;
  std::optional<InputFile> journal_;  // of the last frame
  std::uint32_t journal_file_ = 0;
  ByteSpan journal_bytes_;
  std::vector<std::byte> scratch_;
  bool more_ = true;
};

Result<void> dump_directory(const std::string& directory, DumpRecords records, const EmitLine& emit) {
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
      if (!emit(partition_line(topic_name(directory, partition.state.id.topic), partition))) return {};
      if (!dump_states_of(directory, partition.state.id, emit)) return {};
      if (records == DumpRecords::kNo) continue;
      FOREBAY_TRY(const bool more, PartitionDump(directory, one, emit).run(partition));
      if (!more) return {};
    }
  }
  return {};
}

}  // namespace

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
  if (path.ends_with(".state")) return LogPath::kState;
  return Error{ErrorCode::kInvalidArgument,
               path +
                   " is neither a data directory, nor a segment (*.log), nor a journal file (*.journal), nor "
                   "a state (*.state)"};
}

Result<void> dump_log(const std::string& path, DumpRecords records, const EmitLine& emit) {
  FOREBAY_TRY(const LogPath kind, recognise_log_path(path));
  switch (kind) {
    case LogPath::kDataDirectory:
      return dump_directory(path, records, emit);
    case LogPath::kSegment:
      return dump_segment(path, records, emit);
    case LogPath::kJournal:
      return dump_journal(path, emit);
    case LogPath::kState:
      return dump_state(path, emit);
  }
  return {};
}

}  // namespace forebay::cli
