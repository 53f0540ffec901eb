// Which versions can read a record of __cluster (docs/adr/0015). One number says it, the level of the feature
// `metadata`: brokers register the highest that they read, and the first record that needs a level raises the
// cluster to it, once every broker reads it. From then on who does not cannot join. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "cluster/core/cluster_image.h"

namespace forebay::cluster {

inline constexpr const char* kMetadataFeature = "metadata";

// What this version registers: all that it reads.
[[nodiscard]] Features spoken_features();

// The level that a reader of the record needs.
[[nodiscard]] std::uint32_t level_of(const ClusterRecord& record);

// What is to be logged for a decision, in one batch: the record, behind the one that raises the level when
// this is the first that needs it. `alive`: who is connected to the decider right now. A disk is retired
// because nodes are gone, perhaps for ever: for that one only those that are there are asked. So is a broker
// that is to be decommissioned for that.
// Errors: kFailedPrecondition when a broker cannot read it, with its number, its version and what to do.
[[nodiscard]] Result<std::vector<ClusterRecord>> with_level(const ClusterImage& image, ClusterRecord record,
                                                            const std::set<log::Voter>& alive = {});

// Whether a session of a named producer has begun, so that every node reads the frames that it writes: fences
// and positions.
[[nodiscard]] bool may_fence_producers(const ClusterImage& image);

// That this version reads whatever a cluster with these levels may write. Errors: kNewerFormat, with what the
// cluster uses and what this version (`version`, for people) reads.
[[nodiscard]] Result<void> check_readable(const Features& in_use, const std::string& version);

}  // namespace forebay::cluster
