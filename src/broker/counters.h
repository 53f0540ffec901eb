// What a broker counts on the way; read by the metrics. Thread rules: any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "schema/core/record_guard.h"

namespace forebay::broker {

struct BrokerCounters {
  std::atomic<std::uint64_t> produce_requests{0}, produce_bytes{0}, produce_records{0}, produce_errors{0},
      misdirected_batches{0};
  std::atomic<std::uint64_t> schema_records{0};  // whose schemas were looked at
  std::array<std::atomic<std::uint64_t>, schema::kViolationRules> schema_violations{};  // by rule
  std::atomic<std::uint64_t> schema_quarantined{0};  // stored as dead letters
  std::atomic<std::uint64_t> fetch_requests{0}, fetch_bytes{0}, fetch_errors{0};
};

}  // namespace forebay::broker
