#include "broker/dead_letters.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/assert.h"
#include "config/topic_config.h"
#include "model/batch_validation.h"

namespace forebay::broker {
namespace {

using Rule = schema::Violation::Rule;

// Decompressed, of one answer: rewriting takes time on the shard's thread, and what is left is asked for
// again. One batch is always taken.
constexpr std::size_t kWorkBytesMax = 4U << 20;
// Of one batch of dead letters, whatever was asked for: each page of it decompresses all of it.
constexpr std::size_t kPageBytesMin = 1U << 20;
// A dead letter has to be one that readers take, who bound what they decompress as we do.
constexpr std::size_t kMarkedRecordsBytesMax =
    model::kDefaultRecordsBytesMax - model::kReasonsBytesMax - (4U << 10);

// By rule_number(). What a reader is told is the rule; its text says whether it was the key.
const std::array<std::string_view, 2 * schema::kViolationRules>& rule_names() {
  static const auto names = [] {
    std::array<std::string_view, 2 * schema::kViolationRules> all;
    for (std::size_t i = 0; i < all.size(); ++i) all.at(i) = schema::rule_name(static_cast<Rule>(i / 2));
    return all;
  }();
  return names;
}

}  // namespace

std::uint8_t rule_number(const schema::Violation& broken) {
  const auto number =
      static_cast<std::uint8_t>(2 * static_cast<unsigned>(broken.rule) + (broken.is_key ? 1 : 0));
  FOREBAY_ASSERT(number < rule_names().size());
  return number;
}

Result<std::string> quarantined(const model::RecordBatchView& batch, ByteSpan records,
                                const std::vector<BrokenRecord>& broken) {
  std::vector<model::DeadLetter> letters;
  letters.reserve(broken.size());
  for (const BrokenRecord& one : broken) letters.push_back({one.index, one.rule, one.text});
  if (records.size() > kMarkedRecordsBytesMax) {
    return Error{ErrorCode::kRecordTooLarge,
                 "the batch breaks the schemas of its topic and has " + std::to_string(records.size()) +
                     " bytes when it is decompressed, more than the " +
                     std::to_string(kMarkedRecordsBytesMax) +
                     " that can be quarantined; send smaller batches. Record " +
                     std::to_string(broken.front().index) + ": " + broken.front().text};
  }
  FOREBAY_TRY(const auto marked, model::mark_dead_letters(batch, records, letters));
  // The bound of everything that a batch goes through. Another codec's library may also need more room.
  if (marked.size() > config::kMaxMessageBytesMax) {
    return Error{ErrorCode::kRecordTooLarge,
                 "the batch breaks the schemas of its topic, and with the reasons it would have " +
                     std::to_string(marked.size()) + " bytes, more than the " +
                     std::to_string(config::kMaxMessageBytesMax) +
                     " that any batch may have: it cannot be quarantined; send smaller batches. Record " +
                     std::to_string(broken.front().index) + ": " + broken.front().text};
  }
  return std::string(as_text(marked));
}

Result<FetchResult> shown(FetchResult read, const ShownAs& as) {
  const std::size_t page_bytes = std::clamp(as.bytes_max, kPageBytesMin, kWorkBytesMax);
  model::Offset at = as.from;
  std::size_t work_bytes = 0;
  bool is_cut = false;
  std::vector<log::FramePtr> frames;
  frames.reserve(read.frames.size());
  for (log::FramePtr& frame : read.frames) {
    const bool has_letters = model::has_dead_letters(frame->payload.span());
    const bool is_changed = has_letters || as.reading == model::Reading::kDeadLetters;
    if (!is_changed && frame->header.begin.next_offset <= at) {
      at = frame->header.end.next_offset;
      frames.push_back(std::move(frame));
      continue;
    }
    log::Frame other = *frame;
    if (is_changed) {
      if (work_bytes >= kWorkBytesMax) {
        read.next_offset = frame->header.begin.next_offset;
        break;
      }
      FOREBAY_TRY(auto batch, as.reading == model::Reading::kRecords
                                  ? model::without_dead_letters(frame->payload.span())
                                  : model::only_dead_letters(frame->payload.span(),
                                                             {as.topic, as.partition, rule_names()},
                                                             {as.from, page_bytes}));
      work_bytes += batch.work_bytes;
      if (batch.bytes.empty()) continue;
      is_cut = batch.is_cut;
      if (is_cut) other.header.end = {batch.next, 0};
      other.payload = SharedBytes::take(std::move(batch.bytes));
      other.header.payload_bytes = static_cast<std::uint32_t>(other.payload.size());
      other.header.payload_crc = model::read_batch_header(other.payload.data()).crc;
    }
    // Who counts what he was given knows that nothing is missing in between.
    if (other.header.begin.next_offset > at) other.header.begin = {at, 0};
    at = other.header.end.next_offset;
    frames.push_back(std::make_shared<const log::Frame>(std::move(other)));
    if (!is_cut) continue;
    read.next_offset = at;
    break;
  }
  read.frames = std::move(frames);
  return read;
}

}  // namespace forebay::broker
