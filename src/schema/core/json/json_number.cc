#include "schema/core/json/json_number.h"

#include <charconv>
#include <cmath>
#include <optional>

namespace forebay::schema::json {
namespace {

// digits * 10^exponent, without its sign.
struct Decimal {
  std::string digits;
  std::int64_t exponent = 0;
};

std::optional<Decimal> decimal_of(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  Decimal decimal;
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  if (e < text.size()) {
    std::string_view written = text.substr(e + 1);
    if (written.starts_with('+')) written.remove_prefix(1);
    if (std::from_chars(written.data(), written.data() + written.size(), decimal.exponent).ec != std::errc())
      return std::nullopt;
  }
  bool after_point = false;
  for (const char c : text.substr(0, e)) {
    if (c == '.') {
      after_point = true;
      continue;
    }
    decimal.digits += c;
    if (after_point) --decimal.exponent;
  }
  while (decimal.digits.size() > 1 && decimal.digits.back() == '0') {
    decimal.digits.pop_back();
    ++decimal.exponent;
  }
  decimal.digits.erase(0, decimal.digits.find_first_not_of('0'));
  return decimal;
}

// Exactly, if the divisor has few digits enough; nothing: it has not.
std::optional<bool> divides(const Decimal& divisor, const Decimal& value) {
  constexpr std::uint64_t kMax = 1'000'000'000'000'000'000;  // times ten it still fits
  constexpr std::int64_t kZerosMax = 1000;
  if (value.digits.empty()) return true;
  const std::int64_t zeros = value.exponent - divisor.exponent;
  if (zeros > kZerosMax || zeros < -kZerosMax) return std::nullopt;
  std::uint64_t modulus = 0;
  for (const char digit : divisor.digits) {
    if (modulus >= kMax / 10) return std::nullopt;
    modulus = modulus * 10 + static_cast<std::uint64_t>(digit - '0');
  }
  for (std::int64_t i = zeros; i < 0; ++i) {
    if (modulus >= kMax / 10) return std::nullopt;
    modulus *= 10;
  }
  std::uint64_t rest = 0;
  for (const char digit : value.digits)
    rest = (rest * 10 + static_cast<std::uint64_t>(digit - '0')) % modulus;
  for (std::int64_t i = 0; i < zeros && rest != 0; ++i) rest = rest * 10 % modulus;
  return rest == 0;
}

}  // namespace

int compare_numbers(const Value& a, const Value& b) {
  if (a.fits && b.fits) return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
  return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
}

bool is_multiple(const Value& value, const Value& divisor) {
  if (value.fits && divisor.fits) return value.integer % divisor.integer == 0;
  const auto of = decimal_of(value.text);
  const auto by = decimal_of(divisor.text);
  if (of && by && !by->digits.empty())
    if (const auto exact = divides(*by, *of)) return *exact;
  return std::fmod(value.number, divisor.number) == 0;
}

bool is_integer(const Value& value, bool draft4) {
  if (value.kind == Value::Kind::kInteger) return true;
  return value.kind == Value::Kind::kNumber && !draft4 && std::floor(value.number) == value.number;
}

}  // namespace forebay::schema::json
