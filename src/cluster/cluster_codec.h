// Bytes of cluster records and of the topics in the key-value store
// (proto/forebay/internal/v1/cluster.proto).
#pragma once

#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "cluster/core/cluster_image.h"

namespace forebay::cluster {

[[nodiscard]] std::string encode_record(const ClusterRecord& record);
// Errors: kCorruptBatch (malformed), kNewerFormat (a kind that this version does not know).
[[nodiscard]] Result<ClusterRecord> decode_record(ByteSpan bytes);
[[nodiscard]] std::string encode_topic(const Topic& topic);
[[nodiscard]] Result<Topic> decode_topic(ByteSpan bytes);

}  // namespace forebay::cluster
