// The REST face over a registry in memory: what is asked is answered before ask() returns.
#pragma once

#include <sys/eventfd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "../../schema/registry/registry_fixture.h"
#include "http/registry_rest.h"
#include "schema/local_calls.h"

namespace forebay::http {

class MemoryCalls final : public schema::RegistryCalls {
 public:
  schema::TestRegistry registry;
  std::optional<Error> failure;  // of everything that is asked

  void register_schema(v1::RegisterSchemaRequest request,
                       schema::Done<v1::RegisterSchemaResponse> done) override {
    change(request, done);
  }
  void lookup_schema(v1::LookupSchemaRequest request, schema::Done<v1::SchemaVersion> done) override {
    read(request, done);
  }
  void check_schema(v1::CheckSchemaRequest request, schema::Done<v1::CheckSchemaResponse> done) override {
    read(request, done);
  }
  void get_schema(v1::GetSchemaRequest request, schema::Done<v1::GetSchemaResponse> done) override {
    form = std::exchange(*request.mutable_form(), "");
    read(request, done);
  }
  void get_schema_version(v1::GetSchemaVersionRequest request,
                          schema::Done<v1::GetSchemaVersionResponse> done) override {
    form = std::exchange(*request.mutable_form(), "");  // of Avro, there are none
    read(request, done);
  }
  void list_subjects(v1::ListSubjectsRequest request, schema::Done<v1::ListSubjectsResponse> done) override {
    request.set_count_max(std::min(request.count_max(), page_max));
    read(request, done);
  }
  void list_schema_versions(v1::ListSchemaVersionsRequest request,
                            schema::Done<v1::ListSchemaVersionsResponse> done) override {
    request.set_count_max(std::min(request.count_max(), page_max));
    read(request, done);
  }
  void delete_schema_versions(v1::DeleteSchemaVersionsRequest request,
                              schema::Done<v1::DeleteSchemaVersionsResponse> done) override {
    change(request, done);
  }
  void get_schema_rules(v1::GetSchemaRulesRequest request,
                        schema::Done<v1::GetSchemaRulesResponse> done) override {
    read(request, done);
  }
  void set_schema_rules(v1::SetSchemaRulesRequest request,
                        schema::Done<v1::SetSchemaRulesResponse> done) override {
    change(request, done);
  }
  void clear_schema_rules(v1::ClearSchemaRulesRequest request,
                          schema::Done<v1::SetSchemaRulesResponse> done) override {
    change(request, done);
  }
  void list_schema_contexts(v1::ListSchemaContextsRequest request,
                            schema::Done<v1::ListSchemaContextsResponse> done) override {
    read(request, done);
  }
  void delete_schema_context(v1::DeleteSchemaContextRequest request,
                             schema::Done<v1::DeleteSchemaContextResponse> done) override {
    change(request, done);
  }

  std::string form;            // that was asked for last
  std::uint32_t page_max = 2;  // small, so that lists have pages

 private:
  template <typename Q, typename A>
  void read(const Q& request, schema::Done<A>& done) {
    if (failure) return done(*failure);
    done(schema::read(registry, registry, request));
  }
  template <typename Q, typename A>
  void change(const Q& request, schema::Done<A>& done) {
    if (failure) return done(*failure);
    A answer;
    const auto records =
        schema::decide(registry, registry, model::Timestamp(1'700'000'000'000), request, answer);
    if (!records) return done(records.error());
    registry.take(*records);
    done(std::move(answer));
  }
};

class RestWorld {
 public:
  using Headers = std::map<std::string, std::string>;

  // Status 0: it is none of the registry's paths; -1: there is no answer; -2: no target.
  Response ask(const std::string& method, const std::string& target, const std::string& body = "",
               Headers headers = {}) {
    auto parsed = parse_target(target);
    if (!parsed) return {-2, {}, {}, {}};
    Request request{method, std::move(parsed->path), std::move(parsed->query), std::move(headers), body};
    if (!rest.handle(std::move(request), Respond(box_, ++ticket_, {-1, {}, {}, {}}))) {
      static_cast<void>(box_->take());
      return {0, {}, {}, {}};
    }
    auto answers = box_->take();
    if (answers.size() != 1 || answers[0].first != ticket_) return {-1, {}, {}, {}};
    return std::move(answers[0].second);
  }

  MemoryCalls calls;
  RegistryRest rest{calls, {[] { return std::string("cluster-1"); }, "1.2.3"}};

 private:
  std::shared_ptr<AnswerBox> box_ =
      std::make_shared<AnswerBox>(Descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
  std::uint64_t ticket_ = 0;
};

}  // namespace forebay::http
