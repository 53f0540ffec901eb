#include "forebay/group_consumer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "fake_broker.h"
#include "fake_groups.h"

namespace forebay {
namespace {

using client::FakeBroker;
using client::FakeGroups;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::HasSubstr;

constexpr milliseconds kLong{20'000};

std::vector<Record> numbered(int begin, int end) {
  std::vector<Record> records;
  for (int i = begin; i < end; ++i) {
    records.emplace_back();
    records.back().value = std::to_string(i);
    records.back().event_time_ms = i;
  }
  return records;
}

class GroupConsumerTest : public testing::Test {
 protected:
  GroupConsumerTest() {
    broker.add_topic("t", 2);
    groups.add_topic("t", 2);
    for (int p = 0; p < 2; ++p) broker.append("t", p, numbered(p * 100, p * 100 + 10));
    options.group = "g";
    options.topics = {"t"};
    options.commit_interval = milliseconds(20);
  }
  std::unique_ptr<GroupConsumer> member() {
    auto made =
        GroupConsumer::create({.servers = {broker.address()}, .reconnect_delay = milliseconds(1)}, options);
    EXPECT_TRUE(made);
    return std::move(*made);
  }
  // Until `count` records have come in all.
  std::vector<Record> read(GroupConsumer& consumer, std::size_t count) {
    std::vector<Record> all;
    const auto deadline = steady_clock::now() + kLong;
    while (all.size() < count && steady_clock::now() < deadline) {
      auto records = consumer.poll(milliseconds(50));
      EXPECT_TRUE(records) << records.error().to_string();
      if (!records) break;
      all.insert(all.end(), records->begin(), records->end());
    }
    EXPECT_EQ(all.size(), count);
    return all;
  }
  // What comes meanwhile is thrown away.
  template <typename Condition>
  bool poll_until(GroupConsumer& consumer, Condition condition) {
    const auto deadline = steady_clock::now() + kLong;
    while (!condition()) {
      if (steady_clock::now() > deadline) return false;
      (void)consumer.poll(milliseconds(5));
    }
    return true;
  }

  FakeGroups groups;
  FakeBroker broker{{&groups}};
  GroupOptions options;
};

TEST_F(GroupConsumerTest, CommitsWhatIsMarkedInARowAndNoMore) {
  auto consumer = member();
  for (const Record& record : read(*consumer, 20)) {
    if (record.partition == 0 || record.offset != 4) {
      EXPECT_TRUE(consumer->mark_done(record));
    }
  }
  EXPECT_TRUE(consumer->commit_now(kLong));
  EXPECT_EQ(groups.committed("g", {"t", 0}), 10);
  EXPECT_EQ(groups.committed("g", {"t", 1}), 4);
  EXPECT_TRUE(consumer->mark_done({"t", 1}, 4));
  EXPECT_TRUE(consumer->close());
  EXPECT_EQ(groups.committed("g", {"t", 1}), 10);
  EXPECT_EQ(groups.member_count("g"), 0U);
  EXPECT_EQ(consumer->poll(milliseconds(0)).error().code, ErrorCode::kCancelled);
}

TEST_F(GroupConsumerTest, GoesOnWhereTheGroupHasCome) {
  {
    auto consumer = member();
    read(*consumer, 20);
    EXPECT_TRUE(consumer->mark_done_through({"t", 0}, 6));
  }
  auto consumer = member();
  std::multiset<std::int64_t> first;
  for (const Record& record : read(*consumer, 13)) {
    if (record.partition == 0) first.insert(record.offset);
  }
  EXPECT_THAT(first, testing::ElementsAre(7, 8, 9));
}

TEST_F(GroupConsumerTest, PartitionsMoveToAMemberThatComesAndBack) {
  std::vector<TopicPartition> revoked;
  options.hooks.on_revoked = [&](const std::vector<TopicPartition>& partitions, steady_clock::time_point) {
    revoked.insert(revoked.end(), partitions.begin(), partitions.end());
  };
  auto first = member();
  for (const Record& record : read(*first, 20)) EXPECT_TRUE(first->mark_done(record));
  options.hooks = {};
  auto second = member();
  // Nothing of it is read as soon as the coordinator has said so; the hook runs in the next poll.
  EXPECT_TRUE(poll_until(*first, [&] { return !revoked.empty(); }));
  ASSERT_EQ(revoked.size(), 1U);
  EXPECT_EQ(first->assignment().size(), 1U);
  EXPECT_TRUE(poll_until(*second, [&] { return second->assignment() == revoked; }));
  EXPECT_EQ(groups.committed("g", revoked[0]), 10) << "before it went";
  broker.append("t", revoked[0].partition, numbered(500, 501));
  const auto moved = read(*second, 1);
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_EQ(moved[0].offset, 10);
  EXPECT_EQ(first->mark_done(revoked[0], 9).error().code, ErrorCode::kNotOwner);
  EXPECT_TRUE(second->close());
  const auto again = read(*first, 1);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].offset, 10) << "it was not marked";
  EXPECT_EQ(first->assignment().size(), 2U);
}

TEST_F(GroupConsumerTest, EverythingIsLostWhenTheCoordinatorIsNotHeard) {
  std::mutex mutex;
  std::vector<TopicPartition> lost;
  options.session_timeout = milliseconds(1'000);
  options.close_timeout = milliseconds(0);
  options.hooks.on_lost = [&](const std::vector<TopicPartition>& partitions, const Error&) {
    const std::lock_guard lock(mutex);
    lost = partitions;
  };
  auto consumer = member();
  read(*consumer, 20);
  groups.be_silent();
  EXPECT_TRUE(poll_until(*consumer, [&] {
    const std::lock_guard lock(mutex);
    return lost.size() == 2;
  }));
  EXPECT_FALSE(consumer->owns({"t", 0}));
  EXPECT_EQ(consumer->mark_done({"t", 0}, 0).error().code, ErrorCode::kNotOwner);
  broker.append("t", 0, numbered(500, 501));
  EXPECT_TRUE(consumer->poll(milliseconds(50))->empty());
  EXPECT_EQ(consumer->close().error().code, ErrorCode::kTimedOut);
}

TEST_F(GroupConsumerTest, CloseTellsOfWhatItCouldNotCommit) {
  options.session_timeout = milliseconds(1'000);
  // Nothing answers until the lease is over: the commit, if it has come, is of a member that is not there.
  options.hooks.on_lost = [&](const auto&, const Error&) { groups.speak_again(); };
  auto consumer = member();
  const auto records = read(*consumer, 20);
  groups.be_silent();
  EXPECT_TRUE(consumer->mark_done(records.front()));
  const auto closed = consumer->close();
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().code, ErrorCode::kNotOwner) << closed.error().to_string();
  EXPECT_EQ(groups.committed("g", {"t", records.front().partition}), std::nullopt);
}

TEST_F(GroupConsumerTest, ComesBackAsItselfWhenTheConnectionBreaks) {
  auto consumer = member();
  read(*consumer, 20);
  const auto before = consumer->status();
  broker.stop();
  broker.start();
  EXPECT_TRUE(poll_until(*consumer, [&] { return consumer->status().member_epoch > before.member_epoch; }));
  EXPECT_EQ(consumer->status().member_id, before.member_id);
  EXPECT_EQ(consumer->assignment().size(), 2U);
  EXPECT_TRUE(consumer->mark_done({"t", 0}, 0));
  EXPECT_TRUE(consumer->commit_now(kLong));
  EXPECT_EQ(groups.committed("g", {"t", 0}), 1);
}

TEST_F(GroupConsumerTest, RuleFailStandsStillUntilItIsToldWhere) {
  options.start = StartRule{StartRule::Point::kFail, 0};
  auto consumer = member();
  std::set<std::string> told;
  const auto deadline = steady_clock::now() + kLong;
  while (told.size() < 2 && steady_clock::now() < deadline) {
    const auto records = consumer->poll(milliseconds(20));
    if (!records) told.insert(records.error().context);
  }
  EXPECT_EQ(told.size(), 2U);
  EXPECT_TRUE(consumer->seek({"t", 0}, OffsetSpec::at(7)));
  const auto from_there = read(*consumer, 3);
  ASSERT_EQ(from_there.size(), 3U);
  EXPECT_EQ(from_there[0].offset, 7);
}

TEST_F(GroupConsumerTest, AnotherStartRuleIsToldByEachPoll) {
  auto first = member();
  read(*first, 20);
  options.start = StartRule{StartRule::Point::kLatest, 0};
  auto second = member();
  EXPECT_TRUE(poll_until(*second, [&] { return second->status().trouble.has_value(); }));
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(second->poll(milliseconds(0)).error().code, ErrorCode::kStartRuleConflict);
}

TEST_F(GroupConsumerTest, PausedPartitionHandsOutNothing) {
  auto consumer = member();
  read(*consumer, 20);
  ASSERT_TRUE(consumer->pause({"t", 0}));
  broker.append("t", 0, numbered(10, 11));
  broker.append("t", 1, numbered(110, 111));
  const auto only = read(*consumer, 1);
  ASSERT_EQ(only.size(), 1U);
  EXPECT_EQ(only[0].partition, 1);
  ASSERT_TRUE(consumer->resume({"t", 0}));
  const auto other = read(*consumer, 1);
  ASSERT_EQ(other.size(), 1U);
  EXPECT_EQ(other[0].partition, 0);
}

TEST_F(GroupConsumerTest, OptionsAreChecked) {
  const auto refused = [&](const std::function<void(GroupOptions&)>& change) {
    GroupOptions wrong = options;
    change(wrong);
    auto made = GroupConsumer::create({}, wrong);
    EXPECT_FALSE(made);
    return made ? std::string() : made.error().context;
  };
  EXPECT_THAT(refused([](auto& o) { o.group = "a b"; }), HasSubstr("group must"));
  EXPECT_THAT(refused([](auto& o) { o.topics.clear(); }), HasSubstr("topics"));
  EXPECT_THAT(refused([](auto& o) { o.session_timeout = milliseconds(999); }), HasSubstr("session_timeout"));
  EXPECT_THAT(refused([](auto& o) { o.revoke_timeout = milliseconds(9'999); }), HasSubstr("revoke_timeout"));
  EXPECT_THAT(refused([](auto& o) { o.commit_interval = milliseconds(0); }), HasSubstr("commit_interval"));
}

}  // namespace
}  // namespace forebay
