// Help, made from the commands themselves: examples first, then the options, then the shape of the JSON.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace forebay::cli {

[[nodiscard]] std::string overview_help(const std::vector<Command>& commands);
[[nodiscard]] std::string noun_help(const std::vector<Command>& commands, const std::string& noun);
[[nodiscard]] std::string command_help(const Command& command, const std::vector<Option>& globals);
[[nodiscard]] std::string usage_line(const Command& command);

// Every command in Markdown: the reference part of docs/cli.md, which a test compares with this.
[[nodiscard]] std::string reference_markdown(const std::vector<Command>& commands);

struct Topic {
  std::string_view name;  // "exit-codes"
  std::string_view summary;
};
// What `forebay help NAME` explains beside commands.
[[nodiscard]] const std::vector<Topic>& help_topics();
[[nodiscard]] std::string help_topic(std::string_view name);  // empty when there is none of that name

}  // namespace forebay::cli
