// The service Groups: unary calls are answered by the coordinator of the group, here or where it is; Join is
// a MemberCall. Its methods get and give raw bytes (messages.h). Thread rules: called by gRPC on its threads.
#pragma once

#include "api/context.h"
#include "forebay/v1/groups.grpc.pb.h"

namespace forebay::api {

using GroupsServiceBase =
    v1::Groups::WithRawCallbackMethod_Join<v1::Groups::WithRawCallbackMethod_CommitOffsets<
        v1::Groups::WithRawCallbackMethod_FetchOffsets<v1::Groups::WithRawCallbackMethod_CreateGroup<
            v1::Groups::WithRawCallbackMethod_ListGroups<v1::Groups::WithRawCallbackMethod_DescribeGroup<
                v1::Groups::WithRawCallbackMethod_GroupLag<v1::Groups::WithRawCallbackMethod_ResetOffsets<
                    v1::Groups::WithRawCallbackMethod_DeleteGroup<v1::Groups::Service>>>>>>>>>;

// Bounds of one request: what follows from it is one record, and the turn of a group is a few of them.
inline constexpr std::size_t kOffsetsBytesMax = 512U << 10;

class GroupsService final : public GroupsServiceBase {
 public:
  explicit GroupsService(ContextPtr context) : context_(std::move(context)) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Join(
      grpc::CallbackServerContext* call) override;
  grpc::ServerUnaryReactor* CommitOffsets(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* FetchOffsets(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* CreateGroup(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DescribeGroup(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                          grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListGroups(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GroupLag(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ResetOffsets(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteGroup(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;

 private:
  const ContextPtr context_;
};

}  // namespace forebay::api
