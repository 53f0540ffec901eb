// Subjects, their versions, and what may become one.
#include <limits>
#include <nlohmann/json.hpp>

#include "http/registry_answers.h"
#include "http/registry_handlers.h"
#include "http/registry_pages.h"
#include "http/registry_requests.h"
#include "schema/core/registry_error.h"
#include "schema/core/registry_rules.h"

namespace forebay::http {
namespace {

using nlohmann::json;
using schema::RegistryCode;

constexpr std::size_t kSubject = 1;  // place in the path
constexpr std::size_t kVersion = 3;

// Nothing: it was answered as an error.
template <typename T>
std::optional<T> value_or_fail(Exchange& exchange, OrRestError<T> value) {
  if (T* found = std::get_if<T>(&value)) return std::move(*found);
  exchange.fail(std::get<RestError>(value));
  return std::nullopt;
}

std::optional<schema::VersionNumber> version_or_fail(Exchange& exchange, std::size_t place) {
  const auto version = schema::parse_version(exchange.segment(place));
  if (version) return *version;
  exchange.fail(version.error());
  return std::nullopt;
}

template <typename T>
std::optional<T> body_or_fail(Exchange& exchange, OrRestError<T> (*read)(const json&)) {
  const auto body = value_or_fail(exchange, parse_body(exchange.request().body));
  if (!body) return std::nullopt;
  return value_or_fail(exchange, read(*body));
}

void answer_version(Exchange& exchange, const v1::SchemaVersion& version) {
  exchange.answer(version_json(version, exchange.is_extended()));
}

// The version in the form that was asked for, which a search does not give.
void answer_in_form(Exchange exchange, const v1::SchemaVersion& version) {
  v1::GetSchemaVersionRequest request;
  request.set_subject(version.subject());
  request.set_as_named(true);
  request.set_version(version.version());
  request.set_deleted(version.deleted());
  request.set_form(exchange.text_parameter("format"));
  request.set_form_where_known(true);
  schema::RegistryCalls& calls = exchange.calls();
  calls.get_schema_version(
      std::move(request), answering<v1::GetSchemaVersionResponse>(
                              std::move(exchange), [](Exchange& to, const v1::GetSchemaVersionResponse& got) {
                                answer_version(to, got.version());
                              }));
}

void answer_found(Exchange& exchange, const v1::SchemaVersion& version) {
  if (exchange.text_parameter("format").empty()) return answer_version(exchange, version);
  answer_in_form(std::move(exchange), version);
}

// Asks for the version that the path names. `deleted`: also a softly deleted one.
template <typename Then>
void with_version(Exchange exchange, bool deleted, Then then) {
  const auto version = version_or_fail(exchange, kVersion);
  if (!version) return;
  v1::GetSchemaVersionRequest request;
  request.set_subject(exchange.segment(kSubject));
  request.set_in_any_context(true);
  request.set_version(*version);
  request.set_deleted(deleted);
  request.set_form(exchange.text_parameter("format"));
  request.set_form_where_known(true);
  schema::RegistryCalls& calls = exchange.calls();
  calls.get_schema_version(std::move(request),
                           answering<v1::GetSchemaVersionResponse>(std::move(exchange), std::move(then)));
}

// A schema that cannot be read is an answer to who asked for the reasons.
void check(Exchange exchange, std::optional<schema::VersionNumber> version) {
  auto spec = body_or_fail(exchange, schema_spec);
  if (!spec) return;
  v1::CheckSchemaRequest request;
  request.set_subject(exchange.segment(2));
  *request.mutable_schema() = std::move(*spec);
  request.set_normalize(exchange.flag("normalize"));
  if (version) request.set_version(*version);
  schema::RegistryCalls& calls = exchange.calls();
  calls.check_schema(
      std::move(request), [exchange = std::move(exchange)](Result<v1::CheckSchemaResponse> result) mutable {
        const bool verbose = exchange.flag("verbose");
        if (result) return exchange.answer(check_json(*result, verbose));
        const RestError error = rest_error(result.error());
        if (!verbose || error.code != static_cast<std::uint32_t>(RegistryCode::kInvalidSchema))
          return exchange.fail(error);
        exchange.answer({{"is_compatible", false}, {"messages", json::array({error.message})}});
      });
}

}  // namespace

void list_subjects(Exchange exchange) {
  const auto window = value_or_fail(exchange, window_of(exchange, kSubjectsShownMax));
  if (!window) return;
  v1::ListSubjectsRequest request;
  request.set_prefix(exchange.text_parameter("subjectPrefix", ":*:"));
  request.set_deleted(exchange.flag("deleted"));
  request.set_deleted_only(exchange.flag("deletedOnly"));
  collect_subjects(std::move(exchange), std::move(request), *window,
                   [](Exchange& to, const std::vector<std::string>& subjects) { to.answer(json(subjects)); });
}

void lookup_schema(Exchange exchange) {
  auto spec = body_or_fail(exchange, schema_spec);
  if (!spec) return;
  v1::LookupSchemaRequest request;
  request.set_subject(exchange.segment(kSubject));
  *request.mutable_schema() = std::move(*spec);
  request.set_normalize(exchange.flag("normalize"));
  request.set_deleted(exchange.flag("deleted"));
  request.set_in_any_context(true);
  schema::RegistryCalls& calls = exchange.calls();
  calls.lookup_schema(std::move(request), answering<v1::SchemaVersion>(std::move(exchange), answer_found));
}

void delete_subject(Exchange exchange) {
  v1::DeleteSchemaVersionsRequest request;
  request.set_subject(exchange.segment(kSubject));
  request.set_permanent(exchange.flag("permanent"));
  schema::RegistryCalls& calls = exchange.calls();
  calls.delete_schema_versions(
      std::move(request),
      answering<v1::DeleteSchemaVersionsResponse>(
          std::move(exchange), [](Exchange& to, const v1::DeleteSchemaVersionsResponse& deleted) {
            to.answer(json(std::vector<std::int32_t>(deleted.versions().begin(), deleted.versions().end())));
          }));
}

void list_versions(Exchange exchange) {
  const auto window = value_or_fail(exchange, window_of(exchange, std::numeric_limits<std::int32_t>::max()));
  if (!window) return;
  v1::ListSchemaVersionsRequest request;
  request.set_subject(exchange.segment(kSubject));
  if (request.subject().empty())  // which would mean all of them
    return exchange.fail(schema::parse_subject(request.subject()).error());
  request.set_deleted(exchange.flag("deleted"));
  request.set_deleted_only(exchange.flag("deletedOnly"));
  collect_versions(std::move(exchange), std::move(request), *window,
                   [](Exchange& to, const Versions& versions) {
                     json numbers = json::array();
                     for (const v1::SchemaVersion& one : versions) numbers.push_back(one.version());
                     to.answer(numbers);
                   });
}

void register_schema(Exchange exchange) {
  auto request = body_or_fail(exchange, register_request);
  if (!request) return;
  request->set_subject(exchange.segment(kSubject));
  request->set_normalize(exchange.flag("normalize"));
  schema::RegistryCalls& calls = exchange.calls();
  calls.register_schema(std::move(*request),
                        answering<v1::RegisterSchemaResponse>(
                            std::move(exchange), [](Exchange& to, const v1::RegisterSchemaResponse& done) {
                              if (to.is_extended()) return answer_version(to, done.version());
                              to.answer({{"id", done.version().id()}});
                            }));
}

void get_version(Exchange exchange) {
  const bool deleted = exchange.flag("deleted");
  with_version(std::move(exchange), deleted, [](Exchange& to, const v1::GetSchemaVersionResponse& got) {
    answer_version(to, got.version());
  });
}

void get_version_schema(Exchange exchange) {
  const bool deleted = exchange.flag("deleted");
  with_version(std::move(exchange), deleted, [](Exchange& to, const v1::GetSchemaVersionResponse& got) {
    to.answer_text(got.version().schema().text());
  });
}

void get_version_referenced_by(Exchange exchange) {
  with_version(std::move(exchange), true, [](Exchange& to, const v1::GetSchemaVersionResponse& got) {
    to.answer(json(std::vector<std::int32_t>(got.referenced_by().begin(), got.referenced_by().end())));
  });
}

void delete_version(Exchange exchange) {
  const auto version = version_or_fail(exchange, kVersion);
  if (!version) return;
  v1::DeleteSchemaVersionsRequest request;
  request.set_subject(exchange.segment(kSubject));
  request.set_version(*version);
  request.set_permanent(exchange.flag("permanent"));
  schema::RegistryCalls& calls = exchange.calls();
  calls.delete_schema_versions(
      std::move(request),
      answering<v1::DeleteSchemaVersionsResponse>(
          std::move(exchange), [](Exchange& to, const v1::DeleteSchemaVersionsResponse& deleted) {
            to.answer(deleted.versions_size() == 0 ? json() : json(deleted.versions(0)));
          }));
}

void latest_with_metadata(Exchange exchange) {
  v1::ListSchemaVersionsRequest request;
  request.set_subject(exchange.segment(kSubject));
  if (request.subject().empty()) return exchange.fail(schema::parse_subject(request.subject()).error());
  request.set_deleted(exchange.flag("deleted"));
  request.set_latest_only(true);
  request.set_with_schemas(true);
  std::vector<std::string> names;
  std::vector<std::string> values;
  for (const auto& [name, value] : exchange.request().query) {
    if (name == "key") names.push_back(value);
    if (name == "value") values.push_back(value);
  }
  for (std::size_t i = 0; i < names.size() && i < values.size(); ++i)
    (*request.mutable_metadata())[names[i]] = values[i];
  collect_versions(std::move(exchange), std::move(request), {0, 1},
                   [](Exchange& to, const Versions& versions) {
                     if (!versions.empty()) return answer_found(to, versions.front());
                     to.fail(schema::registry_error(RegistryCode::kSchemaNotFound, "Schema not found"));
                   });
}

void check_compatibility(Exchange exchange) { check(std::move(exchange), std::nullopt); }

void check_compatibility_with(Exchange exchange) {
  const auto version = version_or_fail(exchange, 4);
  if (version) check(std::move(exchange), version);
}

}  // namespace forebay::http
