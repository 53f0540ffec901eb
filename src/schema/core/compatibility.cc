#include "schema/core/compatibility.h"

#include <array>
#include <utility>

namespace forebay::schema {
namespace {

constexpr std::array<std::pair<Level, std::string_view>, 7> kLevels{
    {{Level::kNone, "NONE"},
     {Level::kBackward, "BACKWARD"},
     {Level::kBackwardTransitive, "BACKWARD_TRANSITIVE"},
     {Level::kForward, "FORWARD"},
     {Level::kForwardTransitive, "FORWARD_TRANSITIVE"},
     {Level::kFull, "FULL"},
     {Level::kFullTransitive, "FULL_TRANSITIVE"}}};
constexpr std::array<std::pair<Mode, std::string_view>, 3> kModes{
    {{Mode::kReadWrite, "READWRITE"}, {Mode::kReadOnly, "READONLY"}, {Mode::kImport, "IMPORT"}}};

template <typename Table, typename Value>
std::string_view name_in(const Table& table, Value value) {
  for (const auto& [one, name] : table)
    if (one == value) return name;
  return "?";
}
template <typename Value, typename Table>
std::optional<Value> named_in(const Table& table, std::string_view wanted) {
  for (const auto& [one, name] : table)
    if (name == wanted) return one;
  return std::nullopt;
}

bool new_must_read(Level level) {
  return level == Level::kBackward || level == Level::kBackwardTransitive || level == Level::kFull ||
         level == Level::kFullTransitive;
}
bool old_must_read(Level level) {
  return level == Level::kForward || level == Level::kForwardTransitive || level == Level::kFull ||
         level == Level::kFullTransitive;
}

std::string or_nothing(const std::string& text) { return text.empty() ? "nothing" : text; }

}  // namespace

std::string_view level_name(Level level) { return name_in(kLevels, level); }
std::optional<Level> level_named(std::string_view name) { return named_in<Level>(kLevels, name); }
std::string_view mode_name(Mode mode) { return name_in(kModes, mode); }
std::optional<Mode> mode_named(std::string_view name) { return named_in<Mode>(kModes, name); }

const std::string& Verdict::before() const {
  return reads == Reads::kNew ? difference.writes : difference.reads;
}
const std::string& Verdict::after() const {
  return reads == Reads::kNew ? difference.reads : difference.writes;
}
std::string Verdict::to_string() const {
  const std::string other = version == 0 ? "the other schema" : "version " + std::to_string(version);
  return difference.rule + " at '" + (difference.path.empty() ? "/" : difference.path) + "': " +
         (reads == Reads::kNew ? "this schema cannot read what " + other + " wrote"
                               : other + " cannot read what this schema writes") +
         "; before: " + or_nothing(before()) + ", now: " + or_nothing(after()) +
         "; allowed: " + difference.allowed;
}

std::vector<Verdict> judge(Level level, const CompatibilityPolicy& policy, const ParsedSchema& candidate,
                           const std::vector<Previous>& previous) {
  std::vector<Verdict> verdicts;
  const auto add = [&verdicts](VersionNumber version, Verdict::Reads reads, std::vector<Difference> found) {
    for (Difference& one : found) {
      if (verdicts.size() == kVerdictsMax) return;
      verdicts.push_back({version, reads, std::move(one)});
    }
  };
  if (level == Level::kNone) return verdicts;
  for (const Previous& one : previous) {
    if (one.schema->format() != candidate.format()) {
      add(one.version, Verdict::Reads::kNew,
          {{"SCHEMA_TYPE_CHANGED", "", std::string(format_name(one.schema->format())),
            std::string(format_name(candidate.format())), "a schema of the same type, or another subject"}});
      continue;
    }
    if (new_must_read(level))
      add(one.version, Verdict::Reads::kNew, candidate.differences(*one.schema, policy));
    if (old_must_read(level))
      add(one.version, Verdict::Reads::kOld, one.schema->differences(candidate, policy));
  }
  return verdicts;
}

}  // namespace forebay::schema
