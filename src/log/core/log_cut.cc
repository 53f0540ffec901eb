#include "log/core/log_cut.h"

#include <algorithm>
#include <iterator>

#include "log/core/damage.h"

namespace forebay::log {

void undo_cut(PartitionCheckpoint& state, const LogCut& cut) {
  const PartitionCheckpoint& before = cut.before;
  const model::LogPosition to = cut.to;
  if (cut.whole) {
    const HardState now = state.hard_state;
    state = before;
    state.hard_state = now;
    return;
  }
  state.log_epoch = before.log_epoch;
  state.lowest_truncation = before.lowest_truncation;
  std::vector<Damage> left = before.damage;
  cut_damage(left, to);
  if (left != before.damage) state.damage = before.damage;
  std::copy_if(before.memberships.begin(), before.memberships.end(), std::back_inserter(state.memberships),
               [&](const auto& entry) { return entry.first >= to; });
  if (before.segment_end <= to) return;  // the cut met nothing that was in a segment
  state.segment_end = before.segment_end;
  state.max_append_time = before.max_append_time;
  std::copy_if(before.terms.begin(), before.terms.end(), std::back_inserter(state.terms),
               [&](const TermBegin& term) { return term.begin >= to; });
  for (const SegmentMeta& segment : before.segments) {
    if (segment.end <= to) continue;
    std::erase_if(state.segments, [&](const SegmentMeta& shorter) { return shorter.begin == segment.begin; });
    state.segments.push_back(segment);
  }
}

}  // namespace forebay::log
