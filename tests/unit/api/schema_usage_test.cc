#include "api/schema_usage.h"

#include <gtest/gtest.h>

namespace forebay::api {
namespace {

constexpr std::int64_t kDay = 24LL * 3600 * 1000;
const model::Timestamp kNow(100 * kDay);

v1::DescribeSchemaUsageResponse usage_of(std::int32_t version, std::int64_t days_ago) {
  v1::DescribeSchemaUsageResponse response;
  auto* usage = response.add_usages();
  usage->set_version(version);
  usage->set_topic("orders");
  usage->set_records(12);
  usage->set_last_ms(kNow.value() - days_ago * kDay);
  auto* producer = usage->add_producers();
  producer->set_client_id("checkout");
  producer->set_last_ms(usage->last_ms());
  return response;
}

TEST(SchemaUsage, AVersionThatStillArrivesIsInUse) {
  const auto why = in_use(usage_of(2, 3), "orders-value", {1, 2}, kNow);
  ASSERT_TRUE(why);
  for (const char* part :
       {"version 2 of subject 'orders-value'", "topic 'orders'", "12 records", "'checkout'", "--force"})
    EXPECT_NE(why->context.find(part), std::string::npos) << part;
  EXPECT_FALSE(in_use(usage_of(2, 8), "orders-value", {1, 2}, kNow)) << "not for more than a week";
  EXPECT_FALSE(in_use(usage_of(2, 3), "orders-value", {1}, kNow)) << "another version";
}

TEST(SchemaUsage, WhatANodeThatIsAwayKnowsCounts) {
  auto usage = usage_of(2, 8);
  usage.add_missing_nodes(2);
  usage.add_missing_nodes(3);
  const auto why = in_use(usage, "orders-value", {2}, kNow);
  ASSERT_TRUE(why);
  EXPECT_NE(why->context.find("node 2, 3 cannot be asked"), std::string::npos) << why->context;
  EXPECT_NE(why->context.find("--force"), std::string::npos);
  EXPECT_FALSE(in_use(usage, "orders-value", {}, kNow))
      << "there is nothing to delete, which is told elsewhere";
}

}  // namespace
}  // namespace forebay::api
