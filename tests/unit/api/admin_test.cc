#include <gtest/gtest.h>

#include "api_fixture.h"
#include "telemetry/log.h"

namespace forebay::test {
namespace {

class AdminTest : public ApiTest {
 protected:
  template <typename Method, typename Request, typename Response>
  grpc::Status call(Method method, const Request& request, Response* response) {
    grpc::ClientContext context;
    return (admin_.get()->*method)(&context, request, response);
  }
  grpc::Status create(const std::string& name, v1::CreateTopicResponse* response,
                      const std::map<std::string, std::string>& config = {}) {
    v1::CreateTopicRequest request;
    request.set_name(name);
    request.mutable_config()->insert(config.begin(), config.end());
    return call(&v1::Admin::Stub::CreateTopic, request, response);
  }
  v1::DescribeTopicResponse describe(const std::string& name) {
    v1::DescribeTopicRequest request;
    request.set_name(name);
    v1::DescribeTopicResponse response;
    EXPECT_TRUE(call(&v1::Admin::Stub::DescribeTopic, request, &response).ok());
    return response;
  }
};

TEST_F(AdminTest, CreatesWithDefaultsAndDescribes) {
  v1::CreateTopicResponse created;
  ASSERT_TRUE(create("orders", &created, {{"retention.ms", "5000"}}).ok());
  EXPECT_EQ(created.partitions(), 1U);
  EXPECT_EQ(created.replication_factor(), 1U);
  const auto topic = describe("orders");
  EXPECT_EQ(topic.name(), "orders");
  EXPECT_EQ(topic.id(), created.id());
  EXPECT_TRUE(model::Uuid::parse(topic.id()).has_value());
  ASSERT_EQ(topic.partitions_size(), 1);
  const v1::PartitionDescription& partition = topic.partitions(0);
  EXPECT_EQ(partition.leader(), 1U);
  EXPECT_EQ(partition.term(), MemoryBroker::kTerm.value());
  EXPECT_EQ(partition.replicas_size(), 1);
  EXPECT_EQ(partition.state(), "ready");
  ASSERT_EQ(partition.damage_size(), 2);
  EXPECT_EQ(partition.damage(0).end_offset(), 7);
  EXPECT_FALSE(partition.damage(1).has_end_offset());
  EXPECT_EQ(partition.oldest_append_time_ms(), MemoryBroker::kStartTime.value());
  EXPECT_FALSE(partition.has_oldest_leaves_at_ms());
  ASSERT_EQ(topic.config_size(), 2);
  EXPECT_EQ(topic.config(1).name(), "retention.ms");
  EXPECT_EQ(topic.config(1).value(), "5000");
  EXPECT_FALSE(topic.config(1).is_default());
  EXPECT_FALSE(topic.config(1).doc().empty());
}

TEST_F(AdminTest, CreateErrorsAreTyped) {
  v1::CreateTopicResponse created;
  grpc::Status status = create("events", &created);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(detail_of(status).reason(), v1::TOPIC_EXISTS);
  EXPECT_EQ(detail_of(status).topic(), "events");
  status = create("orders", &created, {{"retention.hours", "1"}});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(detail_of(status).reason(), v1::INVALID_CONFIG);
}

TEST_F(AdminTest, ListsTopicsByName) {
  broker_.make_topic("__cluster", 1);
  v1::ListTopicsRequest request;
  v1::ListTopicsResponse response;
  ASSERT_TRUE(call(&v1::Admin::Stub::ListTopics, request, &response).ok());
  ASSERT_EQ(response.topics_size(), 1);
  EXPECT_EQ(response.topics(0).name(), "events");
  EXPECT_EQ(response.topics(0).partitions(), 4U);
  EXPECT_EQ(response.topics(0).disk_bytes(), 42U);
  request.set_include_internal(true);
  ASSERT_TRUE(call(&v1::Admin::Stub::ListTopics, request, &response).ok());
  ASSERT_EQ(response.topics_size(), 2);
  EXPECT_TRUE(response.topics(0).internal());
}

TEST_F(AdminTest, AltersAndUnsets) {
  v1::AlterTopicRequest request;
  request.set_name("events");
  (*request.mutable_set())["retention.ms"] = "7";
  v1::AlterTopicResponse response;
  ASSERT_TRUE(call(&v1::Admin::Stub::AlterTopic, request, &response).ok());
  EXPECT_EQ(response.config(1).value(), "7");
  request.clear_set();
  request.add_unset("retention.ms");
  request.set_validate_only(true);
  ASSERT_TRUE(call(&v1::Admin::Stub::AlterTopic, request, &response).ok());
  EXPECT_TRUE(response.config(1).is_default());
  EXPECT_FALSE(describe("events").config(1).is_default());  // only validated
}

TEST_F(AdminTest, DeletesAndThenTheTopicIsUnknown) {
  v1::DeleteTopicRequest request;
  request.set_name("events");
  v1::DeleteTopicResponse response;
  ASSERT_TRUE(call(&v1::Admin::Stub::DeleteTopic, request, &response).ok());
  const grpc::Status status = call(&v1::Admin::Stub::DeleteTopic, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(detail_of(status).topic(), "events");
}

TEST_F(AdminTest, AddsPartitionsWithAWarning) {
  v1::AddPartitionsRequest request;
  request.set_name("events");
  request.set_total(6);
  v1::AddPartitionsResponse response;
  ASSERT_TRUE(call(&v1::Admin::Stub::AddPartitions, request, &response).ok());
  EXPECT_EQ(response.partitions(), 6U);
  EXPECT_FALSE(response.warning().empty());
  EXPECT_EQ(describe("events").partitions_size(), 6);
}

TEST_F(AdminTest, TrimsToAnOffsetOrToTheEndAndReportsEachPartition) {
  for (int index = 0; index < 3; ++index) {
    must_append(0, "v");
    must_append(1, "v");
  }
  v1::TrimTopicRequest request;
  request.set_name("events");
  for (const auto& [partition, before] : std::map<int, int>{{0, 2}, {1, -1}, {9, 0}}) {
    v1::TrimPoint* point = request.add_points();
    point->set_partition(partition);
    point->set_before_offset(before);
  }
  v1::TrimTopicResponse response;
  ASSERT_TRUE(call(&v1::Admin::Stub::TrimTopic, request, &response).ok());
  ASSERT_EQ(response.results_size(), 3);
  EXPECT_EQ(response.results(0).log_start(), 2);
  EXPECT_EQ(response.results(1).log_start(), 3);
  EXPECT_EQ(response.results(2).error().reason(), v1::UNKNOWN_PARTITION);
  EXPECT_EQ(response.results(2).error().partition(), 9);
}

TEST_F(AdminTest, TrimPointsThatCannotBeRightAreRefused) {
  v1::TrimTopicRequest request;
  request.set_name("events");
  v1::TrimTopicResponse response;
  EXPECT_EQ(detail_of(call(&v1::Admin::Stub::TrimTopic, request, &response)).reason(), v1::INVALID_ARGUMENT);
  request.add_points()->set_before_offset(-2);
  EXPECT_EQ(detail_of(call(&v1::Admin::Stub::TrimTopic, request, &response)).reason(), v1::INVALID_ARGUMENT);
}

TEST_F(AdminTest, DescribesTheNode) {
  v1::DescribeNodeResponse node;
  ASSERT_TRUE(call(&v1::Admin::Stub::DescribeNode, v1::DescribeNodeRequest(), &node).ok());
  EXPECT_EQ(node.id(), 1U);
  EXPECT_EQ(node.version(), "0.1.0");
  EXPECT_EQ(node.uptime_ms(), 1234U);
  EXPECT_EQ(node.boot_epoch(), 2U);
  EXPECT_EQ(node.warnings_size(), 2);
}

TEST_F(AdminTest, TellsTheAddressThatWasDialledUnlessOneIsAdvertised) {
  const auto told = [&](const std::string& authority) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    if (!authority.empty()) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, authority);
    const auto stub = v1::Admin::NewStub(
        grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments));
    grpc::ClientContext context;
    v1::DescribeNodeResponse node;
    EXPECT_TRUE(stub->DescribeNode(&context, v1::DescribeNodeRequest(), &node).ok());
    return node.api_address();
  };
  EXPECT_EQ(told(""), address_);
  EXPECT_EQ(told("broker.example:7400"), "broker.example:7400");
  EXPECT_EQ(told("no-address"), "0.0.0.0:7400");  // where it listens
  broker_.api_advertised = "public.example:9000";
  EXPECT_EQ(told("broker.example:7400"), "public.example:9000");
}

TEST_F(AdminTest, ChangesTheLogLevelWhileRunning) {
  const telemetry::Level before = telemetry::log_level();
  v1::SetLogLevelRequest request;
  v1::SetLogLevelResponse response;
  request.set_level("error");
  ASSERT_TRUE(call(&v1::Admin::Stub::SetLogLevel, request, &response).ok());
  EXPECT_EQ(response.previous(), telemetry::level_name(before));
  EXPECT_EQ(telemetry::log_level(), telemetry::Level::kError);
  request.set_level("loud");
  EXPECT_EQ(detail_of(call(&v1::Admin::Stub::SetLogLevel, request, &response)).reason(),
            v1::INVALID_ARGUMENT);
  EXPECT_EQ(telemetry::log_level(), telemetry::Level::kError);
  telemetry::set_log_level(before);
}

}  // namespace
}  // namespace forebay::test
