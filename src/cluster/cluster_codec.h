// Bytes of cluster records, of what the key-value store keeps of the image, and of what nodes propose
// (proto/forebay/internal/v1/cluster.proto).
#pragma once

#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "cluster/core/cluster_image.h"
#include "cluster/core/proposals.h"

namespace forebay::cluster {

[[nodiscard]] std::string encode_record(const ClusterRecord& record);
// Errors: kCorruptBatch (malformed), kNewerFormat (a kind that this version does not know).
[[nodiscard]] Result<ClusterRecord> decode_record(ByteSpan bytes);

// Errors of the three: kCorruptBatch.
[[nodiscard]] std::string encode_topic(const Topic& topic);
[[nodiscard]] Result<Topic> decode_topic(ByteSpan bytes);
[[nodiscard]] std::string encode_deletion(const Deletion& deletion);
[[nodiscard]] Result<Deletion> decode_deletion(ByteSpan bytes);
[[nodiscard]] std::string encode_broker(const Broker& broker);
[[nodiscard]] Result<Broker> decode_broker(ByteSpan bytes);

[[nodiscard]] std::string encode_proposal(const NodeProposal& proposal);
// Errors: kInvalidArgument (malformed), kUnsupported (a kind that this version does not know).
[[nodiscard]] Result<NodeProposal> decode_proposal(ByteSpan bytes);

// The answer to GrantProducerIds. Errors: kUnsupported, that of a version that says nothing.
[[nodiscard]] std::string encode_granted_ids(const GrantedIds& granted);
[[nodiscard]] Result<GrantedIds> decode_granted_ids(ByteSpan bytes);

}  // namespace forebay::cluster
