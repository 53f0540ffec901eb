// The schema registry's values, and as they stand in messages.
#pragma once

#include "forebay/schemas.h"
#include "forebay/v1/schemas.pb.h"

namespace forebay::client {

void put_schema(const Schema& from, v1::SchemaSpec& to);
[[nodiscard]] Schema schema_of(const v1::SchemaSpec& from);
[[nodiscard]] SchemaVersion version_of(const v1::SchemaVersion& from);
[[nodiscard]] SchemaVerdict verdict_of(const v1::CompatibilityVerdict& from);
void put_rules(const SchemaRules& from, v1::SchemaRules& to);
[[nodiscard]] SchemaRules rules_of(const v1::SchemaRules& from);

}  // namespace forebay::client
