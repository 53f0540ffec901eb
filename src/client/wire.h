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
#include "client/core/fetched.h"
#include "forebay/source_place.h"
#include "forebay/types.h"

namespace forebay::client {

struct ProduceHead {
  std::uint64_t correlation = 0;
  std::string_view topic;
  std::int32_t partition = 0;
  Acks acks = Acks::kAll;
  std::uint32_t timeout_ms = 0;
  std::uint32_t retry_round = 0;
  std::uint32_t destination_crc = 0;  // model::destination_crc of the batch
  // Of a named producer: see SourcePosition.
  std::string_view source;
  std::optional<SourcePlace> position;
  std::string_view client_id;  // in the first request of a stream
  std::size_t batch_bytes = 0;
};
// A ProduceRequest up to the first byte of the batch.
[[nodiscard]] std::string encode_produce_head(const ProduceHead& head);

// A message as it was received: in pieces, which `owner` keeps alive.
struct ScatteredBytes {
  std::shared_ptr<const void> owner;
  std::vector<ByteSpan> pieces;
};

// Errors: kInternal when this is not a FetchResponse.
[[nodiscard]] Result<FetchedResponse> parse_fetch_response(const ScatteredBytes& message);

}  // namespace forebay::client
