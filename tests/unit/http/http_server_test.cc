// Over real loopback sockets.
#include "http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "http_client.h"
#include "telemetry/log.h"

namespace forebay::http {
namespace {

using testing_http::body_of;
using testing_http::Client;

using nlohmann::json;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class HttpServerTest : public testing::Test {
 protected:
  void start(HttpLimits limits = {}) {
    HttpHandlers handlers;
    handlers.readiness = [this] { return readiness_; };
    handlers.metrics = [this] { return metrics_; };
    auto started = HttpServer::start({"127.0.0.1", 0}, std::move(handlers), limits);
    ASSERT_TRUE(started) << started.error().to_string();
    server_ = *std::move(started);
  }
  std::string ask(const std::string& request_line, const std::string& headers = "") {
    Client client(server_->address());
    client.send(request_line + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + headers + "\r\n");
    return client.read_all();
  }

  Readiness readiness_{true, "", {}};
  std::string metrics_ = "# TYPE x counter\nx 1\n";
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, HealthIsFineWhileItLives) {
  start();
  const std::string answer = ask("GET /healthz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(json::parse(body_of(answer)), (json{{"status", "ok"}}));
}

TEST_F(HttpServerTest, ReadyNodeSaysSo) {
  start();
  const std::string answer = ask("GET /readyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(json::parse(body_of(answer)),
            (json{{"ready", true}, {"not_ready_count", 0}, {"not_ready", json::array()}}));
}

TEST_F(HttpServerTest, UnreadyNodeNamesItsPartitionsAndWhy) {
  readiness_ = {false, "starting", {{"orders", 3, "recovering"}, {"clicks", 0, "no \"leader\""}}};
  start();
  const std::string answer = ask("GET /readyz");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  const json body = json::parse(body_of(answer));
  EXPECT_EQ(body["ready"], false);
  EXPECT_EQ(body["reason"], "starting");
  EXPECT_EQ(body["not_ready_count"], 2);
  EXPECT_EQ(body["not_ready"][0], (json{{"topic", "orders"}, {"partition", 3}, {"reason", "recovering"}}));
  EXPECT_EQ(body["not_ready"][1]["reason"], "no \"leader\"");
}

TEST_F(HttpServerTest, AnswerForVeryManyPartitionsIsBounded) {
  readiness_.ready = false;
  for (int i = 0; i < 10'000; ++i) readiness_.not_ready.push_back({"t", i, "recovering"});
  start();
  const json body = json::parse(body_of(ask("GET /readyz")));
  EXPECT_EQ(body["not_ready"].size(), kNotReadyShown);
  EXPECT_EQ(body["not_ready_count"], 10'000);
}

TEST_F(HttpServerTest, MetricsAreServedAsPrometheusText) {
  start();
  const std::string answer = ask("GET /metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4"));
  EXPECT_EQ(body_of(answer), metrics_);
}

TEST_F(HttpServerTest, LargeMetricsAreCompressedForThoseWhoAsk) {
  metrics_ = std::string(1U << 20, 'x');
  start();
  const std::string answer = ask("GET /metrics", "Accept-Encoding: gzip\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Encoding: gzip"));
  EXPECT_LT(answer.size(), 100'000U);
}

TEST_F(HttpServerTest, AnswersLargerThanTheSocketBufferArriveWhole) {
  metrics_.clear();
  for (int i = 0; i < 1'000'000; ++i) metrics_ += "line\n";
  start();
  EXPECT_EQ(body_of(ask("GET /metrics")), metrics_);
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  start();
  const std::string answer = ask("HEAD /metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(body_of(answer), "");
}

TEST_F(HttpServerTest, UnknownRouteListsTheKnownOnes) {
  start();
  for (const char* path : {"/", "/nothing", "/healthz/", "//healthz", "/%2e%2e/etc/passwd", "/healthz%00"}) {
    const std::string answer = ask(std::string("GET ") + path);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 ")) << path;
    EXPECT_THAT(json::parse(body_of(answer))["routes"], testing::Contains("GET /readyz"));
  }
}

TEST_F(HttpServerTest, QueryOfAProbeIsIgnored) {
  start();
  EXPECT_THAT(ask("GET /healthz?verbose=1"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, WrongMethodIsRefusedWithTheAllowedOnes) {
  start();
  for (const char* line :
       {"POST /healthz", "DELETE /metrics", "OPTIONS /loglevel", "POST /loglevel?level=debug"}) {
    const std::string answer = ask(line);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 ")) << line;
    EXPECT_THAT(answer, HasSubstr("\r\nAllow: GET, HEAD")) << line;
  }
}

TEST_F(HttpServerTest, LogLevelIsShownAndChanged) {
  telemetry::LogCapture capture(telemetry::Level::kInfo);
  start();
  EXPECT_EQ(json::parse(body_of(ask("GET /loglevel"))), (json{{"level", "info"}}));
  EXPECT_THAT(ask("PUT /loglevel?level=debug"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(telemetry::log_level(), telemetry::Level::kDebug);
  EXPECT_THAT(ask("PUT /loglevel?level=error", "Content-Length: 0\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(telemetry::log_level(), telemetry::Level::kError);
  EXPECT_EQ(capture.count_of("log level changed"), 2U);
}

TEST_F(HttpServerTest, UnknownLogLevelIsRefusedAndChangesNothing) {
  const telemetry::LogCapture capture(telemetry::Level::kInfo);
  start();
  for (const char* line : {"PUT /loglevel?level=loud", "PUT /loglevel", "PUT /loglevel?level=%00%ff"}) {
    EXPECT_THAT(ask(line), StartsWith("HTTP/1.1 400 ")) << line;
  }
  EXPECT_EQ(telemetry::log_level(), telemetry::Level::kInfo);
}

TEST_F(HttpServerTest, OneConnectionServesManyRequests) {
  start();
  Client client(server_->address());
  for (int i = 0; i < 50; ++i) {
    client.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 200 OK\r\n")) << i;
  }
}

TEST_F(HttpServerTest, RequestsSentAheadAreAnsweredInOrder) {
  start();
  Client client(server_->address());
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    requests +=
        i % 2 == 0 ? "GET /healthz HTTP/1.1\r\n\r\n" : "PUT /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
  }
  client.send(requests + "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
  for (int i = 0; i < 100; ++i)
    EXPECT_THAT(client.read_answer(), StartsWith(i % 2 == 0 ? "HTTP/1.1 200" : "HTTP/1.1 404")) << i;
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, ARequestInSingleBytesIsAnswered) {
  start();
  Client client(server_->address());
  for (const char c : std::string("GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"))
    client.send(std::string_view(&c, 1));
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, OldProtocolIsAnsweredAndClosed) {
  start();
  Client client(server_->address());
  client.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_all(), HasSubstr("200 OK"));
}

TEST_F(HttpServerTest, GarbageIsRefusedAndHarmless) {
  start();
  std::mt19937_64 random(29);
  for (int i = 0; i < 200; ++i) {
    Client client(server_->address());
    std::string noise(random() % 3'000, '\0');
    for (char& c : noise) c = static_cast<char>(random());
    if (i % 3 == 0) noise.insert(0, "GET ");
    if (i % 5 == 0) noise += "\r\n\r\n";
    client.send(noise);
    if (i % 2 == 0)
      client.reset_connection();
    else
      client.finish_sending(), static_cast<void>(client.read_all());
  }
  EXPECT_THAT(ask("GET /healthz"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, MalformedRequestsAreAnsweredWithTheirStatus) {
  HttpLimits limits;
  limits.head_bytes_max = 1'000;
  limits.body_bytes_max = 100;
  start(limits);
  struct Case {
    std::string text;
    std::string_view want;
  };
  for (const Case& c :
       {Case{"\x16\x03\x01\x02\x03", "HTTP/1.1 400 "}, Case{"GET /healthz\r\n\r\n", "HTTP/1.1 400 "},
        Case{"GET /healthz HTTP/9.9\r\n\r\n", "HTTP/1.1 400 "},
        Case{"BREW /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
        Case{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 400 "},
        Case{"GET /" + std::string(2'000, 'a'), "HTTP/1.1 431 "},
        Case{"GET / HTTP/1.1\r\nA: " + std::string(2'000, 'a'), "HTTP/1.1 431 "},
        Case{"PUT / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", "HTTP/1.1 413 "},
        Case{"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", "HTTP/1.1 413 "},
        Case{"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 "}}) {
    Client client(server_->address());
    client.send(c.text);
    client.finish_sending();
    const std::string answer = client.read_all();
    EXPECT_THAT(answer, StartsWith(c.want)) << c.text.substr(0, 50);
    EXPECT_TRUE(json::parse(body_of(answer)).contains("error")) << answer;
  }
}

TEST_F(HttpServerTest, ManyRangesDoNotMultiplyTheAnswer) {
  metrics_ = std::string(1U << 20, 'x');
  start();
  std::string ranges = "Range: bytes=0-";
  for (int i = 0; i < 1'000; ++i) ranges += ",0-";
  const std::string answer = ask("GET /metrics", ranges + "\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_EQ(body_of(answer).size(), metrics_.size());
}

TEST_F(HttpServerTest, SlowRequestsAreEndedAndDoNotHoldUpOthers) {
  HttpLimits limits;
  limits.request_time = milliseconds(200);
  start(limits);
  Client slow(server_->address());
  slow.send("GET /healthz HT");
  EXPECT_THAT(ask("GET /healthz"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(slow.read_all(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpServerTest, IdleConnectionsAreClosed) {
  HttpLimits limits;
  limits.idle_time = milliseconds(50);
  start(limits);
  Client idle(server_->address());
  EXPECT_EQ(idle.read_all(), "");
}

TEST_F(HttpServerTest, ClientsThatDoNotReadAreDroppedAndDoNotHoldUpOthers) {
  metrics_ = std::string(64U << 20, 'x');
  HttpLimits limits;
  limits.answer_time = milliseconds(200);
  limits.connections_max = 2;
  start(limits);
  Client deaf(server_->address());
  Client deaf_too(server_->address());
  for (Client* client : {&deaf, &deaf_too}) {
    client->send("GET /healthz HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n");
    EXPECT_THAT(client->read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  // Both places are taken until the server gives up on them.
  std::string answer;
  do {
    answer = ask("GET /healthz");
  } while (answer.starts_with("HTTP/1.1 503 ") || answer.empty());
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_LT(deaf.read_all().size(), metrics_.size());
}

// It takes a part of the answer in each stretch of time, and all of it in several.
TEST_F(HttpServerTest, ASlowClientThatReadsGetsItsWholeAnswer) {
  metrics_ = std::string(64U << 20, 'x');
  HttpLimits limits;
  limits.answer_time = milliseconds(500);
  start(limits);
  Client slow(server_->address());
  slow.send("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
  const auto began = std::chrono::steady_clock::now();
  std::size_t bytes = 0;
  for (std::size_t count = 1; count > 0; bytes += count) {
    count = slow.read_some(1U << 20);
    // The pace is what is tested; when the time is over, the rest comes at once.
    if (std::chrono::steady_clock::now() - began < 3 * limits.answer_time)
      std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_GT(bytes, metrics_.size());
}

TEST_F(HttpServerTest, PastTheBoundIdleConnectionsMakeRoom) {
  HttpLimits limits;
  limits.connections_max = 4;
  start(limits);
  std::vector<std::unique_ptr<Client>> idle;
  for (int i = 0; i < 10; ++i) {
    idle.push_back(std::make_unique<Client>(server_->address()));
    idle.back()->send("GET /healthz HTTP/1.1\r\n\r\n");
    EXPECT_THAT(idle.back()->read_answer(), StartsWith("HTTP/1.1 200 OK\r\n")) << i;
  }
  EXPECT_EQ(idle.front()->read_all(), "");
}

TEST_F(HttpServerTest, PastTheBoundBusyConnectionsKeepNewcomersOut) {
  HttpLimits limits;
  limits.connections_max = 2;
  start(limits);
  Client one(server_->address());
  Client two(server_->address());
  // An answered request shows that the connection is known; half of one makes it busy.
  for (Client* client : {&one, &two}) {
    client->send("GET /healthz HTTP/1.1\r\n\r\n");
    EXPECT_THAT(client->read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
    client->send("GET /healthz HTTP/1.1\r\n\r\nGET /heal");
    EXPECT_THAT(client->read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
  }
  Client late(server_->address());
  EXPECT_THAT(late.read_all(), StartsWith("HTTP/1.1 503 "));
  one.send("thz HTTP/1.1\r\n\r\n");
  EXPECT_THAT(one.read_answer(), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, ThousandsOfConnectionsOpenedAndDroppedAreHarmless) {
  start();
  for (int i = 0; i < 2'000; ++i) {
    Client client(server_->address());
    EXPECT_TRUE(client.connected());
    if (i % 2 == 0) client.reset_connection();
  }
  EXPECT_THAT(ask("GET /healthz"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, AHandlerThatThrowsIsAnsweredWith500) {
  const telemetry::LogCapture capture;
  HttpHandlers handlers;
  handlers.readiness = []() -> Readiness { throw std::runtime_error("broken"); };
  handlers.metrics = [] { return std::string(); };
  server_ = *HttpServer::start({"127.0.0.1", 0}, std::move(handlers));
  EXPECT_THAT(ask("GET /readyz"), StartsWith("HTTP/1.1 500 "));
  EXPECT_EQ(capture.count_of("http handler failed"), 1U);
  EXPECT_THAT(ask("GET /healthz"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, StopClosesEverythingAndJoins) {
  start();
  const config::Address address = server_->address();
  Client idle(address);
  Client half(address);
  half.send("GET /hea");
  idle.send("GET /healthz HTTP/1.1\r\n\r\n");
  EXPECT_THAT(idle.read_answer(), StartsWith("HTTP/1.1 200"));
  server_->stop();
  server_->stop();
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_FALSE(Client(address).connected());
  auto again = HttpServer::start(address, {[] { return Readiness{}; }, [] { return std::string(); }});
  EXPECT_TRUE(again) << "the port is free at once";
}

TEST(HttpServerStart, APortInUseIsRefusedWithTheAddress) {
  const HttpHandlers handlers{[] { return Readiness{}; }, [] { return std::string(); }};
  const auto first = HttpServer::start({"127.0.0.1", 0}, handlers);
  ASSERT_TRUE(first);
  const auto second = HttpServer::start((*first)->address(), handlers);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(second.error().context, HasSubstr((*first)->address().to_string()));
}

TEST(HttpServerStart, AForeignAddressIsRefused) {
  const HttpHandlers handlers{[] { return Readiness{}; }, [] { return std::string(); }};
  EXPECT_EQ(HttpServer::start({"192.0.2.1", 0}, handlers).error().code, ErrorCode::kFailedPrecondition);
}

TEST(HttpServerStart, LocalhostByNameWorks) {
  const HttpHandlers handlers{[] { return Readiness{}; }, [] { return std::string(); }};
  const auto server = HttpServer::start({"localhost", 0}, handlers);
  ASSERT_TRUE(server) << server.error().to_string();
  EXPECT_NE((*server)->address().port, 0);
}

}  // namespace
}  // namespace forebay::http
