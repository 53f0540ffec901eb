// A producer of a FakeBroker.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "fake_broker.h"
#include "forebay/producer.h"

namespace forebay::client {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = FakeBroker::Verdict::Kind;

inline constexpr seconds kLong{60};

inline ClientOptions client_for(const FakeBroker& broker) { return {.servers = {broker.address()}}; }

inline std::unique_ptr<Producer> producer_for(const FakeBroker& broker, const ProducerOptions& options = {}) {
  return std::move(Producer::create(client_for(broker), options)).value();
}

inline Record record_of(std::string value) {
  Record record;
  record.value = std::move(value);
  return record;
}
inline Record keyed(std::string key, std::string value) {
  Record record = record_of(std::move(value));
  record.key = std::move(key);
  return record;
}

class Sink final : public AckSink {
 public:
  void on_acks(std::span<const std::uint64_t> tokens, const Result<Ack>& result) override {
    const std::lock_guard lock(mutex_);
    ++calls;
    std::int64_t index = 0;
    for (const std::uint64_t token : tokens) {
      EXPECT_TRUE(offsets.emplace(token, result ? result->offset + index : -1).second)
          << "answered twice: " << token;
      ++index;
    }
  }
  std::size_t calls = 0;
  std::map<std::uint64_t, std::int64_t> offsets;

 private:
  std::mutex mutex_;
};

}  // namespace forebay::client
