// Configuration and mode: of all, of a context, of a subject.
#include <nlohmann/json.hpp>

#include "http/registry_answers.h"
#include "http/registry_handlers.h"
#include "http/registry_requests.h"
#include "schema/core/registry_error.h"
#include "schema/core/subject_name.h"

namespace forebay::http {
namespace {

using nlohmann::json;
using schema::RegistryCode;

constexpr const char* kLevelOfConfig = "compatibilityLevel";
constexpr const char* kLevelOfChange = "compatibility";

// Empty: all, which the default context by its name is too.
std::string scope_of(const Exchange& exchange) {
  if (exchange.request().path.size() < 2) return {};
  const auto name = schema::parse_scope(exchange.segment(1));
  return name ? name->qualified() : exchange.segment(1);
}

template <typename Then>
void with_rules(Exchange exchange, Then then) {
  v1::GetSchemaRulesRequest request;
  request.set_scope(scope_of(exchange));
  schema::RegistryCalls& calls = exchange.calls();
  calls.get_schema_rules(std::move(request),
                         answering<v1::GetSchemaRulesResponse>(std::move(exchange), std::move(then)));
}

// What holds, without what is only as it is everywhere.
v1::SchemaRules told_of(const v1::SchemaRules& effective) {
  v1::SchemaRules rules = effective;
  if (!rules.normalize()) rules.clear_normalize();
  if (rules.json_policy() == v1::JSON_SCHEMA_POLICY_STRICT) rules.clear_json_policy();
  return rules;
}

void change(Exchange exchange, OrRestError<v1::SchemaRules> (*read)(const json&), bool force,
            void (*answer)(Exchange&, const v1::SchemaRules&)) {
  const auto body = parse_body(exchange.request().body);
  if (const auto* error = std::get_if<RestError>(&body)) return exchange.fail(*error);
  const auto rules = read(std::get<json>(body));
  if (const auto* error = std::get_if<RestError>(&rules)) return exchange.fail(*error);
  v1::SetSchemaRulesRequest request;
  request.set_scope(scope_of(exchange));
  *request.mutable_change() = std::get<v1::SchemaRules>(rules);
  request.set_force(force);
  schema::RegistryCalls& calls = exchange.calls();
  calls.set_schema_rules(
      request, answering<v1::SetSchemaRulesResponse>(
                   std::move(exchange),
                   [asked = request.change(), answer](Exchange& to, const v1::SetSchemaRulesResponse&) {
                     answer(to, asked);  // as the convention has it: what was asked for
                   }));
}

// Answers what it was before: of all, where nothing need be set, what held.
void clear(Exchange exchange, bool config, void (*answer)(Exchange&, const v1::SchemaRules&)) {
  with_rules(std::move(exchange), [config, answer](Exchange& to, const v1::GetSchemaRulesResponse& rules) {
    const bool all = scope_of(to).empty();
    v1::ClearSchemaRulesRequest request;
    request.set_scope(scope_of(to));
    request.set_config(config);
    request.set_mode(!config);
    schema::RegistryCalls& calls = to.calls();
    calls.clear_schema_rules(std::move(request),
                             answering<v1::SetSchemaRulesResponse>(
                                 std::move(to), [all, answer, held = told_of(rules.effective())](
                                                    Exchange& then, const v1::SetSchemaRulesResponse& done) {
                                   answer(then, all ? held : done.before());
                                 }));
  });
}

bool has_config(const v1::SchemaRules& rules) {
  return rules.has_level() || rules.has_json_policy() || rules.has_normalize() || rules.has_alias() ||
         rules.has_group();
}

}  // namespace

void get_config(Exchange exchange) {
  with_rules(std::move(exchange), [](Exchange& to, const v1::GetSchemaRulesResponse& rules) {
    const std::string scope = scope_of(to);
    if (scope.empty() || to.flag("defaultToGlobal"))
      return to.answer(config_json(told_of(rules.effective()), kLevelOfConfig));
    if (has_config(rules.own())) return to.answer(config_json(rules.own(), kLevelOfConfig));
    to.fail(schema::registry_error(RegistryCode::kNoSubjectConfig,
                                   "Subject '" + scope +
                                       "' does not have subject-level compatibility "
                                       "configured"));
  });
}

void put_config(Exchange exchange) {
  change(std::move(exchange), config_change, false,
         [](Exchange& to, const v1::SchemaRules& asked) { to.answer(config_json(asked, kLevelOfChange)); });
}

void delete_config(Exchange exchange) {
  clear(std::move(exchange), true,
        [](Exchange& to, const v1::SchemaRules& before) { to.answer(config_json(before, kLevelOfConfig)); });
}

void get_mode(Exchange exchange) {
  with_rules(std::move(exchange), [](Exchange& to, const v1::GetSchemaRulesResponse& rules) {
    const std::string scope = scope_of(to);
    if (scope.empty() || to.flag("defaultToGlobal")) return to.answer(mode_json(rules.effective().mode()));
    if (rules.own().has_mode()) return to.answer(mode_json(rules.own().mode()));
    to.fail(schema::registry_error(RegistryCode::kNoSubjectMode,
                                   "Subject '" + scope + "' does not have subject-level mode configured"));
  });
}

void put_mode(Exchange exchange) {
  const bool force = exchange.flag("force");
  change(std::move(exchange), mode_change, force,
         [](Exchange& to, const v1::SchemaRules& asked) { to.answer(mode_json(asked.mode())); });
}

void delete_mode(Exchange exchange) {
  clear(std::move(exchange), false,
        [](Exchange& to, const v1::SchemaRules& before) { to.answer(mode_json(before.mode())); });
}

}  // namespace forebay::http
