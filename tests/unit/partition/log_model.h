// What a partition was told and what it said, and what follows from that for everything that it says later.
//
// I1  an acknowledged record is there, at its offset and byte for byte, or the answer is DATA_LOSS and the
//     disk was hurt;
// I3  offsets ascend; without compaction they have no hole;
// I4  of a compacted partition the last record of each key is there and no older one comes after it: a key
//     that was deleted stays deleted;
// I8  what a reader was given does not change; the ends do not go back.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/ids.h"
#include "model/record.h"
#include "partition/partition.h"

namespace forebay::partition {

struct SentRecord {
  model::TopicPartition id;
  std::uint32_t life = 0;  // of the partition: a removed one begins anew
  std::optional<std::string> key;
  std::optional<std::string> value;
};

// Every record that was ever sent, by the number that its header carries.
class SentRecords {
 public:
  std::uint64_t add(SentRecord record) {
    records_.push_back(std::move(record));
    return records_.size() - 1;
  }
  [[nodiscard]] const SentRecord& at(std::uint64_t number) const { return records_.at(number); }
  [[nodiscard]] std::size_t size() const { return records_.size(); }

 private:
  std::vector<SentRecord> records_;
};

// Encodes the records with these numbers as one batch.
[[nodiscard]] std::string batch_of_sent(const SentRecords& sent, const std::vector<std::uint64_t>& numbers);

// One pass of a reader over a partition.
struct ReadPass {
  std::int64_t start = 0;
  std::int64_t end = 0;
  std::map<std::int64_t, std::uint64_t> found;              // offset -> number
  std::vector<std::pair<std::int64_t, std::int64_t>> lost;  // answered with DATA_LOSS
  [[nodiscard]] bool is_lost(std::int64_t offset) const {
    for (const auto& [begin, end_of] : lost) {
      if (begin <= offset && offset < end_of) return true;
    }
    return false;
  }
};

struct ModelPartition {
  model::TopicPartition id;
  PartitionConfig config;
  std::uint32_t life = 0;
  bool exists = false;                            // its creation was answered, its removal not asked for
  bool doubtful = false;                          // ... neither is known
  bool going = false;                             // likewise after its removal was asked for
  bool hurt = false;                              // its files were damaged: DATA_LOSS is a fair answer
  std::map<std::int64_t, std::uint64_t> content;  // acknowledged or given to a reader
  std::int64_t trimmed = 0;                       // answered: log start is there at least
  std::int64_t trim_asked = 0;                    // ... and there at most, unless retention moves it
  std::int64_t end_seen = 0;                      // a high watermark that was told
  std::int64_t start_seen = 0;                    // likewise

  [[nodiscard]] bool compacted() const { return config.log.cleanup != log::CleanupPolicy::kDelete; }
  [[nodiscard]] bool retention() const {
    return config.log.retention_bytes.has_value() && config.log.cleanup != log::CleanupPolicy::kCompact;
  }
  void begin_new_life() {
    const std::uint32_t next = life + 1;
    ModelPartition fresh;
    fresh.id = id;
    fresh.id.topic.bytes[8] = static_cast<std::uint8_t>(next);  // a topic that is made again is another topic
    fresh.config = config;
    fresh.life = next;
    *this = std::move(fresh);
  }

  // The log says that it does not know where it ended: nothing is promised any more from here on.
  void forget_from(std::int64_t end) {
    content.erase(content.lower_bound(end), content.end());
    end_seen = std::min(end_seen, end);
  }
  // Takes a record that a reader was given. Reports through gtest.
  void on_record(const SentRecords& sent, const model::RecordView& record, ReadPass& pass);
  // Judges a whole pass. `quiet`: no compaction ran while it was read, so no tombstone can have gone from
  // under the reader.
  void judge(const SentRecords& sent, const ReadPass& pass, bool quiet) const;
};

}  // namespace forebay::partition
