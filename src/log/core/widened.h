// Frames that compaction widened: each covers its own place and places of frames that are gone. Pure.
#pragma once

#include <optional>

#include "log/core/frame.h"

namespace forebay::log {

// Of a frame that covers `from` and begins below it: what lies from there on, for a replica that ends there.
// Nothing when `from` lies within the frame's own batch, where no frame ever began; a batch without records
// and without a producer may stand for several that are gone.
[[nodiscard]] std::optional<Frame> rest_of(const Frame& frame, model::LogPosition from);

}  // namespace forebay::log
