// Admin's calls about where replicas are to be.
#include <utility>

#include "api/admin_service.h"
#include "api/move_answer.h"
#include "api/unary_call.h"

namespace forebay::api {
namespace {

template <typename Nodes>
void put_nodes(const std::vector<model::NodeId>& from, Nodes* to) {
  for (const model::NodeId node : from) to->Add(node.value());
}

// What the requests about one partition have in common.
template <typename Request>
broker::MoveRequest subject_of(const Request& request) {
  broker::MoveRequest question;
  question.topic = request.topic();
  question.partition = model::PartitionIndex(request.partition());
  if (request.has_epoch()) question.epoch = request.epoch();
  question.validate_only = request.validate_only();
  return question;
}

}  // namespace

void fill_moves(const broker::MoveResult& from, v1::MoveResponse* to) {
  for (const broker::PartitionTarget& target : from.targets) {
    v1::PartitionTarget* one = to->add_targets();
    one->set_partition(target.partition.value());
    one->set_epoch(target.epoch);
    put_nodes(target.from, one->mutable_from());
    put_nodes(target.to, one->mutable_to());
    if (target.rebuild) one->set_rebuild(target.rebuild->value());
  }
  for (const std::string& warning : from.warnings) to->add_warnings(warning);
}

grpc::ServerUnaryReactor* AdminService::MovePartition(grpc::CallbackServerContext* server_call,
                                                      const grpc::ByteBuffer* bytes,
                                                      grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kMovePartition, *server_call);
  const auto request = call->read<v1::MovePartitionRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/MovePartition", *bytes, Effect::kChanges);
  call->about(request->topic(), request->partition());
  broker::MoveRequest question = subject_of(*request);
  broker::MoveTo to;
  for (const std::uint32_t node : request->to()) to.nodes.emplace_back(node);
  question.what = std::move(to);
  context_->broker.move_partition(std::move(question),
                                  call->answer<v1::MoveResponse, broker::MoveResult>(response, fill_moves));
  return call;
}

grpc::ServerUnaryReactor* AdminService::CancelMove(grpc::CallbackServerContext* server_call,
                                                   const grpc::ByteBuffer* bytes,
                                                   grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kCancelMove, *server_call);
  const auto request = call->read<v1::CancelMoveRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/CancelMove", *bytes, Effect::kChanges);
  call->about(request->topic(), request->partition());
  broker::MoveRequest question = subject_of(*request);
  question.what = broker::CancelMove{};
  context_->broker.move_partition(std::move(question),
                                  call->answer<v1::MoveResponse, broker::MoveResult>(response, fill_moves));
  return call;
}

grpc::ServerUnaryReactor* AdminService::ChangeReplication(grpc::CallbackServerContext* server_call,
                                                          const grpc::ByteBuffer* bytes,
                                                          grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kChangeReplication, *server_call);
  const auto request = call->read<v1::ChangeReplicationRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/ChangeReplication", *bytes, Effect::kChanges);
  call->about(request->topic());
  context_->broker.change_replication(
      {request->topic(), request->replication_factor(), request->allow_single_copy(),
       request->validate_only()},
      call->answer<v1::MoveResponse, broker::MoveResult>(response, fill_moves));
  return call;
}

grpc::ServerUnaryReactor* AdminService::TransferLeader(grpc::CallbackServerContext* server_call,
                                                       const grpc::ByteBuffer* bytes,
                                                       grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kTransferLeader, *server_call);
  const auto request = call->read<v1::TransferLeaderRequest>(*bytes);
  if (!request) return call;
  call->forward_to_leader("/forebay.v1.Admin/TransferLeader", *bytes, Effect::kChanges);
  call->about(request->topic(), request->partition());
  context_->broker.transfer_leader(
      {request->topic(), model::PartitionIndex(request->partition()), model::NodeId(request->to())},
      call->answer<v1::TransferLeaderResponse, std::monostate>(
          response, [](std::monostate, v1::TransferLeaderResponse*) {}));
  return call;
}

}  // namespace forebay::api
