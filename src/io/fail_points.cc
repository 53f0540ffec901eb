#include "io/fail_points.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
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
                   "; expected name:abort, name:sleep=ms or name:error, then perhaps @n, @n-m or @/path"};
}

}  // namespace

Result<std::unique_ptr<FailPoints::Point>> FailPoints::parse_point(std::string_view text) {
  auto point = std::make_unique<Point>();
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return refused(text, "no name or no action");
  point->name = text.substr(0, colon);
  std::string_view action = text.substr(colon + 1);
  for (std::size_t at = action.rfind('@'); at != std::string_view::npos; at = action.rfind('@')) {
    const std::string_view condition = action.substr(at + 1);
    action = action.substr(0, at);
    if (condition.starts_with('/')) {
      point->switch_file = condition;
      continue;
    }
    const std::size_t dash = condition.find('-');
    const auto from = number(condition.substr(0, dash));
    const auto to = dash == std::string_view::npos ? point->to : number(condition.substr(dash + 1));
    if (!from.has_value() || *from == 0 || !to.has_value() || *to < *from) {
      return refused(text, "what follows @ is no count from 1, no range of counts, and no path");
    }
    point->from = *from;
    point->to = *to;
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

FailPoints::Outcome FailPoints::pass(std::string_view name) const {
  Outcome outcome;
  for (const auto& point : points_) {
    if (point->name != name) continue;
    if (!point->switch_file.empty() && ::access(point->switch_file.c_str(), F_OK) != 0) continue;
    const std::uint64_t count = point->hits.fetch_add(1, std::memory_order_relaxed) + 1;
    if (count < point->from || count > point->to) continue;
    switch (point->action) {
      case Action::kAbort:
        // As SIGKILL from outside: no handler, no destructor, no core file to wait for.
        ::kill(::getpid(), SIGKILL);
        ::pause();
        break;
      case Action::kSleep:
        outcome.delay += point->sleep;
        break;
      case Action::kError:
        outcome.error = Error{ErrorCode::kStorageFailed, "fail point " + point->name};
        break;
    }
  }
  return outcome;
}

Result<void> FailPoints::hit_slowly(std::string_view name) const {
  Outcome outcome = pass(name);
  std::this_thread::sleep_for(outcome.delay);
  if (outcome.error) return *std::move(outcome.error);
  return {};
}

}  // namespace forebay::io
