// Encodings of what a round carries beside frames: records, and the entries of a checkpoint. Byte by byte:
// docs/format/journal.md.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "log/core/journal_record.h"
#include "log/core/wire.h"

namespace forebay::log {

struct PartitionRecord {
  model::TopicPartition id;
  JournalRecord record;
};

// Also part of what a leader says (docs/format/peer-messages.md). A malformed one sets in.failed().
void put_log_base(WireWriter& out, const LogBase& base);
[[nodiscard]] LogBase get_log_base(WireReader& in);

void put_record(WireWriter& out, const model::TopicPartition& id, const JournalRecord& record);
// Errors: kCorruptBatch for malformed bytes, kNewerFormat for an unknown type.
[[nodiscard]] Result<PartitionRecord> decode_record(ByteSpan bytes);

// Where the log ended when the checkpoint was written: proves the end when rounds before it have rotted.
struct KnownEnd {
  model::LogPosition end;
  model::Term term;  // of the last frame
  friend bool operator==(const KnownEnd&, const KnownEnd&) = default;
};
struct CheckpointEntry {
  PartitionCheckpoint state;
  std::optional<KnownEnd> end;  // nothing: the journal has seen no frame of this log since it was opened
};

[[nodiscard]] std::vector<std::byte> encode_checkpoint(const std::vector<CheckpointEntry>& entries);
// Errors: kCorruptBatch.
[[nodiscard]] Result<std::vector<CheckpointEntry>> decode_checkpoint(ByteSpan bytes);

}  // namespace forebay::log
