// Admin's calls about the whole cluster: each node that can be reached is asked for its view.
#include <algorithm>
#include <utility>

#include "api/admin_service.h"
#include "api/cluster_view.h"
#include "api/errors.h"
#include "api/leader_parts.h"
#include "api/move_answer.h"
#include "api/unary_call.h"
#include "broker/rebuild_check.h"
#include "broker/stop_check.h"

namespace forebay::api {
namespace {

constexpr const char* kDescribeClusterPath = "/forebay.v1.Admin/DescribeCluster";
constexpr const char* kListPartitionsPath = "/forebay.v1.Admin/ListPartitions";
// A view is worth having without what a node that hangs would say.
constexpr std::chrono::seconds kAskMax{5};

Forwarder::Deadline ask_until(const CallHold<UnaryCall>& call) {
  return std::min(call->deadline(), std::chrono::system_clock::now() + kAskMax);
}

// The others that this node has a link to, each with its id in the entries.
template <typename Request>
LeaderParts<Request> others(const v1::DescribeClusterResponse& cluster, const Request& request) {
  LeaderParts<Request> parts;
  for (const v1::ClusterNode& node : cluster.nodes()) {
    if (node.id() == cluster.answered_by() || !node.alive() || node.api_address().empty()) continue;
    auto& part = parts[node.api_address()];
    part.request = request;
    part.entries = {static_cast<int>(node.id())};
  }
  return parts;
}

// What this node sees, itself included.
template <typename Use>
void own_view(const ContextPtr& context, CallHold<UnaryCall> call, Use use) {
  context->broker.describe_cluster([context, call = std::move(call), use = std::move(use)](
                                       Result<broker::ClusterDescription> cluster) mutable {
    if (!cluster) return call->fail(cluster.error());
    context->broker.describe_node(
        [call = std::move(call), use = std::move(use),
         cluster = std::move(*cluster)](Result<broker::NodeDescription> self) mutable {
          if (!self) return call->fail(self.error());
          v1::DescribeClusterResponse view;
          fill_cluster(cluster, *self, &view);
          use(std::move(call), std::move(view));
        });
  });
}

void answer_cluster(const ContextPtr& context, CallHold<UnaryCall> call, grpc::ByteBuffer* response,
                    v1::DescribeClusterResponse view) {
  const auto parts = others(view, v1::DescribeClusterRequest());
  if (call->is_forwarded_here() || parts.empty()) {
    finish_cluster(view);
    return call->succeed(view, response);
  }
  const auto deadline = ask_until(call);
  const model::Timestamp began = context->clock.now();
  auto merge = [context, began](v1::DescribeClusterResponse& into, const std::vector<int>& /*node*/,
                                const std::string& /*address*/,
                                const Result<v1::DescribeClusterResponse>& answer) {
    if (answer) merge_cluster(into, *answer, {began, context->clock.now()});
  };
  ask_leaders(context, kDescribeClusterPath, deadline, Effect::kReads, parts, std::move(view),
              std::move(merge), [call = std::move(call), response](v1::DescribeClusterResponse& whole) {
                finish_cluster(whole);
                call->succeed(whole, response);
              });
}

// What all nodes that can be reached say of the partitions, put together. `use` gets `view` as well.
template <typename Use>
void gather_partitions(const ContextPtr& context, CallHold<UnaryCall> call,
                       const v1::ListPartitionsRequest& request, v1::ListPartitionsResponse partitions,
                       v1::DescribeClusterResponse view, Use use) {
  const auto parts = others(view, request);
  if (parts.empty()) {
    finish_partitions(partitions);
    return use(std::move(call), partitions, view);
  }
  const auto deadline = ask_until(call);
  auto merge = [](v1::ListPartitionsResponse& into, const std::vector<int>& node,
                  const std::string& /*address*/, const Result<v1::ListPartitionsResponse>& answer) {
    if (answer) merge_partitions(into, *answer, static_cast<std::uint32_t>(node.front()));
  };
  ask_leaders(context, kListPartitionsPath, deadline, Effect::kReads, parts, std::move(partitions), merge,
              [call = std::move(call), view = std::move(view),
               use = std::move(use)](v1::ListPartitionsResponse& whole) mutable {
                finish_partitions(whole);
                use(std::move(call), whole, view);
              });
}

// As this node and all others know the partitions, or as this one alone does.
enum class Known : std::uint8_t { kToAll, kHere };

template <typename Use>
void all_partitions(const ContextPtr& context, CallHold<UnaryCall> call, Known known,
                    const v1::ListPartitionsRequest& request, Use use) {
  broker::ListPartitionsRequest question;
  question.topics.assign(request.topics().begin(), request.topics().end());
  question.include_internal = request.include_internal();
  question.hosted_only = known == Known::kHere;
  context->broker.list_partitions(
      std::move(question), [context, call = std::move(call), known, request, use = std::move(use)](
                               Result<std::vector<broker::PartitionReplicas>> found) mutable {
        if (!found) return call->fail(found.error());
        v1::ListPartitionsResponse partitions;
        fill_partitions(*found, &partitions);
        if (known == Known::kHere) return use(std::move(call), partitions, v1::DescribeClusterResponse());
        own_view(context, std::move(call),
                 [context, request = std::move(request), partitions = std::move(partitions),
                  use = std::move(use)](CallHold<UnaryCall> again, v1::DescribeClusterResponse view) mutable {
                   gather_partitions(context, std::move(again), request, std::move(partitions),
                                     std::move(view), std::move(use));
                 });
      });
}

void answer_stop_check(CallHold<UnaryCall> call, grpc::ByteBuffer* response, std::uint32_t node,
                       const v1::ListPartitionsResponse& partitions,
                       const v1::DescribeClusterResponse& view) {
  const auto known = std::find_if(view.nodes().begin(), view.nodes().end(),
                                  [node](const v1::ClusterNode& one) { return one.id() == node; });
  if (known == view.nodes().end()) {
    return call->fail({ErrorCode::kInvalidArgument, "the cluster has no node " + std::to_string(node) +
                                                        "; see: forebay cluster describe"});
  }
  v1::CheckNodeStopResponse answer;
  answer.set_alive(known->alive());
  answer.set_drained(known->drained());
  for (const broker::StopObstacle& from :
       broker::stop_obstacles(read_partitions(partitions), model::NodeId(node))) {
    v1::StopObstacle* to = answer.add_obstacles();
    to->set_topic(from.topic);
    to->set_partition(from.partition.value());
    to->set_leads(from.leads);
    to->set_reason(from.reason);
  }
  call->succeed(answer, response);
}

// By the node that decides, when it would take the request: what the others of the partition have right now
// is asked of their leader, and the target that was judged is the one that is changed.
void check_and_rebuild(const ContextPtr& context, CallHold<UnaryCall> call, broker::MoveRequest question,
                       model::NodeId node, const broker::MoveResult& would, grpc::ByteBuffer* response) {
  if (would.targets.empty()) {
    v1::MoveResponse nothing;
    fill_moves(would, &nothing);
    return call->succeed(nothing, response);
  }
  question.epoch = would.targets.front().epoch - 1;
  v1::ListPartitionsRequest request;
  request.add_topics(question.topic);
  all_partitions(
      context, std::move(call), Known::kToAll, request,
      [context, question = std::move(question), node, response](
          const CallHold<UnaryCall>& again, const v1::ListPartitionsResponse& partitions,
          const v1::DescribeClusterResponse& /*view*/) mutable {
        const auto known = read_partitions(partitions);
        const auto subject = std::find_if(known.begin(), known.end(), [&question](const auto& one) {
          return one.partition == question.partition;
        });
        if (subject == known.end())
          return again->fail({ErrorCode::kNotYet, "the partition is not known here yet; retry", 100});
        if (auto may = broker::check_rebuild(*subject, node); !may) return again->fail(may.error());
        context->broker.move_partition(
            std::move(question), again->answer<v1::MoveResponse, broker::MoveResult>(response, fill_moves));
      });
}

}  // namespace

grpc::ServerUnaryReactor* AdminService::DescribeCluster(grpc::CallbackServerContext* server_call,
                                                        const grpc::ByteBuffer* bytes,
                                                        grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kDescribeCluster, *server_call);
  if (!call->read<v1::DescribeClusterRequest>(*bytes)) return call;
  own_view(
      context_, CallHold(call),
      [context = context_, response](CallHold<UnaryCall> hold, v1::DescribeClusterResponse view) mutable {
        answer_cluster(context, std::move(hold), response, std::move(view));
      });
  return call;
}

grpc::ServerUnaryReactor* AdminService::ListPartitions(grpc::CallbackServerContext* server_call,
                                                       const grpc::ByteBuffer* bytes,
                                                       grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kListPartitions, *server_call);
  const auto request = call->read<v1::ListPartitionsRequest>(*bytes);
  if (!request) return call;
  if (request->topics_size() == 1) call->about(request->topics(0));
  CallHold hold(call);
  const Known known = hold->is_forwarded_here() ? Known::kHere : Known::kToAll;
  all_partitions(
      context_, std::move(hold), known, *request,
      [response](const CallHold<UnaryCall>& again, const v1::ListPartitionsResponse& partitions,
                 const v1::DescribeClusterResponse& /*view*/) { again->succeed(partitions, response); });
  return call;
}

grpc::ServerUnaryReactor* AdminService::CheckNodeStop(grpc::CallbackServerContext* server_call,
                                                      const grpc::ByteBuffer* bytes,
                                                      grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kCheckNodeStop, *server_call);
  const auto request = call->read<v1::CheckNodeStopRequest>(*bytes);
  if (!request) return call;
  v1::ListPartitionsRequest all;
  all.set_include_internal(true);
  all_partitions(context_, CallHold(call), Known::kToAll, all,
                 [response, node = request->node()](CallHold<UnaryCall> hold,
                                                    const v1::ListPartitionsResponse& partitions,
                                                    const v1::DescribeClusterResponse& view) {
                   answer_stop_check(std::move(hold), response, node, partitions, view);
                 });
  return call;
}

grpc::ServerUnaryReactor* AdminService::SetNodeDrained(grpc::CallbackServerContext* server_call,
                                                       const grpc::ByteBuffer* bytes,
                                                       grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kSetNodeDrained, *server_call);
  const auto request = call->read<v1::SetNodeDrainedRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/SetNodeDrained", *bytes, Effect::kChanges);
  context_->broker.set_node_drained(model::NodeId(request->node()), request->drained(),
                                    call->answer<v1::SetNodeDrainedResponse, std::monostate>(
                                        response, [](std::monostate, v1::SetNodeDrainedResponse*) {}));
  return call;
}

grpc::ServerUnaryReactor* AdminService::RebuildReplica(grpc::CallbackServerContext* server_call,
                                                       const grpc::ByteBuffer* bytes,
                                                       grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kRebuildReplica, *server_call);
  const auto request = call->read<v1::RebuildReplicaRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/RebuildReplica", *bytes, Effect::kChanges);
  call->about(request->topic(), request->partition());
  const model::NodeId node(request->node());
  broker::MoveRequest question;
  question.topic = request->topic();
  question.partition = model::PartitionIndex(request->partition());
  if (request->has_epoch()) question.epoch = request->epoch();
  question.what = broker::RebuildReplica{node};
  broker::MoveRequest asked = question;
  asked.validate_only = true;
  question.validate_only = request->validate_only();
  context_->broker.move_partition(
      std::move(asked), [context = context_, hold = CallHold(call), question = std::move(question), node,
                         response](Result<broker::MoveResult> would) mutable {
        if (would)
          return check_and_rebuild(context, std::move(hold), std::move(question), node, *would, response);
        if (!hold->forward(would.error(), response)) hold->fail(would.error());
      });
  return call;
}

grpc::ServerUnaryReactor* AdminService::DecommissionNode(grpc::CallbackServerContext* server_call,
                                                         const grpc::ByteBuffer* bytes,
                                                         grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kDecommissionNode, *server_call);
  const auto request = call->read<v1::DecommissionNodeRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/DecommissionNode", *bytes, Effect::kChanges);
  context_->broker.decommission_node(
      {.node = model::NodeId(request->node()),
       .cancel = request->cancel(),
       .allow_fewer_racks = request->allow_fewer_racks(),
       .validate_only = request->validate_only()},
      call->answer<v1::DecommissionNodeResponse, broker::DecommissionResult>(
          response, [](const broker::DecommissionResult& result, v1::DecommissionNodeResponse* to) {
            to->set_replicas(result.replicas);
            for (const auto& [node, count] : result.gains) {
              v1::ReplicaGain* gain = to->add_gains();
              gain->set_node(node.value());
              gain->set_replicas(count);
            }
          }));
  return call;
}

grpc::ServerUnaryReactor* AdminService::SetMoveRate(grpc::CallbackServerContext* server_call,
                                                    const grpc::ByteBuffer* bytes,
                                                    grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kSetMoveRate, *server_call);
  const auto request = call->read<v1::SetMoveRateRequest>(*bytes);
  if (!request) return call;
  context_->broker.set_move_rate(
      request->bytes_per_second(),
      call->answer<v1::SetMoveRateResponse, std::uint64_t>(
          response, [](std::uint64_t previous, v1::SetMoveRateResponse* to) { to->set_previous(previous); }));
  return call;
}

grpc::ServerUnaryReactor* AdminService::RecoverPartition(grpc::CallbackServerContext* server_call,
                                                         const grpc::ByteBuffer* bytes,
                                                         grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kRecoverPartition, *server_call);
  const auto request = call->read<v1::RecoverPartitionRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/RecoverPartition", *bytes, Effect::kChanges);
  call->about(request->topic(), request->partition());
  broker::RecoverPartitionRequest question;
  question.topic = request->topic();
  question.partition = model::PartitionIndex(request->partition());
  question.node = model::NodeId(request->node());
  question.dry_run = request->dry_run();
  for (const std::uint32_t node : request->lost()) question.lost.emplace_back(node);
  question.by = request->by();
  if (request->timeout_ms() != 0) question.timeout = std::chrono::milliseconds(request->timeout_ms());
  context_->broker.recover_partition(
      std::move(question),
      call->answer<v1::RecoverPartitionResponse, partition::MajorityLoss>(
          response, [](const partition::MajorityLoss& loss, v1::RecoverPartitionResponse* to) {
            for (const auto& voter : loss.lost) {
              v1::LostVoter* lost = to->add_lost();
              lost->set_node(voter.node.value());
              lost->set_disk_id(voter.disk.to_string());
            }
            for (const auto& voter : loss.left) to->add_left(voter.node.value());
            to->set_end_offset(loss.end.value());
            to->set_committed_offset(loss.committed.value());
          }));
  return call;
}

}  // namespace forebay::api
