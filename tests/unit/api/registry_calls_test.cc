// Two nodes with a copy of the schema registry: what one is asked and only the other knows yet.
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "forebay/v1/schemas.grpc.pb.h"
#include "schema/local_calls.h"
#include "schema/schema_cache.h"
#include "schema/shared_image.h"

namespace forebay::test {
namespace {

class RegistryBroker final : public MemoryBroker {
 public:
  std::string leader;  // its API; empty: this node
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
    work(schemas_);
    then();
  }
  [[nodiscard]] Error name_registry_leader(Error error) const override {
    error.leader = leader;
    return error;
  }

 private:
  schema::SchemaCache schemas_{1U << 20};
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
    follower_.leader = "127.0.0.1:" + std::to_string(leader_server_->port());
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
