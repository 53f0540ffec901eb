// What Fetch and Subscribe have in common: checked fields, and errors that say where the log begins and ends.
// Thread rules: any thread.
#pragma once

#include "api/context.h"
#include "base/unique_function.h"
#include "forebay/v1/log.pb.h"

namespace forebay::api {

inline constexpr const char* kFetchPath = "/forebay.v1.Log/Fetch";

enum class AnswerShape : std::uint8_t { kPlain, kRaw };

struct FetchQuestion {
  broker::FetchRequest request;
  AnswerShape shape = AnswerShape::kPlain;
};
// Errors: kInvalidArgument, naming the field.
[[nodiscard]] Result<FetchQuestion> fetch_question(const v1::FetchRequest& request,
                                                   const ApiOptions& options);
[[nodiscard]] Result<FetchQuestion> fetch_question(const v1::SubscribeRequest& request,
                                                   const ApiOptions& options);

// Whether answering costs too much for the shard's thread, on which the result comes: decompressing does, and
// so does sending much, for gRPC writes to the socket at once. A small raw answer goes out faster from here.
[[nodiscard]] bool is_for_grpc_thread(const FetchQuestion& question, const broker::FetchResult& result);

// The detail of a failed fetch; for kOffsetOutOfRange the broker is asked for the bounds of the log first.
// `done` runs once, maybe before this returns.
void fetch_failure(Context& context, const Error& error, const std::string& topic,
                   model::PartitionIndex partition, UniqueFunction<void(v1::ErrorDetail)> done);

}  // namespace forebay::api
