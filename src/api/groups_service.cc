#include "api/groups_service.h"

#include <algorithm>
#include <utility>

#include "api/group_messages.h"
#include "api/leader_parts.h"
#include "api/member_call.h"
#include "api/unary_call.h"

namespace forebay::api {
namespace {

using GroupsTopic = broker::Broker::GroupsTopic;

// Answers `call` with an error, here or, where another node coordinates the group, by what that one says.
void refuse(UnaryCall& call, const Context& context, const Error& error, const std::string& group,
            grpc::ByteBuffer* response) {
  const Error named = context.broker.name_coordinator(error, group);
  if (!call.forward(named, response)) call.fail(named);
}

// `ask(coordinator, done)` runs on the coordinator's shard; `fill(answer, message)` makes the response of
// what it answers.
template <typename Response, typename T, typename Ask, typename Fill>
void ask_coordinator(UnaryCall* call, const ContextPtr& context, const std::string& group, GroupsTopic topic,
                     grpc::ByteBuffer* response, Ask ask, Fill fill) {
  context->broker.with_coordinator(
      group, topic,
      [hold = CallHold(call), context, group, response, ask = std::move(ask),
       fill = std::move(fill)](Result<group::Coordinator*> found) mutable {
        if (!found) return refuse(*hold.operator->(), *context, found.error(), group, response);
        group::Coordinator& coordinator = **found;
        ask(coordinator, [hold = std::move(hold), context, group, response,
                          fill = std::move(fill)](Result<T> answer) mutable {
          if (!answer) return refuse(*hold.operator->(), *context, answer.error(), group, response);
          Response message;
          fill(std::move(answer).value(), &message);
          hold->succeed(message, response);
        });
      });
}

// What a read finds, once it is not old.
template <typename Response, typename Fill>
void read_group(UnaryCall* call, const ContextPtr& context, const std::string& group,
                grpc::ByteBuffer* response, Fill fill) {
  ask_coordinator<Response, Response>(
      call, context, group, GroupsTopic::kExpect, response,
      [group, fill = std::move(fill)](group::Coordinator& coordinator, group::Done<Response> done) mutable {
        coordinator.read([&coordinator, group, fill = std::move(fill),
                          done = std::move(done)](const Result<std::monostate>& current) mutable {
          if (!current) return done(current.error());
          const group::Group* known = coordinator.look().find(group);
          if (known == nullptr)
            return done(Error{ErrorCode::kUnknownGroup, "there is no group '" + group + "'"});
          Response message;
          fill(coordinator, *known, &message);
          done(std::move(message));
        });
      },
      [](Response from, Response* to) { *to = std::move(from); });
}

std::optional<group::MemberRef> member_of(const std::string& id, std::uint32_t epoch) {
  if (id.empty()) return std::nullopt;
  return group::MemberRef{id, group::MemberEpoch(epoch)};
}

// Below the 4 MiB that gRPC's clients take of a message by default, with the longest names.
constexpr std::uint32_t kGroupsPerPageMax = 5'000;
constexpr const char* kListGroupsPath = "/forebay.v1.Groups/ListGroups";

// As a coordinator has given its page, or not.
void put_listed(const broker::ListedGroups& from, v1::ListGroupsResponse* to) {
  if (from.error) {
    v1::MissingGroups* missing = to->add_missing();
    missing->set_coordinator(from.coordinator.value());
    *missing->mutable_error() = to_detail(*from.error);
    return;
  }
  for (const broker::GroupListing& one : from.groups) {
    v1::GroupSummary* summary = to->add_groups();
    summary->set_group(one.name);
    summary->set_state(std::string(group::state_name(one.state)));
    summary->set_members(static_cast<std::uint32_t>(one.members));
    put_start_rule(one.start, summary->mutable_start());
  }
}

// What another node says of its coordinators, or that it does not. `entries` are places among `missing`.
void merge_groups(v1::ListGroupsResponse& into, const std::vector<int>& entries,
                  const std::string& /*leader*/, const Result<v1::ListGroupsResponse>& answer) {
  if (!answer) {
    for (const int entry : entries) *into.mutable_missing(entry)->mutable_error() = to_detail(answer.error());
    return;
  }
  for (const int entry : entries) into.mutable_missing(entry)->clear_error();
  into.mutable_groups()->MergeFrom(answer->groups());
  into.set_more(into.more() || answer->more());
  into.mutable_missing()->MergeFrom(answer->missing());
}

// All coordinators have given a page of the names above the same one: the first of all those are the page.
void finish_page(std::uint32_t count_max, v1::ListGroupsResponse& page) {
  auto* groups = page.mutable_groups();
  std::sort(groups->begin(), groups->end(),
            [](const auto& a, const auto& b) { return a.group() < b.group(); });
  if (groups->size() > static_cast<int>(count_max)) {
    groups->DeleteSubrange(static_cast<int>(count_max), groups->size() - static_cast<int>(count_max));
    page.set_more(true);
  }
  auto* missing = page.mutable_missing();
  const auto told = std::remove_if(missing->begin(), missing->end(),
                                   [](const v1::MissingGroups& one) { return !one.has_error(); });
  missing->erase(told, missing->end());
}

void answer_groups(const ContextPtr& context, CallHold<UnaryCall> call, grpc::ByteBuffer* response,
                   const v1::ListGroupsRequest& request, std::uint32_t count_max,
                   const std::vector<broker::ListedGroups>& listed) {
  v1::ListGroupsResponse message;
  LeaderParts<v1::ListGroupsRequest> elsewhere;
  for (const broker::ListedGroups& one : listed) {
    put_listed(one, &message);
    if (!one.error || !call->may_forward(*one.error)) continue;
    auto& part = elsewhere[one.error->leader];
    part.request.set_after(request.after());
    part.request.set_count_max(count_max);
    part.request.add_coordinators(one.coordinator.value());
    part.entries.push_back(message.missing_size() - 1);
  }
  const Forwarder::Deadline deadline = call->deadline();
  auto finish = [call = std::move(call), response, count_max](v1::ListGroupsResponse& whole) {
    finish_page(count_max, whole);
    call->succeed(whole, response);
  };
  if (elsewhere.empty()) return finish(message);
  ask_leaders(context, kListGroupsPath, deadline, Effect::kReads, elsewhere, std::move(message), merge_groups,
              std::move(finish));
}

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* GroupsService::Join(
    grpc::CallbackServerContext* server_call) {
  return new MemberCall(context_, *server_call);
}

grpc::ServerUnaryReactor* GroupsService::CommitOffsets(grpc::CallbackServerContext* server_call,
                                                       const grpc::ByteBuffer* bytes,
                                                       grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kCommitOffsets, *server_call);
  auto request = call->read<v1::CommitOffsetsRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Groups/CommitOffsets", *bytes, Effect::kChanges);
  auto offsets = offsets_of(request->offsets());
  if (!offsets) {
    call->fail(offsets.error());
    return call;
  }
  const std::string group = request->group();
  auto member = member_of(request->member_id(), request->member_epoch());
  ask_coordinator<v1::CommitOffsetsResponse, group::EntryResults>(
      call, context_, group, GroupsTopic::kMake, response,
      [group, member = std::move(member), offsets = std::move(*offsets)](
          group::Coordinator& coordinator, group::Done<group::EntryResults> done) mutable {
        coordinator.commit(group, std::move(member), std::move(offsets), std::move(done));
      },
      [request = std::move(*request)](const group::EntryResults& results, v1::CommitOffsetsResponse* to) {
        put_results(request.offsets(), results, to->mutable_partitions());
      });
  return call;
}

grpc::ServerUnaryReactor* GroupsService::FetchOffsets(grpc::CallbackServerContext* server_call,
                                                      const grpc::ByteBuffer* bytes,
                                                      grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kFetchOffsets, *server_call);
  const auto request = call->read<v1::FetchOffsetsRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Groups/FetchOffsets", *bytes, Effect::kReads);
  read_group<v1::FetchOffsetsResponse>(
      call, context_, request->group(), response,
      [wanted = partitions_of(request->partitions())](const group::Coordinator&, const group::Group& known,
                                                      v1::FetchOffsetsResponse* to) {
        put_offsets(known, wanted, to->mutable_offsets());
      });
  return call;
}

grpc::ServerUnaryReactor* GroupsService::DescribeGroup(grpc::CallbackServerContext* server_call,
                                                       const grpc::ByteBuffer* bytes,
                                                       grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kDescribeGroup, *server_call);
  const auto request = call->read<v1::DescribeGroupRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Groups/DescribeGroup", *bytes, Effect::kReads,
                          v1::DescribeGroupResponse::kCoordinatorFieldNumber);
  // Where it is sent on, the node that does so names the coordinator as it knows it.
  context_->broker.describe_node([context = context_, hold = CallHold(call), response,
                                  name = request->group()](Result<broker::NodeDescription> self) mutable {
    if (!self) return hold->fail(self.error());
    read_group<v1::DescribeGroupResponse>(
        hold.operator->(), context, name, response,
        [name, address = self->api_advertised.value_or(self->api_address)](
            const group::Coordinator& coordinator, const group::Group& known, v1::DescribeGroupResponse* to) {
          describe(name, coordinator, known, to);
          to->set_coordinator(address);
        });
  });
  return call;
}

grpc::ServerUnaryReactor* GroupsService::ListGroups(grpc::CallbackServerContext* server_call,
                                                    const grpc::ByteBuffer* bytes,
                                                    grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kListGroups, *server_call);
  auto request = call->read<v1::ListGroupsRequest>(*bytes);
  if (!request) return call;
  const std::uint32_t count_max =
      request->count_max() == 0 ? kGroupsPerPageMax : std::min(request->count_max(), kGroupsPerPageMax);
  broker::ListGroupsRequest question{
      .coordinators = {}, .after = request->after(), .count_max = count_max + 1};
  for (const std::int32_t one : request->coordinators()) question.coordinators.emplace_back(one);
  context_->broker.list_groups(
      std::move(question),
      [context = context_, hold = CallHold(call), response, request = std::move(*request),
       count_max](Result<std::vector<broker::ListedGroups>> listed) mutable {
        if (!listed) return hold->fail(listed.error());
        answer_groups(context, std::move(hold), response, request, count_max, *listed);
      });
  return call;
}

grpc::ServerUnaryReactor* GroupsService::GroupLag(grpc::CallbackServerContext* server_call,
                                                  const grpc::ByteBuffer* bytes, grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kGroupLag, *server_call);
  const auto request = call->read<v1::GroupLagRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Groups/GroupLag", *bytes, Effect::kReads);
  ask_coordinator<v1::GroupLagResponse, group::GroupLag>(
      call, context_, request->group(), GroupsTopic::kExpect, response,
      [group = request->group()](group::Coordinator& coordinator, group::Done<group::GroupLag> done) {
        coordinator.lag(group, std::move(done));
      },
      [group = request->group()](const group::GroupLag& lag, v1::GroupLagResponse* to) {
        to->set_group(group);
        put_lag(lag, to);
      });
  return call;
}

grpc::ServerUnaryReactor* GroupsService::CreateGroup(grpc::CallbackServerContext* server_call,
                                                     const grpc::ByteBuffer* bytes,
                                                     grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kCreateGroup, *server_call);
  const auto request = call->read<v1::CreateGroupRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Groups/CreateGroup", *bytes, Effect::kChanges);
  const auto start = start_rule_of(request->start());
  const auto assignor = assignor_of(request->assignor());
  if (!start || !assignor) {
    call->fail(start ? assignor.error() : start.error());
    return call;
  }
  ask_coordinator<v1::CreateGroupResponse, bool>(
      call, context_, request->group(), GroupsTopic::kMake, response,
      [group = request->group(), start = *start, assignor = *assignor](group::Coordinator& coordinator,
                                                                       group::Done<bool> done) {
        coordinator.create(group, start, assignor, std::move(done));
      },
      [](bool created, v1::CreateGroupResponse* to) { to->set_created(created); });
  return call;
}

grpc::ServerUnaryReactor* GroupsService::ResetOffsets(grpc::CallbackServerContext* server_call,
                                                      const grpc::ByteBuffer* bytes,
                                                      grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kResetOffsets, *server_call);
  auto request = call->read<v1::ResetOffsetsRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Groups/ResetOffsets", *bytes, Effect::kChanges);
  auto offsets = offsets_of(request->offsets());
  if (!offsets) {
    call->fail(offsets.error());
    return call;
  }
  const auto mode = request->dry_run() ? group::Turn::ResetMode::kTry : group::Turn::ResetMode::kDo;
  const std::string group = request->group();
  using Results = std::vector<group::ResetResult>;
  ask_coordinator<v1::ResetOffsetsResponse, Results>(
      call, context_, group, GroupsTopic::kExpect, response,
      [group, mode, offsets = std::move(*offsets)](group::Coordinator& coordinator,
                                                   group::Done<Results> done) mutable {
        coordinator.reset(group, std::move(offsets), mode, std::move(done));
      },
      [request = std::move(*request)](const Results& results, v1::ResetOffsetsResponse* to) {
        for (int i = 0; i < request.offsets_size(); ++i) {
          const v1::PartitionCommit& asked = request.offsets(i);
          const group::ResetResult& result = results[static_cast<std::size_t>(i)];
          v1::ResetOffset* one = to->add_offsets();
          one->set_topic(asked.topic());
          one->set_partition(asked.partition());
          if (result.before) one->set_before(result.before->value());
          one->set_after(asked.offset());
          if (!result.result)
            *one->mutable_error() = to_detail(result.result.error(), {asked.topic(), asked.partition()});
        }
      });
  return call;
}

grpc::ServerUnaryReactor* GroupsService::DeleteGroup(grpc::CallbackServerContext* server_call,
                                                     const grpc::ByteBuffer* bytes,
                                                     grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kDeleteGroup, *server_call);
  const auto request = call->read<v1::DeleteGroupRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Groups/DeleteGroup", *bytes, Effect::kChanges);
  ask_coordinator<v1::DeleteGroupResponse, std::monostate>(
      call, context_, request->group(), GroupsTopic::kExpect, response,
      [group = request->group()](group::Coordinator& coordinator, group::Done<std::monostate> done) {
        coordinator.remove(group, std::move(done));
      },
      [](std::monostate, v1::DeleteGroupResponse*) {});
  return call;
}

}  // namespace forebay::api
