#include "api/fetch_request.h"

#include <algorithm>
#include <utility>

#include "api/errors.h"

namespace forebay::api {
namespace {

constexpr std::uint32_t kBytesMaxDefault = 1U << 20;
constexpr std::size_t kSendByShardBytesMax = 32U << 10;

Result<AnswerShape> shape_of(v1::Shape shape) {
  switch (shape) {
    case v1::SHAPE_UNSPECIFIED:
    case v1::SHAPE_PLAIN:
      return AnswerShape::kPlain;
    case v1::SHAPE_RAW:
      return AnswerShape::kRaw;
    default:  // an open enum: a newer client may send more
      return Error{ErrorCode::kInvalidArgument, "shape: unknown value " + std::to_string(shape)};
  }
}

template <typename Request>
Result<FetchQuestion> common_question(const Request& request, const ApiOptions& options) {
  if (request.topic().empty()) return Error{ErrorCode::kInvalidArgument, "topic: is missing"};
  if (request.partition() < 0) {
    return Error{ErrorCode::kInvalidArgument, "partition: must not be negative"};
  }
  if (request.offset() < 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "offset: must not be negative; ListOffsets gives the start and the end of the log"};
  }
  FetchQuestion question;
  FOREBAY_TRY(question.shape, shape_of(request.shape()));
  question.request.topic = request.topic();
  question.request.partition = model::PartitionIndex(request.partition());
  question.request.offset = model::Offset(request.offset());
  question.request.bytes_max =
      std::min(request.max_bytes() == 0 ? kBytesMaxDefault : request.max_bytes(), options.fetch_bytes_max);
  return question;
}

}  // namespace

Result<FetchQuestion> fetch_question(const v1::FetchRequest& request, const ApiOptions& options) {
  FOREBAY_TRY(FetchQuestion question, common_question(request, options));
  question.request.bytes_min = std::clamp(request.min_bytes(), 1U, question.request.bytes_max);
  question.request.wait_max = std::min(std::chrono::milliseconds(request.max_wait_ms()), options.wait_max);
  return question;
}

Result<FetchQuestion> fetch_question(const v1::SubscribeRequest& request, const ApiOptions& options) {
  FOREBAY_TRY(FetchQuestion question, common_question(request, options));
  question.request.bytes_min = 1;
  question.request.wait_max = options.wait_max;
  return question;
}

bool is_for_grpc_thread(const FetchQuestion& question, const broker::FetchResult& result) {
  if (question.shape == AnswerShape::kPlain) return true;
  std::size_t bytes = 0;
  for (const log::FramePtr& frame : result.frames) bytes += frame->payload.size();
  return bytes > kSendByShardBytesMax;
}

void fetch_failure(Context& context, const Error& error, const std::string& topic,
                   model::PartitionIndex partition, UniqueFunction<void(v1::ErrorDetail)> done) {
  v1::ErrorDetail detail = to_detail(error, {topic, partition.value()});
  if (error.code != ErrorCode::kOffsetOutOfRange) {
    done(std::move(detail));
    return;
  }
  broker::ListOffsetsRequest bounds;
  bounds.topic = topic;
  bounds.partitions = {partition};
  bounds.point = broker::OffsetPoint::kEnd;
  context.broker.list_offsets(std::move(bounds),
                              [detail = std::move(detail), done = std::move(done)](auto result) mutable {
                                if (result && result->size() == 1 && !result->front().error) {
                                  detail.set_log_start(result->front().log_start.value());
                                  detail.set_log_end(result->front().high_watermark.value());
                                }
                                done(std::move(detail));
                              });
}

}  // namespace forebay::api
