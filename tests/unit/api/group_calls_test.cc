// The calls of the service Groups beside the members' streams.
#include "groups_fixture.h"

namespace forebay::test {
namespace {

using testing::HasSubstr;

class GroupCalls : public GroupsTest {
 protected:
  v1::CommitOffsetsRequest by_nobody(const std::vector<v1::PartitionCommit>& offsets) {
    v1::CommitOffsetsRequest request;
    request.set_group("g");
    for (const auto& one : offsets) *request.add_offsets() = one;
    return request;
  }
  std::map<std::int32_t, std::int64_t> committed(const std::string& group = "g") {
    v1::FetchOffsetsRequest request;
    request.set_group(group);
    v1::FetchOffsetsResponse response;
    EXPECT_TRUE(ask(&v1::Groups::Stub::FetchOffsets, request, &response).ok());
    std::map<std::int32_t, std::int64_t> offsets;
    for (const auto& one : response.offsets()) offsets[one.partition()] = one.offset();
    return offsets;
  }
  v1::ResetOffsetsResponse reset(const v1::PartitionCommit& offset, bool dry_run = false) {
    v1::ResetOffsetsRequest request;
    request.set_group("g");
    request.set_dry_run(dry_run);
    *request.add_offsets() = offset;
    v1::ResetOffsetsResponse response;
    const grpc::Status status = ask(&v1::Groups::Stub::ResetOffsets, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::ListGroupsResponse list(const std::string& after = {}, std::uint32_t count_max = 0) {
    v1::ListGroupsRequest request;
    request.set_after(after);
    request.set_count_max(count_max);
    v1::ListGroupsResponse response;
    EXPECT_TRUE(ask(&v1::Groups::Stub::ListGroups, request, &response).ok());
    return response;
  }
  static std::string names(const v1::ListGroupsResponse& listed) {
    std::string all;
    for (const auto& one : listed.groups()) all += one.group() + " ";
    return all;
  }
  template <typename Request, typename Response>
  v1::ErrorDetail refusal(grpc::Status (v1::Groups::Stub::*method)(grpc::ClientContext*, const Request&,
                                                                   Response*),
                          const std::string& group) {
    Request request;
    request.set_group(group);
    if constexpr (requires { request.add_offsets(); }) *request.add_offsets() = offset_of("events", 0, 1);
    Response response;
    return detail_of(ask(method, request, &response));
  }
  std::vector<v1::ErrorDetail> refusals(const std::string& group) {
    using Stub = v1::Groups::Stub;
    return {refusal(&Stub::CommitOffsets, group), refusal(&Stub::FetchOffsets, group),
            refusal(&Stub::DescribeGroup, group), refusal(&Stub::GroupLag, group),
            refusal(&Stub::ResetOffsets, group),  refusal(&Stub::DeleteGroup, group)};
  }
};

TEST_F(GroupCalls, GroupThatIsNotThereIsNamed) {
  for (const bool other_is_there : {false, true}) {
    for (const v1::ErrorDetail& why : refusals("nobody")) {
      EXPECT_EQ(why.reason(), v1::UNKNOWN_GROUP);
      EXPECT_THAT(why.message(), HasSubstr("'nobody'"));
    }
    if (!other_is_there) {
      ASSERT_TRUE(create("g").ok());
    }
  }
  EXPECT_EQ(names(list()), "g ");
}

TEST_F(GroupCalls, NameThatNoGroupCanHaveIsRefused) {
  for (const char* name : {"", "a b", "a/b"}) {
    for (const v1::ErrorDetail& why : refusals(name)) EXPECT_EQ(why.reason(), v1::INVALID_ARGUMENT) << name;
    EXPECT_EQ(detail_of(create(name)).reason(), v1::INVALID_ARGUMENT) << name;
  }
}

TEST_F(GroupCalls, CreatingTheSameAgainIsNoErrorAndAnotherRuleIs) {
  bool created = false;
  ASSERT_TRUE(create("g", v1::START_LATEST, &created).ok());
  EXPECT_TRUE(created);
  ASSERT_TRUE(create("g", v1::START_LATEST, &created).ok());
  EXPECT_FALSE(created);
  ASSERT_TRUE(create("g", v1::START_POINT_UNSPECIFIED, &created).ok()) << "whichever it has";
  EXPECT_FALSE(created);
  EXPECT_EQ(detail_of(create("g", v1::START_EARLIEST)).reason(), v1::START_RULE_CONFLICT);
  EXPECT_EQ(describe().summary().start().point(), v1::START_LATEST);
}

TEST_F(GroupCalls, NobodyCommitsWhileThereAreNoMembers) {
  ASSERT_TRUE(create("g").ok());
  v1::CommitOffsetsResponse response;
  ASSERT_TRUE(commit(by_nobody({offset_of("events", 0, 5), offset_of("events", 9, 5), offset_of("no", 0, 5),
                                offset_of("events", 1, 101)}),
                     &response)
                  .ok());
  ASSERT_EQ(response.partitions_size(), 4);
  EXPECT_FALSE(response.partitions(0).has_error());
  EXPECT_EQ(response.partitions(1).error().reason(), v1::UNKNOWN_PARTITION);
  EXPECT_EQ(response.partitions(2).error().reason(), v1::UNKNOWN_TOPIC);
  EXPECT_EQ(response.partitions(3).error().reason(), v1::OFFSET_OUT_OF_RANGE);
  EXPECT_EQ(committed(), (std::map<std::int32_t, std::int64_t>{{0, 5}}));
  const auto member = join();
  EXPECT_EQ(detail_of(commit(by_nobody({offset_of("events", 0, 6)}), &response)).reason(),
            v1::FAILED_PRECONDITION);
}

TEST_F(GroupCalls, MemberCommitsBesideItsStream) {
  const auto member = join();
  member->owning(4);
  auto request = by_nobody({offset_of("events", 3, 9)});
  request.set_member_id(member->joined.member_id());
  request.set_member_epoch(1);
  v1::CommitOffsetsResponse response;
  ASSERT_TRUE(commit(request, &response).ok());
  EXPECT_FALSE(response.partitions(0).has_error());
  EXPECT_EQ(committed()[3], 9);
  request.set_member_epoch(2);
  EXPECT_EQ(detail_of(commit(request, &response)).reason(), v1::MEMBER_FENCED);
}

TEST_F(GroupCalls, FetchOfNamedPartitionsTellsOfAll) {
  ASSERT_TRUE(create("g").ok());
  v1::CommitOffsetsResponse response;
  auto offset = offset_of("events", 0, 5);
  offset.set_metadata("line 5");
  ASSERT_TRUE(commit(by_nobody({offset}), &response).ok());
  v1::FetchOffsetsRequest request;
  request.set_group("g");
  auto* partitions = request.add_partitions();
  partitions->set_topic("events");
  partitions->add_partitions(0);
  partitions->add_partitions(1);
  v1::FetchOffsetsResponse fetched;
  ASSERT_TRUE(ask(&v1::Groups::Stub::FetchOffsets, request, &fetched).ok());
  ASSERT_EQ(fetched.offsets_size(), 2);
  EXPECT_EQ(fetched.offsets(0).metadata(), "line 5");
  EXPECT_FALSE(fetched.offsets(1).has_offset());
}

TEST_F(GroupCalls, ResetMovesBackWhatNobodyOwns) {
  ASSERT_TRUE(create("g").ok());
  v1::CommitOffsetsResponse response;
  ASSERT_TRUE(commit(by_nobody({offset_of("events", 0, 50)}), &response).ok());
  auto tried = reset(offset_of("events", 0, 10), true);
  EXPECT_EQ(tried.offsets(0).before(), 50);
  EXPECT_EQ(tried.offsets(0).after(), 10);
  EXPECT_FALSE(tried.offsets(0).has_error());
  EXPECT_EQ(committed()[0], 50) << "a dry run changes nothing";
  EXPECT_FALSE(reset(offset_of("events", 0, 10)).offsets(0).has_error());
  EXPECT_EQ(committed()[0], 10);
  const auto member = join();
  member->owning(4);
  EXPECT_EQ(reset(offset_of("events", 0, 20)).offsets(0).error().reason(), v1::FAILED_PRECONDITION);
  EXPECT_EQ(committed()[0], 10);
}

TEST_F(GroupCalls, DeletedGroupIsGone) {
  const auto member = join();
  EXPECT_EQ(refusal(&v1::Groups::Stub::DeleteGroup, "g").reason(), v1::FAILED_PRECONDITION);
  v1::MemberRequest leave;
  leave.mutable_leave();
  ASSERT_TRUE(member->say(leave));
  ASSERT_TRUE(member->finish().ok());
  v1::DeleteGroupRequest request;
  request.set_group("g");
  v1::DeleteGroupResponse response;
  ASSERT_TRUE(ask(&v1::Groups::Stub::DeleteGroup, request, &response).ok());
  EXPECT_EQ(refusal(&v1::Groups::Stub::DescribeGroup, "g").reason(), v1::UNKNOWN_GROUP);
}

TEST_F(GroupCalls, LagTellsOfEachPartition) {
  const auto member = join();
  member->owning(4);
  member->commit({offset_of("events", 1, 40)});
  v1::GroupLagRequest request;
  request.set_group("g");
  v1::GroupLagResponse lag;
  ASSERT_TRUE(ask(&v1::Groups::Stub::GroupLag, request, &lag).ok());
  EXPECT_EQ(lag.state(), "stable");
  ASSERT_EQ(lag.partitions_size(), 4);
  EXPECT_FALSE(lag.partitions(0).has_committed());
  EXPECT_EQ(lag.partitions(0).lag_records(), 100U) << "from the start rule";
  EXPECT_EQ(lag.partitions(1).committed(), 40);
  EXPECT_EQ(lag.partitions(1).lag_records(), 60U);
  EXPECT_EQ(lag.partitions(1).member(), member->joined.member_id());
  EXPECT_FALSE(lag.has_catch_up_seconds()) << "it was looked at once";
  for (std::int32_t partition = 0; partition < 4; ++partition)
    member->commit({offset_of("events", partition, 100)});
  v1::GroupLagResponse read;
  ASSERT_TRUE(ask(&v1::Groups::Stub::GroupLag, request, &read).ok());
  ASSERT_TRUE(read.has_catch_up_seconds());
  EXPECT_EQ(read.catch_up_seconds(), 0);
  EXPECT_TRUE(read.partitions(0).has_catch_up_seconds());
}

TEST_F(GroupCalls, OffsetsOfOneRequestAreBounded) {
  ASSERT_TRUE(create("g").ok());
  v1::CommitOffsetsResponse response;
  EXPECT_EQ(detail_of(commit(by_nobody({}), &response)).reason(), v1::INVALID_ARGUMENT);
  EXPECT_EQ(detail_of(commit(by_nobody({offset_of("events", 0, -1)}), &response)).reason(),
            v1::INVALID_ARGUMENT);
  auto offset = offset_of("events", 0, 1);
  offset.set_topic_id("short");
  EXPECT_EQ(detail_of(commit(by_nobody({offset}), &response)).reason(), v1::INVALID_ARGUMENT);
  offset.clear_topic_id();
  offset.set_metadata(std::string(600U << 10, 'x'));
  EXPECT_EQ(detail_of(commit(by_nobody({offset}), &response)).reason(), v1::INVALID_ARGUMENT);
  offset.set_metadata(std::string(5'000, 'x'));
  ASSERT_TRUE(commit(by_nobody({offset}), &response).ok());
  EXPECT_EQ(response.partitions(0).error().reason(), v1::INVALID_ARGUMENT) << "of the one entry";
}

TEST_F(GroupCalls, ListComesInPages) {
  for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(create(name).ok());
  const auto first = list({}, 2);
  EXPECT_EQ(names(first), "a b ");
  EXPECT_TRUE(first.more());
  const auto second = list("b", 2);
  EXPECT_EQ(names(second), "c ");
  EXPECT_FALSE(second.more());
}

// --- two nodes
class GroupForward : public GroupCalls {
 protected:
  void SetUp() override {
    GroupCalls::SetUp();
    other_broker_.make_group_topic("events", 4);
    auto started = api::ApiServer::start(options(), other_broker_, clock_);
    ASSERT_TRUE(started) << started.error().to_string();
    other_server_ = std::move(*started);
    other_ = "127.0.0.1:" + std::to_string(other_server_->port());
    groups_broker_.coordinate_elsewhere(other_);
  }
  void TearDown() override {
    GroupCalls::TearDown();
    if (other_server_ != nullptr) other_server_->shutdown(std::chrono::seconds(10));
  }
  GroupsBroker other_broker_;
  std::unique_ptr<api::ApiServer> other_server_;
  std::string other_;
};

TEST_F(GroupForward, CallsGoToTheNodeThatCoordinates) {
  ASSERT_TRUE(create("g").ok());
  v1::CommitOffsetsResponse response;
  ASSERT_TRUE(commit(by_nobody({offset_of("events", 0, 50)}), &response).ok());
  EXPECT_EQ(committed()[0], 50);
  EXPECT_FALSE(reset(offset_of("events", 0, 10)).offsets(0).has_error());
  EXPECT_EQ(describe().coordinator(), other_);
  EXPECT_EQ(describe().offsets(0).offset(), 10);
  EXPECT_EQ(refusal(&v1::Groups::Stub::DescribeGroup, "nobody").reason(), v1::UNKNOWN_GROUP);
}

TEST_F(GroupForward, ListGathersFromAllNodes) {
  ASSERT_TRUE(create("g").ok());
  const auto listed = list();
  EXPECT_EQ(names(listed), "g ");
  EXPECT_EQ(listed.missing_size(), 0);
}

TEST_F(GroupForward, NodeThatCannotBeAskedIsSaidToBeMissing) {
  other_server_->shutdown(std::chrono::seconds(10));
  other_server_.reset();
  const auto listed = list();
  EXPECT_EQ(listed.groups_size(), 0);
  ASSERT_EQ(listed.missing_size(), 1);
  EXPECT_NE(listed.missing(0).error().reason(), v1::ERROR_REASON_UNSPECIFIED);
}

TEST_F(GroupForward, TwoNodesThatNameEachOtherEndWithAnError) {
  other_broker_.coordinate_elsewhere(address_);
  const v1::ErrorDetail why = refusal(&v1::Groups::Stub::DescribeGroup, "g");
  EXPECT_EQ(why.reason(), v1::NOT_LEADER);
  EXPECT_EQ(why.leader(), address_);
}

}  // namespace
}  // namespace forebay::test
