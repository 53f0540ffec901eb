#include "api/groups_service.h"

#include <utility>

#include "api/group_messages.h"
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
  read_group<v1::DescribeGroupResponse>(
      call, context_, request->group(), response,
      [name = request->group()](const group::Coordinator& coordinator, const group::Group& known,
                                v1::DescribeGroupResponse* to) { describe(name, coordinator, known, to); });
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
