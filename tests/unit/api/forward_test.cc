// Two nodes: what one is asked and the other leads.
#include <gtest/gtest.h>

#include <set>

#include "api_fixture.h"

namespace forebay::test {
namespace {

class ForwardTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    other_broker_.make_topic("events", 4);
    auto started = api::ApiServer::start(options(), other_broker_, clock_);
    ASSERT_TRUE(started) << started.error().to_string();
    other_server_ = std::move(*started);
    other_ = "127.0.0.1:" + std::to_string(other_server_->port());
  }
  void TearDown() override {
    ApiTest::TearDown();
    if (other_server_ != nullptr) other_server_->shutdown(std::chrono::seconds(10));
  }
  // As the crash of the other node looks from outside: what it has taken is never answered.
  void cut_other_off(std::int32_t held_partition) {
    EXPECT_TRUE(other_broker_.wait_until([](const auto& counts) { return counts.unanswered > 0; }));
    std::thread end([this] { other_server_->shutdown(std::chrono::milliseconds(0)); });
    EXPECT_TRUE(eventually([this] { return broken_.load(); }));
    other_broker_.release_answers(held_partition);  // or the shutdown would wait for it
    end.join();
  }
  // An address where nobody listens.
  [[nodiscard]] std::string nowhere() {
    auto started = api::ApiServer::start(options(), other_broker_, clock_);
    EXPECT_TRUE(started);
    return "127.0.0.1:" + std::to_string((*started)->port());
  }
  void lead_all_elsewhere(MemoryBroker::Known known = MemoryBroker::Known::kBeforehand) {
    for (std::int32_t partition = 0; partition < 4; ++partition)
      broker_.lead_elsewhere(partition, other_, known);
  }
  [[nodiscard]] static v1::ProduceRequest in_round(v1::ProduceRequest request, std::uint32_t round) {
    request.set_retry_round(round);
    return request;
  }

  MemoryBroker other_broker_;
  std::unique_ptr<api::ApiServer> other_server_;
  std::string other_;
  std::atomic<bool> broken_{false};
};

// --- Append ----------------------------------------------------------------------------------------------

TEST_F(ForwardTest, AppendIsWrittenByTheLeaderAndSaysWhoThatIs) {
  broker_.lead_elsewhere(1, other_, MemoryBroker::Known::kByRefusal);
  v1::ProduceAck ack;
  ASSERT_TRUE(append(raw_request(1, "one"), &ack).ok());
  EXPECT_EQ(ack.leader(), other_);
  ASSERT_EQ(ack.partitions_size(), 1);
  EXPECT_EQ(ack.partitions(0).base_offset(), 0);
  EXPECT_EQ(other_broker_.batches("events", 1).size(), 1U);
  EXPECT_TRUE(broker_.batches("events", 1).empty());
}

TEST_F(ForwardTest, AppendOfWhatThisNodeLeadsNamesNobody) {
  v1::ProduceAck ack;
  ASSERT_TRUE(append(raw_request(0, "one"), &ack).ok());
  EXPECT_EQ(ack.leader(), "");
}

TEST_F(ForwardTest, ForwardedRequestIsNeverForwardedAgain) {
  broker_.lead_elsewhere(1, other_);
  other_broker_.lead_elsewhere(1, address_);  // each thinks that the other one leads
  v1::ProduceAck ack;
  const grpc::Status status = append(raw_request(1, "one"), &ack);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  const v1::ErrorDetail detail = detail_of(status);
  EXPECT_EQ(detail.reason(), v1::NOT_LEADER);
  EXPECT_EQ(detail.leader(), address_);
  EXPECT_EQ(broker_.counts().produced, 1U);
  EXPECT_EQ(other_broker_.counts().produced, 1U);
}

TEST_F(ForwardTest, LeaderThatCannotBeReachedIsNamedAndNothingWasDone) {
  const std::string gone = nowhere();
  broker_.lead_elsewhere(1, gone);
  v1::ProduceAck ack;
  const v1::ErrorDetail detail = detail_of(append(raw_request(1, "one"), &ack));
  EXPECT_EQ(detail.reason(), v1::NOT_LEADER);
  EXPECT_EQ(detail.leader(), gone);
  EXPECT_GT(detail.retry_delay_ms(), 0U);
  EXPECT_EQ(metric("forebay_api_forwarded_total{fate=\"not_sent\"}"), 1);
}

TEST_F(ForwardTest, WhatWasSentAndNotAnsweredIsUnknownAndIsNotSentTwice) {
  broker_.lead_elsewhere(1, other_);
  other_broker_.hold_answers(1);
  v1::ErrorDetail detail;
  std::thread client([&] {
    v1::ProduceAck ack;
    detail = detail_of(append(raw_request(1, "one"), &ack));
    broken_ = true;
  });
  cut_other_off(1);
  client.join();
  EXPECT_EQ(detail.reason(), v1::OUTCOME_UNKNOWN);
  EXPECT_EQ(other_broker_.counts().produced, 1U);
  EXPECT_EQ(metric("forebay_api_forwarded_total{fate=\"broken\"}"), 1);
}

TEST_F(ForwardTest, RefusalOfTheLeaderComesBackAsItIs) {
  broker_.lead_elsewhere(1, other_);
  other_broker_.fail_next_produce({ErrorCode::kDiskFull, "the disk is full", 700});
  v1::ProduceAck ack;
  const v1::ErrorDetail detail = detail_of(append(raw_request(1, "one"), &ack));
  EXPECT_EQ(detail.reason(), v1::DISK_FULL);
  EXPECT_EQ(detail.message(), "the disk is full");
  EXPECT_EQ(detail.retry_delay_ms(), 700U);
}

TEST_F(ForwardTest, PlainRecordsThatAreSpreadGoToEachLeader) {
  broker_.lead_elsewhere(0, other_);
  broker_.lead_elsewhere(3, other_);
  v1::ProduceRequest request;
  request.set_topic("events");
  for (int number = 0; number < 40; ++number) {
    v1::Record* record = request.mutable_records()->add_records();
    record->set_key("key" + std::to_string(number));
    record->set_value("v");
  }
  v1::ProduceAck ack;
  ASSERT_TRUE(append(request, &ack).ok());
  EXPECT_EQ(ack.leader(), "");  // there are two
  std::set<std::uint32_t> records;
  for (const auto& partition : ack.partitions()) {
    records.insert(partition.record_indexes().begin(), partition.record_indexes().end());
    const bool there = partition.partition() == 0 || partition.partition() == 3;
    EXPECT_EQ(other_broker_.batches("events", partition.partition()).size(), there ? 1U : 0U);
    EXPECT_EQ(broker_.batches("events", partition.partition()).size(), there ? 0U : 1U);
  }
  EXPECT_EQ(ack.partitions_size(), 4);
  EXPECT_EQ(records.size(), 40U);
}

// --- the Produce stream ----------------------------------------------------------------------------------

TEST_F(ForwardTest, StreamForwardsOneAtATimeInOrder) {
  lead_all_elsewhere();
  grpc::ClientContext context;
  auto stream = log_->Produce(&context);
  for (std::uint64_t number = 0; number < 20; ++number) {
    auto request = raw_request(2, "v" + std::to_string(number), number);
    if (number == 0) request.set_client_id("shop");
    ASSERT_TRUE(stream->Write(request));
  }
  for (std::uint64_t number = 0; number < 20; ++number) {
    v1::ProduceResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.correlation_id(), number);
    EXPECT_EQ(response.ack().partitions(0).base_offset(), static_cast<std::int64_t>(number));
    EXPECT_EQ(response.ack().leader(), other_);
  }
  EXPECT_EQ(other_broker_.clients, std::vector<std::string>(20, "shop"));
  EXPECT_EQ(other_broker_.counts().unanswered_most, 1U);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ForwardTest, StreamWaitsForThisNodesAnswersBeforeItForwards) {
  broker_.hold_answers(2);
  grpc::ClientContext context;
  auto stream = log_->Produce(&context);
  ASSERT_TRUE(stream->Write(raw_request(2, "first", 0)));
  ASSERT_TRUE(broker_.wait_until([](const auto& counts) { return counts.unanswered == 1; }));
  lead_all_elsewhere();
  ASSERT_TRUE(stream->Write(raw_request(2, "second", 1)));
  ASSERT_TRUE(stream->Write(raw_request(3, "third", 2)));  // nothing is before it
  v1::ProduceResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.correlation_id(), 2U);
  EXPECT_TRUE(other_broker_.batches("events", 2).empty());
  broker_.release_answers(2);
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.correlation_id(), 0U);
  EXPECT_EQ(response.ack().leader(), "");
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.correlation_id(), 1U);
  EXPECT_EQ(response.ack().leader(), other_);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ForwardTest, RequestsBehindAForwardedOneThatFailedAreRefusedUntilTheNextRound) {
  lead_all_elsewhere();
  other_broker_.hold_answers(2);
  other_broker_.fail_next_produce({ErrorCode::kNotLeader, "not any more"});
  grpc::ClientContext context;
  auto stream = log_->Produce(&context);
  for (std::uint64_t number = 0; number < 3; ++number)
    ASSERT_TRUE(stream->Write(in_round(raw_request(2, "v", number), 0)));
  ASSERT_TRUE(other_broker_.wait_until([](const auto& counts) { return counts.unanswered == 1; }));
  other_broker_.release_answers(2);
  v1::ProduceResponse response;
  for (std::uint64_t number = 0; number < 3; ++number) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.correlation_id(), number);
    EXPECT_EQ(response.error().reason(), number == 0 ? v1::NOT_LEADER : v1::NOT_YET);
  }
  EXPECT_TRUE(other_broker_.batches("events", 2).empty());
  ASSERT_TRUE(stream->Write(in_round(raw_request(2, "v", 3), 1)));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.ack().leader(), other_);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

// What was handed to the broker before anybody here knew of the new leader is the client's to send again: it
// has it, and knows what is behind it.
TEST_F(ForwardTest, RefusalAtTheVerySwitchNamesTheLeaderAndNothingOvertakesIt) {
  broker_.hold_answers(2);
  lead_all_elsewhere(MemoryBroker::Known::kByRefusal);
  grpc::ClientContext context;
  auto stream = log_->Produce(&context);
  for (std::uint64_t number = 0; number < 2; ++number)
    ASSERT_TRUE(stream->Write(in_round(raw_request(2, "v", number), 0)));
  ASSERT_TRUE(broker_.wait_until([](const auto& counts) { return counts.produced == 2; }));
  lead_all_elsewhere();  // now it is known
  for (std::uint64_t number = 2; number < 4; ++number)
    ASSERT_TRUE(stream->Write(in_round(raw_request(2, "v", number), 0)));
  broker_.release_answers(2);
  v1::ProduceResponse response;
  for (std::uint64_t number = 0; number < 4; ++number) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.correlation_id(), number);
    EXPECT_EQ(response.error().reason(), number == 0 ? v1::NOT_LEADER : v1::NOT_YET);
    EXPECT_EQ(response.error().leader(), number == 0 ? other_ : "");
  }
  EXPECT_TRUE(other_broker_.batches("events", 2).empty());
  for (std::uint64_t number = 0; number < 4; ++number)
    ASSERT_TRUE(stream->Write(in_round(raw_request(2, "v", number), 1)));
  for (std::uint64_t number = 0; number < 4; ++number) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.correlation_id(), number);
    EXPECT_EQ(response.ack().leader(), other_);
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ForwardTest, StreamComesBackWhenThisNodeLeadsAgain) {
  lead_all_elsewhere();
  grpc::ClientContext context;
  auto stream = log_->Produce(&context);
  v1::ProduceResponse response;
  ASSERT_TRUE(stream->Write(raw_request(2, "there", 0)));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.ack().leader(), other_);
  broker_.lead_elsewhere(2, "");
  ASSERT_TRUE(stream->Write(raw_request(2, "here", 1)));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.ack().leader(), "");
  EXPECT_EQ(broker_.batches("events", 2).size(), 1U);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ForwardTest, StopOfThisNodeEndsWhatIsAtTheLeader) {
  lead_all_elsewhere();
  other_broker_.hold_answers(2);
  grpc::ClientContext context;
  auto stream = log_->Produce(&context);
  ASSERT_TRUE(stream->Write(raw_request(2, "v", 0)));
  ASSERT_TRUE(other_broker_.wait_until([](const auto& counts) { return counts.unanswered == 1; }));
  server_->shutdown(std::chrono::milliseconds(0));
  v1::ProduceResponse response;
  while (stream->Read(&response)) EXPECT_EQ(response.error().reason(), v1::OUTCOME_UNKNOWN);
  EXPECT_FALSE(stream->Finish().ok());
  other_broker_.release_answers(2);
}

// --- Fetch and Subscribe ---------------------------------------------------------------------------------

TEST_F(ForwardTest, FetchGivesWhatTheLeaderHas) {
  broker_.lead_elsewhere(1, other_, MemoryBroker::Known::kByRefusal);
  v1::ProduceAck ack;
  ASSERT_TRUE(append(raw_request(1, std::string(100'000, 'x')), &ack).ok());
  for (const v1::Shape shape : {v1::SHAPE_RAW, v1::SHAPE_PLAIN}) {
    v1::FetchResponse response;
    ASSERT_TRUE(fetch(fetch_request(1, 0, shape), &response).ok());
    EXPECT_EQ(response.leader(), other_);
    EXPECT_EQ(response.high_watermark(), 1);
    EXPECT_EQ(response.next_offset(), 1);
    EXPECT_EQ(response.batches_size() + response.records_size(), 1);
  }
  v1::FetchResponse response;
  const v1::ErrorDetail detail = detail_of(fetch(fetch_request(1, 9), &response));
  EXPECT_EQ(detail.reason(), v1::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(detail.log_end(), 1);  // of the leader's log
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_answer_bytes") == 0; }));
}

TEST_F(ForwardTest, CancelledLongPollIsCancelledAtTheLeader) {
  broker_.lead_elsewhere(1, other_);
  grpc::ClientContext context;
  v1::FetchRequest request = fetch_request(1, 0);
  request.set_max_wait_ms(60'000);
  std::thread client([&] {
    v1::FetchResponse response;
    EXPECT_EQ(log_->Fetch(&context, request, &response).error_code(), grpc::StatusCode::CANCELLED);
  });
  EXPECT_TRUE(other_broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 1; }));
  context.TryCancel();
  client.join();
  EXPECT_TRUE(other_broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 0; }));
}

TEST_F(ForwardTest, LongPollAtALeaderThatLosesItEndsWithNotLeader) {
  broker_.lead_elsewhere(1, other_);
  v1::FetchRequest request = fetch_request(1, 0);
  request.set_max_wait_ms(60'000);
  v1::ErrorDetail detail;
  std::thread client([&] {
    v1::FetchResponse response;
    detail = detail_of(fetch(request, &response));
  });
  EXPECT_TRUE(other_broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 1; }));
  other_broker_.lead_elsewhere(1, "10.0.0.3:7400");
  client.join();
  EXPECT_EQ(detail.reason(), v1::NOT_LEADER);
  EXPECT_EQ(detail.leader(), "10.0.0.3:7400");
}

TEST_F(ForwardTest, FetchFromALeaderThatCannotBeReachedIsRetryable) {
  broker_.lead_elsewhere(1, nowhere());
  v1::FetchResponse response;
  const grpc::Status status = fetch(fetch_request(1, 0), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(detail_of(status).reason(), v1::NOT_LEADER);
}

TEST_F(ForwardTest, SubscriptionIsRelayedAndFollowsTheLeader) {
  broker_.lead_elsewhere(1, other_);
  v1::ProduceAck ack;
  ASSERT_TRUE(append(raw_request(1, "zero"), &ack).ok());
  grpc::ClientContext context;
  v1::SubscribeRequest request;
  request.set_topic("events");
  request.set_partition(1);
  auto stream = log_->Subscribe(&context, request);
  v1::FetchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_EQ(response.records_size(), 1);
  EXPECT_EQ(response.leader(), other_);
  EXPECT_TRUE(other_broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 1; }));
  ASSERT_TRUE(append(raw_request(1, "one"), &ack).ok());  // while it waits
  ASSERT_TRUE(stream->Read(&response));
  ASSERT_EQ(response.records_size(), 1);
  EXPECT_EQ(response.records(0).value(), "one");
  EXPECT_EQ(response.records(0).offset(), 1);
  context.TryCancel();
  (void)stream->Finish();
  EXPECT_TRUE(other_broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 0; }));
}

TEST_F(ForwardTest, SubscriptionAtALeaderThatLosesItEndsWithNotLeader) {
  broker_.lead_elsewhere(1, other_);
  grpc::ClientContext context;
  v1::SubscribeRequest request;
  request.set_topic("events");
  request.set_partition(1);
  auto stream = log_->Subscribe(&context, request);
  EXPECT_TRUE(other_broker_.wait_until([](const auto& counts) { return counts.fetches_waiting == 1; }));
  other_broker_.lead_elsewhere(1, "10.0.0.3:7400");
  v1::FetchResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error().reason(), v1::NOT_LEADER);
  EXPECT_EQ(response.error().leader(), "10.0.0.3:7400");
  EXPECT_FALSE(stream->Read(&response));
}

// --- over several partitions -----------------------------------------------------------------------------

TEST_F(ForwardTest, OffsetsOfEachPartitionAreItsLeaders) {
  must_append(0, "here");
  broker_.lead_elsewhere(1, other_);
  broker_.lead_elsewhere(2, nowhere());
  broker_.lead_elsewhere(3, other_);
  v1::ProduceAck ack;
  ASSERT_TRUE(append(raw_request(3, "there"), &ack).ok());
  grpc::ClientContext context;
  v1::ListOffsetsRequest request;
  request.set_topic("events");
  request.set_point(v1::END);
  v1::ListOffsetsResponse response;
  ASSERT_TRUE(log_->ListOffsets(&context, request, &response).ok());
  ASSERT_EQ(response.offsets_size(), 4);
  EXPECT_EQ(response.offsets(0).offset(), 1);
  EXPECT_EQ(response.offsets(0).leader(), "");
  EXPECT_EQ(response.offsets(1).offset(), 0);
  EXPECT_EQ(response.offsets(1).leader(), other_);
  EXPECT_EQ(response.offsets(2).error().reason(), v1::NOT_LEADER);
  EXPECT_EQ(response.offsets(2).partition(), 2);
  EXPECT_EQ(response.offsets(3).partition(), 3);
  EXPECT_EQ(response.offsets(3).offset(), 1);
  EXPECT_EQ(response.offsets(3).leader(), other_);
}

TEST_F(ForwardTest, EachPartitionIsFencedByItsLeader) {
  broker_.lead_elsewhere(1, other_);
  broker_.lead_elsewhere(2, nowhere());
  broker_.lead_elsewhere(3, other_);
  other_broker_.sessions[3] = {model::ProducerEpoch(1), 6, model::Offset(60), std::nullopt};
  grpc::ClientContext context;
  v1::FenceProducerRequest request;
  request.set_topic("events");
  request.set_producer_id(7);
  request.set_epoch(2);
  v1::FenceProducerResponse response;
  ASSERT_TRUE(log_->FenceProducer(&context, request, &response).ok());
  ASSERT_EQ(response.partitions_size(), 4);
  EXPECT_FALSE(response.partitions(0).has_error());
  EXPECT_EQ(response.partitions(0).leader(), "");
  EXPECT_FALSE(response.partitions(1).has_error());
  EXPECT_EQ(response.partitions(1).leader(), other_);
  EXPECT_EQ(response.partitions(2).error().reason(), v1::NOT_LEADER);
  EXPECT_EQ(response.partitions(3).last_sequence(), 6);
  EXPECT_EQ(response.partitions(3).leader(), other_);
  ASSERT_EQ(other_broker_.fences.size(), 1U);
  EXPECT_EQ(other_broker_.fences[0].partitions,
            (std::vector{model::PartitionIndex(1), model::PartitionIndex(3)}));
}

TEST_F(ForwardTest, PositionAndCopyCrossNodes) {
  broker_.lead_elsewhere(1, other_);
  v1::ProduceRequest request;
  request.set_topic("events");
  request.set_partition(1);
  request.mutable_records()->add_records()->set_value("a");
  request.mutable_producer()->set_id(7);
  request.mutable_position()->set_source("file");
  request.mutable_position()->set_position("17");
  grpc::ClientContext context;
  auto stream = log_->Produce(&context);
  v1::ProduceResponse response;
  for (const bool copy : {false, true}) {
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.ack().partitions(0).duplicate(), copy);
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  ASSERT_EQ(other_broker_.positions.size(), 2U);
  EXPECT_EQ(other_broker_.positions[0], (partition::SourcePosition{"file", "17"}));
}

TEST_F(ForwardTest, DescriptionShowsEachPartitionAsItsLeaderSeesIt) {
  broker_.lead_elsewhere(1, other_);
  const std::string gone = nowhere();
  broker_.lead_elsewhere(2, gone);
  v1::ProduceAck ack;
  ASSERT_TRUE(append(raw_request(1, "there"), &ack).ok());
  grpc::ClientContext context;
  v1::DescribeTopicRequest request;
  request.set_name("events");
  v1::DescribeTopicResponse response;
  ASSERT_TRUE(admin_->DescribeTopic(&context, request, &response).ok());
  ASSERT_EQ(response.partitions_size(), 4);
  EXPECT_EQ(response.partitions(0).state(), "ready");
  EXPECT_EQ(response.partitions(1).state(), "ready");
  EXPECT_EQ(response.partitions(1).log_end(), 1);
  EXPECT_EQ(response.partitions(2).leader(), 2U);
  EXPECT_NE(response.partitions(2).state().find(gone), std::string::npos);
}

TEST_F(ForwardTest, EachLeaderTrimsItsOwn) {
  must_append(0, "here");
  broker_.lead_elsewhere(1, other_);
  broker_.lead_elsewhere(2, nowhere());
  v1::ProduceAck ack;
  ASSERT_TRUE(append(raw_request(1, "there"), &ack).ok());
  grpc::ClientContext context;
  v1::TrimTopicRequest request;
  request.set_name("events");
  for (const std::int32_t partition : {2, 1, 0}) {
    v1::TrimPoint* point = request.add_points();
    point->set_partition(partition);
    point->set_before_offset(-1);
  }
  v1::TrimTopicResponse response;
  ASSERT_TRUE(admin_->TrimTopic(&context, request, &response).ok());
  ASSERT_EQ(response.results_size(), 3);
  EXPECT_EQ(response.results(0).error().reason(), v1::NOT_LEADER);
  EXPECT_EQ(response.results(1).partition(), 1);
  EXPECT_FALSE(response.results(1).has_error());
  EXPECT_EQ(response.results(1).log_start(), 1);
  EXPECT_EQ(response.results(2).log_start(), 1);
}

// --- what the controller decides -------------------------------------------------------------------------

TEST_F(ForwardTest, TopicsAreDecidedByTheController) {
  broker_.lead_elsewhere(-1, other_);
  {
    grpc::ClientContext context;
    v1::CreateTopicRequest request;
    request.set_name("made");
    request.set_partitions(2);
    v1::CreateTopicResponse response;
    ASSERT_TRUE(admin_->CreateTopic(&context, request, &response).ok());
    EXPECT_EQ(response.partitions(), 2U);
    EXPECT_TRUE(other_broker_.topic_head("made"));
    EXPECT_FALSE(broker_.topic_head("made"));
  }
  {
    grpc::ClientContext context;
    v1::CreateTopicRequest request;
    request.set_name("made");
    v1::CreateTopicResponse response;
    EXPECT_EQ(detail_of(admin_->CreateTopic(&context, request, &response)).reason(), v1::TOPIC_EXISTS);
  }
  {
    grpc::ClientContext context;
    v1::AddPartitionsRequest request;
    request.set_name("made");
    request.set_total(5);
    v1::AddPartitionsResponse response;
    ASSERT_TRUE(admin_->AddPartitions(&context, request, &response).ok());
    EXPECT_EQ(response.partitions(), 5U);
  }
  {
    grpc::ClientContext context;
    v1::AlterTopicRequest request;
    request.set_name("made");
    (*request.mutable_set())["retention.ms"] = "77";
    v1::AlterTopicResponse response;
    EXPECT_TRUE(admin_->AlterTopic(&context, request, &response).ok());
  }
  {
    grpc::ClientContext context;
    v1::DeleteTopicRequest request;
    request.set_name("made");
    v1::DeleteTopicResponse response;
    ASSERT_TRUE(admin_->DeleteTopic(&context, request, &response).ok());
    EXPECT_FALSE(other_broker_.topic_head("made"));
  }
}

TEST_F(ForwardTest, NamesOfProducersAreDecidedByTheControllerAndOtherSessionsHere) {
  broker_.lead_elsewhere(-1, other_);
  for (const char* name : {"meter", ""}) {
    grpc::ClientContext context;
    v1::InitProducerRequest request;
    request.set_name(name);
    v1::InitProducerResponse session;
    ASSERT_TRUE(log_->InitProducer(&context, request, &session).ok());
  }
  EXPECT_TRUE(other_broker_.producers.contains("meter"));
  EXPECT_TRUE(broker_.producers.empty());
  EXPECT_EQ(other_broker_.inits.size(), 1U);
  grpc::ClientContext context;
  v1::DeleteProducerNameRequest request;
  request.set_name("meter");
  v1::DeleteProducerNameResponse response;
  ASSERT_TRUE(admin_->DeleteProducerName(&context, request, &response).ok());
  EXPECT_TRUE(other_broker_.producers.empty());
}

TEST_F(ForwardTest, ControllerThatCannotBeReachedIsNamed) {
  const std::string gone = nowhere();
  broker_.lead_elsewhere(-1, gone);
  grpc::ClientContext context;
  v1::DeleteTopicRequest request;
  request.set_name("events");
  v1::DeleteTopicResponse response;
  const v1::ErrorDetail detail = detail_of(admin_->DeleteTopic(&context, request, &response));
  EXPECT_EQ(detail.reason(), v1::NOT_LEADER);
  EXPECT_EQ(detail.leader(), gone);
  EXPECT_EQ(detail.topic(), "events");
}

}  // namespace
}  // namespace forebay::test
