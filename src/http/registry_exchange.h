// One request to the registry on its way to its answer.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/result.h"
#include "http/request.h"
#include "http/respond.h"
#include "schema/registry_calls.h"

namespace forebay::http {

inline constexpr std::string_view kRegistryMediaType = "application/vnd.schemaregistry.v1+json";

// An answer that is an error. The status is the code's first three digits.
struct RestError {
  std::uint32_t code = 500;
  std::string message;
};
template <typename T>
using OrRestError = std::variant<T, RestError>;

[[nodiscard]] RestError rest_error(const Error& error);
[[nodiscard]] Response error_response(const RestError& error, std::string_view media_type);

// The one of the registry's media types that an Accept header prefers, by its weights; nothing: it accepts
// none of them. Without a header: kRegistryMediaType.
[[nodiscard]] std::optional<std::string_view> negotiated(std::string_view accept);
// Whether a body of that type is read. Nothing said, and "application/octet-stream": it is.
[[nodiscard]] bool is_readable_type(std::string_view content_type);

// What the registry says of itself.
struct RegistryAbout {
  std::function<std::string()> cluster_id;  // empty until the node knows it; any thread
  std::string version;
};

// Moved along with the call that it waits for; answers once.
class Exchange {
 public:
  // The first two outlive it.
  Exchange(schema::RegistryCalls& calls, const RegistryAbout& about, Request request, Respond respond);

  [[nodiscard]] const Request& request() const { return request_; }
  [[nodiscard]] schema::RegistryCalls& calls() const { return *calls_; }
  [[nodiscard]] const RegistryAbout& about() const { return *about_; }
  [[nodiscard]] const std::string& segment(std::size_t index) const { return request_.path.at(index); }
  // Clients know "true" in any case; everything else, and nothing, is false.
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] std::string text_parameter(std::string_view name, std::string_view otherwise = "") const;
  // Whether members are understood that came with version 8 of the convention: the client says so, for older
  // ones refuse what they do not know. The GUID is told to all: those who need it ask for it without saying
  // so.
  [[nodiscard]] bool is_extended() const;

  void set_media_type(std::string_view media_type) { media_type_ = media_type; }
  void answer(const nlohmann::json& value);
  void answer_text(std::string body);
  void answer_nothing();  // 204
  void fail(const RestError& error);
  void fail(const Error& error) { fail(rest_error(error)); }

 private:
  schema::RegistryCalls* calls_;
  const RegistryAbout* about_;
  Request request_;
  Respond respond_;
  std::string_view media_type_ = kRegistryMediaType;
};

// For a call's `done`: its error, or what `then(exchange, value)` answers.
void fail_unexpected(Exchange& exchange, const char* what);
template <typename T, typename Then>
schema::Done<T> answering(Exchange exchange, Then then) {
  return [exchange = std::move(exchange), then = std::move(then)](Result<T> result) mutable {
    if (!result) return exchange.fail(result.error());
    try {
      then(exchange, *result);
    } catch (const std::exception& error) {
      fail_unexpected(exchange, error.what());
    }
  };
}

// Of a path or a query. Errors: `code`.
[[nodiscard]] OrRestError<std::int32_t> number_of(const std::string& text, const std::string& what,
                                                  std::uint32_t code);

}  // namespace forebay::http
