// A truncation, or an install, that the journal does not have yet: what it took from the log's state. A
// checkpoint that is written before that is durable must say what was (journal.h). Pure.
#pragma once

#include "log/core/journal_record.h"

namespace forebay::log {

struct LogCut {
  model::LogPosition to;
  PartitionCheckpoint before;  // the state that was cut
  bool whole = false;          // all of it went: the log begins at `to` now
};

// `state` is what the cut has left, brought forward since (log start, hard state, compaction, what was
// flushed below the cut): puts back what was cut from it. Nothing behind the cut has been flushed meanwhile.
void undo_cut(PartitionCheckpoint& state, const LogCut& cut);

}  // namespace forebay::log
