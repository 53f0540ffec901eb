// What recovery hands to the journal of one shard: the files it wrote under the new boot epoch and where to
// go on.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/core/round.h"
#include "log/recovery.h"

namespace forebay::log {

struct JournalSeed {
  struct File {
    std::uint64_t number = 0;
    std::uint64_t used_bytes = 0;
    RoundSequence first_sequence;
    std::map<model::TopicPartition, model::LogPosition> highest;  // end of the last frame of each log in it
  };
  struct Known {
    model::TopicPartition id;
    HardState hard_state;
    KnownEnd end;
  };
  std::string data_dir;
  model::BootEpoch epoch;
  std::uint64_t epoch_seed = 0;
  std::uint32_t shard = 0;
  RoundSequence last_sequence;
  std::uint32_t last_crc = 0;
  std::vector<File> files;  // in the order of writing; the last one is written on
  std::vector<Known> known;
  // Journal folders of other epochs: deleted in the background.
  std::vector<std::string> stale_directories;
};

}  // namespace forebay::log
