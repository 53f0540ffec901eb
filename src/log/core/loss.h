// What recovery found lost and an operator may accept as lost, one by one. Pure.
#pragma once

#include <string>
#include <vector>

#include "log/core/journal_record.h"

namespace forebay::log {

enum class LossKind : std::uint8_t {
  kRange,  // [begin, end)
  kTail,   // what followed `begin`, nobody knows how much; end: the same
};
struct Loss {
  model::TopicPartition id;
  LossKind kind = LossKind::kRange;
  model::LogPosition begin;
  model::LogPosition end;
  friend bool operator==(const Loss&, const Loss&) = default;
};
[[nodiscard]] std::string_view loss_kind_name(LossKind kind);  // "range", "tail"
// What is lost, and what accepting it means for those who write and read. One sentence each, for people.
[[nodiscard]] std::string describe(const Loss& loss);

// The losses of a partition that nobody has accepted yet.
[[nodiscard]] std::vector<Loss> losses_of(const PartitionCheckpoint& state);
// Marks those of `accepted_losses` that are this partition's, and only those, as accepted.
void accept_losses(PartitionCheckpoint& state, const std::vector<Loss>& accepted_losses);

}  // namespace forebay::log
