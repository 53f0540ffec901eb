// One configuration key as an entry of a table: the same entry parses, bounds, prints and documents it.
// Settings and topic configuration have one table each. Used inside this module.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/address.h"
#include "config/units.h"

namespace forebay::config {

inline constexpr std::string_view kListType = "list";

// What people are told about a key.
struct KeyDescription {
  std::string name;           // "storage.round_bytes_max"
  std::string type;           // "size"
  std::string default_value;  // as a person writes it: "1MiB"
  std::string expected;       // "a size from 4KiB to 8MiB"
  std::string doc;
};

template <typename Target>
struct Key {
  std::string name;
  std::string type;
  std::string expected;
  std::string doc;
  std::function<bool(Target&, std::string_view)>
      set;  // false: the value is not `expected`; the target is unchanged
  std::function<std::string(const Target&)> show;   // as a person writes it; `set` reads it back
  std::function<std::string(const Target&)> plain;  // without units, as Kafka shows it; `set` reads it back
  [[nodiscard]] KeyDescription describe(const Target& defaults) const {
    return {name, type, show(defaults), expected, doc};
  }
};

// Makes the entries. `Field` picks the member: [](auto& target) -> auto& { return target.member; }.
template <typename Target>
struct KeyMaker {
  using Entry = Key<Target>;

  template <std::unsigned_integral T, typename Field>
  static Entry integer(std::string name, Field field, std::type_identity_t<T> min,
                       std::type_identity_t<T> max, std::string doc) {
    const auto set = [field, min, max](Target& target, std::string_view text) {
      const auto value = parse_count(text);
      if (!value || *value < min || *value > max) return false;
      field(target) = static_cast<T>(*value);
      return true;
    };
    const auto show = [field](const Target& target) { return std::to_string(field(target)); };
    return {std::move(name),
            "integer",
            "an integer from " + std::to_string(min) + " to " + std::to_string(max),
            std::move(doc),
            set,
            show,
            show};
  }

  // T: std::uint64_t, std::uint32_t, or std::optional<std::uint64_t>, where -1 is "unlimited".
  template <typename T, typename Field>
  static Entry bytes(std::string name, Field field, std::uint64_t min, std::uint64_t max, std::string doc) {
    constexpr bool kOptional = std::same_as<T, std::optional<std::uint64_t>>;
    const auto set = [field, min, max](Target& target, std::string_view text) {
      if constexpr (kOptional) {
        if (text == "-1") {
          field(target) = std::nullopt;
          return true;
        }
      }
      const auto value = parse_bytes(text);
      if (!value || *value < min || *value > max) return false;
      if constexpr (kOptional)
        field(target) = *value;
      else
        field(target) = static_cast<T>(*value);
      return true;
    };
    const auto print = [field](const Target& target, std::string (*format)(std::uint64_t)) -> std::string {
      if constexpr (kOptional)
        return field(target) ? format(*field(target)) : "-1";
      else
        return format(field(target));
    };
    return {std::move(name),
            "size",
            range_text("a size", exact_bytes(min), max == kNoBound ? "" : exact_bytes(max)) +
                (kOptional ? ", or -1 for no limit" : ""),
            std::move(doc),
            set,
            [print](const Target& target) { return print(target, exact_bytes); },
            [print](const Target& target) { return print(target, plain_number); }};
  }

  enum class Bare { kRefused, kMilliseconds };  // a number without a unit
  // T: std::chrono::milliseconds, or std::optional of it, where -1 is "unlimited".
  template <typename T, typename Field>
  static Entry duration(std::string name, Field field, Bare bare, std::chrono::milliseconds min,
                        std::chrono::milliseconds max, std::string doc) {
    using std::chrono::milliseconds;
    constexpr bool kOptional = std::same_as<T, std::optional<milliseconds>>;
    const auto set = [field, bare, min, max](Target& target, std::string_view text) {
      if constexpr (kOptional) {
        if (text == "-1") {
          field(target) = std::nullopt;
          return true;
        }
      }
      const auto value = bare == Bare::kMilliseconds && is_integer(text) ? whole_milliseconds(text)
                                                                         : parse_milliseconds(text);
      if (!value || *value < min || *value > max) return false;
      field(target) = *value;
      return true;
    };
    const auto print = [field](const Target& target, std::string (*format)(milliseconds)) -> std::string {
      if constexpr (kOptional)
        return field(target) ? format(*field(target)) : "-1";
      else
        return format(field(target));
    };
    const bool bounded = max < kLongest;
    return {std::move(name),
            "duration",
            range_text(bare == Bare::kMilliseconds ? "milliseconds, or a duration with its unit,"
                                                   : "a duration with its unit",
                       shown(min), bounded ? shown(max) : "") +
                (kOptional ? ", or -1 for no limit" : ""),
            std::move(doc),
            set,
            [print](const Target& target) { return print(target, shown); },
            [print](const Target& target) { return print(target, plain_milliseconds); }};
  }

  template <typename Enum, typename Field>
  static Entry choice(std::string name, Field field, std::vector<std::pair<std::string, Enum>> choices,
                      std::string doc) {
    std::string expected = "one of";
    for (const auto& choice : choices) expected += " " + choice.first;
    const auto set = [field, choices](Target& target, std::string_view text) {
      for (const auto& [word, value] : choices) {
        if (word != text) continue;
        field(target) = value;
        return true;
      }
      return false;
    };
    // The first word of a value is its canonical one.
    const auto show = [field, choices](const Target& target) -> std::string {
      for (const auto& [word, value] : choices) {
        if (value == field(target)) return word;
      }
      return {};
    };
    return {std::move(name), "choice", std::move(expected), std::move(doc), set, show, show};
  }

  template <typename Field>
  static Entry ratio(std::string name, Field field, std::string doc) {
    const auto set = [field](Target& target, std::string_view text) {
      double value = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || !(value >= 0 && value <= 1))
        return false;
      field(target) = value == 0 ? 0 : value;  // -0 is 0
      return true;
    };
    const auto show = [field](const Target& target) {
      char text[32];
      return std::string(text, std::to_chars(text, text + sizeof text, field(target)).ptr);
    };
    return {std::move(name), "ratio", "a number from 0 to 1", std::move(doc), set, show, show};
  }

  template <typename Field>
  static Entry path(std::string name, Field field, std::string doc) {
    const auto set = [field](Target& target, std::string_view text) {
      if (text.empty() || text.size() > 4000 || text.find('\0') != std::string_view::npos) return false;
      field(target) = std::string(text);
      return true;
    };
    const auto show = [field](const Target& target) { return field(target); };
    return {std::move(name), "path", "a path", std::move(doc), set, show, show};
  }

  // Any text on one line, or nothing.
  template <typename Field>
  static Entry text(std::string name, Field field, std::size_t bytes_max, std::string doc) {
    const auto set = [field, bytes_max](Target& target, std::string_view value) {
      const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
      if (value.size() > bytes_max || std::any_of(value.begin(), value.end(), is_control)) return false;
      field(target) = std::string(value);
      return true;
    };
    const auto show = [field](const Target& target) { return field(target); };
    return {std::move(name),
            "text",
            "a text of at most " + std::to_string(bytes_max) + " bytes, or nothing",
            std::move(doc),
            set,
            show,
            show};
  }

  // Items between commas, in a file also as a YAML list. `parse` makes one of a text, or nothing; it is shown
  // by its to_string().
  template <typename Field, typename Parse>
  static Entry list(std::string name, Field field, Parse parse, std::size_t items_max, const std::string& of,
                    std::string doc) {
    const auto set = [field, parse, items_max](Target& target, std::string_view value) {
      std::remove_cvref_t<decltype(field(target))> items;
      while (!value.empty()) {
        const std::size_t comma = value.find(',');
        const auto item = parse(trimmed(value.substr(0, comma)));
        if (!item || items.size() == items_max) return false;
        items.push_back(*item);
        if (comma == std::string_view::npos) break;
        value.remove_prefix(comma + 1);
        if (value.empty()) return false;  // a comma with nothing behind it
      }
      field(target) = std::move(items);
      return true;
    };
    const auto show = [field](const Target& target) {
      std::string all;
      for (const auto& item : field(target)) all += (all.empty() ? "" : ",") + item.to_string();
      return all;
    };
    return {std::move(name),
            std::string(kListType),
            "a list of at most " + std::to_string(items_max) + " " + of + ", or nothing",
            std::move(doc),
            set,
            show,
            show};
  }

  // T: Address, or std::optional<Address>, where the empty text is "unset".
  template <typename T, typename Field>
  static Entry address(std::string name, Field field, std::uint16_t port_min, std::string doc) {
    constexpr bool kOptional = std::same_as<T, std::optional<Address>>;
    const auto set = [field, port_min](Target& target, std::string_view text) {
      if constexpr (kOptional) {
        if (text.empty()) {
          field(target) = std::nullopt;
          return true;
        }
      }
      auto value = parse_address(text);
      if (!value || value->port < port_min) return false;
      field(target) = *std::move(value);
      return true;
    };
    const auto show = [field](const Target& target) -> std::string {
      if constexpr (kOptional)
        return field(target) ? field(target)->to_string() : "";
      else
        return field(target).to_string();
    };
    return {std::move(name),
            "address",
            std::string("HOST:PORT such as 127.0.0.1:7400 or [::1]:7400") + (kOptional ? ", or nothing" : ""),
            std::move(doc),
            set,
            show,
            show};
  }

  static constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();
  // Longer ones cannot be written with a unit (292 years in nanoseconds); a topic may still have more
  // milliseconds than that.
  static constexpr std::chrono::milliseconds kLongest = std::chrono::milliseconds::max();

 private:
  static std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
  }
  static std::string plain_number(std::uint64_t value) { return std::to_string(value); }
  static std::string plain_milliseconds(std::chrono::milliseconds value) {
    return std::to_string(value.count());
  }
  static std::string shown(std::chrono::milliseconds value) {
    constexpr auto kExpressible =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds::max());
    return value > kExpressible ? plain_milliseconds(value) : exact_duration(value);
  }
  static std::string range_text(std::string what, const std::string& min, const std::string& max) {
    return max.empty() ? what + " of at least " + min : what + " from " + min + " to " + max;
  }
  static bool is_integer(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  }
  static std::optional<std::chrono::milliseconds> whole_milliseconds(std::string_view digits) {
    std::int64_t value = 0;
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (parsed.ec != std::errc()) return std::nullopt;
    return std::chrono::milliseconds(value);
  }
  // Nothing when it is not a duration, or not a whole number of milliseconds.
  static std::optional<std::chrono::milliseconds> parse_milliseconds(std::string_view text) {
    const auto value = parse_duration(text);
    if (!value || value->count() % 1'000'000 != 0) return std::nullopt;
    return std::chrono::duration_cast<std::chrono::milliseconds>(*value);
  }
};

// A value from outside, made fit for a message: short, on one line, quoted.
[[nodiscard]] inline std::string quoted_value(std::string_view value) {
  std::string out = "'";
  for (const char c : value.substr(0, 64)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (value.size() > 64) out += "...";
  out += '\'';
  return out;
}

}  // namespace forebay::config
