// What is wrong with a cluster, from what its nodes say, and what to do about it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "forebay/cluster.h"

namespace forebay::cli {

struct ClusterProblem {
  std::string what;
  std::string where;                     // "node 3", "orders/0-11", "topic orders", "cluster"
  std::optional<std::int64_t> since_ms;  // absent: nobody knows
  std::string fix;                       // the command, or the deed
};

// Retention and append times follow the leader's clock: further apart than this they surprise.
inline constexpr std::int64_t kClockApartMaxMs = 5'000;
// Below its reserve a node refuses to produce; below so many reserves somebody should do something before.
inline constexpr std::uint64_t kDiskLowReserves = 2;

// `partitions`: all of them, internal ones too. What is wrong alike with several partitions of a topic is one
// problem.
[[nodiscard]] std::vector<ClusterProblem> cluster_problems(const ClusterDescription& cluster,
                                                           const std::vector<PartitionReplicas>& partitions);

// "0-3,5": ascending numbers, neighbours as a range.
[[nodiscard]] std::string number_ranges(const std::vector<std::int32_t>& numbers);

}  // namespace forebay::cli
