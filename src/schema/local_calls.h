// What the messages of the registry mean, answered from a state at hand: reads at once, changes as decisions
// for whoever logs them. Both faces and every node answer by these. Thread rules: pure functions; a look at
// the image is short, parsing is done outside of it.
#pragma once

#include "forebay/v1/schemas.pb.h"
#include "schema/core/decisions.h"

namespace forebay::schema {

// --- reads. Errors: those of proto/forebay/v1/schemas.proto.
[[nodiscard]] Result<v1::SchemaVersion> read(const ImageAccess& access, ParsedSchemas& schemas,
                                             const v1::LookupSchemaRequest& request);
[[nodiscard]] Result<v1::CheckSchemaResponse> read(const ImageAccess& access, ParsedSchemas& schemas,
                                                   const v1::CheckSchemaRequest& request);
[[nodiscard]] Result<v1::GetSchemaResponse> read(const ImageAccess& access, ParsedSchemas& schemas,
                                                 const v1::GetSchemaRequest& request);
[[nodiscard]] Result<v1::GetSchemaVersionResponse> read(const ImageAccess& access, ParsedSchemas& schemas,
                                                        const v1::GetSchemaVersionRequest& request);
[[nodiscard]] Result<v1::ListSubjectsResponse> read(const ImageAccess& access, ParsedSchemas& schemas,
                                                    const v1::ListSubjectsRequest& request);
[[nodiscard]] Result<v1::ListSchemaVersionsResponse> read(const ImageAccess& access, ParsedSchemas& schemas,
                                                          const v1::ListSchemaVersionsRequest& request);
[[nodiscard]] Result<v1::GetSchemaRulesResponse> read(const ImageAccess& access, ParsedSchemas& schemas,
                                                      const v1::GetSchemaRulesRequest& request);
[[nodiscard]] Result<v1::ListSchemaContextsResponse> read(const ImageAccess& access, ParsedSchemas& schemas,
                                                          const v1::ListSchemaContextsRequest& request);

// --- changes. `answer`: as it is once the records are applied, but for state_offset.
[[nodiscard]] Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& schemas,
                                           model::Timestamp now, const v1::RegisterSchemaRequest& request,
                                           v1::RegisterSchemaResponse& answer);
[[nodiscard]] Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& schemas,
                                           model::Timestamp now,
                                           const v1::DeleteSchemaVersionsRequest& request,
                                           v1::DeleteSchemaVersionsResponse& answer);
[[nodiscard]] Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& schemas,
                                           model::Timestamp now, const v1::SetSchemaRulesRequest& request,
                                           v1::SetSchemaRulesResponse& answer);
[[nodiscard]] Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& schemas,
                                           model::Timestamp now, const v1::ClearSchemaRulesRequest& request,
                                           v1::SetSchemaRulesResponse& answer);
[[nodiscard]] Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& schemas,
                                           model::Timestamp now,
                                           const v1::DeleteSchemaContextRequest& request,
                                           v1::DeleteSchemaContextResponse& answer);

}  // namespace forebay::schema
