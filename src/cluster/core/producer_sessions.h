// Sessions of named producers: each gets a pair of id and epoch that no other session ever has, and a higher
// epoch than those of its name before it (docs/adr/0021). Pure.
#pragma once

#include <string>

#include "base/result.h"
#include "cluster/core/cluster_image.h"
#include "cluster/core/decisions.h"

namespace forebay::cluster {

// The next session of this name. Every decision is another session: one whose answer is lost is nobody's, and
// costs an epoch. Requires: check_producer_name.
// Errors: kMemoryBudget, a new name above Limits::producer_names_max; kInternal, no id is left.
[[nodiscard]] Result<ProducerNamed> decide_producer_session(const ClusterImage& image,
                                                            const std::string& name, const Limits& limits);
// The name is free again. Errors: kNotFound.
[[nodiscard]] Result<ProducerNameRemoved> decide_remove_producer_name(const ClusterImage& image,
                                                                      const std::string& name);

}  // namespace forebay::cluster
