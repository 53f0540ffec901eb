#include "api/group_messages.h"

#include <cstring>
#include <map>
#include <utility>

#include "api/errors.h"
#include "api/groups_service.h"

namespace forebay::api {
namespace {

constexpr const char* kUniformSticky = "uniform-sticky";
constexpr const char* kRange = "range";

Error wrong(std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; }

void put_named(const std::vector<group::AssignmentNotice::Partition>& from,
               google::protobuf::RepeatedPtrField<v1::TopicPartitions>* to) {
  std::map<std::string, v1::TopicPartitions*> topics;
  for (const auto& one : from) {
    v1::TopicPartitions*& topic = topics[one.topic];
    if (topic == nullptr) {
      topic = to->Add();
      topic->set_topic(one.topic);
    }
    topic->add_partitions(one.partition.value());
  }
}

double seconds_of(std::chrono::milliseconds time) { return std::chrono::duration<double>(time).count(); }

void put_stall(const std::string& topic, model::PartitionIndex partition, group::StallCause cause,
               std::chrono::milliseconds time, v1::StalledPartition* to) {
  to->set_topic(topic);
  to->set_partition(partition.value());
  to->set_cause(std::string(group::stall_cause_name(cause)));
  to->set_seconds(seconds_of(time));
}

}  // namespace

Result<std::optional<group::StartRule>> start_rule_of(const v1::StartRule& from) {
  switch (from.point()) {
    case v1::START_POINT_UNSPECIFIED:
      return std::optional<group::StartRule>();
    case v1::START_EARLIEST:
      return std::optional(group::StartRule{group::StartPoint::kEarliest, model::Timestamp(0)});
    case v1::START_LATEST:
      return std::optional(group::StartRule{group::StartPoint::kLatest, model::Timestamp(0)});
    case v1::START_AT_TIME:
      return std::optional(group::StartRule{group::StartPoint::kAtTime, model::Timestamp(from.time_ms())});
    case v1::START_FAIL:
      return std::optional(group::StartRule{group::StartPoint::kFail, model::Timestamp(0)});
    default:
      return wrong("start rule " + std::to_string(from.point()) +
                   " is not known: earliest, latest, a time, or fail");
  }
}

void put_start_rule(const group::StartRule& from, v1::StartRule* to) {
  switch (from.point) {
    case group::StartPoint::kEarliest:
      return to->set_point(v1::START_EARLIEST);
    case group::StartPoint::kLatest:
      return to->set_point(v1::START_LATEST);
    case group::StartPoint::kAtTime:
      to->set_time_ms(from.time.value());
      return to->set_point(v1::START_AT_TIME);
    case group::StartPoint::kFail:
      return to->set_point(v1::START_FAIL);
  }
}

Result<std::optional<group::Assignor>> assignor_of(const std::string& name) {
  if (name.empty()) return std::optional<group::Assignor>();
  if (name == kUniformSticky) return std::optional(group::Assignor::kUniformSticky);
  if (name == kRange) return std::optional(group::Assignor::kRange);
  return wrong("assignor '" + name.substr(0, 64) + "' is not known: " + kUniformSticky + " or " + kRange);
}

const char* assignor_name(group::Assignor assignor) {
  return assignor == group::Assignor::kRange ? kRange : kUniformSticky;
}

Result<std::vector<group::NamedOffset>> offsets_of(const CommitFields& from) {
  if (from.empty()) return wrong("no offsets are named");
  std::size_t bytes = 0;
  std::vector<group::NamedOffset> offsets;
  for (const v1::PartitionCommit& one : from) {
    const std::string place =
        "partition " + std::to_string(one.partition()) + " of topic '" + one.topic().substr(0, 249) + "'";
    if (one.offset() < 0 || one.partition() < 0)
      return wrong(place + ", offset " + std::to_string(one.offset()) + ": neither may be negative");
    bytes += one.ByteSizeLong();
    model::TopicId id;
    if (!one.topic_id().empty()) {
      if (one.topic_id().size() != id.bytes.size()) return wrong(place + ": a topic id has 16 bytes");
      std::memcpy(id.bytes.data(), one.topic_id().data(), id.bytes.size());
    }
    offsets.push_back({{one.topic(), model::PartitionIndex(one.partition())},
                       model::Offset(one.offset()),
                       one.metadata(),
                       id});
  }
  if (bytes > kOffsetsBytesMax) {
    return wrong("offsets of " + std::to_string(bytes) + " bytes with their metadata: at most " +
                 std::to_string(kOffsetsBytesMax) + " in one request");
  }
  return offsets;
}

std::vector<group::NamedPartition> partitions_of(const PartitionFields& from) {
  std::vector<group::NamedPartition> partitions;
  for (const v1::TopicPartitions& topic : from) {
    for (const std::int32_t partition : topic.partitions())
      partitions.push_back({topic.topic(), model::PartitionIndex(partition)});
  }
  return partitions;
}

void put_results(const CommitFields& asked, const group::EntryResults& results,
                 google::protobuf::RepeatedPtrField<v1::PartitionCommitted>* to) {
  for (int i = 0; i < asked.size(); ++i) {
    v1::PartitionCommitted* one = to->Add();
    one->set_topic(asked[i].topic());
    one->set_partition(asked[i].partition());
    const auto& result = results[static_cast<std::size_t>(i)];
    if (!result) *one->mutable_error() = to_detail(result.error(), {asked[i].topic(), asked[i].partition()});
  }
}

void put_partitions(const group::Group& group, const group::Partitions& from,
                    google::protobuf::RepeatedPtrField<v1::TopicPartitions>* to) {
  std::vector<group::AssignmentNotice::Partition> named;
  for (const model::TopicPartition& one : from) {
    const auto topic = group.roster.topics.find(one.topic);
    if (topic != group.roster.topics.end())
      named.push_back({topic->second.name, one.partition, {}, one.topic});
  }
  put_named(named, to);
}

void put_offsets(const group::Group& group, const std::vector<group::NamedPartition>& wanted,
                 google::protobuf::RepeatedPtrField<v1::CommittedOffset>* to) {
  const auto put = [to](const std::string& topic, model::PartitionIndex partition,
                        const group::Position* position) {
    v1::CommittedOffset* one = to->Add();
    one->set_topic(topic);
    one->set_partition(partition.value());
    if (position == nullptr || !position->committed) return;
    one->set_offset(position->committed->value());
    one->set_metadata(position->metadata);
    one->set_commit_time_ms(position->at.value());
  };
  std::map<std::string, model::TopicId> ids;
  for (const auto& [id, topic] : group.roster.topics) ids[topic.name] = id;
  for (const group::NamedPartition& one : wanted) {
    const auto id = ids.find(one.topic);
    const auto at =
        id == ids.end() ? group.positions.end() : group.positions.find({id->second, one.partition});
    put(one.topic, one.partition, at == group.positions.end() ? nullptr : &at->second);
  }
  if (!wanted.empty()) return;
  for (const auto& [partition, position] : group.positions) {
    const auto topic = group.roster.topics.find(partition.topic);
    if (topic != group.roster.topics.end() && position.committed)
      put(topic->second.name, partition.partition, &position);
  }
}

void describe(const std::string& name, const group::Coordinator& coordinator, const group::Group& group,
              v1::DescribeGroupResponse* to) {
  auto* summary = to->mutable_summary();
  summary->set_group(name);
  summary->set_state(std::string(group::state_name(group::state_of(group))));
  summary->set_members(static_cast<std::uint32_t>(group.roster.members.size()));
  put_start_rule(group.start, summary->mutable_start());
  to->set_assignor(assignor_name(group.roster.assignor));
  to->set_group_epoch(group.roster.epoch.value());
  std::map<group::MemberNumber, std::pair<group::Partitions, group::Partitions>> had;  // owned, giving up
  group::Partitions unowned;
  for (const auto& [id, topic] : group.roster.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      const group::Ownership& one = topic.partitions[i];
      const model::TopicPartition at{id, model::PartitionIndex(static_cast<std::int32_t>(i))};
      if (one.owner == group::kNobody) {
        if (one.target != group::kNobody) unowned.push_back(at);
      } else {
        (one.is_given_up() ? had[one.owner].second : had[one.owner].first).push_back(at);
      }
    }
  }
  put_partitions(group, unowned, to->mutable_unowned());
  for (const auto& [number, member] : group.roster.members) {
    v1::MemberDescription* one = to->add_members();
    one->set_member_id(member.settings.id);
    one->set_member_epoch(member.settings.epoch.value());
    one->set_instance_id(member.settings.instance);
    one->set_client_id(member.settings.client_id);
    one->set_host(member.settings.host);
    one->set_rack(member.settings.rack);
    for (const std::string& topic : member.settings.subscription.topics)
      one->mutable_subscription()->add_topics(topic);
    one->mutable_subscription()->set_pattern(member.settings.subscription.pattern);
    put_partitions(group, had[number].first, one->mutable_owned());
    put_partitions(group, had[number].second, one->mutable_giving_up());
    put_partitions(group, group::waited_for(group, number), one->mutable_waits_for());
    one->set_connected(coordinator.is_attached(name, number));
  }
  put_offsets(group, {}, to->mutable_offsets());
  const group::LagWatch& lags = coordinator.lags();
  for (const auto& [partition, stall] : lags.stalls().stalls(name)) {
    const auto topic = group.roster.topics.find(partition.topic);
    if (topic == group.roster.topics.end()) continue;  // not any more
    put_stall(topic->second.name, partition.partition, stall.cause, lags.now() - stall.since,
              to->add_stalled());
  }
}

void put_lag(const group::GroupLag& lag, v1::GroupLagResponse* to) {
  to->set_state(std::string(group::state_name(lag.state)));
  if (lag.catch_up) to->set_catch_up_seconds(seconds_of(*lag.catch_up));
  for (const group::LaggingPartition& from : lag.partitions) {
    v1::PartitionLag* one = to->add_partitions();
    one->set_topic(from.topic);
    one->set_partition(from.partition.partition.value());
    if (from.committed) one->set_committed(from.committed->value());
    if (!from.member.empty()) one->set_member(from.member);
    if (from.stalled)
      put_stall(from.topic, from.partition.partition, *from.stalled, from.stalled_for,
                one->mutable_stalled());
    if (!from.lag) {
      *one->mutable_error() = to_detail(from.lag.error(), {from.topic, from.partition.partition.value()});
      continue;
    }
    one->set_end(from.lag->end.value());
    one->set_lag_records(from.lag->records);
    one->set_lag_bytes(from.lag->bytes);
    if (from.lag->age) one->set_lag_seconds(seconds_of(*from.lag->age));
    if (from.catch_up) one->set_catch_up_seconds(seconds_of(*from.catch_up));
  }
}

group::Subscription subscription_of(const v1::Subscribe& from) {
  return {{from.topics().begin(), from.topics().end()}, from.pattern()};
}

group::JoinInput join_input_of(const v1::JoinGroup& from) {
  group::JoinInput input;
  input.member_id = from.member_id();
  input.new_id = from.new_member_id();
  input.number = from.join_number();
  input.epoch = group::MemberEpoch(from.member_epoch());
  input.instance = from.instance_id();
  input.client_id = from.client_id();
  input.rack = from.rack();
  input.subscription = subscription_of(from.subscription());
  input.session = group::Milliseconds(from.session_timeout_ms());
  input.revoke = group::Milliseconds(from.revoke_timeout_ms());
  return input;
}

v1::MemberUpdate joined_message(const group::Joined& joined, group::GroupEpoch epoch) {
  v1::MemberUpdate update;
  v1::Joined* to = update.mutable_joined();
  to->set_member_id(joined.id);
  to->set_member_epoch(joined.epoch.value());
  to->set_group_epoch(epoch.value());
  to->set_session_timeout_ms(static_cast<std::uint32_t>(joined.session.count()));
  to->set_heartbeat_interval_ms(static_cast<std::uint32_t>(joined.heartbeat_interval.count()));
  put_start_rule(joined.start, to->mutable_start());
  to->set_assignor(assignor_name(joined.assignor));
  return update;
}

v1::MemberUpdate assignment_message(const group::AssignmentNotice& notice) {
  v1::MemberUpdate update;
  v1::Assignment* to = update.mutable_assignment();
  to->set_number(notice.number.value());
  to->set_group_epoch(notice.epoch.value());
  for (const auto& one : notice.owned) {
    v1::OwnedPartition* owned = to->add_owned();
    owned->set_topic(one.topic);
    owned->set_partition(one.partition.value());
    if (one.next) owned->set_committed(one.next->value());
    owned->set_topic_id(one.topic_id.bytes.data(), one.topic_id.bytes.size());
  }
  put_named(notice.give_up, to->mutable_give_up());
  to->set_confirm_within_ms(static_cast<std::uint32_t>(notice.confirm_within.count()));
  return update;
}

}  // namespace forebay::api
