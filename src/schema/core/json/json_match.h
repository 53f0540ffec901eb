// What came of looking for a pattern in a text.
#pragma once

#include <cstddef>
#include <cstdint>

namespace forebay::schema::json {

enum class Match : std::uint8_t {
  kFound,
  kNotFound,
  kUndecided,  // it takes more steps than there are
};

// Counts what a check costs, so that it ends. A step is about 50 ns.
struct Steps {
  std::size_t taken = 0;
  std::size_t max = 0;
  [[nodiscard]] bool are_used_up() const { return taken > max; }
  void use_up() { taken = max + 1; }
};

}  // namespace forebay::schema::json
