// A journal that has been in use, how to get at its files to hurt them, and what every recovery must keep to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "journal_harness.h"
#include "log/core/journal_scan.h"
#include "log/data_directory.h"

namespace forebay::log::testing {

[[nodiscard]] HarnessOptions three_partitions();

// Which keep every file of the ring: nothing is flushed to make room in it.
[[nodiscard]] HarnessOptions three_partitions_unflushed();

// Three partitions, five rounds of frames; everything reported durable, the journal idle.
void fill(JournalHarness& node);

// Rounds in more than one file.
void fill_several_files(JournalHarness& node);

struct Files {
  std::vector<std::pair<std::string, std::vector<std::byte>>> journal;  // of the epoch in force
  BootRecord boot;
};

[[nodiscard]] Files files_in_force(JournalHarness& node);

// Where the rounds lie.
struct Place {
  std::string path;
  std::uint64_t offset = 0;
  std::uint64_t used = 0;
  std::uint64_t whole = 0;
  RoundHeader header;
};

[[nodiscard]] std::vector<Place> rounds_in(const Files& files);

// What every recovery must keep to, whatever is damaged: only frames that were appended, in order, holes only
// where damage says so.
void expect_honest(const Recovered& recovered, JournalHarness& node);

// Undoes a recovery, so that the next one finds the same files.
class Rewind {
 public:
  explicit Rewind(JournalHarness& node) : node_(node), boot_(*node.disk().content("/data/BOOT")) {}
  [[nodiscard]] Result<Recovered> recover() {
    node_.disk().replace_file("/data/BOOT", boot_);
    auto recovered = node_.recover_only();
    if (recovered) {
      node_.disk().remove(journal_directory(kDataDir, recovered->epoch));
      if (recovered->report.rotten_rounds > 0) node_.disk().remove("/data/quarantine");
    }
    return recovered;
  }

 private:
  JournalHarness& node_;
  const std::vector<std::byte> boot_;
};

[[nodiscard]] bool has_damage(const Recovered& recovered, const TopicPartition& id, DamageKind kind);

// Null when recovery knows no such partition.
[[nodiscard]] const RecoveredPartition* find(const Recovered& recovered, const TopicPartition& id);

}  // namespace forebay::log::testing
