#include "cli/time_text.h"

#include <chrono>
#include <cstdio>
#include <limits>
#include <optional>

#include "config/units.h"

namespace forebay::cli {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;
constexpr std::int64_t kMsPerMinute = 60 * kMsPerSecond;
constexpr std::int64_t kMsPerDay = 24 * 60 * kMsPerMinute;

enum class Strictness { kRfc3339, kIso8601 };

// Reads a moment from the left; every step says whether the text had what it wants.
class MomentReader {
 public:
  MomentReader(std::string_view text, Strictness strictness) : text_(text), strictness_(strictness) {}

  std::optional<std::int64_t> read() {
    const auto day = read_date();
    if (!day) return std::nullopt;
    if (text_.empty() && strictness_ == Strictness::kIso8601) return *day * kMsPerDay;
    if (!skip('T') && !skip('t') && !skip(' ')) return std::nullopt;
    const auto time = read_time();
    if (!time) return std::nullopt;
    const auto zone = read_zone();
    if (!zone || !text_.empty()) return std::nullopt;
    return *day * kMsPerDay + *time - *zone;
  }

 private:
  bool skip(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::optional<int> read_digits(std::size_t count, int greatest) {
    if (text_.size() < count) return std::nullopt;
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return std::nullopt;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(count);
    if (value > greatest) return std::nullopt;
    return value;
  }
  std::optional<std::int64_t> read_date() {  // days since 1970-01-01
    const auto year = read_digits(4, 9999);
    if (!year || !skip('-')) return std::nullopt;
    const auto month = read_digits(2, 12);
    if (!month || !skip('-')) return std::nullopt;
    const auto day = read_digits(2, 31);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year),
                                           std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch().count();
  }
  std::optional<std::int64_t> read_time() {  // milliseconds since midnight
    const auto hour = read_digits(2, 23);
    if (!hour || !skip(':')) return std::nullopt;
    const auto minute = read_digits(2, 59);
    if (!minute) return std::nullopt;
    std::int64_t ms = (*hour * 60 + *minute) * kMsPerMinute;
    if (!skip(':')) {
      if (strictness_ == Strictness::kRfc3339) return std::nullopt;
      return ms;
    }
    const auto second = read_digits(2, 60);
    if (!second) return std::nullopt;
    ms += *second * kMsPerSecond;
    if (!skip('.')) return ms;
    std::int64_t unit = kMsPerSecond / 10;
    bool any = false;
    for (; !text_.empty() && text_.front() >= '0' && text_.front() <= '9';
         text_.remove_prefix(1), unit /= 10) {
      any = true;
      ms += (text_.front() - '0') * unit;
    }
    if (!any) return std::nullopt;
    return ms;
  }
  std::optional<std::int64_t> read_zone() {  // milliseconds east of UTC
    if (skip('Z') || skip('z')) return 0;
    if (text_.empty() && strictness_ == Strictness::kIso8601) return 0;
    const bool west = !text_.empty() && text_.front() == '-';
    if (!skip('+') && !skip('-')) return std::nullopt;
    const auto hours = read_digits(2, 23);
    if (!hours || !skip(':')) return std::nullopt;
    const auto minutes = read_digits(2, 59);
    if (!minutes) return std::nullopt;
    const std::int64_t ms = (*hours * 60 + *minutes) * kMsPerMinute;
    return west ? -ms : ms;
  }

  std::string_view text_;
  Strictness strictness_;
};

bool is_all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Result<std::int64_t> parse_rfc3339_ms(std::string_view text) {
  if (const auto ms = MomentReader(text, Strictness::kRfc3339).read()) return *ms;
  return Error{ErrorCode::kInvalidArgument, "'" + std::string(text.substr(0, 64)) +
                                                "' is not an RFC 3339 time such as 2026-01-31T12:00:00Z"};
}

Result<std::int64_t> parse_moment_ms(std::string_view text, std::int64_t now_ms) {
  if (is_all_digits(text)) {
    std::int64_t ms = 0;
    for (const char c : text) {
      if (ms > (std::numeric_limits<std::int64_t>::max() - 9) / 10) {
        return Error{ErrorCode::kInvalidArgument, "'" + std::string(text) + "' ms lie outside the calendar"};
      }
      ms = ms * 10 + (c - '0');
    }
    return ms;
  }
  if (const auto ms = MomentReader(text, Strictness::kIso8601).read()) return *ms;
  if (const auto ago = config::parse_duration(text)) {
    return now_ms - std::chrono::duration_cast<std::chrono::milliseconds>(*ago).count();
  }
  return Error{
      ErrorCode::kInvalidArgument,
      "'" + std::string(text) +
          "' is not a time: expected 2026-01-31, 2026-01-31T12:00:00Z, milliseconds since 1970, or a "
          "duration such as 1h, which means that long ago"};
}

void append_iso_ms(std::string& out, std::int64_t ms) {
  std::int64_t day = ms / kMsPerDay;
  std::int64_t rest = ms % kMsPerDay;
  if (rest < 0) {
    rest += kMsPerDay;
    --day;
  }
  // Days to a date of the Gregorian calendar in eras of 400 years: std::chrono stops at the year 32767.
  const std::int64_t shifted = day + 719'468;  // since 0000-03-01
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;  // 0 = March
  const std::int64_t day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
  const std::int64_t month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);

  char buffer[64];
  int length = 0;
  if (year >= 0 && year <= 9999) {
    length = std::snprintf(buffer, sizeof(buffer), "%04d", static_cast<int>(year));
  } else {
    length = std::snprintf(buffer, sizeof(buffer), "%+05lld", static_cast<long long>(year));
  }
  out.append(buffer, static_cast<std::size_t>(length));
  length = std::snprintf(buffer, sizeof(buffer), "-%02d-%02dT%02d:%02d:%02d.%03dZ", static_cast<int>(month),
                         static_cast<int>(day_of_month), static_cast<int>(rest / (60 * kMsPerMinute)),
                         static_cast<int>(rest / kMsPerMinute % 60),
                         static_cast<int>(rest / kMsPerSecond % 60), static_cast<int>(rest % kMsPerSecond));
  out.append(buffer, static_cast<std::size_t>(length));
}

std::string iso_ms(std::int64_t ms) {
  std::string out;
  append_iso_ms(out, ms);
  return out;
}

}  // namespace forebay::cli
