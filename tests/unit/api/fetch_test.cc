#include <gtest/gtest.h>

#include "api_fixture.h"

namespace forebay::test {
namespace {

class FetchTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    for (int index = 0; index < 5; ++index) must_append(0, "value-" + std::to_string(index));
  }
};

TEST_F(FetchTest, RawGivesTheStoredBatchesWithTheirCoverage) {
  v1::FetchResponse response;
  const grpc::Status status = fetch(fetch_request(0, 2), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.log_start(), 0);
  EXPECT_EQ(response.high_watermark(), 5);
  EXPECT_EQ(response.next_offset(), 5);
  EXPECT_EQ(response.records_size(), 0);
  ASSERT_EQ(response.batches_size(), 3);
  const auto stored = broker_.batches("events", 0);
  for (int index = 0; index < 3; ++index) {
    const v1::FetchedBatch& batch = response.batches(index);
    EXPECT_EQ(batch.begin_offset(), index + 2);
    EXPECT_EQ(batch.end_offset(), index + 3);
    EXPECT_EQ(batch.term(), MemoryBroker::kTerm.value());
    EXPECT_EQ(batch.append_time_ms(), MemoryBroker::kStartTime.value());
    EXPECT_EQ(batch.batch(), stored[static_cast<std::size_t>(index) + 2]);
  }
}

TEST_F(FetchTest, RawGivesLargeBatchesByteForByte) {
  for (int index = 0; index < 4; ++index)
    must_append(1, std::string(700'000, static_cast<char>('a' + index)));
  auto request = fetch_request(1, 0);
  request.set_max_bytes(8 << 20);
  v1::FetchResponse response;
  ASSERT_TRUE(fetch(request, &response).ok());
  const auto stored = broker_.batches("events", 1);
  ASSERT_EQ(response.batches_size(), 4);
  for (int index = 0; index < 4; ++index) {
    EXPECT_EQ(response.batches(index).batch(), stored[static_cast<std::size_t>(index)]);
  }
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_answer_bytes") == 0; }));
}

TEST_F(FetchTest, DefaultShapeIsPlain) {
  v1::FetchResponse response;
  ASSERT_TRUE(fetch(fetch_request(0, 3, v1::SHAPE_UNSPECIFIED), &response).ok());
  EXPECT_EQ(response.batches_size(), 0);
  ASSERT_EQ(response.records_size(), 2);
  EXPECT_EQ(response.records(1).value(), "value-4");
}

TEST_F(FetchTest, BoundsReachTheBrokerAndAreCut) {
  v1::FetchResponse response;
  auto request = fetch_request(0, 0);
  ASSERT_TRUE(fetch(request, &response).ok());
  EXPECT_EQ(broker_.counts().last_bytes_max, 1U << 20);
  EXPECT_EQ(broker_.counts().last_wait, std::chrono::milliseconds(0));
  request.set_max_bytes(4'000'000'000U);
  request.set_max_wait_ms(4'000'000'000U);
  ASSERT_TRUE(fetch(request, &response).ok());
  EXPECT_EQ(broker_.counts().last_bytes_max, options().fetch_bytes_max);
  EXPECT_EQ(broker_.counts().last_wait, options().wait_max);
}

TEST_F(FetchTest, LongPollWaitsForTheBrokerAlone) {
  auto request = fetch_request(0, 5);
  request.set_max_wait_ms(1000);
  v1::FetchResponse response;
  grpc::Status status;
  std::thread waiter([&] { status = fetch(request, &response); });
  ASSERT_TRUE(broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 1; }));
  broker_.advance(std::chrono::milliseconds(999));
  EXPECT_EQ(broker_.counts().fetches_waiting, 1U);
  broker_.advance(std::chrono::milliseconds(1));
  waiter.join();
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(response.batches_size(), 0);
  EXPECT_EQ(response.next_offset(), 5);
}

TEST_F(FetchTest, LongPollAnswersWhenRecordsCome) {
  auto request = fetch_request(0, 5, v1::SHAPE_PLAIN);
  request.set_max_wait_ms(60'000);
  v1::FetchResponse response;
  grpc::Status status;
  std::thread waiter([&] { status = fetch(request, &response); });
  ASSERT_TRUE(broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 1; }));
  must_append(0, "late");
  waiter.join();
  ASSERT_TRUE(status.ok());
  ASSERT_EQ(response.records_size(), 1);
  EXPECT_EQ(response.records(0).value(), "late");
}

TEST_F(FetchTest, CancelledLongPollIsCancelledInTheBroker) {
  auto request = fetch_request(0, 5);
  request.set_max_wait_ms(60'000);
  grpc::ClientContext context;
  grpc::Status status;
  v1::FetchResponse response;
  std::thread waiter([&] { status = log_->Fetch(&context, request, &response); });
  ASSERT_TRUE(broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 1; }));
  context.TryCancel();
  waiter.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 0; }));
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_open_calls") == 0; }));
}

TEST_F(FetchTest, OffsetOutOfRangeSaysWhereTheLogIs) {
  v1::FetchResponse response;
  const grpc::Status status = fetch(fetch_request(0, 17), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  const auto detail = detail_of(status);
  EXPECT_EQ(detail.reason(), v1::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(detail.topic(), "events");
  EXPECT_EQ(detail.partition(), 0);
  ASSERT_TRUE(detail.has_log_end());
  EXPECT_EQ(detail.log_start(), 0);
  EXPECT_EQ(detail.log_end(), 5);
}

TEST_F(FetchTest, BadRequestsAreRefused) {
  v1::FetchResponse response;
  auto request = fetch_request(0, 0);
  request.clear_topic();
  EXPECT_EQ(detail_of(fetch(request, &response)).reason(), v1::INVALID_ARGUMENT);
  EXPECT_EQ(detail_of(fetch(fetch_request(-1, 0), &response)).reason(), v1::INVALID_ARGUMENT);
  EXPECT_EQ(detail_of(fetch(fetch_request(0, -1), &response)).reason(), v1::INVALID_ARGUMENT);
  EXPECT_EQ(detail_of(fetch(fetch_request(0, 0, static_cast<v1::Shape>(7)), &response)).reason(),
            v1::INVALID_ARGUMENT);
  EXPECT_EQ(detail_of(fetch(fetch_request(99, 0), &response)).reason(), v1::UNKNOWN_PARTITION);
  request.set_topic("nowhere");
  EXPECT_EQ(detail_of(fetch(request, &response)).reason(), v1::UNKNOWN_TOPIC);
}

TEST_F(FetchTest, RottenBatchIsDataLossInPlainShape) {
  broker_.corrupt("events", 0, 1);
  v1::FetchResponse response;
  const grpc::Status status = fetch(fetch_request(0, 0, v1::SHAPE_PLAIN), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(detail_of(status).reason(), v1::DATA_LOSS);
}

// --- subscribe -------------------------------------------------------------------------------------------

class SubscribeTest : public FetchTest {
 protected:
  [[nodiscard]] static v1::SubscribeRequest subscribe_request(std::int64_t offset,
                                                              v1::Shape shape = v1::SHAPE_RAW) {
    v1::SubscribeRequest request;
    request.set_topic("events");
    request.set_partition(0);
    request.set_offset(offset);
    request.set_shape(shape);
    return request;
  }
  grpc::ClientContext context_;
};

TEST_F(SubscribeTest, GivesWhatIsThereAndThenWhatComes) {
  auto stream = log_->Subscribe(&context_, subscribe_request(1));
  v1::FetchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.batches_size(), 4);
  EXPECT_EQ(response.next_offset(), 5);
  for (int round = 0; round < 3; ++round) {
    must_append(0, "late");
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.batches_size(), 1);
    EXPECT_EQ(response.batches(0).begin_offset(), 5 + round);
  }
  context_.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 0; }));
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_open_calls") == 0; }));
}

TEST_F(SubscribeTest, ReadsTheWholeLogInOrderWhateverTheSizeOfAnswers) {
  for (int index = 5; index < 300; ++index) must_append(0, "value-" + std::to_string(index));
  for (const v1::Shape shape : {v1::SHAPE_PLAIN, v1::SHAPE_RAW}) {
    grpc::ClientContext context;
    auto request = subscribe_request(0, shape);
    request.set_max_bytes(400);
    auto stream = log_->Subscribe(&context, request);
    std::int64_t next = 0;
    v1::FetchResponse response;
    while (next < 300 && stream->Read(&response)) {
      for (const v1::Record& record : response.records()) {
        EXPECT_EQ(record.offset(), next++);
        EXPECT_EQ(record.value(), "value-" + std::to_string(record.offset()));
      }
      for (const v1::FetchedBatch& batch : response.batches()) {
        EXPECT_EQ(batch.begin_offset(), next);
        next = batch.end_offset();
      }
      EXPECT_EQ(response.next_offset(), next);
    }
    EXPECT_EQ(next, 300);
    context.TryCancel();
    stream->Finish();
  }
}

TEST_F(SubscribeTest, WaitsOnWhenTheBrokersWaitIsOver) {
  auto stream = log_->Subscribe(&context_, subscribe_request(5));
  stream->WaitForInitialMetadata();  // comes at once, without records
  for (std::size_t round = 0; round < 3; ++round) {
    ASSERT_TRUE(broker_.wait_until(
        [round](const auto& counts) { return counts.fetches_waiting == 1 && counts.fetches >= round + 1; }));
    broker_.advance(options().wait_max);
  }
  must_append(0, "late");
  v1::FetchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.batches(0).begin_offset(), 5);
  context_.TryCancel();
  stream->Finish();
}

TEST_F(SubscribeTest, EndsWithATypedErrorInMessageAndStatus) {
  auto stream = log_->Subscribe(&context_, subscribe_request(50));
  v1::FetchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error().reason(), v1::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(response.error().log_end(), 5);
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(detail_of(status).reason(), v1::OFFSET_OUT_OF_RANGE);
}

TEST_F(SubscribeTest, BadRequestEndsTheStream) {
  auto request = subscribe_request(0);
  request.set_partition(-1);
  auto stream = log_->Subscribe(&context_, request);
  v1::FetchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error().reason(), v1::INVALID_ARGUMENT);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(SubscribeTest, DeletedTopicEndsTheStream) {
  auto stream = log_->Subscribe(&context_, subscribe_request(5));
  ASSERT_TRUE(broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 1; }));
  grpc::ClientContext context;
  v1::DeleteTopicRequest request;
  request.set_name("events");
  v1::DeleteTopicResponse deleted;
  ASSERT_TRUE(admin_->DeleteTopic(&context, request, &deleted).ok());
  v1::FetchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error().reason(), v1::UNKNOWN_TOPIC);
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(SubscribeTest, BrokerThatIsOverloadedIsAskedAgain) {
  broker_.fail_next_fetch({ErrorCode::kResourceExhausted, "busy", 1});
  auto stream = log_->Subscribe(&context_, subscribe_request(4));
  v1::FetchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.batches_size(), 1);
  context_.TryCancel();
  stream->Finish();
}

TEST_F(SubscribeTest, ClientThatDoesNotReadHoldsOnlyAFewAnswers) {
  for (int index = 0; index < 40; ++index) must_append(0, std::string(1 << 20, 'x'));
  const std::size_t fetches_before = broker_.counts().fetches;
  auto stream = log_->Subscribe(&context_, subscribe_request(5));
  // What the client's window and the connection take, one answer being written, one ahead. Others go on.
  EXPECT_TRUE(broker_.wait_until([&](const auto& counts) { return counts.fetches >= fetches_before + 2; }));
  for (int round = 0; round < 50; ++round) {
    v1::FetchResponse other;
    ASSERT_TRUE(fetch(fetch_request(0, round % 5), &other).ok());
    EXPECT_LE(metric("forebay_api_answer_bytes"), 30e6);
  }
  v1::FetchResponse response;
  for (std::int64_t next = 5; next < 45; ++next) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.batches(0).begin_offset(), next);
  }
  context_.TryCancel();
  stream->Finish();
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_answer_bytes") == 0; }));
}

// --- offsets ---------------------------------------------------------------------------------------------

class ListOffsetsTest : public FetchTest {
 protected:
  grpc::Status ask(v1::OffsetPoint point, std::int64_t time_ms, std::vector<std::int32_t> partitions,
                   v1::ListOffsetsResponse* response) {
    v1::ListOffsetsRequest request;
    request.set_topic("events");
    request.set_point(point);
    request.set_time_ms(time_ms);
    request.mutable_partitions()->Add(partitions.begin(), partitions.end());
    grpc::ClientContext context;
    return log_->ListOffsets(&context, request, response);
  }
};

TEST_F(ListOffsetsTest, GivesStartAndEndOfEveryPartition) {
  v1::ListOffsetsResponse response;
  ASSERT_TRUE(ask(v1::END, 0, {}, &response).ok());
  ASSERT_EQ(response.offsets_size(), 4);
  EXPECT_EQ(response.offsets(0).offset(), 5);
  EXPECT_EQ(response.offsets(0).log_end(), 5);
  EXPECT_EQ(response.offsets(0).term(), MemoryBroker::kTerm.value());
  EXPECT_EQ(response.offsets(3).offset(), 0);
  ASSERT_TRUE(ask(v1::START, 0, {0}, &response).ok());
  ASSERT_EQ(response.offsets_size(), 1);
  EXPECT_EQ(response.offsets(0).offset(), 0);
}

TEST_F(ListOffsetsTest, FindsTimesAndLeavesTheOffsetOutWhenThereIsNone) {
  broker_.advance(std::chrono::milliseconds(10));
  must_append(0, "later");
  v1::ListOffsetsResponse response;
  ASSERT_TRUE(ask(v1::APPEND_TIME, MemoryBroker::kStartTime.value() + 1, {0}, &response).ok());
  EXPECT_EQ(response.offsets(0).offset(), 5);
  ASSERT_TRUE(ask(v1::EVENT_TIME, 1'500'000'000'000, {0}, &response).ok());
  EXPECT_EQ(response.offsets(0).offset(), 0);
  ASSERT_TRUE(ask(v1::EVENT_TIME, 1'500'000'000'001, {0}, &response).ok());
  EXPECT_FALSE(response.offsets(0).has_offset());
  EXPECT_EQ(response.offsets(0).log_end(), 6);
}

TEST_F(ListOffsetsTest, OnePartitionThatFailsDoesNotFailTheOthers) {
  v1::ListOffsetsResponse response;
  ASSERT_TRUE(ask(v1::END, 0, {0, 77}, &response).ok());
  ASSERT_EQ(response.offsets_size(), 2);
  EXPECT_FALSE(response.offsets(0).has_error());
  EXPECT_EQ(response.offsets(1).error().reason(), v1::UNKNOWN_PARTITION);
  EXPECT_EQ(response.offsets(1).error().partition(), 77);
}

TEST_F(ListOffsetsTest, BadRequestsAreRefused) {
  v1::ListOffsetsResponse response;
  EXPECT_EQ(detail_of(ask(v1::OFFSET_POINT_UNSPECIFIED, 0, {}, &response)).reason(), v1::INVALID_ARGUMENT);
  EXPECT_EQ(detail_of(ask(v1::END, 0, {-1}, &response)).reason(), v1::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace forebay::test
