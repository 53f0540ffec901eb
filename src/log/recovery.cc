#include "log/recovery.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "base/assert.h"
#include "log/core/control.h"
#include "log/core/damage.h"
#include "log/core/recovery_fold.h"
#include "log/data_directory.h"
#include "log/journal_seed.h"
#include "log/old_journals.h"
#include "log/recovery_writer.h"
#include "log/salvage.h"

namespace forebay::log {
namespace {

constexpr std::size_t kCopyBytes = 1U << 20;
constexpr std::size_t kBlock = io::kBlockBytes;

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
