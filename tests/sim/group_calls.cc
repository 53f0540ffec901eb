// The call that serves a stream on its node: as api/member_call.cc does it.
#include <algorithm>

#include "sim/group_wires.h"

namespace forebay::sim {
namespace {

using client::CoordinatorWords;

std::vector<group::NamedPartition> named(const client::Partitions& partitions) {
  std::vector<group::NamedPartition> names;
  for (const TopicPartition& one : partitions)
    names.push_back({one.topic, model::PartitionIndex(one.partition)});
  return names;
}

model::TopicId id_of(const std::string& bytes) {
  model::TopicId id;
  std::copy(bytes.begin(), bytes.end(), id.bytes.begin());
  return id;
}

group::JoinInput input_of(const client::JoinWords& words) {
  group::JoinInput input;
  input.member_id = words.member_id;
  input.new_id = words.new_member_id;
  input.number = words.number;
  input.epoch = group::MemberEpoch(words.member_epoch);
  input.instance = words.instance_id;
  input.subscription = {words.topics, words.pattern};
  if (words.start) {
    input.start = group::StartRule{static_cast<group::StartPoint>(words.start->point),
                                   model::Timestamp(words.start->time_ms)};
  }
  input.session = words.session_timeout;
  input.revoke = words.revoke_timeout;
  return input;
}

}  // namespace

// What the coordinator holds of it.
class GroupWires::Stream final : public group::MemberStream {
 public:
  Stream(GroupWires& wires, WireId id) : wires_(wires), id_(id) {}
  void tell(group::AssignmentNotice notice) override { wires_.told(id_, notice); }
  void end(Error why) override { wires_.end_call(id_, why); }

 private:
  GroupWires& wires_;
  const WireId id_;
};

Error GroupWires::with_hint(Error error, std::size_t node) {
  if (error.code == ErrorCode::kNotLeader) error.leader = nodes_.leader_hint(node);
  return error;
}

void GroupWires::serve(WireId id, const client::MemberWords& words) {
  const Wire* wire = find(id);
  if (wire == nullptr || !wire->at_node) return;
  group::Coordinator* coordinator = nodes_.coordinator_of(wire->node);
  if (coordinator == nullptr) return end_call(id, {ErrorCode::kUnavailable, "the node is starting"});
  if (auto leads = coordinator->host().check(); !leads) return end_call(id, leads.error());
  if (const auto* asked = std::get_if<client::JoinWords>(&words)) return join(id, *coordinator, *asked);
  if (!wire->joined) return end_call(id, {ErrorCode::kInvalidArgument, "it has not joined"});
  const group::MemberRef member{wire->joined->id, wire->joined->epoch};
  if (const auto* asked = std::get_if<client::CommitWords>(&words)) return commit(id, *coordinator, *asked);
  if (const auto* asked = std::get_if<client::ReleaseWords>(&words)) return release(id, *coordinator, *asked);
  if (const auto* asked = std::get_if<client::HeartbeatWords>(&words)) {
    return coordinator->heartbeat(group_, member,
                                  [this, id, number = asked->number](const Result<std::monostate>& done) {
                                    if (!done) return end_call(id, done.error());
                                    send_down(id, CoordinatorWords(client::HeartbeatAckWords{number}));
                                  });
  }
  if (const auto* asked = std::get_if<client::ConfirmWords>(&words)) {
    return coordinator->confirm(group_, member, group::AssignmentNumber(asked->assignment),
                                [this, id](const Result<std::monostate>& done) {
                                  if (!done) end_call(id, done.error());
                                });
  }
  coordinator->leave(group_, member, [this, id](const Result<group::Leaving>& left) {
    if (!left) return end_call(id, left.error());
    send_down(id, End{});
    if (Wire* over = find(id)) over->at_node = false;
  });
}

void GroupWires::join(WireId id, group::Coordinator& coordinator, const client::JoinWords& words) {
  group::JoinInput input = input_of(words);
  input.assignor = assignor_;
  coordinator.join(
      group_, std::move(input), named(words.owned), std::make_shared<Stream>(*this, id),
      [this, id, node = find(id)->node](const Result<group::Joined>& result) { joined(id, node, result); });
}

// Before any assignment is told.
void GroupWires::joined(WireId id, std::size_t node, const Result<group::Joined>& result) {
  Wire* wire = find(id);
  if (!result) return end_call(id, result.error());
  if (wire == nullptr || !wire->at_node) return detach(node, *result);
  wire->joined = *result;
  send_down(id,
            CoordinatorWords(client::JoinedWords{
                result->id, result->epoch.value(), result->session, result->heartbeat_interval,
                StartRule{static_cast<StartRule::Point>(result->start.point), result->start.time.value()}}));
}

void GroupWires::commit(WireId id, group::Coordinator& coordinator, const client::CommitWords& words) {
  const Wire& wire = *find(id);
  std::vector<group::NamedOffset> entries;
  for (const client::OffsetWords& one : words.offsets) {
    entries.push_back({{one.partition.topic, model::PartitionIndex(one.partition.partition)},
                       model::Offset(one.offset),
                       "",
                       id_of(one.topic_id)});
  }
  const group::MemberRef member{wire.joined->id, wire.joined->epoch};
  nodes_.on_commit(wire.node, member, entries);
  coordinator.commit(group_, member, entries,
                     [this, id, words, entries](const Result<group::EntryResults>& results) {
                       committed(id, words, entries, results);
                     });
}

void GroupWires::committed(WireId id, const client::CommitWords& words,
                           const std::vector<group::NamedOffset>& entries,
                           const Result<group::EntryResults>& results) {
  if (!results) return end_call(id, results.error());
  client::CommitAckWords ack{words.correlation, {}};
  const Wire* wire = find(id);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    ack.partitions.push_back({words.offsets[i].partition, std::nullopt});
    if (const Result<void>& one = (*results)[i]; !one) {
      ack.partitions.back().error = one.error();
    } else if (wire != nullptr && wire->at_node) {
      nodes_.on_committed(wire->node, entries[i]);
    }
  }
  send_down(id, CoordinatorWords(ack));
}

void GroupWires::release(WireId id, group::Coordinator& coordinator, const client::ReleaseWords& words) {
  const Wire& wire = *find(id);
  coordinator.release(group_, {wire.joined->id, wire.joined->epoch}, named(words.partitions),
                      [this, id](const Result<group::ReleaseOutcome>& done) {
                        if (!done && done.error().code != ErrorCode::kNotOwner) end_call(id, done.error());
                      });
}

void GroupWires::told(WireId id, const group::AssignmentNotice& notice) {
  const Wire* wire = find(id);
  if (wire == nullptr || !wire->at_node) return;
  client::AssignmentWords words;
  words.number = notice.number.value();
  words.confirm_within = notice.confirm_within;
  for (const auto& one : notice.owned) {
    words.owned.push_back({{one.topic, one.partition.value()},
                           std::nullopt,
                           std::string(one.topic_id.bytes.begin(), one.topic_id.bytes.end())});
    if (one.next) words.owned.back().committed = one.next->value();
  }
  for (const auto& one : notice.give_up) words.give_up.push_back({one.topic, one.partition.value()});
  send_down(id, CoordinatorWords(std::move(words)));
}

// With the reason in the last message.
void GroupWires::end_call(WireId id, const Error& why) {
  Wire* wire = find(id);
  if (wire == nullptr || !wire->at_node) return;
  detach(id);
  send_down(id, End{client::RpcError{with_hint(why, wire->node), true, std::nullopt, std::nullopt}});
  wire->at_node = false;
}

void GroupWires::detach(WireId id) {
  Wire* wire = find(id);
  if (wire != nullptr && wire->joined) detach(wire->node, *std::exchange(wire->joined, std::nullopt));
}

// Nobody speaks for the member any more. Posted: the coordinator may be in the middle of something.
void GroupWires::detach(std::size_t node, const group::Joined& member) {
  SimExecutor* executor = nodes_.executor_of(node);
  if (executor == nullptr) return;
  executor->post([this, node, member] {
    if (group::Coordinator* coordinator = nodes_.coordinator_of(node))
      coordinator->detach(group_, member.number, member.epoch);
  });
}

}  // namespace forebay::sim
