// The service SchemaRegistry: what every call does stands in registry_calls.h. Its methods get and give raw
// bytes (messages.h). Thread rules: called by gRPC on its threads.
#pragma once

#include "api/context.h"
#include "api/registry_calls.h"
#include "forebay/v1/schemas.grpc.pb.h"

namespace forebay::api {

using SchemasServiceBase = v1::SchemaRegistry::WithRawCallbackMethod_RegisterSchema<
    v1::SchemaRegistry::WithRawCallbackMethod_LookupSchema<
        v1::SchemaRegistry::WithRawCallbackMethod_CheckSchema<
            v1::SchemaRegistry::WithRawCallbackMethod_GetSchema<
                v1::SchemaRegistry::WithRawCallbackMethod_GetSchemaVersion<
                    v1::SchemaRegistry::WithRawCallbackMethod_ListSubjects<
                        v1::SchemaRegistry::WithRawCallbackMethod_ListSchemaVersions<
                            v1::SchemaRegistry::WithRawCallbackMethod_DeleteSchemaVersions<
                                v1::SchemaRegistry::WithRawCallbackMethod_GetSchemaRules<
                                    v1::SchemaRegistry::WithRawCallbackMethod_SetSchemaRules<
                                        v1::SchemaRegistry::WithRawCallbackMethod_ClearSchemaRules<
                                            v1::SchemaRegistry::WithRawCallbackMethod_DescribeSchemaUsage<
                                                v1::SchemaRegistry::WithRawCallbackMethod_ListSchemaContexts<
                                                    v1::SchemaRegistry::
                                                        WithRawCallbackMethod_DeleteSchemaContext<
                                                            v1::SchemaRegistry::Service>>>>>>>>>>>>>>;

class SchemasService final : public SchemasServiceBase {
 public:
  explicit SchemasService(ContextPtr context) : context_(context), registry_(std::move(context)) {}

  grpc::ServerUnaryReactor* RegisterSchema(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* LookupSchema(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* CheckSchema(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                        grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetSchema(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetSchemaVersion(grpc::CallbackServerContext* call,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListSubjects(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                         grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListSchemaVersions(grpc::CallbackServerContext* call,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteSchemaVersions(grpc::CallbackServerContext* call,
                                                 const grpc::ByteBuffer* request,
                                                 grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* GetSchemaRules(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* SetSchemaRules(grpc::CallbackServerContext* call, const grpc::ByteBuffer* request,
                                           grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ClearSchemaRules(grpc::CallbackServerContext* call,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DescribeSchemaUsage(grpc::CallbackServerContext* call,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* ListSchemaContexts(grpc::CallbackServerContext* call,
                                               const grpc::ByteBuffer* request,
                                               grpc::ByteBuffer* response) override;
  grpc::ServerUnaryReactor* DeleteSchemaContext(grpc::CallbackServerContext* call,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) override;

 private:
  template <typename Request>
  [[nodiscard]] grpc::ServerUnaryReactor* serve(Method method, const grpc::CallbackServerContext& call,
                                                const grpc::ByteBuffer& bytes, grpc::ByteBuffer* response);

  const ContextPtr context_;
  ClusterRegistry registry_;
};

}  // namespace forebay::api
