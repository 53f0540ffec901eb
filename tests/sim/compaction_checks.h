// What must hold of the replicas of a simulated cluster that compact their logs, each by itself:
//
//  I21  what is left of a replica is what was committed, record by record, at its offset; control frames stay
//  and: a record goes only when a later one of its key is committed; nothing that is not committed is
//       compacted
//  and: a tombstone that nothing supersedes goes only when every copy was compacted past it, and no sooner
//       than its time after that; where it is gone, no older record of its key is there: no key comes back
//
// Pure: told by ClusterChecks what it reads and sees.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "log/core/frame.h"
#include "sim/sim_executor.h"

namespace forebay::sim {

struct CompactionCounts {
  std::uint64_t scans = 0;  // of a replica that had compacted something
  std::uint64_t records_gone = 0;
  std::uint64_t tombstones_gone = 0;
  std::uint64_t waits_for_the_absent = 0;  // a copy that was down was the last one to be compacted
  std::uint64_t repaired = 0;              // a copy that was compacted got frames of another one
};

class CompactionChecks {
 public:
  using Fail = std::function<void(const std::string&)>;
  CompactionChecks(std::size_t partitions, std::size_t nodes, Fail fail)
      : fail_(std::move(fail)), groups_(partitions), copies_(nodes, std::vector<Copy>(partitions)) {}

  // A tombstone's life, when all wall clocks go like the simulation's.
  void expect_life(std::optional<Duration> life) { life_ = life; }

  // Of a copy that is there: how far it is compacted, and committed, as it ever knew.
  void look(std::uint32_t node, std::uint32_t partition, model::LogPosition compacted_to,
            model::LogPosition committed, TimePoint now);
  void is_down(std::uint32_t node, std::uint32_t partition) { copies_[node][partition].was_down = true; }
  // A crash may bring it back once more.
  void is_removed(std::uint32_t node, std::uint32_t partition) {
    Copy& copy = copies_[node][partition];
    copy = Copy{.committed = copy.committed};
  }

  // A replica is read from a place on: its frames in order, then the end.
  void scan_begins(std::uint32_t node, std::uint32_t partition, model::LogPosition from);
  void take(std::uint32_t node, std::uint32_t partition, const log::Frame& frame, const std::string& where);
  // All from log start, or from where it began if that is later, up to there.
  void scan_ends(std::uint32_t node, std::uint32_t partition, model::LogPosition log_start,
                 model::LogPosition upto, TimePoint now, const std::string& where);
  // Offsets below `end` that may be missing in a replica, as half-open ranges. Also what was gone everywhere
  // before it could be read here.
  [[nodiscard]] std::vector<std::pair<std::int64_t, std::int64_t>> may_be_gone(std::uint32_t partition,
                                                                               std::int64_t end) const;
  [[nodiscard]] const CompactionCounts& counts() const { return counts_; }

 private:
  struct Record {
    std::optional<std::string> key;
    bool tombstone = false;
    std::uint32_t crc = 0;  // of all that it says
  };
  struct Group {
    std::map<std::int64_t, Record> records;  // committed, by offset
    // How far every copy was compacted, and since when; both ascend.
    std::vector<std::pair<model::Offset, TimePoint>> everywhere;
  };
  struct Copy {
    bool there = false;
    bool was_down = false;            // since it was seen last
    model::LogPosition compacted_to;  // at most, ever
    model::LogPosition committed;     // likewise
    model::LogPosition last_seen;     // how far it was compacted
    std::int64_t scan_from = 0;
    std::vector<std::int64_t> present;
    std::set<std::int64_t> gone;  // tombstones that were counted
  };

  // Returns: it is more than before.
  bool note_everywhere(std::uint32_t partition, TimePoint now);
  void tombstone_is_gone(std::int64_t offset, std::uint32_t partition, TimePoint now,
                         const std::string& where);

  Fail fail_;
  std::vector<Group> groups_;
  std::vector<std::vector<Copy>> copies_;  // by node, by partition
  std::optional<Duration> life_;
  CompactionCounts counts_;
};

}  // namespace forebay::sim
