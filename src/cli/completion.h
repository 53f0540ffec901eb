// Completion in the shell. One logic for all shells: their scripts call `forebay __complete WORD...` and show
// what it prints, one candidate a line.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"

namespace forebay::cli {

struct Candidates {
  std::vector<std::string> words;
  bool files = false;  // the shell completes file names
};

// `words` are those after the program's name; the last one is the one under the cursor, maybe empty. `topics`
// is called only where a topic may stand.
[[nodiscard]] Candidates complete(const std::vector<Command>& commands, const std::vector<Option>& globals,
                                  const std::vector<std::string>& words,
                                  const std::function<std::vector<std::string>()>& topics);

// Empty for an unknown shell.
[[nodiscard]] std::string_view completion_script(std::string_view shell);

}  // namespace forebay::cli
