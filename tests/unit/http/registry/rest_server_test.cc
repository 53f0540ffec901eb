// The registry behind the server, over loopback sockets, answered on other threads.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "../http_client.h"
#include "rest_world.h"

namespace forebay::http {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;
using testing_http::body_of;
using testing_http::Client;

class RestServerTest : public testing::Test {
 protected:
  RestServerTest() {
    HttpHandlers handlers;
    handlers.readiness = [] { return Readiness{true, "", {}}; };
    handlers.metrics = [] { return std::string(); };
    handlers.other = [this](Request request, Respond respond) {
      if (!request.path.empty() && request.path[0] == "none") return false;
      const std::lock_guard lock(mutex_);
      threads_.emplace_back([this, request = std::move(request), respond = std::move(respond)]() mutable {
        const std::lock_guard one(calls_mutex_);
        static_cast<void>(rest_.handle(std::move(request), std::move(respond)));
      });
      return true;
    };
    handlers.other_failed = RegistryRest::failed;
    HttpLimits limits;
    limits.other_body_bytes_max = 100'000;
    server_ = *HttpServer::start({"127.0.0.1", 0}, std::move(handlers), limits);
  }
  ~RestServerTest() override {
    server_->stop();
    for (std::thread& thread : threads_) thread.join();
  }

  MemoryCalls calls_;
  RegistryRest rest_{calls_, {[] { return std::string("c"); }, "v"}};
  std::mutex mutex_;
  std::mutex calls_mutex_;
  std::vector<std::thread> threads_;
  std::unique_ptr<HttpServer> server_;
};

std::string post(const std::string& target, const std::string& body) {
  return "POST " + target +
         " HTTP/1.1\r\nHost: x\r\nContent-Type: application/vnd.schemaregistry.v1+json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST_F(RestServerTest, OneConnectionRegistersAndReadsInOrder) {
  Client client(server_->address());
  client.send(post("/subjects/a%2Fb/versions", R"({"schema":"\"int\""})") +
              "GET /subjects/a%2Fb/versions/latest/schema HTTP/1.1\r\n\r\nGET /schemas/ids/9 HTTP/1.1\r\n\r\n"
              "GET /healthz HTTP/1.1\r\n\r\n");
  const std::string registered = client.read_answer();
  EXPECT_THAT(registered, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(registered, HasSubstr("Content-Type: application/vnd.schemaregistry.v1+json\r\n"));
  EXPECT_EQ(body_of(registered), R"({"id":1})");
  EXPECT_EQ(body_of(client.read_answer()), "\"int\"");
  EXPECT_THAT(client.read_answer(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(client.read_answer(), HasSubstr("\"ok\""));
}

TEST_F(RestServerTest, AChunkedRegistrationIsOne) {
  Client client(server_->address());
  client.send(
      "POST /subjects/a/versions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
      "Content-Type: application/json\r\nConfluent-Accept-Unknown-Properties: true\r\n\r\n"
      "8\r\n{\"schema\r\nc\r\n\":\"\\\"int\\\"\"}\r\n0\r\n\r\n");
  const json answer = json::parse(body_of(client.read_answer()));
  EXPECT_EQ(answer["version"], 1);
  EXPECT_EQ(answer["guid"].get<std::string>().size(), 36U);
}

TEST_F(RestServerTest, ABodyBeyondTheBoundIsASchemaThatIsTooLarge) {
  Client client(server_->address());
  client.send(post("/subjects/a/versions", std::string(100'001, ' ')));
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 422 "));
  EXPECT_EQ(json::parse(body_of(answer))["error_code"], 42209);
}

TEST_F(RestServerTest, ADeletedContextHasNoBody) {
  Client client(server_->address());
  client.send(
      "DELETE /contexts/.x HTTP/1.1\r\n\r\nHEAD /subjects HTTP/1.1\r\n\r\n"
      "OPTIONS /config HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(client.read_answer(), "HTTP/1.1 204 No Content\r\n\r\n");
  const std::string rest = client.read_all();
  EXPECT_THAT(rest, HasSubstr("Content-Length: 2\r\n\r\nHTTP/1.1 200 OK\r\n"));  // HEAD has no body
  EXPECT_THAT(rest, HasSubstr("Allow: GET, HEAD, PUT, DELETE, OPTIONS\r\n"));
}

TEST_F(RestServerTest, ManyClientsAtOnceHaveTheirOwnAnswers) {
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([this, i] {
      Client client(server_->address());
      const std::string subject = "s" + std::to_string(i);
      client.send(post("/subjects/" + subject + "/versions", R"({"schema":"\"int\""})"));
      EXPECT_EQ(body_of(client.read_answer()), R"({"id":1})");
      client.send("GET /subjects/" + subject + "/versions/1 HTTP/1.1\r\n\r\n");
      EXPECT_EQ(json::parse(body_of(client.read_answer()))["subject"], subject);
    });
  }
  for (std::thread& client : clients) client.join();
}

}  // namespace
}  // namespace forebay::http
