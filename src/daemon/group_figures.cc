#include "daemon/group_figures.h"

#include <algorithm>

namespace forebay::daemon {

bool is_worse(const GroupSeries& a, const GroupSeries& b) {
  if ((a.lag.stalled > 0) != (b.lag.stalled > 0)) return a.lag.stalled > 0;
  if (a.lag.records != b.lag.records) return a.lag.records > b.lag.records;
  return a.group < b.group;
}

void add(group::LagFigures& sum, const group::LagFigures& one) {
  sum.records += one.records;
  sum.bytes += one.bytes;
  sum.age = std::max(sum.age, one.age);
  sum.stalled += one.stalled;
}

void keep_worst(GroupFigures& figures) {
  auto& all = figures.worst;
  const std::size_t count = std::min(kTopGroups, all.size());
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(all.begin(), end, all.end(), is_worse);
  std::for_each(end, all.end(), [&figures](const GroupSeries& one) { add(figures.rest, one.lag); });
  all.erase(end, all.end());
}

GroupFigures measure(const group::Coordinators& coordinators) {
  GroupFigures figures;
  figures.counts = coordinators.counts();
  for (const auto& [id, one] : coordinators.all()) {
    if (!one->coordinates()) continue;
    for (const auto& [name, group] : one->look().groups) {
      ++figures.groups;
      figures.members += group.roster.members.size();
    }
    for (const auto& [name, lag] : one->lags().figures()) figures.worst.push_back({name, lag});
  }
  keep_worst(figures);
  return figures;
}

}  // namespace forebay::daemon
