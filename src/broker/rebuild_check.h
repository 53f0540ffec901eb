// Whether a copy may be dropped now, to be made anew from the others. Pure; asked with what the leader of the
// partition says, so that what no leader tells counts as not in sync.
#pragma once

#include "base/result.h"
#include "broker/cluster_view.h"

namespace forebay::broker {

// The others need a majority of their own that has everything: the leader waits for that too before it lets
// the copy go, but a rebuild that waits for ever is one copy less for ever.
// Errors: kFailedPrecondition, with what the others lack.
[[nodiscard]] Result<void> check_rebuild(const PartitionReplicas& partition, model::NodeId node);

}  // namespace forebay::broker
