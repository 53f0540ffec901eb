// Schemas, changes of schemas and data made by chance, the same for the same seed.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "avro_bytes.h"
#include "schema/core/avro/avro_schema.h"
#include "schema/core/schema.h"

namespace forebay::schema::avro {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}
  // 0 to count - 1. Requires: count > 0.
  std::size_t below(std::size_t count) { return static_cast<std::size_t>(engine_() % count); }
  bool one_in(std::size_t count) { return below(count) == 0; }
  std::uint64_t bits() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

struct RandomSchema {
  Json json;
  std::vector<NamedText> references;
};
// Of all kinds of types, also recursive ones, and types of up to two schemas that it refers to.
[[nodiscard]] RandomSchema random_schema(Chance& chance);
// One to three changes at places anywhere, some of which keep it compatible. May be no schema any more.
[[nodiscard]] Json changed_schema(const Json& schema, Chance& chance);

enum class Blocks : std::uint8_t {
  kPlain,  // as most writers encode it: one for each array and map
  kAny,
};
// One value in the binary encoding; none: the schema has no finite one, as a record that holds itself.
[[nodiscard]] std::optional<std::string> random_payload(const Schema& schema, Chance& chance, Blocks blocks);

}  // namespace forebay::schema::avro
