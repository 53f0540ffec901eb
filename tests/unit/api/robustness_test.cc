// Peers that do not behave: they must cost what is bounded, and disturb nobody else.
#include <fcntl.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <fstream>
#include <future>
#include <random>

#include "api_fixture.h"
#include "raw_socket.h"

namespace forebay::test {
namespace {

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int fd = 0; fd < 4096; ++fd) count += ::fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
  return count;
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * 4096;
}

class RobustnessTest : public ApiTest {
 protected:
  void expect_healthy() {
    must_append(3, "value");
    v1::FetchResponse response;
    EXPECT_TRUE(fetch(fetch_request(3, 0), &response).ok());
  }
  // A unary call whose request are these bytes, whatever they are.
  grpc::Status call_with_bytes(const std::string& method, const std::string& bytes) {
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext context;
    std::promise<grpc::Status> ended;
    grpc::GenericStub(channel_).UnaryCall(&context, method, {}, &request, &response,
                                          [&](grpc::Status status) { ended.set_value(std::move(status)); });
    return ended.get_future().get();
  }
  [[nodiscard]] RawSocket connect() const { return RawSocket(server_->port()); }
};

TEST_F(RobustnessTest, GarbageIsAnsweredByClosing) {
  expect_healthy();
  std::mt19937 random(11);
  std::vector<std::string> garbage = {
      std::string(100'000, '\0'), "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(50'000, '\xff'),
      http2::hello(65'535) + http2::frame(http2::kHeaders, 4, 1, "\xff\xff\xff")};
  for (int round = 0; round < 20; ++round) {
    std::string bytes(random() % 5000, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    garbage.push_back(std::move(bytes));
  }
  for (const std::string& bytes : garbage) {
    RawSocket socket = connect();
    ASSERT_TRUE(socket.connected());
    socket.send(bytes);
    EXPECT_TRUE(bytes.size() < 24 || socket.closed_by_peer());
  }
  expect_healthy();
}

TEST_F(RobustnessTest, ThousandsOfConnectionsOpenedAndDroppedLeaveNothingBehind) {
  const auto burst = [this](int connections) {
    for (int index = 0; index < connections; ++index) {
      RawSocket socket = connect();
      ASSERT_TRUE(socket.connected());
      if (index % 3 == 1) socket.send(http2::hello(65'535));
      if (index % 2 == 0) socket.reset();
    }
  };
  expect_healthy();
  burst(500);
  const std::size_t descriptors = open_descriptors();
  const std::size_t resident = resident_bytes();
  burst(2500);
  EXPECT_TRUE(eventually([&] { return open_descriptors() <= descriptors; }));
  EXPECT_LT(resident_bytes(), resident + (24U << 20));
  expect_healthy();
}

TEST_F(RobustnessTest, ManyOpenSilentConnectionsDisturbNobody) {
  std::vector<RawSocket> sockets;
  for (int index = 0; index < 300; ++index) {
    sockets.push_back(connect());
    if (index % 2 == 0) sockets.back().send(http2::hello(65'535));
  }
  expect_healthy();
  sockets.clear();
  expect_healthy();
}

TEST_F(RobustnessTest, OutOfDescriptorsIsWaitedOutAndTheListenerLives) {
  expect_healthy();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<RawSocket> sockets;
  {
    // Sockets of ours are made while descriptors last; then none is left for accept.
    const auto accepted = metric("forebay_api_connections_total");
    for (int index = 0; index < 40; ++index) sockets.push_back(connect());
    // All of them: an accept that is late would take the descriptor that is kept for the test.
    ASSERT_TRUE(eventually([&] { return metric("forebay_api_connections_total") == accepted + 40; }));
    rlimit low = before;
    low.rlim_cur = open_descriptors();
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
    sockets.back().close();  // one free: it becomes the next client, and the accept of it fails
    RawSocket waiting = connect();
    EXPECT_TRUE(waiting.connected());
    waiting.send(http2::hello(65'535));
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_TRUE(waiting.wait_for_frame(http2::kSettings));  // served after all
  }
  expect_healthy();
}

TEST_F(RobustnessTest, PeerThatVanishesInTheMiddleOfARequestIsForgotten) {
  for (int round = 0; round < 20; ++round) {
    RawSocket socket = connect();
    const std::string request = raw_request(0, std::string(50'000, 'x')).SerializeAsString();
    const std::string bytes = http2::hello(65'535) + http2::call(1, "/forebay.v1.Log/Produce") +
                              http2::message(1, request).substr(0, 10'000);
    socket.send(bytes);
    ASSERT_TRUE(socket.wait_for_frame(http2::kSettings));
    if (round % 2 == 0) socket.reset();
  }
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_open_calls") == 0; }));
  EXPECT_EQ(broker_.counts().produced, 0U);
  expect_healthy();
}

TEST_F(RobustnessTest, MessageThatIsNoRequestEndsTheStream) {
  RawSocket socket = connect();
  socket.send(http2::hello(65'535) + http2::call(1, "/forebay.v1.Log/Produce") +
              http2::message(1, "\xff\xff\xff garbage"));
  ASSERT_TRUE(socket.wait_for_frame(http2::kHeaders));  // the trailers
  EXPECT_TRUE(eventually([this] {
    return metric(R"(forebay_api_requests_total{method="Produce",result="INVALID_ARGUMENT"})") == 1;
  }));
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_open_calls") == 0; }));
  expect_healthy();
}

// gRPC's own decoding would say that there is no such method.
TEST_F(RobustnessTest, BytesThatAreNoRequestAreAnInvalidArgumentOfEveryUnaryMethod) {
  const google::protobuf::FileDescriptor* files[] = {v1::FetchRequest::descriptor()->file(),
                                                     v1::DescribeTopicRequest::descriptor()->file()};
  int asked = 0;
  for (const google::protobuf::FileDescriptor* file : files) {
    const google::protobuf::ServiceDescriptor& service = *file->service(0);
    for (int index = 0; index < service.method_count(); ++index) {
      const google::protobuf::MethodDescriptor& method = *service.method(index);
      if (method.client_streaming() || method.server_streaming()) continue;
      SCOPED_TRACE(method.full_name());
      ++asked;
      const grpc::Status status =
          call_with_bytes("/" + service.full_name() + "/" + method.name(), "\xff\xff\xff garbage");
      EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
      EXPECT_NE(status.error_message().find("the message is not a " + method.input_type()->full_name()),
                std::string::npos)
          << status.error_message();
      EXPECT_EQ(detail_of(status).reason(), v1::INVALID_ARGUMENT);
      EXPECT_EQ(
          metric("forebay_api_requests_total{method=\"" + method.name() + "\",result=\"INVALID_ARGUMENT\"}"),
          1);
    }
  }
  EXPECT_EQ(asked, 28);
  expect_healthy();
}

class SmallBoundsTest : public RobustnessTest {
 protected:
  api::ApiOptions options() const override {
    api::ApiOptions options = ApiTest::options();
    options.stream_requests_max = 16;
    options.answer_bytes_max = 8 << 20;
    options.connections_max = 30;
    options.message_bytes_max = 1 << 20;
    options.handshake_timeout = std::chrono::milliseconds(200);
    return options;
  }
};

TEST_F(SmallBoundsTest, ProducerThatNeverTakesItsAnswersIsNotReadOn) {
  {
    RawSocket socket = connect();
    socket.send(http2::hello(0) + http2::call(1, "/forebay.v1.Log/Produce"));
    const std::string request = raw_request(0, "v").SerializeAsString();
    std::string all;
    for (int index = 0; index < 300; ++index) all += http2::message(1, request);
    socket.send_what_fits(all);
    EXPECT_TRUE(broker_.wait_until([](const auto& counts) { return counts.produced == 16; }));
    expect_healthy();  // of a connection that behaves
  }
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_open_calls") == 0; }));
  EXPECT_EQ(broker_.counts().produced, 17U);  // the 16, and the healthy one: not one more
}

TEST_F(SmallBoundsTest, ConsumersThatNeverReadHoldAtMostTheirShareAndOthersGoOn) {
  for (int index = 0; index < 4; ++index) must_append(0, std::string(100'000, 'x'));
  {
    RawSocket greedy = connect();
    greedy.send(http2::hello(0));
    const std::string request = fetch_request(0, 0).SerializeAsString();
    for (std::uint32_t stream = 1; stream < 41; stream += 2) {
      greedy.send(http2::call(stream, "/forebay.v1.Log/Fetch") +
                  http2::message(stream, request, http2::kEndStream));
    }
    // A quarter of 8 MiB holds five answers of 0.4 MB; the other calls are refused, and their end waits too.
    EXPECT_TRUE(broker_.wait_until([](const auto& counts) { return counts.fetches == 20; }));
    EXPECT_TRUE(eventually([this] { return metric("forebay_api_answer_bytes") > 0; }));
    for (int round = 0; round < 20; ++round) {
      v1::FetchResponse response;
      const grpc::Status status = fetch(fetch_request(0, 0), &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_LE(metric("forebay_api_answer_bytes"), 8 << 20);
    }
  }
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_answer_bytes") == 0; }));
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_open_calls") == 0; }));
}

TEST_F(SmallBoundsTest, SubscriberThatNeverReadsIsHeldByItsShareToo) {
  for (int index = 0; index < 12; ++index) must_append(0, std::string(300'000, 'x'));
  {
    RawSocket greedy = connect();
    v1::SubscribeRequest request;
    request.set_topic("events");
    request.set_shape(v1::SHAPE_RAW);
    greedy.send(http2::hello(0));
    for (std::uint32_t stream = 1; stream < 21; stream += 2) {
      greedy.send(http2::call(stream, "/forebay.v1.Log/Subscribe") +
                  http2::message(stream, request.SerializeAsString(), http2::kEndStream));
    }
    EXPECT_TRUE(broker_.wait_until([](const auto& counts) { return counts.fetches >= 20; }));
    EXPECT_LE(metric("forebay_api_answer_bytes"), 3 << 20);
    expect_healthy();
  }
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_answer_bytes") == 0; }));
  EXPECT_TRUE(eventually([this] { return metric("forebay_api_open_calls") == 0; }));
}

TEST_F(SmallBoundsTest, ConnectionsOverTheBoundAreClosedAtOnceAndThoseWithinServed) {
  expect_healthy();
  std::vector<RawSocket> sockets;
  for (int index = 0; index < 60; ++index) sockets.push_back(connect());
  int closed = 0;
  for (const RawSocket& socket : sockets) closed += socket.closed_by_peer() ? 1 : 0;
  EXPECT_EQ(closed, 60);  // 31 at once, the others when they had not spoken for 200 ms
  EXPECT_GE(metric("forebay_api_connections_refused_total"), 31);
  expect_healthy();
  EXPECT_TRUE(eventually([this] {  // the places of the closed ones are free again
    RawSocket socket = connect();
    return socket.send(http2::hello(65'535)) && socket.wait_for_frame(http2::kSettings);
  }));
}

TEST_F(SmallBoundsTest, OversizeMessageIsRefusedAndTheNextCallServed) {
  v1::ProduceAck ack;
  const grpc::Status status = append(raw_request(0, std::string(2 << 20, 'x')), &ack);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(broker_.counts().produced, 0U);
  expect_healthy();
}

}  // namespace
}  // namespace forebay::test
