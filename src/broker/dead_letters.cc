#include "broker/dead_letters.h"

#include <array>
#include <memory>
#include <utility>

#include "base/assert.h"
#include "config/topic_config.h"

namespace forebay::broker {
namespace {

using Rule = schema::Violation::Rule;

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
  model::Offset at = as.from;
  bool has_gone = false;
  for (log::FramePtr& frame : read.frames) {
    const bool has_letters = model::has_dead_letters(frame->payload.span());
    const bool is_changed = has_letters || as.reading == model::Reading::kDeadLetters;
    if (!is_changed && frame->header.begin.next_offset <= at) {
      at = frame->header.end.next_offset;
      continue;
    }
    log::Frame other = *frame;
    if (is_changed) {
      FOREBAY_TRY(auto batch, as.reading == model::Reading::kRecords
                                  ? model::without_dead_letters(frame->payload.span())
                                  : model::only_dead_letters(frame->payload.span(),
                                                             {as.topic, as.partition, rule_names()}));
      if (batch.empty()) {
        frame = nullptr;
        has_gone = true;
        continue;
      }
      other.payload = SharedBytes::take(std::move(batch));
      other.header.payload_bytes = static_cast<std::uint32_t>(other.payload.size());
      other.header.payload_crc = model::read_batch_header(other.payload.data()).crc;
    }
    // Who counts what he was given knows that nothing is missing in between.
    if (other.header.begin.next_offset > at) other.header.begin = {at, 0};
    at = other.header.end.next_offset;
    frame = std::make_shared<const log::Frame>(std::move(other));
  }
  if (has_gone) std::erase(read.frames, nullptr);
  return read;
}

}  // namespace forebay::broker
