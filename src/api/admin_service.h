// The service Admin: topics, their configuration, the node, its log level.
// Thread rules: called by gRPC on its threads.
#pragma once

#include "api/context.h"
#include "forebay/v1/admin.grpc.pb.h"

namespace forebay::api {

class AdminService final : public v1::Admin::CallbackService {
 public:
  explicit AdminService(ContextPtr context) : context_(std::move(context)) {}

  grpc::ServerUnaryReactor* CreateTopic(grpc::CallbackServerContext* call,
                                        const v1::CreateTopicRequest* request,
                                        v1::CreateTopicResponse* response) override;
  grpc::ServerUnaryReactor* ListTopics(grpc::CallbackServerContext* call,
                                       const v1::ListTopicsRequest* request,
                                       v1::ListTopicsResponse* response) override;
  grpc::ServerUnaryReactor* DescribeTopic(grpc::CallbackServerContext* call,
                                          const v1::DescribeTopicRequest* request,
                                          v1::DescribeTopicResponse* response) override;
  grpc::ServerUnaryReactor* AlterTopic(grpc::CallbackServerContext* call,
                                       const v1::AlterTopicRequest* request,
                                       v1::AlterTopicResponse* response) override;
  grpc::ServerUnaryReactor* DeleteTopic(grpc::CallbackServerContext* call,
                                        const v1::DeleteTopicRequest* request,
                                        v1::DeleteTopicResponse* response) override;
  grpc::ServerUnaryReactor* AddPartitions(grpc::CallbackServerContext* call,
                                          const v1::AddPartitionsRequest* request,
                                          v1::AddPartitionsResponse* response) override;
  grpc::ServerUnaryReactor* TrimTopic(grpc::CallbackServerContext* call, const v1::TrimTopicRequest* request,
                                      v1::TrimTopicResponse* response) override;
  grpc::ServerUnaryReactor* DescribeNode(grpc::CallbackServerContext* call,
                                         const v1::DescribeNodeRequest* request,
                                         v1::DescribeNodeResponse* response) override;
  grpc::ServerUnaryReactor* SetLogLevel(grpc::CallbackServerContext* call,
                                        const v1::SetLogLevelRequest* request,
                                        v1::SetLogLevelResponse* response) override;

 private:
  const ContextPtr context_;
};

}  // namespace forebay::api
