#include "log/core/loss.h"

#include <algorithm>

#include "log/core/damage.h"

namespace forebay::log {
namespace {

Loss loss_of(const model::TopicPartition& id, const Damage& damage) {
  return {id, is_tail(damage.kind) ? LossKind::kTail : LossKind::kRange, damage.begin, damage.end};
}

}  // namespace

std::string_view loss_kind_name(LossKind kind) {
  switch (kind) {
    case LossKind::kRange:
      return "range";
    case LossKind::kTail:
      return "tail";
  }
  return "unknown";
}

std::string describe(const Loss& loss) {
  const std::string begin = std::to_string(loss.begin.next_offset.value());
  switch (loss.kind) {
    case LossKind::kRange:
      if (loss.begin.next_offset == loss.end.next_offset) {
        return "control frames at offset " + begin + " are lost, no record is; readers will not notice";
      }
      return "offsets " + begin + " to " + std::to_string(loss.end.next_offset.value() - 1) +
             " are lost; readers will pass over them without an error";
    case LossKind::kTail:
      if (loss.begin.next_offset == model::Offset(0)) {
        return "all that was acknowledged is lost; the log will begin again at offset 0, so that its offsets "
               "are given "
               "out a second time: readers must be set back to 0";
      }
      return "what was acknowledged from offset " + begin +
             " on is lost; the log will go on there, so that these offsets are given out a second time: "
             "readers "
             "that had read past it must be set back to " +
             begin;
  }
  return "unknown";
}

std::vector<Loss> losses_of(const PartitionCheckpoint& state) {
  std::vector<Loss> losses;
  for (const Damage& damage : state.damage) {
    if (!is_accepted(damage.kind) && damage.kind != DamageKind::kRenewal)
      losses.push_back(loss_of(state.id, damage));
  }
  return losses;
}

void accept_losses(PartitionCheckpoint& state, const std::vector<Loss>& accepted_losses) {
  for (Damage& damage : state.damage) {
    const bool named = std::find(accepted_losses.begin(), accepted_losses.end(), loss_of(state.id, damage)) !=
                       accepted_losses.end();
    if (named) damage.kind = accepted(damage.kind);
  }
}

}  // namespace forebay::log
