// Whether a new version of a subject may follow those that are there. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/core/difference.h"
#include "schema/core/records.h"
#include "schema/core/schema.h"

namespace forebay::schema {

[[nodiscard]] std::string_view level_name(Level level);  // "BACKWARD_TRANSITIVE"
[[nodiscard]] std::optional<Level> level_named(std::string_view name);
[[nodiscard]] std::string_view mode_name(Mode mode);  // "READWRITE", "READONLY", "IMPORT"
[[nodiscard]] std::optional<Mode> mode_named(std::string_view name);
[[nodiscard]] constexpr bool is_transitive(Level level) {
  return level == Level::kBackwardTransitive || level == Level::kForwardTransitive ||
         level == Level::kFullTransitive;
}

// One rule that is broken.
struct Verdict {
  enum class Reads : std::uint8_t { kNew = 1, kOld = 2 };
  VersionNumber version = 0;  // with which it was compared; 0: by itself
  Reads reads = Reads::kNew;  // who cannot read what the other one writes
  Difference difference;
  // In the words of a change: what was there, what is there now.
  [[nodiscard]] const std::string& before() const;
  [[nodiscard]] const std::string& after() const;
  [[nodiscard]] std::string to_string() const;
};

struct Previous {
  VersionNumber version = 0;
  SchemaPtr schema;
};

// More are not listed: who has broken a hundred rules is told enough.
inline constexpr std::size_t kVerdictsMax = 100;

// Empty: it may. `previous`: those that the level asks for, in any order.
[[nodiscard]] std::vector<Verdict> judge(Level level, const CompatibilityPolicy& policy,
                                         const ParsedSchema& candidate,
                                         const std::vector<Previous>& previous);

}  // namespace forebay::schema
