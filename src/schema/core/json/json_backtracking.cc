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
  std::unique_ptr<pcre2_match_data, Free> data{pcre2_match_data_create(1, nullptr)};
};

// A try remembers where it branched off, some 150 bytes for each.
constexpr std::uint32_t kMemoryKibMax = 4096;
// At each place of the text; more when they do not do. Patterns in use take some dozens.
constexpr std::size_t kTriesFirst = 16, kTriesGrowth = 4;
// A try may run along the whole text, at some nanoseconds a byte.
constexpr std::size_t kBytesPerStep = 512;

// With which what is written the same means the same as to RE2 and ECMA 262.
constexpr std::uint32_t kOptions =
    PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C;

std::string words_of(int error) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(error, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

}  // namespace

struct BacktrackingPattern::Code {
  std::unique_ptr<pcre2_code, Free> code;
};

BacktrackingPattern::BacktrackingPattern(std::unique_ptr<Code> code) : code_(std::move(code)) {
  std::uint32_t options = 0;
  pcre2_pattern_info(code_->code.get(), PCRE2_INFO_ALLOPTIONS, &options);
  is_anchored_ = (options & PCRE2_ANCHORED) != 0;
  std::size_t bytes = 0;
  pcre2_pattern_info(code_->code.get(), PCRE2_INFO_SIZE, &bytes);
  memory_bytes_ = sizeof *this + bytes;
}
BacktrackingPattern::~BacktrackingPattern() = default;

Result<std::unique_ptr<const BacktrackingPattern>> BacktrackingPattern::compile(const std::string& text) {
  const std::unique_ptr<pcre2_compile_context, Free> context{pcre2_compile_context_create(nullptr)};
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  std::size_t at = 0;
  auto code = std::make_unique<Code>();
  code->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), kOptions, &error,
                                 &at, context.get()));
  if (code->code == nullptr) return Error{ErrorCode::kInvalidArgument, words_of(error)};
  return std::unique_ptr<const BacktrackingPattern>(new BacktrackingPattern(std::move(code)));
}

Match BacktrackingPattern::find_in(std::string_view text, Steps& steps) const {
  thread_local const Scratch scratch;
  pcre2_set_heap_limit(scratch.context.get(), kMemoryKibMax);
  // The tries are counted anew at each place.
  const std::size_t steps_per_try = (is_anchored_ ? 1 : text.size() + 1) * (1 + text.size() / kBytesPerStep);
  for (std::size_t tries = kTriesFirst;; tries *= kTriesGrowth) {
    const std::size_t left = steps.are_used_up() ? 0 : steps.max - steps.taken;
    const std::size_t most = std::min<std::size_t>(left / steps_per_try, UINT32_MAX);
    if (most == 0) break;
    tries = std::min(tries, most);
    steps.taken += tries * steps_per_try;
    pcre2_set_match_limit(scratch.context.get(), static_cast<std::uint32_t>(tries));
    const int rc = pcre2_match(code_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0,
                               0, scratch.data.get(), scratch.context.get());
    if (rc >= 0) return Match::kFound;
    if (rc == PCRE2_ERROR_NOMATCH) return Match::kNotFound;
    if (rc != PCRE2_ERROR_MATCHLIMIT) break;
  }
  steps.use_up();
  return Match::kUndecided;
}

}  // namespace forebay::schema::json
