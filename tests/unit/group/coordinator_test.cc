// The coordinator over a real partition on a simulated disk: what it answers is logged and applied, what it
// tells members is what the core decided, and a start finds all of it again.
#include "coordinator_fixture.h"

namespace forebay::group {
namespace {

TEST_F(CoordinatorTest, OneMemberGetsAll) {
  Client one = join({"a", "b"});
  settle({&one});
  EXPECT_EQ(one.stream->owned(), "a-0 a-1 a-2 a-3 b-0 b-1");
}

TEST_F(CoordinatorTest, SecondMemberGetsWhatTheFirstHasGivenUp) {
  Client one = join({"a"});
  settle({&one});
  Client two = join({"a"});
  EXPECT_EQ(two.stream->owned(), "");
  ASSERT_TRUE(run_until([&] { return !one.stream->give_up().empty(); }));
  EXPECT_GT(one.stream->notices.back().confirm_within.count(), 50'000);
  settle({&one, &two});
  EXPECT_EQ(one.stream->notices.back().owned.size(), 2U);
  EXPECT_EQ(two.stream->notices.back().owned.size(), 2U);
  // It leaves, and hands over at once.
  const auto left = call<Leaving>([&](auto done) { coordinator_->leave("g", two.ref(), std::move(done)); });
  ASSERT_TRUE(left);
  EXPECT_EQ(*left, Leaving::kGone);
  settle({&one});
  EXPECT_EQ(one.stream->owned(), "a-0 a-1 a-2 a-3");
}

TEST_F(CoordinatorTest, MemberWithoutAStreamIsRemovedWhenItsSessionIsOver) {
  Client one = join({"a"});
  settle({&one});
  Client two = join({"a"});
  settle({&one, &two});
  coordinator_->detach("g", two.joined.number, two.joined.epoch);
  heartbeats(one, seconds(8));
  EXPECT_EQ(coordinator_->look().find("g")->roster.members.size(), 2U);
  heartbeats(one, seconds(4));
  EXPECT_EQ(coordinator_->look().find("g")->roster.members.size(), 1U);
  settle({&one});
  EXPECT_EQ(one.stream->owned(), "a-0 a-1 a-2 a-3");
  EXPECT_EQ(commit(two.ref(), 1).error().code, ErrorCode::kUnknownMember);
}

TEST_F(CoordinatorTest, MemberThatDoesNotGiveUpInTimeIsFenced) {
  Client one = join({"a"});
  settle({&one});
  Client two = join({"a"});
  ASSERT_TRUE(run_until([&] { return !one.stream->give_up().empty(); }));
  for (int i = 0; i < 65 && !one.stream->ended; ++i) {
    shard_.machine_.scheduler().run_for(seconds(1));
    for (const Client* client : {&one, &two})
      coordinator_->heartbeat("g", client->ref(), [](const Result<std::monostate>&) {});
  }
  ASSERT_TRUE(one.stream->ended);
  settle({&two});
  EXPECT_EQ(two.stream->owned(), "a-0 a-1 a-2 a-3");
}

TEST_F(CoordinatorTest, MemberComesBackToTheNextCoordinatorAndKeepsWhatItHad) {
  Client one = join({"a"});
  settle({&one});
  power_cut();
  Client back;
  JoinInput input;
  input.member_id = one.joined.id;
  input.epoch = one.joined.epoch;
  input.subscription = {{"a"}, ""};
  std::vector<NamedPartition> owned;
  for (const auto& had : one.stream->notices.back().owned) owned.push_back({had.topic, had.partition});
  const auto joined =
      call<Joined>([&](auto done) { coordinator_->join("g", input, owned, back.stream, std::move(done)); });
  ASSERT_TRUE(joined) << joined.error().to_string();
  EXPECT_EQ(joined->number, one.joined.number);
  EXPECT_GT(joined->epoch, one.joined.epoch);
  ASSERT_TRUE(run_until([&] { return back.stream->owned() == "a-0 a-1 a-2 a-3"; }));
  EXPECT_EQ(commit(one.ref(), 3).error().code, ErrorCode::kMemberFenced) << "the stream before it";
}

TEST_F(CoordinatorTest, PatternFollowsTopicsThatAreMade) {
  Client one = join({}, "a.*");
  settle({&one});
  EXPECT_EQ(one.stream->owned(), "a-0 a-1 a-2 a-3");
  set_topics({{"a", 4}, {"ab", 1}, {"b", 2}});
  ASSERT_TRUE(run_until([&] { return one.stream->owned() == "a-0 a-1 a-2 a-3 ab-0"; }))
      << one.stream->owned();
}

TEST_F(CoordinatorTest, PatternThatIsNoneIsRefused) {
  JoinInput input;
  input.subscription = {{}, "a(("};
  const auto joined = call<Joined>(
      [&](auto done) { coordinator_->join("g", input, {}, std::make_shared<Stream>(), std::move(done)); });
  EXPECT_EQ(joined.error().code, ErrorCode::kInvalidArgument);
}

// The network held it, and the member has opened another stream meanwhile.
TEST_F(CoordinatorTest, JoinThatComesLateEndsNothing) {
  JoinInput input;
  input.subscription = {{"a"}, {}};
  input.new_id = "m";
  input.instance = "i";
  const auto join = [&](std::uint64_t number, const std::shared_ptr<Stream>& stream) {
    input.number = number;
    return call<Joined>([&](auto done) { coordinator_->join("g", input, {}, stream, std::move(done)); });
  };
  const auto present = std::make_shared<Stream>();
  const auto joined = join(2, present);
  ASSERT_TRUE(joined) << joined.error().to_string();
  EXPECT_EQ(joined->id, "m");
  EXPECT_EQ(join(1, std::make_shared<Stream>()).error().code, ErrorCode::kNotYet);
  EXPECT_FALSE(present->ended);
  input.member_id = "m";
  input.epoch = joined->epoch;
  EXPECT_TRUE(join(3, std::make_shared<Stream>()));
  EXPECT_TRUE(present->ended);
  input.member_id.clear();
  input.new_id.assign(65, 'm');
  EXPECT_EQ(join(1, std::make_shared<Stream>()).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(CoordinatorTest, GroupIsCreatedResetAndDeleted) {
  const auto create = [&] {
    return call<bool>(
        [&](auto done) { coordinator_->create("g", StartRule{}, std::nullopt, std::move(done)); });
  };
  EXPECT_EQ(*create(), true);
  EXPECT_EQ(*create(), false);
  const auto reset = call<std::vector<ResetResult>>([&](auto done) {
    coordinator_->reset("g", {{{"a", model::PartitionIndex(1)}, model::Offset(7), ""}}, Turn::ResetMode::kDo,
                        std::move(done));
  });
  ASSERT_TRUE(reset) << reset.error().to_string();
  EXPECT_EQ(committed("a", 1), 7);
  EXPECT_TRUE(call<std::monostate>([&](auto done) { coordinator_->remove("g", std::move(done)); }));
  EXPECT_EQ(coordinator_->look().find("g"), nullptr);
  power_cut();
  EXPECT_EQ(coordinator_->look().find("g"), nullptr);
}

TEST_F(CoordinatorTest, StateIsWrittenAtTheEndAndReadAgain) {
  Client one = join({"a"});
  settle({&one});
  ASSERT_TRUE((*commit(one.ref(), 9))[0]);
  const GroupImage before = coordinator_->look();
  bool stopped = false;
  coordinator_->stop([&] { stopped = true; });
  ASSERT_TRUE(run_until([&] { return stopped; }));
  EXPECT_EQ(one.stream->ended->code, ErrorCode::kShuttingDown);
  power_cut();
  EXPECT_EQ(coordinator_->look().groups.at("g").positions, before.groups.at("g").positions);
  EXPECT_EQ(coordinator_->look().groups.at("g").roster, before.groups.at("g").roster);
}

TEST_F(CoordinatorTest, BurstOfNewGroupsDoesNotPassTheirBound) {
  std::size_t made = 0, refused = 0;
  const std::size_t asked = kGroupsPerCoordinatorMax + 5;
  for (std::size_t i = 0; i < asked; ++i) {
    coordinator_->create("g" + std::to_string(i), {}, {},
                         [&](const Result<bool>& created) { (created ? made : refused) += 1; });
  }
  ASSERT_TRUE(run_until([&] { return made + refused == asked; }));
  EXPECT_EQ(made, kGroupsPerCoordinatorMax);
  EXPECT_EQ(coordinator_->look().groups.size(), kGroupsPerCoordinatorMax);
  ASSERT_TRUE(call<std::monostate>([&](auto done) { coordinator_->remove("g0", std::move(done)); }));
  EXPECT_TRUE(call<bool>([&](auto done) { coordinator_->create("again", {}, {}, std::move(done)); }));
}

}  // namespace
}  // namespace forebay::group
