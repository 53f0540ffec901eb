// From the files of a data directory to the state of every partition: reads the journals of the epoch that
// BOOT names, folds them, writes the result under a new boot epoch, and switches BOOT by rename. Blocking;
// runs before anything is served. A crash at any step leaves the old epoch in force. Rules:
// docs/format/journal.md, "Recovery".
//
// Layout of a data directory:
//   FORMAT                     format version and disk identity, made once ("a directory of a newer version
//   is refused, untouched") LOCK                       held by the running daemon BOOT boot epoch and shard
//   count in force journal/<boot epoch>/<shard>-<file number>.journal topics/<topic id>/NAME     the topic's
//   name, for people topics/<topic id>/<partition>/*.log, *.idx trash/  quarantine/  kv/
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "log/core/loss.h"
#include "log/journal.h"

namespace forebay::log {

inline constexpr std::uint32_t kFormatVersion = 1;

struct Identity {
  model::Uuid disk;  // made with the data directory
};

struct DataDirectory {
  std::string path;
  Identity identity;
  std::unique_ptr<io::FileLock> lock;
};
// Makes the directory when it is missing or empty. Errors: kLocked, kNewerFormat, kFailedPrecondition (not
// empty and not ours: nothing is touched), kStorageFailed.
[[nodiscard]] Result<DataDirectory> open_data_directory(io::FileSystem& fs, const std::string& path,
                                                        runtime::Rng& rng);

// Where a shard's journal goes on writing after recovery; opaque to callers.
struct JournalSeed;

struct Recovered {
  model::BootEpoch epoch;
  RecoveryReport report;
  struct Shard {
    std::vector<RecoveredPartition> partitions;
    std::vector<PartitionCheckpoint> removed;  // replicas that are gone; only their term and vote count
    std::shared_ptr<JournalSeed> seed;
  };
  std::vector<Shard> shards;
};

struct RecoveryOptions {
  std::string data_dir;
  std::uint32_t shard_count = 1;
  JournalConfig journal;
  model::Timestamp wall_now;
  // What was found lost before, by find_losses, and is accepted as lost now. What is not found again is left
  // out.
  std::vector<Loss> accept;
};
[[nodiscard]] Result<Recovered> recover(io::FileSystem& fs, runtime::Rng& rng,
                                        const RecoveryOptions& options);

// What is lost in there and nobody has accepted yet, by partition.
[[nodiscard]] std::vector<Loss> losses_of(const Recovered& recovered);
// What a recovery would find lost, and nobody has accepted yet. Changes nothing.
[[nodiscard]] Result<std::vector<Loss>> find_losses(io::FileSystem& fs, const RecoveryOptions& options);
// The last members of each partition there, as far as its log still says. Changes nothing.
using Memberships = std::map<model::TopicPartition, Membership>;
[[nodiscard]] Result<Memberships> find_memberships(io::FileSystem& fs, const RecoveryOptions& options);

// Shard count and size of the journal files as they are on disk: for a recovery without the node's
// configuration.
[[nodiscard]] Result<RecoveryOptions> options_in_force(io::FileSystem& fs, const std::string& data_dir);

// After recover(), on the shard (or before it runs): the journal that continues. Deletes the old epoch's
// files in the background. `fs` is the shard's own file system; all references outlive the journal.
[[nodiscard]] std::unique_ptr<Journal> make_journal(std::shared_ptr<JournalSeed> seed,
                                                    const JournalConfig& config, io::FileSystem& fs,
                                                    runtime::Executor& executor, runtime::BlockingPool& pool,
                                                    runtime::WallClock& clock, JournalOwner& owner);

}  // namespace forebay::log
