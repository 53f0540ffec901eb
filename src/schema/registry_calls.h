// What the registry can be asked, by the gRPC service (api/) and by the REST face (http/) alike; the messages
// are those of proto/forebay/v1/schemas.proto, which says what each call does and how it fails. Errors carry
// Error::registry_code where it is one of the registry's own.
// Thread rules: any thread; `done` runs once, on any thread, perhaps inside the call, and must not block.
#pragma once

#include "base/result.h"
#include "base/unique_function.h"
#include "forebay/v1/schemas.pb.h"

namespace forebay::schema {

template <typename T>
using Done = UniqueFunction<void(Result<T>)>;

class RegistryCalls {
 public:
  virtual ~RegistryCalls() = default;
  virtual void register_schema(v1::RegisterSchemaRequest request, Done<v1::RegisterSchemaResponse> done) = 0;
  virtual void lookup_schema(v1::LookupSchemaRequest request, Done<v1::SchemaVersion> done) = 0;
  virtual void check_schema(v1::CheckSchemaRequest request, Done<v1::CheckSchemaResponse> done) = 0;
  virtual void get_schema(v1::GetSchemaRequest request, Done<v1::GetSchemaResponse> done) = 0;
  virtual void get_schema_version(v1::GetSchemaVersionRequest request,
                                  Done<v1::GetSchemaVersionResponse> done) = 0;
  virtual void list_subjects(v1::ListSubjectsRequest request, Done<v1::ListSubjectsResponse> done) = 0;
  virtual void list_schema_versions(v1::ListSchemaVersionsRequest request,
                                    Done<v1::ListSchemaVersionsResponse> done) = 0;
  virtual void delete_schema_versions(v1::DeleteSchemaVersionsRequest request,
                                      Done<v1::DeleteSchemaVersionsResponse> done) = 0;
  virtual void get_schema_rules(v1::GetSchemaRulesRequest request, Done<v1::GetSchemaRulesResponse> done) = 0;
  virtual void set_schema_rules(v1::SetSchemaRulesRequest request, Done<v1::SetSchemaRulesResponse> done) = 0;
  virtual void clear_schema_rules(v1::ClearSchemaRulesRequest request,
                                  Done<v1::SetSchemaRulesResponse> done) = 0;
  virtual void list_schema_contexts(v1::ListSchemaContextsRequest request,
                                    Done<v1::ListSchemaContextsResponse> done) = 0;
  virtual void delete_schema_context(v1::DeleteSchemaContextRequest request,
                                     Done<v1::DeleteSchemaContextResponse> done) = 0;
};

}  // namespace forebay::schema
