#include "api/schemas_service.h"

#include <utility>

#include "api/schema_usage.h"
#include "api/unary_call.h"

namespace forebay::api {

// A request that another node has sent on is answered here or not at all.
template <typename Request>
grpc::ServerUnaryReactor* SchemasService::serve(Method method, const grpc::CallbackServerContext& server_call,
                                                const grpc::ByteBuffer& bytes, grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, method, server_call);
  auto request = call->read<Request>(bytes);
  if (!request) return call;
  using Response = ClusterRegistry::ResponseOf<Request>;
  registry_.call(std::move(*request), {!call->is_forwarded_here(), call->deadline()},
                 schema::Done<Response>([hold = CallHold(call), response](Result<Response> answer) mutable {
                   if (!answer) return hold->fail(answer.error());
                   hold->succeed(*answer, response);
                 }));
  return call;
}

grpc::ServerUnaryReactor* SchemasService::RegisterSchema(grpc::CallbackServerContext* call,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return serve<v1::RegisterSchemaRequest>(Method::kRegisterSchema, *call, *request, response);
}

grpc::ServerUnaryReactor* SchemasService::LookupSchema(grpc::CallbackServerContext* call,
                                                       const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* response) {
  return serve<v1::LookupSchemaRequest>(Method::kLookupSchema, *call, *request, response);
}

grpc::ServerUnaryReactor* SchemasService::CheckSchema(grpc::CallbackServerContext* call,
                                                      const grpc::ByteBuffer* request,
                                                      grpc::ByteBuffer* response) {
  return serve<v1::CheckSchemaRequest>(Method::kCheckSchema, *call, *request, response);
}

grpc::ServerUnaryReactor* SchemasService::GetSchema(grpc::CallbackServerContext* call,
                                                    const grpc::ByteBuffer* request,
                                                    grpc::ByteBuffer* response) {
  return serve<v1::GetSchemaRequest>(Method::kGetSchema, *call, *request, response);
}

grpc::ServerUnaryReactor* SchemasService::GetSchemaVersion(grpc::CallbackServerContext* call,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return serve<v1::GetSchemaVersionRequest>(Method::kGetSchemaVersion, *call, *request, response);
}

grpc::ServerUnaryReactor* SchemasService::ListSubjects(grpc::CallbackServerContext* call,
                                                       const grpc::ByteBuffer* request,
                                                       grpc::ByteBuffer* response) {
  return serve<v1::ListSubjectsRequest>(Method::kListSubjects, *call, *request, response);
}

grpc::ServerUnaryReactor* SchemasService::ListSchemaVersions(grpc::CallbackServerContext* call,
                                                             const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) {
  return serve<v1::ListSchemaVersionsRequest>(Method::kListSchemaVersions, *call, *request, response);
}

// By hand a version that still arrives is not deleted by mistake; the REST face does as other registries do.
grpc::ServerUnaryReactor* SchemasService::DeleteSchemaVersions(grpc::CallbackServerContext* server_call,
                                                               const grpc::ByteBuffer* bytes,
                                                               grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kDeleteSchemaVersions, *server_call);
  auto request = call->read<v1::DeleteSchemaVersionsRequest>(*bytes);
  if (!request) return call;
  const ClusterRegistry::Options options{!call->is_forwarded_here(), call->deadline()};
  auto remove = [this, options, hold = CallHold(call),
                 response](v1::DeleteSchemaVersionsRequest wanted) mutable {
    registry_.call(
        std::move(wanted), options,
        schema::Done<v1::DeleteSchemaVersionsResponse>(
            [hold = std::move(hold), response](Result<v1::DeleteSchemaVersionsResponse> answer) mutable {
              if (!answer) return hold->fail(answer.error());
              hold->succeed(*answer, response);
            }));
  };
  if (request->force() || request->permanent() || call->is_forwarded_here()) {
    remove(std::move(*request));
    return call;
  }
  const v1::DeleteSchemaVersionsRequest question = *request;
  check_unused(context_, registry_, question, options,
               [hold = CallHold(call), request = std::move(*request),
                remove = std::move(remove)](const Result<std::monostate>& unused) mutable {
                 if (!unused) return hold->fail(unused.error());
                 remove(std::move(request));
               });
  return call;
}

grpc::ServerUnaryReactor* SchemasService::DescribeSchemaUsage(grpc::CallbackServerContext* server_call,
                                                              const grpc::ByteBuffer* bytes,
                                                              grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(context_, Method::kDescribeSchemaUsage, *server_call);
  auto request = call->read<v1::DescribeSchemaUsageRequest>(*bytes);
  if (!request) return call;
  describe_usage(context_, registry_, std::move(*request), {!call->is_forwarded_here(), call->deadline()},
                 [hold = CallHold(call), response](Result<v1::DescribeSchemaUsageResponse> answer) mutable {
                   if (!answer) return hold->fail(answer.error());
                   hold->succeed(*answer, response);
                 });
  return call;
}

grpc::ServerUnaryReactor* SchemasService::GetSchemaRules(grpc::CallbackServerContext* call,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return serve<v1::GetSchemaRulesRequest>(Method::kGetSchemaRules, *call, *request, response);
}

grpc::ServerUnaryReactor* SchemasService::SetSchemaRules(grpc::CallbackServerContext* call,
                                                         const grpc::ByteBuffer* request,
                                                         grpc::ByteBuffer* response) {
  return serve<v1::SetSchemaRulesRequest>(Method::kSetSchemaRules, *call, *request, response);
}

grpc::ServerUnaryReactor* SchemasService::ClearSchemaRules(grpc::CallbackServerContext* call,
                                                           const grpc::ByteBuffer* request,
                                                           grpc::ByteBuffer* response) {
  return serve<v1::ClearSchemaRulesRequest>(Method::kClearSchemaRules, *call, *request, response);
}

grpc::ServerUnaryReactor* SchemasService::ListSchemaContexts(grpc::CallbackServerContext* call,
                                                             const grpc::ByteBuffer* request,
                                                             grpc::ByteBuffer* response) {
  return serve<v1::ListSchemaContextsRequest>(Method::kListSchemaContexts, *call, *request, response);
}

grpc::ServerUnaryReactor* SchemasService::DeleteSchemaContext(grpc::CallbackServerContext* call,
                                                              const grpc::ByteBuffer* request,
                                                              grpc::ByteBuffer* response) {
  return serve<v1::DeleteSchemaContextRequest>(Method::kDeleteSchemaContext, *call, *request, response);
}

}  // namespace forebay::api
