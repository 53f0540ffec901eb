#include "log_model.h"

#include <gtest/gtest.h>

#include "model/batch_builder.h"

namespace forebay::partition {
namespace {

constexpr std::string_view kNumberHeader = "n";

std::optional<std::string> text_of(const std::optional<ByteSpan>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(as_text(*bytes));
}

std::optional<ByteSpan> bytes_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  return as_bytes(*text);
}

std::optional<std::uint64_t> number_of(const model::RecordView& record) {
  for (const model::HeaderView& header : record.headers) {
    if (header.name == kNumberHeader && header.value) return std::stoull(std::string(as_text(*header.value)));
  }
  return std::nullopt;
}

}  // namespace

std::string batch_of_sent(const SentRecords& sent, const std::vector<std::uint64_t>& numbers) {
  model::BatchBuilder builder;
  for (const std::uint64_t number : numbers) {
    const SentRecord& record = sent.at(number);
    const std::string text = std::to_string(number);
    const model::HeaderView header{kNumberHeader, as_bytes(text)};
    EXPECT_TRUE(builder.append(model::NewRecord{.key = bytes_of(record.key),
                                                .value = bytes_of(record.value),
                                                .headers = {&header, 1},
                                                .timestamp = model::Timestamp(1'000)}));
  }
  const auto batch = builder.build(numbers.size() % 2 == 0 ? model::Codec::kLz4 : model::Codec::kNone);
  return std::string(as_text(*batch));
}

void ModelPartition::on_record(const SentRecords& sent, const model::RecordView& record, ReadPass& pass) {
  const std::int64_t offset = record.offset.value();
  const auto number = number_of(record);
  if (!number || *number >= sent.size()) {
    ADD_FAILURE() << id.to_string() << " offset " << offset << ": nobody sent this";
    return;
  }
  const SentRecord& was = sent.at(*number);
  EXPECT_TRUE(was.id == id && was.life == life)
      << id.to_string() << " offset " << offset << ": of another log";
  EXPECT_TRUE(was.key == text_of(record.key) && was.value == text_of(record.value))
      << id.to_string() << " offset " << offset << ": other bytes than were sent";
  const auto [known, fresh] = content.emplace(offset, *number);
  EXPECT_TRUE(fresh || known->second == *number) << id.to_string() << " offset " << offset << " has changed";
  if (!pass.found.empty()) {
    EXPECT_GT(offset, pass.found.rbegin()->first) << id.to_string() << ": a repetition";
  }
  pass.found.emplace(offset, *number);
}

void ModelPartition::judge(const SentRecords& sent, const ReadPass& pass, bool quiet) const {
  if (!pass.lost.empty()) {
    EXPECT_TRUE(hurt) << id.to_string() << ": DATA_LOSS at " << pass.lost.front().first << " on a sound disk";
  }
  if (const auto first = content.lower_bound(pass.start); first != content.end()) {
    EXPECT_LT(content.rbegin()->first, pass.end)
        << id.to_string() << ": what was acknowledged or read is gone";
  }
  if (!compacted()) {
    for (std::int64_t offset = pass.start; offset < pass.end; ++offset) {
      ASSERT_TRUE(pass.found.contains(offset) || pass.is_lost(offset))
          << id.to_string() << ": a hole at " << offset << " of " << pass.start << ".." << pass.end;
    }
    return;
  }
  std::map<std::string, std::int64_t> last;
  for (auto at = content.lower_bound(pass.start); at != content.end() && at->first < pass.end; ++at) {
    const SentRecord& record = sent.at(at->second);
    if (record.key) {
      last[*record.key] = at->first;
    } else {
      EXPECT_TRUE(pass.found.contains(at->first) || pass.is_lost(at->first))
          << id.to_string() << ": a record without key is gone at " << at->first;
    }
  }
  std::map<std::string, std::int64_t> found_last;
  for (const auto& [offset, number] : pass.found) {
    if (const SentRecord& record = sent.at(number); record.key) found_last[*record.key] = offset;
  }
  for (const auto& [key, offset] : last) {
    if (pass.is_lost(offset)) continue;
    const bool tombstone = !sent.at(content.at(offset)).value;
    const auto found = found_last.find(key);
    const std::string where = id.to_string() + " key " + key + ", last written at " + std::to_string(offset);
    if (found == found_last.end()) {
      EXPECT_TRUE(tombstone) << where << ": gone";
    } else if (found->second != offset && (quiet || !tombstone)) {
      ADD_FAILURE() << where << (tombstone ? " as a tombstone" : "") << ": what is left of it is that of "
                    << found->second;
    }
  }
}

}  // namespace forebay::partition
