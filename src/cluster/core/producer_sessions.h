// Sessions of named producers: each gets a pair of id and epoch that no other session ever has, and a higher
// epoch than those of its name before it (docs/adr/0021). Pure.
#pragma once

#include <limits>
#include <optional>
#include <string>

#include "base/result.h"
#include "cluster/core/cluster_image.h"
#include "cluster/core/decisions.h"

namespace forebay::cluster {

// The last epoch, which no session has. When the others of an id are used up the name goes on with a new id,
// and each of its sessions fences the id before with this one (FenceProducer).
inline constexpr model::ProducerEpoch kFenceEpoch{
    std::numeric_limits<model::ProducerEpoch::value_type>::max()};

// The id that the name had before the one that it has once `record` is applied to `image`.
[[nodiscard]] std::optional<model::ProducerId> previous_id(const ClusterImage& image,
                                                           const ProducerNamed& record);

// The next session of this name. Every decision is another session: one whose answer is lost is nobody's, and
// costs an epoch. Requires: check_producer_name.
// Errors: kMemoryBudget, a new name above Limits::producer_names_max; kInternal, no id is left.
[[nodiscard]] Result<ProducerNamed> decide_producer_session(const ClusterImage& image,
                                                            const std::string& name, const Limits& limits);
// The name is free again. Errors: kNotFound.
[[nodiscard]] Result<ProducerNameRemoved> decide_remove_producer_name(const ClusterImage& image,
                                                                      const std::string& name);

}  // namespace forebay::cluster
