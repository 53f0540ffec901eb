// Schemas, versions and rules between the core's values and the messages of schemas.proto. Pure functions.
#pragma once

#include <string>

#include "forebay/v1/schemas.pb.h"
#include "schema/core/decisions.h"

namespace forebay::schema {

// Errors (42201): a format that is not known.
[[nodiscard]] Result<SchemaInput> input_of(const v1::SchemaSpec& spec);
// `context`: of the schema, in which its references are said.
void put_content(const SchemaContent& content, const std::string& context, v1::SchemaSpec* to);
// `with_schema`: with its content.
void put_version(const std::string& subject, const FoundVersion& found, bool with_schema,
                 v1::SchemaVersion* to);
void put_verdict(const Verdict& verdict, v1::CompatibilityVerdict* to);
[[nodiscard]] v1::CompatibilityLevel level_message(Level level);
void put_rules(const Config& config, const std::optional<Mode>& mode, v1::SchemaRules* to);
// Errors: 42203, 42204: a level or a mode that is not known.
[[nodiscard]] Result<Config> config_of(const v1::SchemaRules& rules);
[[nodiscard]] Result<std::optional<Mode>> mode_of(const v1::SchemaRules& rules);

}  // namespace forebay::schema
