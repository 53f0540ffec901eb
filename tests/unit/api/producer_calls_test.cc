// Sessions and names of producers: what is asked reaches the broker that decides it, and its answer the
// client.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api_fixture.h"

namespace forebay::test {
namespace {

class ProducerCallsTest : public ApiTest {
 protected:
  grpc::Status init(const std::string& name, v1::InitProducerResponse* session,
                    const std::string& client_id = {}) {
    grpc::ClientContext context;
    v1::InitProducerRequest request;
    request.set_name(name);
    request.set_client_id(client_id);
    return log_->InitProducer(&context, request, session);
  }
  v1::InitProducerResponse session(const std::string& name) {
    v1::InitProducerResponse session;
    const grpc::Status status = init(name, &session);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return session;
  }
  v1::ListProducersResponse list(const std::string& after, std::uint32_t count_max) {
    grpc::ClientContext context;
    v1::ListProducersRequest request;
    request.set_after(after);
    request.set_count_max(count_max);
    v1::ListProducersResponse response;
    EXPECT_TRUE(admin_->ListProducers(&context, request, &response).ok());
    return response;
  }
  grpc::Status forget(const std::string& name, bool validate_only = false) {
    grpc::ClientContext context;
    v1::DeleteProducerNameRequest request;
    request.set_name(name);
    request.set_validate_only(validate_only);
    v1::DeleteProducerNameResponse response;
    return admin_->DeleteProducerName(&context, request, &response);
  }
};

TEST_F(ProducerCallsTest, SessionsAreTheBrokers) {
  const auto unnamed = session("");
  const auto named = session("meter");
  const auto again = session("meter");
  EXPECT_NE(unnamed.producer_id(), named.producer_id());
  EXPECT_EQ(again.producer_id(), named.producer_id());
  EXPECT_EQ(named.epoch(), 0);
  EXPECT_EQ(again.epoch(), 1);
}

TEST_F(ProducerCallsTest, ClientIdIsPassedOnAndBounded) {
  v1::InitProducerResponse session;
  ASSERT_TRUE(init("meter", &session, std::string(256, 'c')).ok());
  ASSERT_EQ(broker_.inits.size(), 1U);
  EXPECT_EQ(broker_.inits[0].client_id, std::string(256, 'c'));
  const auto refused = detail_of(init("meter", &session, std::string(257, 'c')));
  EXPECT_EQ(refused.reason(), v1::INVALID_ARGUMENT);
  EXPECT_NE(refused.message().find("client_id"), std::string::npos) << refused.message();
  EXPECT_EQ(broker_.inits.size(), 1U);
}

TEST_F(ProducerCallsTest, ListComesInPages) {
  for (const char* name : {"c", "a", "b"}) (void)session(name);
  const auto first = list("", 2);
  ASSERT_EQ(first.producers_size(), 2);
  EXPECT_EQ(first.producers(0).name(), "a");
  EXPECT_EQ(first.producers(1).name(), "b");
  EXPECT_TRUE(first.more());
  const auto second = list("b", 2);
  ASSERT_EQ(second.producers_size(), 1);
  EXPECT_EQ(second.producers(0).name(), "c");
  EXPECT_FALSE(second.more());
  EXPECT_EQ(list("", 0).producers_size(), 3);
}

TEST_F(ProducerCallsTest, NameIsForgottenOnceItIsMeant) {
  (void)session("meter");
  EXPECT_TRUE(forget("meter", true).ok());
  EXPECT_EQ(list("", 0).producers_size(), 1);
  EXPECT_TRUE(forget("meter").ok());
  EXPECT_EQ(list("", 0).producers_size(), 0);
  EXPECT_EQ(detail_of(forget("meter")).reason(), v1::NOT_FOUND);
}

}  // namespace
}  // namespace forebay::test
