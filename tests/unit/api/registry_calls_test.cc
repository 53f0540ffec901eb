// Two nodes with a copy of the schema registry: what one is asked and only the other knows yet.
#include <gtest/gtest.h>

#include <future>

#include "api_fixture.h"
#include "forebay/v1/schemas.grpc.pb.h"
#include "schema/local_calls.h"
#include "schema/registry_calls.h"
#include "schema/schema_cache.h"
#include "schema/shared_image.h"

namespace forebay::test {
namespace {

class RegistryBroker final : public MemoryBroker {
 public:
  // Its API; empty: this node.
  void lead_by(std::string address) {
    const std::lock_guard lock(mutex_);
    leader_ = std::move(address);
  }
  mutable std::atomic<int> named{0};  // how often it was asked who leads
  const std::shared_ptr<schema::SharedImage> image = std::make_shared<schema::SharedImage>();

  void add(const std::string& subject, const std::string& text) {
    v1::RegisterSchemaRequest request;
    request.set_subject(subject);
    request.mutable_schema()->set_text(text);
    v1::RegisterSchemaResponse response;
    const auto records = schema::decide(*image, schemas_, kStartTime, request, response);
    ASSERT_TRUE(records) << records.error().context;
    for (const schema::SchemaRecord& one : *records)
      ASSERT_TRUE(image->change([&one](schema::RegistryImage& to) { return schema::apply(to, one); }));
  }

  bool is_used = true;
  [[nodiscard]] bool has_registry() const override { return is_used; }
  [[nodiscard]] std::shared_ptr<const schema::SharedImage> registry_image() const override { return image; }
  void with_schemas(UniqueFunction<void(schema::ParsedSchemas&)> work, UniqueFunction<void()> then) override {
    if (is_held)
      return held.set_value([this, work = std::move(work), then = std::move(then)]() mutable {
        work(schemas_);
        then();
      });
    work(schemas_);
    then();
  }
  bool is_held = false;  // the next work with schemas is kept there
  std::promise<UniqueFunction<void()>> held;
  // How often a call has begun, and begun again.
  mutable std::atomic<int> asked{0};
  [[nodiscard]] bool knows_topics() const override {
    ++asked;
    return topics_known;
  }
  [[nodiscard]] Error name_registry_leader(Error error) const override {
    ++named;
    const std::lock_guard lock(mutex_);
    error.leader = leader_;
    return error;
  }

 private:
  schema::SchemaCache schemas_{1U << 20};
  mutable std::mutex mutex_;
  std::string leader_;
};

const std::string kAddress = R"({"type":"record","name":"Address","fields":[]})";
const std::string kPerson = R"({"type":"record","name":"Person","fields":[{"name":"at","type":"Address"}]})";

class RegistryCallsTest : public ApiTest {
 protected:
  void SetUp() override {
    ApiTest::SetUp();
    follower_.image->set_current(true);
    leader_.image->set_current(true);
    auto started = api::ApiServer::start(options(), leader_, clock_);
    ASSERT_TRUE(started) << started.error().to_string();
    leader_server_ = std::move(*started);
    follower_.lead_by("127.0.0.1:" + std::to_string(leader_server_->port()));
  }
  void TearDown() override {
    ApiTest::TearDown();
    if (leader_server_ != nullptr) leader_server_->shutdown(std::chrono::seconds(10));
  }
  [[nodiscard]] broker::Broker& broker() override { return follower_; }
  // With a reference to what only the leader has.
  [[nodiscard]] static v1::SchemaSpec person() {
    v1::SchemaSpec spec;
    spec.set_text(kPerson);
    v1::SchemaReference* reference = spec.add_references();
    reference->set_name("Address");
    reference->set_subject("address");
    reference->set_version(1);
    return spec;
  }
  [[nodiscard]] std::unique_ptr<v1::SchemaRegistry::Stub> registry() const {
    return v1::SchemaRegistry::NewStub(channel_);
  }

  RegistryBroker follower_;
  RegistryBroker leader_;
  std::unique_ptr<api::ApiServer> leader_server_;
};

TEST_F(RegistryCallsTest, WhatIsNotHereIsAskedOfTheLeader) {
  leader_.add("address", kAddress);
  v1::GetSchemaRequest request;
  request.set_id(1);
  v1::GetSchemaResponse response;
  grpc::ClientContext context;
  const grpc::Status status = registry()->GetSchema(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.schema().text(), kAddress);
}

TEST_F(RegistryCallsTest, AReferenceToWhatIsNotHereIsAskedOfTheLeader) {
  leader_.add("address", kAddress);
  v1::CheckSchemaRequest request;
  request.set_subject("person");
  *request.mutable_schema() = person();
  v1::CheckSchemaResponse response;
  grpc::ClientContext context;
  const grpc::Status status = registry()->CheckSchema(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.is_compatible());
}

// Its metadata has not come yet.
TEST_F(RegistryCallsTest, ANodeThatHasJustStartedDoesNotSayThatNothingIsThere) {
  follower_.is_used = false;
  follower_.topics_known = false;
  const auto ask = [this] {
    v1::GetSchemaRequest request;
    request.set_id(1);
    v1::GetSchemaResponse response;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
    const grpc::Status status = registry()->GetSchema(&context, request, &response);
    EXPECT_FALSE(status.ok());
    return status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ? v1::ErrorDetail() : detail_of(status);
  };
  EXPECT_EQ(ask().registry_code(), 0U);
  follower_.topics_known = true;
  EXPECT_EQ(ask().registry_code(), 40403U);
}

template <typename Response>
std::pair<schema::Done<Response>, std::future<Result<Response>>> answer_to_come() {
  std::promise<Result<Response>> promise;
  auto future = promise.get_future();
  return {[promise = std::move(promise)](Result<Response> answer) mutable {
            promise.set_value(std::move(answer));
          },
          std::move(future)};
}

bool is_stopping(api::ApiServer& server) {
  auto [done, answer] = answer_to_come<v1::ListSubjectsResponse>();
  server.registry().list_subjects({}, std::move(done));
  const auto refusal = answer.get();
  return !refusal && refusal.error().code == ErrorCode::kShuttingDown;
}

// The REST face has no call objects of gRPC: what it asks is waited for all the same, or it would go on after
// the broker.
TEST_F(RegistryCallsTest, AStopAnswersWhatTheRestFaceWaitsFor) {
  follower_.is_used = false;
  follower_.topics_known = false;
  auto [done, answer] = answer_to_come<v1::ListSubjectsResponse>();
  server_->registry().list_subjects({}, std::move(done));
  ASSERT_TRUE(eventually([this] { return follower_.asked >= 2; }));
  const auto began = std::chrono::steady_clock::now();
  server_->shutdown(std::chrono::seconds(60));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5))
      << "it does not wait for a leader";
  ASSERT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  EXPECT_EQ(answer.get().error().code, ErrorCode::kNotYet);
  const int asked = follower_.asked;
  auto [late, refusal] = answer_to_come<v1::ListSubjectsResponse>();
  server_->registry().list_subjects({}, std::move(late));
  EXPECT_EQ(refusal.get().error().code, ErrorCode::kShuttingDown);
  EXPECT_EQ(follower_.asked, asked) << "the broker may be gone by then";
}

TEST_F(RegistryCallsTest, AStopAnswersACallThatWaitsForALeader) {
  follower_.is_used = false;
  follower_.topics_known = false;
  auto call = std::async(std::launch::async, [this] {
    v1::GetSchemaRequest request;
    request.set_id(1);
    v1::GetSchemaResponse response;
    grpc::ClientContext context;
    return registry()->GetSchema(&context, request, &response);
  });
  ASSERT_TRUE(eventually([this] { return follower_.asked >= 2; }));
  const auto began = std::chrono::steady_clock::now();
  server_->shutdown(std::chrono::seconds(60));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(detail_of(call.get()).reason(), v1::NOT_YET);
}

TEST_F(RegistryCallsTest, AStopWaitsForWhatTheRestFaceHasAskedTheLeader) {
  leader_.add("address", kAddress);
  leader_.is_held = true;
  v1::LookupSchemaRequest request;
  request.set_subject("address");
  request.mutable_schema()->set_text(kAddress);
  auto [done, answer] = answer_to_come<v1::SchemaVersion>();
  server_->registry().lookup_schema(std::move(request), std::move(done));
  auto leaders_work = leader_.held.get_future().get();
  auto stopped = std::async(std::launch::async, [this] { server_->shutdown(std::chrono::seconds(60)); });
  EXPECT_TRUE(eventually([this] { return is_stopping(*server_); }));
  leaders_work();
  stopped.get();
  ASSERT_EQ(answer.wait_for(std::chrono::seconds(0)), std::future_status::ready);
  const auto found = answer.get();
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->id(), 1);
}

// Another one takes over; and a client of a registry does not try again by itself.
TEST_F(RegistryCallsTest, WhatALeaderThatStopsRefusesIsAskedOfTheNext) {
  follower_.image->set_current(false);
  leader_.add("address", kAddress);
  auto next = api::ApiServer::start(options(), leader_, clock_);
  ASSERT_TRUE(next) << next.error().to_string();
  v1::LookupSchemaRequest request;
  request.set_subject("address");
  request.mutable_schema()->set_text(kAddress);
  // While it has this one to answer, it refuses what is new.
  leader_.is_held = true;
  auto [first_done, first] = answer_to_come<v1::SchemaVersion>();
  server_->registry().lookup_schema(request, std::move(first_done));
  auto leaders_work = leader_.held.get_future().get();
  leader_.is_held = false;
  auto stopped =
      std::async(std::launch::async, [this] { leader_server_->shutdown(std::chrono::seconds(60)); });
  ASSERT_TRUE(eventually([this] { return is_stopping(*leader_server_); }));
  const int named = follower_.named;
  auto [second_done, second] = answer_to_come<v1::SchemaVersion>();
  server_->registry().lookup_schema(request, std::move(second_done));
  EXPECT_TRUE(eventually([&, answer = &second] {
    return follower_.named >= named + 2 ||
           answer->wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }));
  follower_.lead_by("127.0.0.1:" + std::to_string((*next)->port()));
  const auto found = second.get();
  EXPECT_TRUE(found) << found.error().to_string();
  std::exchange(leaders_work, {})();  // it holds the call
  stopped.get();
  EXPECT_TRUE(first.get());
}

TEST_F(RegistryCallsTest, WhatTheLeaderDoesNotHaveEitherIsNotThere) {
  v1::CheckSchemaRequest request;
  request.set_subject("person");
  *request.mutable_schema() = person();
  v1::CheckSchemaResponse response;
  grpc::ClientContext context;
  const v1::ErrorDetail detail = detail_of(registry()->CheckSchema(&context, request, &response));
  EXPECT_EQ(detail.registry_code(), 42201U);
}

}  // namespace
}  // namespace forebay::test
