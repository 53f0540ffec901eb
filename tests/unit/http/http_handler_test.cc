// Requests that somebody else answers, perhaps later and on another thread. Over real loopback sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "http/http_server.h"
#include "http_client.h"
#include "telemetry/log.h"

namespace forebay::http {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing_http::body_of;
using testing_http::Client;

// Holds what it was asked until the test answers.
class Held {
 public:
  struct Asked {
    Request request;
    Respond respond;
  };
  void put(Request request, Respond respond) {
    const std::lock_guard lock(mutex_);
    asked_.push_back({std::move(request), std::move(respond)});
    came_.notify_all();
  }
  Asked next() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return !asked_.empty(); });
    Asked first = std::move(asked_.front());
    asked_.pop_front();
    return first;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<Asked> asked_;
};

Response text(std::string body) { return {200, "text/plain", std::move(body), {}}; }

class HttpHandlerTest : public testing::Test {
 protected:
  void start(HttpLimits limits = {}) {
    HttpHandlers handlers;
    handlers.readiness = [] { return Readiness{true, "", {}}; };
    handlers.metrics = [] { return std::string(); };
    handlers.other = [this](Request request, Respond respond) {
      if (request.path.empty() || request.path[0] == "none") return false;
      if (request.path[0] == "throw") throw std::runtime_error("broken");
      if (request.path[0] == "drop") return true;
      if (request.path[0] == "held") {
        held_.put(std::move(request), std::move(respond));
        return true;
      }
      respond(text(request.method + ' ' + request.path.back() + ' ' + request.body));
      return true;
    };
    handlers.other_failed = [](Failure failure) {
      return Response{failure == Failure::kBodyTooLarge ? 422 : 500,
                      "text/plain",
                      "failed " + std::to_string(static_cast<int>(failure)),
                      {}};
    };
    auto started = HttpServer::start({"127.0.0.1", 0}, std::move(handlers), limits);
    ASSERT_TRUE(started) << started.error().to_string();
    server_ = *std::move(started);
  }
  std::string ask(const std::string& request) {
    Client client(server_->address());
    client.send(request);
    client.finish_sending();
    return client.read_all();
  }

  Held held_;
  std::unique_ptr<HttpServer> server_;
};

std::string with_body(const std::string& line, const std::string& body) {
  return line + " HTTP/1.1\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST_F(HttpHandlerTest, EveryMethodComesWithItsBody) {
  start();
  Client client(server_->address());
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
    client.send(with_body(std::string(method) + " /a/b%2Fc", "body"));
    EXPECT_EQ(body_of(client.read_answer()), std::string(method) + " b/c body");
  }
}

TEST_F(HttpHandlerTest, OwnPathsStayTheServers) {
  start();
  EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\n\r\n"), HasSubstr("{\"status\":\"ok\"}"));
  EXPECT_THAT(ask("GET /healthz?probe=1 HTTP/1.1\r\n\r\n"), HasSubstr("{\"status\":\"ok\"}"));
  EXPECT_THAT(ask("GET /readyz HTTP/1.1\r\n\r\n"), HasSubstr("\"ready\":true"));
  EXPECT_THAT(ask(with_body("POST /metrics", "x")), StartsWith("HTTP/1.1 405 "));
}

TEST_F(HttpHandlerTest, APathThatIsNobodysIsToldTheRoutes) {
  start();
  const std::string answer = ask("GET /none HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 404 "));
  const json body = json::parse(body_of(answer));
  EXPECT_EQ(body["error_code"], 404);
  EXPECT_TRUE(body.contains("routes"));
}

TEST_F(HttpHandlerTest, AChunkedBodyComesAsOne) {
  start();
  EXPECT_THAT(ask("POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
              HasSubstr("\r\n\r\nPOST a abcde"));
}

TEST_F(HttpHandlerTest, ALargeBodyComesWhole) {
  start();
  const std::string body(3U << 20, 'x');
  const std::string answer = ask(with_body("POST /a", body));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_TRUE(body_of(answer) == "POST a " + body);
}

TEST_F(HttpHandlerTest, WhoWaitsToSendItsBodyIsAskedForIt) {
  start();
  Client client(server_->address());
  client.send("POST /a HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("body");
  EXPECT_EQ(body_of(client.read_answer()), "POST a body");
}

TEST_F(HttpHandlerTest, ABodyBeyondTheBoundIsRefusedInTheHandlersWords) {
  HttpLimits limits;
  limits.other_body_bytes_max = 1'000;
  start(limits);
  EXPECT_THAT(ask(with_body("POST /a", std::string(1'000, 'x'))), StartsWith("HTTP/1.1 200 "));
  const std::string answer = ask(with_body("POST /a", std::string(1'001, 'x')));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 422 "));
  EXPECT_EQ(body_of(answer), "failed 0");
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
}

TEST_F(HttpHandlerTest, BodiesOfAllTogetherAreBounded) {
  HttpLimits limits;
  limits.bodies_bytes_max = 1'000;
  start(limits);
  Client first(server_->address());
  first.send(with_body("POST /held", std::string(800, 'x')));
  Held::Asked asked = held_.next();
  EXPECT_EQ(asked.request.body.size(), 800U);
  Client second(server_->address());
  second.send("POST /a HTTP/1.1\r\nContent-Length: 500\r\n\r\n" + std::string(499, 'x'));
  EXPECT_EQ(body_of(second.read_all()), "failed 1");
  asked.respond(text("done"));
  EXPECT_EQ(body_of(first.read_answer()), "done");
  EXPECT_THAT(ask(with_body("POST /a", std::string(500, 'x'))), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpHandlerTest, AnswersOfAllTogetherAreBounded) {
  HttpLimits limits;
  limits.answers_bytes_max = 100;
  start(limits);
  EXPECT_THAT(ask(with_body("POST /a", std::string(50, 'x'))), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(body_of(ask(with_body("POST /a", std::string(101, 'x')))), "failed 1");
}

TEST_F(HttpHandlerTest, AnswersComeInTheOrderOfRequests) {
  start();
  Client client(server_->address());
  client.send("GET /held HTTP/1.1\r\n\r\nGET /fast HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n");
  Held::Asked asked = held_.next();
  std::thread([&] { asked.respond(text("slow")); }).join();
  EXPECT_EQ(body_of(client.read_answer()), "slow");
  EXPECT_EQ(body_of(client.read_answer()), "GET fast ");
  EXPECT_THAT(client.read_answer(), HasSubstr("{\"status\":\"ok\"}"));
}

TEST_F(HttpHandlerTest, OthersAreAnsweredWhileOneWaits) {
  start();
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Held::Asked> asked;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<Client>(server_->address()));
    clients.back()->send("GET /held/" + std::to_string(i) + " HTTP/1.1\r\n\r\n");
    asked.push_back(held_.next());
  }
  EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  for (int i = 19; i >= 0; --i) {
    EXPECT_EQ(asked[static_cast<std::size_t>(i)].request.path.back(), std::to_string(i));
    asked[static_cast<std::size_t>(i)].respond(text(std::to_string(i)));
    EXPECT_EQ(body_of(clients[static_cast<std::size_t>(i)]->read_answer()), std::to_string(i));
  }
}

TEST_F(HttpHandlerTest, AHandlerThatNeverAnswersIsAnsweredForAndIsNotHeardAfterwards) {
  HttpLimits limits;
  limits.handler_time = milliseconds(50);
  start(limits);
  Client client(server_->address());
  client.send("GET /held HTTP/1.1\r\n\r\n");
  Held::Asked asked = held_.next();
  EXPECT_EQ(body_of(client.read_answer()), "failed 2");
  client.send("GET /held HTTP/1.1\r\n\r\n");
  Held::Asked again = held_.next();
  asked.respond(text("too late"));
  again.respond(text("in time"));
  EXPECT_EQ(body_of(client.read_answer()), "in time");
}

TEST_F(HttpHandlerTest, ADroppedRequestIsAnsweredAtOnce) {
  start();
  EXPECT_EQ(body_of(ask("GET /drop HTTP/1.1\r\n\r\n")), "failed 2");
}

TEST_F(HttpHandlerTest, OnlyTheFirstAnswerCounts) {
  start();
  Client client(server_->address());
  client.send("GET /held HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
  Held::Asked asked = held_.next();
  asked.respond(text("one"));
  asked.respond(text("two"));
  EXPECT_EQ(body_of(client.read_answer()), "one");
  EXPECT_EQ(body_of(client.read_answer()), "GET b ");
}

TEST_F(HttpHandlerTest, AnAnswerForAClientThatIsGoneIsDropped) {
  start();
  std::optional<Client> client(server_->address());
  client->send("GET /held HTTP/1.1\r\n\r\n");
  Held::Asked asked = held_.next();
  client->reset_connection();
  client.reset();
  asked.respond(text("nobody hears"));
  EXPECT_THAT(ask("GET /a HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpHandlerTest, AnAnswerAfterTheServerIsGoneIsDropped) {
  start();
  Client client(server_->address());
  client.send("GET /held HTTP/1.1\r\n\r\n");
  Held::Asked asked = held_.next();
  server_->stop();
  server_.reset();
  asked.respond(text("nobody hears"));
  EXPECT_EQ(client.read_all(), "");
}

// Until it refuses connections.
void wait_until_draining(const HttpServer& server) {
  while (Client(server.address()).connected()) {
  }
}

TEST_F(HttpHandlerTest, TheEndWaitsForWhatIsHandledAndTakesNothingNew) {
  start();
  Client client(server_->address());
  client.send("GET /held HTTP/1.1\r\n\r\n");
  Held::Asked asked = held_.next();
  auto drained = std::async(std::launch::async, [this] {
    server_->drain(std::chrono::steady_clock::now() + std::chrono::seconds(60));
  });
  wait_until_draining(*server_);
  EXPECT_NE(drained.wait_for(milliseconds(0)), std::future_status::ready);
  asked.respond(text("the last one"));
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(body_of(answer), "the last one");
  drained.get();
}

TEST_F(HttpHandlerTest, ARequestThatWasOnItsWayAtTheEndIsAnswered) {
  HttpLimits limits;
  limits.last_idle_time = std::chrono::seconds(60);
  limits.last_request_time = std::chrono::seconds(60);
  start(limits);
  Client own(server_->address());
  Client other(server_->address());
  Client half(server_->address());
  for (Client* client : {&own, &other, &half}) {
    client->send("GET /healthz HTTP/1.1\r\n\r\n");
    EXPECT_THAT(client->read_answer(), Not(HasSubstr("Connection: close")));
  }
  half.send("GET /ha");
  server_->drain(std::chrono::steady_clock::now());
  wait_until_draining(*server_);
  own.send("GET /healthz HTTP/1.1\r\n\r\n");
  other.send("GET /a HTTP/1.1\r\n\r\n");
  half.send("lf HTTP/1.1\r\n\r\n");
  for (Client* client : {&own, &other, &half}) {
    const std::string answer = client->read_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(answer, HasSubstr("\r\nConnection: close\r\n"));
  }
  server_->drain(std::chrono::steady_clock::now() + std::chrono::seconds(20));
}

TEST_F(HttpHandlerTest, TheEndDoesNotWaitLongForWhoSendsNothing) {
  HttpLimits limits;
  limits.last_idle_time = milliseconds(20);
  limits.last_request_time = milliseconds(20);
  start(limits);
  Client idle(server_->address());
  Client half(server_->address());
  half.send("GET /ha");
  idle.send("GET /a HTTP/1.1\r\n\r\n");
  EXPECT_EQ(body_of(idle.read_answer()), "GET a ");
  const auto began = std::chrono::steady_clock::now();
  server_->drain(began + std::chrono::seconds(60));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_THAT(half.read_all(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpHandlerTest, AHandlerThatThrowsIsAnsweredWith500) {
  const telemetry::LogCapture capture;
  start();
  EXPECT_THAT(ask("GET /throw HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
  EXPECT_EQ(capture.count_of("http handler failed"), 1U);
}

TEST_F(HttpHandlerTest, HeadHasTheLengthAndNoBody) {
  start();
  const std::string answer = ask("HEAD /a HTTP/1.1\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 7\r\n"));
  EXPECT_EQ(body_of(answer), "");
}

TEST_F(HttpHandlerTest, AConnectionEndsWhenTheClientSaysSo) {
  start();
  Client client(server_->address());
  client.send("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.read_all(), HasSubstr("Connection: close\r\n"));
  Client old(server_->address());
  old.send("GET /a HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.read_all(), HasSubstr("\r\n\r\nGET a "));
}

TEST_F(HttpHandlerTest, WhatIsNoTargetIsRefused) {
  start();
  for (const char* target : {"*", "http://x/a", "/%zz", "/%ff", "/a b"})
    EXPECT_THAT(ask("GET " + std::string(target) + " HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "))
        << target;
  for (const char* line : {"GET /a HTTP/9.9", "GET /a HTTP/2.0", "GET /a", "GET  HTTP/1.1"})
    EXPECT_THAT(ask(std::string(line) + "\r\n\r\n"), StartsWith("HTTP/1.1 400 ")) << line;
}

TEST_F(HttpHandlerTest, ABodyThatStopsHalfwayIsEnded) {
  HttpLimits limits;
  limits.request_time = milliseconds(50);
  start(limits);
  Client client(server_->address());
  client.send("POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nbo");
  EXPECT_THAT(client.read_all(), StartsWith("HTTP/1.1 408 "));
}

}  // namespace
}  // namespace forebay::http
