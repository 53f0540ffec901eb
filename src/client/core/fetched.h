// What a broker says, parsed: the failure of a call, and the batches of a subscription. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/shared_bytes.h"
#include "forebay/error.h"

namespace forebay::client {

struct RpcError {
  Error error;
  // The broker itself said so, in its typed detail; otherwise it is gRPC's word, and the request may have
  // reached the broker or not.
  bool from_broker = false;
  std::optional<std::int64_t> log_start;
  std::optional<std::int64_t> log_end;
};

struct FetchedBatch {
  // Half open. After compaction it is wider than the records; the first one may begin below the offset asked
  // for.
  std::int64_t begin_offset = 0;
  std::int64_t end_offset = 0;
  std::uint64_t term = 0;
  std::int64_t append_time_ms = 0;
  SharedBytes bytes;
};
struct FetchedResponse {
  std::int64_t log_start = 0;
  std::int64_t high_watermark = 0;
  std::int64_t next_offset = 0;
  std::string leader;  // who answered, when that is another node than the one asked
  std::vector<FetchedBatch> batches;
  std::optional<RpcError> error;  // the stream ends with it
  std::size_t size_bytes = 0;     // of the whole message
};

}  // namespace forebay::client
