#include "raft/core/term_table.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace forebay::raft {

bool TermTable::is_ascending(const std::vector<log::TermBegin>& terms) {
  return std::adjacent_find(terms.begin(), terms.end(), [](const auto& a, const auto& b) {
           return a.term >= b.term || a.begin > b.begin;
         }) == terms.end();
}

TermTable::TermTable(std::vector<log::TermBegin> terms) : terms_(std::move(terms)) {
  FOREBAY_ASSERT(is_ascending(terms_));
}

// The last term that begins below `end`; end() when none does.
std::vector<log::TermBegin>::const_iterator TermTable::entry_before(model::LogPosition end) const {
  const auto after = std::lower_bound(
      terms_.begin(), terms_.end(), end,
      [](const log::TermBegin& entry, const model::LogPosition& at) { return entry.begin < at; });
  return after == terms_.begin() ? terms_.end() : std::prev(after);
}

model::Term TermTable::before(model::LogPosition end) const {
  const auto entry = entry_before(end);
  return entry == terms_.end() ? model::Term() : entry->term;
}

model::LogPosition TermTable::end_of_terms_upto(model::Term most, model::LogPosition end) const {
  for (auto entry = entry_before(end); entry != terms_.end() && entry->term > most; entry = entry_before(end))
    end = entry->begin;
  return end;
}

model::LogPosition TermTable::begin_of_term_before(model::LogPosition end) const {
  const auto entry = entry_before(end);
  return entry == terms_.end() ? end : entry->begin;
}

void TermTable::append(model::LogPosition begin, model::Term term) {
  FOREBAY_ASSERT(terms_.empty() || (terms_.back().term <= term && terms_.back().begin <= begin));
  if (terms_.empty() || terms_.back().term < term) terms_.push_back({term, begin});
}

void TermTable::truncate(model::LogPosition to) {
  while (!terms_.empty() && terms_.back().begin >= to) terms_.pop_back();
}

}  // namespace forebay::raft
