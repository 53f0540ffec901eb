// The words of a history line (torture/run_reader.h says which there are). Pure.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forebay/error.h"
#include "sim/history.h"

namespace forebay::torture {

// kInvalidArgument, with as much of the line as is of use.
[[nodiscard]] Error wrong_line(std::string_view what, std::string_view line);

template <typename Number>
[[nodiscard]] bool parse_number(std::string_view text, Number& number) {
  const auto done = std::from_chars(text.data(), text.data() + text.size(), number);
  return done.ec == std::errc{} && done.ptr == text.data() + text.size();
}

// OFFSET:VALUE[xCOUNT][!],...
[[nodiscard]] bool parse_records(std::string_view text, std::vector<sim::SeenRecord>& records);

// Points into the text that it was made of.
struct HistoryLine {
  std::string_view whole;
  sim::HistoryTime at = 0;
  std::string_view process;
  std::string_view type;
  std::string_view op;
  std::string_view topic;
  std::string_view partition;
  std::string_view fields;

  // Errors: kInvalidArgument.
  [[nodiscard]] static Result<HistoryLine> parse(std::string_view whole);
  // Of NAME=TEXT among the fields.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const;
  template <typename Number>
  [[nodiscard]] bool get(std::string_view name, Number& number) const {
    const auto found = text(name);
    return found && parse_number(*found, number);
  }
};

}  // namespace forebay::torture
