#include "http/registry_exchange.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "schema/core/registry_error.h"
#include "telemetry/log.h"

namespace forebay::http {
namespace {

using nlohmann::json;

// The one that is preferred first.
constexpr std::array<std::string_view, 3> kMediaTypes = {
    kRegistryMediaType, "application/vnd.schemaregistry+json", "application/json"};
constexpr std::string_view kAnyBytes = "application/octet-stream";

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the part before the separator off `rest`.
std::string_view next_part(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = trimmed(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

struct Range {
  std::string type;
  int weight = 1'000;  // thousandths
};

// "0.85" is 850. What cannot be read counts as 1, as if it were not there.
int weight_of(std::string_view text) {
  if (text.starts_with("0") && (text.size() == 1 || text[1] == '.')) {
    int weight = 0;
    for (std::size_t digit = 0; digit < 3; ++digit) {
      const char c = digit + 2 < text.size() ? text[digit + 2] : '0';
      if (c < '0' || c > '9') return 1'000;
      weight = weight * 10 + (c - '0');
    }
    return weight;
  }
  return 1'000;
}

Range range_of(std::string_view text) {
  Range range{lower_case(next_part(text, ';'))};
  while (!text.empty()) {
    const std::string_view parameter = next_part(text, ';');
    if (parameter.starts_with("q=") || parameter.starts_with("Q="))
      range.weight = weight_of(parameter.substr(2));
  }
  return range;
}

// How well a range names a type: 0: not at all.
int match_of(const Range& range, std::string_view type) {
  if (range.type == type) return 3;
  if (range.type == "application/*") return 2;
  return range.type == "*/*" || range.type == "*" ? 1 : 0;
}

}  // namespace

RestError rest_error(const Error& error) { return {schema::registry_code_of(error), error.context}; }

Response error_response(const RestError& error, std::string_view media_type) {
  const std::uint32_t status = error.code < 1'000 ? error.code : error.code / 100;
  const json body = {{"error_code", error.code}, {"message", error.message}};
  return {static_cast<int>(status),
          std::string(media_type),
          body.dump(-1, ' ', false, json::error_handler_t::replace),
          {}};
}

std::optional<std::string_view> negotiated(std::string_view accept) {
  if (trimmed(accept).empty()) return kRegistryMediaType;
  std::array<int, kMediaTypes.size()> weights{};
  std::array<int, kMediaTypes.size()> matches{};
  while (!accept.empty()) {
    const Range range = range_of(next_part(accept, ','));
    for (std::size_t i = 0; i < kMediaTypes.size(); ++i) {
      const int match = match_of(range, kMediaTypes[i]);
      if (match <= matches[i]) continue;
      matches[i] = match;
      weights[i] = range.weight;
    }
  }
  const auto best = std::max_element(weights.begin(), weights.end());
  if (*best == 0) return std::nullopt;
  return kMediaTypes[static_cast<std::size_t>(best - weights.begin())];
}

bool is_readable_type(std::string_view content_type) {
  const std::string type = lower_case(next_part(content_type, ';'));
  return type.empty() || type == kAnyBytes ||
         std::find(kMediaTypes.begin(), kMediaTypes.end(), type) != kMediaTypes.end();
}

Exchange::Exchange(schema::RegistryCalls& calls, const RegistryAbout& about, Request request, Respond respond)
    : calls_(&calls), about_(&about), request_(std::move(request)), respond_(std::move(respond)) {}

bool Exchange::flag(std::string_view name) const {
  const std::string* value = request_.parameter(name);
  return value != nullptr && lower_case(*value) == "true";
}

std::string Exchange::text_parameter(std::string_view name, std::string_view otherwise) const {
  const std::string* value = request_.parameter(name);
  return value == nullptr ? std::string(otherwise) : *value;
}

bool Exchange::is_extended() const {
  return lower_case(request_.header("confluent-accept-unknown-properties")) == "true";
}

void Exchange::answer(const json& value) {
  respond_({200, std::string(media_type_), value.dump(-1, ' ', false, json::error_handler_t::replace), {}});
}

void Exchange::answer_text(std::string body) {
  respond_({200, std::string(media_type_), std::move(body), {}});
}

void Exchange::answer_nothing() { respond_({204, {}, {}, {}}); }

void Exchange::fail(const RestError& error) { respond_(error_response(error, media_type_)); }

void fail_unexpected(Exchange& exchange, const char* what) {
  telemetry::log_error("registry request failed", {{"error", what}});
  exchange.fail(RestError{500, "the request failed within the node; see its log"});
}

OrRestError<std::int32_t> number_of(const std::string& text, const std::string& what, std::uint32_t code) {
  std::int32_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return number;
  return RestError{code, what + " '" + text + "' is not a number"};
}

}  // namespace forebay::http
