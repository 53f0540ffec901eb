// The state of partitions of which the journal knows nothing any more, from their segment files. The last
// resort of recovery: used only for a shard of whose journal a part is lost. Blocking.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"
#include "log/core/journal_record.h"
#include "log/core/recovery_fold.h"

namespace forebay::log {

// Partitions that have a folder under topics/.
[[nodiscard]] Result<std::vector<model::TopicPartition>> partition_folders(io::FileSystem& fs,
                                                                           const std::string& data_dir);

// Reads every segment of the partition's folder. What the files say of a vote is only that the terms in them
// were voted in; where the log ended nobody knows: the caller marks that. The log start is where
// the first segment begins, or as a LogStart frame says. Returns: nothing when there is no
// segment. Errors: kStorageFailed.
[[nodiscard]] Result<std::optional<PartitionCheckpoint>> salvage_partition(io::FileSystem& fs,
                                                                           const std::string& data_dir,
                                                                           const model::TopicPartition& id);

// Puts what the segments say below what the journal still has; the end is unknown unless journal frames
// prove it.
void join_salvaged(PartitionCheckpoint salvaged, FoldedPartition& folded);

}  // namespace forebay::log
