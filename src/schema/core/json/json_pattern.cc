#include "schema/core/json/json_pattern.h"

#include <re2/re2.h>

#include <array>
#include <charconv>
#include <utility>

namespace forebay::schema::json {

struct Pattern::Engine {
  Engine(const std::string& text, const re2::RE2::Options& options) : expression(text, options) {}
  re2::RE2 expression;
};

namespace {

constexpr std::size_t kExpressionBytesMax = 8192;  // those in use have some hundreds

re2::RE2::Options options(std::size_t bytes_max) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(bytes_max));
  return options;
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

unsigned hex_of(std::string_view digits) {
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

// Unicode's long names of general categories that RE2 knows by their short ones only.
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

// ECMA 262 as RE2 writes it.
class Translator {
 public:
  explicit Translator(std::string_view text) : text_(text) {}

  Result<std::string> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\') {
        FOREBAY_CHECK(escape());
      } else if (c == '[' && !in_class_) {
        open_class();
      } else if (c == '[') {
        out_ += "\\[";  // RE2 would look for [:name:]
        ++at_;
      } else if (c == '(' && !in_class_) {
        FOREBAY_CHECK(group());
      } else {
        if (c == ']') in_class_ = false;
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  void open_class() {
    ++at_;
    if (text_.substr(at_).starts_with("^]")) {  // any character
      out_ += "(?s:.)";
      at_ += 2;
    } else if (text_.substr(at_).starts_with("]")) {  // none
      out_ += "[^\\x{0}-\\x{10FFFF}]";
      at_ += 1;
    } else {
      out_ += '[';
      in_class_ = true;
      if (text_.substr(at_).starts_with("^")) {
        out_ += '^';
        ++at_;
      }
    }
  }

  Result<void> group() {
    const std::string_view rest = text_.substr(at_);
    for (const auto& [sign, name] :
         {std::pair{"(?=", "look-ahead"}, std::pair{"(?!", "negative look-ahead"},
          std::pair{"(?<=", "look-behind"}, std::pair{"(?<!", "negative look-behind"}})
      if (rest.starts_with(sign))
        return refused(std::string(name) + " " + sign +
                       "...), which takes exponential time;"
                       " say it without, for example with \"not\" and a second \"pattern\" under \"allOf\"");
    if (rest.starts_with("(?<")) {
      out_ += "(?P<";
      at_ += 3;
    } else {
      out_ += '(';
      ++at_;
    }
    return {};
  }

  Result<void> escape() {
    if (at_ + 1 >= text_.size()) return refused("a \\ at its end; for the character itself write \\\\");
    const char c = text_[at_ + 1];
    const std::string_view rest = text_.substr(at_ + 2);
    if (c == 'u') return unicode(rest);
    if (c == 'c' && !rest.empty() && (rest[0] | 0x20) >= 'a' && (rest[0] | 0x20) <= 'z') {
      append_code(static_cast<unsigned>(rest[0]) % 32);
      at_ += 3;
    } else if ((c == 'p' || c == 'P') && rest.starts_with('{')) {
      property(c, rest);
    } else if (c == 'd' || c == 'D' || c == 'w' || c == 'W') {
      copy(2);  // the same in both
    } else if (c == 's' && in_class_) {
      out_ += kSpaces;
      at_ += 2;
    } else if ((c == 's' || c == 'S') && !in_class_) {
      out_ += std::string(c == 's' ? "[" : "[^") + kSpaces + "]";
      at_ += 2;
    } else if (c == '0' && (rest.empty() || rest[0] < '0' || rest[0] > '9')) {
      append_code(0);
      at_ += 2;
    } else if (c == 'b' && in_class_) {
      append_code(8);
      at_ += 2;
    } else if ((c >= '1' && c <= '9') || c == 'k') {
      return refused(std::string("the back reference \\") + c +
                     ", which takes exponential time; say it without");
    } else if (std::string_view("aAzZCEGQXh").find(c) != std::string_view::npos) {
      return refused(std::string("\\") + c +
                     ", which is not of ECMA 262; use ^ and $ for the ends of the text");
    } else {
      copy(2);
    }
    return {};
  }

  Result<void> unicode(std::string_view rest) {
    if (rest.starts_with('{')) {
      const auto end = rest.find('}');
      if (end != std::string_view::npos && end > 1 && is_hex(rest.substr(1, end - 1))) {
        out_ += "\\x" + std::string(rest.substr(0, end + 1));
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
    out_ += std::string("\\") + sign + "{" + std::string(name) + "}";
    at_ += end == std::string_view::npos ? text_.size() - at_ : end + 3;
  }

  void append_code(unsigned code) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string digits;
    for (; code > 0; code >>= 4) digits.insert(digits.begin(), kHex[code & 15]);
    out_ += "\\x{" + (digits.empty() ? "0" : digits) + "}";
  }
  void copy(std::size_t count) {
    out_ += text_.substr(at_, count);
    at_ += count;
  }
  static Error refused(const std::string& what) { return {ErrorCode::kInvalidArgument, "it has " + what}; }

  // What ECMA 262 calls white space, within a class.
  static constexpr const char* kSpaces =
      "\\t\\n\\x{B}\\f\\r "
      "\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}\\x{FEFF}";
  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
  bool in_class_ = false;
};

}  // namespace

Pattern::Pattern(std::string expression, std::unique_ptr<Engine> engine)
    : expression_(std::move(expression)), engine_(std::move(engine)) {}
Pattern::~Pattern() = default;

Result<std::shared_ptr<const Pattern>> Pattern::compile(std::string_view expression, std::size_t bytes_max) {
  const auto wrong = [&](const std::string& why) {
    return Error{
        ErrorCode::kInvalidArgument,
        "the regular expression \"" + std::string(expression.substr(0, 200)) + "\" cannot be used: " + why};
  };
  if (expression.size() > kExpressionBytesMax)
    return wrong("it has more than " + std::to_string(kExpressionBytesMax) + " bytes");
  auto translated = Translator(expression).run();
  if (!translated) return wrong(translated.error().context);
  auto engine = std::make_unique<Engine>(*translated, options(bytes_max));
  if (engine->expression.error_code() == re2::RE2::ErrorPatternTooLarge)
    return wrong("it takes more than " + std::to_string(bytes_max >> 10) +
                 " KB to run; repeat less of it, and say lengths with \"minLength\" and \"maxLength\"");
  if (!engine->expression.ok()) return wrong(engine->expression.error());
  return std::shared_ptr<const Pattern>(new Pattern(std::string(expression), std::move(engine)));
}

bool Pattern::found_in(std::string_view text) const {
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), engine_->expression);
}

std::size_t Pattern::steps_per_byte() const {
  constexpr std::size_t kInstructionsPerStep = 256;
  return 1 + static_cast<std::size_t>(engine_->expression.ProgramSize()) / kInstructionsPerStep;
}

std::size_t Pattern::memory_bytes() const {
  return expression_.size() + sizeof(Engine) +
         static_cast<std::size_t>(engine_->expression.ProgramSize()) * 16;
}

}  // namespace forebay::schema::json
