// Reads of the batches of a log that have dead letters, past all others. Thread rules: on the log's shard.
#pragma once

#include "log/log.h"

namespace forebay::partition {

// As Log::read(), of those batches alone: `next` lies above what was passed over, and is `upto` when there is
// no more. Errors: those of Log::read() and Log::find_dead_letters(), when nothing was found before.
void read_dead_letters(log::Log& log, const log::ReadRequest& request, log::ReadResultDone done);

}  // namespace forebay::partition
