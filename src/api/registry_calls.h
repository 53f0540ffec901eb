// The registry of the cluster: each call is answered from the state of this node, or by the node that leads
// `__schemas`, to which it is sent once. A change that was sent on is answered when the state here has it
// too, so that who asks the same node next sees it.
//  - Reads: from the state here, if there is one that has caught up; what is not found in it is asked of the
//    leader, for it may just have come.
//  - Changes: by the leader.
// What waits for a leader to be there ends when the node stops.
// Thread rules: any thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "api/context.h"
#include "schema/registry_calls.h"

namespace forebay::api {

template <typename Request>
struct RegistryMethod;
template <>
struct RegistryMethod<v1::RegisterSchemaRequest> {
  using Response = v1::RegisterSchemaResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/RegisterSchema";
  static constexpr bool kChanges = true;
};
template <>
struct RegistryMethod<v1::LookupSchemaRequest> {
  using Response = v1::SchemaVersion;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/LookupSchema";
  static constexpr bool kChanges = false;
};
template <>
struct RegistryMethod<v1::CheckSchemaRequest> {
  using Response = v1::CheckSchemaResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/CheckSchema";
  static constexpr bool kChanges = false;
};
template <>
struct RegistryMethod<v1::GetSchemaRequest> {
  using Response = v1::GetSchemaResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/GetSchema";
  static constexpr bool kChanges = false;
};
template <>
struct RegistryMethod<v1::GetSchemaVersionRequest> {
  using Response = v1::GetSchemaVersionResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/GetSchemaVersion";
  static constexpr bool kChanges = false;
};
template <>
struct RegistryMethod<v1::ListSubjectsRequest> {
  using Response = v1::ListSubjectsResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/ListSubjects";
  static constexpr bool kChanges = false;
};
template <>
struct RegistryMethod<v1::ListSchemaVersionsRequest> {
  using Response = v1::ListSchemaVersionsResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/ListSchemaVersions";
  static constexpr bool kChanges = false;
};
template <>
struct RegistryMethod<v1::DeleteSchemaVersionsRequest> {
  using Response = v1::DeleteSchemaVersionsResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/DeleteSchemaVersions";
  static constexpr bool kChanges = true;
};
template <>
struct RegistryMethod<v1::GetSchemaRulesRequest> {
  using Response = v1::GetSchemaRulesResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/GetSchemaRules";
  static constexpr bool kChanges = false;
};
template <>
struct RegistryMethod<v1::SetSchemaRulesRequest> {
  using Response = v1::SetSchemaRulesResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/SetSchemaRules";
  static constexpr bool kChanges = true;
};
template <>
struct RegistryMethod<v1::ClearSchemaRulesRequest> {
  using Response = v1::SetSchemaRulesResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/ClearSchemaRules";
  static constexpr bool kChanges = true;
};
template <>
struct RegistryMethod<v1::ListSchemaContextsRequest> {
  using Response = v1::ListSchemaContextsResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/ListSchemaContexts";
  static constexpr bool kChanges = false;
};
template <>
struct RegistryMethod<v1::DeleteSchemaContextRequest> {
  using Response = v1::DeleteSchemaContextResponse;
  static constexpr const char* kPath = "/forebay.v1.SchemaRegistry/DeleteSchemaContext";
  static constexpr bool kChanges = true;
};

// A call of a face that has no object of its own for it: counted while it is held, so that the stop waits for
// it as for gRPC's.
class HeldCall final : public OpenCall {
 public:
  // Nothing: the node is stopping.
  [[nodiscard]] static std::optional<CallHold<HeldCall>> begin(std::shared_ptr<CallRegistry> registry) {
    auto* call = new HeldCall(std::move(registry));
    std::optional<CallHold<HeldCall>> hold(call);
    if (!call->enlist()) hold.reset();
    call->release();
    return hold;
  }
  // It is answered by itself: what may take long asks whether the node is stopping.
  void stop(const Error& /*why*/) override {}

 private:
  using OpenCall::OpenCall;
};

class ClusterRegistry final : public schema::RegistryCalls {
 public:
  template <typename Request>
  using ResponseOf = typename RegistryMethod<Request>::Response;
  struct Options {
    bool may_forward = true;
    Forwarder::Deadline deadline;
  };
  explicit ClusterRegistry(ContextPtr context) : context_(std::move(context)) {}

  template <typename Request>
  void call(Request request, const Options& options, schema::Done<ResponseOf<Request>> done);

  void register_schema(v1::RegisterSchemaRequest request,
                       schema::Done<v1::RegisterSchemaResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void lookup_schema(v1::LookupSchemaRequest request, schema::Done<v1::SchemaVersion> done) override {
    call_held(std::move(request), std::move(done));
  }
  void check_schema(v1::CheckSchemaRequest request, schema::Done<v1::CheckSchemaResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void get_schema(v1::GetSchemaRequest request, schema::Done<v1::GetSchemaResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void get_schema_version(v1::GetSchemaVersionRequest request,
                          schema::Done<v1::GetSchemaVersionResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void list_subjects(v1::ListSubjectsRequest request, schema::Done<v1::ListSubjectsResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void list_schema_versions(v1::ListSchemaVersionsRequest request,
                            schema::Done<v1::ListSchemaVersionsResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void delete_schema_versions(v1::DeleteSchemaVersionsRequest request,
                              schema::Done<v1::DeleteSchemaVersionsResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void get_schema_rules(v1::GetSchemaRulesRequest request,
                        schema::Done<v1::GetSchemaRulesResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void set_schema_rules(v1::SetSchemaRulesRequest request,
                        schema::Done<v1::SetSchemaRulesResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void clear_schema_rules(v1::ClearSchemaRulesRequest request,
                          schema::Done<v1::SetSchemaRulesResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void list_schema_contexts(v1::ListSchemaContextsRequest request,
                            schema::Done<v1::ListSchemaContextsResponse> done) override {
    call_held(std::move(request), std::move(done));
  }
  void delete_schema_context(v1::DeleteSchemaContextRequest request,
                             schema::Done<v1::DeleteSchemaContextResponse> done) override {
    call_held(std::move(request), std::move(done));
  }

 private:
  template <typename Request>
  void call_held(Request request, schema::Done<ResponseOf<Request>> done) {
    auto hold = HeldCall::begin(context_->calls);
    if (!hold) return done(stopping_error());
    call(std::move(request), by_default(),
         schema::Done<ResponseOf<Request>>(
             [hold = *std::move(hold), done = std::move(done)](Result<ResponseOf<Request>> answer) mutable {
               done(std::move(answer));
             }));
  }

  // As long as clients of registries wait by default, and some more.
  static constexpr std::chrono::seconds kAnswerMax{30};
  [[nodiscard]] static Options by_default() { return {true, std::chrono::system_clock::now() + kAnswerMax}; }

  const ContextPtr context_;
};

}  // namespace forebay::api
