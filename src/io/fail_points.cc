#include "io/fail_points.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <optional>
#include <thread>
#include <utility>

#include "base/assert.h"

namespace forebay::io {

namespace {

constexpr std::uint64_t kSleepMsMax = 3'600'000;

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Error refused(std::string_view text, const std::string& why) {
  return Error{ErrorCode::kInvalidConfig,
               "fail point '" + std::string(text) + "': " + why +
                   "; expected name:abort, name:sleep=ms or name:error, then perhaps @n"};
}

}  // namespace

Result<std::unique_ptr<FailPoints::Point>> FailPoints::parse_point(std::string_view text) {
  auto point = std::make_unique<Point>();
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return refused(text, "no name or no action");
  point->name = text.substr(0, colon);
  std::string_view action = text.substr(colon + 1);
  if (const std::size_t at = action.find('@'); at != std::string_view::npos) {
    const auto from = number(action.substr(at + 1));
    if (!from.has_value() || *from == 0) return refused(text, "what follows @ is not a count from 1");
    point->from = *from;
    action = action.substr(0, at);
  }
  constexpr std::string_view kSleep = "sleep=";
  if (action == "abort") {
    point->action = Action::kAbort;
  } else if (action == "error") {
    point->action = Action::kError;
  } else if (action.starts_with(kSleep)) {
    const auto ms = number(action.substr(kSleep.size()));
    if (!ms.has_value() || *ms > kSleepMsMax) return refused(text, "no number of milliseconds up to an hour");
    point->action = Action::kSleep;
    point->sleep = std::chrono::milliseconds(*ms);
  } else {
    return refused(text, "unknown action");
  }
  return point;
}

Result<FailPoints> FailPoints::parse(std::string_view text, std::span<const std::string_view> known) {
  FailPoints points;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view one = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
    FOREBAY_TRY(auto point, parse_point(one));
    if (std::find(known.begin(), known.end(), point->name) == known.end()) {
      std::string names;
      for (const std::string_view name : known) names += " " + std::string(name);
      return refused(one, "no place of that name; there are:" + names);
    }
    points.points_.push_back(std::move(point));
  }
  return points;
}

Result<void> FailPoints::hit_slowly(std::string_view name) const {
  for (const auto& point : points_) {
    if (point->name != name) continue;
    const std::uint64_t count = point->hits.fetch_add(1, std::memory_order_relaxed) + 1;
    if (count < point->from) continue;
    switch (point->action) {
      case Action::kAbort:
        // As SIGKILL from outside: no handler, no destructor, no core file to wait for.
        ::kill(::getpid(), SIGKILL);
        ::pause();
        break;
      case Action::kSleep:
        std::this_thread::sleep_for(point->sleep);
        break;
      case Action::kError:
        return Error{ErrorCode::kStorageFailed, "fail point " + point->name};
    }
  }
  return {};
}

}  // namespace forebay::io
