// What the metrics tell of the consumer groups that one shard coordinates. Made on the shard, every few
// seconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "group/coordinators.h"
#include "telemetry/metrics.h"

namespace forebay::daemon {

// Of a node: series of so many groups, whatever users create; a dashboard shows fewer.
inline constexpr std::size_t kTopGroups = 100;

struct GroupSeries {
  std::string group;
  group::LagFigures lag;
};
// Who stands still comes first, then who is further behind.
[[nodiscard]] bool is_worse(const GroupSeries& a, const GroupSeries& b);

struct GroupFigures {
  std::uint64_t groups = 0, members = 0;  // of coordinators that lead
  group::Coordinator::Counts counts;      // since the node's start
  std::vector<GroupSeries> worst;         // at most kTopGroups
  group::LagFigures rest;                 // of all others together; its age is that of the oldest
};
void add(group::LagFigures& sum, const group::LagFigures& one);
// Leaves the kTopGroups worst ones; the others go to the rest.
void keep_worst(GroupFigures& figures);

// Of the shards of a node: what only one of them can tell, as their groups and members, is not in it.
[[nodiscard]] GroupFigures worst_of(std::vector<GroupFigures> shards);
// Series with the values of this moment, for as long as what is returned is there.
[[nodiscard]] std::vector<telemetry::Metrics::Sampled> export_lags(telemetry::Metrics& metrics,
                                                                   const GroupFigures& figures);

[[nodiscard]] GroupFigures measure(const group::Coordinators& coordinators);

}  // namespace forebay::daemon
