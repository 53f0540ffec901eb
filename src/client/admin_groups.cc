// The part of Admin that is about consumer groups.
#include <utility>

#include "client/admin_core.h"
#include "client/member_wire.h"
#include "client/rpc_error.h"
#include "forebay/v1/groups.grpc.pb.h"

namespace forebay {
namespace {

using Stub = v1::Groups::Stub;
constexpr auto kAlways = client::UnaryCaller::Repeat::kAlways;
constexpr auto kIfNotReached = client::UnaryCaller::Repeat::kIfNotReached;

GroupSummary summary_of(const v1::GroupSummary& from) {
  return {from.group(), from.state(), from.members(), client::start_rule_of(from.start())};
}

GroupMember member_of(const v1::MemberDescription& from) {
  GroupMember to;
  to.id = from.member_id();
  to.epoch = from.member_epoch();
  to.instance_id = from.instance_id();
  to.client_id = from.client_id();
  to.host = from.host();
  to.rack = from.rack();
  to.topics.assign(from.subscription().topics().begin(), from.subscription().topics().end());
  to.pattern = from.subscription().pattern();
  to.owned = client::partitions_of(from.owned());
  to.giving_up = client::partitions_of(from.giving_up());
  to.waits_for = client::partitions_of(from.waits_for());
  to.connected = from.connected();
  return to;
}

}  // namespace

Result<bool> Admin::create_group(const std::string& group, const std::optional<StartRule>& start) {
  v1::CreateGroupRequest request;
  request.set_group(group);
  if (start) client::put_start_rule(*start, *request.mutable_start());
  v1::CreateGroupResponse response;
  FOREBAY_CHECK(core_->call<v1::Groups>(&Stub::CreateGroup, request, response, kAlways));
  return response.created();
}

Result<GroupList> Admin::list_groups() {
  GroupList list;
  v1::ListGroupsRequest request;
  v1::ListGroupsResponse response;
  do {
    FOREBAY_CHECK(core_->call<v1::Groups>(&Stub::ListGroups, request, response, kAlways));
    for (const auto& one : response.groups()) list.groups.push_back(summary_of(one));
    if (response.missing_size() > 0)
      list.incomplete = client::rpc_error_of(response.missing(0).error()).error;
    if (!list.groups.empty()) request.set_after(list.groups.back().group);
  } while (response.more() && response.groups_size() > 0);
  return list;
}

Result<GroupLag> Admin::group_lag(const std::string& group) {
  v1::GroupLagRequest request;
  request.set_group(group);
  v1::GroupLagResponse response;
  FOREBAY_CHECK(core_->call<v1::Groups>(&Stub::GroupLag, request, response, kAlways));
  GroupLag lag{response.group(), response.state(), {}, {}};
  if (response.has_catch_up_seconds()) lag.catch_up_seconds = response.catch_up_seconds();
  for (const auto& from : response.partitions()) {
    PartitionLag to;
    to.partition = {from.topic(), from.partition()};
    if (from.has_committed()) to.committed = from.committed();
    to.end = from.end();
    to.lag_records = from.lag_records();
    to.lag_bytes = from.lag_bytes();
    if (from.has_lag_seconds()) to.lag_seconds = from.lag_seconds();
    if (from.has_catch_up_seconds()) to.catch_up_seconds = from.catch_up_seconds();
    if (from.has_member()) to.member = from.member();
    if (from.has_stalled()) to.stalled = from.stalled().cause();
    if (from.has_error()) to.error = client::rpc_error_of(from.error()).error;
    lag.partitions.push_back(std::move(to));
  }
  return lag;
}

Result<GroupDescription> Admin::describe_group(const std::string& group) {
  v1::DescribeGroupRequest request;
  request.set_group(group);
  v1::DescribeGroupResponse response;
  FOREBAY_CHECK(core_->call<v1::Groups>(&Stub::DescribeGroup, request, response, kAlways));
  GroupDescription to;
  to.summary = summary_of(response.summary());
  to.assignor = response.assignor();
  to.epoch = response.group_epoch();
  to.coordinator = response.coordinator();
  for (const auto& one : response.members()) to.members.push_back(member_of(one));
  for (const auto& one : response.offsets()) {
    GroupOffset offset{{one.topic(), one.partition()}, std::nullopt, one.metadata(), one.commit_time_ms()};
    if (one.has_offset()) offset.offset = one.offset();
    to.offsets.push_back(std::move(offset));
  }
  to.unowned = client::partitions_of(response.unowned());
  for (const auto& one : response.stalled())
    to.stalled.push_back({{one.topic(), one.partition()}, one.cause(), one.seconds()});
  return to;
}

Result<std::vector<OffsetMoved>> Admin::reset_offsets(const std::string& group,
                                                      const std::vector<OffsetMove>& moves,
                                                      Validate validate) {
  v1::ResetOffsetsRequest request;
  request.set_group(group);
  request.set_dry_run(validate == Validate::kOnly);
  for (const OffsetMove& move : moves) {
    auto* one = request.add_offsets();
    one->set_topic(move.partition.topic);
    one->set_partition(move.partition.partition);
    one->set_offset(move.offset);
  }
  v1::ResetOffsetsResponse response;
  // To the same offsets once more changes nothing.
  FOREBAY_CHECK(core_->call<v1::Groups>(&Stub::ResetOffsets, request, response, kAlways));
  std::vector<OffsetMoved> moved;
  for (const auto& one : response.offsets()) {
    OffsetMoved to{{one.topic(), one.partition()}, std::nullopt, one.after(), std::nullopt};
    if (one.has_before()) to.before = one.before();
    if (one.has_error()) to.error = client::rpc_error_of(one.error()).error;
    moved.push_back(std::move(to));
  }
  return moved;
}

Result<void> Admin::delete_group(const std::string& group) {
  v1::DeleteGroupRequest request;
  request.set_group(group);
  v1::DeleteGroupResponse response;
  return core_->call<v1::Groups>(&Stub::DeleteGroup, request, response, kIfNotReached);
}

}  // namespace forebay
