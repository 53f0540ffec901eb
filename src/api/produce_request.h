// From a ProduceRequest to the broker and back: raw batches go as they are, plain records are placed, batched
// and compressed first. Thread rules: submit may be called from any thread and compresses there; `done` runs
// once, on any thread (a shard's, or the caller's own before submit returns), and must not block.
#pragma once

#include <optional>

#include "api/context.h"
#include "api/produce_router.h"
#include "base/unique_function.h"
#include "forebay/v1/log.pb.h"

namespace forebay::api {

// The answer: an ack, or an error (and then maybe the part of a spread request that was written).
// correlation_id is left to the caller.
using ProduceDone = UniqueFunction<void(v1::ProduceResponse)>;

// Takes the batch out of the request. `order`: of the stream and the request's partition, when it asks for
// order.
void submit_produce(Context& context, ProduceRouter& router, v1::ProduceRequest& request,
                    std::shared_ptr<broker::ProduceOrder> order, ProduceDone done);

[[nodiscard]] std::optional<ErrorCode> error_code_of(const v1::ProduceResponse& response);

}  // namespace forebay::api
