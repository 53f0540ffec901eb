// To whom a leader hands over, if to anybody. Pure; asked again now and then.
//
// A leader that is fit gives way only to one that should rather lead. One that is not fit (its disk is low or
// hangs, its log is damaged) gives way to any that is.
#pragma once

#include <optional>
#include <vector>

#include "model/ids.h"

namespace forebay::partition {

struct LeaderCandidate {
  model::NodeId node;
  bool able = false;  // can be reached, and has what is committed
  bool fit = false;   // nothing speaks against it
};
struct LeaderView {
  model::NodeId self;
  bool self_fit = true;
  std::vector<model::NodeId> preferred;  // who should rather lead, first things first; may be empty
  std::vector<LeaderCandidate> others;   // the other voters
};

[[nodiscard]] std::optional<model::NodeId> choose_leader(const LeaderView& view);

}  // namespace forebay::partition
