// Random changes of a registry, that mostly make sense.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "../registry/registry_fixture.h"

namespace forebay::schema {

// Draws requests over a few subjects and a few dozen schemas, so that they meet.
class RandomRequests {
 public:
  explicit RandomRequests(std::uint64_t seed) : rng_(seed) {}
  std::size_t draw(std::size_t below) { return rng_() % below; }

  [[nodiscard]] std::string subject() {
    static const std::vector<std::string> kSubjects{"a", "b/c", ":.x:a", ":.x:d"};
    return kSubjects[draw(kSubjects.size())];
  }
  // One of those that can be read with one another, so that most of them may be registered.
  [[nodiscard]] std::string text() {
    std::string fields;
    for (int i = 0; i < 5; ++i) {
      if (draw(2) == 0) continue;
      fields += (fields.empty() ? "" : ",") + std::string(R"({"name":"f)") + std::to_string(i) +
                R"(","type":"int","default":)" + std::to_string(i) + "}";
    }
    return avro_record("R", fields);
  }
  [[nodiscard]] RegisterRequest registration() {
    RegisterRequest request{.subject = subject(), .schema = {.text = text()}};
    if (draw(6) == 0) {  // refers to another one: each name is a record of its own
      request.schema.text = avro_record("U" + std::to_string(draw(3)), R"({"name":"r","type":"R"})");
      request.schema.references.push_back({"R", subject(), kLatestVersion});
    }
    if (draw(8) == 0) {
      request.import = true;
      request.id = static_cast<SchemaId>(1 + draw(40));
      request.deleted = draw(3) == 0;
    }
    if (draw(8) == 0) request.schema.metadata = Metadata{.properties = {{"p", std::to_string(draw(2))}}};
    return request;
  }
  [[nodiscard]] std::optional<VersionNumber> version() {
    if (draw(5) == 0) return std::nullopt;
    return draw(3) == 0 ? kLatestVersion : static_cast<VersionNumber>(1 + draw(6));
  }
  // Decided by what is there.
  [[nodiscard]] Result<SchemaRecords> decide(const ImageAccess& access, ParsedSchemas& schemas,
                                             model::Timestamp now) {
    const std::size_t kind = draw(20);
    if (kind < 10) {
      FOREBAY_TRY(auto decision, decide_register(access, schemas, registration(), now));
      return std::move(decision.records);
    }
    const std::string on = subject();
    const auto number = version();
    const bool permanent = draw(2) == 0;
    const auto level = static_cast<Level>(1 + draw(7));
    Result<SchemaRecords> records;
    access.look([&](const RegistryImage& image) {
      if (kind < 17) {
        auto decision = decide_delete(image, on, number, permanent);
        records = decision ? Result<SchemaRecords>(std::move(decision->records)) : decision.error();
      } else if (kind == 17) {
        records = decide_config(image, on, {.level = level});
      } else if (kind == 18) {
        records = decide_mode(image, on, permanent ? Mode::kReadWrite : Mode::kImport, true);
      } else {
        records = decide_context_removal(image, ".x");
      }
    });
    return records;
  }

 private:
  std::mt19937_64 rng_;
};

}  // namespace forebay::schema
