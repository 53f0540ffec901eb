#include "api/errors.h"

#include <gtest/gtest.h>

#include "api_fixture.h"

namespace forebay::api {
namespace {

TEST(WireError, ProtoEnumAndErrorCodeAgreeInNumberAndName) {
  const auto* reasons = v1::ErrorReason_descriptor();
  ASSERT_EQ(reasons->value(0)->number(), v1::ERROR_REASON_UNSPECIFIED);
  int compared = 0;
  for (int index = 1; index < reasons->value_count(); ++index) {
    const auto* reason = reasons->value(index);
    const auto code = static_cast<ErrorCode>(reason->number());
    EXPECT_EQ(error_code_name(code), reason->name());
    EXPECT_EQ(wire_error(code).reason, reason->number());
    ++compared;
  }
  EXPECT_EQ(compared, static_cast<int>(ErrorCode::kIncompatibleSchema));  // the last one of the list
}

TEST(WireError, OnlyCodesThatMayBeRetriedBlindlyBecomeUnavailable) {
  for (int number = 1; number <= static_cast<int>(ErrorCode::kIncompatibleSchema); ++number) {
    const auto code = static_cast<ErrorCode>(number);
    EXPECT_NE(wire_error(code).status, grpc::StatusCode::OK) << error_code_name(code);
    if (wire_error(code).status == grpc::StatusCode::UNAVAILABLE) {
      EXPECT_TRUE(is_retryable(code)) << error_code_name(code);
    }
  }
  EXPECT_EQ(wire_error(ErrorCode::kOutcomeUnknown).status, grpc::StatusCode::UNKNOWN);
}

TEST(ErrorDetail, CarriesPlaceAndRetryDelay) {
  const auto detail = to_detail({ErrorCode::kDiskFull, "below the reserve", 700}, {"orders", 3});
  EXPECT_EQ(detail.reason(), v1::DISK_FULL);
  EXPECT_EQ(detail.message(), "below the reserve");
  EXPECT_EQ(detail.topic(), "orders");
  EXPECT_EQ(detail.partition(), 3);
  EXPECT_EQ(detail.retry_delay_ms(), 700U);
}

TEST(ErrorDetail, ResourceExhaustedAlwaysHasARetryDelay) {
  EXPECT_GT(to_detail({ErrorCode::kResourceExhausted, ""}).retry_delay_ms(), 0U);
}

// gRPC refuses trailers that are larger, and the caller would learn nothing.
TEST(Status, TellsAsManyFaultsAsFitIntoTrailers) {
  Error error{ErrorCode::kInvalidRecord, "50000 of 50000 records break the schemas"};
  for (std::int32_t i = 0; i < 50'000; ++i)
    error.record_faults.push_back({i, i < 20 ? std::string(250, 't') : std::string()});
  EXPECT_EQ(to_detail(error).record_faults_size(), 50'000);
  const grpc::Status status = to_status(error);
  EXPECT_LT(status.error_details().size(), 4'096U);
  const auto told = test::detail_of(status);
  ASSERT_GT(told.record_faults_size(), 5);
  for (int i = 0; i < told.record_faults_size(); ++i) EXPECT_EQ(told.record_faults(i).index(), i);
  error.record_faults.resize(3);
  EXPECT_EQ(test::detail_of(to_status(error)).record_faults_size(), 3);
}

TEST(Status, TellsWhatWasStoredAsFarAsItFits) {
  v1::ProduceAck stored;
  for (int partition = 0; partition < 12; ++partition) {
    auto* one = stored.add_partitions();
    one->set_partition(partition);
    for (int i = 0; i < 100; ++i) {
      one->add_record_indexes(static_cast<std::uint32_t>(i * 12 + partition));
      auto* fault = one->add_quarantined();
      fault->set_index(i);
      if (i < 20) fault->set_text(std::string(130, 't'));
    }
  }
  v1::ProduceAck told;
  const grpc::Status status = to_status(to_detail({ErrorCode::kNotYet, "not yet"}), &stored);
  EXPECT_LT(status.error_details().size(), 8'192U);
  EXPECT_EQ(test::detail_of(status, &told).reason(), v1::NOT_YET);
  ASSERT_EQ(told.partitions_size(), 12);
  EXPECT_GT(told.partitions(0).quarantined_size(), 5);
  EXPECT_EQ(told.partitions(0).record_indexes_size(), 0) << "some of them would be read as all";
  for (v1::PartitionAck& one : *stored.mutable_partitions()) one.mutable_record_indexes()->Truncate(10);
  (void)test::detail_of(to_status(to_detail({ErrorCode::kNotYet, "not yet"}), &stored), &told);
  EXPECT_EQ(told.partitions(11).record_indexes_size(), 10);
}

TEST(Status, TravelsAsRpcStatusWithTheDetail) {
  const grpc::Status status = to_status({ErrorCode::kUnknownTopic, "no such topic"}, {"orders", {}});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "UNKNOWN_TOPIC: no such topic");
  const auto detail = test::detail_of(status);
  EXPECT_EQ(detail.reason(), v1::UNKNOWN_TOPIC);
  EXPECT_EQ(detail.topic(), "orders");
  EXPECT_FALSE(detail.has_partition());
}

}  // namespace
}  // namespace forebay::api
