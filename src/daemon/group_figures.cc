#include "daemon/group_figures.h"

#include <algorithm>
#include <chrono>
#include <iterator>

namespace forebay::daemon {
namespace {

using telemetry::Metrics;

double seconds(group::Milliseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

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

GroupFigures worst_of(std::vector<GroupFigures> shards) {
  GroupFigures all;
  for (GroupFigures& one : shards) {
    std::move(one.worst.begin(), one.worst.end(), std::back_inserter(all.worst));
    add(all.rest, one.rest);
  }
  keep_worst(all);
  return all;
}

std::vector<Metrics::Sampled> export_lags(Metrics& metrics, const GroupFigures& figures) {
  std::vector<Metrics::Sampled> series;
  const auto gauge = [&](const char* name, const char* help, const telemetry::Labels& labels, double value) {
    series.push_back(
        metrics.sampled(Metrics::SampledKind::kGauge, name, help, labels, [value] { return value; }));
  };
  for (const GroupSeries& one : figures.worst) {
    const telemetry::Labels labels{{"group", one.group}};
    gauge("forebay_group_lag_records", "Records that the group has not read, of the groups worst off", labels,
          static_cast<double>(one.lag.records));
    gauge("forebay_group_lag_bytes", "Bytes of those, about", labels, static_cast<double>(one.lag.bytes));
    gauge("forebay_group_lag_seconds", "Since the event time of the oldest of them", labels,
          seconds(one.lag.age));
    gauge("forebay_group_stalled", "Partitions of which the group reads nothing although there is something",
          labels, static_cast<double>(one.lag.stalled));
  }
  gauge("forebay_group_other_lag_records", "Records that all other groups have not read", {},
        static_cast<double>(figures.rest.records));
  gauge("forebay_group_other_lag_bytes", "Bytes of those, about", {},
        static_cast<double>(figures.rest.bytes));
  gauge("forebay_group_other_lag_seconds", "Since the event time of the oldest of them", {},
        seconds(figures.rest.age));
  gauge("forebay_group_other_stalled", "Partitions of other groups that stand still", {},
        static_cast<double>(figures.rest.stalled));
  return series;
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
