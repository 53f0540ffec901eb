#include "cli/verbs/perf_report.h"

#include <cmath>

namespace forebay::cli {
namespace {

// Three decimals tell all that a clock of microseconds knows.
double rounded(double value) { return std::round(value * 1000) / 1000; }

double ms(std::chrono::nanoseconds duration) {
  return rounded(std::chrono::duration<double, std::milli>(duration).count());
}

}  // namespace

Value perf_value(const PerfResult& result) {
  const double seconds = std::chrono::duration<double>(result.took).count();
  const double per_second = seconds > 0 ? 1 / seconds : 0;
  Value latency;
  if (result.latency != nullptr && result.latency->count() != 0) {
    latency = Value::object();
    latency.set("p50", ms(result.latency->quantile(0.5)))
        .set("p90", ms(result.latency->quantile(0.9)))
        .set("p99", ms(result.latency->quantile(0.99)))
        .set("p99_9", ms(result.latency->quantile(0.999)))
        .set("max", ms(result.latency->max()));
  }
  Value value = Value::object();
  value.set("records", result.records)
      .set("bytes", result.bytes)
      .set("seconds", rounded(seconds))
      .set("failed", result.failed)
      .set("records_per_s", rounded(static_cast<double>(result.records) * per_second))
      .set("mb_per_s", rounded(static_cast<double>(result.bytes) / 1e6 * per_second))
      .set("latency_ms", std::move(latency));
  return value;
}

void print_perf(Session& session, const PerfResult& result) {
  std::vector<Column> columns{{"records", "records"},
                              {"bytes", "bytes", Show::kBytes},
                              {"seconds", "seconds"},
                              {"failed", "failed"},
                              {"records/s", "records_per_s", Show::kRate},
                              {"MB/s", "mb_per_s", Show::kRate}};
  if (result.latency != nullptr) {
    columns.push_back({"p50 ms", "latency_ms.p50"});
    columns.push_back({"p90 ms", "latency_ms.p90"});
    columns.push_back({"p99 ms", "latency_ms.p99"});
    columns.push_back({"p99.9 ms", "latency_ms.p99_9"});
    columns.push_back({"max ms", "latency_ms.max"});
  }
  session.print(perf_value(result), {{{"", "", std::move(columns)}}, View::Repeat::kNo});
}

}  // namespace forebay::cli
