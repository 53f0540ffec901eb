// Regular expressions of "pattern" and "patternProperties": ECMA 262 as schemas use it. RE2 matches them, in
// a time that grows with the text alone; those that RE2 does not take (look-around, back references, many
// repetitions) PCRE2, with a bounded number of tries.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "schema/core/json/json_match.h"

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
  [[nodiscard]] Match find_in(std::string_view text, Steps& steps) const;
  [[nodiscard]] const std::string& expression() const { return expression_; }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Engine;
  Pattern(std::string expression, std::unique_ptr<Engine> engine);
  std::string expression_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace forebay::schema::json
