#include "sim/compaction_checks.h"

#include <algorithm>

#include "base/crc32c.h"
#include "model/record_iterator.h"

namespace forebay::sim {
namespace {

// Wall clocks say whole milliseconds.
constexpr Duration kClockSlack = std::chrono::milliseconds(2);

std::uint32_t crc_of(const model::RecordView& record) {
  std::string text = std::to_string(record.timestamp.value()) + "/";
  if (record.key) text += "k" + std::string(as_text(*record.key));
  if (record.value) text += "v" + std::string(as_text(*record.value));
  return crc32c(as_bytes(text));
}

}  // namespace

void CompactionChecks::look(std::uint32_t node, std::uint32_t partition, model::LogPosition compacted_to,
                            model::LogPosition committed, TimePoint now) {
  Copy& copy = copies_[node][partition];
  const bool was_down = copy.there && copy.was_down;
  const model::LogPosition before = copy.compacted_to;
  copy.there = true;
  if (compacted_to < copy.last_seen) ++counts_.repaired;
  copy.last_seen = compacted_to;
  copy.compacted_to = std::max(copy.compacted_to, compacted_to);
  copy.committed = std::max(copy.committed, committed);
  if (compacted_to > copy.committed)
    fail_("node " + std::to_string(node + 1) + " has compacted partition " + std::to_string(partition) +
          " up to " + compacted_to.to_string() + ", and only " + copy.committed.to_string() +
          " is committed");
  if (compacted_to > before) copy.was_down = false;
  if (note_everywhere(partition, now) && was_down && compacted_to > before) ++counts_.waits_for_the_absent;
}

// A copy that goes may be the one that the others waited for.
bool CompactionChecks::note_everywhere(std::uint32_t partition, TimePoint now) {
  std::optional<model::LogPosition> everywhere;
  for (const auto& of_node : copies_) {
    const Copy& copy = of_node[partition];
    if (copy.there) everywhere = std::min(everywhere.value_or(copy.compacted_to), copy.compacted_to);
  }
  auto& known = groups_[partition].everywhere;
  if (!everywhere || (!known.empty() && known.back().first >= everywhere->next_offset)) return false;
  known.emplace_back(everywhere->next_offset, now);
  return true;
}

void CompactionChecks::scan_begins(std::uint32_t node, std::uint32_t partition, model::LogPosition from) {
  Copy& copy = copies_[node][partition];
  copy.scan_from = from.next_offset.value();
  copy.present.clear();
}

void CompactionChecks::take(std::uint32_t node, std::uint32_t partition, const log::Frame& frame,
                            const std::string& where) {
  if (frame.header.kind != log::FrameKind::kRecords) return;
  const auto view = model::RecordBatchView::parse(frame.payload.span());
  if (!view) return fail_(where + " holds a batch that cannot be read: " + view.error().to_string());
  auto& records = groups_[partition].records;
  std::vector<std::byte> scratch;
  const auto visited = model::for_each_record(*view, 1U << 24, scratch, [&](const model::RecordView& record) {
    const std::int64_t offset = record.offset.value();
    if (record.offset < frame.header.begin.next_offset || record.offset >= frame.header.end.next_offset)
      return fail_(where + " holds offset " + std::to_string(offset) + " outside of its frame");
    copies_[node][partition].present.push_back(offset);
    Record seen{.key = {}, .tombstone = !record.value, .crc = crc_of(record)};
    if (record.key) seen.key = std::string(as_text(*record.key));
    const auto [at, is_new] = records.emplace(offset, std::move(seen));
    if (!is_new && at->second.crc != crc_of(record))
      fail_("I21: the record at offset " + std::to_string(offset) + " of " + where +
            " is not the one that was committed there");
  });
  if (!visited) fail_(where + " holds a batch that cannot be read: " + visited.error().to_string());
}

void CompactionChecks::scan_ends(std::uint32_t node, std::uint32_t partition, model::LogPosition log_start,
                                 model::LogPosition upto, TimePoint now, const std::string& where) {
  ++counts_.scans;
  Copy& copy = copies_[node][partition];
  const std::int64_t from = std::max(copy.scan_from, log_start.next_offset.value());
  const auto& records = groups_[partition].records;
  // By key, from the last one back: the next later record of its key.
  std::map<std::string, std::int64_t> later;
  std::set<std::string> deleted;  // its last record is a tombstone, and that is gone
  auto here = copy.present.rbegin();
  for (auto at = records.rbegin(); at != records.rend() && at->first >= from; ++at) {
    const auto& [offset, record] = *at;
    // What it got of another replica may be gone for the sake of what it has not got yet.
    if (offset >= upto.next_offset.value()) {
      if (record.key) later[*record.key] = offset;
      continue;
    }
    while (here != copy.present.rend() && *here > offset) ++here;
    const bool present = here != copy.present.rend() && *here == offset;
    const auto next = record.key ? later.find(*record.key) : later.end();
    if (present && record.key && deleted.contains(*record.key))
      fail_("key " + *record.key + " of " + where + " has come back: its record at offset " +
            std::to_string(offset) + " is there, and the tombstone behind it is gone");
    if (!present && next != later.end()) {
      ++counts_.records_gone;
    } else if (!present && record.tombstone) {
      deleted.insert(*record.key);
      if (copy.gone.insert(offset).second) tombstone_is_gone(offset, partition, now, where);
    } else if (!present) {
      fail_("I21: the record at offset " + std::to_string(offset) + " of " + where +
            " is gone, and nothing supersedes it; it was read up to " + upto.to_string() + ", and up to " +
            std::to_string(records.rbegin()->first) + " is known");
    }
    if (record.key) later.try_emplace(*record.key, offset).first->second = offset;
  }
  copy.present.clear();
}

void CompactionChecks::tombstone_is_gone(std::int64_t offset, std::uint32_t partition, TimePoint now,
                                         const std::string& where) {
  ++counts_.tombstones_gone;
  const auto& known = groups_[partition].everywhere;
  const auto since = std::find_if(known.begin(), known.end(),
                                  [offset](const auto& one) { return one.first.value() > offset; });
  const std::string which = "the tombstone at offset " + std::to_string(offset) + " of " + where + " is gone";
  if (since == known.end()) return fail_(which + ", and not every copy was compacted past it");
  if (life_ && now - since->second + kClockSlack < *life_) fail_(which + " before its time");
}

std::vector<std::pair<std::int64_t, std::int64_t>> CompactionChecks::may_be_gone(std::uint32_t partition,
                                                                                 std::int64_t end) const {
  std::vector<std::pair<std::int64_t, std::int64_t>> gone;
  std::set<std::string> later;
  const auto& records = groups_[partition].records;
  std::int64_t above = end;
  for (auto at = records.rbegin(); at != records.rend(); ++at) {
    const auto& [offset, record] = *at;
    if (offset + 1 < above) gone.emplace_back(offset + 1, above);
    above = offset;
    if (!record.key) continue;
    const bool superseded = !later.insert(*record.key).second;
    if (superseded || record.tombstone) gone.emplace_back(offset, offset + 1);
  }
  if (above > 0) gone.emplace_back(0, above);
  return gone;
}

}  // namespace forebay::sim
