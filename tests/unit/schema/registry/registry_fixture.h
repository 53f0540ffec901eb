// A registry without a log: what is decided is applied at once.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "schema/core/decisions.h"
#include "schema/core/registry_error.h"

namespace forebay::schema {

class TestRegistry : public ImageAccess, public ParsedSchemas {
 public:
  void look(const std::function<void(const RegistryImage&)>& look) const override { look(image); }
  Result<SchemaPtr> parsed(const ImageAccess& access, const StoredSchemaPtr& schema) override {
    return parse_stored(access, *schema);
  }

  Result<Registered> add(const RegisterRequest& request) {
    FOREBAY_TRY(auto decision,
                decide_register(*this, *this, request, model::Timestamp(1'700'000'000'000), bounds));
    take(decision.records);
    return std::move(decision.registered);
  }
  Result<Registered> add(const std::string& subject, const std::string& text,
                         std::vector<Reference> references = {}) {
    RegisterRequest request;
    request.subject = subject;
    request.schema.text = text;
    request.schema.references = std::move(references);
    return add(request);
  }
  Result<std::vector<VersionNumber>> remove(const std::string& subject, std::optional<VersionNumber> version,
                                            bool permanent) {
    FOREBAY_TRY(auto decision, decide_delete(image, subject, version, permanent));
    take(decision.records);
    return decision.versions;
  }
  Result<void> configure(const std::string& scope, const Config& change) {
    FOREBAY_TRY(const auto records, decide_config(image, scope, change));
    take(records);
    return {};
  }
  Result<void> set_level(const std::string& scope, Level level) { return configure(scope, {.level = level}); }
  Result<void> set_mode(const std::string& scope, Mode mode, bool force = false) {
    FOREBAY_TRY(const auto records, decide_mode(image, scope, mode, force));
    take(records);
    return {};
  }
  void take(const SchemaRecords& records) {
    for (const SchemaRecord& one : records) {
      const auto applied = apply(image, one);
      ASSERT_TRUE(applied) << applied.error().context;
    }
  }

  RegistryImage image;
  RegistryBounds bounds;
};

inline std::string avro_record(const std::string& name, const std::string& fields = "") {
  return R"({"type":"record","name":")" + name + R"(","fields":[)" + fields + "]}";
}
inline const std::string kFieldA = R"({"name":"a","type":"int"})";
inline const std::string kFieldB = R"({"name":"b","type":"int"})";
inline const std::string kFieldBDefault = R"({"name":"b","type":"int","default":0})";

template <typename T>
void must(const Result<T>& result) {
  ASSERT_TRUE(result) << result.error().context;
}
template <typename T>
std::uint32_t code_of(const Result<T>& result) {
  return result ? 0 : result.error().registry_code;
}

}  // namespace forebay::schema
