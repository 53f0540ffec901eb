// Patterns that cannot be matched in a time that grows with the text alone (look-around, back references) or
// whose automaton would be too large (many repetitions of large classes), matched by PCRE2. It tries one way
// after another, for an exponential time if it is let: here each item of the pattern that it tries takes a
// step, and what it runs along of the text takes more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "schema/core/json/json_match.h"
#include "schema/core/json/json_pattern_text.h"

namespace forebay::schema::json {

class BacktrackingPattern {
 public:
  // Errors: kInvalidArgument with what PCRE2 does not take of it.
  [[nodiscard]] static Result<std::unique_ptr<const BacktrackingPattern>> compile(const PatternText& pattern);
  BacktrackingPattern(const BacktrackingPattern&) = delete;
  BacktrackingPattern& operator=(const BacktrackingPattern&) = delete;
  ~BacktrackingPattern();

  // Whether it matches anywhere in the text. Any thread may call it.
  [[nodiscard]] Match find_in(std::string_view text, Steps& steps) const;
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  struct Code;
  BacktrackingPattern(std::unique_ptr<Code> code, const PatternText& pattern);
  std::unique_ptr<Code> code_;
  const PatternText pattern_;
  std::uint32_t look_behind_ = 0;  // characters, of the longest
  std::size_t memory_bytes_ = 0;
};

}  // namespace forebay::schema::json
