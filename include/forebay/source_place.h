// Where a record stands in the source that a named producer reads. Thread rules: plain values.
#pragma once

#include <cstdint>
#include <optional>

namespace forebay {

struct SourcePlace {
  SourcePlace() = default;
  SourcePlace(std::uint64_t at) : position(at) {}  // NOLINT(google-explicit-constructor): a number is a place
  SourcePlace(std::uint64_t at, std::uint32_t sum) : position(at), checksum(sum) {}
  std::uint64_t position = 0;  // a row number, a byte offset
  // Of the source up to there, however the application computes it. It is kept with the position, and not
  // looked into: the next run can see by it whether the source is still what it was.
  std::optional<std::uint32_t> checksum;
  friend bool operator==(const SourcePlace&, const SourcePlace&) = default;
};

}  // namespace forebay
