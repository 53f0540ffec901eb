// The state of groups as entries: whatever happened, what was written piece by piece is the whole, and
// reading it gives the same groups.
#include "group/group_machine.h"

#include <gtest/gtest.h>

#include <random>

#include "group/group_codec.h"
#include "test_coordinator.h"

namespace forebay::group {
namespace {

using forebay::group::testing::TestCoordinator;

const std::vector<std::string> kGroups{"g", "other.group"};
const std::vector<std::string> kTopics{"a", "b", "c"};

class World {
 public:
  explicit World(std::uint64_t seed) : rng_(seed) {
    for (const std::string& topic : kTopics) groups_.set_topic(topic, 1 + draw(4));
  }
  // Something happens to a group; the records that it leads to.
  std::vector<GroupRecord> step() {
    const std::string& group = kGroups[draw(kGroups.size())];
    const std::size_t before = groups_.history.size();
    change_topics();
    groups_.turn(group, [&](Turn& turn) { act(group, turn); });
    return {groups_.history.begin() + static_cast<std::ptrdiff_t>(before), groups_.history.end()};
  }
  [[nodiscard]] const GroupImage& image() const { return groups_.image; }
  std::size_t draw(std::size_t below) { return rng_() % below; }

 private:
  void change_topics() {
    if (draw(10) != 0) return;
    const std::string& topic = kTopics[draw(kTopics.size())];
    const auto at = groups_.topics.by_name.find(topic);
    if (at == groups_.topics.by_name.end()) {
      groups_.set_topic(topic, 2);
    } else if (draw(3) == 0) {
      groups_.delete_topic(topic);
    } else {
      groups_.set_topic(topic, at->second.leader_racks.size() + 1);
    }
  }
  [[nodiscard]] std::optional<MemberRef> some_member(const std::string& group) {
    const Group* known = groups_.image.find(group);
    if (known == nullptr || known->roster.members.empty()) return std::nullopt;
    auto at = known->roster.members.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(draw(known->roster.members.size())));
    return MemberRef{at->second.settings.id, at->second.settings.epoch};
  }
  void act(const std::string& group, Turn& turn) {
    const auto member = some_member(group);
    if (!member && groups_.image.find(group) != nullptr && draw(2) == 0) return (void)turn.remove();
    const std::size_t what = draw(10);
    if (!member || what < 2) {
      JoinInput input;
      input.new_id = "id-" + std::to_string(++ids_);
      input.instance = draw(3) == 0 ? "static-" + std::to_string(draw(3)) : "";
      input.rack = draw(2) == 0 ? "r1" : "";
      for (const std::string& topic : kTopics) {
        if (draw(2) == 0) input.subscription.topics.push_back(topic);
      }
      if (input.subscription.topics.empty()) input.subscription.topics.push_back("a");
      (void)turn.join(input);
      return;
    }
    const Group& known = *groups_.image.find(group);
    const MemberNumber number = known.roster.number_of(member->id);
    if (what < 4) {
      (void)turn.confirm(*member, known.roster.member(number)->assignment);
    } else if (what == 4) {
      (void)turn.leave(*member);
    } else if (what == 5) {
      turn.end_session(number, member->epoch);
    } else if (what == 6) {
      turn.follow_topics();
      (void)turn.remove();
    } else {
      for (const auto& [id, topic] : known.roster.topics) {
        for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
          const model::TopicPartition at{id, model::PartitionIndex(static_cast<std::int32_t>(i))};
          if (topic.partitions[i].owner != number || draw(2) == 0) continue;
          const auto offset = model::Offset(static_cast<std::int64_t>(draw(1'000)));
          (void)turn.commit(*member, model::Timestamp(5),
                            {{topic.name, at, offset, "m", model::Offset(1'000)}});
        }
      }
    }
  }

  std::mt19937_64 rng_;
  TestCoordinator groups_;
  int ids_ = 0;
};

TEST(GroupMachine, EntriesFollowTheRecordsAndMakeTheSameGroups) {
  std::size_t deletions = 0, commits = 0, members = 0;
  for (std::uint64_t seed = 1; seed <= 40 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    GroupMachine machine;
    machine::Entries stored;
    std::int64_t offset = 0;
    for (int step = 0; step < 120; ++step) {
      for (const GroupRecord& record : world.step()) {
        const auto applied = machine.apply(model::Offset(offset++), as_bytes(encode_record(record)));
        ASSERT_TRUE(applied) << applied.error().to_string();
        deletions += std::holds_alternative<GroupDeleted>(record) ? 1U : 0U;
        commits += std::holds_alternative<OffsetsCommitted>(record) ? 1U : 0U;
        members += std::holds_alternative<MemberSet>(record) ? 1U : 0U;
      }
      if (world.draw(3) != 0) continue;
      for (auto& [key, value] : machine.take_changes()) {
        if (value) {
          stored[key] = *value;
        } else {
          stored.erase(key);
        }
      }
      ASSERT_EQ(stored, machine.entries());
      GroupMachine again;
      const auto loaded = again.load(stored);
      ASSERT_TRUE(loaded) << loaded.error().to_string();
      ASSERT_EQ(again.image(), world.image());
      ASSERT_TRUE(again.take_changes().empty());
    }
  }
  EXPECT_GT(deletions, 0U);
  EXPECT_GT(commits, 0U);
  EXPECT_GT(members, 0U);
}

TEST(GroupMachine, EntriesThatCannotBeReadAreRefused) {
  World world(3);
  GroupMachine machine;
  std::int64_t offset = 0;
  for (int step = 0; step < 30; ++step) {
    for (const GroupRecord& record : world.step())
      ASSERT_TRUE(machine.apply(model::Offset(offset++), as_bytes(encode_record(record))));
  }
  const machine::Entries good = machine.entries();
  ASSERT_GT(good.size(), 5U);
  for (const auto& [key, value] : good) {
    for (std::size_t cut = 0; cut < value.size(); ++cut) {
      machine::Entries bad = good;
      bad[key] = value.substr(0, cut);
      ASSERT_FALSE(GroupMachine().load(bad)) << key << " cut at " << cut;
    }
    machine::Entries later = good;
    later[key][0] = 2;
    EXPECT_EQ(GroupMachine().load(later).error().code, ErrorCode::kNewerFormat) << key;
    machine::Entries longer = good;
    longer[key] += "x";
    EXPECT_FALSE(GroupMachine().load(longer)) << key;
  }
  for (const char* key : {"", "g", "g/", "x/g", "m/g", "m/g/x", "t/g/1", "p/g/1/2", "g/g/1"}) {
    machine::Entries bad = good;
    bad[key] = std::string("\1", 1);
    EXPECT_FALSE(GroupMachine().load(bad)) << key;
  }
  machine::Entries headless = good;
  headless.erase(headless.lower_bound("g/"));
  EXPECT_FALSE(GroupMachine().load(headless));
}

TEST(GroupMachine, RecordThatCannotFollowIsRefused) {
  GroupMachine machine;
  EXPECT_EQ(machine.apply({}, as_bytes(encode_record(GroupDeleted{"g"}))).error().code,
            ErrorCode::kCorruptBatch);
  EXPECT_FALSE(machine.apply({}, as_bytes(std::string("\xff\xff"))));
  EXPECT_TRUE(machine.entries().empty());
}

}  // namespace
}  // namespace forebay::group
