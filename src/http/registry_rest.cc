#include "http/registry_rest.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "http/registry_exchange.h"
#include "http/registry_handlers.h"
#include "schema/core/registry_error.h"

namespace forebay::http {
namespace {

using nlohmann::json;
using schema::RegistryCode;

struct Method {
  std::string_view name;
  Handler handler = nullptr;
};
struct Route {
  std::string_view path;  // "*": any segment
  std::array<Method, 3> methods;
};

void answer_root(Exchange exchange) { exchange.answer(json::object()); }

void answer_cluster_id(Exchange exchange) {
  const std::string id = exchange.about().cluster_id();
  const json clusters = {{"kafka-cluster", id}, {"schema-registry-cluster", "schema-registry"}};
  exchange.answer({{"id", id}, {"scope", {{"path", json::array()}, {"clusters", clusters}}}});
}

void answer_version_text(Exchange exchange) {
  exchange.answer({{"version", exchange.about().version}, {"commitId", ""}});
}

constexpr Route kRoutes[] = {
    {"", {{{"GET", answer_root}, {"POST", answer_root}}}},
    {"subjects", {{{"GET", list_subjects}}}},
    {"subjects/*", {{{"POST", lookup_schema}, {"DELETE", delete_subject}}}},
    {"subjects/*/versions", {{{"GET", list_versions}, {"POST", register_schema}}}},
    {"subjects/*/versions/*", {{{"GET", get_version}, {"DELETE", delete_version}}}},
    {"subjects/*/versions/*/schema", {{{"GET", get_version_schema}}}},
    {"subjects/*/versions/*/referencedby", {{{"GET", get_version_referenced_by}}}},
    {"subjects/*/metadata", {{{"GET", latest_with_metadata}}}},
    {"schemas", {{{"GET", list_schemas}}}},
    {"schemas/types", {{{"GET", list_types}}}},
    {"schemas/ids/*", {{{"GET", get_by_id}}}},
    {"schemas/ids/*/schema", {{{"GET", get_by_id_schema}}}},
    {"schemas/ids/*/subjects", {{{"GET", get_by_id_subjects}}}},
    {"schemas/ids/*/versions", {{{"GET", get_by_id_versions}}}},
    {"schemas/guids/*", {{{"GET", get_by_guid}}}},
    {"schemas/guids/*/ids", {{{"GET", get_by_guid_ids}}}},
    {"compatibility/subjects/*/versions", {{{"POST", check_compatibility}}}},
    {"compatibility/subjects/*/versions/*", {{{"POST", check_compatibility_with}}}},
    {"config", {{{"GET", get_config}, {"PUT", put_config}, {"DELETE", delete_config}}}},
    {"config/*", {{{"GET", get_config}, {"PUT", put_config}, {"DELETE", delete_config}}}},
    {"mode", {{{"GET", get_mode}, {"PUT", put_mode}, {"DELETE", delete_mode}}}},
    {"mode/*", {{{"GET", get_mode}, {"PUT", put_mode}, {"DELETE", delete_mode}}}},
    {"v1/metadata/id", {{{"GET", answer_cluster_id}}}},
    {"v1/metadata/version", {{{"GET", answer_version_text}}}},
    {"contexts", {{{"GET", list_contexts}}}},
    {"contexts/*", {{{"DELETE", delete_context}}}},
};

bool matches(std::string_view pattern, const std::vector<std::string>& path) {
  for (const std::string& segment : path) {
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    if (pattern.empty() || (pattern.substr(0, end) != "*" && pattern.substr(0, end) != segment)) return false;
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return pattern.empty();
}

bool is_registrys(const std::vector<std::string>& path) {
  constexpr std::string_view kRoots[] = {"subjects", "schemas", "compatibility", "config", "mode",
                                         "contexts", "v1"};
  return path.empty() || std::find(std::begin(kRoots), std::end(kRoots), path.front()) != std::end(kRoots);
}

std::string in_context(const std::string& context, const std::string& subject) {
  const bool says_context = subject.starts_with(":.") || subject.starts_with(":*:");
  return says_context ? subject : ':' + context + ':' + subject;
}

// The parameter, as in_context() changes it; `otherwise`: what it is when it is not there.
void set_in_context(Request& request, std::string_view name, const std::string& context) {
  for (auto& [key, value] : request.query)
    if (key == name) return static_cast<void>(value = in_context(context, value));
  request.query.emplace_back(name, in_context(context, ""));
}

// "/contexts/.sales/subjects/orders": the same as "/subjects/:.sales:orders". A client's URL may end with a
// context, and then all that it asks is meant there.
void enter_context(Request& request) {
  if (request.path.size() < 3 || request.path[0] != "contexts") return;
  const std::string context = context_named(request.path[1]);
  request.path.erase(request.path.begin(), request.path.begin() + 2);
  const std::string root = request.path[0];
  const std::size_t subject = root == "compatibility" ? 2 : 1;
  if (root == "schemas") {
    const bool by_id = request.path.size() > 1 && request.path[1] == "ids";
    if (by_id) set_in_context(request, "subject", context);
    if (request.path.size() == 1) set_in_context(request, "subjectPrefix", context);
  } else if (request.path.size() > subject) {
    request.path[subject] = in_context(context, request.path[subject]);
  } else if (root == "subjects") {
    set_in_context(request, "subjectPrefix", context);
  } else if (root == "config" || root == "mode") {
    request.path.push_back(in_context(context, ""));
    if (request.method == "GET") request.query.emplace_back("defaultToGlobal", "true");
  }
}

std::string allowed_methods(const Route& route) {
  std::string allowed;
  for (const Method& method : route.methods) {
    if (method.handler == nullptr) continue;
    allowed += std::string(method.name) + (method.name == "GET" ? ", HEAD, " : ", ");
  }
  return allowed + "OPTIONS";
}

Handler handler_of(const Route& route, std::string_view method) {
  if (method == "HEAD") method = "GET";
  for (const Method& one : route.methods)
    if (one.handler != nullptr && one.name == method) return one.handler;
  return nullptr;
}

// What the request says of itself that is wrong, whatever it asks.
std::optional<RestError> check_headers(const Request& request) {
  if (!negotiated(request.header("accept")))
    return RestError{406, "HTTP 406 Not Acceptable: answers are " + std::string(kRegistryMediaType) +
                              ", application/vnd.schemaregistry+json or application/json"};
  const std::string_view coding = request.header("content-encoding");
  if (!coding.empty() && coding != "identity")
    return RestError{415, "HTTP 415 Unsupported Media Type: a body comes without Content-Encoding"};
  if (!request.body.empty() && !is_readable_type(request.header("content-type")))
    return RestError{415, "HTTP 415 Unsupported Media Type: send Content-Type: " +
                              std::string(kRegistryMediaType) + " or application/json"};
  return std::nullopt;
}

void dispatch(Exchange exchange, const Route* route) {
  const Request& request = exchange.request();
  const std::string_view type = negotiated(request.header("accept")).value_or(kRegistryMediaType);
  exchange.set_media_type(type);
  if (route == nullptr) return exchange.fail(RestError{404, "HTTP 404 Not Found"});
  if (const auto error = check_headers(request)) return exchange.fail(*error);
  handler_of(*route, request.method)(std::move(exchange));
}

}  // namespace

RegistryRest::RegistryRest(schema::RegistryCalls& calls, RegistryAbout about)
    : calls_(calls), about_(std::move(about)) {}

bool RegistryRest::handle(Request request, Respond respond) const {
  if (!is_registrys(request.path)) return false;
  enter_context(request);
  const auto* route = std::find_if(std::begin(kRoutes), std::end(kRoutes),
                                   [&](const Route& one) { return matches(one.path, request.path); });
  const bool found = route != std::end(kRoutes);
  if (found && handler_of(*route, request.method) == nullptr) {
    Response response{200, {}, {}, allowed_methods(*route)};
    if (request.method != "OPTIONS") {
      response = error_response({405, "HTTP 405 Method Not Allowed"}, kRegistryMediaType);
      response.allow = allowed_methods(*route);
    }
    respond(std::move(response));
    return true;
  }
  dispatch(Exchange(calls_, about_, std::move(request), std::move(respond)), found ? route : nullptr);
  return true;
}

Response RegistryRest::failed(Failure failure) {
  switch (failure) {
    case Failure::kBodyTooLarge:
      return error_response({static_cast<std::uint32_t>(RegistryCode::kTooLarge),
                             "the request has more than a schema of 1 MiB may take"},
                            kRegistryMediaType);
    case Failure::kBusy:
      return error_response({503, "the node serves as many requests as it can; try again"},
                            kRegistryMediaType);
    case Failure::kTimedOut:
      break;
  }
  return error_response({static_cast<std::uint32_t>(RegistryCode::kTimedOut),
                         "the registry has not answered in time; a change may have been made all the same"},
                        kRegistryMediaType);
}

}  // namespace forebay::http
