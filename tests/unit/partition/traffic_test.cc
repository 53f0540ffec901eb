#include "partition/core/traffic.h"

#include <gtest/gtest.h>

namespace forebay::partition {
namespace {

using std::chrono::seconds;

TEST(TrafficMeter, TellsWhatWentThroughBetweenTwoMeasurements) {
  TrafficMeter meter;
  meter.appended(1'000, 50'000);  // before anybody looked: since when is not known
  meter.measure(seconds(10));
  EXPECT_FALSE(meter.rates());
  meter.appended(20, 4'000);
  meter.appended(10, 1'000);
  meter.read(8'000);
  meter.measure(seconds(15));
  EXPECT_EQ(meter.rates(), (TrafficRates{6, 1'000, 1'600}));
  meter.measure(seconds(16));
  EXPECT_EQ(meter.rates(), (TrafficRates{0, 0, 0}));
}

TEST(TrafficMeter, TwoLooksAtOneMomentAreOne) {
  TrafficMeter meter;
  meter.measure(seconds(1));
  meter.appended(5, 5);
  meter.measure(seconds(1));
  EXPECT_FALSE(meter.rates());
  meter.measure(seconds(2));
  EXPECT_EQ(meter.rates(), (TrafficRates{5, 5, 0}));
}

}  // namespace
}  // namespace forebay::partition
