#include "partition/core/read_bounds.h"

#include <string>

namespace forebay::partition {

Result<ReadStep> check_read(model::Offset from, Watermarks marks) {
  if (from >= marks.log_start && from < marks.high_watermark) return ReadStep::kRead;
  if (from == marks.high_watermark) return ReadStep::kWait;
  const std::string range = "[" + std::to_string(marks.log_start.value()) + ", " +
                            std::to_string(marks.high_watermark.value()) + "]";
  if (from < marks.log_start) {
    return Error{ErrorCode::kOffsetOutOfRange,
                 "offset " + std::to_string(from.value()) + " is below the log start; readable: " + range +
                     "; the records were removed by retention or trimming, go on at the log start"};
  }
  return Error{ErrorCode::kOffsetOutOfRange,
               "offset " + std::to_string(from.value()) + " is above the end; readable: " + range};
}

}  // namespace forebay::partition
