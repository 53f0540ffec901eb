#include "cluster/core/voter_choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace forebay::cluster {
namespace {

using log::Voter;
using model::NodeId;
using std::chrono::seconds;

Voter voter(std::uint32_t node, std::uint8_t life = 1) {
  return {NodeId(node), model::Uuid{{static_cast<std::uint8_t>(node), life}}};
}
MetadataBroker broker(std::uint32_t node, const std::string& rack = {}) {
  MetadataBroker one;
  one.voter = voter(node);
  one.rack = rack.empty() ? "rack of " + std::to_string(node) : rack;
  one.in_step = true;
  return one;
}
std::vector<MetadataBroker> brokers(std::uint32_t count) {
  std::vector<MetadataBroker> all;
  for (std::uint32_t node = 1; node <= count; ++node) all.push_back(broker(node));
  return all;
}
std::vector<Voter> voters(const std::vector<std::uint32_t>& nodes) {
  std::vector<Voter> all;
  for (const std::uint32_t node : nodes) all.push_back(voter(node));
  return all;
}
std::vector<std::uint32_t> nodes(std::vector<Voter> voters) {
  std::sort(voters.begin(), voters.end());
  std::vector<std::uint32_t> all;
  for (const Voter& one : voters) all.push_back(one.node.value());
  return all;
}
using Nodes = std::vector<std::uint32_t>;

struct Case {
  std::vector<MetadataBroker> all;
  std::vector<Voter> now;
  MetadataBroker& at(std::uint32_t node) { return all.at(node - 1); }
  void away(std::uint32_t node, std::chrono::nanoseconds time) {
    at(node).away = time;
    at(node).in_step = false;
  }
  [[nodiscard]] Nodes voting(std::uint32_t leader = 1) const {
    return nodes(choose_voters(all, now, NodeId(leader)).voters);
  }
};

TEST(VoterChoice, UpToFiveBrokersAllVote) {
  for (std::uint32_t count = 1; count <= 5; ++count) {
    Case one{brokers(count), voters({1})};
    EXPECT_EQ(one.voting().size(), count);
    EXPECT_TRUE(choose_voters(one.all, one.now, NodeId(1)).learners.empty());
    one.now = choose_voters(one.all, one.now, NodeId(1)).voters;
    for (std::uint32_t node = 2; node <= count; ++node) one.away(node, seconds(100'000));
    EXPECT_EQ(one.voting().size(), count) << "nobody could take the votes of those that are away";
  }
}

// Else nobody could leave until it is back.
TEST(VoterChoice, OfFewTooWhoCannotBeReachedGetsNoVote) {
  Case one{brokers(5), voters({1, 2, 3, 4})};
  one.away(5, seconds(1));
  EXPECT_EQ(one.voting(), (Nodes{1, 2, 3, 4}));
  EXPECT_EQ(nodes(choose_voters(one.all, one.now, NodeId(1)).learners), (Nodes{5}));
  one.at(5).away = {};
  EXPECT_EQ(one.voting(), (Nodes{1, 2, 3, 4, 5}));
}

TEST(VoterChoice, OfMoreFiveVoteAndTheOthersLearn) {
  const Case one{brokers(7), voters({1, 2, 3})};
  const MetadataMembers chosen = choose_voters(one.all, one.now, NodeId(1));
  EXPECT_EQ(nodes(chosen.voters), (Nodes{1, 2, 3, 4, 5}));
  EXPECT_EQ(nodes(chosen.learners), (Nodes{6, 7}));
}

TEST(VoterChoice, WhoVotesStays) {
  Case one{brokers(7), voters({3, 4, 5, 6, 7})};
  EXPECT_EQ(one.voting(3), (Nodes{3, 4, 5, 6, 7}));
  one.away(5, kVoterAbsenceMax - seconds(1));
  one.at(6).drained = true;
  one.at(7).in_step = false;
  EXPECT_EQ(one.voting(3), (Nodes{3, 4, 5, 6, 7}));
}

TEST(VoterChoice, DrainedVoterLeadsLast) {
  Case one{brokers(6), voters({1, 2, 3, 4, 5})};
  one.at(1).drained = true;
  EXPECT_EQ(choose_voters(one.all, one.now, NodeId(2)).voters, voters({2, 3, 4, 5, 1}));
}

TEST(VoterChoice, VoterThatIsAwayForLongIsReplacedByWhoCouldVoteAtOnce) {
  Case one{brokers(7), voters({1, 2, 3, 4, 5})};
  one.away(2, kVoterAbsenceMax);
  one.at(6).in_step = false;
  EXPECT_EQ(one.voting(), (Nodes{1, 3, 4, 5, 7}));
  one.at(7).drained = true;
  EXPECT_EQ(one.voting(), (Nodes{1, 2, 3, 4, 5})) << "nobody is better";
  one.at(6).in_step = true;
  one.away(3, kVoterAbsenceMax);
  EXPECT_EQ(one.voting(), (Nodes{1, 3, 4, 5, 6})) << "as far as there are some";
}

TEST(VoterChoice, BrokerThatIsGoneOrHasAnotherDiskIsReplacedAtOnce) {
  Case one{brokers(7), voters({1, 2, 3, 4, 5})};
  one.at(2).voter = voter(2, 2);
  one.at(2).in_step = false;
  EXPECT_EQ(one.voting(), (Nodes{1, 3, 4, 5, 6}));
  one.all.erase(one.all.begin() + 2);
  EXPECT_EQ(one.voting(), (Nodes{1, 4, 5, 6, 7}));
}

TEST(VoterChoice, WhoCannotBeReachedIsNotWaitedFor) {
  Case one{brokers(7), voters({1, 2, 3, 4})};
  for (const std::uint32_t node : {5U, 6U, 7U}) one.away(node, seconds(1));
  EXPECT_EQ(one.voting(), (Nodes{1, 2, 3, 4}));
}

TEST(VoterChoice, TooManyVotersBecomeFive) {
  Case one{brokers(7), voters({1, 2, 3, 4, 5, 6, 7})};
  EXPECT_EQ(one.voting(), (Nodes{1, 2, 3, 4, 5}));
  EXPECT_EQ(one.voting(7), (Nodes{1, 2, 3, 4, 7})) << "not the leader";
  one.away(2, seconds(1));
  one.at(3).drained = true;
  EXPECT_EQ(one.voting(), (Nodes{1, 4, 5, 6, 7}));
}

TEST(VoterChoice, VotersSpreadOverRacksOneByOne) {
  Case one{{}, voters({1, 2, 3, 4, 5})};
  for (std::uint32_t node = 1; node <= 9; ++node)
    one.all.push_back(broker(node, node <= 5 ? "a" : node <= 7 ? "b" : "c"));
  EXPECT_EQ(one.voting(), (Nodes{1, 2, 3, 4, 6}));
  Case other = one;
  other.away(3, seconds(1));
  EXPECT_EQ(other.voting(), (Nodes{1, 2, 3, 4, 5})) << "not while anything is wrong";
  int steps = 0;
  while (nodes(one.now) != one.voting() && steps < 10) {
    one.now = choose_voters(one.all, one.now, NodeId(1)).voters;
    ++steps;
  }
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(nodes(one.now), (Nodes{1, 2, 6, 7, 8}));
}

// Whatever the state: the voters are of the brokers, five of many, the leader among them, and whoever lives
// and votes goes only for a rack; and there is an end to changes when nothing changes.
TEST(VoterChoice, DrawnClustersComeToRest) {
  std::mt19937_64 rng(3);
  const auto draw = [&rng](std::uint64_t below) { return rng() % below; };
  std::uint64_t replaced = 0, spread = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto count = static_cast<std::uint32_t>(6 + draw(7));
    Case one{brokers(count), {}};
    for (auto& each : one.all) {
      each.rack = std::string(1, static_cast<char>('a' + draw(4)));
      each.drained = draw(6) == 0;
      each.in_step = draw(6) != 0;
      if (draw(5) == 0) {
        each.in_step = false;
        each.away = draw(2) == 0 ? std::chrono::nanoseconds(seconds(1)) : kVoterAbsenceMax;
      }
    }
    one.at(1).in_step = true;
    one.at(1).away = {};
    for (std::uint32_t node = 1; node <= count; ++node) {
      if (node == 1 || draw(2) == 0) one.now.push_back(voter(node));
    }
    const auto live = [&one](const std::vector<Voter>& voters) {
      return std::count_if(voters.begin(), voters.end(),
                           [&one](const Voter& v) { return one.at(v.node.value()).away.count() == 0; });
    };
    int steps = 0;
    for (;; ++steps) {
      const MetadataMembers next = choose_voters(one.all, one.now, NodeId(1));
      ASSERT_LE(next.voters.size(), kMetadataVotersMax);
      ASSERT_EQ(next.voters.size() + next.learners.size(), count);
      ASSERT_NE(std::find(next.voters.begin(), next.voters.end(), voter(1)), next.voters.end());
      if (nodes(next.voters) == nodes(one.now)) break;
      // How many voters may be lost before there is no majority of those that live.
      const auto spare = [&live](const std::vector<Voter>& voters) {
        return live(voters) - static_cast<std::ptrdiff_t>(voters.size() / 2 + 1);
      };
      if (one.now.size() <= kMetadataVotersMax && spare(one.now) >= 0) {
        ASSERT_GE(spare(next.voters), spare(one.now));
      }
      for (const Voter& voted : one.now) {
        if (one.now.size() > kMetadataVotersMax) break;
        if (std::find(next.voters.begin(), next.voters.end(), voted) != next.voters.end()) continue;
        (one.at(voted.node.value()).away >= kVoterAbsenceMax ? replaced : spread) += 1;
      }
      one.now = next.voters;
      ASSERT_LT(steps, 10);
    }
  }
  EXPECT_GT(replaced, 1'000U);
  EXPECT_GT(spread, 500U);
}

}  // namespace
}  // namespace forebay::cluster
