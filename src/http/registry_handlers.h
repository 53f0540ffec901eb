// What each route of the registry asks and answers. Each takes the exchange and answers it, later.
#pragma once

#include "http/registry_exchange.h"

namespace forebay::http {

// Of one answer, as in the convention; the rest by `offset`.
inline constexpr std::int32_t kSubjectsShownMax = 20'000;
inline constexpr std::int32_t kSchemasShownMax = 1'000;
// Of the texts in one answer; beyond it the client is told to ask for fewer.
inline constexpr std::size_t kTextsBytesMax = 32U << 20;

using Handler = void (*)(Exchange exchange);

// --- registry_subjects.cc
void list_subjects(Exchange exchange);
void lookup_schema(Exchange exchange);
void delete_subject(Exchange exchange);
void list_versions(Exchange exchange);
void register_schema(Exchange exchange);
void get_version(Exchange exchange);
void get_version_schema(Exchange exchange);
void get_version_referenced_by(Exchange exchange);
void delete_version(Exchange exchange);
void latest_with_metadata(Exchange exchange);
void check_compatibility(Exchange exchange);  // with all that the level asks for
void check_compatibility_with(Exchange exchange);

// --- registry_schemas.cc
void list_schemas(Exchange exchange);
void list_types(Exchange exchange);
void get_by_id(Exchange exchange);
void get_by_id_schema(Exchange exchange);
void get_by_id_subjects(Exchange exchange);
void get_by_id_versions(Exchange exchange);
void get_by_guid(Exchange exchange);
void get_by_guid_ids(Exchange exchange);
void list_contexts(Exchange exchange);
void delete_context(Exchange exchange);

// --- registry_rules.cc: of all, or of the scope that the path names
void get_config(Exchange exchange);
void put_config(Exchange exchange);
void delete_config(Exchange exchange);
void get_mode(Exchange exchange);
void put_mode(Exchange exchange);
void delete_mode(Exchange exchange);

// ":.CONTEXT:" as people write it in a path: with or without the colons and the dot.
[[nodiscard]] std::string context_named(std::string_view text);

}  // namespace forebay::http
