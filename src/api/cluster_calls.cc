// Admin's calls about the whole cluster: each node that can be reached is asked for its view.
#include <algorithm>
#include <utility>

#include "api/admin_service.h"
#include "api/cluster_view.h"
#include "api/errors.h"
#include "api/leader_parts.h"
#include "api/unary_call.h"

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

void answer_partitions(const ContextPtr& context, CallHold<UnaryCall> call, grpc::ByteBuffer* response,
                       const v1::ListPartitionsRequest& request, v1::ListPartitionsResponse partitions,
                       const v1::DescribeClusterResponse& view) {
  const auto parts = others(view, request);
  if (parts.empty()) {
    finish_partitions(partitions);
    return call->succeed(partitions, response);
  }
  const auto deadline = ask_until(call);
  auto merge = [](v1::ListPartitionsResponse& into, const std::vector<int>& node,
                  const std::string& /*address*/, const Result<v1::ListPartitionsResponse>& answer) {
    if (answer) merge_partitions(into, *answer, static_cast<std::uint32_t>(node.front()));
  };
  ask_leaders(context, kListPartitionsPath, deadline, Effect::kReads, parts, std::move(partitions), merge,
              [call = std::move(call), response](v1::ListPartitionsResponse& whole) {
                finish_partitions(whole);
                call->succeed(whole, response);
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
  broker::ListPartitionsRequest question;
  question.topics.assign(request->topics().begin(), request->topics().end());
  question.include_internal = request->include_internal();
  question.hosted_only = call->is_forwarded_here();
  context_->broker.list_partitions(
      std::move(question), [context = context_, hold = CallHold(call), response, request = *request](
                               Result<std::vector<broker::PartitionReplicas>> found) mutable {
        if (!found) return hold->fail(found.error());
        v1::ListPartitionsResponse partitions;
        fill_partitions(*found, &partitions);
        if (hold->is_forwarded_here()) return hold->succeed(partitions, response);
        own_view(context, std::move(hold),
                 [context, response, request = std::move(request), partitions = std::move(partitions)](
                     CallHold<UnaryCall> call_again, v1::DescribeClusterResponse view) mutable {
                   answer_partitions(context, std::move(call_again), response, request, std::move(partitions),
                                     view);
                 });
      });
  return call;
}

}  // namespace forebay::api
