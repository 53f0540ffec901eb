// The working part of SchemaRegistry, and what its serializers keep of it. Thread rules: any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "client/core/recent.h"
#include "client/unary_calls.h"
#include "forebay/schema_registry.h"
#include "forebay/v1/schemas.grpc.pb.h"
#include "schema/core/schema.h"

namespace forebay {

// A schema that is registered, ready for use.
struct KnownSchema {
  std::int32_t id = 0;
  std::string guid;
  schema::SchemaPtr parsed;
};
using KnownSchemaPtr = std::shared_ptr<const KnownSchema>;

class SchemaRegistry::Core : public client::UnaryCalls {
 public:
  Core(const ClientOptions& client, const SchemaRegistryOptions& options)
      : UnaryCalls(client), by_id_(options.cache_entries_max), by_text_(options.cache_entries_max) {}

  template <typename Method, typename Request, typename Response>
  Result<void> ask(Method method, const Request& request, Response& response) {
    return call<v1::SchemaRegistry>(method, request, response, client::UnaryCaller::Repeat::kAlways);
  }
  // What must not be done twice.
  template <typename Method, typename Request, typename Response>
  Result<void> change(Method method, const Request& request, Response& response) {
    return call<v1::SchemaRegistry>(method, request, response, client::UnaryCaller::Repeat::kIfNotReached);
  }

  // In the context of that subject. Errors: those of get_by_id(); kInvalidSchema: not for this version.
  [[nodiscard]] Result<KnownSchemaPtr> known(std::int32_t id, const std::string& subject);
  [[nodiscard]] Result<KnownSchemaPtr> known(const std::string& guid);
  // With all that it refers to. `subject`: whose context is meant. Errors: kInvalidSchema, and those of
  // get_version().
  [[nodiscard]] Result<schema::SchemaPtr> parse(const std::string& subject, const Schema& schema);

  // What was found to be the id of a schema under a subject.
  struct KnownId {
    std::int32_t id = 0;
    std::string guid;
  };
  [[nodiscard]] std::optional<KnownId> known_id(const std::string& subject, const Schema& schema);
  void keep_id(const std::string& subject, const Schema& schema, KnownId id);

 private:
  using Place = std::pair<std::string, std::int32_t>;  // context and id; GUID and 0
  // A subject, and all that makes the identity of a schema.
  using SaidMetadata = std::tuple<std::map<std::string, std::vector<std::string>>,
                                  std::map<std::string, std::string>, std::vector<std::string>>;
  using Said = std::tuple<std::string, SchemaFormat, std::string,
                          std::vector<std::tuple<std::string, std::string, std::int32_t>>,
                          std::optional<SaidMetadata>, std::string>;
  [[nodiscard]] static Said said(const std::string& subject, const Schema& schema);
  [[nodiscard]] KnownSchemaPtr kept(const Place& place);
  [[nodiscard]] Result<KnownSchemaPtr> fetch(const v1::GetSchemaRequest& request, const Place& place);
  struct Gathered {  // what a schema refers to
    std::set<std::string> names;
    std::vector<schema::NamedText> texts;
  };
  [[nodiscard]] Result<void> gather(const std::string& context, const Schema& schema, std::size_t depth,
                                    Gathered& gathered);

  std::mutex mutex_;
  client::Recent<Place, KnownSchemaPtr> by_id_;
  client::Recent<Said, KnownId> by_text_;
};

}  // namespace forebay
