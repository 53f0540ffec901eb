#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

#include "api_fixture.h"
#include "base/murmur2.h"
#include "model/record_iterator.h"

namespace forebay::test {
namespace {

using ProduceStream = grpc::ClientReaderWriter<v1::ProduceRequest, v1::ProduceResponse>;

std::vector<model::Record> records_in(const std::vector<std::string>& batches) {
  std::vector<model::Record> records;
  std::vector<std::byte> scratch;
  for (const std::string& bytes : batches) {
    auto batch = model::RecordBatchView::parse(as_bytes(bytes));
    EXPECT_TRUE(batch);
    EXPECT_TRUE(model::for_each_record(*batch, 64 << 20, scratch, [&records](const model::RecordView& view) {
      records.push_back(model::owned(view));
    }));
  }
  return records;
}

class ProduceTest : public ApiTest {
 protected:
  grpc::ClientContext context_;
};

TEST_F(ProduceTest, StreamAnswersEveryRequestAndStoresTheBatchAsItCame) {
  auto stream = log_->Produce(&context_);
  std::vector<std::string> sent;
  for (std::uint64_t number = 0; number < 20; ++number) {
    const auto request = raw_request(1, std::string(number * 997, 'x'), number);
    sent.push_back(request.batch());
    ASSERT_TRUE(stream->Write(request));
  }
  ASSERT_TRUE(stream->WritesDone());
  v1::ProduceResponse response;
  for (std::uint64_t number = 0; number < 20; ++number) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.correlation_id(), number);
    ASSERT_TRUE(response.has_ack());
    ASSERT_EQ(response.ack().partitions_size(), 1);
    const v1::PartitionAck& ack = response.ack().partitions(0);
    EXPECT_EQ(ack.partition(), 1);
    EXPECT_EQ(ack.base_offset(), static_cast<std::int64_t>(number));
    EXPECT_EQ(ack.last_offset(), ack.base_offset());
    EXPECT_EQ(ack.append_time_ms(), MemoryBroker::kStartTime.value());
    EXPECT_EQ(ack.term(), MemoryBroker::kTerm.value());
    EXPECT_TRUE(ack.durability().flushed());
    EXPECT_EQ(ack.durability().replicas_flushed(), 1U);
    EXPECT_EQ(ack.durability().replicas_total(), 1U);
    EXPECT_EQ(ack.record_indexes_size(), 0);
  }
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
  const auto stored = broker_.batches("events", 1);
  ASSERT_EQ(stored.size(), sent.size());
  for (std::size_t index = 0; index < sent.size(); ++index) {
    // All but what the broker writes into the head.
    EXPECT_EQ(stored[index].substr(16), sent[index].substr(16));
  }
}

TEST_F(ProduceTest, FirstRequestOfAStreamSaysWhoSends) {
  auto stream = log_->Produce(&context_);
  auto first = raw_request(1, "v", 0);
  first.set_client_id("shop");
  ASSERT_TRUE(stream->Write(first));
  ASSERT_TRUE(stream->Write(raw_request(1, "v", 1)));
  ASSERT_TRUE(stream->WritesDone());
  v1::ProduceResponse response;
  while (stream->Read(&response)) EXPECT_TRUE(response.has_ack());
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(broker_.clients, (std::vector<std::string>{"shop", "shop"}));
}

TEST_F(ProduceTest, ClientIdThatIsTooLongIsRefused) {
  auto request = raw_request(0, "v", 0);
  request.set_client_id(std::string(257, 'c'));
  v1::ProduceAck ack;
  const grpc::Status refused = append(request, &ack);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(refused.error_message().find("client_id"), std::string::npos);
}

TEST_F(ProduceTest, StreamKeepsSeveralRequestsInFlightAndAnswersAsTheyComplete) {
  broker_.hold_answers(0);
  auto stream = log_->Produce(&context_);
  for (std::uint64_t number = 0; number < 4; ++number) {
    ASSERT_TRUE(stream->Write(raw_request(number == 3 ? 1 : 0, "v", number)));
  }
  v1::ProduceResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.correlation_id(), 3U);  // the other partition does not wait
  EXPECT_EQ(broker_.counts().unanswered, 3U);
  broker_.release_answers(0);
  for (std::uint64_t number = 0; number < 3; ++number) {
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.correlation_id(), number);
    EXPECT_EQ(response.ack().partitions(0).base_offset(), static_cast<std::int64_t>(number));
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ProduceTest, HalfClosedStreamStillGetsItsAnswers) {
  broker_.hold_answers(0);
  auto stream = log_->Produce(&context_);
  ASSERT_TRUE(stream->Write(raw_request(0, "v", 5)));
  ASSERT_TRUE(stream->WritesDone());
  ASSERT_TRUE(broker_.wait_until([](const auto& counts) { return counts.unanswered == 1; }));
  broker_.release_answers(0);
  v1::ProduceResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.correlation_id(), 5U);
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ProduceTest, StreamGoesOnAfterErrorsWithTypedDetails) {
  auto stream = log_->Produce(&context_);
  auto unknown_topic = raw_request(0, "v", 1);
  unknown_topic.set_topic("nowhere");
  auto corrupt = raw_request(0, "v", 2);
  corrupt.mutable_batch()->back() ^= 1;
  auto no_payload = raw_request(0, "v", 3);
  no_payload.clear_batch();
  auto no_partition = raw_request(0, "v", 4);
  no_partition.clear_partition();
  auto no_topic = raw_request(0, "v", 5);
  no_topic.clear_topic();
  auto strange_acks = raw_request(0, "v", 6);
  strange_acks.set_acks(static_cast<v1::Acks>(9));
  struct Case {
    v1::ProduceRequest request;
    v1::ErrorReason reason;
  };
  for (const Case& each : {Case{unknown_topic, v1::UNKNOWN_TOPIC}, Case{corrupt, v1::CORRUPT_BATCH},
                           Case{no_payload, v1::INVALID_ARGUMENT}, Case{no_partition, v1::INVALID_ARGUMENT},
                           Case{no_topic, v1::INVALID_ARGUMENT}, Case{strange_acks, v1::INVALID_ARGUMENT},
                           Case{raw_request(99, "v", 7), v1::UNKNOWN_PARTITION}}) {
    SCOPED_TRACE(each.request.correlation_id());
    ASSERT_TRUE(stream->Write(each.request));
    v1::ProduceResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.correlation_id(), each.request.correlation_id());
    ASSERT_TRUE(response.has_error());
    EXPECT_EQ(response.error().reason(), each.reason);
    EXPECT_FALSE(response.error().message().empty());
    EXPECT_EQ(response.error().topic(), each.request.topic());
  }
  ASSERT_TRUE(stream->Write(raw_request(0, "v", 8)));
  v1::ProduceResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_ack());
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(metric(R"(forebay_api_requests_total{method="Produce",result="OK"})"), 1);
  EXPECT_EQ(metric(R"(forebay_api_requests_total{method="Produce",result="INVALID_ARGUMENT"})"), 4);
}

TEST_F(ProduceTest, ResourceExhaustedComesWithADelayAndTheStreamGoesOnAfterIt) {
  broker_.fail_next_produce({ErrorCode::kResourceExhausted, "full", 30});
  auto stream = log_->Produce(&context_);
  v1::ProduceResponse response;
  ASSERT_TRUE(stream->Write(raw_request(0, "v", 1)));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error().reason(), v1::RESOURCE_EXHAUSTED);
  EXPECT_EQ(response.error().retry_delay_ms(), 30U);
  ASSERT_TRUE(stream->Write(raw_request(0, "v", 2)));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.has_ack());
  EXPECT_EQ(metric("forebay_api_produce_pauses_total"), 1);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ProduceTest, RequestsBehindARefusedOneAreRefusedUntilTheNextRound) {
  broker_.fail_next_produce({ErrorCode::kNotYet, "young", 0});
  auto stream = log_->Produce(&context_);
  const auto send = [&](std::int32_t partition, std::optional<std::uint32_t> round, bool damaged = false) {
    auto request = raw_request(partition, "v", 1);
    if (round) request.set_retry_round(*round);
    if (damaged) request.clear_batch();
    EXPECT_TRUE(stream->Write(request));
    v1::ProduceResponse response;
    EXPECT_TRUE(stream->Read(&response));
    return response.has_ack() ? v1::ERROR_REASON_UNSPECIFIED : response.error().reason();
  };
  EXPECT_EQ(send(0, 0), v1::NOT_YET);                    // fails for a reason of its own
  EXPECT_EQ(send(0, 0), v1::NOT_YET);                    // would overtake it
  EXPECT_EQ(send(1, 0), v1::ERROR_REASON_UNSPECIFIED);   // another partition
  EXPECT_EQ(send(0, {}), v1::ERROR_REASON_UNSPECIFIED);  // asks for no order
  EXPECT_EQ(send(0, 1), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(send(0, 1, true), v1::INVALID_ARGUMENT);  // refused before the broker is asked
  EXPECT_EQ(send(0, 1), v1::NOT_YET);
  EXPECT_EQ(send(0, 2), v1::ERROR_REASON_UNSPECIFIED);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ProduceTest, CancelledStreamLeavesNothingBehindWhileTheBrokerStillAnswers) {
  broker_.hold_answers(0);
  auto stream = log_->Produce(&context_);
  ASSERT_TRUE(stream->Write(raw_request(0, "v", 1)));
  ASSERT_TRUE(broker_.wait_until([](const auto& counts) { return counts.unanswered == 1; }));
  context_.TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  broker_.release_answers(0);
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_open_calls") == 0; }));
}

TEST_F(ProduceTest, AcksAndTimeoutReachTheBroker) {
  v1::ProduceAck ack;
  auto request = raw_request(0, "v");
  request.set_acks(v1::ACKS_NONE);
  request.set_timeout_ms(1234);
  ASSERT_TRUE(append(request, &ack).ok());
  EXPECT_EQ(broker_.counts().last_acks, broker::Acks::kNone);
  EXPECT_EQ(broker_.counts().last_timeout, std::chrono::milliseconds(1234));
  EXPECT_FALSE(ack.partitions(0).durability().flushed());
  request.set_acks(v1::ACKS_LEADER);
  request.clear_timeout_ms();
  ASSERT_TRUE(append(request, &ack).ok());
  EXPECT_EQ(broker_.counts().last_acks, broker::Acks::kLeader);
  EXPECT_EQ(broker_.counts().last_timeout, std::chrono::seconds(30));
}

TEST_F(ProduceTest, AppendFailsWithATypedDetail) {
  v1::ProduceAck ack;
  auto request = raw_request(3, "v");
  request.set_topic("nowhere");
  const grpc::Status status = append(request, &ack);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  const auto detail = detail_of(status);
  EXPECT_EQ(detail.reason(), v1::UNKNOWN_TOPIC);
  EXPECT_EQ(detail.topic(), "nowhere");
  EXPECT_EQ(detail.partition(), 3);
}

// --- plain -----------------------------------------------------------------------------------------------

v1::ProduceRequest plain_request() {
  v1::ProduceRequest request;
  request.set_topic("events");
  request.mutable_records();
  return request;
}

TEST_F(ProduceTest, PlainRecordsKeepNullsEmptiesAndRepeatedHeaders) {
  for (const std::string codec : {"", "none", "gzip", "snappy", "lz4", "zstd"}) {
    SCOPED_TRACE(codec);
    v1::ProduceRequest request = plain_request();
    request.set_partition(2);
    request.mutable_records()->set_compression(codec);
    v1::Record* full = request.mutable_records()->add_records();
    full->set_key("k");
    full->set_value("v");
    full->set_event_time_ms(123);
    for (const char* value : {"1", "", "2"}) {
      v1::Header* header = full->add_headers();
      header->set_name("h");
      if (*value != 0) header->set_value(value);
    }
    full->add_headers()->set_name("empty");
    full->mutable_headers(3)->set_value("");
    request.mutable_records()->add_records();  // null key, null value, time: now
    v1::Record* empty = request.mutable_records()->add_records();
    empty->set_key("");
    empty->set_value("");
    v1::ProduceAck ack;
    const grpc::Status status = append(request, &ack);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_EQ(ack.partitions_size(), 1);
    EXPECT_EQ(ack.partitions(0).partition(), 2);
    EXPECT_EQ(ack.partitions(0).last_offset() - ack.partitions(0).base_offset(), 2);

    auto question = fetch_request(2, ack.partitions(0).base_offset(), v1::SHAPE_PLAIN);
    v1::FetchResponse response;
    ASSERT_TRUE(fetch(question, &response).ok());
    ASSERT_EQ(response.records_size(), 3);
    const v1::Record& first = response.records(0);
    EXPECT_EQ(first.key(), "k");
    EXPECT_EQ(first.value(), "v");
    EXPECT_EQ(first.event_time_ms(), 123);
    EXPECT_EQ(first.offset(), ack.partitions(0).base_offset());
    EXPECT_EQ(first.append_time_ms(), MemoryBroker::kStartTime.value());
    ASSERT_EQ(first.headers_size(), 4);
    EXPECT_EQ(first.headers(0).value(), "1");
    EXPECT_FALSE(first.headers(1).has_value());
    EXPECT_EQ(first.headers(2).value(), "2");
    EXPECT_TRUE(first.headers(3).has_value());
    const v1::Record& null = response.records(1);
    EXPECT_FALSE(null.has_key());
    EXPECT_FALSE(null.has_value());
    EXPECT_EQ(null.event_time_ms(), clock_.now().value());
    EXPECT_TRUE(response.records(2).has_key());
    EXPECT_TRUE(response.records(2).has_value());
  }
}

TEST_F(ProduceTest, PlainRecordsGoWhereTheirKeysSayAndTheAckNamesThem) {
  v1::ProduceRequest request = plain_request();
  std::vector<std::string> values;
  for (int index = 0; index < 50; ++index) {
    v1::Record* record = request.mutable_records()->add_records();
    if (index % 5 != 0) record->set_key("key-" + std::to_string(index % 11));
    values.push_back("value-" + std::to_string(index));
    record->set_value(values.back());
  }
  v1::ProduceAck ack;
  ASSERT_TRUE(append(request, &ack).ok());
  std::set<std::uint32_t> seen;
  std::set<std::int32_t> keyless;
  for (const v1::PartitionAck& each : ack.partitions()) {
    const auto stored = records_in(broker_.batches("events", each.partition()));
    ASSERT_EQ(static_cast<int>(stored.size()), each.record_indexes_size());
    EXPECT_EQ(each.last_offset() - each.base_offset() + 1, each.record_indexes_size());
    for (int at = 0; at < each.record_indexes_size(); ++at) {
      const std::uint32_t index = each.record_indexes(at);
      EXPECT_TRUE(at == 0 || each.record_indexes(at - 1) < index);
      EXPECT_TRUE(seen.insert(index).second);
      const auto& record = stored[static_cast<std::size_t>(at)];
      EXPECT_EQ(record.value, values[index]);
      if (record.key) {
        EXPECT_EQ(partition_for_key(as_bytes(*record.key), 4), each.partition());
      } else {
        keyless.insert(each.partition());
      }
    }
  }
  EXPECT_EQ(seen.size(), 50U);
  EXPECT_EQ(keyless.size(), 1U);  // together
}

TEST_F(ProduceTest, KeylessRequestsTakeTurnsOverThePartitions) {
  std::set<std::int32_t> used;
  for (int round = 0; round < 4; ++round) {
    v1::ProduceRequest request = plain_request();
    request.mutable_records()->add_records()->set_value("v");
    v1::ProduceAck ack;
    ASSERT_TRUE(append(request, &ack).ok());
    used.insert(ack.partitions(0).partition());
  }
  EXPECT_EQ(used.size(), 4U);
}

TEST_F(ProduceTest, SpreadRequestThatFailsInPartSaysWhatWasWritten) {
  v1::ProduceRequest request = plain_request();
  for (int index = 0; index < 40; ++index) {
    request.mutable_records()->add_records()->set_key("key-" + std::to_string(index));
  }
  broker_.fail_next_produce({ErrorCode::kDiskFull, "below the reserve", 500});  // of partition 0: asked first
  v1::ProduceAck ack;
  grpc::Status status = append(request, &ack);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::ProduceAck acknowledged;
  auto detail = detail_of(status, &acknowledged);
  EXPECT_EQ(detail.reason(), v1::DISK_FULL);
  EXPECT_EQ(detail.partition(), 0);
  EXPECT_EQ(acknowledged.partitions_size(), 3);

  broker_.fail_next_produce({ErrorCode::kDiskFull, "below the reserve", 500});
  auto stream = log_->Produce(&context_);
  ASSERT_TRUE(stream->Write(request));
  v1::ProduceResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error().reason(), v1::DISK_FULL);
  EXPECT_EQ(response.acknowledged().partitions_size(), 3);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

// Who sends records without a partition does not know which batch each is in.
TEST_F(ProduceTest, SpreadRequestNamesItsBadRecordsByTheirPlaceInIt) {
  v1::ProduceRequest request = plain_request();
  std::map<std::int32_t, std::vector<std::int32_t>> placed;
  for (int index = 0; index < 40; ++index) {
    const std::string key = "key-" + std::to_string(index);
    request.mutable_records()->add_records()->set_key(key);
    placed[partition_for_key(as_bytes(key), 4)].push_back(index);
  }
  Error refused{ErrorCode::kInvalidRecord, "2 records break the schemas"};
  refused.record_faults = {{0, "first"}, {2, "third"}};
  for (int i = 0; i < 2; ++i) broker_.fail_next_produce(refused);  // of partitions 0 and 1
  auto stream = log_->Produce(&context_);
  ASSERT_TRUE(stream->Write(request));
  v1::ProduceResponse response;
  ASSERT_TRUE(stream->Read(&response));
  std::vector<std::int32_t> expected{placed[0][0], placed[0][2], placed[1][0], placed[1][2]};
  std::sort(expected.begin(), expected.end());
  std::vector<std::int32_t> told;
  for (const v1::RecordFault& one : response.error().record_faults()) told.push_back(one.index());
  EXPECT_EQ(told, expected);
  EXPECT_EQ(response.acknowledged().partitions_size(), 2);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ProduceTest, PlainRequestsThatCannotBeRightAreRefused) {
  v1::ProduceAck ack;
  v1::ProduceRequest request = plain_request();
  EXPECT_EQ(detail_of(append(request, &ack)).reason(), v1::INVALID_ARGUMENT);  // no records
  request.mutable_records()->add_records();
  request.mutable_records()->set_compression("brotli");
  EXPECT_EQ(detail_of(append(request, &ack)).reason(), v1::UNSUPPORTED);
  request.mutable_records()->clear_compression();
  request.set_partition(-2);
  EXPECT_EQ(detail_of(append(request, &ack)).reason(), v1::INVALID_ARGUMENT);
  request.clear_partition();
  request.set_topic("nowhere");
  EXPECT_EQ(detail_of(append(request, &ack)).reason(), v1::UNKNOWN_TOPIC);
}

// --- bounds ----------------------------------------------------------------------------------------------

// --- idempotent producers --------------------------------------------------------------------------------

v1::ProduceRequest stamped_request(std::int32_t sequence) {
  v1::ProduceRequest request;
  request.set_topic("events");
  request.set_partition(2);
  request.mutable_records()->add_records()->set_value("a");
  request.mutable_records()->add_records()->set_value("b");
  request.mutable_producer()->set_id(77);
  request.mutable_producer()->set_epoch(3);
  request.mutable_producer()->set_sequence(sequence);
  return request;
}

TEST_F(ProduceTest, PlainRecordsOfAProducerAreABatchThatNamesIt) {
  v1::ProduceAck ack;
  ASSERT_TRUE(append(stamped_request(5), &ack).ok());
  EXPECT_FALSE(ack.partitions(0).duplicate());
  const auto stored = broker_.batches("events", 2);
  ASSERT_EQ(stored.size(), 1U);
  const auto head = model::read_batch_header(as_bytes(stored[0]).data());
  EXPECT_EQ(head.producer_id, model::ProducerId(77));
  EXPECT_EQ(head.producer_epoch, model::ProducerEpoch(3));
  EXPECT_EQ(head.base_sequence, 5);
  EXPECT_EQ(head.last_sequence(), 6);
}

TEST_F(ProduceTest, CopyIsAcknowledgedAsOneWithTheFirstPlace) {
  v1::ProduceAck first, second;
  ASSERT_TRUE(append(stamped_request(0), &first).ok());
  ASSERT_TRUE(append(stamped_request(0), &second).ok());
  EXPECT_TRUE(second.partitions(0).duplicate());
  EXPECT_EQ(second.partitions(0).base_offset(), first.partitions(0).base_offset());
  EXPECT_EQ(second.partitions(0).last_offset(), first.partitions(0).last_offset());
}

TEST_F(ProduceTest, ProducerStampThatCannotBeRightIsRefused) {
  const auto refused = [&](const std::function<void(v1::ProduceRequest&)>& change) {
    auto request = stamped_request(0);
    change(request);
    v1::ProduceAck ack;
    const grpc::Status status = append(request, &ack);
    return !status.ok() && detail_of(status).reason() == v1::INVALID_ARGUMENT;
  };
  EXPECT_TRUE(refused([](auto& request) { request.clear_partition(); }));
  EXPECT_TRUE(refused([](auto& request) { request.mutable_producer()->set_id(-1); }));
  EXPECT_TRUE(refused([](auto& request) { request.mutable_producer()->set_epoch(32'768); }));
  EXPECT_TRUE(refused([](auto& request) { request.mutable_producer()->set_sequence(-1); }));
  EXPECT_TRUE(refused([](auto& request) { request.set_batch(batch_of("raw")); }));
}

TEST_F(ProduceTest, PositionComesWithItsBatch) {
  auto request = stamped_request(0);
  request.mutable_position()->set_source("file");
  request.mutable_position()->set_position("17");
  v1::ProduceAck ack;
  ASSERT_TRUE(append(request, &ack).ok());
  ASSERT_EQ(broker_.positions.size(), 1U);
  EXPECT_EQ(broker_.positions[0], (partition::SourcePosition{"file", "17"}));
}

TEST_F(ProduceTest, FencedPartitionsSayHowFarTheSessionBeforeCame) {
  broker_.sessions[1] = {model::ProducerEpoch(4), 9, model::Offset(100), partition::SourcePosition{"f", "p"}};
  v1::FenceProducerRequest request;
  request.set_topic("events");
  request.set_producer_id(77);
  request.set_epoch(5);
  grpc::ClientContext context;
  v1::FenceProducerResponse response;
  ASSERT_TRUE(log_->FenceProducer(&context, request, &response).ok());
  EXPECT_EQ(response.topic_partitions(), 4U);
  ASSERT_EQ(response.partitions_size(), 4);
  EXPECT_FALSE(response.partitions(0).has_last_epoch());
  const v1::PartitionFenced& fenced = response.partitions(1);
  EXPECT_EQ(fenced.last_epoch(), 4);
  EXPECT_EQ(fenced.last_sequence(), 9);
  EXPECT_EQ(fenced.last_offset(), 100);
  EXPECT_EQ(fenced.position().source(), "f");
  EXPECT_EQ(fenced.position().position(), "p");
  ASSERT_EQ(broker_.fences.size(), 1U);
  EXPECT_EQ(broker_.fences[0].producer, model::ProducerId(77));
  EXPECT_EQ(broker_.fences[0].epoch, model::ProducerEpoch(5));
}

TEST_F(ProduceTest, FenceThatCannotBeRightIsRefused) {
  const auto refused = [&](const std::function<void(v1::FenceProducerRequest&)>& change) {
    v1::FenceProducerRequest request;
    request.set_topic("events");
    change(request);
    grpc::ClientContext context;
    v1::FenceProducerResponse response;
    const grpc::Status status = log_->FenceProducer(&context, request, &response);
    return !status.ok() && detail_of(status).reason() == v1::INVALID_ARGUMENT;
  };
  EXPECT_TRUE(refused([](auto& request) { request.clear_topic(); }));
  EXPECT_TRUE(refused([](auto& request) { request.set_producer_id(-1); }));
  EXPECT_TRUE(refused([](auto& request) { request.set_epoch(40'000); }));
  EXPECT_TRUE(refused([](auto& request) { request.add_partitions(-1); }));
}

class BoundedProduceTest : public ProduceTest {
 protected:
  api::ApiOptions options() const override {
    api::ApiOptions options = ApiTest::options();
    options.stream_requests_max = 4;
    options.stream_bytes_max = 100'000;
    return options;
  }
  void send_all(ProduceStream* stream, std::uint64_t count, std::size_t size) {
    for (std::uint64_t number = 0; number < count; ++number) {
      ASSERT_TRUE(stream->Write(raw_request(0, std::string(size, 'x'), number)));
    }
    stream->WritesDone();
  }
  void expect_answers(ProduceStream* stream, std::uint64_t count) {
    v1::ProduceResponse response;
    for (std::uint64_t number = 0; number < count; ++number) {
      ASSERT_TRUE(stream->Read(&response));
      EXPECT_EQ(response.correlation_id(), number);
      EXPECT_TRUE(response.has_ack());
    }
    EXPECT_TRUE(stream->Finish().ok());
  }
};

TEST_F(BoundedProduceTest, StreamIsNotReadPastItsCountOfRequests) {
  broker_.hold_answers(0);
  auto stream = log_->Produce(&context_);
  std::thread sender([&] { send_all(stream.get(), 100, 10); });
  EXPECT_TRUE(broker_.wait_until([](const auto& counts) { return counts.unanswered == 4; }));
  for (std::size_t number = 5; number < 20; ++number) {
    broker_.release_one_answer(0);
    EXPECT_TRUE(broker_.wait_until([number](const auto& counts) { return counts.produced == number; }));
  }
  broker_.release_answers(0);
  expect_answers(stream.get(), 100);
  sender.join();
  EXPECT_EQ(broker_.counts().unanswered_most, 4U);
}

TEST_F(BoundedProduceTest, StreamIsNotReadPastItsBytes) {
  broker_.hold_answers(0);
  auto stream = log_->Produce(&context_);
  std::thread sender([&] { send_all(stream.get(), 30, 60'000); });  // two of them pass the bound
  EXPECT_TRUE(broker_.wait_until([](const auto& counts) { return counts.unanswered == 2; }));
  broker_.release_one_answer(0);
  EXPECT_TRUE(broker_.wait_until([](const auto& counts) { return counts.produced == 3; }));
  broker_.release_answers(0);
  expect_answers(stream.get(), 30);
  sender.join();
  EXPECT_EQ(broker_.counts().unanswered_most, 2U);
}

TEST_F(BoundedProduceTest, OneRequestLargerThanTheBoundIsTaken) {
  auto stream = log_->Produce(&context_);
  std::thread sender([&] { send_all(stream.get(), 3, 500'000); });
  expect_answers(stream.get(), 3);
  sender.join();
}

}  // namespace
}  // namespace forebay::test
