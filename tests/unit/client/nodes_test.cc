#include "client/core/nodes.h"

#include <gtest/gtest.h>

namespace forebay::client {
namespace {

using std::chrono::milliseconds;

class NodesTest : public testing::Test {
 protected:
  JitterRng rng_{1};
  Nodes::TimePoint now_{std::chrono::hours(1)};
  Nodes nodes_{{"a:1", "b:1"}, {milliseconds(20), milliseconds(1'000)}};
};

TEST_F(NodesTest, LearnsAnAddressOnceAndABoundedNumber) {
  EXPECT_EQ(nodes_.learn("b:1"), 1U);
  EXPECT_EQ(nodes_.learn("c:1"), 2U);
  EXPECT_EQ(nodes_.learn("c:1"), 2U);
  EXPECT_EQ(nodes_.address(2), "c:1");
  for (int number = 0; number < 1'000; ++number) (void)nodes_.learn("n" + std::to_string(number) + ":1");
  EXPECT_FALSE(nodes_.learn("one-too-many:1"));
  EXPECT_EQ(nodes_.learn("c:1"), 2U);
  EXPECT_LT(nodes_.size(), 1'000U);
}

TEST_F(NodesTest, BeginsAtTheFirstUntilThatFails) {
  EXPECT_EQ(nodes_.first(), 0U);
  nodes_.failed(0, now_, rng_);
  EXPECT_EQ(nodes_.first(), 1U);
}

TEST_F(NodesTest, OneThatFailedIsAvoidedForAWhileAndLongerEachTime) {
  EXPECT_TRUE(nodes_.is_worth_going(1, now_));
  nodes_.failed(1, now_, rng_);
  EXPECT_FALSE(nodes_.is_worth_going(1, now_ + milliseconds(999)));
  EXPECT_TRUE(nodes_.is_worth_going(1, now_ + milliseconds(1'000)));
  nodes_.failed(1, now_, rng_);
  EXPECT_FALSE(nodes_.is_worth_going(1, now_ + milliseconds(1'400)));
  nodes_.works(1);
  EXPECT_TRUE(nodes_.is_worth_going(1, now_));
}

TEST_F(NodesTest, NextIsOneThatHasNotFailedElseTheOneWhoseWaitIsOverFirst) {
  (void)nodes_.learn("c:1");
  nodes_.failed(0, now_, rng_);
  EXPECT_EQ(nodes_.next(0, now_), 1U);
  nodes_.failed(1, now_ + milliseconds(5), rng_);
  EXPECT_EQ(nodes_.next(1, now_), 2U);
  nodes_.failed(2, now_ + milliseconds(10), rng_);
  EXPECT_EQ(nodes_.next(2, now_ + milliseconds(10)), 0U);
}

TEST_F(NodesTest, OneAloneHasNoOther) {
  Nodes alone({"a:1"}, {milliseconds(20), milliseconds(1'000)});
  alone.failed(0, now_, rng_);
  EXPECT_EQ(alone.next(0, now_), 0U);
  EXPECT_EQ(alone.first(), 0U);
  EXPECT_EQ(alone.connect_at(0), now_ + milliseconds(20));
}

}  // namespace
}  // namespace forebay::client
