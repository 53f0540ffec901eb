// The service Groups on a server with a real coordinator, and members that speak to it over gRPC.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <set>

#include "api_fixture.h"
#include "forebay/v1/groups.grpc.pb.h"
#include "groups_broker.h"

namespace forebay::test {

// One Join stream.
class MemberClient {
 public:
  explicit MemberClient(v1::Groups::Stub& stub) : stream_(stub.Join(&context_)) {}
  ~MemberClient() { context_.TryCancel(); }
  MemberClient(const MemberClient&) = delete;
  MemberClient& operator=(const MemberClient&) = delete;

  bool say(const v1::MemberRequest& request) { return stream_->Write(request); }
  // Nothing: the stream has ended.
  std::optional<v1::MemberUpdate> hear() {
    v1::MemberUpdate update;
    if (!stream_->Read(&update)) return std::nullopt;
    return update;
  }
  // Leaves out what comes before.
  template <typename Has>
  v1::MemberUpdate hear_until(Has has) {
    while (auto update = hear()) {
      if (has(*update)) return *update;
    }
    ADD_FAILURE() << "the stream has ended";
    return {};
  }
  // The next assignment that owns so many partitions.
  v1::Assignment owning(int count) {
    return hear_until([&](const v1::MemberUpdate& update) {
             return update.has_assignment() && update.assignment().owned_size() == count;
           })
        .assignment();
  }
  void confirm(const v1::Assignment& assignment) {
    v1::MemberRequest request;
    request.mutable_confirm()->set_assignment(assignment.number());
    ASSERT_TRUE(say(request));
  }
  v1::CommitAck commit(const std::vector<v1::PartitionCommit>& offsets) {
    v1::MemberRequest request;
    request.mutable_commit()->set_correlation_id(++correlation_);
    for (const auto& one : offsets) *request.mutable_commit()->add_offsets() = one;
    EXPECT_TRUE(say(request));
    const auto ack = hear_until([](const v1::MemberUpdate& update) { return update.has_committed(); });
    EXPECT_EQ(ack.committed().correlation_id(), correlation_);
    return ack.committed();
  }
  // As the last message says, which the status says too.
  v1::ErrorDetail end() {
    v1::ErrorDetail last;
    while (auto update = hear()) last = update->ended();
    const grpc::Status status = stream_->Finish();
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(detail_of(status).SerializeAsString(), last.SerializeAsString());
    return last;
  }
  grpc::Status finish() {
    while (hear()) continue;
    return stream_->Finish();
  }
  void half_close() { stream_->WritesDone(); }
  void cancel() { context_.TryCancel(); }

  v1::Joined joined;

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::MemberRequest, v1::MemberUpdate>> stream_;
  std::uint64_t correlation_ = 0;
};

inline v1::PartitionCommit offset_of(const std::string& topic, std::int32_t partition, std::int64_t offset) {
  v1::PartitionCommit commit;
  commit.set_topic(topic);
  commit.set_partition(partition);
  commit.set_offset(offset);
  return commit;
}

// A topic "events" of four partitions, each of 100 records.
class GroupsTest : public ApiTest {
 protected:
  [[nodiscard]] broker::Broker& broker() override { return groups_broker_; }
  void SetUp() override {
    ApiTest::SetUp();
    groups_ = v1::Groups::NewStub(channel_);
    groups_broker_.make_group_topic("events", 4);
  }
  static v1::MemberRequest join_request(const std::string& group = "g") {
    v1::MemberRequest request;
    request.mutable_join()->set_group(group);
    request.mutable_join()->mutable_subscription()->add_topics("events");
    return request;
  }
  std::unique_ptr<MemberClient> say_first(const v1::MemberRequest& request) {
    auto member = std::make_unique<MemberClient>(*groups_);
    EXPECT_TRUE(member->say(request));
    return member;
  }
  std::unique_ptr<MemberClient> join(const v1::MemberRequest& request = join_request()) {
    auto member = say_first(request);
    const auto first = member->hear();
    EXPECT_TRUE(first && first->has_joined()) << (first ? first->ShortDebugString() : "ended");
    if (first) member->joined = first->joined();
    return member;
  }
  template <typename Request, typename Response>
  grpc::Status ask(grpc::Status (v1::Groups::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                   const Request& request, Response* response) {
    grpc::ClientContext context;
    return (groups_.get()->*method)(&context, request, response);
  }
  v1::DescribeGroupResponse describe(const std::string& group = "g") {
    v1::DescribeGroupRequest request;
    request.set_group(group);
    v1::DescribeGroupResponse response;
    const grpc::Status status = ask(&v1::Groups::Stub::DescribeGroup, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status create(const std::string& group, v1::StartPoint start = v1::START_POINT_UNSPECIFIED,
                      bool* created = nullptr) {
    v1::CreateGroupRequest request;
    request.set_group(group);
    request.mutable_start()->set_point(start);
    v1::CreateGroupResponse response;
    const grpc::Status status = ask(&v1::Groups::Stub::CreateGroup, request, &response);
    if (created != nullptr) *created = response.created();
    return status;
  }
  grpc::Status commit(const v1::CommitOffsetsRequest& request, v1::CommitOffsetsResponse* response) {
    return ask(&v1::Groups::Stub::CommitOffsets, request, response);
  }

  GroupsBroker groups_broker_;
  std::unique_ptr<v1::Groups::Stub> groups_;
};

}  // namespace forebay::test
