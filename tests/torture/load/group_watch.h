// Asks what groups have committed, and writes it down.
#pragma once

#include <atomic>
#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "forebay/types.h"
#include "torture/load/history_writer.h"

namespace forebay::torture {

// As the times of history lines.
[[nodiscard]] std::int64_t steady_now_ns();

[[nodiscard]] std::string committed_line(const std::string& process, const std::string& group,
                                         const TopicPartition& partition, std::int64_t asked_ns,
                                         std::int64_t offset);

struct GroupWatchOptions {
  std::vector<std::string> servers;
  std::vector<std::string> groups;
};
// Again and again, until `stopping`.
void watch_groups(const GroupWatchOptions& options, HistoryWriter& history,
                  const std::atomic<bool>& stopping);
// Once, of each group. Errors: one that nobody tells of before `deadline`.
[[nodiscard]] Result<void> look_at_groups(const GroupWatchOptions& options, HistoryWriter& history,
                                          std::chrono::steady_clock::time_point deadline);

}  // namespace forebay::torture
