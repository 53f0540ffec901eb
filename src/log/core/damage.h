// What a partition's list of damage means: which part is lost, and which part of that somebody has accepted
// as lost. Pure. In docs/operations.md, "Damage", for people.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "log/core/journal_record.h"

namespace forebay::log {

[[nodiscard]] constexpr bool is_accepted(DamageKind kind) {
  return kind == DamageKind::kAcceptedMiddle || kind == DamageKind::kAcceptedTail;
}
// Of the log's end, accepted or not: `end` means nothing.
[[nodiscard]] constexpr bool is_tail(DamageKind kind) {
  return kind == DamageKind::kTail || kind == DamageKind::kAcceptedTail || kind == DamageKind::kRenewal;
}
[[nodiscard]] constexpr DamageKind accepted(DamageKind kind) {
  return is_tail(kind) ? DamageKind::kAcceptedTail : DamageKind::kAcceptedMiddle;
}

// Some of it is not accepted. What is renewed is not damaged.
[[nodiscard]] bool is_open(const std::vector<Damage>& damage);
// A range is lost, and nobody has accepted that.
[[nodiscard]] bool has_lost_range(const std::vector<Damage>& damage);
// Where the log ends as far as anybody knows, when more than that may have been acknowledged and is lost.
[[nodiscard]] std::optional<model::LogPosition> lost_tail(const std::vector<Damage>& damage);
// Likewise, and it is so by a removal: term and vote are known.
[[nodiscard]] bool is_renewed(const std::vector<Damage>& damage);
// Nothing of the log is left, as far as the journal knows, and nobody has accepted that.
[[nodiscard]] bool is_wholly_lost(const PartitionCheckpoint& state);
// Somebody accepted that the log ends there.
[[nodiscard]] bool tail_accepted_at(const std::vector<Damage>& damage, model::Offset end);
// The end of the range of that kind (a middle one) that holds `offset`.
[[nodiscard]] std::optional<model::Offset> range_end(const std::vector<Damage>& damage, DamageKind kind,
                                                     model::Offset offset);

// All of [begin, end) is accepted as lost.
[[nodiscard]] bool is_accepted_range(const std::vector<Damage>& damage, const model::LogPosition& begin,
                                     const model::LogPosition& end);

// Adds [begin, end) as lost, but for what is accepted already. Returns: whether that was news.
bool add_lost_range(std::vector<Damage>& damage, model::LogPosition begin, model::LogPosition end);
// Adds that the log's end is lost and that it was at `end` or behind. Returns: whether that was news.
bool add_lost_tail(std::vector<Damage>& damage, model::LogPosition end);
void add_renewal(std::vector<Damage>& damage);
// Of a log that begins anew at `base`: its promises are no more regained than before, all else is void.
[[nodiscard]] std::vector<Damage> kept_by_install(const std::vector<Damage>& damage, model::LogPosition base);
// The end is here again, for either reason.
void forget_lost_tail(std::vector<Damage>& damage);
// Forgets what lies at `to` and behind it: the log was cut there. A lost tail stays, it begins there at the
// latest: nobody knows what followed.
void cut_damage(std::vector<Damage>& damage, model::LogPosition to);
// Forgets what lies below the log start. An open lost tail stays: what followed it is still unknown.
void drop_damage_below(std::vector<Damage>& damage, model::LogPosition log_start);

}  // namespace forebay::log
