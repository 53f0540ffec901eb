// A member over its stream: from the messages of the API to the broker's coordinator and back.
#include "groups_fixture.h"

namespace forebay::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

class GroupMembers : public GroupsTest {};

TEST_F(GroupMembers, JoinTellsWhoItIsAndWhatItOwns) {
  auto request = join_request();
  request.mutable_join()->set_client_id("me");
  const auto member = join(request);
  EXPECT_NE(member->joined.member_id(), "");
  EXPECT_EQ(member->joined.member_epoch(), 1U);
  EXPECT_EQ(member->joined.session_timeout_ms(), 10'000U);
  EXPECT_EQ(member->joined.start().point(), v1::START_EARLIEST);
  EXPECT_EQ(member->joined.assignor(), "uniform-sticky");
  const v1::Assignment assignment = member->owning(4);
  EXPECT_EQ(assignment.owned(0).topic(), "events");
  EXPECT_EQ(assignment.owned(0).topic_id().size(), 16U);
  EXPECT_FALSE(assignment.owned(0).has_committed());
  const auto described = describe();
  ASSERT_EQ(described.members_size(), 1);
  EXPECT_EQ(described.members(0).client_id(), "me");
  EXPECT_TRUE(described.members(0).connected());
}

TEST_F(GroupMembers, CommitIsAnsweredPartitionByPartition) {
  const auto one = join();
  one->owning(4);
  const auto two = join();
  one->confirm(one->owning(2));
  const v1::Assignment theirs = two->owning(2);
  const std::int32_t foreign = theirs.owned(0).partition();
  std::int32_t mine = 0;
  while (theirs.owned(0).partition() == mine || theirs.owned(1).partition() == mine) ++mine;
  const auto ack = one->commit({offset_of("events", mine, 7), offset_of("events", foreign, 7)});
  ASSERT_EQ(ack.partitions_size(), 2);
  EXPECT_FALSE(ack.partitions(0).has_error());
  EXPECT_EQ(ack.partitions(1).error().reason(), v1::NOT_OWNER);
  EXPECT_EQ(ack.partitions(1).error().partition(), foreign);
  EXPECT_EQ(one->commit({offset_of("events", mine, 101)}).partitions(0).error().reason(),
            v1::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(one->commit({offset_of("events", mine, 6)}).partitions(0).error().reason(),
            v1::OFFSET_MOVED_BACK);
}

TEST_F(GroupMembers, HeartbeatIsAnsweredByItsNumber) {
  const auto member = join();
  v1::MemberRequest request;
  request.mutable_heartbeat()->set_number(42);
  ASSERT_TRUE(member->say(request));
  const auto answer = member->hear_until([](const auto& update) { return update.has_heartbeat(); });
  EXPECT_EQ(answer.heartbeat().number(), 42U);
}

TEST_F(GroupMembers, ReleaseTellsWhatStays) {
  const auto member = join();
  member->owning(4);
  v1::MemberRequest request;
  auto* partitions = request.mutable_release()->add_partitions();
  partitions->set_topic("events");
  partitions->add_partitions(2);
  ASSERT_TRUE(member->say(request));
  const auto answer = member->hear_until([](const auto& update) { return update.has_released(); });
  EXPECT_EQ(answer.released().moving_size(), 0);
  ASSERT_EQ(answer.released().staying_size(), 1);
  EXPECT_EQ(answer.released().staying(0).partitions(0), 2);
  // What it does not own: nothing of it, and the stream goes on.
  partitions->set_topic("nothing");
  ASSERT_TRUE(member->say(request));
  const auto second = member->hear_until([](const auto& update) { return update.has_released(); });
  EXPECT_EQ(second.released().staying_size(), 0);
}

TEST_F(GroupMembers, AnotherSubscriptionIsAnotherAssignment) {
  groups_broker_.make_group_topic("clicks", 1);
  const auto member = join();
  member->owning(4);
  v1::MemberRequest request;
  request.mutable_subscribe()->set_pattern("cl.*");
  ASSERT_TRUE(member->say(request));
  const auto both = member->hear_until(
      [](const auto& update) { return update.has_assignment() && update.assignment().give_up_size() > 0; });
  EXPECT_EQ(both.assignment().owned(0).topic(), "clicks");
  request.mutable_subscribe()->set_pattern("(");
  ASSERT_TRUE(member->say(request));
  EXPECT_EQ(member->end().reason(), v1::INVALID_ARGUMENT);
}

TEST_F(GroupMembers, WhoLeavesHandsOverAtOnce) {
  const auto one = join();
  one->owning(4);
  const auto two = join();
  one->confirm(one->owning(2));
  two->owning(2);
  v1::MemberRequest request;
  request.mutable_leave();
  ASSERT_TRUE(one->say(request));
  EXPECT_TRUE(one->finish().ok());
  two->owning(4);
  EXPECT_EQ(groups_broker_.attached("g"), 1U);
}

TEST_F(GroupMembers, CancelledStreamKeepsItsPlaceForASession) {
  auto one = join();
  one->owning(4);
  one->cancel();
  EXPECT_TRUE(eventually([&] { return groups_broker_.attached("g") == 0; }));
  ASSERT_EQ(describe().members_size(), 1);
  EXPECT_FALSE(describe().members(0).connected());
  auto request = join_request();
  request.mutable_join()->set_member_id(one->joined.member_id());
  request.mutable_join()->set_member_epoch(one->joined.member_epoch());
  auto again = join(request);
  EXPECT_EQ(again->joined.member_id(), one->joined.member_id());
  EXPECT_EQ(again->joined.member_epoch(), 2U);
  again->owning(4);
  again->cancel();
  EXPECT_TRUE(eventually([&] { return groups_broker_.attached("g") == 0; }));
  groups_broker_.advance_groups(milliseconds(11'000));
  EXPECT_EQ(describe().members_size(), 0);
  EXPECT_EQ(say_first(request)->end().reason(), v1::UNKNOWN_MEMBER);
}

TEST_F(GroupMembers, HalfClosedStreamIsNoMember) {
  const auto member = join();
  member->half_close();
  EXPECT_TRUE(eventually([&] { return groups_broker_.attached("g") == 0; }));
  (void)member->finish();
  EXPECT_EQ(describe().members_size(), 1) << "it may come back";
}

TEST_F(GroupMembers, StaticMemberIsFencedByTheNextInstance) {
  auto request = join_request();
  request.mutable_join()->set_instance_id("i1");
  const auto one = join(request);
  one->owning(4);
  const auto two = join(request);
  two->owning(4);
  const v1::ErrorDetail why = one->end();
  EXPECT_EQ(why.reason(), v1::MEMBER_FENCED);
  EXPECT_THAT(why.message(), HasSubstr("'i1'"));
  // What the former one still says beside its stream is refused.
  v1::CommitOffsetsRequest commit_request;
  commit_request.set_group("g");
  commit_request.set_member_id(one->joined.member_id());
  commit_request.set_member_epoch(one->joined.member_epoch());
  *commit_request.add_offsets() = offset_of("events", 0, 1);
  v1::CommitOffsetsResponse response;
  EXPECT_EQ(detail_of(commit(commit_request, &response)).reason(), v1::MEMBER_FENCED);
}

TEST_F(GroupMembers, AnotherStartRuleIsRefused) {
  ASSERT_TRUE(create("g", v1::START_EARLIEST).ok());
  auto request = join_request();
  request.mutable_join()->mutable_start()->set_point(v1::START_LATEST);
  const v1::ErrorDetail why = say_first(request)->end();
  EXPECT_EQ(why.reason(), v1::START_RULE_CONFLICT);
  EXPECT_THAT(why.message(), HasSubstr("earliest"));
  EXPECT_EQ(describe().members_size(), 0);
}

TEST_F(GroupMembers, LatestIsFoundBeforeItIsToldWhatItOwns) {
  auto request = join_request();
  request.mutable_join()->mutable_start()->set_point(v1::START_LATEST);
  const auto assignment = join(request)->owning(4);
  EXPECT_EQ(assignment.owned(3).committed(), 100);
}

TEST_F(GroupMembers, AnotherNodeThatCoordinatesIsNamed) {
  groups_broker_.coordinate_elsewhere("there:7400");
  const v1::ErrorDetail why = say_first(join_request())->end();
  EXPECT_EQ(why.reason(), v1::NOT_LEADER);
  EXPECT_EQ(why.leader(), "there:7400");
}

TEST_F(GroupMembers, StreamThatLosesItsCoordinatorSaysWhereItIs) {
  const auto member = join();
  member->owning(4);
  groups_broker_.coordinate_elsewhere("there:7400");
  v1::MemberRequest request;
  request.mutable_heartbeat()->set_number(1);
  ASSERT_TRUE(member->say(request));
  EXPECT_EQ(member->end().leader(), "there:7400");
}

TEST_F(GroupMembers, ServerThatStopsEndsItsStreams) {
  const auto member = join();
  member->owning(4);
  std::thread stop([this] { server_->shutdown(std::chrono::seconds(10)); });
  EXPECT_EQ(member->end().reason(), v1::SHUTTING_DOWN);
  stop.join();
}

// What a member may not say, and how the stream ends.
struct Wrong {
  const char* name;
  std::function<void(v1::MemberRequest&)> change;  // of a join
  v1::ErrorReason reason;
  const char* text;
};
class WrongJoin : public GroupsTest, public testing::WithParamInterface<Wrong> {};

TEST_P(WrongJoin, EndsTheStreamWithTheReason) {
  auto request = join_request();
  GetParam().change(request);
  const v1::ErrorDetail why = say_first(request)->end();
  EXPECT_EQ(why.reason(), GetParam().reason) << why.message();
  EXPECT_THAT(why.message(), HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    All, WrongJoin,
    testing::Values(
        Wrong{"NoJoin", [](auto& r) { r.mutable_heartbeat(); }, v1::INVALID_ARGUMENT, "`join`"},
        Wrong{"Nothing", [](auto& r) { r.Clear(); }, v1::INVALID_ARGUMENT, "`join`"},
        Wrong{"NoGroup", [](auto& r) { r.mutable_join()->clear_group(); }, v1::INVALID_ARGUMENT, "its group"},
        Wrong{"BadGroup", [](auto& r) { r.mutable_join()->set_group("a b"); }, v1::INVALID_ARGUMENT, "a b"},
        Wrong{"NoTopics", [](auto& r) { r.mutable_join()->clear_subscription(); }, v1::INVALID_ARGUMENT,
              "subscription is empty"},
        Wrong{"BadPattern", [](auto& r) { r.mutable_join()->mutable_subscription()->set_pattern("["); },
              v1::INVALID_ARGUMENT, "regular expression"},
        Wrong{"InternalTopic",
              [](auto& r) { r.mutable_join()->mutable_subscription()->add_topics("__groups"); },
              v1::INVALID_ARGUMENT, "internal"},
        Wrong{"BadAssignor", [](auto& r) { r.mutable_join()->set_assignor("best"); }, v1::INVALID_ARGUMENT,
              "best"},
        Wrong{"BadStart",
              [](auto& r) { r.mutable_join()->mutable_start()->set_point(static_cast<v1::StartPoint>(9)); },
              v1::INVALID_ARGUMENT, "start rule 9"},
        Wrong{"ShortSession", [](auto& r) { r.mutable_join()->set_session_timeout_ms(10); },
              v1::INVALID_ARGUMENT, "session timeout"},
        Wrong{"ShortRevoke", [](auto& r) { r.mutable_join()->set_revoke_timeout_ms(5'000); },
              v1::INVALID_ARGUMENT, "shorter than the session"},
        Wrong{"UnknownMember",
              [](auto& r) {
                r.mutable_join()->set_member_id("who");
                r.mutable_join()->set_member_epoch(1);
              },
              v1::UNKNOWN_MEMBER, "'who'"}),
    [](const auto& test) { return test.param.name; });

TEST_F(GroupMembers, SecondJoinEndsTheStream) {
  const auto member = join();
  ASSERT_TRUE(member->say(join_request()));
  EXPECT_EQ(member->end().reason(), v1::INVALID_ARGUMENT);
}

TEST_F(GroupMembers, CommitOfNothingEndsTheStream) {
  const auto member = join();
  v1::MemberRequest request;
  request.mutable_commit();
  ASSERT_TRUE(member->say(request));
  EXPECT_EQ(member->end().reason(), v1::INVALID_ARGUMENT);
  EXPECT_TRUE(eventually([&] { return groups_broker_.attached("g") == 0; }));
}

TEST_F(GroupMembers, AssignmentThatWasNeverGivenCannotBeConfirmed) {
  const auto member = join();
  auto assignment = member->owning(4);
  assignment.set_number(assignment.number() + 1);
  member->confirm(assignment);
  EXPECT_EQ(member->end().reason(), v1::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace forebay::test
