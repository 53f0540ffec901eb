// Keeps a warning that repeats from filling the log: lets one through per key and interval and counts those
// kept quiet.
//   if (const auto quiet = limiter.admit("segment write failed", now)) {
//     log_warn("segment write failed", {{"topic", topic}, {"repeats", *quiet}});
//   }
// Thread rules: none of its own; a shard owns one. Pure: `now` is an argument.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace forebay::telemetry {

class RepeatLimiter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kKeysMax = 256;

  explicit RepeatLimiter(std::chrono::nanoseconds interval = std::chrono::seconds(10))
      : interval_(interval) {}

  // Returns how many were kept quiet since the last one let through, or nothing: keep this one quiet too.
  // At most kKeysMax keys are remembered; past that the one that is longest ago is forgotten.
  [[nodiscard]] std::optional<std::uint64_t> admit(std::string_view key, TimePoint now) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) {
      if (entries_.size() >= kKeysMax) forget_oldest();
      entries_.emplace(std::string(key), Entry{now, 0});
      return 0;
    }
    Entry& entry = found->second;
    if (now - entry.last < interval_) {
      ++entry.quiet;
      return std::nullopt;
    }
    entry.last = now;
    return std::exchange(entry.quiet, 0);
  }

 private:
  struct Entry {
    TimePoint last;
    std::uint64_t quiet = 0;
  };
  void forget_oldest() {
    auto oldest = entries_.begin();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->second.last < oldest->second.last) oldest = entry;
    }
    entries_.erase(oldest);
  }

  std::chrono::nanoseconds interval_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace forebay::telemetry
