// The state of __cluster as bytes, for a replica that lacks what the log began with
// (docs/format/metadata.md): the entries of the image in the key-value store, with the offset up to which
// they go. Pure but for load_image(), which reads from memory here.
#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "cluster/core/cluster_image.h"
#include "kv/key_value_store.h"

namespace forebay::cluster {

// Some hundred times what the largest cluster has (20,000 partitions are a few MiB): who says more is wrong.
inline constexpr std::size_t kStateBytesMax = 256U << 20;

[[nodiscard]] std::string encode_state(const ClusterImage& image);
// Errors: kCorruptBatch (a checksum, a length, an entry), kNewerFormat, also for a level of a feature that
// this version does not read.
[[nodiscard]] Result<ClusterImage> decode_state(ByteSpan bytes);

// Makes the store hold this image and nothing of another one, in one step.
[[nodiscard]] kv::WriteBatch replace_store_by(const ClusterImage& image);

}  // namespace forebay::cluster
