// The REST face of the schema registry: the paths, flags, media types and error codes that clients of
// Confluent's registry know (docs/schemas.md, "REST"), over the calls that gRPC has too. No decisions are
// made here: requests become messages, messages become JSON.
//   registry_rest      routes: which path is which call
//   registry_exchange  one request on its way to its answer; flags, media types, errors
//   registry_handlers  what each route asks and answers (registry_subjects, _schemas, _rules)
//   registry_requests  from JSON to messages;  registry_answers  from messages to JSON
// To use it: HttpHandlers::other = [&](auto request, auto respond) { return rest.handle(...); } and
// other_failed = RegistryRest::failed.
// Thread rules: handle() as HttpHandlers::other. Answers come on the threads of RegistryCalls, which must
// outlive all that it was asked, and this object too.
#pragma once

#include <string>

#include "http/http_server.h"
#include "http/registry_exchange.h"
#include "schema/registry_calls.h"

namespace forebay::http {

class RegistryRest {
 public:
  RegistryRest(schema::RegistryCalls& calls, RegistryAbout about);
  // False: the path is none of the registry's, and nothing is answered.
  [[nodiscard]] bool handle(Request request, Respond respond) const;
  // In the registry's words.
  [[nodiscard]] static Response failed(Failure failure);

 private:
  schema::RegistryCalls& calls_;
  const RegistryAbout about_;
};

}  // namespace forebay::http
