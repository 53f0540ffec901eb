#include "torture/availability.h"

#include <gtest/gtest.h>

namespace forebay::torture {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

// A run of two partitions, both acknowledged every 10 ms but where `silent` says otherwise.
struct Story {
  Run run;
  std::uint64_t value = 0;
  Story() {
    run.partitions = {{.name = "t/0", .replicas = 3}, {.name = "t/1", .replicas = 3}};
    run.lags = {{.at = 0, .lag_ns = 0}};
  }
  Story& acks(std::uint32_t partition, std::uint64_t from_ms, std::uint64_t to_ms) {
    for (std::uint64_t at = from_ms; at < to_ms; at += 10) {
      run.history.sent.push_back({.value = value++,
                                  .partition = partition,
                                  .invoked = at * kMs,
                                  .finished = (at + 1) * kMs,
                                  .outcome = sim::Outcome::kOk});
    }
    return *this;
  }
  Story& fault(std::uint64_t begin_ms, std::uint64_t end_ms, std::uint64_t within_ms, bool serves = true) {
    run.faults.push_back({.fault = "kill",
                          .target = "node-1",
                          .begin = begin_ms * kMs,
                          .end = end_ms * kMs,
                          .within_ms = within_ms,
                          .serves = serves});
    return *this;
  }
  [[nodiscard]] Availability judge() const { return check_availability(run); }
  void expect_breaks(const std::string& rule) const {
    const Availability found = judge();
    ASSERT_FALSE(found.violations.empty());
    for (const auto& violation : found.violations) EXPECT_EQ(violation.rule, rule) << violation.what;
  }
  void expect_good() const {
    const Availability found = judge();
    for (const auto& violation : found.violations) ADD_FAILURE() << violation.rule << ": " << violation.what;
    EXPECT_EQ(found.unknown, "");
  }
};

TEST(Availability, ServedAllTheTime) { Story().acks(0, 100, 30'000).acks(1, 100, 30'000).expect_good(); }

TEST(Availability, AShortSilenceAfterAFaultIsAllowed) {
  Story story;
  story.acks(0, 100, 5'000).acks(0, 6'400, 20'000).acks(1, 100, 20'000).fault(5'000, 9'000, 1'500);
  story.expect_good();
  const FaultReport report = story.judge().faults.at(0);
  EXPECT_EQ(report.partition, "t/0");
  EXPECT_NEAR(double(report.worst_ns), 1'401e6, 1e6);
  EXPECT_GT(report.acks, 500U);
}

TEST(Availability, I33OnePartitionIsSilentForTooLong) {
  Story()
      .acks(0, 100, 5'000)
      .acks(0, 6'600, 20'000)
      .acks(1, 100, 20'000)
      .fault(5'000, 9'000, 1'500)
      .expect_breaks("I33");
}

TEST(Availability, I33AlsoInTheMiddleOfAFault) {
  Story()
      .acks(0, 100, 7'000)
      .acks(0, 8'600, 20'000)
      .acks(1, 100, 20'000)
      .fault(5'000, 9'000, 1'500)
      .expect_breaks("I33");
}

TEST(Availability, LateTimersAreForgiven) {
  Story story;
  story.acks(0, 100, 5'000).acks(0, 6'600, 20'000).acks(1, 100, 20'000).fault(5'000, 9'000, 1'500);
  story.run.lags.push_back({.at = 5'800 * kMs, .lag_ns = 20 * kMs});
  story.expect_good();
  story.run.lags.back().at = 15'000 * kMs;  // at another time
  story.expect_breaks("I33");
}

TEST(Availability, NothingIsPromisedWhereAMajorityIsStruck) {
  Story()
      .acks(0, 100, 5'000)
      .acks(0, 40'000, 41'000)
      .acks(1, 100, 5'000)
      .acks(1, 40'000, 41'000)
      .fault(5'000, 39'000, 0, false)
      .expect_good();
}

TEST(Availability, I16NotServedLongAfterTheLastFault) {
  Story()
      .acks(0, 100, 5'000)
      .acks(0, 20'000, 30'000)
      .acks(1, 100, 30'000)
      .fault(5'000, 9'000, 0, false)
      .expect_breaks("I16");
}

TEST(Availability, I16NeverServedAgain) {
  Story().acks(0, 100, 5'000).acks(1, 100, 30'000).fault(5'000, 9'000, 0).expect_breaks("I16");
}

TEST(Availability, I33NothingIsServedDuringAFaultThatSlowsOnly) {
  Story()
      .acks(0, 100, 5'000)
      .acks(0, 12'000, 15'000)
      .acks(1, 100, 5'000)
      .acks(1, 12'000, 15'000)
      .fault(5'000, 11'990, 0, true)
      .expect_breaks("I33");
}

TEST(Availability, WithoutMeasuredTimersOrLoadNothingIsProved) {
  Story story;
  EXPECT_NE(story.judge().unknown, "") << "nothing was produced";
  story.acks(0, 100, 200).acks(1, 100, 200);
  EXPECT_EQ(story.judge().unknown, "");
  story.run.lags.clear();
  EXPECT_NE(story.judge().unknown, "");
}

}  // namespace
}  // namespace forebay::torture
