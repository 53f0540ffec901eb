// The result of `perf produce` and `perf consume`: one shape for both.
#pragma once

#include <chrono>
#include <cstdint>

#include "cli/session.h"
#include "telemetry/latency_histogram.h"

namespace forebay::cli {

struct PerfResult {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;  // of key and value
  std::chrono::nanoseconds took{0};
  std::uint64_t failed = 0;
  const telemetry::LatencyHistogram* latency = nullptr;  // null: not measured
};

[[nodiscard]] Value perf_value(const PerfResult& result);
void print_perf(Session& session, const PerfResult& result);

inline constexpr const char* kPerfShape =
    "{\"records\": n, \"bytes\": n, \"seconds\": n, \"failed\": n, \"records_per_s\": n, \"mb_per_s\": n,\n"
    " \"latency_ms\": {\"p50\": n, \"p90\": n, \"p99\": n, \"p99_9\": n, \"max\": n} or null}\n"
    "bytes of key and value; MB = 10^6 bytes";

}  // namespace forebay::cli
