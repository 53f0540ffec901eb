#include "client/member_wire.h"

#include <algorithm>
#include <utility>

#include "client/rpc_error.h"
#include "forebay/v1/groups.pb.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;

void put(const JoinWords& words, v1::JoinGroup& to) {
  to.set_group(words.group);
  to.set_member_id(words.member_id);
  to.set_new_member_id(words.new_member_id);
  to.set_join_number(words.number);
  to.set_member_epoch(words.member_epoch);
  to.set_instance_id(words.instance_id);
  to.set_client_id(words.client_id);
  to.set_rack(words.rack);
  to.mutable_subscription()->mutable_topics()->Add(words.topics.begin(), words.topics.end());
  to.mutable_subscription()->set_pattern(words.pattern);
  if (words.start) put_start_rule(*words.start, *to.mutable_start());
  to.set_assignor(words.assignor);
  to.set_session_timeout_ms(static_cast<std::uint32_t>(words.session_timeout.count()));
  to.set_revoke_timeout_ms(static_cast<std::uint32_t>(words.revoke_timeout.count()));
  put_partitions(words.owned, to.mutable_owned());
}

// The same numbers on both sides.
static_assert(static_cast<int>(StartRule::Point::kEarliest) == v1::START_EARLIEST);
static_assert(static_cast<int>(StartRule::Point::kLatest) == v1::START_LATEST);
static_assert(static_cast<int>(StartRule::Point::kAtTime) == v1::START_AT_TIME);
static_assert(static_cast<int>(StartRule::Point::kFail) == v1::START_FAIL);

CoordinatorWords assignment_of(const v1::Assignment& from) {
  AssignmentWords words;
  words.number = from.number();
  words.confirm_within = milliseconds(from.confirm_within_ms());
  words.give_up = partitions_of(from.give_up());
  for (const auto& one : from.owned()) {
    words.owned.push_back({{one.topic(), one.partition()}, std::nullopt, one.topic_id()});
    if (one.has_committed()) words.owned.back().committed = one.committed();
  }
  return words;
}

CoordinatorWords commit_ack_of(const v1::CommitAck& from) {
  CommitAckWords words;
  words.correlation = from.correlation_id();
  for (const auto& one : from.partitions()) {
    words.partitions.push_back({{one.topic(), one.partition()}, std::nullopt});
    if (one.has_error()) words.partitions.back().error = rpc_error_of(one.error()).error;
  }
  return words;
}

}  // namespace

void put_start_rule(const StartRule& rule, v1::StartRule& to) {
  to.set_point(static_cast<v1::StartPoint>(rule.point));
  if (rule.point == StartRule::Point::kAtTime) to.set_time_ms(rule.time_ms);
}

StartRule start_rule_of(const v1::StartRule& from) {
  const bool known = from.point() >= v1::START_EARLIEST && from.point() <= v1::START_FAIL;
  return {known ? static_cast<StartRule::Point>(from.point()) : StartRule::Point::kEarliest, from.time_ms()};
}

void put_words(const MemberWords& words, v1::MemberRequest& to) {
  if (const auto* join = std::get_if<JoinWords>(&words)) {
    put(*join, *to.mutable_join());
  } else if (const auto* commit = std::get_if<CommitWords>(&words)) {
    to.mutable_commit()->set_correlation_id(commit->correlation);
    for (const OffsetWords& one : commit->offsets) {
      auto* offset = to.mutable_commit()->add_offsets();
      offset->set_topic(one.partition.topic);
      offset->set_partition(one.partition.partition);
      offset->set_offset(one.offset);
      offset->set_topic_id(one.topic_id);
    }
  } else if (const auto* confirm = std::get_if<ConfirmWords>(&words)) {
    to.mutable_confirm()->set_assignment(confirm->assignment);
  } else if (const auto* heartbeat = std::get_if<HeartbeatWords>(&words)) {
    to.mutable_heartbeat()->set_number(heartbeat->number);
  } else if (const auto* release = std::get_if<ReleaseWords>(&words)) {
    put_partitions(release->partitions, to.mutable_release()->mutable_partitions());
    to.mutable_release()->set_reason(release->reason);
  } else {
    to.mutable_leave();
  }
}

std::optional<CoordinatorWords> words_of(const v1::MemberUpdate& update) {
  switch (update.update_case()) {
    case v1::MemberUpdate::kJoined: {
      const v1::Joined& joined = update.joined();
      return JoinedWords{
          joined.member_id(), joined.member_epoch(), milliseconds(std::max(joined.session_timeout_ms(), 1U)),
          milliseconds(std::max(joined.heartbeat_interval_ms(), 1U)), start_rule_of(joined.start())};
    }
    case v1::MemberUpdate::kAssignment:
      return assignment_of(update.assignment());
    case v1::MemberUpdate::kCommitted:
      return commit_ack_of(update.committed());
    case v1::MemberUpdate::kHeartbeat:
      return HeartbeatAckWords{update.heartbeat().number()};
    case v1::MemberUpdate::kReleased:
      return ReleasedWords{partitions_of(update.released().staying())};
    case v1::MemberUpdate::kEnded:  // the stream's end says why
    case v1::MemberUpdate::UPDATE_NOT_SET:
      break;
  }
  return std::nullopt;
}

}  // namespace forebay::client
