// Dead letters: records that a topic's rules refuse and that are kept nevertheless, in the very batch in
// which they came, so that one commit decides on them and on their neighbours. Their batch says so (an
// attribute bit), and so do they; whoever reads the topic is given the batch without them, and whoever reads
// its dead letters is given nothing else. Byte by byte: docs/format/record-batch.md. Thread rules: pure
// functions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "model/ids.h"
#include "model/record_batch.h"

namespace forebay::model {

// Which records of a log a reader is given.
enum class Reading : std::uint8_t { kRecords, kDeadLetters };

// Of a topic with dead letters: another id for those, and back. Ids of topics are random ones (version 4);
// these say version 8, which random ones never do.
[[nodiscard]] TopicId dead_letters_id(const TopicId& topic);
[[nodiscard]] Reading reading_of(const TopicId& id);
// Whose dead letters they are; an id of a topic is its own.
[[nodiscard]] TopicId source_of(const TopicId& id);
[[nodiscard]] inline TopicPartition source_of(const TopicPartition& id) {
  return {source_of(id.topic), id.partition};
}

struct DeadLetter {
  std::int32_t index = 0;   // of the record in the batch
  std::uint8_t rule = 0;    // kDeadLetterRuleMax at most
  std::string_view reason;  // for people
};

// Of one batch, stored beside the records: enough for some hundred reasons. Behind that a dead letter keeps
// its rule alone, which takes no room, so that a batch of many small ones does not grow to a multiple.
inline constexpr std::size_t kReasonsBytesMax = 64U << 10;

// The batch with these records set apart: same offsets, sequences and producer, same codec. `records`: the
// decompressed ones. Its max timestamp is that of the others. Requires: `letters` ascend and are there.
// Errors: kCorruptBatch, kRecordTooLarge, kInternal (codec library).
[[nodiscard]] Result<std::vector<std::byte>> mark_dead_letters(const RecordBatchView& batch, ByteSpan records,
                                                               std::span<const DeadLetter> letters);

// What a reader is given of a stored batch.
struct ShownBatch {
  std::vector<std::byte> bytes{};  // empty: nothing
  bool is_cut = false;             // it ends here, before the next one that is to be shown,
  Offset next{};                   // which has this offset
  std::size_t work_bytes = 0;      // decompressed: what was looked at, and what came out
};

// What readers of the topic are given of a batch that has dead letters. Errors: kCorruptBatch, kInternal.
[[nodiscard]] Result<ShownBatch> without_dead_letters(ByteSpan batch);

// The headers that a dead letter has besides its own, all of them text. The reason may be missing.
inline constexpr std::string_view kDeadLetterReason = "forebay.dead-letter.reason";
inline constexpr std::string_view kDeadLetterRule = "forebay.dead-letter.rule";
inline constexpr std::string_view kDeadLetterTopic = "forebay.dead-letter.topic";
inline constexpr std::string_view kDeadLetterPartition = "forebay.dead-letter.partition";
inline constexpr std::string_view kDeadLetterOffset = "forebay.dead-letter.offset";

struct DeadLetterOrigin {
  std::string_view topic;
  PartitionIndex partition;
  std::span<const std::string_view> rules;  // names by number
};
// What a dead letter grows by when it is shown, at most; the name of its topic comes on top.
inline constexpr std::size_t kDeadLetterOriginBytesMax = 256;
// Which of them: from an offset on as many as fit into a batch of `bytes_max` when it is decompressed, and
// one at least. With its origin a small one is many times its size.
struct DeadLetterPage {
  Offset from;
  std::size_t bytes_max = 0;
};
// What readers of its dead letters are given. Errors: likewise.
[[nodiscard]] Result<ShownBatch> only_dead_letters(ByteSpan batch, const DeadLetterOrigin& origin,
                                                   const DeadLetterPage& page);

}  // namespace forebay::model
