#include "api/server.h"

#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>

#include <thread>

#include "api_fixture.h"

namespace forebay::test {
namespace {

grpc::ByteBuffer buffer_of(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}
std::string text_of(const grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.Valid() || !buffer.DumpToSingleSlice(&slice).ok()) return {};
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

class ServerTest : public ApiTest {
 protected:
  // One message there, one back, of a service whose stubs are not at hand.
  std::string ask(const std::string& method, const std::string& request) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    auto call = stub.PrepareCall(&context, method, &queue);
    const auto step = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      EXPECT_TRUE(queue.Next(&tag, &ok));
      return ok;
    };
    grpc::ByteBuffer response;
    grpc::Status status;
    call->StartCall(nullptr);
    EXPECT_TRUE(step());
    call->Write(buffer_of(request), nullptr);
    EXPECT_TRUE(step());
    call->Read(&response, nullptr);
    step();
    call->WritesDone(nullptr);
    step();
    call->Finish(&status, nullptr);
    step();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return text_of(response);
  }
  // HealthCheckRequest{service}; the answer is field 1: 1 serving, 2 not serving.
  std::string health(const std::string& service) {
    return ask("/grpc.health.v1.Health/Check",
               service.empty() ? "" : "\x0a" + std::string(1, static_cast<char>(service.size())) + service);
  }
  static inline const std::string kServing{"\x08\x01"};
  static inline const std::string kNotServing{"\x08\x02"};
};

TEST_F(ServerTest, HealthSaysNotServingUntilReady) {
  for (const std::string service : {"", "forebay.v1.Log", "forebay.v1.Admin"}) {
    EXPECT_EQ(health(service), kNotServing) << service;
  }
  server_->set_ready(true);
  for (const std::string service : {"", "forebay.v1.Log", "forebay.v1.Admin"}) {
    EXPECT_EQ(health(service), kServing) << service;
  }
  server_->set_ready(false);
  EXPECT_EQ(health(""), kNotServing);
}

TEST_F(ServerTest, ReflectionListsTheServicesAndTheirTypes) {
  const std::string services =
      ask("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "\x3a\x01*");
  EXPECT_NE(services.find("forebay.v1.Log"), std::string::npos);
  EXPECT_NE(services.find("forebay.v1.Admin"), std::string::npos);
  EXPECT_NE(services.find("grpc.health.v1.Health"), std::string::npos);
  const std::string symbol = "forebay.v1.ProduceRequest";
  const std::string file = ask("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                               "\x22" + std::string(1, static_cast<char>(symbol.size())) + symbol);
  EXPECT_NE(file.find("correlation_id"), std::string::npos);
}

TEST_F(ServerTest, SecondServerOnTheSamePortIsRefusedWithTheReason) {
  api::ApiOptions options = this->options();
  options.listen = address_;
  const auto second = api::ApiServer::start(options, broker_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(second.error().context.find(address_), std::string::npos);
  EXPECT_NE(second.error().context.find("Address already in use"), std::string::npos);
}

TEST_F(ServerTest, AddressThatIsNoneIsRefused) {
  api::ApiOptions options = this->options();
  options.listen = "nonsense";
  const auto second = api::ApiServer::start(options, broker_, clock_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ServerTest, ListensOnEveryAddressOfAName) {
  api::ApiOptions options = this->options();
  options.listen = "localhost:0";
  auto second = api::ApiServer::start(options, broker_, clock_);
  ASSERT_TRUE(second) << second.error().to_string();
  address_ = "127.0.0.1:" + std::to_string((*second)->port());
  log_ = v1::Log::NewStub(new_channel());
  must_append(0, "v");
  (*second)->shutdown(std::chrono::seconds(10));
}

TEST_F(ServerTest, ShutdownAnswersRequestsInFlightAndEndsWhatWaits) {
  broker_.hold_answers(0);
  grpc::ClientContext produce_context, subscribe_context, fetch_context;
  auto produce = log_->Produce(&produce_context);
  ASSERT_TRUE(produce->Write(raw_request(0, "v", 9)));
  v1::SubscribeRequest subscribe_request;
  subscribe_request.set_topic("events");
  subscribe_request.set_partition(1);
  auto subscribe = log_->Subscribe(&subscribe_context, subscribe_request);
  auto waiting = fetch_request(1, 0);
  waiting.set_max_wait_ms(60'000);
  grpc::Status fetch_status;
  v1::FetchResponse fetched;
  std::thread fetcher([&] { fetch_status = log_->Fetch(&fetch_context, waiting, &fetched); });
  ASSERT_TRUE(broker_.wait_until(
      [](const auto& counts) { return counts.fetches_waiting == 2 && counts.unanswered == 1; }));

  std::thread stopper([&] { server_->shutdown(std::chrono::seconds(30)); });
  fetcher.join();
  EXPECT_EQ(fetch_status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(detail_of(fetch_status).reason(), v1::SHUTTING_DOWN);
  v1::FetchResponse last;
  ASSERT_TRUE(subscribe->Read(&last));
  EXPECT_EQ(last.error().reason(), v1::SHUTTING_DOWN);
  EXPECT_EQ(subscribe->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  // The produce request was taken: its answer still comes, then the stream ends.
  broker_.release_answers(0);
  v1::ProduceResponse response;
  ASSERT_TRUE(produce->Read(&response));
  EXPECT_EQ(response.correlation_id(), 9U);
  EXPECT_TRUE(response.has_ack());
  EXPECT_FALSE(produce->Read(&response));
  const grpc::Status status = produce->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(detail_of(status).reason(), v1::SHUTTING_DOWN);
  stopper.join();
}

TEST_F(ServerTest, ShutdownCancelsWhatIsOpenAfterTheGrace) {
  broker_.hold_answers(0);
  grpc::ClientContext context;
  auto produce = log_->Produce(&context);
  ASSERT_TRUE(produce->Write(raw_request(0, "v", 9)));
  ASSERT_TRUE(broker_.wait_until([](const auto& counts) { return counts.unanswered == 1; }));
  std::thread stopper([&] { server_->shutdown(std::chrono::milliseconds(1)); });
  v1::ProduceResponse response;
  EXPECT_FALSE(produce->Read(&response));
  EXPECT_FALSE(produce->Finish().ok());
  broker_.release_answers(0);
  stopper.join();
}

TEST_F(ServerTest, NothingNewIsTakenAfterShutdown) {
  must_append(0, "v");
  server_->shutdown(std::chrono::seconds(10));
  v1::ProduceAck ack;
  EXPECT_EQ(append(raw_request(0, "v"), &ack).error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(broker_.counts().produced, 1U);
}

class OnePollerTest : public ServerTest {
 protected:
  api::ApiOptions options() const override {
    api::ApiOptions options = ServerTest::options();
    options.one_poller = true;
    return options;
  }
};

// Streams, calls that wait and calls that are answered at once share the one thread that is left.
TEST_F(OnePollerTest, ServesAllKindsOfCallsAtOnceAndEnds) {
  grpc::ClientContext produce_context;
  const auto produce = log_->Produce(&produce_context);
  std::thread waits([this] {
    v1::FetchRequest request = fetch_request(1, 0);
    request.set_max_wait_ms(60'000);
    request.set_min_bytes(1);
    v1::FetchResponse response;
    EXPECT_TRUE(fetch(request, &response).ok());
    EXPECT_EQ(response.batches_size(), 1);
  });
  for (std::uint64_t number = 1; number <= 100; ++number) {
    ASSERT_TRUE(produce->Write(raw_request(0, "value", number)));
    EXPECT_EQ(health(""), kNotServing);
    v1::ProduceResponse response;
    ASSERT_TRUE(produce->Read(&response));
    EXPECT_EQ(response.correlation_id(), number);
  }
  must_append(1, "awaited");
  waits.join();
  EXPECT_TRUE(produce->WritesDone());
  EXPECT_TRUE(produce->Finish().ok());
}

TEST_F(OnePollerTest, OfSeveralServersInAProcessOneParks) {
  telemetry::Metrics metrics;
  auto other = api::ApiServer::start(options(), broker_, clock_, &metrics);
  ASSERT_TRUE(other);
  EXPECT_EQ(health(""), kNotServing);
  (*other)->shutdown(std::chrono::seconds(0));
  EXPECT_EQ(health(""), kNotServing);
}

}  // namespace
}  // namespace forebay::test
