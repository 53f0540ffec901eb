// What a reader may see, as pure rules: between the log start and the high watermark, never above what is
// committed.
#pragma once

#include "base/result.h"
#include "model/ids.h"

namespace forebay::partition {

struct Watermarks {
  model::Offset log_start;
  model::Offset high_watermark;  // first offset not yet committed
};

enum class ReadStep {
  kRead,  // there is something at the offset
  kWait,  // the offset is the high watermark: nothing yet
};

// Errors: kOffsetOutOfRange, with both bounds in the text.
[[nodiscard]] Result<ReadStep> check_read(model::Offset from, Watermarks marks);

}  // namespace forebay::partition
