// A verb as data: its options, examples and JSON shape, and what runs it. Parser, help, completion and the
// test that walks over every verb are all made from this one list.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/exit_code.h"

namespace forebay::cli {

class Session;

enum class Completes : std::uint8_t {
  kNothing,
  kTopic,
  kFile,
  kChoice,
  kTopicConfigKey,
  kTopicConfigPair,  // KEY=, the value is to follow
};

using Apply = std::function<Result<void>(const std::string& text)>;

struct Option {
  std::string names;       // "-p,--partitions"
  std::string value_name;  // "N"; empty: a flag
  std::string help;
  Apply apply;  // once per occurrence if `repeats`, else with the last one given; a flag gets ""
  enum class Repeats : std::uint8_t { kNo, kYes } repeats = Repeats::kNo;
  enum class Need : std::uint8_t { kOptional, kRequired } need = Need::kOptional;
  Completes completes = Completes::kNothing;
  std::vector<std::string> choices;
};

struct Positional {
  std::string name;  // "TOPIC"
  std::string help;
  Apply apply;
  Option::Repeats repeats = Option::Repeats::kNo;
  Option::Need need = Option::Need::kRequired;
  Completes completes = Completes::kTopic;
  std::vector<std::string> choices;
};

struct Example {
  std::string command;
  std::string what;
};

struct Command {
  std::string noun;     // "topic"
  std::string verb;     // "create"; empty: the noun is the whole command; "subject list": two words
  std::string summary;  // one line, lower case, no full stop
  std::vector<Example> examples;
  std::vector<Positional> positionals;
  std::vector<Option> options;
  std::string json_shape;  // what -o json prints, for `-o help` and --help
  std::string notes;       // what else to know; may have several lines
  // `-o` may also be a template for records.
  enum class Output : std::uint8_t { kFormats, kFormatsOrTemplate } output = Output::kFormats;
  // What reaches no broker ignores where they are.
  enum class Reaches : std::uint8_t { kBrokers, kNobody } reaches = Reaches::kBrokers;
  std::function<ExitCode(Session&)> run;

  [[nodiscard]] std::string name() const { return verb.empty() ? noun : noun + ' ' + verb; }
};

// Ways to fill a variable. Errors name what was found and what is expected; the parser adds the option's
// name.
[[nodiscard]] Apply set_flag(bool* target);
[[nodiscard]] Apply set_text(std::string* target);
[[nodiscard]] Apply set_text(std::optional<std::string>* target);
[[nodiscard]] Apply add_text(std::vector<std::string>* target);
[[nodiscard]] Apply set_count(std::uint64_t* target);
[[nodiscard]] Apply set_count(std::optional<std::uint64_t>* target);
[[nodiscard]] Apply set_count(std::uint32_t* target);
[[nodiscard]] Apply set_count_from_one(std::uint32_t* target);
[[nodiscard]] Apply set_partition(std::optional<std::int32_t>* target);
[[nodiscard]] Apply add_partition(std::vector<std::int32_t>* target);
[[nodiscard]] Apply set_bytes(std::uint64_t* target);
// A number without unit counts in `bare_unit`.
[[nodiscard]] Apply set_duration(std::optional<std::chrono::milliseconds>* target,
                                 std::chrono::milliseconds bare_unit);
// K=V; K must not be empty.
[[nodiscard]] Apply add_pair(std::vector<std::pair<std::string, std::string>>* target);

}  // namespace forebay::cli
