// From the words of a command line to a verb and its options. Global options are accepted before the noun,
// between noun and verb, and after the verb, on every verb alike; of one that is given twice the last counts.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/session.h"

namespace forebay::cli {

// The options that every verb has, filling `globals`.
[[nodiscard]] std::vector<Option> global_options(Globals* globals);

struct Parsed {
  const Command* command = nullptr;  // null: no verb was given
  std::string noun;                  // as far as it was given
  Globals globals;
};

// `words` are the arguments without the program's name. Fills the variables behind the chosen command's
// options. `servers_variable` is the value of FOREBAY_SERVERS, if it is set. Errors: kInvalidArgument, in
// words for the user, "did you mean" included.
[[nodiscard]] Result<Parsed> parse_command_line(const std::vector<Command>& commands,
                                                const std::vector<std::string>& words,
                                                const std::optional<std::string>& servers_variable);

}  // namespace forebay::cli
