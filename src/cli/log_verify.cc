#include <algorithm>
#include <filesystem>
#include <set>

#include "cli/log_accept.h"
#include "cli/log_files.h"
#include "cli/log_input.h"
#include "log/core/damage.h"
#include "log/core/index.h"
#include "log/segment_io.h"
#include "model/record_batch.h"
#include "model/record_iterator.h"

namespace forebay::cli {
namespace {

namespace fs = std::filesystem;

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
    return open_losses(path);
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
    FOREBAY_CHECK(segment_frames(file, path, segment->id, segment->meta, {}, tail));
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

  Result<void> lone_state(const std::string& path) {
    const auto lone = read_state(path);
    if (!lone && lone.error().code == ErrorCode::kNotFound) return lone.error();
    state_file(path, lone);
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
                              const log::SegmentMeta& meta, const std::vector<log::Damage>& accepted,
                              std::optional<std::uint64_t>& tail) {
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
        } else if (log::is_accepted_range(accepted, damaged->begin, damaged->end)) {
          add(LogProblem::Severity::kWarning, path, damaged->file_position,
              "positions " + damaged->begin.to_string() + " to before " + damaged->end.to_string() +
                  " are damaged; this loss was accepted");
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
          "entries of round " + std::to_string(round.header.sequence.value()) +
              " that cannot be read: " + std::to_string(round.unreadable_entries));
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
          "rounds that are missing: " + std::to_string(shard.rotten_rounds));
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

  Result<void> open_losses(const std::string& directory) {
    FOREBAY_TRY(const auto losses, find_open_losses(directory));
    for (const log::Loss& loss : losses) {
      const bool tail = loss.kind == log::LossKind::kTail;
      add(LogProblem::Severity::kDamage, log::partition_directory(directory, loss.id), 0,
          "the log is damaged from " + loss.begin.to_string() +
              (tail ? " on" : " to before " + loss.end.to_string()));
    }
    return {};
  }

  Result<void> partition_segments(const std::string& directory, const log::FoldedPartition& partition,
                                  std::set<std::string>& known) {
    const model::TopicPartition& id = partition.state.id;
    std::vector<log::Damage> accepted;
    for (const log::Damage& damage : partition.state.damage) {
      if (log::is_accepted(damage.kind)) accepted.push_back(damage);
    }
    if (partition.base_unknown) {
      add(LogProblem::Severity::kDamage, log::partition_directory(directory, id), 0,
          "no checkpoint of this partition is left");
    }
    for (const log::SegmentMeta& meta : partition.state.segments) {
      const std::string path = log::segment_path(directory, id, meta);
      known.insert(path);
      auto file = InputFile::open(path);
      if (!file && log::is_accepted_range(accepted, meta.begin, meta.end)) continue;
      if (!file) {
        add(LogProblem::Severity::kDamage, path, 0, file.error().context);
        continue;
      }
      ++result_.files;
      std::optional<std::uint64_t> tail;
      FOREBAY_CHECK(segment_frames(*file, path, id, meta, accepted, tail));
      check_index(directory, id, meta, known);
    }
    for (const std::string& path : state_paths(directory, id)) {
      known.insert(path);
      auto lone = read_state(path);
      if (lone && lone->id != id)
        lone = Error{ErrorCode::kCorruptBatch, "a state of another partition, " + lone->id.to_string()};
      state_file(path, lone);
    }
    return {};
  }

  void state_file(const std::string& path, const Result<LoneState>& lone) {
    ++result_.files;
    if (lone) return read(log::kStateHeaderBytes + lone->state.bytes.size());
    add(LogProblem::Severity::kWarning, path, 0,
        "the state will be made again from the log: " + lone.error().context);
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
      if (log::is_unfinished_state(it->path().filename().string())) {
        add(LogProblem::Severity::kWarning, path, 0, "a write that a crash cut short; it is removed");
        continue;
      }
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
    case LogPath::kState:
      return verifier.lone_state(path);
  }
  return {};
}

}  // namespace forebay::cli
