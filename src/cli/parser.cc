#include "cli/parser.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "config/suggest.h"

namespace forebay::cli {
namespace {

constexpr std::chrono::milliseconds kTimeoutMin{1};
constexpr std::chrono::milliseconds kTimeoutMax = std::chrono::hours(24);  // the SDK's bound
constexpr std::array<std::string_view, 5> kOutputs{"text", "wide", "json", "yaml", "help"};

Result<void> apply_output(Globals& globals, const std::string& text) {
  globals.output = text;
  if (text == "wide") {
    globals.format = Format::kWide;
  } else if (text == "json") {
    globals.format = Format::kJson;
  } else if (text == "yaml") {
    globals.format = Format::kYaml;
  } else {
    globals.format = Format::kText;
  }
  return {};
}

Result<void> apply_servers(Globals& globals, const std::string& text, Globals::ServersFrom from) {
  FOREBAY_TRY(globals.servers, parse_servers(text));
  globals.servers_from = from;
  return {};
}

Apply set_timeout(std::optional<std::chrono::milliseconds>* target) {
  return [target](const std::string& text) -> Result<void> {
    FOREBAY_CHECK(set_duration(target, std::chrono::seconds(1))(text));
    if (**target < kTimeoutMin || **target > kTimeoutMax)
      return Error{ErrorCode::kInvalidArgument, "expected 1ms to 1d, found '" + text + "'"};
    return {};
  };
}

Error usage(std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; }

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const auto near = config::closest_name(word, candidates);
  return near ? "\ndid you mean '" + *near + "'?" : std::string();
}

std::vector<std::string> split_names(const std::string& names) {
  std::vector<std::string> result;
  std::size_t begin = 0;
  while (begin <= names.size()) {
    const std::size_t comma = std::min(names.find(',', begin), names.size());
    result.push_back(names.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return result;
}

std::string longest_name(const Option& option) { return split_names(option.names).back(); }

// CLI11 takes "[a,b]" apart where a list may stand; for us it is a word like any other. A mark in front hides
// it.
constexpr char kMark = '\x01';

std::string marked(const std::string& word) { return word.starts_with('[') ? kMark + word : word; }
std::vector<std::string> without_marks(const CLI::results_t& results) {
  std::vector<std::string> words;
  for (const std::string& word : results) words.push_back(word.starts_with(kMark) ? word.substr(1) : word);
  return words;
}

// An option as CLI11 knows it at one level of the command line. CLI11 splits words; values are ours.
struct Placed {
  const Option* option;
  CLI::Option* placed;
};

std::vector<Placed> place_options(CLI::App& app, const std::vector<Option>& options) {
  std::vector<Placed> placed;
  for (const Option& option : options) {
    CLI::Option* handle = nullptr;
    if (option.value_name.empty()) {
      handle = app.add_flag(option.names);
    } else {
      handle = app.add_option(option.names, CLI::callback_t([](const CLI::results_t&) { return true; }));
      handle->expected(1)->allow_extra_args(false);
    }
    handle->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    placed.push_back({&option, handle});
  }
  return placed;
}

Result<void> apply_one(const Option& option, const std::string& text) {
  auto applied = option.apply(text);
  if (applied) return {};
  return usage(longest_name(option) + ": " + applied.error().context);
}

Result<void> check_choice(const std::string& name, const std::vector<std::string>& choices,
                          const std::string& text) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end()) return {};
  std::string list;
  for (const std::string& choice : choices) list += (list.empty() ? "" : ", ") + choice;
  return usage(name + ": '" + text + "' is none of " + list + did_you_mean(text, choices));
}

Result<void> apply_options(const std::vector<Placed>& placed) {
  for (const auto& [option, handle] : placed) {
    if (option->value_name.empty()) {
      for (std::size_t i = 0; i < handle->count(); ++i) FOREBAY_CHECK(apply_one(*option, ""));
      continue;
    }
    const std::vector<std::string> results = without_marks(handle->results());
    const bool repeats = option->repeats == Option::Repeats::kYes;
    for (std::size_t i = repeats || results.empty() ? 0 : results.size() - 1; i < results.size(); ++i) {
      FOREBAY_CHECK(check_choice(longest_name(*option), option->choices, results[i]));
      FOREBAY_CHECK(apply_one(*option, results[i]));
    }
  }
  return {};
}

// One level of the command line (root, noun, verb) and what it accepts.
struct Level {
  CLI::App* app = nullptr;
  std::vector<Placed> globals;
};
struct Leaf {
  const Command* command = nullptr;
  Level level;
  std::vector<Placed> options;
  CLI::Option* positionals = nullptr;  // all of them as one list; dealt out by hand
};

class Tree {
 public:
  Tree(const std::vector<Command>& commands, const std::vector<Option>& globals) : commands_(commands) {
    prepare(root_, globals);
    root_level_ = {&root_, place_options(root_, globals)};
    for (const Command& command : commands) {
      CLI::App* app = nullptr;
      if (command.verb.empty()) {
        app = root_.add_subcommand(command.noun);
      } else {
        CLI::App& noun = between(nouns_[command.noun], root_, command.noun, globals);
        const std::size_t space = command.verb.find(' ');
        if (space == std::string::npos) {
          app = noun.add_subcommand(command.verb);
        } else {
          const std::string first = command.verb.substr(0, space);
          Level& level = groups_[command.noun + ' ' + first];
          app = between(level, noun, first, globals).add_subcommand(command.verb.substr(space + 1));
        }
      }
      prepare(*app, globals);
      Leaf leaf;
      leaf.command = &command;
      leaf.level = {app, place_options(*app, globals)};
      leaf.options = place_options(*app, command.options);
      if (!command.positionals.empty()) {
        leaf.positionals =
            app->add_option("positionals", CLI::callback_t([](const CLI::results_t&) { return true; }));
        leaf.positionals->expected(0, CLI::detail::expected_max_vector_size)->allow_extra_args(true);
      }
      leaves_.push_back(std::move(leaf));
    }
  }

  Result<Parsed> parse(const std::vector<std::string>& words, Globals& globals) {
    std::vector<std::string> reversed;  // as CLI11 wants them
    for (auto word = words.rbegin(); word != words.rend(); ++word) reversed.push_back(marked(*word));
    try {
      root_.parse(reversed);
    } catch (const CLI::ArgumentMismatch& error) {
      const std::string text = error.what();  // "--server: 1 required  missing"
      return usage(text.substr(0, text.find(':')) + ": its value is missing");
    } catch (const CLI::ParseError& error) {
      return usage(error.what());
    }
    Parsed parsed;
    FOREBAY_CHECK(apply_options(root_level_.globals));
    const Leaf* chosen = nullptr;
    for (auto& [noun, level] : nouns_) {
      if (!level.app->parsed()) continue;
      parsed.noun = noun;
      FOREBAY_CHECK(apply_options(level.globals));
    }
    std::string group;
    for (auto& [name, level] : groups_) {
      if (!level.app->parsed()) continue;
      group = name.substr(name.find(' ') + 1) + ' ';
      FOREBAY_CHECK(apply_options(level.globals));
    }
    for (const Leaf& leaf : leaves_) {
      if (!leaf.level.app->parsed()) continue;
      if (chosen != nullptr) {
        return usage("'" + chosen->command->name() + "' and '" + leaf.command->name() +
                     "': one command at a time");
      }
      chosen = &leaf;
    }
    if (chosen == nullptr) {
      FOREBAY_CHECK(check_extras(nullptr, parsed.noun, group));
      parsed.globals = globals;
      return parsed;
    }
    parsed.command = chosen->command;
    parsed.noun = chosen->command->noun;
    FOREBAY_CHECK(apply_options(chosen->level.globals));
    parsed.globals = globals;
    if (globals.help || globals.output == "help") return parsed;
    FOREBAY_CHECK(check_extras(chosen->command, parsed.noun));
    FOREBAY_CHECK(apply_options(chosen->options));
    FOREBAY_CHECK(apply_positionals(*chosen));
    for (const auto& [option, handle] : chosen->options) {
      if (option->need == Option::Need::kRequired && handle->count() == 0) {
        return usage(longest_name(*option) + ' ' + option->value_name + " is missing");
      }
    }
    FOREBAY_CHECK(check_output(*chosen->command, globals));
    return parsed;
  }

  // The words whose help tells most about the last parse().
  [[nodiscard]] std::string understood() const {
    for (const Leaf& leaf : leaves_) {
      if (leaf.level.app->parsed()) return leaf.command->name() + ' ';
    }
    for (const auto* levels : {&groups_, &nouns_}) {
      for (const auto& [words, level] : *levels) {
        if (level.app->parsed()) return words + ' ';
      }
    }
    return "";
  }

 private:
  static void prepare(CLI::App& app, const std::vector<Option>& /*globals*/) {
    app.set_help_flag();
    app.allow_extras();
    app.require_subcommand(0, 1);
  }

  // A level of words that are no command yet, made when it is new.
  static CLI::App& between(Level& level, CLI::App& above, const std::string& word,
                           const std::vector<Option>& globals) {
    if (level.app == nullptr) {
      level.app = above.add_subcommand(word);
      prepare(*level.app, globals);
      level.globals = place_options(*level.app, globals);
    }
    return *level.app;
  }

  static Result<void> check_output(const Command& command, const Globals& globals) {
    if (std::find(kOutputs.begin(), kOutputs.end(), globals.output) != kOutputs.end()) return {};
    // A word without any place for a field is not meant as a template.
    if (command.output == Command::Output::kFormatsOrTemplate &&
        globals.output.find_first_of("%\\") != std::string::npos) {
      return {};
    }
    const std::vector<std::string> names(kOutputs.begin(), kOutputs.end());
    return usage(
        "--output: '" + globals.output + "' is none of text, wide, json, yaml" +
        (command.output == Command::Output::kFormatsOrTemplate ? ", nor a template with a % in it" : "") +
        did_you_mean(globals.output, names));
  }

  [[nodiscard]] std::vector<std::string> option_names(const Command* command) const {
    std::vector<std::string> names;
    const auto add = [&](const std::vector<Placed>& placed) {
      for (const Placed& one : placed) {
        for (const std::string& name : split_names(one.option->names)) names.push_back(name);
      }
    };
    add(root_level_.globals);
    for (const Leaf& leaf : leaves_) {
      if (leaf.command == command) add(leaf.options);
    }
    return names;
  }

  // Words that no level knew. `group`: the first word of a verb of two, and a space.
  Result<void> check_extras(const Command* command, const std::string& noun, const std::string& group = "") {
    const std::vector<std::string> extras = without_marks(root_.remaining(true));
    for (const std::string& word : extras) {
      if (word == "--") continue;
      if (word.size() > 1 && word.front() == '-') {
        const std::string name = word.substr(0, word.find('='));
        const std::string where = command != nullptr ? command->name() : noun;
        return usage("unknown option " + name + (where.empty() ? "" : " of '" + where + "'") +
                     did_you_mean(name, option_names(command)));
      }
      if (command != nullptr)
        return usage("'" + word + "' is one argument too many for '" + command->name() + "'");
      std::vector<std::string> candidates;
      for (const Command& known : commands_) {
        if (noun.empty()) {
          candidates.push_back(known.noun);
        } else if (known.noun == noun && known.verb.starts_with(group)) {
          candidates.push_back(known.verb);
        }
      }
      if (noun.empty()) return usage("unknown command '" + word + "'" + did_you_mean(word, candidates));
      return usage("unknown verb '" + group + word + "' for '" + noun + "'" +
                   did_you_mean(group + word, candidates));
    }
    return {};
  }

  static Result<void> apply_positionals(const Leaf& leaf) {
    const std::vector<Positional>& wanted = leaf.command->positionals;
    const std::vector<std::string> given =
        leaf.positionals == nullptr ? std::vector<std::string>() : without_marks(leaf.positionals->results());
    std::size_t at = 0;
    for (const Positional& positional : wanted) {
      std::size_t count = 0;
      while (at < given.size() && (count == 0 || positional.repeats == Option::Repeats::kYes)) {
        FOREBAY_CHECK(check_choice(positional.name, positional.choices, given[at]));
        auto applied = positional.apply(given[at]);
        if (!applied) return usage(positional.name + ": " + applied.error().context);
        ++at;
        ++count;
      }
      if (count == 0 && positional.need == Option::Need::kRequired) {
        return usage(positional.name + " is missing: " + positional.help);
      }
    }
    if (at < given.size()) {
      return usage("'" + given[at] + "' is one argument too many for '" + leaf.command->name() + "'");
    }
    return {};
  }

  const std::vector<Command>& commands_;
  CLI::App root_;
  Level root_level_;
  std::map<std::string, Level> nouns_;
  std::map<std::string, Level> groups_;  // "schema subject": what verbs of two words begin with
  std::vector<Leaf> leaves_;
};

}  // namespace

std::vector<Option> global_options(Globals* globals) {
  std::vector<Option> options;
  options.push_back({"-s,--server", "HOST:PORT,...",
                     "brokers to try (or FOREBAY_SERVERS; default 127.0.0.1:7400)",
                     [globals](const std::string& text) {
                       return apply_servers(*globals, text, Globals::ServersFrom::kFlag);
                     }});
  options.push_back({"-o,--output", "FORMAT", "text, wide, json or yaml; help prints the shape of the JSON",
                     [globals](const std::string& text) { return apply_output(*globals, text); }});
  options.back().completes = Completes::kChoice;
  options.push_back({"--timeout", "DURATION",
                     "give up after this long: 5s, 2m (default 30s; a bare number is seconds)",
                     set_timeout(&globals->timeout)});
  options.push_back({"-y,--yes", "", "do it without asking", set_flag(&globals->yes)});
  options.push_back({"-q,--quiet", "", "no messages but warnings and errors", set_flag(&globals->quiet)});
  options.push_back({"-v,--verbose", "", "more messages", [globals](const std::string&) -> Result<void> {
                       ++globals->verbosity;
                       return {};
                     }});
  options.push_back(
      {"--no-color", "", "no colour on the terminal (or NO_COLOR)", set_flag(&globals->no_color)});
  options.push_back({"-h,--help", "", "help for the command", set_flag(&globals->help)});
  return options;
}

Result<Parsed> parse_command_line(const std::vector<Command>& commands, const std::vector<std::string>& words,
                                  const std::optional<std::string>& servers_variable) {
  Globals globals;
  const std::vector<Option> options = global_options(&globals);
  Tree tree(commands, options);
  auto parsed = tree.parse(words, globals);
  if (!parsed) return usage(parsed.error().context + "\nsee: forebay " + tree.understood() + "--help");
  // Last: a value that nothing uses cannot be in the way.
  const bool reaches_brokers = parsed->command != nullptr && !parsed->globals.help &&
                               parsed->command->reaches == Command::Reaches::kBrokers;
  if (servers_variable && !servers_variable->empty() && reaches_brokers &&
      parsed->globals.servers_from == Globals::ServersFrom::kDefault) {
    auto applied = apply_servers(parsed->globals, *servers_variable, Globals::ServersFrom::kEnvironment);
    if (!applied) return usage("FOREBAY_SERVERS: " + applied.error().context);
  }
  return parsed;
}

}  // namespace forebay::cli
