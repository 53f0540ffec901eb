// The coordinator over a real partition on a simulated disk: what it answers is logged and applied, what it
// tells members is what the core decided, and a start finds all of it again.
#include "group/coordinator.h"

#include <gtest/gtest.h>

#include <set>

#include "group/topics_view.h"
#include "kv/memory_store.h"
#include "shard_harness.h"

namespace forebay::group {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Stream final : public MemberStream {
 public:
  void tell(AssignmentNotice notice) override { notices.push_back(std::move(notice)); }
  void end(Error why) override { ended = std::move(why); }
  // Of the last notice, as "topic-0 topic-1".
  [[nodiscard]] std::string owned() const { return notices.empty() ? "nothing" : text(notices.back().owned); }
  [[nodiscard]] std::string give_up() const {
    return notices.empty() ? "nothing" : text(notices.back().give_up);
  }
  std::vector<AssignmentNotice> notices;
  std::optional<Error> ended;

 private:
  static std::string text(const std::vector<AssignmentNotice::Partition>& partitions) {
    std::set<std::string> names;
    for (const auto& one : partitions) names.insert(one.topic + "-" + std::to_string(one.partition.value()));
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : " ") + name;
    return all;
  }
};

// Partitions that go as far as the test says.
class Ends final : public PartitionPlaces {
 public:
  explicit Ends(runtime::Executor& executor) : executor_(executor) {}
  [[nodiscard]] std::optional<model::Offset> known_high_watermark(
      const model::TopicPartition&) const override {
    return known;
  }
  void ask_high_watermark(const model::TopicPartition& partition, Done<model::Offset> done) override {
    ++asked;
    if (leaderless.contains(partition.partition.value()))
      return done(Error{ErrorCode::kNotYet, "nobody is known to lead it"});
    answer(end, std::move(done));
  }
  void find_start(const model::TopicPartition&, const StartRule& rule, Done<model::Offset> done) override {
    answer(rule.point == StartPoint::kLatest ? end : model::Offset(0), std::move(done));
  }
  void ask_lag(const model::TopicPartition& partition, const LagFrom& from,
               Done<PartitionLag> done) override {
    lags_asked[partition] = from;
    const model::Offset next(from.kind == LagFrom::Kind::kOffset ? from.value : 0);
    const auto records = static_cast<std::uint64_t>(end->value() - next.value());
    Result<PartitionLag> lag = PartitionLag{next, *end, records, records * 10, Milliseconds{records}};
    if (lags_failing.contains(partition)) lag = Error{ErrorCode::kNotYet, "nobody leads it"};
    executor_.post([lag = std::move(lag), done = std::move(done)]() mutable { done(std::move(lag)); });
  }
  std::map<model::TopicPartition, LagFrom> lags_asked;
  std::set<model::TopicPartition> lags_failing;
  std::optional<model::Offset> known;
  Result<model::Offset> end = model::Offset(100);
  int asked = 0;
  std::set<std::int32_t> leaderless;  // partitions: answered at once

 private:
  void answer(Result<model::Offset> what, Done<model::Offset> done) {
    executor_.post([what = std::move(what), done = std::move(done)]() mutable { done(std::move(what)); });
  }
  runtime::Executor& executor_;
};

class CoordinatorTest : public testing::Test {
 protected:
  void SetUp() override {
    // Frames as the daemon allows them: a batch of many groups is one.
    shard_.config_.journal.file_bytes = 8U << 20;
    shard_.config_.journal.frame_bytes_max = 2U << 20;
    set_topics({{"a", 4}, {"b", 2}});
    start();
  }
  void TearDown() override { coordinator_.reset(); }
  void set_topics(const std::map<std::string, std::uint32_t>& topics) {
    image_.topics.clear();
    for (const auto& [name, partitions] : topics) {
      auto topic = std::make_shared<cluster::Topic>();
      topic->id.bytes[0] = static_cast<std::uint8_t>(name[0]);
      topic->id.bytes[1] = static_cast<std::uint8_t>(name.size());
      topic->name = name;
      topic->partitions.resize(partitions);
      image_.topics[name] = topic;
    }
    image_.applied = image_.applied.plus(1);
    if (topics_.set(image_) && coordinator_) coordinator_->topics_changed();
  }
  void start() {
    ASSERT_TRUE(shard_.start());
    store_ = *kv::open_memory_store(store_disk_);
    partition::PartitionConfig config;
    config.holds_state = true;
    places_ = std::make_unique<Ends>(shard_.machine_.executor());
    partition::Partition& log = shard_.open(partition::topic_partition(200), config);
    coordinator_ = std::make_unique<Coordinator>(CoordinatorParts{.log = &log,
                                                                  .store = store_.get(),
                                                                  .executor = &shard_.machine_.executor(),
                                                                  .pool = &shard_.machine_.pool(),
                                                                  .clock = &shard_.machine_.wall_clock(),
                                                                  .rng = &shard_.machine_.rng(),
                                                                  .topics = &topics_,
                                                                  .places = places_.get()},
                                                 machine::HostConfig{});
    coordinator_->start();
    ASSERT_TRUE(run_until([&] { return coordinator_->coordinates(); }));
  }
  void power_cut() {
    coordinator_.reset();
    store_.reset();
    shard_.power_cut();
    store_disk_->crash();
    start();
  }
  template <typename Predicate>
  bool run_until(Predicate predicate, runtime::Duration limit = std::chrono::minutes(5)) {
    return shard_.machine_.scheduler().run_until(predicate, {.steps_max = 2'000'000, .duration_max = limit});
  }
  template <typename T, typename Ask>
  Result<T> call(Ask ask) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    ask([result](Result<T> value) { *result = std::move(value); });
    EXPECT_TRUE(run_until([&] { return result->has_value(); }));
    return result->has_value() ? std::move(**result) : Error{ErrorCode::kInternal, "no answer"};
  }
  struct Client {
    std::shared_ptr<Stream> stream = std::make_shared<Stream>();
    Joined joined;
    [[nodiscard]] MemberRef ref() const { return {joined.id, joined.epoch}; }
  };
  Client join(const std::vector<std::string>& topics, const std::string& pattern = {},
              const std::string& group = "g") {
    Client client;
    JoinInput input;
    input.subscription = {topics, pattern};
    const auto joined = call<Joined>(
        [&](auto done) { coordinator_->join(group, input, {}, client.stream, std::move(done)); });
    EXPECT_TRUE(joined) << joined.error().to_string();
    if (joined) client.joined = *joined;
    EXPECT_TRUE(run_until([&] { return !client.stream->notices.empty(); }));
    return client;
  }
  // Confirms whatever it is told to give up until nobody is told anything any more.
  void settle(std::vector<Client*> clients) {
    std::map<Client*, std::size_t> confirmed;
    EXPECT_TRUE(run_until([&] {
      for (Client* one : clients) {
        const auto& notices = one->stream->notices;
        if (notices.size() == confirmed[one]) continue;
        confirmed[one] = notices.size();
        if (notices.back().give_up.empty()) continue;
        coordinator_->confirm("g", one->ref(), notices.back().number, [](const Result<std::monostate>& done) {
          EXPECT_TRUE(done) << done.error().to_string();
        });
      }
      return group::state_of(*coordinator_->look().find("g")) == GroupState::kStable;
    }));
    shard_.machine_.scheduler().run_for(milliseconds(50));
  }
  Result<EntryResults> commit(const std::optional<MemberRef>& member, std::int64_t offset,
                              const std::string& topic = "a", std::int32_t partition = 0) {
    return call<EntryResults>([&](auto done) {
      coordinator_->commit("g", member,
                           {{{topic, model::PartitionIndex(partition)}, model::Offset(offset), "m"}},
                           std::move(done));
    });
  }
  // Nothing: none.
  [[nodiscard]] std::optional<std::int64_t> committed(const std::string& topic = "a",
                                                      std::int32_t partition = 0) {
    const Group* group = coordinator_->look().find("g");
    if (group == nullptr) return std::nullopt;
    model::TopicPartition id{image_.topics.at(topic)->id, model::PartitionIndex(partition)};
    const auto at = group->positions.find(id);
    if (at == group->positions.end() || !at->second.committed) return std::nullopt;
    return at->second.committed->value();
  }
  void heartbeats(const Client& client, runtime::Duration time) {
    for (runtime::Duration passed{}; passed < time; passed += seconds(1)) {
      shard_.machine_.scheduler().run_for(seconds(1));
      EXPECT_TRUE(call<std::monostate>(
          [&](auto done) { coordinator_->heartbeat("g", client.ref(), std::move(done)); }));
    }
  }

  partition::ShardHarness shard_;
  std::shared_ptr<kv::MemoryDisk> store_disk_ = std::make_shared<kv::MemoryDisk>();
  std::unique_ptr<kv::KeyValueStore> store_;
  cluster::ClusterImage image_;
  TopicsView topics_;
  std::unique_ptr<Ends> places_;
  std::unique_ptr<Coordinator> coordinator_;
};

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

// What is refused at once, inside the question, must not send the rest off before it has been looked at.
TEST_F(CoordinatorTest, APartitionThatNobodyLeadsDoesNotSpoilTheCommitOfOthers) {
  Client one = join({"a"});
  settle({&one});
  places_->leaderless = {0, 2};
  std::vector<NamedOffset> offsets;
  for (const std::int32_t partition : {0, 1, 2, 3})
    offsets.push_back({{"a", model::PartitionIndex(partition)}, model::Offset(40), ""});
  const auto done = call<EntryResults>(
      [&](auto answer) { coordinator_->commit("g", one.ref(), offsets, std::move(answer)); });
  ASSERT_TRUE(done);
  ASSERT_EQ(done->size(), 4U);
  for (const std::size_t i : {0U, 2U}) EXPECT_EQ((*done)[i].error().code, ErrorCode::kNotYet) << i;
  for (const std::size_t i : {1U, 3U}) EXPECT_TRUE((*done)[i]) << (*done)[i].error().to_string();
  EXPECT_EQ(committed("a", 1), 40);
  EXPECT_EQ(committed("a", 0), std::nullopt);
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

}  // namespace
}  // namespace forebay::group
