// What a history says no more, once an operator has accepted a loss (docs/adr/0013): from some offset on,
// what was acknowledged and read until then may be gone, and other records may lie there. Pure.
#pragma once

#include "sim/history.h"

namespace forebay::sim {

struct AcceptedLoss {
  std::uint32_t partition = 0;
  std::int64_t from = 0;  // all below is kept
  HistoryTime at = 0;
};

// Of records acknowledged there before, nobody knows any more whether they are; what was read there before
// was another partition's life.
void forget_lost(History& history, const AcceptedLoss& loss);

}  // namespace forebay::sim
