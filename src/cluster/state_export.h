// The state of __cluster as bytes, for a replica that lacks what the log began with: the state of a machine
// (docs/format/machine-state.md) whose entries are those of the image in the key-value store. Pure but for
// load_image(), which reads from memory here.
#pragma once

#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "cluster/core/cluster_image.h"
#include "kv/key_value_store.h"

namespace forebay::cluster {

[[nodiscard]] std::string encode_state(const ClusterImage& image);
// Errors: those of machine::decode_state(); kCorruptBatch also for entries that make no image; kNewerFormat
// also for a level of a feature that this version does not read.
[[nodiscard]] Result<ClusterImage> decode_state(ByteSpan bytes);

// Makes the store hold this image and nothing of another one, in one step.
[[nodiscard]] kv::WriteBatch replace_store_by(const ClusterImage& image);

}  // namespace forebay::cluster
