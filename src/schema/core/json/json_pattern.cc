#include "schema/core/json/json_pattern.h"

#include <re2/re2.h>

#include <utility>

#include "schema/core/json/json_backtracking.h"
#include "schema/core/json/json_pattern_text.h"

namespace forebay::schema::json {
namespace {

constexpr std::size_t kExpressionBytesMax = 8192;  // those in use have some hundreds

re2::RE2::Options options(std::size_t bytes_max) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(bytes_max));
  return options;
}

bool is_too_large(const re2::RE2& expression) {
  return expression.error_code() == re2::RE2::ErrorPatternTooLarge ||
         expression.error_code() == re2::RE2::ErrorRepeatSize;
}

// What finding it may take for each byte of a text: most take the same, but a large one may have many places
// to go on from at each.
std::size_t steps_per_byte(const re2::RE2& expression) {
  constexpr std::size_t kInstructionsPerStep = 256;
  return 1 + static_cast<std::size_t>(expression.ProgramSize()) / kInstructionsPerStep;
}

}  // namespace

// One of the two.
struct Pattern::Engine {
  std::unique_ptr<const re2::RE2> automaton;
  std::unique_ptr<const BacktrackingPattern> backtracking;
};

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
  auto translated = translate_pattern(expression);
  if (!translated) return wrong(translated.error().context);
  auto engine = std::make_unique<Engine>();
  if (!translated->backtracks) {
    auto automaton = std::make_unique<re2::RE2>(translated->text, options(bytes_max));
    if (automaton->ok())
      engine->automaton = std::move(automaton);
    else if (!is_too_large(*automaton))
      return wrong(automaton->error());
  }
  if (engine->automaton == nullptr) {
    auto compiled = BacktrackingPattern::compile(*translated);
    if (!compiled) return wrong(compiled.error().context);
    engine->backtracking = std::move(*compiled);
  }
  return std::shared_ptr<const Pattern>(new Pattern(std::string(expression), std::move(engine)));
}

Match Pattern::find_in(std::string_view text, Steps& steps) const {
  if (engine_->backtracking != nullptr) return engine_->backtracking->find_in(text, steps);
  steps.taken += 1 + text.size() * steps_per_byte(*engine_->automaton);
  if (steps.are_used_up()) return Match::kUndecided;
  return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *engine_->automaton)
             ? Match::kFound
             : Match::kNotFound;
}

std::size_t Pattern::memory_bytes() const {
  const std::size_t engine =
      engine_->backtracking != nullptr
          ? engine_->backtracking->memory_bytes()
          : sizeof(re2::RE2) + static_cast<std::size_t>(engine_->automaton->ProgramSize()) * 16;
  return sizeof *this + expression_.size() + sizeof(Engine) + engine;
}

}  // namespace forebay::schema::json
