#include <utility>

#include "schema/core/registry_error.h"
#include "schema/local_calls.h"
#include "schema/schema_messages.h"

namespace forebay::schema {
namespace {

struct OwnRules {
  Config config;
  std::optional<Mode> mode;
};
OwnRules own_rules(const RegistryImage& image, const std::string& scope) {
  OwnRules own;
  if (const auto at = image.configs.find(scope); at != image.configs.end()) own.config = at->second;
  if (const auto at = image.modes.find(scope); at != image.modes.end()) own.mode = at->second;
  return own;
}

// As it is once `records` are applied.
OwnRules with_records(OwnRules own, const SchemaRecords& records) {
  for (const SchemaRecord& one : records) {
    if (const auto* config = std::get_if<ConfigSet>(&one)) own.config = config->config;
    if (const auto* mode = std::get_if<ModeSet>(&one)) own.mode = mode->mode;
  }
  return own;
}

void put_outcome(const OwnRules& before, const SchemaRecords& records, v1::SetSchemaRulesResponse& answer) {
  put_rules(before.config, before.mode, answer.mutable_before());
  const OwnRules after = with_records(before, records);
  put_rules(after.config, after.mode, answer.mutable_own());
}

void append(SchemaRecords& to, SchemaRecords more) {
  for (SchemaRecord& one : more) to.push_back(std::move(one));
}

}  // namespace

Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& schemas, model::Timestamp now,
                             const v1::RegisterSchemaRequest& request, v1::RegisterSchemaResponse& answer) {
  RegisterRequest wanted{.subject = request.subject(),
                         .schema = {},
                         .normalize = request.normalize(),
                         .id = {},
                         .version = {},
                         .import = request.import(),
                         .deleted = request.import() && request.deleted()};
  FOREBAY_TRY(wanted.schema, input_of(request.schema()));
  if (request.has_id()) wanted.id = request.id();
  if (request.has_version()) wanted.version = request.version();
  FOREBAY_TRY(RegisterDecision decision, decide_register(access, schemas, wanted, now));
  FOREBAY_TRY(const SubjectName name, looked(access, [&](const RegistryImage& image) {
                return subject_meant(image, request.subject(),
                                     request.import() ? Aliases::kIgnore : Aliases::kFollow);
              }));
  put_version(name.qualified(), decision.registered.found, true, answer.mutable_version());
  answer.set_is_new(decision.registered.is_new);
  return std::move(decision.records);
}

Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& /*schemas*/, model::Timestamp /*now*/,
                             const v1::DeleteSchemaVersionsRequest& request,
                             v1::DeleteSchemaVersionsResponse& answer) {
  const auto version = request.has_version() ? std::optional(request.version()) : std::nullopt;
  FOREBAY_TRY(DeleteDecision decision, looked(access, [&](const RegistryImage& image) {
                return decide_delete(image, request.subject(), version, request.permanent());
              }));
  for (const VersionNumber number : decision.versions) answer.add_versions(number);
  return std::move(decision.records);
}

Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& /*schemas*/, model::Timestamp /*now*/,
                             const v1::SetSchemaRulesRequest& request, v1::SetSchemaRulesResponse& answer) {
  FOREBAY_TRY(const Config config, config_of(request.change()));
  FOREBAY_TRY(const auto mode, mode_of(request.change()));
  return looked(access, [&](const RegistryImage& image) -> Result<SchemaRecords> {
    FOREBAY_TRY(const SubjectName name, parse_scope(request.scope()));
    SchemaRecords records;
    if (config != Config{}) {
      FOREBAY_TRY(records, decide_config(image, request.scope(), config));
    }
    if (mode) {
      FOREBAY_TRY(SchemaRecords more, decide_mode(image, request.scope(), *mode, request.force()));
      append(records, std::move(more));
    }
    put_outcome(own_rules(image, name.qualified()), records, answer);
    return records;
  });
}

Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& /*schemas*/, model::Timestamp /*now*/,
                             const v1::ClearSchemaRulesRequest& request, v1::SetSchemaRulesResponse& answer) {
  return looked(access, [&](const RegistryImage& image) -> Result<SchemaRecords> {
    FOREBAY_TRY(const SubjectName name, parse_scope(request.scope()));
    SchemaRecords records;
    if (request.config()) {
      FOREBAY_TRY(records, decide_config_removal(image, request.scope()));
    }
    if (request.mode()) {
      FOREBAY_TRY(SchemaRecords more, decide_mode_removal(image, request.scope()));
      append(records, std::move(more));
    }
    put_outcome(own_rules(image, name.qualified()), records, answer);
    return records;
  });
}

Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& /*schemas*/, model::Timestamp /*now*/,
                             const v1::DeleteSchemaContextRequest& request,
                             v1::DeleteSchemaContextResponse& /*answer*/) {
  return looked(access,
                [&](const RegistryImage& image) { return decide_context_removal(image, request.context()); });
}

}  // namespace forebay::schema
