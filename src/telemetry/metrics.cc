#include "telemetry/metrics.h"

#include <prometheus/check_names.h>
#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <sstream>

namespace forebay::telemetry {

namespace {

constexpr std::array<std::uint64_t, 17> kLatencyBounds = {
    50'000,      100'000,       200'000,       500'000,       1'000'000,     2'000'000,
    5'000'000,   10'000'000,    20'000'000,    50'000'000,    100'000'000,   200'000'000,
    500'000'000, 1'000'000'000, 2'000'000'000, 5'000'000'000, 10'000'000'000};
constexpr std::array<std::uint64_t, 10> kBytesBounds = {
    256, 1'024, 4'096, 16'384, 65'536, 262'144, 1'048'576, 4'194'304, 16'777'216, 67'108'864};
constexpr std::array<std::uint64_t, 9> kCountBounds = {1, 4, 16, 64, 256, 1'024, 4'096, 16'384, 65'536};

std::span<const std::uint64_t> bounds_of(HistogramUnit unit) {
  switch (unit) {
    case HistogramUnit::kLatency:
      return kLatencyBounds;
    case HistogramUnit::kBytes:
      return kBytesBounds;
    case HistogramUnit::kCount:
      return kCountBounds;
  }
  return {};
}

// From the observed unit to the exported one, as a divisor: dividing keeps 0.0001 exactly what it is when
// printed.
double divisor_of(HistogramUnit unit) { return unit == HistogramUnit::kLatency ? 1e9 : 1; }

}  // namespace

namespace detail {

HistogramCell::HistogramCell(std::span<const std::uint64_t> upper_bounds)
    : bounds(upper_bounds.begin(), upper_bounds.end()),
      buckets(std::make_unique<std::atomic<std::uint64_t>[]>(upper_bounds.size() + 1)) {}

void HistogramCell::observe(std::uint64_t value) {
  const auto bound = std::lower_bound(bounds.begin(), bounds.end(), value);
  buckets[static_cast<std::size_t>(bound - bounds.begin())].fetch_add(1, std::memory_order_relaxed);
  sum.fetch_add(value, std::memory_order_relaxed);
}

}  // namespace detail

std::uint64_t Histogram::count() const {
  if (!cell_) return 0;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= cell_->bounds.size(); ++i)
    count += cell_->buckets[i].load(std::memory_order_relaxed);
  return count;
}

// Families by name. The cells are shared with the handles: a scrape never waits for a shard, nor a shard for
// a scrape.
struct Metrics::Registry final : prometheus::Collectable {
  struct Series {
    Labels labels;
    std::uint64_t id = 0;
    std::shared_ptr<detail::CounterCell> counter;
    std::shared_ptr<detail::GaugeCell> gauge;
    std::shared_ptr<detail::HistogramCell> histogram;
    std::function<double()> read;
  };
  struct Family {
    std::string help;
    prometheus::MetricType type = prometheus::MetricType::Untyped;
    HistogramUnit unit = HistogramUnit::kCount;
    std::vector<std::string> label_names;
    std::vector<Series> series;                     // in the order of their making
    std::map<Labels, std::size_t, std::less<>> at;  // place in `series`
  };

  Family& family(std::string_view name, std::string_view help, prometheus::MetricType type,
                 const Labels& labels) {
    std::vector<std::string> label_names;
    for (const auto& label : labels) label_names.push_back(label.first);
    const auto [found, is_new] = families.try_emplace(std::string(name));
    Family& family = found->second;
    if (is_new) {
      FOREBAY_ASSERT(prometheus::CheckMetricName(found->first));
      for (const std::string& label : label_names) FOREBAY_ASSERT(prometheus::CheckLabelName(label));
      family.help = help;
      family.type = type;
      family.label_names = std::move(label_names);
    } else {
      FOREBAY_ASSERT(family.type == type && family.label_names == label_names);
    }
    return family;
  }

  // The series of these labels, made when missing; past the bound the one that collects the rest.
  Series& series(Family& family, Labels labels) {
    auto found = family.at.find(labels);
    if (found == family.at.end() && family.series.size() >= kSeriesMax) {
      for (auto& label : labels) label.second = "other";
      found = family.at.find(labels);
    }
    if (found != family.at.end()) return family.series.at(found->second);
    family.at.emplace(labels, family.series.size());
    Series& made = family.series.emplace_back();
    made.labels = std::move(labels);
    made.id = ++last_id;
    return made;
  }

  template <typename Unwanted>
  void erase_series(const Unwanted& unwanted) {
    for (auto& [name, family] : families) {
      if (std::erase_if(family.series, unwanted) == 0) continue;
      family.at.clear();
      for (std::size_t i = 0; i < family.series.size(); ++i) family.at.emplace(family.series[i].labels, i);
    }
  }

  static prometheus::ClientMetric export_series(const Family& family, const Series& series) {
    prometheus::ClientMetric metric;
    for (const auto& [name, value] : series.labels) metric.label.push_back({name, value});
    if (series.counter) {
      metric.counter.value = static_cast<double>(series.counter->value.load(std::memory_order_relaxed));
    } else if (series.gauge) {
      metric.gauge.value = series.gauge->value.load(std::memory_order_relaxed);
    } else if (series.histogram) {
      const detail::HistogramCell& cell = *series.histogram;
      const double divisor = divisor_of(family.unit);
      std::uint64_t cumulative = 0;
      for (std::size_t i = 0; i < cell.bounds.size(); ++i) {
        cumulative += cell.buckets[i].load(std::memory_order_relaxed);
        metric.histogram.bucket.push_back({cumulative, static_cast<double>(cell.bounds[i]) / divisor});
      }
      cumulative += cell.buckets[cell.bounds.size()].load(std::memory_order_relaxed);
      metric.histogram.sample_count = cumulative;
      metric.histogram.sample_sum = static_cast<double>(cell.sum.load(std::memory_order_relaxed)) / divisor;
    } else if (series.read) {
      const double value = series.read();
      metric.counter.value = value;
      metric.gauge.value = value;
    }
    return metric;
  }

  std::vector<prometheus::MetricFamily> Collect() const override {
    const std::scoped_lock lock(mutex);
    std::vector<prometheus::MetricFamily> all;
    for (const auto& [name, family] : families) {
      if (family.series.empty()) continue;
      prometheus::MetricFamily exported{name, family.help, family.type, {}};
      for (const Series& series : family.series) exported.metric.push_back(export_series(family, series));
      all.push_back(std::move(exported));
    }
    return all;
  }

  mutable std::mutex mutex;  // guards everything below; never held while a cell is counted
  std::map<std::string, Family, std::less<>> families;
  std::uint64_t last_id = 0;
};

Metrics::Metrics() : registry_(std::make_shared<Registry>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  const std::scoped_lock lock(registry_->mutex);
  auto& family = registry_->family(name, help, prometheus::MetricType::Counter, labels);
  auto& series = registry_->series(family, std::move(labels));
  FOREBAY_ASSERT(!series.read);
  if (!series.counter) series.counter = std::make_shared<detail::CounterCell>();
  return Counter(series.counter);
}

Gauge Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  const std::scoped_lock lock(registry_->mutex);
  auto& family = registry_->family(name, help, prometheus::MetricType::Gauge, labels);
  auto& series = registry_->series(family, std::move(labels));
  FOREBAY_ASSERT(!series.read);
  if (!series.gauge) series.gauge = std::make_shared<detail::GaugeCell>();
  return Gauge(series.gauge);
}

Histogram Metrics::histogram(std::string_view name, std::string_view help, HistogramUnit unit,
                             Labels labels) {
  const std::scoped_lock lock(registry_->mutex);
  auto& family = registry_->family(name, help, prometheus::MetricType::Histogram, labels);
  FOREBAY_ASSERT(family.series.empty() || family.unit == unit);
  family.unit = unit;
  auto& series = registry_->series(family, std::move(labels));
  if (!series.histogram) series.histogram = std::make_shared<detail::HistogramCell>(bounds_of(unit));
  return Histogram(series.histogram);
}

Metrics::Sampled Metrics::sampled(SampledKind kind, std::string_view name, std::string_view help,
                                  Labels labels, std::function<double()> read) {
  const std::scoped_lock lock(registry_->mutex);
  const auto type =
      kind == SampledKind::kGauge ? prometheus::MetricType::Gauge : prometheus::MetricType::Counter;
  auto& family = registry_->family(name, help, type, labels);
  if (family.series.size() >= kSeriesMax) return {};
  auto& series = registry_->series(family, std::move(labels));
  FOREBAY_ASSERT(!series.counter && !series.gauge && !series.read);
  series.read = std::move(read);
  return Sampled(registry_, series.id);
}

Metrics::Sampled::Sampled(Sampled&& other) noexcept
    : registry_(std::move(other.registry_)), id_(std::exchange(other.id_, 0)) {}

Metrics::Sampled& Metrics::Sampled::operator=(Sampled&& other) noexcept {
  if (this != &other) {
    remove();
    registry_ = std::move(other.registry_);
    id_ = std::exchange(other.id_, 0);
  }
  return *this;
}

Metrics::Sampled::~Sampled() { remove(); }

void Metrics::Sampled::remove() {
  if (id_ == 0) return;
  const auto registry = std::static_pointer_cast<Registry>(registry_.lock());
  const std::uint64_t id = std::exchange(id_, 0);
  if (!registry) return;
  const std::scoped_lock lock(registry->mutex);
  registry->erase_series([id](const Registry::Series& series) { return series.id == id; });
}

void Metrics::forget(std::string_view label, std::string_view value) {
  const std::scoped_lock lock(registry_->mutex);
  registry_->erase_series([&](const Registry::Series& series) {
    return std::any_of(series.labels.begin(), series.labels.end(),
                       [&](const auto& pair) { return pair.first == label && pair.second == value; });
  });
}

std::string Metrics::render() const {
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, registry_->Collect());
  return std::move(out).str();
}

}  // namespace forebay::telemetry
