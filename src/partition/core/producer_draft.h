// A state of producers that is to be written: what has changed, over a state that lies on the disk. Made on
// the shard from what is in memory, finished on the pool with the bytes from the disk. Pure; plain values.
#pragma once

#include <optional>
#include <vector>

#include "log/core/control.h"
#include "partition/core/producer_snapshot.h"

namespace forebay::partition {

struct ProducerDraft {
  model::LogPosition position;  // of which the state is to be
  // The state under it; none: `changed` is all there is.
  std::optional<model::LogPosition> base;
  std::vector<log::ProducersForgotten> forgotten;  // since `base`: for those that have not changed
  std::vector<ProducerEntry> changed;              // by id; nobody: it is gone
};

// Errors: those of reading `base`, which counts only with ProducerDraft::base.
[[nodiscard]] Result<ProducerWriter::Encoded> finish_draft(const ProducerDraft& draft, ByteSpan base);

}  // namespace forebay::partition
