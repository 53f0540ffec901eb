#include "schema/core/json/json_pattern_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace forebay::schema::json {
namespace {

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'); }

unsigned hex_of(std::string_view digits) {
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

// Unicode's long names of general categories that both know by their short ones only.
struct LongName {
  std::string_view name, category;
};
constexpr std::array kLongNames = {
    LongName{"Letter", "L"},
    LongName{"Uppercase_Letter", "Lu"},
    LongName{"Lowercase_Letter", "Ll"},
    LongName{"Number", "N"},
    LongName{"Decimal_Number", "Nd"},
    LongName{"digit", "Nd"},
    LongName{"Punctuation", "P"},
    LongName{"punct", "P"},
    LongName{"Symbol", "S"},
    LongName{"Separator", "Z"},
    LongName{"Space_Separator", "Zs"},
    LongName{"Mark", "M"},
    LongName{"Control", "Cc"},
    LongName{"cntrl", "Cc"},
    LongName{"Currency_Symbol", "Sc"},
};

// What is written the same in all three is copied.
class Translator {
 public:
  explicit Translator(std::string_view text) : text_(text) {}

  Result<PatternText> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const std::size_t repeat = in_class_ ? 0 : repeat_at(text_.substr(at_));
      if (repeat > 0) {
        FOREBAY_CHECK(repetition(repeat));
        continue;
      }
      repeats_ = Repeats::kNo;
      if (c == '\\') {
        FOREBAY_CHECK(escape());
      } else if (c == '[' && !in_class_) {
        open_class();
      } else if (c == '[') {
        out_.text += "\\[";  // they would look for [:name:]
        ++at_;
      } else if (c == '(' && !in_class_) {
        FOREBAY_CHECK(group());
      } else {
        // Not a repetition, whatever they make of it.
        if (c == '{' && !in_class_) out_.text += '\\';
        if (c == ']' && std::exchange(in_class_, false))
          out_.class_bytes_max = std::max(out_.class_bytes_max, at_ - class_begin_);
        out_.text += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  // How long the sign of a repetition is; 0: there is none.
  static std::size_t repeat_at(std::string_view rest) {
    if (rest[0] == '*' || rest[0] == '+' || rest[0] == '?') return 1;
    if (rest[0] != '{') return 0;
    std::size_t at = 1;
    const auto digits = [&] {
      const std::size_t begin = at;
      while (at < rest.size() && rest[at] >= '0' && rest[at] <= '9') ++at;
      return at > begin;
    };
    if (!digits()) return 0;
    if (at < rest.size() && rest[at] == ',') {
      ++at;
      digits();
    }
    return at < rest.size() && rest[at] == '}' ? at + 1 : 0;
  }

  Result<void> repetition(std::size_t length) {
    const bool makes_lazy = repeats_ == Repeats::kYes && text_[at_] == '?';
    if (repeats_ != Repeats::kNo && !makes_lazy)
      return refused("a repetition of a repetition, " + std::string(text_.substr(at_, length)) +
                     ", which is not of ECMA 262");
    repeats_ = makes_lazy ? Repeats::kLazily : Repeats::kYes;
    std::size_t least = 0;
    std::from_chars(text_.data() + at_ + 1, text_.data() + at_ + length, least);
    out_.repeats_min = std::max(out_.repeats_min, least);
    copy(length);
    return {};
  }

  void open_class() {
    ++at_;
    if (text_.substr(at_).starts_with("^]")) {  // any character
      out_.text += "(?s:.)";
      at_ += 2;
    } else if (text_.substr(at_).starts_with("]")) {  // none
      out_.text += "[^\\x{0}-\\x{10FFFF}]";
      at_ += 1;
    } else {
      out_.text += '[';
      in_class_ = true;
      class_begin_ = at_;
      if (text_.substr(at_).starts_with("^")) {
        out_.text += '^';
        ++at_;
      }
    }
  }

  Result<void> group() {
    const std::string_view rest = text_.substr(at_);
    if (rest.starts_with("(*")) return refused("nothing that * could repeat");
    if (!rest.starts_with("(?")) {
      copy(1);
      return {};
    }
    for (const std::string_view look : {"(?=", "(?!", "(?<=", "(?<!"}) {
      if (!rest.starts_with(look)) continue;
      out_.backtracks = true;
      copy(look.size());
      return {};
    }
    if (rest.starts_with("(?<")) {
      out_.text += "(?P<";
      at_ += 3;
      return {};
    }
    const auto flags = rest.find_first_not_of("ims-", 2);
    if (flags == std::string_view::npos || (rest[flags] != ':' && rest[flags] != ')'))
      return refused("a group " + std::string(rest.substr(0, 4)) + ", which is not of ECMA 262");
    out_.has_flags = out_.has_flags || flags > 2;
    copy(flags);
    return {};
  }

  Result<void> escape() {
    if (at_ + 1 >= text_.size()) return refused("a \\ at its end; for the character itself write \\\\");
    const char c = text_[at_ + 1];
    const std::string_view rest = text_.substr(at_ + 2);
    if (c == 'u') return unicode(rest);
    if (c == 'x' && (rest.size() < 2 || !is_hex(rest.substr(0, 2))))
      return refused("\\x without two hexadecimal digits, as in \\xe9");
    if (c == 'c' && !rest.empty() && (rest[0] | 0x20) >= 'a' && (rest[0] | 0x20) <= 'z') {
      append_code(static_cast<unsigned>(rest[0]) % 32);
      at_ += 3;
    } else if ((c == 'p' || c == 'P') && rest.starts_with('{')) {
      property(c, rest);
    } else if (c == 'd' || c == 'D' || c == 'w' || c == 'W') {
      copy(2);  // the same in both
    } else if (c == 's' && in_class_) {
      out_.text += kSpaces;
      at_ += 2;
    } else if ((c == 's' || c == 'S') && !in_class_) {
      out_.text += std::string(c == 's' ? "[" : "[^") + kSpaces + "]";
      at_ += 2;
    } else if (c == '0' && (rest.empty() || rest[0] < '0' || rest[0] > '9')) {
      append_code(0);
      at_ += 2;
    } else if (c == 'v') {
      append_code(11);
      at_ += 2;
    } else if (c == 'b' && in_class_) {
      append_code(8);
      at_ += 2;
    } else if (((c >= '1' && c <= '9') || c == 'k') && !in_class_) {
      out_.backtracks = true;  // to what a group has found
      copy(2);
    } else if (is_letter_or_digit(c) && std::string_view("bBfnrStxpP").find(c) == std::string_view::npos) {
      return refused(std::string("\\") + c + ", which is not of ECMA 262" +
                     (std::string_view("AzZ").find(c) == std::string_view::npos
                          ? ""
                          : "; use ^ and $ for the ends of the text"));
    } else {
      copy(2);
    }
    return {};
  }

  Result<void> unicode(std::string_view rest) {
    if (rest.starts_with('{')) {
      const auto end = rest.find('}');
      if (end != std::string_view::npos && end > 1 && is_hex(rest.substr(1, end - 1))) {
        out_.text += "\\x" + std::string(rest.substr(0, end + 1));
        at_ += end + 3;
        return {};
      }
    } else if (rest.size() >= 4 && is_hex(rest.substr(0, 4))) {
      const unsigned first = hex_of(rest.substr(0, 4));
      const bool is_pair = first >= 0xD800 && first < 0xDC00 && rest.size() >= 10 &&
                           rest.substr(4, 2) == "\\u" && is_hex(rest.substr(6, 4));
      const unsigned second = is_pair ? hex_of(rest.substr(6, 4)) : 0;
      const bool is_surrogates = is_pair && second >= 0xDC00 && second < 0xE000;
      append_code(is_surrogates ? 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00) : first);
      at_ += is_surrogates ? 12 : 6;
      return {};
    }
    return refused("\\u without four hexadecimal digits, as in \\u00e9");
  }

  void property(char sign, std::string_view rest) {
    const auto end = rest.find('}');
    std::string_view name = rest.substr(1, end == std::string_view::npos ? rest.size() : end - 1);
    for (const std::string_view prefix : {"Script=", "sc=", "General_Category=", "gc="})
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    for (const LongName& one : kLongNames)
      if (name == one.name) name = one.category;
    out_.text += std::string("\\") + sign + "{" + std::string(name) + "}";
    at_ += end == std::string_view::npos ? text_.size() - at_ : end + 3;
  }

  void append_code(unsigned code) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string digits;
    for (; code > 0; code >>= 4) digits.insert(digits.begin(), kHex[code & 15]);
    out_.text += "\\x{" + (digits.empty() ? "0" : digits) + "}";
  }
  void copy(std::size_t count) {
    out_.text += text_.substr(at_, count);
    at_ += count;
  }
  static Error refused(const std::string& what) { return {ErrorCode::kInvalidArgument, "it has " + what}; }

  // What ECMA 262 calls white space, within a class.
  static constexpr const char* kSpaces =
      "\\t\\n\\x{B}\\f\\r "
      "\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}\\x{FEFF}";
  enum class Repeats : std::uint8_t { kNo, kYes, kLazily };  // what stands before
  std::string_view text_;
  std::size_t at_ = 0;
  PatternText out_;
  bool in_class_ = false;
  std::size_t class_begin_ = 0;
  Repeats repeats_ = Repeats::kNo;
};

}  // namespace

Result<PatternText> translate_pattern(std::string_view expression) { return Translator(expression).run(); }

}  // namespace forebay::schema::json
