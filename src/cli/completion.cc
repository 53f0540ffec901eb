#include "cli/completion.h"

#include <algorithm>

#include "cli/help.h"
#include "config/topic_config.h"

namespace forebay::cli {
namespace {

constexpr std::string_view kBash =
    R"(# forebay completion for bash. Load it: source <(forebay completion bash)
_forebay() {
  local line words candidates
  line=${COMP_LINE:0:COMP_POINT}
  read -ra words <<<"$line"  # COMP_WORDS has HOST:PORT in three words
  [[ $line != *[[:space:]] ]] || words+=("")
  candidates=$(forebay __complete "${words[@]:1}" 2>/dev/null)
  if [ "$candidates" = ":files" ]; then
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -f -- "${COMP_WORDS[COMP_CWORD]}"))
  else
    local IFS=$'\n'
    COMPREPLY=($candidates)
    [[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null  # the value follows at once
  fi
}
complete -F _forebay forebay
)";

constexpr std::string_view kZsh = R"(#compdef forebay
# forebay completion for zsh. Load it: source <(forebay completion zsh)
_forebay() {
  local -a candidates
  candidates=("${(@f)$(forebay __complete "${words[@]:1:$((CURRENT-1))}" 2>/dev/null)}")
  if [ "${candidates[1]}" = ":files" ]; then
    _files
  elif [[ "${candidates[1]}" = *= ]]; then
    compadd -S '' -a candidates  # the value follows at once
  else
    compadd -a candidates
  fi
}
compdef _forebay forebay
)";

constexpr std::string_view kFish = R"(# forebay completion for fish. Load it: forebay completion fish | source
function __forebay_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l candidates (forebay __complete $words[2..-1] 2>/dev/null)
  if test "$candidates" = ":files"
    __fish_complete_path (commandline -ct)
  else
    printf '%s\n' $candidates
  end
end
complete -c forebay -f -a '(__forebay_complete)'
)";

std::vector<std::string> names_of(const Option& option) {
  std::vector<std::string> names;
  std::size_t begin = 0;
  while (begin <= option.names.size()) {
    const std::size_t comma = std::min(option.names.find(',', begin), option.names.size());
    names.push_back(option.names.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return names;
}

const Option* find_option(const std::vector<Option>& options, const std::string& name) {
  for (const Option& option : options) {
    for (const std::string& one : names_of(option)) {
      if (one == name) return &option;
    }
  }
  return nullptr;
}

class Completer {
 public:
  Completer(const std::vector<Command>& commands, const std::vector<Option>& globals,
            const std::function<std::vector<std::string>()>& topics)
      : commands_(commands), globals_(globals), topics_(topics) {}

  Candidates complete(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i) take(words[i]);
    const std::string last = words.empty() ? "" : words.back();
    if (awaiting_ != nullptr) {
      value_candidates(*awaiting_);
    } else if (last.starts_with('-')) {
      option_candidates();
    } else if (command_ == nullptr) {
      command_candidates();
    } else {
      positional_candidates();
    }
    Candidates result;
    result.files = files_;
    for (const std::string& word : found_) {
      if (word.starts_with(last)) result.words.push_back(word);
    }
    std::sort(result.words.begin(), result.words.end());
    result.words.erase(std::unique(result.words.begin(), result.words.end()), result.words.end());
    return result;
  }

 private:
  void take(const std::string& word) {
    if (awaiting_ != nullptr) {
      awaiting_ = nullptr;
    } else if (word.starts_with('-') && word.size() > 1) {
      const Option* option = command_ == nullptr ? nullptr : find_option(command_->options, word);
      if (option == nullptr) option = find_option(globals_, word);
      if (option != nullptr && !option->value_name.empty()) awaiting_ = option;
    } else if (command_ != nullptr) {
      ++positionals_;
    } else if (noun_.empty()) {
      noun_ = word;
      for (const Command& command : commands_) {
        if (command.noun == word && command.verb.empty()) command_ = &command;
      }
    } else {
      const std::string verb = group_ + word;
      for (const Command& command : commands_) {
        if (command.noun == noun_ && command.verb == verb) command_ = &command;
      }
      if (group_.empty()) group_ = word + ' ';
    }
  }
  void of_kind(Completes completes, const std::vector<std::string>& choices) {
    switch (completes) {
      case Completes::kNothing:
        break;
      case Completes::kTopic:
        found_ = topics_();
        break;
      case Completes::kFile:
        files_ = true;
        break;
      case Completes::kChoice:
        found_ = choices;
        break;
      case Completes::kTopicConfigKey:
      case Completes::kTopicConfigPair:
        for (const config::KeyDescription& key : config::describe_topic_keys())
          found_.push_back(completes == Completes::kTopicConfigPair ? key.name + '=' : key.name);
        break;
    }
  }
  void value_candidates(const Option& option) {
    if (option.names == "-o,--output") {
      found_ = {"text", "wide", "json", "yaml", "help"};
    } else {
      of_kind(option.completes, option.choices);
    }
  }
  void option_candidates() {
    const auto add = [&](const std::vector<Option>& options) {
      for (const Option& option : options) {
        for (std::string& name : names_of(option)) {
          if (name.starts_with("--")) found_.push_back(std::move(name));
        }
      }
    };
    if (command_ != nullptr) add(command_->options);
    add(globals_);
  }
  void command_candidates() {
    for (const Command& command : commands_) {
      if (noun_.empty()) {
        found_.push_back(command.noun);
      } else if (command.noun == noun_) {
        add_verb(command.verb);
      }
    }
  }
  // The word of it that comes next.
  void add_verb(std::string_view verb) {
    if (!verb.starts_with(group_)) return;
    verb.remove_prefix(group_.size());
    found_.emplace_back(verb.substr(0, verb.find(' ')));
  }
  void positional_candidates() {
    if (command_->positionals.empty()) return;
    const std::size_t last = command_->positionals.size() - 1;
    const Positional& positional = command_->positionals[std::min(positionals_, last)];
    if (positionals_ > last && positional.repeats == Option::Repeats::kNo) return;
    of_kind(positional.completes, positional.choices);
  }

  const std::vector<Command>& commands_;
  const std::vector<Option>& globals_;
  const std::function<std::vector<std::string>()>& topics_;
  std::string noun_;
  std::string group_;  // the first word of a verb of two, and a space
  const Command* command_ = nullptr;
  const Option* awaiting_ = nullptr;  // the word before is an option that takes a value
  std::size_t positionals_ = 0;
  std::vector<std::string> found_;
  bool files_ = false;
};

}  // namespace

Candidates complete(const std::vector<Command>& commands, const std::vector<Option>& globals,
                    const std::vector<std::string>& words,
                    const std::function<std::vector<std::string>()>& topics) {
  return Completer(commands, globals, topics).complete(words);
}

std::string_view completion_script(std::string_view shell) {
  if (shell == "bash") return kBash;
  if (shell == "zsh") return kZsh;
  if (shell == "fish") return kFish;
  return {};
}

}  // namespace forebay::cli
