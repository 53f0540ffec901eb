// Regular expressions of "pattern" and "patternProperties": ECMA 262 as schemas use it, matched by RE2, whose
// time grows with the text alone. What RE2 cannot take (look-ahead, look-behind, back references, more than
// 1000 repetitions) is refused when the schema is registered: left unchecked, it would be a contract that
// nobody keeps, and the engines that take it need exponential time for patterns and texts that a stranger
// chooses.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::schema::json {

class Pattern {
 public:
  // `bytes_max`: of its program and caches; with too few for its caches it takes a thousand times as long.
  // Errors: kInvalidArgument with what of the expression is wrong, and what would be right.
  [[nodiscard]] static Result<std::shared_ptr<const Pattern>> compile(std::string_view expression,
                                                                      std::size_t bytes_max);
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern();

  // Whether it matches anywhere in the text. Any thread may call it.
  [[nodiscard]] bool found_in(std::string_view text) const;
  [[nodiscard]] const std::string& expression() const { return expression_; }
  [[nodiscard]] std::size_t memory_bytes() const;
  // What finding it may take for each byte of a text: most take the same, but a large one may have many
  // places to go on from at each.
  [[nodiscard]] std::size_t steps_per_byte() const;

 private:
  struct Engine;
  Pattern(std::string expression, std::unique_ptr<Engine> engine);
  std::string expression_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace forebay::schema::json
