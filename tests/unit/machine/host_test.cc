// A state machine on three replicas: what was proposed is applied everywhere, once; logs stay short, and who
// lacks what they began with takes the state of the leader.
#include "machine/host.h"

#include <gtest/gtest.h>

#include "machine_cluster.h"

namespace forebay::machine {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

class HostTest : public testing::Test {
 protected:
  void begin() {
    cluster_.start_all();
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.settled(); })) << cluster_.state();
  }
  [[nodiscard]] std::int64_t log_start() { return cluster_.leader()->log()->watermarks().log_start.value(); }
  MachineCluster cluster_{11};
};

TEST_F(HostTest, ProposalsTakeEffectOnceEverywhere) {
  begin();
  cluster_.add(5);
  cluster_.add("again");
  cluster_.add("again");
  cluster_.expect_everything();
}

TEST_F(HostTest, SeveralUnderWayAreAnsweredInTheirOrderWhenApplied) {
  begin();
  Host& host = *cluster_.leader()->host();
  std::vector<std::int64_t> offsets;
  const auto& registers = cluster_.leader()->machine().registers();
  for (int i = 0; i < 10; ++i) {
    const std::string name = "p" + std::to_string(i);
    ASSERT_TRUE(host.propose({name, "both"}, [&, name](const Result<model::Offset>& offset) {
      ASSERT_TRUE(offset);
      EXPECT_TRUE(registers.contains(name)) << "answered before it was applied";
      offsets.push_back(offset->value());
    }));
  }
  EXPECT_EQ(host.in_flight(), 10U);
  ASSERT_TRUE(cluster_.run_until([&] { return offsets.size() == 10; }));
  for (std::size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ(offsets[i], static_cast<std::int64_t>(2 * i));
  EXPECT_EQ(registers.at("both"), 10);
}

TEST_F(HostTest, TooManyOrTooLargeProposalsAreRefusedWithoutAnyEffect) {
  begin();
  Host& host = *cluster_.leader()->host();
  const auto never = [](const Result<model::Offset>&) { FAIL() << "refused by what was returned"; };
  EXPECT_EQ(host.propose({}, never).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(host.propose({std::string(kProposalBytesMax + 1, 'x')}, never).error().code,
            ErrorCode::kInvalidArgument);
  std::size_t answered = 0;
  for (std::size_t i = 0; i < kInFlightMax; ++i)
    ASSERT_TRUE(host.propose({"x"}, [&](const Result<model::Offset>& done) { answered += done ? 1U : 0U; }));
  EXPECT_EQ(host.propose({"x"}, never).error().code, ErrorCode::kResourceExhausted);
  ASSERT_TRUE(cluster_.run_until([&] { return answered == kInFlightMax; }));
  EXPECT_TRUE(host.propose({"x"}, [](const Result<model::Offset>&) {}));
}

TEST_F(HostTest, FollowerRefusesAndNamesNobodyButTheLeader) {
  begin();
  for (std::size_t i = 0; i < 3; ++i) {
    Host& host = *cluster_.node(i).host();
    if (host.is_leading()) continue;
    EXPECT_EQ(host.check().error().code, ErrorCode::kNotLeader);
    EXPECT_EQ(host.propose({"x"}, [](const Result<model::Offset>&) { FAIL(); }).error().code,
              ErrorCode::kNotLeader);
    EXPECT_EQ(host.answer_state_request({machine_partition(), {}, 0}).error().code, ErrorCode::kNotLeader);
  }
}

TEST_F(HostTest, LeaderThatIsCutOffAnswersUnknownAndConfirmsNothing) {
  begin();
  MachineNode& old = *cluster_.leader();
  cluster_.isolate(old);
  std::optional<Result<model::Offset>> proposed;
  std::optional<Result<std::monostate>> confirmed;
  ASSERT_TRUE(old.host()->propose({"cut"}, [&](Result<model::Offset> done) { proposed = std::move(done); }));
  old.host()->confirm([&](Result<std::monostate> done) { confirmed = std::move(done); });
  ASSERT_TRUE(cluster_.run_until([&] { return proposed && confirmed; })) << cluster_.state();
  EXPECT_EQ(proposed->error().code, ErrorCode::kOutcomeUnknown);
  EXPECT_FALSE(*confirmed);
  EXPECT_FALSE(old.leads());
  cluster_.network().heal_all();
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.settled(); })) << cluster_.state();
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(cluster_.node(i).machine().registers(), cluster_.node(0).machine().registers());
    EXPECT_LE(cluster_.node(i).machine().registers().count("cut"), 1U) << "unknown is one or the other";
  }
}

TEST_F(HostTest, ConfirmsWhatItHasApplied) {
  begin();
  cluster_.add(3);
  std::optional<Result<std::monostate>> confirmed;
  MachineNode& leader = *cluster_.leader();
  leader.host()->confirm([&](Result<std::monostate> done) {
    confirmed = std::move(done);
    EXPECT_EQ(leader.host()->applied(), leader.log()->watermarks().high_watermark);
  });
  ASSERT_TRUE(cluster_.run_until([&] { return confirmed.has_value(); }));
  EXPECT_TRUE(*confirmed);
}

TEST_F(HostTest, NextLeaderHasAppliedAllThatWasPromised) {
  begin();
  for (int round = 0; round < 6; ++round) {
    cluster_.add(4);
    MachineNode& old = *cluster_.leader();
    old.die(MachineNode::End::kKill);
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.leader() != nullptr; })) << cluster_.state();
    cluster_.start(old);
  }
  cluster_.expect_everything();
}

TEST_F(HostTest, LogStaysShortOnEveryNode) {
  begin();
  cluster_.add(100);
  cluster_.expect_everything();
  ASSERT_TRUE(cluster_.run_until([&] {
    for (std::size_t i = 0; i < 3; ++i) {
      if (cluster_.node(i).log()->watermarks().log_start.value() <= 70) return false;
    }
    return true;
  })) << cluster_.state();
  for (std::size_t i = 0; i < 3; ++i) cluster_.node(i).die(MachineNode::End::kPower);
  cluster_.start_all();
  cluster_.expect_everything();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(cluster_.node(i).host()->states_taken(), 0U);
}

TEST_F(HostTest, StoreIsWrittenNowAndThenAndAtTheEnd) {
  for (std::size_t i = 0; i < 3; ++i)
    cluster_.node(i).config_ = {.trimming = {}, .write_after = seconds(5), .write_after_records = 1'000};
  begin();
  cluster_.add(3);
  MachineNode& leader = *cluster_.leader();
  EXPECT_EQ(leader.stored().applied, model::Offset(0));
  cluster_.scheduler().run_for(seconds(6));
  EXPECT_EQ(leader.stored().applied, leader.host()->applied());
  cluster_.add(1);
  bool stopped = false;
  leader.host()->stop([&] { stopped = true; });
  ASSERT_TRUE(cluster_.run_until([&] { return stopped; }));
  EXPECT_EQ(leader.stored().applied, leader.host()->applied());
  EXPECT_EQ(leader.stored().entries, leader.machine().entries());
  EXPECT_FALSE(leader.leads());
  leader.close_host();
}

TEST_F(HostTest, NodeThatWasAwayForTooLongTakesTheStateAndVotesAgain) {
  begin();
  MachineNode& away = cluster_.node(2);
  away.die(MachineNode::End::kPower);
  cluster_.add(60);
  ASSERT_TRUE(cluster_.run_until([&] { return log_start() > 30; })) << cluster_.state();
  cluster_.start(away);
  cluster_.expect_everything();
  EXPECT_EQ(away.host()->states_taken(), 1U);
  EXPECT_GT(away.log()->watermarks().log_start.value(), 30);
  // Its vote counts.
  cluster_.node(1).die(MachineNode::End::kKill);
  cluster_.add(3);
  cluster_.start(cluster_.node(1));
  cluster_.expect_everything();
  away.die(MachineNode::End::kPower);
  cluster_.start(away);
  cluster_.expect_everything();
  EXPECT_EQ(away.host()->states_taken(), 0U) << "it was durable";
}

TEST_F(HostTest, NodeWithoutItsStoreTakesTheStateThoughItsLogIsWhole) {
  begin();
  cluster_.add(60);
  ASSERT_TRUE(cluster_.run_until([&] { return log_start() > 30; })) << cluster_.state();
  MachineNode& hurt = cluster_.node(2);
  hurt.die(MachineNode::End::kPower);
  hurt.lose_store();
  cluster_.start(hurt);
  cluster_.expect_everything();
  EXPECT_EQ(hurt.host()->states_taken(), 1U);
}

TEST_F(HostTest, LeaderWithoutItsStoreIsNotToldToLeadAndHandsOver) {
  begin();
  cluster_.add(60);
  ASSERT_TRUE(cluster_.run_until([&] { return log_start() > 30; })) << cluster_.state();
  for (std::size_t i = 0; i < 3; ++i) cluster_.node(i).die(MachineNode::End::kPower);
  MachineNode& hurt = cluster_.node(0);
  hurt.lose_store();
  cluster_.start(hurt);
  cluster_.start(cluster_.node(1));
  ASSERT_TRUE(cluster_.run_until([&] { return cluster_.node(1).leads(); })) << cluster_.state();
  cluster_.start(cluster_.node(2));
  cluster_.add(1);
  cluster_.expect_everything();
}

// A large state comes in pieces.
TEST_F(HostTest, StateOfManyPiecesIsTaken) {
  begin();
  MachineNode& away = cluster_.node(2);
  away.die(MachineNode::End::kPower);
  for (int i = 0; i < 30; ++i) cluster_.add("big" + std::to_string(i));
  ASSERT_TRUE(cluster_.run_until([&] { return log_start() > 10; })) << cluster_.state();
  cluster_.start(away);
  cluster_.expect_everything();
  EXPECT_EQ(away.host()->states_taken(), 1U);
}

// What was not written is still in the log, and nothing may be written before it.
TEST_F(HostTest, FullDiskStopsNothing) {
  begin();
  for (const bool power_cut : {false, true}) {
    for (std::uint32_t i = 0; i < 3; ++i)
      cluster_.node(i).fail_store(Error{ErrorCode::kDiskFull, "no space"});
    for (int i = 0; i < 30; ++i) cluster_.add("while full " + std::to_string(i));
    static_cast<void>(cluster_.run_until([] { return false; }, seconds(5)));
    for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(cluster_.node(i).failure(), "");
    if (power_cut) {
      for (std::uint32_t i = 0; i < 3; ++i) cluster_.node(i).die(MachineNode::End::kPower);
    }
    for (std::uint32_t i = 0; i < 3; ++i) cluster_.node(i).fail_store(std::nullopt);
    if (power_cut) cluster_.start_all();
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.settled(); })) << cluster_.state();
    for (int i = 0; i < 5; ++i) cluster_.add("then");
    cluster_.expect_everything();
  }
}

// It hands over, and says who leads then.
TEST_F(HostTest, FailedReplicaThatFollowsNamesTheLeader) {
  begin();
  MachineNode* failing = &cluster_.node(0) == cluster_.leader() ? &cluster_.node(1) : &cluster_.node(0);
  failing->fail_store(Error{ErrorCode::kStorageFailed, "the disk is broken"});
  for (int i = 0; i < 30; ++i) cluster_.add("x");
  ASSERT_TRUE(cluster_.run_until([&] { return failing->host()->failure().has_value(); })) << cluster_.state();
  EXPECT_EQ(failing->host()->check().error().code, ErrorCode::kNotLeader);
}

TEST_F(HostTest, RecordThatCannotBeAppliedStopsEverybodyWithTheReason) {
  begin();
  ASSERT_TRUE(cluster_.leader()->host()->propose({"!"}, [](const Result<model::Offset>& done) {
    EXPECT_EQ(done.error().code, ErrorCode::kOutcomeUnknown);
  }));
  ASSERT_TRUE(cluster_.run_until([&] {
    return !cluster_.node(0).failure().empty() && !cluster_.node(1).failure().empty() &&
           !cluster_.node(2).failure().empty();
  })) << cluster_.state();
  EXPECT_NE(cluster_.node(0).failure().find("__test partition 2: the record at offset 0 cannot be applied"),
            std::string::npos)
      << cluster_.node(0).failure();
}

// --- a node alone

class HostAloneTest : public testing::Test {
 protected:
  void begin() {
    cluster_.start_all();
    ASSERT_TRUE(cluster_.run_until([&] { return cluster_.settled(); })) << cluster_.state();
  }
  MachineCluster cluster_{5, 1};
};

TEST_F(HostAloneTest, KeepsItsStateOverPowerCuts) {
  begin();
  for (int round = 0; round < 5; ++round) {
    cluster_.add(13);
    cluster_.node(0).die(MachineNode::End::kPower);
    cluster_.start(cluster_.node(0));
  }
  cluster_.expect_everything();
}

TEST_F(HostAloneTest, StoreThatIsLostBehindATrimmedLogIsALossAndSaidToBeOne) {
  begin();
  cluster_.add(60);
  ASSERT_TRUE(
      cluster_.run_until([&] { return cluster_.node(0).log()->watermarks().log_start.value() > 30; }));
  cluster_.node(0).die(MachineNode::End::kPower);
  cluster_.node(0).lose_store();
  cluster_.start(cluster_.node(0));
  ASSERT_TRUE(cluster_.run_until([&] {
    return cluster_.node(0).host() && !cluster_.node(0).failure().empty();
  })) << cluster_.state();
  EXPECT_EQ(cluster_.node(0).host()->check().error().code, ErrorCode::kDataLoss);
}

// A replica that was moved away has left its state in the store of the node.
TEST_F(HostTest, StateOfAFormerReplicaGoesWhenTheLogIsNew) {
  cluster_.node(1).plant_state({model::Offset(99), {{"former", "1"}}});
  begin();
  cluster_.add(2);
  cluster_.expect_everything();
  EXPECT_EQ(cluster_.node(1).stored().entries.count("former"), 0U);
  cluster_.node(1).die(MachineNode::End::kPower);
  cluster_.start(cluster_.node(1));
  cluster_.expect_everything();
}

TEST_F(HostTest, ReplicaThatGoesLeavesNothingInTheStoreAlsoIfItIsJustBeingWritten) {
  begin();
  cluster_.add(2);
  Host& host = *cluster_.node(1).host();
  const auto before = host.stored();
  for (int i = 0; i < 2; ++i) cluster_.add(6);
  // So many records are written at once.
  ASSERT_TRUE(cluster_.run_until([&] {
    return host.applied() >= before.plus(10) && host.stored() < host.applied();
  })) << cluster_.state();
  bool erased = false;
  host.erase([&] { erased = true; });
  cluster_.node(1).close_host();
  ASSERT_TRUE(cluster_.run_until([&] { return erased; }));
  EXPECT_EQ(cluster_.node(1).stored().entries.size(), 0U);
  EXPECT_EQ(cluster_.node(1).stored().applied, model::Offset(0));
}

// --- power cuts while a state is taken

// A node that takes the state, or the leader that sends it, loses power at one step of it. Returns whether
// that was before it had everything.
bool cut(std::uint64_t crash_at, bool the_taker) {
  MachineCluster cluster(17);
  cluster.start_all();
  EXPECT_TRUE(cluster.run_until([&] { return cluster.settled(); })) << cluster.state();
  MachineNode& taker = cluster.node(cluster.leader() == &cluster.node(0) ? 1 : 0);
  taker.die(MachineNode::End::kPower);
  cluster.add(45);
  EXPECT_TRUE(
      cluster.run_until([&] { return cluster.leader()->log()->watermarks().log_start.value() > 15; }));
  cluster.start(taker);
  MachineNode& victim = the_taker ? taker : *cluster.leader();
  std::uint64_t events = 0;
  EXPECT_TRUE(cluster.run_until([&] { return events++ == crash_at || cluster.settled(); }))
      << cluster.state();
  const bool was_there = cluster.settled();
  victim.die(MachineNode::End::kPower);
  cluster.scheduler().run_for(milliseconds(30));
  cluster.start(victim);
  cluster.add(2);
  cluster.expect_everything();
  return !was_there;
}

class HostStateCut : public testing::TestWithParam<bool> {};

TEST_P(HostStateCut, SurvivesAPowerCutAtEachStep) {
#ifdef __SANITIZE_ADDRESS__
  constexpr std::uint64_t kStride = 29;
#else
  constexpr std::uint64_t kStride = 3;
#endif
  std::uint64_t at = 0;
  while (!HasFailure() && cut(at, GetParam())) at += kStride;
  EXPECT_GT(at, 30U) << "it has more steps";
  EXPECT_FALSE(HasFailure()) << "power cut at step " << at;
}

INSTANTIATE_TEST_SUITE_P(Victims, HostStateCut, testing::Bool());

}  // namespace
}  // namespace forebay::machine
