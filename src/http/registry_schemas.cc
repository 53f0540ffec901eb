// Schemas by id and GUID, and contexts.
#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "http/registry_answers.h"
#include "http/registry_handlers.h"
#include "http/registry_pages.h"
#include "schema/core/subject_name.h"

namespace forebay::http {
namespace {

using nlohmann::json;

constexpr std::size_t kKey = 2;  // place in the path

template <typename Then>
void ask(Exchange exchange, v1::GetSchemaRequest request, Then then) {
  request.set_subject(exchange.text_parameter("subject"));
  request.set_form(exchange.text_parameter("format"));
  request.set_form_where_known(true);
  schema::RegistryCalls& calls = exchange.calls();
  calls.get_schema(std::move(request),
                   answering<v1::GetSchemaResponse>(std::move(exchange), std::move(then)));
}

template <typename Then>
void with_id(Exchange exchange, Then then) {
  const auto id = number_of(exchange.segment(kKey), "the id", 404);
  if (const auto* error = std::get_if<RestError>(&id)) return exchange.fail(*error);
  v1::GetSchemaRequest request;
  request.set_id(std::get<std::int32_t>(id));
  ask(std::move(exchange), std::move(request), std::move(then));
}

template <typename Then>
void with_guid(Exchange exchange, Then then) {
  v1::GetSchemaRequest request;
  request.set_guid(exchange.segment(kKey));
  ask(std::move(exchange), std::move(request), std::move(then));
}

// Of the context that was found. The subject that was asked with says which that is, and picks none out.
template <typename Take>
void each_use(const Exchange& exchange, const v1::GetSchemaResponse& found, Take take) {
  const bool deleted = exchange.flag("deleted");
  for (const auto& use : found.uses())
    if (!use.deleted() || deleted) take(use);
}

// The last version of the subject that was asked with, else the first of all. Nothing: all are deleted.
const v1::GetSchemaResponse::Use* use_told(const Exchange& exchange, const v1::GetSchemaResponse& found) {
  const auto wanted = schema::parse_scope(exchange.text_parameter("subject"));
  const v1::GetSchemaResponse::Use* told = nullptr;
  for (const auto& use : found.uses()) {
    if (use.deleted()) continue;
    const auto name = schema::parse_scope(use.subject());
    const bool same = wanted && name && name->subject == wanted->subject;
    if (told == nullptr || same) told = &use;
  }
  return told;
}

void answer_schema(Exchange& exchange, const v1::GetSchemaResponse& found) {
  exchange.answer(schema_by_id_json(found, exchange.flag("fetchMaxId"),
                                    exchange.is_extended() ? use_told(exchange, found) : nullptr));
}

}  // namespace

std::string context_named(std::string_view text) {
  if (text.starts_with(':')) text.remove_prefix(1);
  if (text.ends_with(':')) text.remove_suffix(1);
  return text.starts_with('.') ? std::string(text) : '.' + std::string(text);
}

void list_schemas(Exchange exchange) {
  const auto window = window_of(exchange, kSchemasShownMax);
  if (const auto* error = std::get_if<RestError>(&window)) return exchange.fail(*error);
  v1::ListSchemaVersionsRequest request;
  request.set_prefix(exchange.text_parameter("subjectPrefix"));
  request.set_deleted(exchange.flag("deleted"));
  request.set_deleted_only(exchange.flag("deletedOnly"));
  request.set_latest_only(exchange.flag("latestOnly"));
  request.set_with_schemas(true);
  collect_versions(std::move(exchange), std::move(request), std::get<Window>(window),
                   [](Exchange& to, const Versions& versions) {
                     json list = json::array();
                     for (const auto& one : versions) list.push_back(version_json(one, to.is_extended()));
                     to.answer(list);
                   });
}

void list_types(Exchange exchange) { exchange.answer(json::array({"JSON", "PROTOBUF", "AVRO"})); }

void get_by_id(Exchange exchange) { with_id(std::move(exchange), answer_schema); }

void get_by_id_schema(Exchange exchange) {
  with_id(std::move(exchange),
          [](Exchange& to, const v1::GetSchemaResponse& found) { to.answer_text(found.schema().text()); });
}

void get_by_id_subjects(Exchange exchange) {
  with_id(std::move(exchange), [](Exchange& to, const v1::GetSchemaResponse& found) {
    std::vector<std::string> subjects;
    each_use(to, found, [&](const auto& use) { subjects.push_back(use.subject()); });
    std::sort(subjects.begin(), subjects.end());
    subjects.erase(std::unique(subjects.begin(), subjects.end()), subjects.end());
    to.answer(json(subjects));
  });
}

void get_by_id_versions(Exchange exchange) {
  with_id(std::move(exchange), [](Exchange& to, const v1::GetSchemaResponse& found) {
    json versions = json::array();
    each_use(to, found, [&](const auto& use) {
      versions.push_back({{"subject", use.subject()}, {"version", use.version()}});
    });
    to.answer(versions);
  });
}

void get_by_guid(Exchange exchange) { with_guid(std::move(exchange), answer_schema); }

void get_by_guid_ids(Exchange exchange) {
  with_guid(std::move(exchange), [](Exchange& to, const v1::GetSchemaResponse& found) {
    json places = json::array();
    for (const auto& place : found.places())
      places.push_back({{"context", place.context()}, {"id", place.id()}});
    to.answer(places);
  });
}

void list_contexts(Exchange exchange) {
  const auto read = window_of(exchange, std::numeric_limits<std::int32_t>::max());
  if (const auto* error = std::get_if<RestError>(&read)) return exchange.fail(*error);
  schema::RegistryCalls& calls = exchange.calls();
  calls.list_schema_contexts(
      {}, answering<v1::ListSchemaContextsResponse>(
              std::move(exchange),
              [window = std::get<Window>(read)](Exchange& to, const v1::ListSchemaContextsResponse& list) {
                json names = json::array();
                std::uint64_t at = 0;
                for (const std::string& name : list.contexts())
                  if (at++ >= window.offset && names.size() < window.limit) names.push_back(name);
                to.answer(names);
              }));
}

void delete_context(Exchange exchange) {
  v1::DeleteSchemaContextRequest request;
  request.set_context(context_named(exchange.segment(1)));
  schema::RegistryCalls& calls = exchange.calls();
  calls.delete_schema_context(
      std::move(request), answering<v1::DeleteSchemaContextResponse>(
                              std::move(exchange), [](Exchange& to, const v1::DeleteSchemaContextResponse&) {
                                to.answer_nothing();
                              }));
}

}  // namespace forebay::http
