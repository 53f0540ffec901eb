#include "telemetry/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace forebay::telemetry {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

TEST(Metrics, CounterIsRenderedWithItsHelpAndLabels) {
  Metrics metrics;
  metrics.counter("forebay_produce_records_total", "Records acknowledged.", {{"topic", "orders"}}).add(3);
  EXPECT_EQ(metrics.render(),
            "# HELP forebay_produce_records_total Records acknowledged.\n"
            "# TYPE forebay_produce_records_total counter\n"
            "forebay_produce_records_total{topic=\"orders\"} 3\n");
}

TEST(Metrics, SameNameAndLabelsAreOneSeries) {
  Metrics metrics;
  const Counter one = metrics.counter("forebay_x_total", "X.", {{"a", "1"}});
  const Counter two = metrics.counter("forebay_x_total", "X.", {{"a", "1"}});
  const Counter other = metrics.counter("forebay_x_total", "X.", {{"a", "2"}});
  one.add(1);
  two.add(2);
  EXPECT_EQ(one.value(), 3U);
  EXPECT_EQ(other.value(), 0U);
}

TEST(Metrics, CountsOfManyThreadsAreNotLost) {
  Metrics metrics;
  const Counter counter = metrics.counter("forebay_x_total", "X.");
  const Gauge gauge = metrics.gauge("forebay_y", "Y.");
  const Histogram histogram = metrics.histogram("forebay_z_seconds", "Z.", HistogramUnit::kLatency);
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) {
          counter.add();
          gauge.add(1);
          histogram.observe(microseconds(i));
        }
      });
    }
    for (int i = 0; i < 50; ++i) static_cast<void>(metrics.render());
  }
  EXPECT_EQ(counter.value(), 40'000U);
  EXPECT_EQ(gauge.value(), 40'000);
  EXPECT_EQ(histogram.count(), 40'000U);
}

TEST(Metrics, LatencyBucketsAreCumulativeAndInSeconds) {
  Metrics metrics;
  const Histogram histogram = metrics.histogram("forebay_wait_seconds", "Waits.", HistogramUnit::kLatency);
  histogram.observe(microseconds(50));  // the first bucket: bounds are inclusive
  histogram.observe(microseconds(51));  // the second
  histogram.observe(seconds(11));       // above all
  histogram.observe(microseconds(-1));  // a clock that went wrong counts as nothing
  const std::string text = metrics.render();
  EXPECT_THAT(text, HasSubstr("forebay_wait_seconds_count 4\n"));
  EXPECT_THAT(text, HasSubstr("forebay_wait_seconds_bucket{le=\"5e-05\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("forebay_wait_seconds_bucket{le=\"0.0001\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("forebay_wait_seconds_bucket{le=\"10\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("forebay_wait_seconds_bucket{le=\"+Inf\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("forebay_wait_seconds_sum 11.000101"));
}

TEST(Metrics, BytesAreExportedAsTheyAre) {
  Metrics metrics;
  metrics.histogram("forebay_batch_bytes", "Batches.", HistogramUnit::kBytes).observe(1000);
  EXPECT_THAT(metrics.render(), HasSubstr("forebay_batch_bytes_bucket{le=\"1024\"} 1\n"));
}

TEST(Metrics, LabelSetsPastTheBoundShareOneSeries) {
  Metrics metrics;
  for (std::size_t i = 0; i < Metrics::kSeriesMax + 50; ++i) {
    metrics.counter("forebay_x_total", "X.", {{"topic", "t" + std::to_string(i)}}).add();
  }
  const std::string text = metrics.render();
  EXPECT_THAT(text, HasSubstr("forebay_x_total{topic=\"other\"} 50\n"));
  EXPECT_THAT(text, HasSubstr("forebay_x_total{topic=\"t0\"} 1\n"));
}

TEST(Metrics, ForgottenSeriesAreGoneAndTheirHandlesHarmless) {
  Metrics metrics;
  const Counter orders = metrics.counter("forebay_x_total", "X.", {{"topic", "orders"}});
  const Counter clicks = metrics.counter("forebay_x_total", "X.", {{"topic", "clicks"}});
  metrics.forget("topic", "orders");
  orders.add();
  clicks.add(5);
  EXPECT_THAT(metrics.render(), Not(HasSubstr("orders")));
  EXPECT_THAT(metrics.render(), HasSubstr("{topic=\"clicks\"} 5\n"));
  metrics.counter("forebay_x_total", "X.", {{"topic", "clicks"}}).add();
  EXPECT_EQ(clicks.value(), 6U);
}

TEST(Metrics, HandlesOutliveTheRegistry) {
  Counter counter;
  {
    Metrics metrics;
    counter = metrics.counter("forebay_x_total", "X.");
  }
  counter.add();
  EXPECT_EQ(counter.value(), 1U);
}

TEST(Metrics, DefaultHandlesCountNothing) {
  const Counter counter;
  const Gauge gauge;
  const Histogram histogram;
  counter.add();
  gauge.set(3);
  histogram.observe(seconds(1));
  EXPECT_EQ(counter.value() + histogram.count(), 0U);
  EXPECT_EQ(gauge.value(), 0);
}

TEST(Metrics, SampledValueIsReadOnScrapeUntilItsOwnerGoes) {
  Metrics metrics;
  double value = 1;
  {
    const auto sampled =
        metrics.sampled(Metrics::SampledKind::kGauge, "forebay_depth", "Depth.", {}, [&] { return value; });
    value = 42;
    EXPECT_THAT(metrics.render(), HasSubstr("forebay_depth 42\n"));
  }
  EXPECT_EQ(metrics.render(), "");
}

TEST(Metrics, SampledOutlivesTheRegistry) {
  Metrics::Sampled sampled;
  {
    Metrics metrics;
    sampled =
        metrics.sampled(Metrics::SampledKind::kCounter, "forebay_x_total", "X.", {}, [] { return 1.0; });
  }
  sampled = {};
}

TEST(Metrics, LabelValuesAreEscaped) {
  Metrics metrics;
  metrics.gauge("forebay_g", "G.", {{"path", "a\"b\\c\nd"}}).set(1);
  EXPECT_THAT(metrics.render(), HasSubstr("forebay_g{path=\"a\\\"b\\\\c\\nd\"} 1\n"));
}

TEST(Metrics, ProcessNumbersAreThere) {
  Metrics metrics;
  const auto samples = sample_process(metrics);
  const std::string text = metrics.render();
  for (const char* name : {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
                           "process_max_fds", "process_start_time_seconds"}) {
    EXPECT_THAT(text, HasSubstr("\n" + std::string(name) + " "));
  }
  EXPECT_THAT(text, Not(HasSubstr("process_resident_memory_bytes 0\n")));
}

TEST(MetricsDeathTest, OneNameWithTwoKindsIsABug) {
  testing::GTEST_FLAG(death_test_style) = "threadsafe";
  Metrics metrics;
  metrics.counter("forebay_x_total", "X.").add();
  EXPECT_DEATH(static_cast<void>(metrics.gauge("forebay_x_total", "X.")), "assert");
}

}  // namespace
}  // namespace forebay::telemetry
