// FetchResponse on the wire. Raw: the protobuf form is written by hand around the stored batches, which gRPC
// then sends from where they lie; nothing is copied but small batches. Plain: records decoded into the
// message. Thread rules: pure functions; the slices may be released on any thread.
#pragma once

#include <grpcpp/support/byte_buffer.h>

#include <cstddef>
#include <memory>
#include <optional>

#include "api/byte_budget.h"
#include "base/result.h"
#include "broker/broker.h"
#include "forebay/v1/log.pb.h"

namespace forebay::api {

// What an answer takes from the budgets until gRPC has sent it or dropped it.
struct AnswerBudget {
  std::shared_ptr<ByteBudget> node;
  std::shared_ptr<ByteBudget> connection;

  // Returns: false, and nothing taken, when one of them is used up.
  [[nodiscard]] bool try_take(std::size_t bytes) const {
    if (!connection->try_take(bytes)) return false;
    if (node->try_take(bytes)) return true;
    connection->give_back(bytes);
    return false;
  }
  void give_back(std::size_t bytes) const {
    connection->give_back(bytes);
    node->give_back(bytes);
  }
};

// Memory that the frames keep alive: buffers, not payloads.
[[nodiscard]] std::size_t retained_bytes(const broker::FetchResult& result);

// The bytes that v1::FetchResponse would serialise to. Nothing when the budget is used up.
[[nodiscard]] std::optional<grpc::ByteBuffer> encode_raw_response(broker::FetchResult result,
                                                                  const AnswerBudget& budget);
// Any message, as bytes that count in the budget until they are sent.
[[nodiscard]] std::optional<grpc::ByteBuffer> encode_message(const google::protobuf::MessageLite& message,
                                                             const AnswerBudget& budget);

// Bytes that are there already, for example another node's answer: they count in the budget in the same way.
[[nodiscard]] std::optional<grpc::ByteBuffer> charge(grpc::ByteBuffer bytes, const AnswerBudget& budget);

// Records from `offset` on, up to about `bytes_max` of keys, values and headers, at least one if there is
// one; next_offset says where to go on. `decompressed_bytes_max` guards against bombs. Errors: kDataLoss when
// a stored batch cannot be decoded.
[[nodiscard]] Result<v1::FetchResponse> decode_plain_response(const broker::FetchResult& result,
                                                              model::Offset offset, std::size_t bytes_max,
                                                              std::size_t decompressed_bytes_max);

}  // namespace forebay::api
