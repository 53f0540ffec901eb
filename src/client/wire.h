// The two messages that carry batches, in protobuf's wire form, without copying the batches: requests are a
// head that is followed by the batch's own bytes, responses are parsed where they lie. Field numbers:
// proto/forebay/v1/log.proto. Thread rules: pure functions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "client/rpc_error.h"
#include "forebay/types.h"

namespace forebay::client {

struct ProduceHead {
  std::uint64_t correlation = 0;
  std::string_view topic;
  std::int32_t partition = 0;
  Acks acks = Acks::kAll;
  std::uint32_t timeout_ms = 0;
  std::uint32_t retry_round = 0;
  std::size_t batch_bytes = 0;
};
// A ProduceRequest up to the first byte of the batch.
[[nodiscard]] std::string encode_produce_head(const ProduceHead& head);

// A message as it was received: in pieces, which `owner` keeps alive.
struct ScatteredBytes {
  std::shared_ptr<const void> owner;
  std::vector<ByteSpan> pieces;
};

struct FetchedBatch {
  std::int64_t begin_offset = 0;
  std::int64_t end_offset = 0;
  std::uint64_t term = 0;
  std::int64_t append_time_ms = 0;
  SharedBytes bytes;  // a part of the message, or a copy where it was received in several pieces
};
struct FetchedResponse {
  std::int64_t log_start = 0;
  std::int64_t high_watermark = 0;
  std::int64_t next_offset = 0;
  std::vector<FetchedBatch> batches;
  std::optional<RpcError> error;
};
// Errors: kInternal when this is not a FetchResponse.
[[nodiscard]] Result<FetchedResponse> parse_fetch_response(const ScatteredBytes& message);

}  // namespace forebay::client
