// A server on a free port of the loopback, over a log in memory, and clients of it.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "api/server.h"
#include "forebay/v1/admin.grpc.pb.h"
#include "forebay/v1/log.grpc.pb.h"
#include "memory_broker.h"
#include "model/batch_builder.h"

namespace forebay::test {

class FixedClock final : public runtime::WallClock {
 public:
  [[nodiscard]] model::Timestamp now() const override { return model::Timestamp(1'600'000'000'000); }
};

// True once `predicate` is; false after a time that only a failure takes.
template <typename Predicate>
[[nodiscard]] bool eventually(Predicate predicate) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!predicate()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

inline model::Record record_of(std::string value, std::optional<std::string> key = {}) {
  model::Record record;
  record.key = std::move(key);
  record.value = std::move(value);
  record.timestamp = model::Timestamp(1'500'000'000'000);
  return record;
}

inline std::string batch_of(const std::vector<model::Record>& records,
                            model::Codec codec = model::Codec::kNone) {
  model::BatchBuilder builder;
  for (const model::Record& record : records) {
    if (!builder.append(record)) ADD_FAILURE() << "record refused";
  }
  auto bytes = builder.build(codec);
  return std::string(as_text(*bytes));
}
inline std::string batch_of(std::string value) { return batch_of({record_of(std::move(value))}); }

// The typed detail of a failed call.
inline v1::ErrorDetail detail_of(const grpc::Status& status, v1::ProduceAck* acknowledged = nullptr) {
  v1::RpcStatus rpc;
  v1::ErrorDetail detail;
  EXPECT_TRUE(rpc.ParseFromString(status.error_details()));
  EXPECT_EQ(rpc.code(), static_cast<int>(status.error_code()));
  EXPECT_TRUE(rpc.details_size() > 0 && rpc.details(0).UnpackTo(&detail));
  if (acknowledged != nullptr && rpc.details_size() > 1) {
    EXPECT_TRUE(rpc.details(1).UnpackTo(acknowledged));
  }
  return detail;
}

class ApiTest : public testing::Test {
 protected:
  virtual api::ApiOptions options() const {
    api::ApiOptions options;
    options.listen = "127.0.0.1:0";
    return options;
  }
  [[nodiscard]] virtual broker::Broker& broker() { return broker_; }
  void SetUp() override {
    auto started = api::ApiServer::start(options(), broker(), clock_, &metrics_);
    ASSERT_TRUE(started) << started.error().to_string();
    server_ = std::move(*started);
    address_ = "127.0.0.1:" + std::to_string(server_->port());
    channel_ = new_channel();
    log_ = v1::Log::NewStub(channel_);
    admin_ = v1::Admin::NewStub(channel_);
    broker_.make_topic("events", 4);
  }
  void TearDown() override {
    if (server_ != nullptr) server_->shutdown(std::chrono::seconds(10));
    server_.reset();
  }
  // With a connection of its own.
  [[nodiscard]] std::shared_ptr<grpc::Channel> new_channel() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(-1);
    return grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments);
  }
  [[nodiscard]] static v1::ProduceRequest raw_request(std::int32_t partition, std::string value,
                                                      std::uint64_t correlation_id = 0) {
    v1::ProduceRequest request;
    request.set_correlation_id(correlation_id);
    request.set_topic("events");
    request.set_partition(partition);
    request.set_batch(batch_of(std::move(value)));
    return request;
  }
  grpc::Status append(const v1::ProduceRequest& request, v1::ProduceAck* ack) {
    grpc::ClientContext context;
    return log_->Append(&context, request, ack);
  }
  void must_append(std::int32_t partition, std::string value) {
    v1::ProduceAck ack;
    const grpc::Status status = append(raw_request(partition, std::move(value)), &ack);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  grpc::Status fetch(const v1::FetchRequest& request, v1::FetchResponse* response) {
    grpc::ClientContext context;
    return log_->Fetch(&context, request, response);
  }
  [[nodiscard]] static v1::FetchRequest fetch_request(std::int32_t partition, std::int64_t offset,
                                                      v1::Shape shape = v1::SHAPE_RAW) {
    v1::FetchRequest request;
    request.set_topic("events");
    request.set_partition(partition);
    request.set_offset(offset);
    request.set_shape(shape);
    return request;
  }
  // The value of a series in the Prometheus text, 0 when it is not there.
  [[nodiscard]] double metric(const std::string& series) const {
    const std::string text = metrics_.render();
    const auto at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size() + 2));
  }

  telemetry::Metrics metrics_;
  FixedClock clock_;
  MemoryBroker broker_;
  std::unique_ptr<api::ApiServer> server_;
  std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Log::Stub> log_;
  std::unique_ptr<v1::Admin::Stub> admin_;
};

}  // namespace forebay::test
