// The log of the process: one event a line on stderr, fixed words first, then key=value.
//   2026-01-31T12:00:00.000Z warn leadership lost: topic=orders partition=3 new_leader=2
// error = an operator must act; warn = degraded, we cope (limit repeats with RepeatLimiter); info = a change
// of state that a person would tell; debug = per request. Nothing is logged per record, and the folders named
// core/ do not log. Thread rules: any thread. A line below the level costs one relaxed load (and the making
// of its arguments: ask log_enabled first where those are dear). A line that is written takes a lock and
// blocks on stderr.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/result.h"

namespace forebay::telemetry {

// In order of loudness: a level shows itself and everything before it.
enum class Level : std::uint8_t { kError, kWarn, kInfo, kDebug };

[[nodiscard]] std::string_view level_name(Level level);  // "error", "warn", "info", "debug"
[[nodiscard]] std::optional<Level> parse_level(std::string_view name);

// One key=value. Holds views: it lives only as long as the log call that it is an argument of.
class Field {
 public:
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;
  Field(std::string_view key, std::string_view value) : key_(key), value_(value) {}
  Field(std::string_view key, const std::string& value) : key_(key), value_(std::string_view(value)) {}
  Field(std::string_view key, const char* value) : key_(key), value_(std::string_view(value)) {}
  template <typename T>
    requires std::is_arithmetic_v<T>
  Field(std::string_view key, T value) : key_(key), value_(widen(value)) {}

  [[nodiscard]] std::string_view key() const { return key_; }
  [[nodiscard]] const Value& value() const { return value_; }

 private:
  template <typename T>
  static Value widen(T value) {
    if constexpr (std::same_as<T, bool>)
      return value;
    else if constexpr (std::floating_point<T>)
      return static_cast<double>(value);
    else if constexpr (std::signed_integral<T>)
      return static_cast<std::int64_t>(value);
    else
      return static_cast<std::uint64_t>(value);
  }
  std::string_view key_;
  Value value_;
};

using Fields = std::initializer_list<Field>;

namespace detail {
extern std::atomic<Level> current_level;
void write_line(Level level, std::string_view event, Fields fields);
}  // namespace detail

[[nodiscard]] inline Level log_level() { return detail::current_level.load(std::memory_order_relaxed); }
inline void set_log_level(Level level) { detail::current_level.store(level, std::memory_order_relaxed); }
[[nodiscard]] inline bool log_enabled(Level level) { return level <= log_level(); }

// `event`: fixed words without values in them, so that it can be searched for and counted.
inline void log(Level level, std::string_view event, Fields fields = {}) {
  if (log_enabled(level)) detail::write_line(level, event, fields);
}
inline void log_error(std::string_view event, Fields fields = {}) { log(Level::kError, event, fields); }
inline void log_warn(std::string_view event, Fields fields = {}) { log(Level::kWarn, event, fields); }
inline void log_info(std::string_view event, Fields fields = {}) { log(Level::kInfo, event, fields); }
inline void log_debug(std::string_view event, Fields fields = {}) { log(Level::kDebug, event, fields); }

// Everything after the level: "event: key=value key=\"two words\"". Control bytes, quotes and backslashes are
// escaped, so one event is one line whatever a client put into a name.
[[nodiscard]] std::string format_event(std::string_view event, Fields fields);

// While it lives, lines of every thread go here and not to stderr, from `level` on. For tests; one at a time.
class LogCapture {
 public:
  explicit LogCapture(Level level = Level::kDebug);
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;
  [[nodiscard]] std::vector<std::string> lines() const;              // "warn leadership lost: topic=orders"
  [[nodiscard]] std::size_t count_of(std::string_view event) const;  // lines whose event is exactly this

 private:
  Level level_before_;
};

}  // namespace forebay::telemetry
