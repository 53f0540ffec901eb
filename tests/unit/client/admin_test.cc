#include "forebay/admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/connection.h"
#include "fake_broker.h"
#include "forebay/types.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;

std::unique_ptr<Admin> admin_for(const FakeBroker& broker) {
  return std::move(Admin::create({.servers = {broker.address()}, .connect_timeout = milliseconds(300)}))
      .value();
}

TEST(Admin, CreatesAndDescribes) {
  FakeBroker broker;
  auto admin = admin_for(broker);
  const auto created = admin->create_topic({.name = "t", .partitions = 3});
  ASSERT_TRUE(created.has_value()) << created.error().to_string();
  EXPECT_EQ(created->id, "id-of-t");
  EXPECT_EQ(created->partitions, 3u);
  EXPECT_EQ(admin->describe_topic("t")->partitions.size(), 3u);
  EXPECT_EQ(admin->list_offsets("t", {1}, OffsetSpec::end())->size(), 1u);
}

TEST(Admin, TypedErrorsArriveTyped) {
  FakeBroker broker;
  broker.on_create = [] { return detail(v1::INVALID_CONFIG, "retention.ms: not a number", 0); };
  auto admin = admin_for(broker);
  EXPECT_EQ(admin->create_topic({.name = "t"}).error(),
            (Error{ErrorCode::kInvalidConfig, "retention.ms: not a number"}));
  EXPECT_EQ(admin->describe_topic("t").error().code, ErrorCode::kUnknownTopic);
  const auto offsets = admin->list_offsets("t", {}, OffsetSpec::end());
  EXPECT_EQ(offsets.error().code, ErrorCode::kUnknownTopic);
  broker.add_topic("t", 1);
  EXPECT_EQ((*admin->list_offsets("t", {5}, OffsetSpec::end()))[0].error->code, ErrorCode::kUnknownPartition);
}

TEST(Admin, ReasonOfANewerBrokerIsNotMisread) {
  FakeBroker broker;
  broker.on_create = [] { return detail(static_cast<v1::ErrorReason>(9'999), "something new"); };
  EXPECT_EQ(admin_for(broker)->create_topic({.name = "t"}).error(),
            (Error{ErrorCode::kInternal, "something new"}));
}

TEST(Admin, RetryableAnswerIsRepeated) {
  FakeBroker broker;
  int calls = 0;
  broker.on_create = [&]() -> std::optional<v1::ErrorDetail> {
    if (++calls < 3) return detail(v1::NOT_YET, "young", 1);
    return std::nullopt;
  };
  EXPECT_TRUE(admin_for(broker)->create_topic({.name = "t"}).has_value());
  EXPECT_EQ(calls, 3);
}

TEST(Admin, EndsAreAskedAgainWhileAPartitionHasNoLeader) {
  FakeBroker broker;
  broker.add_topic("t", 2);
  int calls = 0;
  broker.on_list_offsets = [&](std::int32_t partition) -> std::optional<v1::ErrorDetail> {
    if (partition == 1 && ++calls < 3) return detail(v1::NOT_YET, "no leader", 1);
    return std::nullopt;
  };
  const auto offsets = admin_for(broker)->list_offsets("t", {}, OffsetSpec::end());
  EXPECT_EQ(calls, 3);
  EXPECT_FALSE((*offsets)[1].error);
}

TEST(Admin, EndsOfTheOthersAreToldWhenAPartitionGetsNoLeader) {
  FakeBroker broker;
  broker.add_topic("t", 2);
  broker.on_list_offsets = [&](std::int32_t partition) -> std::optional<v1::ErrorDetail> {
    if (partition == 1) return detail(v1::NOT_YET, "no leader", 60'000);
    return std::nullopt;
  };
  const auto offsets = admin_for(broker)->list_offsets("t", {}, OffsetSpec::end());
  ASSERT_EQ(offsets->size(), 2u);
  EXPECT_FALSE((*offsets)[0].error);
  EXPECT_EQ((*offsets)[1].error->code, ErrorCode::kNotYet);
}

TEST(Admin, ChangeThatMayHaveBeenDoneIsNotRepeated) {
  FakeBroker broker;
  int calls = 0;
  broker.on_create = [&] {
    ++calls;
    return detail(v1::UNAVAILABLE, "break the call");
  };
  const auto created = admin_for(broker)->create_topic({.name = "t"});
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(created.error().code, ErrorCode::kOutcomeUnknown);
}

TEST(Admin, NobodyThereIsSaidSoon) {
  FakeBroker broker;
  broker.stop();
  auto admin = admin_for(broker);
  const auto begin = std::chrono::steady_clock::now();
  const auto topics = admin->list_topics();
  ASSERT_FALSE(topics.has_value());
  EXPECT_EQ(topics.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(topics.error().context, testing::HasSubstr(broker.address()));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(Admin, NobodyThereIsSaidOfEveryServerAndWhy) {
  FakeBroker one;
  one.stop();
  FakeBroker two;
  two.stop();
  auto admin = Admin::create(
      {.servers = {one.address(), two.address()}, .connect_timeout = std::chrono::milliseconds(300)});
  ASSERT_TRUE(admin.has_value());
  const auto topics = (*admin)->list_topics();
  ASSERT_FALSE(topics.has_value());
  EXPECT_EQ(topics.error().context,
            "nobody answers at " + one.address() + ", " + two.address() + ": Connection refused");
}

TEST(Admin, ReasonOfARefusalIsShort) {
  EXPECT_EQ(
      reason_in("failed to connect to all addresses; last error: UNKNOWN: ipv4:127.0.0.1:7400: Failed to "
                "connect to remote host: Connection refused"),
      "Connection refused");
  EXPECT_THAT(
      reason_in("failed to connect to all addresses; last error: INTERNAL: ipv4:127.0.0.1:7402: Trying "
                "to connect an http1.x server"),
      testing::HasSubstr("HTTP port"));
  EXPECT_EQ(reason_in("odd"), "odd");
  EXPECT_EQ(reason_in(""), "");
}

TEST(Admin, KnownOffsetNeedsNoLookingUp) {
  FakeBroker broker;
  EXPECT_EQ(admin_for(broker)->list_offsets("t", {}, OffsetSpec::at(3)).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(admin_for(broker)->trim_topic("t", {{.partition = 0, .before = -5}}).error().code,
            ErrorCode::kInvalidArgument);
}

TEST(Types, NamesAreReadBack) {
  for (const Acks acks : {Acks::kAll, Acks::kLeader, Acks::kNone})
    EXPECT_EQ(*parse_acks(acks_name(acks)), acks);
  for (const Compression c : {Compression::kNone, Compression::kGzip, Compression::kSnappy, Compression::kLz4,
                              Compression::kZstd}) {
    EXPECT_EQ(*parse_compression(compression_name(c)), c);
  }
  EXPECT_EQ(parse_compression("brotli").error().context,
            "compression 'brotli' is none of: none, gzip, snappy, lz4, zstd");
  EXPECT_EQ((TopicPartition{"t", 3}.to_string()), "t/3");
}

TEST(Types, ServerListsAreReadAndChecked) {
  EXPECT_EQ(*parse_servers("a:1"), std::vector<std::string>{"a:1"});
  EXPECT_EQ(*parse_servers("a:1,[::1]:7400"), (std::vector<std::string>{"a:1", "[::1]:7400"}));
  for (const char* bad : {"", ",", "a:1,", "a", "a:", ":1", "a:1,,b:2", "a:99999", "a:-1", "a:1 ,b:2"}) {
    EXPECT_EQ(parse_servers(bad).error().code, ErrorCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace forebay::client
