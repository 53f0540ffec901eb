#include "config/units.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <optional>
#include <span>

#include "base/assert.h"

namespace forebay::config {
namespace {

using std::chrono::nanoseconds;

struct Unit {
  std::string_view name;  // sizes and counts: lower case
  std::uint64_t factor;
};

constexpr std::uint64_t kKi = 1024;
constexpr std::array<Unit, 14> kByteUnits = {{{"", 1},
                                              {"b", 1},
                                              {"kib", kKi},
                                              {"mib", kKi* kKi},
                                              {"gib", kKi* kKi* kKi},
                                              {"tib", kKi* kKi* kKi* kKi},
                                              {"k", 1'000},
                                              {"kb", 1'000},
                                              {"m", 1'000'000},
                                              {"mb", 1'000'000},
                                              {"g", 1'000'000'000},
                                              {"gb", 1'000'000'000},
                                              {"t", 1'000'000'000'000},
                                              {"tb", 1'000'000'000'000}}};
constexpr std::array<Unit, 4> kCountUnits = {{{"", 1}, {"k", 1'000}, {"m", 1'000'000}, {"g", 1'000'000'000}}};
// Largest first: the order in which they are printed.
constexpr std::array<Unit, 8> kDurationUnits = {{{"w", 604'800'000'000'000},
                                                 {"d", 86'400'000'000'000},
                                                 {"h", 3'600'000'000'000},
                                                 {"m", 60'000'000'000},
                                                 {"s", 1'000'000'000},
                                                 {"ms", 1'000'000},
                                                 {"us", 1'000},
                                                 {"ns", 1}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "1.25" as an exact fraction: 125 / 100.
struct Decimal {
  std::uint64_t digits = 0;
  std::uint64_t divisor = 1;
};

// Takes a decimal number off the front of `text`. At most 9 decimals; nothing when there is none or it is too
// long.
std::optional<Decimal> take_decimal(std::string_view& text) {
  Decimal number;
  std::size_t i = 0;
  bool fraction = false;
  std::size_t digits_seen = 0;
  for (; i < text.size() && (is_digit(text[i]) || (text[i] == '.' && !fraction)); ++i) {
    if (text[i] == '.') {
      if (digits_seen == 0) return std::nullopt;
      fraction = true;
      continue;
    }
    const auto digit = static_cast<std::uint64_t>(text[i] - '0');
    if (number.digits > (std::numeric_limits<std::uint64_t>::max() - digit) / 10) return std::nullopt;
    number.digits = number.digits * 10 + digit;
    ++digits_seen;
    if (fraction) {
      number.divisor *= 10;
      if (number.divisor > 1'000'000'000) return std::nullopt;
    }
  }
  if (digits_seen == 0 || text[i - 1] == '.') return std::nullopt;
  text.remove_prefix(i);
  return number;
}

std::optional<std::uint64_t> multiply(Decimal number, std::uint64_t factor) {
  const auto product = static_cast<unsigned __int128>(number.digits) * factor / number.divisor;
  if (product > std::numeric_limits<std::uint64_t>::max()) return std::nullopt;
  return static_cast<std::uint64_t>(product);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

std::optional<std::uint64_t> parse_with(std::string_view text, std::span<const Unit> units) {
  const auto number = take_decimal(text);
  if (!number) return std::nullopt;
  if (text.starts_with(' ')) text.remove_prefix(1);
  const std::string name = lower_case(text);
  for (const Unit& unit : units) {
    if (unit.name == name) return multiply(*number, unit.factor);
  }
  return std::nullopt;
}

Error refused(std::string_view what, std::string_view found, std::string_view example) {
  std::string context = "expected a ";
  context += what;
  context += " such as ";
  context += example;
  context += ", found '";
  context += found.substr(0, 64);
  context += '\'';
  return Error{ErrorCode::kInvalidArgument, std::move(context)};
}

// value / factor with at most one decimal, rounded to nearest: "1.5", "64".
std::string one_decimal(std::uint64_t value, std::uint64_t factor) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f", static_cast<double>(value) / static_cast<double>(factor));
  std::string out(text.data());
  if (out.ends_with(".0")) out.resize(out.size() - 2);
  return out;
}

}  // namespace

Result<std::uint64_t> parse_bytes(std::string_view text) {
  const auto bytes = parse_with(text, kByteUnits);
  if (!bytes) return refused("size", text, "64MiB or 4096");
  return *bytes;
}

Result<std::uint64_t> parse_count(std::string_view text) {
  const auto count = parse_with(text, kCountUnits);
  if (!count) return refused("count", text, "1000 or 50k");
  return *count;
}

Result<nanoseconds> parse_duration(std::string_view text) {
  const Error error = refused("duration", text, "250ms, 10s, 1h30m or 7d");
  if (text == "0") return nanoseconds(0);
  constexpr auto kMax = static_cast<std::uint64_t>(nanoseconds::max().count());
  std::uint64_t total = 0;
  std::uint64_t previous_factor = std::numeric_limits<std::uint64_t>::max();
  std::string_view rest = text;
  do {
    const auto number = take_decimal(rest);
    if (!number) return error;
    std::size_t unit_size = 0;
    while (unit_size < rest.size() && !is_digit(rest[unit_size])) ++unit_size;
    const std::string_view name = rest.substr(0, unit_size);
    rest.remove_prefix(unit_size);
    const auto* const unit = std::find_if(kDurationUnits.begin(), kDurationUnits.end(),
                                          [&](const Unit& u) { return u.name == name; });
    if (unit == kDurationUnits.end() || unit->factor >= previous_factor) return error;
    previous_factor = unit->factor;
    const auto part = multiply(*number, unit->factor);
    if (!part || *part > kMax - total) return error;
    total += *part;
  } while (!rest.empty());
  return nanoseconds(static_cast<std::int64_t>(total));
}

std::string format_bytes(std::uint64_t bytes) {
  constexpr std::array<std::string_view, 5> kNames = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::uint64_t factor = 1;
  std::size_t unit = 0;
  // 1023.96 KiB would be printed as 1024KiB: go one further there.
  while (unit + 1 < kNames.size() &&
         static_cast<double>(bytes) / static_cast<double>(factor) >= (unit == 0 ? 1024.0 : 1023.95)) {
    factor *= kKi;
    ++unit;
  }
  return one_decimal(bytes, factor) + std::string(kNames.at(unit));
}

std::string format_duration(nanoseconds duration) {
  if (duration.count() == 0) return "0s";
  std::string out = duration.count() < 0 ? "-" : "";
  // Negating the smallest number would overflow; one nanosecond less is not seen.
  const auto total = static_cast<std::uint64_t>(
      duration.count() < 0 ? -std::max(duration, -nanoseconds::max()).count() : duration.count());
  for (std::size_t i = 1; i < kDurationUnits.size(); ++i) {  // no weeks: "9d" says more than "1w2d"
    const Unit& unit = kDurationUnits.at(i);
    if (total < unit.factor) continue;
    if (unit.factor <= 1'000'000'000) {
      if (one_decimal(total, unit.factor) == "1000")
        return out + "1" + std::string(kDurationUnits.at(i - 1).name);
      return out + one_decimal(total, unit.factor) + std::string(unit.name);
    }
    const Unit& next = kDurationUnits.at(i + 1);
    out += std::to_string(total / unit.factor) + std::string(unit.name);
    const std::uint64_t rest = total % unit.factor / next.factor;
    if (rest != 0) out += std::to_string(rest) + std::string(next.name);
    return out;
  }
  return out;
}

std::string exact_bytes(std::uint64_t bytes) {
  constexpr std::array<Unit, 4> kUnits = {
      {{"TiB", kKi * kKi * kKi * kKi}, {"GiB", kKi * kKi * kKi}, {"MiB", kKi * kKi}, {"KiB", kKi}}};
  for (const Unit& unit : kUnits) {
    if (bytes != 0 && bytes % unit.factor == 0)
      return std::to_string(bytes / unit.factor) + std::string(unit.name);
  }
  return std::to_string(bytes);
}

std::string exact_duration(nanoseconds duration) {
  FOREBAY_ASSERT(duration.count() >= 0);
  const auto total = static_cast<std::uint64_t>(duration.count());
  if (total == 0) return "0s";
  for (std::size_t i = 1; i < kDurationUnits.size(); ++i) {
    const Unit& unit = kDurationUnits.at(i);
    if (total % unit.factor == 0) return std::to_string(total / unit.factor) + std::string(unit.name);
  }
  return "0s";
}

}  // namespace forebay::config
