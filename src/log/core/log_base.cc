#include "log/core/log_base.h"

namespace forebay::log {

LogBase base_at(model::LogPosition begin, const std::vector<TermBegin>& terms,
                const std::vector<std::pair<model::LogPosition, Membership>>& memberships) {
  LogBase base;
  base.begin = begin;
  for (const TermBegin& term : terms) {
    if (term.begin < begin) base.before = term;
  }
  for (const auto& membership : memberships) {
    if (membership.first < begin) base.memberships = {membership};
  }
  return base;
}

}  // namespace forebay::log
