#include "log/recovery.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "base/assert.h"
#include "log/core/control.h"
#include "log/core/damage.h"
#include "log/core/recovery_fold.h"
#include "log/data_directory.h"
#include "log/journal_seed.h"
#include "log/recovery_writer.h"
#include "log/salvage.h"

namespace forebay::log {
namespace {

constexpr std::size_t kReadBytes = 4U << 20;
constexpr std::size_t kCopyBytes = 1U << 20;
constexpr std::size_t kBlock = io::kBlockBytes;

struct OldFile {
  std::string name;
  std::string path;
  std::uint64_t number = 0;
  std::uint64_t size_bytes = 0;
};

// The journals of the epoch in force, shard by shard.
struct OldJournals {
  BootRecord boot;
  std::map<std::uint32_t, std::vector<OldFile>> files;
  std::vector<std::string> directories;  // of every epoch that is there
  model::BootEpoch highest_epoch;
};

Result<OldJournals> find_journals(io::FileSystem& fs, const std::string& data_dir) {
  OldJournals old;
  FOREBAY_TRY(const std::string boot_bytes, io::read_file(fs, boot_path(data_dir)));
  FOREBAY_TRY(old.boot, decode_boot(as_bytes(boot_bytes)));
  old.highest_epoch = old.boot.epoch;
  if (!fs.exists(journal_root(data_dir))) return old;
  FOREBAY_TRY(const auto epochs, fs.list(journal_root(data_dir)));
  for (const io::DirectoryEntry& entry : epochs) {
    const auto epoch = parse_epoch_directory_name(entry.name);
    if (!entry.is_directory || !epoch) continue;
    old.highest_epoch = std::max(old.highest_epoch, *epoch);
    old.directories.push_back(journal_root(data_dir) + "/" + entry.name);
  }
  if (old.boot.epoch.value() == 0) return old;
  const std::string directory = journal_directory(data_dir, old.boot.epoch);
  if (!fs.exists(directory)) return old;
  FOREBAY_TRY(const auto files, fs.list(directory));
  for (const io::DirectoryEntry& entry : files) {
    const auto name = parse_journal_file_name(entry.name);
    if (entry.is_directory || !name) continue;
    old.files[name->shard].push_back(
        {entry.name, directory + "/" + entry.name, name->number, entry.size_bytes});
  }
  for (auto& [shard, list] : old.files) {
    std::sort(list.begin(), list.end(),
              [](const OldFile& a, const OldFile& b) { return a.number < b.number; });
  }
  return old;
}

// Reads the old journals and folds them.
class OldJournalReader {
 public:
  OldJournalReader(io::FileSystem& fs, const BootRecord& boot, RecoveryReport& report)
      : fs_(fs), boot_(boot), report_(report) {}

  struct ShardState {
    FoldResult fold;
    std::vector<std::string> damaged_files;
    bool clean = false;
    bool whole = false;  // nothing of the journal is missing, as far as it can say
  };
  // Errors: none of the journal's content; a file that cannot be read counts as rotten.
  ShardState read_shard(std::uint32_t shard, const std::vector<OldFile>& files) {
    std::vector<FileScan> scans;
    ShardState state;
    unreadable_.clear();
    for (std::size_t i = 0; i < files.size(); ++i) {
      const std::size_t bytes = read_whole(files[i]);
      const JournalFileIdentity identity{boot_.epoch, boot_.seed, shard, files[i].number};
      scans.push_back(
          scan_journal_file(ByteSpan(buffer_.span()).first(bytes), identity, static_cast<std::uint32_t>(i)));
    }
    const JournalChain chain = chain_rounds(scans);
    RecoveryFold fold;
    for (const ChainLink& link : chain.links) {
      fold.apply(*link.round, link.lost_before);
      report_.last_wall_time = std::max(report_.last_wall_time, link.round->header.wall_time);
      report_.bytes_read += link.round->header.blocks_bytes();
    }
    state.clean = !chain.links.empty() && chain.links.back().round->header.clean;
    const bool may_hide = !chain.links.empty() && !state.clean &&
                          (chain.end_is_lost || may_hide_rounds(*chain.links.back().round, files));
    if (may_hide) {
      fold.lose_what_follows();
      report_.notes.push_back("the newest rounds of shard " + std::to_string(shard) +
                              " are lost, or may be with what cannot be read or is missing: no log's end is "
                              "certain");
    }
    state.fold = fold.finish();
    state.whole = state.fold.checkpoint_seen && chain.rotten_rounds == 0 && !may_hide && unreadable_.empty();
    report_.rounds_read += chain.links.size();
    report_.torn_bytes_cut += chain.torn_bytes;
    report_.rotten_rounds += chain.rotten_rounds;
    if (chain.links.empty()) {
      report_.notes.push_back("the journal of shard " + std::to_string(shard) + " holds no valid round");
    }
    if (chain.rotten_rounds > 0 || chain.links.empty() || may_hide || !unreadable_.empty()) {
      // Which file held a missing round is not known when its header is gone: keep them all.
      for (const OldFile& file : files) state.damaged_files.push_back(file.name);
    }
    return state;
  }

  // The payloads of the frames of all tails, in one pass over each file: partitions lie mixed in it. A frame
  // that reads differently now becomes damage. Returns: one tail for each partition.
  std::vector<std::vector<FramePtr>> read_tails(std::vector<FoldedPartition>& partitions,
                                                const std::vector<OldFile>& files) {
    struct Wanted {
      FrameLocation at;
      std::size_t partition = 0;
      std::size_t index = 0;
    };
    std::vector<std::vector<FramePtr>> tails(partitions.size());
    std::vector<Wanted> wanted;
    for (std::size_t p = 0; p < partitions.size(); ++p) {
      tails[p].resize(partitions[p].tail.size());
      for (std::size_t i = 0; i < partitions[p].tail.size(); ++i) {
        wanted.push_back({partitions[p].tail[i].at, p, i});
      }
    }
    std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) {
      return std::tie(a.at.file, a.at.offset) < std::tie(b.at.file, b.at.offset);
    });
    for (const Wanted& want : wanted) {
      const ScannedFrame& frame = partitions[want.partition].tail[want.index];
      tails[want.partition][want.index] = read_frame(frame, files[want.at.file]);
    }
    for (std::size_t p = 0; p < partitions.size(); ++p) {
      if (drop_unread(partitions[p], tails[p])) frames_unread_ = true;
    }
    return tails;
  }

  // True once a frame of read_tails could not be had: the files it is in must be kept.
  [[nodiscard]] bool frames_unread() const { return frames_unread_; }

 private:
  // A part of a file that the disk did not give.
  struct Unreadable {
    std::string path;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  // Rounds that follow `last` can only lie right behind it or at the head of a file.
  [[nodiscard]] bool may_hide_rounds(const ScannedRound& last, const std::vector<OldFile>& files) const {
    const std::uint64_t next_file = last.header.next_file;
    // One that was made whole, and is empty now, is as good as missing.
    const auto is_next = [&](const OldFile& file) { return file.number == next_file && file.size_bytes > 0; };
    if (next_file != 0 && std::none_of(files.begin(), files.end(), is_next)) return true;
    const std::uint64_t behind = last.file_offset + last.header.blocks_bytes();
    // All files of an epoch are made in one size, before they are used: a shorter one was cut.
    const OldFile& written_on = files[last.file];
    const bool is_cut = std::any_of(files.begin(), files.end(), [&](const OldFile& file) {
      return file.size_bytes > written_on.size_bytes;
    });
    if (is_cut && behind >= written_on.size_bytes) return true;
    return std::any_of(unreadable_.begin(), unreadable_.end(), [&](const Unreadable& part) {
      const bool covers_behind = part.path == written_on.path && part.begin <= behind && behind < part.end;
      return part.begin == 0 || covers_behind;
    });
  }

  // Returns: whether there were any.
  bool drop_unread(FoldedPartition& folded, std::vector<FramePtr>& tail) {
    for (std::size_t i = 0; i < tail.size(); ++i) {
      if (tail[i]) continue;
      const FrameHeader& header = folded.tail[i].header;
      add_lost_range(folded.state.damage, header.begin, header.end);
      report_.notes.push_back("partition " + folded.state.id.to_string() +
                              ": a frame of the journal cannot be read again; " + header.begin.to_string() +
                              " is lost");
    }
    return std::erase(tail, nullptr) > 0;
  }

  std::size_t read_whole(const OldFile& file) {
    const auto bytes = static_cast<std::size_t>(io::round_up_to_block(file.size_bytes));
    if (buffer_.size() < bytes) buffer_ = io::AlignedBuffer(bytes);
    window_file_.clear();
    auto opened = fs_.open(file.path, io::OpenMode::kRead, io::Caching::kDirect);
    if (!opened) {
      report_.notes.push_back("journal file " + file.name + " cannot be opened: " + opened.error().context);
      unreadable_.push_back({file.path, 0, file.size_bytes});
      return 0;
    }
    std::size_t end = 0;
    for (std::size_t at = 0; at < bytes; at += kReadBytes) {
      const auto piece = buffer_.span().subspan(at, std::min(kReadBytes, bytes - at));
      const auto got = (*opened)->read_now(at, piece);
      if (!got) {
        std::memset(piece.data(), 0, piece.size());
        unreadable_.push_back({file.path, at, at + piece.size()});
        report_.notes.push_back("journal file " + file.name + " cannot be read at " + std::to_string(at) +
                                ": " + got.error().context);
      } else if (*got < piece.size()) {
        std::memset(piece.data() + *got, 0, piece.size() - *got);
      }
      end = at + piece.size();
    }
    return end;
  }

  FramePtr read_frame(const ScannedFrame& frame, const OldFile& file) {
    const std::size_t bytes = kFrameHeaderBytes + frame.header.payload_bytes;
    if (!load_window(file, frame.at.offset, bytes)) return nullptr;
    const ByteSpan here = ByteSpan(buffer_.span()).subspan(frame.at.offset - window_begin_, bytes);
    const auto header = decode_frame_header(here);
    const ByteSpan payload = here.subspan(kFrameHeaderBytes);
    if (!header || *header != frame.header || !check_frame_payload(*header, payload)) return nullptr;
    return std::make_shared<const Frame>(Frame{*header, SharedBytes::copy_of(payload)});
  }

  bool load_window(const OldFile& file, std::uint64_t offset, std::size_t bytes) {
    const bool inside = window_file_ == file.path && offset >= window_begin_ && offset + bytes <= window_end_;
    if (inside) return true;
    const std::uint64_t begin = offset / kBlock * kBlock;
    const std::uint64_t ahead =
        std::min<std::uint64_t>(kReadBytes, io::round_up_to_block(file.size_bytes) - begin);
    const auto wanted =
        static_cast<std::size_t>(std::max(io::round_up_to_block(offset + bytes) - begin, ahead));
    if (buffer_.size() < wanted) buffer_ = io::AlignedBuffer(wanted);
    window_file_.clear();
    if (open_path_ != file.path) {
      auto opened = fs_.open(file.path, io::OpenMode::kRead, io::Caching::kDirect);
      if (!opened) return false;
      open_file_ = std::move(*opened);
      open_path_ = file.path;
    }
    const auto got = open_file_->read_now(begin, buffer_.span().first(wanted));
    if (!got || begin + *got < offset + bytes) return false;
    window_file_ = file.path;
    window_begin_ = begin;
    window_end_ = begin + *got;
    return true;
  }

  io::FileSystem& fs_;
  const BootRecord boot_;
  RecoveryReport& report_;
  std::vector<Unreadable> unreadable_;  // of the shard being read
  bool frames_unread_ = false;
  io::AlignedBuffer buffer_;
  std::unique_ptr<io::File> open_file_;
  std::string open_path_;
  std::string window_file_;
  std::uint64_t window_begin_ = 0;
  std::uint64_t window_end_ = 0;
};

Result<void> copy_file(io::FileSystem& fs, const std::string& from, const std::string& to) {
  FOREBAY_TRY(const auto source, fs.open(from, io::OpenMode::kRead, io::Caching::kDirect));
  if (fs.exists(to)) FOREBAY_CHECK(fs.remove_file(to));
  FOREBAY_TRY(const auto copy, fs.open(to, io::OpenMode::kCreate, io::Caching::kDirect));
  FOREBAY_TRY(const std::uint64_t size, source->size());
  io::AlignedBuffer buffer(std::min<std::uint64_t>(kCopyBytes, std::max<std::uint64_t>(size, 1)));
  for (std::uint64_t at = 0; at < size; at += buffer.size()) {
    std::memset(buffer.data(), 0, buffer.size());
    const auto piece =
        buffer.span().first(std::min<std::uint64_t>(buffer.size(), io::round_up_to_block(size - at)));
    // What cannot be read stays zero in the copy.
    if (const auto got = source->read_now(at, piece); !got) std::memset(piece.data(), 0, piece.size());
    FOREBAY_CHECK(copy->write_now(at, piece));
  }
  return copy->sync_now();
}

Result<void> quarantine(io::FileSystem& fs, const std::string& data_dir, model::BootEpoch epoch,
                        const std::vector<std::string>& names) {
  const std::string directory = data_dir + "/quarantine/journal-" + std::to_string(epoch.value());
  FOREBAY_CHECK(fs.create_directories(directory));
  for (const std::string& name : names) {
    FOREBAY_CHECK(copy_file(fs, journal_directory(data_dir, epoch) + "/" + name, directory + "/" + name));
  }
  return fs.sync_directory(directory);
}

Result<void> check_config(const JournalConfig& config) {
  const std::uint64_t largest =
      std::uint64_t{config.frame_bytes_max} + kRoundHeaderBytes + 2 * kRoundBlockBytes;
  if (config.file_bytes % kBlock != 0 || config.file_bytes < 16 * kBlock ||
      config.file_bytes > (1ULL << 31)) {
    return Error{ErrorCode::kInvalidConfig,
                 "the journal's file size must be a multiple of 4 KiB, 64 KiB to 2 GiB"};
  }
  if (config.file_bytes < 2 * largest || config.file_bytes < 4ULL * config.round_bytes_max) {
    return Error{ErrorCode::kInvalidConfig,
                 "a journal file must hold twice the largest frame and four times the largest round"};
  }
  if (config.files_max < 4)
    return Error{ErrorCode::kInvalidConfig, "the journal needs 4 files or more a shard"};
  return {};
}

// All that happens under one call of recover().
class Recovery {
 public:
  Recovery(io::FileSystem& fs, const RecoveryOptions& options) : fs_(fs), options_(options) {}

  Result<Recovered> run(runtime::Rng& rng) {
    FOREBAY_CHECK(read());
    FOREBAY_CHECK(write_new(rng.next()));
    return std::move(recovered_);
  }

  Result<std::vector<Loss>> find_losses() {
    FOREBAY_CHECK(read());
    return log::losses_of(recovered_);
  }

  Result<Memberships> find_memberships() {
    FOREBAY_CHECK(read());
    Memberships found;
    for (const Recovered::Shard& shard : recovered_.shards) {
      for (const RecoveredPartition& partition : shard.partitions) {
        const auto& earlier = partition.state.memberships;
        if (!earlier.empty()) found[partition.state.id] = earlier.back().second;
        for (const FramePtr& frame : partition.tail) {
          if (frame->header.kind != FrameKind::kControl) continue;
          const auto control = decode_control(frame->payload.span());
          const auto* members = control ? std::get_if<Membership>(&*control) : nullptr;
          if (members != nullptr) found[partition.state.id] = *members;
        }
      }
    }
    return found;
  }

 private:
  Result<void> read() {
    FOREBAY_CHECK(check_config(options_.journal));
    FOREBAY_ASSERT(options_.shard_count > 0);
    FOREBAY_TRY(old_, find_journals(fs_, options_.data_dir));
    recovered_.report.first_start = old_.boot.epoch.value() == 0;
    recovered_.report.previous_epoch = old_.boot.epoch;
    recovered_.epoch = old_.highest_epoch.next();
    recovered_.shards.resize(options_.shard_count);
    return read_old();
  }

  Result<void> read_old() {
    OldJournalReader reader(fs_, old_.boot, recovered_.report);
    recovered_.report.clean = !recovered_.report.first_start;
    for (std::uint32_t shard = 0; shard < old_.boot.shard_count; ++shard) {
      const std::vector<OldFile>& files = old_.files[shard];
      auto state = reader.read_shard(shard, files);
      recovered_.report.clean = recovered_.report.clean && state.clean;
      damaged_files_.insert(damaged_files_.end(), state.damaged_files.begin(), state.damaged_files.end());
      auto& notes = recovered_.report.notes;
      notes.insert(notes.end(), state.fold.notes.begin(), state.fold.notes.end());
      const bool some_lost =
          std::any_of(state.fold.partitions.begin(), state.fold.partitions.end(),
                      [](const FoldedPartition& folded) { return is_wholly_lost(folded.state); });
      if (!state.whole || some_lost) FOREBAY_CHECK(salvage(shard, state.fold));
      auto tails = reader.read_tails(state.fold.partitions, files);
      for (std::size_t i = 0; i < tails.size(); ++i) take(state.fold.partitions[i], std::move(tails[i]));
      if (reader.frames_unread()) {
        for (const OldFile& file : files) damaged_files_.push_back(file.name);
      }
      for (PartitionCheckpoint& removed : state.fold.removed) {
        shard_for(removed.id).removed.push_back(std::move(removed));
      }
    }
    std::sort(damaged_files_.begin(), damaged_files_.end());
    damaged_files_.erase(std::unique(damaged_files_.begin(), damaged_files_.end()), damaged_files_.end());
    return {};
  }

  // Part of the shard's journal is lost: of a partition whose creation or checkpoint was in it, what lies in
  // its folder is all there is. One that cannot be read now does not stop the start: it counts as wholly
  // lost, its folder is left alone, and each later start tries again.
  Result<void> salvage(std::uint32_t shard, FoldResult& fold) {
    std::map<model::TopicPartition, FoldedPartition*> known;
    for (FoldedPartition& folded : fold.partitions) known[folded.state.id] = &folded;
    std::set<model::TopicPartition> gone;
    for (const PartitionCheckpoint& removed : fold.removed) gone.insert(removed.id);
    FOREBAY_TRY(const auto folders, partition_folders(fs_, options_.data_dir));
    std::vector<FoldedPartition> found;
    for (const model::TopicPartition& id : folders) {
      const auto entry = known.find(id);
      const bool has_base =
          entry != known.end() && !entry->second->base_unknown && !is_wholly_lost(entry->second->state);
      if (shard_of(id, old_.boot.shard_count) != shard || has_base || gone.contains(id)) continue;
      auto salvaged = salvage_partition(fs_, options_.data_dir, id);
      auto& notes = recovered_.report.notes;
      if (!salvaged) {
        notes.push_back("partition " + id.to_string() + " cannot be salvaged: " + salvaged.error().context);
        if (entry == known.end()) {
          FoldedPartition unread;
          unread.state.id = id;
          add_lost_tail(unread.state.damage, {});
          found.push_back(std::move(unread));
        }
      } else if (*salvaged) {
        notes.push_back("partition " + id.to_string() + " was salvaged from its segments up to " +
                        (*salvaged)->segment_end.to_string());
        FoldedPartition fresh;
        fresh.state.id = id;
        FoldedPartition& target = entry != known.end() ? *entry->second : fresh;
        join_salvaged(std::move(**salvaged), target);
        target.base_unknown = false;
        if (entry == known.end()) found.push_back(std::move(fresh));
      }
    }
    std::move(found.begin(), found.end(), std::back_inserter(fold.partitions));
    return {};
  }

  Recovered::Shard& shard_for(const model::TopicPartition& id) {
    return recovered_.shards[shard_of(id, options_.shard_count)];
  }

  void take(FoldedPartition& folded, std::vector<FramePtr> tail) {
    RecoveredPartition partition;
    partition.tail = std::move(tail);
    if (folded.base_unknown) {
      recovered_.report.notes.push_back("partition " + folded.state.id.to_string() +
                                        ": no checkpoint of it is left; only its journal tail is known");
    }
    partition.state = std::move(folded.state);
    if (lost_tail(partition.state.damage) && !is_renewed(partition.state.damage))
      outgrow_lost_terms(partition.state.hard_state);
    accept_losses(partition.state, options_.accept);
    partition.end = folded.end;
    ends_[partition.state.id] = {folded.end, folded.end_term};
    shard_for(partition.state.id).partitions.push_back(std::move(partition));
  }

  // Terms went with the tail. Every start makes one new term at most, so that none was higher than the number
  // of starts: what is given out from now on differs from all that was, by its term.
  void outgrow_lost_terms(HardState& state) const {
    const model::Term highest(old_.boot.epoch.value());
    if (highest > state.term) state = {highest, kUnknownVote};
  }

  Result<void> write_new(std::uint64_t seed) {
    const std::string directory = journal_directory(options_.data_dir, recovered_.epoch);
    FOREBAY_CHECK(fs_.create_directories(directory));
    BootRecord boot;
    boot.epoch = recovered_.epoch;
    boot.shard_count = options_.shard_count;
    boot.seed = seed;
    for (std::uint32_t shard = 0; shard < options_.shard_count; ++shard) {
      FOREBAY_CHECK(write_shard(shard, boot));
    }
    FOREBAY_CHECK(fs_.sync_directory(directory));
    FOREBAY_CHECK(fs_.sync_directory(journal_root(options_.data_dir)));
    bool old_may_go = true;
    if (!damaged_files_.empty()) {
      const auto kept = quarantine(fs_, options_.data_dir, old_.boot.epoch, damaged_files_);
      auto& notes = recovered_.report.notes;
      if (kept) {
        notes.push_back("damaged journal files are kept in quarantine/journal-" +
                        std::to_string(old_.boot.epoch.value()));
      } else {
        old_may_go = false;
        notes.push_back("damaged journal files stay where they are, quarantine failed: " +
                        kept.error().context);
      }
    }
    FOREBAY_CHECK(io::write_file_atomically(fs_, boot_path(options_.data_dir), encode_boot(boot)));
    const std::string kept_directory = journal_directory(options_.data_dir, old_.boot.epoch);
    for (const std::string& stale : old_.directories) {
      if (!old_may_go && stale == kept_directory) continue;
      recovered_.shards[0].seed->stale_directories.push_back(stale);
    }
    return {};
  }

  Result<void> write_shard(std::uint32_t shard, const BootRecord& boot) {
    Recovered::Shard& target = recovered_.shards[shard];
    RecoveryWriter writer(fs_, options_.journal,
                          {options_.data_dir, boot.epoch, boot.seed, shard, options_.wall_now});
    std::vector<CheckpointEntry> checkpoint;
    for (const RecoveredPartition& partition : target.partitions) {
      checkpoint.push_back({partition.state, ends_.at(partition.state.id)});
    }
    for (const PartitionCheckpoint& removed : target.removed) checkpoint.push_back({removed, std::nullopt});
    FOREBAY_CHECK(writer.start(std::move(checkpoint)));
    for (const RecoveredPartition& partition : target.partitions) {
      for (const FramePtr& frame : partition.tail) FOREBAY_CHECK(writer.add(frame));
    }
    FOREBAY_TRY(JournalSeed seed, writer.finish());
    target.seed = std::make_shared<JournalSeed>(std::move(seed));
    return {};
  }

  io::FileSystem& fs_;
  const RecoveryOptions& options_;
  OldJournals old_;
  Recovered recovered_;
  std::map<model::TopicPartition, KnownEnd> ends_;
  std::vector<std::string> damaged_files_;
};

}  // namespace

std::uint32_t shard_of(const model::TopicPartition& id, std::uint32_t shard_count) {
  FOREBAY_ASSERT(shard_count > 0);
  // The partitions of one topic go round the shards; where they begin depends on the topic.
  std::uint64_t mixed = 0;
  for (const std::uint8_t byte : id.topic.bytes) mixed = (mixed ^ byte) * 0x100000001b3ULL;
  return static_cast<std::uint32_t>(((mixed >> 32) + static_cast<std::uint64_t>(id.partition.value())) %
                                    shard_count);
}

Result<Recovered> recover(io::FileSystem& fs, runtime::Rng& rng, const RecoveryOptions& options) {
  return Recovery(fs, options).run(rng);
}

std::vector<Loss> losses_of(const Recovered& recovered) {
  std::vector<Loss> losses;
  for (const Recovered::Shard& shard : recovered.shards) {
    for (const RecoveredPartition& partition : shard.partitions) {
      const std::vector<Loss> of_one = losses_of(partition.state);
      losses.insert(losses.end(), of_one.begin(), of_one.end());
    }
  }
  std::stable_sort(losses.begin(), losses.end(), [](const Loss& a, const Loss& b) { return a.id < b.id; });
  return losses;
}

Result<std::vector<Loss>> find_losses(io::FileSystem& fs, const RecoveryOptions& options) {
  return Recovery(fs, options).find_losses();
}

Result<Memberships> find_memberships(io::FileSystem& fs, const RecoveryOptions& options) {
  return Recovery(fs, options).find_memberships();
}

Result<RecoveryOptions> options_in_force(io::FileSystem& fs, const std::string& data_dir) {
  FOREBAY_TRY(const OldJournals old, find_journals(fs, data_dir));
  RecoveryOptions options;
  options.data_dir = data_dir;
  options.shard_count = std::max(1U, old.boot.shard_count);
  for (const auto& [shard, files] : old.files) {
    for (const OldFile& file : files) {
      JournalConfig config = options.journal;
      config.file_bytes = io::round_up_to_block(file.size_bytes);
      // A file that was cut short says nothing; the node makes files of its own size at its next start
      // anyway.
      if (check_config(config)) options.journal = config;
    }
  }
  return options;
}

}  // namespace forebay::log
