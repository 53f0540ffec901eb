#include "schema/core/json/json_backtracking.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace forebay::schema::json {
namespace {

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_compile_context* context) const { pcre2_compile_context_free(context); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

// A thread's own; what it had to remember of its tries is kept for the next match.
struct Scratch {
  std::unique_ptr<pcre2_match_context, Free> context{pcre2_match_context_create(nullptr)};
  std::unique_ptr<pcre2_match_data, Free> data = match_data();
  static std::unique_ptr<pcre2_match_data, Free> match_data() {
    return std::unique_ptr<pcre2_match_data, Free>(pcre2_match_data_create(1, nullptr));
  }
};

// Where tries branched off is remembered, in some hundred bytes each; patterns in use may do so at each
// character. A thread keeps kMemoryKept of it for the next match.
constexpr std::size_t kMemoryPerByte = 512, kMemoryKept = 4U << 20, kMemoryMax = 64U << 20;
// Each is walked back over where it stands, before anything of it is tried.
constexpr std::uint32_t kLookBehindMax = 255;
// Compiled to at most 64 KB, in some milliseconds.
constexpr std::size_t kTextBytesMax = 2048;
// Characters that an item of a pattern runs along, at some nanoseconds each.
constexpr std::size_t kBytesPerStep = 16;
// A character is looked for in a class part by part.
constexpr std::size_t kClassBytesAtOnce = 32;

// Of one match: what it has taken so far.
struct Meter {
  Steps& steps;
  const PatternText& pattern;
  std::size_t steps_per_item;
  std::size_t at = 0;  // in the text, before the last item
};

std::size_t steps_along(std::size_t bytes, const PatternText& pattern) {
  return bytes * (1 + pattern.class_bytes_max / kClassBytesAtOnce) / kBytesPerStep;
}

bool is_back_reference(std::string_view item) {
  return item.size() > 1 && item[0] == '\\' && ((item[1] >= '1' && item[1] <= '9') || item[1] == 'k');
}

// Before each item that is tried. Not 0: the match ends with that.
int on_item(pcre2_callout_block* block, void* data) {
  Meter& meter = *static_cast<Meter*>(data);
  meter.steps.taken += meter.steps_per_item;
  if (block->current_position > meter.at)
    meter.steps.taken += steps_along(block->current_position - meter.at, meter.pattern);
  meter.at = block->current_position;
  // It may be compared in vain with what is as long as the text.
  if (is_back_reference(std::string_view(meter.pattern.text).substr(block->pattern_position)))
    meter.steps.taken += block->subject_length / kBytesPerStep;
  return meter.steps.are_used_up() ? PCRE2_ERROR_CALLOUT : 0;
}

// With which what is written the same means the same as to RE2 and ECMA 262.
constexpr std::uint32_t kOptions = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF |
                                   PCRE2_NEVER_BACKSLASH_C | PCRE2_AUTO_CALLOUT;

std::string words_of(int error) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

struct BacktrackingPattern::Code {
  std::unique_ptr<pcre2_code, Free> code;
};

BacktrackingPattern::BacktrackingPattern(std::unique_ptr<Code> code, const PatternText& pattern)
    : code_(std::move(code)), pattern_(pattern) {
  std::size_t bytes = 0;
  pcre2_pattern_info(code_->code.get(), PCRE2_INFO_SIZE, &bytes);
  memory_bytes_ = sizeof *this + pattern_.text.size() + bytes;
  pcre2_pattern_info(code_->code.get(), PCRE2_INFO_MAXLOOKBEHIND, &look_behind_);
}
BacktrackingPattern::~BacktrackingPattern() = default;

Result<std::unique_ptr<const BacktrackingPattern>> BacktrackingPattern::compile(const PatternText& pattern) {
  const auto refused = [](std::string why) { return Error{ErrorCode::kInvalidArgument, std::move(why)}; };
  const std::string& text = pattern.text;
  if (text.size() > kTextBytesMax)
    return refused("with look-around, back references or so many repetitions it has more than " +
                   std::to_string(kTextBytesMax) + " bytes");
  // The other cases of a class are looked up one by one: seconds for a large one.
  if (pattern.has_flags)
    return refused(
        "it has flags as (?i) beside look-around, back references or so many "
        "repetitions; write both cases, as [aA]");
  const std::unique_ptr<pcre2_compile_context, Free> context{pcre2_compile_context_create(nullptr)};
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  std::size_t at = 0;
  auto code = std::make_unique<Code>();
  code->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), kOptions, &error,
                                 &at, context.get()));
  if (code->code == nullptr) return refused(words_of(error));
  std::unique_ptr<const BacktrackingPattern> made(new BacktrackingPattern(std::move(code), pattern));
  if (made->look_behind_ > kLookBehindMax)
    return refused("a look-behind of it has more than " + std::to_string(kLookBehindMax) + " characters");
  return made;
}

Match BacktrackingPattern::find_in(std::string_view text, Steps& steps) const {
  thread_local Scratch scratch;
  const std::size_t memory_max = std::clamp(text.size() * kMemoryPerByte, kMemoryKept, kMemoryMax);
  // Items fail unseen within their first repetitions, and behind what is walked back.
  Meter meter{steps, pattern_,
              1 + look_behind_ / kBytesPerStep +
                  steps_along(std::min<std::size_t>(pattern_.repeats_min, text.size()), pattern_)};
  steps.taken += 1 + text.size() / kBytesPerStep;
  if (!steps.are_used_up()) {
    pcre2_set_heap_limit(scratch.context.get(), static_cast<std::uint32_t>(memory_max >> 10));
    pcre2_set_match_limit(scratch.context.get(), UINT32_MAX);
    pcre2_set_callout(scratch.context.get(), on_item, &meter);
    const int rc = pcre2_match(code_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                               0, scratch.data.get(), scratch.context.get());
    if (memory_max > kMemoryKept) scratch.data = Scratch::match_data();
    if (rc >= 0) return Match::kFound;
    if (rc == PCRE2_ERROR_NOMATCH) return Match::kNotFound;
    steps.use_up();
  }
  return Match::kUndecided;
}

}  // namespace forebay::schema::json
