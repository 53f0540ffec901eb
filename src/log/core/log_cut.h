// A truncation that the journal does not have yet: what it took from the log's state. A checkpoint that is
// written before the truncation is durable must say what was (journal.h). Pure.
#pragma once

#include "log/core/journal_record.h"

namespace forebay::log {

struct LogCut {
  model::LogPosition to;
  PartitionCheckpoint before;  // the state that was cut
};

// `state` is what the cut has left, brought forward since (log start, hard state, compaction, what was
// flushed below the cut): puts back what was cut from it. Nothing behind the cut has been flushed meanwhile.
void undo_cut(PartitionCheckpoint& state, const LogCut& cut);

}  // namespace forebay::log
