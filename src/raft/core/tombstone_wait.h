// How long tombstones of a leader's log have waited for other copies to be compacted (docs/adr/0016). Counted
// from when this leader first saw that they do, for nothing of it is kept: less than it is, never more. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "model/ids.h"

namespace forebay::raft {

class TombstoneWait {
 public:
  using Steady = std::chrono::steady_clock::duration;
  // A leadership begins or ends.
  void begin() { wait_.reset(); }
  // `lowest`: the first position up to which all copies have to be compacted for some tombstone; nothing when
  // none waits. `everywhere`: up to there they are.
  void look(std::optional<model::LogPosition> lowest, model::LogPosition everywhere, Steady now) {
    if (!lowest || *lowest <= everywhere) return wait_.reset();
    // What waits now came later than what has been freed.
    if (!wait_ || wait_->upto <= everywhere) wait_ = Wait{*lowest, now};
    wait_->upto = std::min(wait_->upto, *lowest);
  }
  [[nodiscard]] std::optional<Steady> since() const {
    return wait_ ? std::optional(wait_->since) : std::nullopt;
  }
  // For all copies to be compacted to there.
  [[nodiscard]] std::optional<model::LogPosition> upto() const {
    return wait_ ? std::optional(wait_->upto) : std::nullopt;
  }

 private:
  struct Wait {
    model::LogPosition upto;
    Steady since{};
  };
  std::optional<Wait> wait_;
};

}  // namespace forebay::raft
