// What a coordinator does with offsets: commits up to the end, where groups begin, how far they are behind.
#include "coordinator_fixture.h"

namespace forebay::group {
namespace {

TEST_F(CoordinatorTest, CommitsAreKeptOverAPowerCut) {
  Client one = join({"a"});
  settle({&one});
  const auto done = commit(one.ref(), 42);
  ASSERT_TRUE(done) << done.error().to_string();
  ASSERT_TRUE((*done)[0]) << (*done)[0].error().to_string();
  EXPECT_EQ(committed(), 42);
  power_cut();
  EXPECT_EQ(committed(), 42);
  EXPECT_EQ(coordinator_->look().find("g")->roster.members.size(), 1U);
}

TEST_F(CoordinatorTest, CommitIsCheckedAgainstTheEndAsItsLeaderSays) {
  Client one = join({"a"});
  settle({&one});
  places_->known = model::Offset(50);
  ASSERT_TRUE((*commit(one.ref(), 50))[0]);
  EXPECT_EQ(places_->asked, 0);
  ASSERT_TRUE((*commit(one.ref(), 100))[0]);
  EXPECT_EQ(places_->asked, 1);
  EXPECT_EQ((*commit(one.ref(), 101))[0].error().code, ErrorCode::kOffsetOutOfRange);
  places_->end = Error{ErrorCode::kUnavailable, "nobody there"};
  EXPECT_EQ((*commit(one.ref(), 101))[0].error().code, ErrorCode::kNotYet);
  EXPECT_EQ(committed(), 100);
}

TEST_F(CoordinatorTest, LaterCommitDoesNotOvertakeOneThatWaitsForALeader) {
  Client one = join({"a"});
  settle({&one});
  places_->known = model::Offset(50);
  int answered = 0;
  for (const std::int64_t offset : {60, 40}) {
    coordinator_->commit("g", one.ref(), {{{"a", model::PartitionIndex(0)}, model::Offset(offset), ""}},
                         [&answered, offset](const Result<EntryResults>& done) {
                           ASSERT_TRUE(done);
                           ++answered;
                           EXPECT_EQ((*done)[0].has_value(), offset == 60) << "40 would go back";
                         });
  }
  ASSERT_TRUE(run_until([&] { return answered == 2; }));
  EXPECT_EQ(committed(), 60);
}

TEST_F(CoordinatorTest, ALeaderThatIsSlowHoldsUpTheCommitsOfOneMemberOnly) {
  Client one = join({"a"});
  settle({&one});
  Client two = join({"a"});
  settle({&one, &two});
  const std::int32_t slow = one.stream->notices.back().owned.at(0).partition.value();
  const std::int32_t other = two.stream->notices.back().owned.at(0).partition.value();
  places_->known = model::Offset(50);
  places_->slow = {slow};
  const auto answered = std::make_shared<std::vector<std::int64_t>>();  // of one
  for (const std::int64_t offset : {60, 61}) {
    coordinator_->commit("g", one.ref(),
                         {{{"a", model::PartitionIndex(slow)}, model::Offset(offset), "", {}}},
                         [answered, offset](const Result<EntryResults>& done) {
                           ASSERT_TRUE(done);
                           EXPECT_TRUE((*done)[0]) << (*done)[0].error().to_string();
                           answered->push_back(offset);
                         });
  }
  ASSERT_TRUE(run_until([&] { return places_->held_ends.size() == 2; }));
  ASSERT_TRUE((*commit(two.ref(), 40, "a", other))[0]);
  ASSERT_TRUE((*commit(two.ref(), 70, "a", other))[0]) << "its leader is asked, and answers";
  EXPECT_EQ(committed("a", other), 70);
  EXPECT_TRUE(answered->empty());
  places_->held_ends.at(1)();
  shard_.machine_.scheduler().run_for(milliseconds(50));
  EXPECT_TRUE(answered->empty()) << "the one before waits still";
  places_->held_ends.at(0)();
  ASSERT_TRUE(run_until([&] { return answered->size() == 2; }));
  EXPECT_EQ(*answered, (std::vector<std::int64_t>{60, 61}));
  EXPECT_EQ(committed("a", slow), 61);
}

// A reset comes after what was asked for before it, and before what comes after it, whoever asks.
TEST_F(CoordinatorTest, AResetKeepsItsPlaceAmongCommits) {
  Client one = join({"a"});
  settle({&one});
  places_->known = model::Offset(50);
  places_->slow = {0};
  std::string order;
  const auto commit_of = [&](std::int32_t partition, std::int64_t offset, const std::string& name) {
    coordinator_->commit("g", one.ref(),
                         {{{"a", model::PartitionIndex(partition)}, model::Offset(offset), "", {}}},
                         [&order, name](const Result<EntryResults>&) { order += name; });
  };
  commit_of(0, 60, "commit ");
  coordinator_->reset("g", {{{"b", model::PartitionIndex(0)}, model::Offset(7), "", {}}},
                      Turn::ResetMode::kDo, [&order](const Result<std::vector<ResetResult>>& done) {
                        EXPECT_TRUE(done);
                        order += "reset ";
                      });
  commit_of(1, 40, "later");
  ASSERT_TRUE(run_until([&] { return places_->held_ends.size() == 1; }));
  shard_.machine_.scheduler().run_for(milliseconds(50));
  EXPECT_EQ(order, "");
  places_->held_ends.at(0)();
  ASSERT_TRUE(run_until([&] { return order.ends_with("later"); }));
  EXPECT_EQ(order, "commit reset later");
}

// What is refused at once, inside the question, must not send the rest off before it has been looked at.
TEST_F(CoordinatorTest, APartitionThatNobodyLeadsDoesNotSpoilTheCommitOfOthers) {
  Client one = join({"a"});
  settle({&one});
  places_->leaderless = {0, 2};
  std::vector<NamedOffset> offsets;
  for (const std::int32_t partition : {0, 1, 2, 3})
    offsets.push_back({{"a", model::PartitionIndex(partition)}, model::Offset(40), "", {}});
  const auto done = call<EntryResults>(
      [&](auto answer) { coordinator_->commit("g", one.ref(), offsets, std::move(answer)); });
  ASSERT_TRUE(done);
  ASSERT_EQ(done->size(), 4U);
  for (const std::size_t i : {0U, 2U}) EXPECT_EQ((*done)[i].error().code, ErrorCode::kNotYet) << i;
  for (const std::size_t i : {1U, 3U}) EXPECT_TRUE((*done)[i]) << (*done)[i].error().to_string();
  EXPECT_EQ(committed("a", 1), 40);
  EXPECT_EQ(committed("a", 0), std::nullopt);
}

TEST_F(CoordinatorTest, ManyCommitsShareBatches) {
  std::size_t answered = 0;
  const std::size_t groups = 200, commits = 20;
  for (std::size_t g = 0; g < groups; ++g)
    coordinator_->create("g" + std::to_string(g), StartRule{}, std::nullopt, [&](const Result<bool>& done) {
      EXPECT_TRUE(done);
      ++answered;
    });
  ASSERT_TRUE(run_until([&] { return answered == groups; }));
  places_->known = model::Offset(1'000);
  const auto before = shard_.logs_->stats().journal.rounds;
  answered = 0;
  for (std::size_t i = 0; i < commits; ++i) {
    for (std::size_t g = 0; g < groups; ++g) {
      coordinator_->commit(
          "g" + std::to_string(g), std::nullopt,
          {{{"a", model::PartitionIndex(0)}, model::Offset(static_cast<std::int64_t>(i)), ""}},
          [&](const Result<EntryResults>& done) {
            ASSERT_TRUE(done) << done.error().to_string();
            EXPECT_TRUE((*done)[0]);
            ++answered;
          });
    }
  }
  ASSERT_TRUE(run_until([&] { return answered == groups * commits; }));
  EXPECT_LT(shard_.logs_->stats().journal.rounds - before, 20U) << "rounds for 4,000 commits";
}

TEST_F(CoordinatorTest, CommitsThatAreTooLargeForOneBatchGoInSeveral) {
  set_topics({{"a", 10'000}});
  const auto large = [](std::int32_t partitions, std::size_t with_metadata) {
    std::vector<NamedOffset> offsets;
    for (std::int32_t i = 0; i < partitions; ++i) {
      const std::size_t bytes = static_cast<std::size_t>(i) < with_metadata ? kMetadataBytesMax : 0;
      offsets.push_back({{"a", model::PartitionIndex(i)}, model::Offset(50), std::string(bytes, 'x'), {}});
    }
    return offsets;
  };
  for (const char* group : {"g", "h"}) {
    ASSERT_TRUE(call<bool>([&](auto done) { coordinator_->create(group, {}, {}, std::move(done)); }));
  }
  places_->known = model::Offset(100);
  int answered = 0;
  const auto on_answer = [&](const Result<EntryResults>& results) {
    ++answered;
    ASSERT_TRUE(results) << results.error().to_string();
    EXPECT_TRUE((*results)[0]);
  };
  coordinator_->commit("h", {}, large(62, 62), on_answer);
  coordinator_->commit("g", {}, large(62, 62), on_answer);
  coordinator_->commit("g", {}, large(10'000, 64), on_answer);
  ASSERT_TRUE(run_until([&] { return answered == 3; }));
}

TEST_F(CoordinatorTest, StartOfAGroupThatIsNoMoreIsNotTakenForTheNextOne) {
  places_->holds_starts = true;
  const auto create = [&](StartRule rule) {
    ASSERT_TRUE(call<bool>([&](auto done) { coordinator_->create("g", rule, {}, std::move(done)); }));
  };
  create({StartPoint::kLatest});
  JoinInput input;
  input.subscription = {{"b"}, {}};
  const auto join_only = [&] {
    return call<Joined>(
        [&](auto done) { coordinator_->join("g", input, {}, std::make_shared<Stream>(), std::move(done)); });
  };
  const auto one = join_only();
  ASSERT_TRUE(run_until([&] { return places_->held_starts.size() == 2; }));
  ASSERT_TRUE(call<Leaving>([&](auto done) {
    coordinator_->leave("g", {one->id, one->epoch}, std::move(done));
  }));
  ASSERT_TRUE(call<std::monostate>([&](auto done) { coordinator_->remove("g", std::move(done)); }));
  create({StartPoint::kAtTime, model::Timestamp(5)});
  ASSERT_TRUE(join_only());
  ASSERT_TRUE(run_until([&] { return places_->held_starts.size() == 4; })) << "asked by its own rule";
  for (auto& answer : places_->held_starts) answer();
  ASSERT_TRUE(run_until([&] { return coordinator_->look().find("g")->positions.size() == 2; }));
  for (const auto& [partition, position] : coordinator_->look().find("g")->positions)
    EXPECT_EQ(position.start, model::Offset(0)) << "of the time, not the end";
}

TEST_F(CoordinatorTest, CommitOfATopicThatWasMadeAnewIsRefused) {
  Client one = join({"b"});
  settle({&one});
  const model::TopicId before = image_.topics.at("b")->id;
  EXPECT_EQ(one.stream->notices.back().owned.at(0).topic_id, before);
  make_anew("b");
  ASSERT_TRUE(run_until([&] { return one.stream->notices.back().owned.at(0).topic_id != before; }));
  const auto commit_of = [&](const model::TopicId& id) {
    const auto results = call<EntryResults>([&](auto done) {
      coordinator_->commit("g", one.ref(), {{{"b", model::PartitionIndex(0)}, model::Offset(7), "", id}},
                           std::move(done));
    });
    return results->at(0);
  };
  EXPECT_EQ(commit_of(before).error().code, ErrorCode::kNotOwner);
  EXPECT_EQ(committed("b"), std::nullopt);
  EXPECT_TRUE(commit_of(one.stream->notices.back().owned.at(0).topic_id));
  EXPECT_EQ(committed("b"), 7);
}

TEST_F(CoordinatorTest, LagIsAskedFromWhereTheGroupGoesOn) {
  Client one = join({"a", "b"});
  settle({&one});
  ASSERT_TRUE((*commit(one.ref(), 42))[0]);
  const model::TopicPartition nobody_leads{image_.topics.at("b")->id, model::PartitionIndex(1)};
  places_->lags_failing = {nobody_leads};
  const auto lag = call<GroupLag>([&](auto done) { coordinator_->lag("g", std::move(done)); });
  ASSERT_TRUE(lag) << lag.error().to_string();
  ASSERT_EQ(lag->partitions.size(), 6U);
  for (const LaggingPartition& partition : lag->partitions) {
    const bool is_committed = partition.topic == "a" && partition.partition.partition.value() == 0;
    EXPECT_EQ(partition.committed, is_committed ? std::optional(model::Offset(42)) : std::nullopt);
    EXPECT_EQ(partition.member, one.joined.id);
    ASSERT_EQ(partition.lag.has_value(), partition.partition != nobody_leads);
    if (!partition.lag) continue;
    EXPECT_EQ(partition.lag->records, is_committed ? 58U : 100U);
  }
}

TEST_F(CoordinatorTest, LagOfNoGroupIsRefused) {
  const auto lag = call<GroupLag>([&](auto done) { coordinator_->lag("g", std::move(done)); });
  ASSERT_FALSE(lag);
  EXPECT_EQ(lag.error().code, ErrorCode::kUnknownGroup);
}

TEST_F(CoordinatorTest, LooksNowAndThenForWhatStandsStill) {
  Client one = join({"a"});
  settle({&one});
  EXPECT_TRUE(coordinator_->lags().stalls().stalls("g").empty());
  heartbeats(one, seconds(60));
  const auto stalls = coordinator_->lags().stalls().stalls("g");
  ASSERT_EQ(stalls.size(), 4U);
  EXPECT_EQ(stalls.begin()->second.cause, StallCause::kOwnerIsSilent);
  EXPECT_EQ(coordinator_->lags().figures().at("g").records, 400U);
  EXPECT_EQ(coordinator_->lags().figures().at("g").stalled, 4U);
  ASSERT_TRUE((*commit(one.ref(), 1))[0]);
  heartbeats(one, seconds(20));
  EXPECT_EQ(coordinator_->lags().stalls().stalls("g").size(), 3U) << "one goes on";
}

TEST_F(CoordinatorTest, ForgetsTheLagOfAGroupThatIsDeleted) {
  ASSERT_TRUE(call<bool>([&](auto done) { coordinator_->create("g", {}, {}, std::move(done)); }));
  shard_.machine_.scheduler().run_for(seconds(30));
  EXPECT_TRUE(coordinator_->lags().figures().contains("g"));
  ASSERT_TRUE(call<std::monostate>([&](auto done) { coordinator_->remove("g", std::move(done)); }));
  shard_.machine_.scheduler().run_for(seconds(30));
  EXPECT_FALSE(coordinator_->lags().figures().contains("g"));
}

TEST_F(CoordinatorTest, GroupWithoutMembersForgetsATopicThatIsDeleted) {
  ASSERT_TRUE(call<bool>([&](auto done) { coordinator_->create("g", {}, {}, std::move(done)); }));
  ASSERT_TRUE((*commit({}, 42, "b"))[0]);
  ASSERT_EQ(committed("b"), 42);
  set_topics({{"a", 4}});
  EXPECT_TRUE(run_until([&] { return coordinator_->look().find("g")->roster.topics.empty(); }));
  const auto lag = call<GroupLag>([&](auto done) { coordinator_->lag("g", std::move(done)); });
  ASSERT_TRUE(lag);
  EXPECT_TRUE(lag->partitions.empty());
}

}  // namespace
}  // namespace forebay::group
