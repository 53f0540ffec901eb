// Which term wrote which part of a log: where each term begins. Two logs that have the same term at a
// position are the same up to there (log matching).
#pragma once

#include <vector>

#include "log/core/journal_record.h"
#include "model/ids.h"

namespace forebay::raft {

class TermTable {
 public:
  TermTable() = default;
  [[nodiscard]] static bool is_ascending(const std::vector<log::TermBegin>& terms);
  // Requires: is_ascending(terms). A log whose beginning was trimmed keeps the entry that covers it.
  explicit TermTable(std::vector<log::TermBegin> terms);

  // Of the frame that ends at `end`; 0 before the first one.
  [[nodiscard]] model::Term before(model::LogPosition end) const;
  // The highest position up to `end` that lies behind no frame of a term above `most`.
  [[nodiscard]] model::LogPosition end_of_terms_upto(model::Term most, model::LogPosition end) const;
  // Where the term of the frame that ends at `end` begins; `end` itself before the first one.
  [[nodiscard]] model::LogPosition begin_of_term_before(model::LogPosition end) const;

  // Requires: the term is not lower than that of the frames before.
  void append(model::LogPosition begin, model::Term term);
  void truncate(model::LogPosition to);

 private:
  [[nodiscard]] std::vector<log::TermBegin>::const_iterator entry_before(model::LogPosition end) const;

  std::vector<log::TermBegin> terms_;
};

}  // namespace forebay::raft
