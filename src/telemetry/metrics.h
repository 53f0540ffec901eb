// The numbers that the node exports, in Prometheus text form. Handles are made once, when a shard, topic or
// listener is set up, and kept; counting then is one atomic operation without a lock. A scrape reads the
// atomics from the HTTP thread.
//   auto produced = metrics.counter("forebay_produce_records_total", "Records acknowledged.", {{"topic",
//   "orders"}}); produced.add(batch.record_count());
// Naming: forebay_<what>_<unit>, base units (seconds, bytes), counters end in _total.
// Cardinality: a family holds at most kSeriesMax label sets; what comes after shares one whose values are all
// "other", so that neither memory nor the scrape grows with what clients name. `forget` drops the series of a
// deleted topic. Thread rules: everything here may be called from any thread; making handles, forgetting and
// rendering take a lock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace forebay::telemetry {

using Labels = std::vector<std::pair<std::string, std::string>>;

namespace detail {
struct alignas(64) CounterCell {
  std::atomic<std::uint64_t> value{0};
};
struct alignas(64) GaugeCell {
  std::atomic<double> value{0};
};
struct HistogramCell {
  explicit HistogramCell(std::span<const std::uint64_t> upper_bounds);
  void observe(std::uint64_t value);
  const std::vector<std::uint64_t> bounds;                // inclusive upper bounds, ascending
  std::unique_ptr<std::atomic<std::uint64_t>[]> buckets;  // one more than bounds: the last is above them all
  std::atomic<std::uint64_t> sum{0};
};
}  // namespace detail

// Handles: cheap to copy; they stay valid after `forget` and after the registry is gone (nobody sees them
// then). A default-constructed handle counts nothing.
class Counter {
 public:
  Counter() = default;
  void add(std::uint64_t count = 1) const {
    if (cell_) cell_->value.fetch_add(count, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const {
    return cell_ ? cell_->value.load(std::memory_order_relaxed) : 0;
  }

 private:
  friend class Metrics;
  explicit Counter(std::shared_ptr<detail::CounterCell> cell) : cell_(std::move(cell)) {}
  std::shared_ptr<detail::CounterCell> cell_;
};

class Gauge {
 public:
  Gauge() = default;
  void set(double value) const {
    if (cell_) cell_->value.store(value, std::memory_order_relaxed);
  }
  void add(double change) const {
    if (cell_) cell_->value.fetch_add(change, std::memory_order_relaxed);
  }
  [[nodiscard]] double value() const { return cell_ ? cell_->value.load(std::memory_order_relaxed) : 0; }

 private:
  friend class Metrics;
  explicit Gauge(std::shared_ptr<detail::GaugeCell> cell) : cell_(std::move(cell)) {}
  std::shared_ptr<detail::GaugeCell> cell_;
};

class Histogram {
 public:
  Histogram() = default;
  void observe(std::uint64_t value) const {
    if (cell_) cell_->observe(value);
  }
  void observe(std::chrono::nanoseconds duration) const {
    observe(static_cast<std::uint64_t>(duration.count() < 0 ? 0 : duration.count()));
  }
  [[nodiscard]] std::uint64_t count() const;

 private:
  friend class Metrics;
  explicit Histogram(std::shared_ptr<detail::HistogramCell> cell) : cell_(std::move(cell)) {}
  std::shared_ptr<detail::HistogramCell> cell_;
};

enum class HistogramUnit {
  kLatency,  // observed in nanoseconds, exported in seconds; 50 us to 10 s in steps of 1-2-5
  kBytes,    // 256 B to 64 MiB in steps of 4
  kCount,    // 1 to 65536 in steps of 4
};

class Metrics {
 public:
  static constexpr std::size_t kSeriesMax = 2000;

  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same series again. Requires: a valid Prometheus name and label names,
  // and one kind and one set of label names per name (anything else is a bug of ours and stops the process).
  [[nodiscard]] Counter counter(std::string_view name, std::string_view help, Labels labels = {});
  [[nodiscard]] Gauge gauge(std::string_view name, std::string_view help, Labels labels = {});
  [[nodiscard]] Histogram histogram(std::string_view name, std::string_view help, HistogramUnit unit,
                                    Labels labels = {});

  // A value that is read when somebody asks. `read` runs on the scraping thread under the registry's lock: it
  // must not block, nor call back into the registry. It is not called any more once the Sampled is destroyed.
  class Sampled {
   public:
    Sampled() = default;
    Sampled(Sampled&& other) noexcept;
    Sampled& operator=(Sampled&& other) noexcept;
    ~Sampled();

   private:
    friend class Metrics;
    Sampled(std::weak_ptr<void> registry, std::uint64_t id) : registry_(std::move(registry)), id_(id) {}
    void remove();
    std::weak_ptr<void> registry_;
    std::uint64_t id_ = 0;
  };
  enum class SampledKind { kGauge, kCounter };
  [[nodiscard]] Sampled sampled(SampledKind kind, std::string_view name, std::string_view help, Labels labels,
                                std::function<double()> read);

  // Drops every series that carries this label, for example ("topic", "orders").
  void forget(std::string_view label, std::string_view value);

  // Prometheus text format 0.0.4; families by name, series in the order of their making.
  [[nodiscard]] std::string render() const;

 private:
  struct Registry;
  std::shared_ptr<Registry> registry_;
};

// Memory, CPU, descriptors and start time of this process, under the names that every Prometheus client uses
// (process_...).
[[nodiscard]] std::vector<Metrics::Sampled> sample_process(Metrics& metrics);

}  // namespace forebay::telemetry
