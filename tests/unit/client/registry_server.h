// The service SchemaRegistry on a port of its own: the registry's own decisions over a state in memory,
// behind real gRPC. Counts what it is asked.
#pragma once

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <chrono>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "api/errors.h"
#include "forebay/v1/schemas.grpc.pb.h"
#include "schema/core/registry_error.h"
#include "schema/local_calls.h"

namespace forebay::client {

class RegistryServer final : public v1::SchemaRegistry::Service,
                             private schema::ImageAccess,
                             private schema::ParsedSchemas {
 public:
  RegistryServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~RegistryServer() override { server_->Shutdown(); }

  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // How often a method was called.
  [[nodiscard]] int calls(const std::string& method) const {
    const std::lock_guard lock(mutex_);
    const auto at = calls_.find(method);
    return at == calls_.end() ? 0 : at->second;
  }
  // Pages hold so many from now on.
  void page(std::uint32_t count) { page_ = count; }
  // Records come with versions of that subject: they are deleted with `force` only.
  void use(const std::string& subject) { used_.insert(subject); }

  grpc::Status RegisterSchema(grpc::ServerContext*, const v1::RegisterSchemaRequest* request,
                              v1::RegisterSchemaResponse* response) override {
    return change("RegisterSchema", *request, *response);
  }
  grpc::Status LookupSchema(grpc::ServerContext*, const v1::LookupSchemaRequest* request,
                            v1::SchemaVersion* response) override {
    return read("LookupSchema", *request, *response);
  }
  grpc::Status CheckSchema(grpc::ServerContext*, const v1::CheckSchemaRequest* request,
                           v1::CheckSchemaResponse* response) override {
    return read("CheckSchema", *request, *response);
  }
  grpc::Status GetSchema(grpc::ServerContext*, const v1::GetSchemaRequest* request,
                         v1::GetSchemaResponse* response) override {
    return read("GetSchema", *request, *response);
  }
  grpc::Status GetSchemaVersion(grpc::ServerContext*, const v1::GetSchemaVersionRequest* request,
                                v1::GetSchemaVersionResponse* response) override {
    return read("GetSchemaVersion", *request, *response);
  }
  grpc::Status ListSubjects(grpc::ServerContext*, const v1::ListSubjectsRequest* request,
                            v1::ListSubjectsResponse* response) override {
    auto paged = *request;
    paged.set_count_max(page_);
    return read("ListSubjects", paged, *response);
  }
  grpc::Status ListSchemaVersions(grpc::ServerContext*, const v1::ListSchemaVersionsRequest* request,
                                  v1::ListSchemaVersionsResponse* response) override {
    auto paged = *request;
    paged.set_count_max(page_);
    return read("ListSchemaVersions", paged, *response);
  }
  grpc::Status DeleteSchemaVersions(grpc::ServerContext*, const v1::DeleteSchemaVersionsRequest* request,
                                    v1::DeleteSchemaVersionsResponse* response) override {
    if (!request->force() && !request->permanent() && used_.contains(request->subject()))
      return api::to_status(schema::registry_error(schema::RegistryCode::kNotPermitted, "is in use"));
    return change("DeleteSchemaVersions", *request, *response);
  }
  // Of version 1, now.
  grpc::Status DescribeSchemaUsage(grpc::ServerContext*, const v1::DescribeSchemaUsageRequest* request,
                                   v1::DescribeSchemaUsageResponse* response) override {
    if (!used_.contains(request->subject())) return grpc::Status::OK;
    auto* usage = response->add_usages();
    usage->set_version(1);
    usage->set_topic("orders");
    usage->set_records(1);
    usage->set_last_ms(std::chrono::duration_cast<std::chrono::milliseconds>(
                           std::chrono::system_clock::now().time_since_epoch())
                           .count());
    return grpc::Status::OK;
  }
  grpc::Status GetSchemaRules(grpc::ServerContext*, const v1::GetSchemaRulesRequest* request,
                              v1::GetSchemaRulesResponse* response) override {
    return read("GetSchemaRules", *request, *response);
  }
  grpc::Status SetSchemaRules(grpc::ServerContext*, const v1::SetSchemaRulesRequest* request,
                              v1::SetSchemaRulesResponse* response) override {
    return change("SetSchemaRules", *request, *response);
  }
  grpc::Status ClearSchemaRules(grpc::ServerContext*, const v1::ClearSchemaRulesRequest* request,
                                v1::SetSchemaRulesResponse* response) override {
    return change("ClearSchemaRules", *request, *response);
  }
  grpc::Status ListSchemaContexts(grpc::ServerContext*, const v1::ListSchemaContextsRequest* request,
                                  v1::ListSchemaContextsResponse* response) override {
    return read("ListSchemaContexts", *request, *response);
  }

 private:
  void look(const std::function<void(const schema::RegistryImage&)>& look) const override { look(image_); }
  Result<schema::SchemaPtr> parsed(const schema::ImageAccess& access,
                                   const schema::StoredSchemaPtr& schema) override {
    return schema::parse_stored(access, *schema);
  }
  template <typename Request, typename Response>
  grpc::Status read(const std::string& method, const Request& request, Response& response) {
    const std::lock_guard lock(mutex_);
    ++calls_[method];
    auto answer = schema::read(*this, *this, request);
    if (!answer) return api::to_status(answer.error());
    response = std::move(*answer);
    return grpc::Status::OK;
  }
  template <typename Request, typename Response>
  grpc::Status change(const std::string& method, const Request& request, Response& response) {
    const std::lock_guard lock(mutex_);
    ++calls_[method];
    const auto records = schema::decide(*this, *this, model::Timestamp(1'700'000'000'000), request, response);
    if (!records) return api::to_status(records.error());
    for (const schema::SchemaRecord& one : *records) {
      const auto applied = schema::apply(image_, one);
      if (!applied) return api::to_status(applied.error());
    }
    return grpc::Status::OK;
  }

  mutable std::mutex mutex_;
  schema::RegistryImage image_;
  std::map<std::string, int> calls_;
  std::uint32_t page_ = 0;
  std::set<std::string> used_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace forebay::client
