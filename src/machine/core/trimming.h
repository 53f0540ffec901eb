// How much of the log stays when it is trimmed to what the store holds durably. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "model/ids.h"

namespace forebay::machine {

struct Trimming {
  std::int64_t records_max = 0;   // from so many on
  std::int64_t records_kept = 0;  // below what the store holds
};

// Nothing: not yet.
[[nodiscard]] inline std::optional<model::Offset> trim_to(model::Offset log_start, model::Offset stored,
                                                          const Trimming& trimming) {
  if (stored.value() - log_start.value() < trimming.records_max) return std::nullopt;
  return stored.plus(-trimming.records_kept);
}

}  // namespace forebay::machine
