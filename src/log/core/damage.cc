#include "log/core/damage.h"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace forebay::log {
namespace {

using model::LogPosition;

// Ordered by place; ranges of one kind that touch are one.
void put_in_order(std::vector<Damage>& damage) {
  std::sort(damage.begin(), damage.end(), [](const Damage& a, const Damage& b) {
    return std::tie(a.kind, a.begin, a.end) < std::tie(b.kind, b.begin, b.end);
  });
  std::vector<Damage> joined;
  for (const Damage& one : damage) {
    if (!joined.empty() && joined.back().kind == one.kind && one.begin <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, one.end);
    } else {
      joined.push_back(one);
    }
  }
  damage = std::move(joined);
  std::sort(damage.begin(), damage.end(), [](const Damage& a, const Damage& b) {
    return std::tie(a.begin, a.kind) < std::tie(b.begin, b.kind);
  });
}

}  // namespace

bool is_open(const std::vector<Damage>& damage) {
  return std::any_of(damage.begin(), damage.end(), [](const Damage& one) {
    return !is_accepted(one.kind) && one.kind != DamageKind::kRenewal;
  });
}

bool has_lost_range(const std::vector<Damage>& damage) {
  return std::any_of(damage.begin(), damage.end(),
                     [](const Damage& one) { return one.kind == DamageKind::kMiddle; });
}

std::optional<LogPosition> lost_tail(const std::vector<Damage>& damage) {
  const auto found = std::find_if(damage.begin(), damage.end(), [](const Damage& one) {
    return one.kind == DamageKind::kTail || one.kind == DamageKind::kRenewal;
  });
  return found == damage.end() ? std::nullopt : std::optional(found->begin);
}

bool is_renewed(const std::vector<Damage>& damage) {
  return std::any_of(damage.begin(), damage.end(),
                     [](const Damage& one) { return one.kind == DamageKind::kRenewal; });
}

bool is_wholly_lost(const PartitionCheckpoint& state) {
  return state.segments.empty() &&
         std::any_of(state.damage.begin(), state.damage.end(), [](const Damage& one) {
           return one.kind == DamageKind::kTail && one.begin.next_offset == model::Offset(0);
         });
}

bool tail_accepted_at(const std::vector<Damage>& damage, model::Offset end) {
  return std::any_of(damage.begin(), damage.end(), [end](const Damage& one) {
    return one.kind == DamageKind::kAcceptedTail && one.begin.next_offset == end;
  });
}

std::optional<model::Offset> range_end(const std::vector<Damage>& damage, DamageKind kind,
                                       model::Offset offset) {
  for (const Damage& one : damage) {
    if (one.kind == kind && one.begin.next_offset <= offset && offset < one.end.next_offset)
      return one.end.next_offset;
  }
  return std::nullopt;
}

bool is_accepted_range(const std::vector<Damage>& damage, const LogPosition& begin, const LogPosition& end) {
  std::vector<Damage> passed;
  std::copy_if(damage.begin(), damage.end(), std::back_inserter(passed),
               [](const Damage& one) { return one.kind == DamageKind::kAcceptedMiddle; });
  return !add_lost_range(passed, begin, end);
}

bool add_lost_range(std::vector<Damage>& damage, LogPosition begin, LogPosition end) {
  // The list is ordered: what is known of [begin, end) comes from its front to its end.
  std::vector<Damage> added;
  LogPosition at = begin;
  for (const Damage& known : damage) {
    if (is_tail(known.kind) || known.end <= at || known.begin >= end) continue;
    if (at < known.begin) added.push_back({DamageKind::kMiddle, at, known.begin});
    at = known.end;
  }
  if (at < end) added.push_back({DamageKind::kMiddle, at, end});
  if (added.empty()) return false;
  damage.insert(damage.end(), added.begin(), added.end());
  put_in_order(damage);
  return true;
}

bool add_lost_tail(std::vector<Damage>& damage, LogPosition end) {
  // Nothing is appended behind a lost end but control frames: the first mark is the one that counts.
  const bool known = std::any_of(damage.begin(), damage.end(),
                                 [](const Damage& one) { return one.kind == DamageKind::kTail; });
  if (known) return false;
  damage.push_back({DamageKind::kTail, end, end});
  put_in_order(damage);
  return true;
}

void add_renewal(std::vector<Damage>& damage) {
  if (is_renewed(damage)) return;
  damage.push_back({DamageKind::kRenewal, {}, {}});
  put_in_order(damage);
}

std::vector<Damage> kept_by_install(const std::vector<Damage>& damage, model::LogPosition base) {
  std::vector<Damage> kept;
  for (const Damage& one : damage) {
    if (one.kind == DamageKind::kTail || one.kind == DamageKind::kRenewal)
      kept.push_back({one.kind, base, base});
  }
  return kept;
}

void forget_lost_tail(std::vector<Damage>& damage) {
  std::erase_if(damage, [](const Damage& one) {
    return one.kind == DamageKind::kTail || one.kind == DamageKind::kRenewal;
  });
}

void cut_damage(std::vector<Damage>& damage, LogPosition to) {
  std::erase_if(damage, [&](const Damage& one) { return !is_tail(one.kind) && one.begin >= to; });
  for (Damage& one : damage) {
    one.begin = std::min(one.begin, to);
    one.end = std::min(one.end, to);
  }
}

void drop_damage_below(std::vector<Damage>& damage, LogPosition log_start) {
  std::erase_if(damage, [&](const Damage& one) {
    if (one.kind == DamageKind::kTail || one.kind == DamageKind::kRenewal) return false;
    return is_tail(one.kind) ? one.begin < log_start : one.end <= log_start;
  });
  for (Damage& one : damage) {
    if (!is_tail(one.kind)) one.begin = std::max(one.begin, log_start);
  }
}

}  // namespace forebay::log
