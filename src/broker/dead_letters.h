// Records that break their topic's schemas, as dead letters: set apart before they are appended, and left out
// or shown when somebody reads (model/dead_letters.h). Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "broker/broker.h"
#include "model/dead_letters.h"
#include "model/record_batch.h"
#include "schema/core/record_guard.h"

namespace forebay::broker {

// A record that is to be one.
struct BrokenRecord {
  std::int32_t index = 0;
  std::uint8_t rule = 0;  // rule_number()
  std::string text;
};
// What is broken, and whether in the key: as the records keep it (docs/format/record-batch.md).
[[nodiscard]] std::uint8_t rule_number(const schema::Violation& broken);

// The batch with those records set apart. Errors: kRecordTooLarge when it would not fit into the log then.
[[nodiscard]] Result<std::string> quarantined(const model::RecordBatchView& batch, ByteSpan records,
                                              const std::vector<BrokenRecord>& broken);

struct ShownAs {
  model::Reading reading = model::Reading::kRecords;
  model::Offset from;         // what was asked for
  std::size_t bytes_max = 0;  // likewise
  std::string topic;          // whose partition it is
  model::PartitionIndex partition;
};
// What was read, as whoever reads so is shown it: batches that cover what lies between them. What takes long
// to make, or grows, is cut: `next_offset` says where to go on. Errors: kCorruptBatch, kInternal.
[[nodiscard]] Result<FetchResult> shown(FetchResult read, const ShownAs& as);

}  // namespace forebay::broker
