// Named places in the daemon where a test can make it die, wait or fail: FOREBAYD_FAILPOINT=name:abort,
// name:sleep=ms or name:error, several separated by commas. Conditions may follow each:
//   @n     from the n-th hit on
//   @n-m   from the n-th hit to the m-th
//   @/path only while there is a file of that path; other hits are not counted
// Parsed once by the daemon and injected; empty otherwise, and then a hit is one comparison. Any thread may
// hit.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace forebay::io {

class FailPoints {
 public:
  FailPoints() = default;  // empty
  // Errors: kInvalidConfig for a text that does not parse, and for a name that is not in `known`: a fail
  // point that can never fire must not look like a test that passed.
  [[nodiscard]] static Result<FailPoints> parse(std::string_view text,
                                                std::span<const std::string_view> known);

  // What the place is to do: wait, then fail or go on.
  struct Outcome {
    std::chrono::milliseconds delay{};
    std::optional<Error> error;
  };
  // Call at a place that must not block. May not return.
  [[nodiscard]] Outcome pass(std::string_view name) const;
  // Call at a place that may. Errors: kStorageFailed when it says so. May not return.
  [[nodiscard]] Result<void> hit(std::string_view name) const {
    if (points_.empty()) return {};
    return hit_slowly(name);
  }
  [[nodiscard]] bool empty() const { return points_.empty(); }

 private:
  enum class Action : std::uint8_t { kAbort, kSleep, kError };
  struct Point {
    std::string name;
    Action action = Action::kAbort;
    std::chrono::milliseconds sleep{};
    std::uint64_t from = 1;
    std::uint64_t to = ~std::uint64_t{0};
    std::string switch_file;
    std::atomic<std::uint64_t> hits{0};
  };
  [[nodiscard]] Result<void> hit_slowly(std::string_view name) const;
  [[nodiscard]] static Result<std::unique_ptr<Point>> parse_point(std::string_view text);

  std::vector<std::unique_ptr<Point>> points_;
};

}  // namespace forebay::io
