// `forebay group`, against the broker's own coordinator.
#include <atomic>
#include <future>
#include <limits>
#include <thread>

#include "forebay/admin.h"
#include "forebay/group_consumer.h"
#include "groups_broker.h"
#include "model/batch_builder.h"
#include "verbs_fixture.h"

namespace forebay::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// Partition 1 does not say where it ends, as often as the test says.
class TroubledBroker final : public test::GroupsBroker {
 public:
  void list_offsets(broker::ListOffsetsRequest request,
                    broker::Done<std::vector<broker::PartitionOffset>> done) override {
    const auto change = [this](std::vector<broker::PartitionOffset>& offsets) {
      for (broker::PartitionOffset& one : offsets) {
        if (one.partition.value() != 1) continue;
        if (failures > 0) one.error = Error{ErrorCode::kNotYet, "nobody leads it"};
        one.end_lost = end_lost;
      }
      if (failures > 0) --failures;
    };
    GroupsBroker::list_offsets(
        std::move(request),
        [change, done = std::move(done)](Result<std::vector<broker::PartitionOffset>> found) mutable {
          if (found) change(*found);
          done(std::move(found));
        });
  }
  void with_coordinator(std::string group, GroupsTopic topic, UseCoordinator use) override {
    ++coordinator_uses;
    GroupsBroker::with_coordinator(std::move(group), topic, std::move(use));
  }
  std::atomic<int> failures = 0;
  std::atomic<int> coordinator_uses = 0;
  std::atomic<bool> end_lost = false;
};

// A topic "events" of two partitions, each with 100 records.
class GroupVerbsTest : public VerbsTest {
 protected:
  [[nodiscard]] broker::Broker& broker() override { return groups_; }
  void SetUp() override {
    VerbsTest::SetUp();
    groups_.make_group_topic("events", 2);
    client_.servers = {"127.0.0.1:" + std::to_string(server_->port())};
    auto admin = Admin::create(client_);
    ASSERT_TRUE(admin) << admin.error().to_string();
    admin_ = std::move(*admin);
    // Each in a batch of its own: this broker looks for times among batches.
    for (int i = 0; i < 200; ++i) store(i % 2, i / 2);
  }
  void store(std::int32_t partition, int number) {
    model::BatchBuilder builder;
    ASSERT_TRUE(builder.append(model::NewRecord{
        .key = {}, .value = as_bytes("v"), .headers = {}, .timestamp = model::Timestamp(1'000 + number)}));
    std::promise<bool> stored;
    groups_.produce({.topic = "events",
                     .partition = model::PartitionIndex(partition),
                     .batch = std::string(as_text(*builder.build(model::Codec::kNone)))},
                    [&](const Result<broker::ProduceAck>& ack) { stored.set_value(ack.has_value()); });
    ASSERT_TRUE(stored.get_future().get());
  }
  void commit(const std::string& group, std::int32_t partition, std::int64_t offset) {
    const auto moved = admin_->reset_offsets(group, {{{"events", partition}, offset}});
    ASSERT_TRUE(moved && !moved->at(0).error);
  }
  std::unique_ptr<GroupConsumer> member(const std::string& group) {
    GroupOptions options;
    options.group = group;
    options.topics = {"events"};
    auto consumer = GroupConsumer::create(client_, options);
    EXPECT_TRUE(consumer);
    while (consumer && (*consumer)->assignment().size() < 2) {
      if (!(*consumer)->poll(std::chrono::milliseconds(10))) ADD_FAILURE();
    }
    return std::move(*consumer);
  }
  std::map<std::int32_t, std::int64_t> committed(const std::string& group) {
    std::map<std::int32_t, std::int64_t> all;
    const auto found = admin_->describe_group(group);
    EXPECT_TRUE(found);
    for (const GroupOffset& one : found->offsets) all[one.partition.partition] = one.offset.value_or(-1);
    return all;
  }
  json reset(std::vector<std::string> words, ExitCode code = ExitCode::kOk) {
    words.insert(words.begin(), {"group", "reset", "g"});
    words.insert(words.end(), {"-o", "json"});
    const Ran ran = run(std::move(words));
    EXPECT_EQ(ran.code, code) << ran.errors;
    return ran.parsed();
  }

  TroubledBroker groups_;
  ClientOptions client_;
  std::unique_ptr<Admin> admin_;
};

TEST_F(GroupVerbsTest, CreateSaysWhetherItWasThere) {
  EXPECT_EQ(run({"group", "create", "g", "--offsets", "end", "-o", "json"}).parsed(),
            json::parse(R"({"group": "g", "status": "created", "start": "latest"})"));
  EXPECT_EQ(run({"group", "create", "g", "--offsets", "end", "-o", "json"}).parsed()["status"], "exists");
  const Ran other = run({"group", "create", "g", "--offsets", "start"});
  EXPECT_EQ(other.code, ExitCode::kConflict) << other.errors;
  EXPECT_THAT(other.errors, HasSubstr("'latest'"));
  expect_refused(run({"group", "create", "h", "--offsets", "soon"}), ExitCode::kUsage, "start, end or @TIME");
  EXPECT_EQ(run({"group", "create", "g", "-o", "json"}).parsed(),
            json::parse(R"({"group": "g", "status": "exists", "start": "latest"})"));
  EXPECT_THAT(run({"group", "create", "g"}).errors, HasSubstr("start rule latest"));
  EXPECT_EQ(run({"group", "create", "h", "-o", "json"}).parsed()["start"], "earliest");
}

TEST_F(GroupVerbsTest, TimeCountedFromNowTakesTheTimeThatTheGroupHas) {
  const json made = run({"group", "create", "g", "--offsets", "@1h", "-o", "json"}).parsed();
  ASSERT_EQ(made["status"], "created");
  const Ran again = run({"group", "create", "g", "--offsets", "@2h", "-o", "json"});
  EXPECT_EQ(again.parsed(), (json{{"group", "g"}, {"status", "exists"}, {"start", made["start"]}}));
  EXPECT_THAT(again.errors, HasSubstr("as when it was made"));
  const Ran consumed = run({"consume", "events", "--group", "g", "--offsets", "@3h", "--until-end"});
  EXPECT_EQ(consumed.code, ExitCode::kOk) << consumed.errors;
  EXPECT_THAT(consumed.errors, HasSubstr("as when it was made"));
  EXPECT_EQ(run({"group", "create", "g", "--offsets", "@1000"}).code, ExitCode::kConflict);
  ASSERT_EQ(run({"group", "create", "h"}).code, ExitCode::kOk);
  EXPECT_EQ(run({"group", "create", "h", "--offsets", "@1h"}).code, ExitCode::kConflict);
}

TEST_F(GroupVerbsTest, ListShowsEachWithItsState) {
  EXPECT_EQ(run({"group", "list", "-o", "json"}).parsed(), json::array());
  ASSERT_EQ(run({"group", "create", "g", "--offsets", "@1000"}).code, ExitCode::kOk);
  EXPECT_EQ(run({"group", "list", "-o", "json"}).parsed(),
            json::parse(R"([{"group": "g", "state": "empty", "members": 0,
                             "start": "@1970-01-01T00:00:01.000Z"}])"));
}

// The keys, the types, and what may be null are a contract.
TEST_F(GroupVerbsTest, LagHasTheKeysThatTheMachinesReadIt) {
  ASSERT_EQ(run({"group", "create", "g"}).code, ExitCode::kOk);
  commit("g", 1, 40);
  const json empty = run({"group", "lag", "g", "-o", "json"}).parsed();
  const json want = json::parse(R"({"group": "g", "state": "empty", "partitions": [
      {"topic": "events", "partition": 0, "committed": null, "end": 100, "lag_records": 100,
       "lag_bytes": 1000, "lag_seconds": 0.1, "member": null},
      {"topic": "events", "partition": 1, "committed": 40, "end": 100, "lag_records": 60, "lag_bytes": 600,
       "lag_seconds": 0.06, "member": null}], "catch_up_seconds": null})");
  EXPECT_EQ(empty, want) << empty;
  const auto consumer = member("g");
  const json owned = run({"group", "lag", "g", "-o", "json"}).parsed();
  EXPECT_EQ(owned["state"], "stable");
  EXPECT_EQ(owned["partitions"][0]["member"], consumer->status().member_id);
  EXPECT_TRUE(owned["partitions"][0]["committed"].is_null());
}

TEST_F(GroupVerbsTest, LagSaysHowLongCatchingUpTakes) {
  const auto consumer = member("g");
  const Ran first = run({"group", "lag", "g"});
  EXPECT_THAT(first.errors, Not(HasSubstr("at the present pace"))) << "it was looked at once";
  // Half of each partition in 6 s.
  while (*consumer->position({"events", 0}) < 50 || *consumer->position({"events", 1}) < 50)
    ASSERT_TRUE(consumer->poll(std::chrono::milliseconds(10)));
  for (const std::int32_t partition : {0, 1})
    ASSERT_TRUE(consumer->mark_done_through({"events", partition}, 49));
  ASSERT_TRUE(consumer->commit_now(std::chrono::seconds(30)));
  groups_.advance_groups(std::chrono::seconds(6));
  const json lag = run({"group", "lag", "g", "-o", "json"}).parsed();
  EXPECT_EQ(lag["partitions"][0]["lag_records"], 50) << lag;
  ASSERT_TRUE(lag["catch_up_seconds"].is_number()) << lag;
  EXPECT_NEAR(lag["catch_up_seconds"].get<double>(), 6, 1);
  EXPECT_THAT(run({"group", "lag", "g"}).errors,
              HasSubstr("at the present pace the group has read all in about "));
}

TEST_F(GroupVerbsTest, LagOfNoGroupIsNotFound) {
  expect_refused(run({"group", "lag", "g", "-o", "json"}), ExitCode::kNotFound, "'g'");
}

TEST_F(GroupVerbsTest, MembersAndDescribeShowWhoHasWhat) {
  const auto consumer = member("g");
  const json members = run({"group", "members", "g", "-o", "json"}).parsed();
  ASSERT_EQ(members.size(), 1U);
  EXPECT_EQ(members[0]["id"], consumer->status().member_id);
  EXPECT_EQ(members[0]["owned"], json::parse(R"(["events/0", "events/1"])"));
  EXPECT_EQ(members[0]["topics"], json::parse(R"(["events"])"));
  EXPECT_TRUE(members[0]["instance"].is_null());
  EXPECT_TRUE(members[0]["pattern"].is_null());
  const json described = run({"group", "describe", "g", "-o", "json"}).parsed();
  EXPECT_EQ(described["assignor"], "uniform-sticky");
  EXPECT_EQ(described["member_list"], members);
  EXPECT_EQ(described["unowned"], json::array());
}

TEST_F(GroupVerbsTest, DescribeSaysWhereAGroupStandsStillAndWhy) {
  ASSERT_EQ(run({"group", "create", "g"}).code, ExitCode::kOk);
  commit("g", 0, 100);
  EXPECT_EQ(run({"group", "describe", "g", "-o", "json"}).parsed()["stalled"], json::array());
  groups_.advance_groups(std::chrono::seconds(60));
  const json stalled = run({"group", "describe", "g", "-o", "json"}).parsed()["stalled"];
  ASSERT_EQ(stalled.size(), 1U) << stalled;
  EXPECT_EQ(stalled[0]["topic"], "events");
  EXPECT_EQ(stalled[0]["partition"], 1);
  EXPECT_EQ(stalled[0]["cause"], "no members");
  EXPECT_GE(stalled[0]["seconds"], 30);
  const Ran text = run({"group", "describe", "g"});
  EXPECT_THAT(text.out, HasSubstr("no members"));
}

// --- consume
TEST_F(GroupVerbsTest, ConsumeUntilEndAsksAgainForEndsThatAreNotKnown) {
  groups_.failures = 2;
  const Ran ran = run({"consume", "events", "--group", "g", "--until-end"});
  EXPECT_EQ(ran.code, ExitCode::kOk) << ran.errors;
  EXPECT_EQ(ran.out.size(), 400U);
}

TEST_F(GroupVerbsTest, ConsumeUntilEndOfAnEndThatNobodyTellsFails) {
  groups_.failures = std::numeric_limits<int>::max();
  expect_refused(run({"consume", "events", "--group", "g", "--until-end", "--timeout", "300ms"}),
                 ExitCode::kUnavailable, "nobody leads it");
}

TEST_F(GroupVerbsTest, ConsumeUntilEndTellsOfAnEndThatIsLost) {
  groups_.end_lost = true;
  const Ran ran = run({"consume", "events", "--group", "g", "--until-end"});
  EXPECT_EQ(ran.code, ExitCode::kFailure) << ran.errors;
  EXPECT_EQ(ran.out.size(), 400U);
  EXPECT_THAT(ran.errors, HasSubstr("partition 1: what was acknowledged from offset 100 on is lost"));
}

TEST_F(GroupVerbsTest, ConsumeUntilEndReadsPastDamageAndTellsOfIt) {
  groups_.corrupt("events", 1, 0);
  const Ran ran = run({"consume", "events", "--group", "g", "--until-end", "-o", "%p"});
  EXPECT_EQ(ran.code, ExitCode::kFailure) << ran.errors;
  EXPECT_EQ(ran.out, std::string(100, '0'));
  EXPECT_THAT(ran.errors, HasSubstr("CORRUPT_BATCH"));
}

TEST_F(GroupVerbsTest, ConsumeFailsWhenAPartitionCannotBeReadForTheTimeout) {
  groups_.lead_elsewhere(1, "127.0.0.1:1", test::MemoryBroker::Known::kByRefusal);
  const Ran ran = run({"consume", "events", "--group", "g", "--timeout", "500ms", "-o", "%p"});
  EXPECT_EQ(ran.code, ExitCode::kUnavailable) << ran.errors;
  EXPECT_EQ(ran.out, std::string(100, '0'));
}

// Where a group begins by time is found partition by partition.
TEST_F(GroupVerbsTest, ConsumeUntilEndWaitsForPartitionsWhoseStartIsNotKnownYet) {
  groups_.hold_starts();
  auto ran = std::async(std::launch::async, [this] {
    return run({"consume", "events", "--group", "g", "--until-end", "--offsets", "@1", "-o", "%v"});
  });
  // Asking the groups' shard lets its time go on: not before the member is there.
  const auto is_over = [&ran] { return ran.wait_for(std::chrono::seconds(0)) == std::future_status::ready; };
  while (groups_.coordinator_uses < 1 && !is_over()) std::this_thread::yield();
  while (groups_.held_starts() < 2 && !is_over()) std::this_thread::yield();
  const int uses = groups_.coordinator_uses;
  groups_.release_one_start();
  // It asks whether that is all when it has read that one. Some questions may have been asked before it came.
  while (groups_.coordinator_uses < uses + 3 && !is_over()) std::this_thread::yield();
  groups_.release_one_start();
  const Ran result = ran.get();
  EXPECT_EQ(result.code, ExitCode::kOk) << result.errors;
  EXPECT_EQ(result.out.size(), 200U);
}

// --- reset
TEST_F(GroupVerbsTest, ResetGoesWhereItIsTold) {
  struct Case {
    std::vector<std::string> where;
    std::int64_t first, second;
  };
  for (const Case& one :
       {Case{{"--to", "start"}, 0, 0}, Case{{"--to", "end"}, 100, 100}, Case{{"--to", "70"}, 70, 70},
        Case{{"--by", "-20"}, 20, 0}, Case{{"--by", "70"}, 100, 80}, Case{{"--to-time", "@1030"}, 30, 30},
        Case{{"--to-time", "@9999"}, 100, 100}, Case{{"--to", "@1030"}, 30, 30}}) {
    SCOPED_TRACE(one.where[0] + " " + one.where[1]);
    ASSERT_TRUE(admin_->create_group("g", {}));
    commit("g", 0, 40);
    commit("g", 1, 10);
    auto words = one.where;
    words.emplace_back("--yes");
    const json moved = reset(words);
    ASSERT_EQ(moved.size(), 2U);
    EXPECT_EQ(moved[0], (json{{"topic", "events"},
                              {"partition", 0},
                              {"before", 40},
                              {"after", one.first},
                              {"status", "reset"},
                              {"error", nullptr}}));
    EXPECT_EQ(committed("g"), (std::map<std::int32_t, std::int64_t>{{0, one.first}, {1, one.second}}));
    ASSERT_TRUE(admin_->delete_group("g"));
  }
}

TEST_F(GroupVerbsTest, ResetDryRunChangesNothingAndNeedsNoYes) {
  ASSERT_TRUE(admin_->create_group("g", {}));
  commit("g", 0, 40);
  const json tried = reset({"--to", "start", "--dry-run"});
  EXPECT_EQ(tried[0]["status"], "would reset");
  EXPECT_EQ(tried[0]["after"], 0);
  EXPECT_EQ(committed("g")[0], 40);
  expect_refused(run({"group", "reset", "g", "--to", "start"}), ExitCode::kUsage, "--yes");
}

TEST_F(GroupVerbsTest, ResetOfATopicThatNothingIsCommittedOf) {
  ASSERT_TRUE(admin_->create_group("g", {}));
  reset({"--to", "start", "--yes"}, ExitCode::kConflict);
  const json moved = reset({"--topic", "events", "-p", "1", "--to", "30", "--yes"});
  ASSERT_EQ(moved.size(), 1U);
  EXPECT_TRUE(moved[0]["before"].is_null());
  EXPECT_EQ(committed("g"), (std::map<std::int32_t, std::int64_t>{{1, 30}}));
}

TEST_F(GroupVerbsTest, ResetOfWhatAMemberOwnsIsRefusedAsAWhole) {
  const auto consumer = member("g");
  const json moved = reset({"--topic", "events", "--to", "30", "--yes"}, ExitCode::kConflict);
  ASSERT_EQ(moved.size(), 2U);
  EXPECT_EQ(moved[0]["status"], "failed");
  EXPECT_THAT(moved[0]["error"].get<std::string>(), HasSubstr("stop it first"));
  EXPECT_TRUE(committed("g").empty());
}

TEST_F(GroupVerbsTest, ResetThatDoesNotSayWhereIsUsage) {
  for (const std::vector<std::string>& where :
       std::vector<std::vector<std::string>>{{},
                                             {"--to", "start", "--by", "3"},
                                             {"--to", "soon"},
                                             {"--by", "some"},
                                             {"--to", "5-9"},
                                             {"--to", "start", "-p", "1"}}) {
    auto words = where;
    words.insert(words.begin(), {"group", "reset", "g", "--yes"});
    EXPECT_EQ(run(words).code, ExitCode::kUsage) << testing::PrintToString(where);
  }
}

// --- delete
TEST_F(GroupVerbsTest, DeleteAsksFirstAndTellsOfEach) {
  ASSERT_TRUE(admin_->create_group("g", {}));
  const auto consumer = member("busy");
  expect_refused(run({"group", "delete", "g"}), ExitCode::kUsage, "--yes");
  const Ran tried = run({"group", "delete", "g", "busy", "--dry-run", "-o", "json"});
  EXPECT_EQ(tried.parsed()[0]["status"], "would delete");
  EXPECT_EQ(tried.parsed()[1]["status"], "failed");
  const Ran ran = run({"group", "delete", "g", "busy", "nobody", "--yes", "-o", "json"});
  EXPECT_NE(ran.code, ExitCode::kOk);
  const json results = ran.parsed();
  ASSERT_EQ(results.size(), 3U) << ran.out;
  EXPECT_EQ(results[0], json::parse(R"({"name": "g", "status": "deleted", "error": null})"));
  EXPECT_THAT(results[1]["error"].get<std::string>(), HasSubstr("has 1 member"));
  EXPECT_EQ(results[2]["status"], "failed");
  EXPECT_FALSE(admin_->describe_group("g"));
  EXPECT_TRUE(admin_->describe_group("busy"));
}

// --- consume --group
TEST_F(GroupVerbsTest, ConsumeCommitsWhatItHasWrittenOut) {
  const Ran first = run({"consume", "events", "--group", "g", "--count", "150", "-o", "%v\\n"});
  EXPECT_EQ(first.code, ExitCode::kOk) << first.errors;
  EXPECT_EQ(std::count(first.out.begin(), first.out.end(), '\n'), 150);
  std::int64_t sum = 0;
  for (const auto& [partition, offset] : committed("g")) sum += offset;
  EXPECT_EQ(sum, 150);
  const Ran rest = run({"consume", "events", "--group", "g", "--until-end", "-o", "%v\\n"});
  EXPECT_EQ(rest.code, ExitCode::kOk) << rest.errors;
  EXPECT_EQ(std::count(rest.out.begin(), rest.out.end(), '\n'), 50);
}

TEST_F(GroupVerbsTest, ConsumeWithAnotherStartThanTheGroupHasIsAConflict) {
  ASSERT_TRUE(admin_->create_group("g", {}));
  const Ran ran = run({"consume", "events", "--group", "g", "--offsets", "end", "--count", "1"});
  EXPECT_EQ(ran.code, ExitCode::kConflict) << ran.errors;
  EXPECT_THAT(ran.errors, HasSubstr("earliest"));
  EXPECT_EQ(ran.out, "");
}

TEST_F(GroupVerbsTest, ConsumeOfAGroupIsNotToldWhichPartitions) {
  expect_refused(run({"consume", "events", "--group", "g", "-p", "1"}), ExitCode::kUsage,
                 "the group decides");
}

}  // namespace
}  // namespace forebay::cli
