// The service Admin: topics, their configuration, the node, its log level (admin_service.cc), the cluster
// (cluster_calls.cc), and names of producers (producer_calls.cc). Its methods get and give raw bytes
// (messages.h).
// Thread rules: called by gRPC on its threads.
#pragma once

#include "api/context.h"
#include "forebay/v1/admin.grpc.pb.h"

namespace forebay::api {

using ProducerMethods = v1::Admin::WithRawCallbackMethod_ListProducers<
    v1::Admin::WithRawCallbackMethod_DeleteProducerName<v1::Admin::Service>>;
using AdminServiceBase = v1::Admin::WithRawCallbackMethod_CreateTopic<
    v1::Admin::WithRawCallbackMethod_ListTopics<v1::Admin::WithRawCallbackMethod_DescribeTopic<
        v1::Admin::WithRawCallbackMethod_AlterTopic<v1::Admin::WithRawCallbackMethod_DeleteTopic<
            v1::Admin::WithRawCallbackMethod_AddPartitions<v1::Admin::WithRawCallbackMethod_TrimTopic<
                v1::Admin::WithRawCallbackMethod_DescribeNode<v1::Admin::WithRawCallbackMethod_SetLogLevel<
                    v1::Admin::WithRawCallbackMethod_DescribeCluster<
                        v1::Admin::WithRawCallbackMethod_ListPartitions<
                            v1::Admin::WithRawCallbackMethod_SetNodeDrained<
                                v1::Admin::WithRawCallbackMethod_CheckNodeStop<
                                    v1::Admin::WithRawCallbackMethod_RecoverPartition<
                                        v1::Admin::WithRawCallbackMethod_MovePartition<
                                            v1::Admin::WithRawCallbackMethod_CancelMove<
                                                v1::Admin::WithRawCallbackMethod_RebuildReplica<
                                                    v1::Admin::WithRawCallbackMethod_ChangeReplication<
                                                        v1::Admin::WithRawCallbackMethod_TransferLeader<
                                                            v1::Admin::WithRawCallbackMethod_DecommissionNode<
                                                                v1::Admin::WithRawCallbackMethod_SetMoveRate<
                                                                    ProducerMethods>>>>>>>>>>>>>>>>>>>>>;

class AdminService final : public AdminServiceBase {
 public:
  explicit AdminService(ContextPtr context) : context_(std::move(context)) {}

  grpc::ServerUnaryReactor* CreateTopic(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListTopics(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DescribeTopic(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* AlterTopic(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteTopic(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* AddPartitions(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* TrimTopic(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DescribeNode(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SetLogLevel(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DescribeCluster(grpc::CallbackServerContext* call,
                                            const grpc::ByteBuffer* request,
                                            grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListPartitions(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SetNodeDrained(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* RecoverPartition(grpc::CallbackServerContext* call,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* CheckNodeStop(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* MovePartition(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* CancelMove(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* RebuildReplica(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ChangeReplication(grpc::CallbackServerContext* call,
                                              const grpc::ByteBuffer* request,
                                              grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* TransferLeader(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DecommissionNode(grpc::CallbackServerContext* call,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SetMoveRate(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListProducers(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteProducerName(grpc::CallbackServerContext* call,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) override;

 private:
  const ContextPtr context_;
};

}  // namespace forebay::api
