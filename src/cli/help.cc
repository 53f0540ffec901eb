#include "cli/help.h"

#include <algorithm>

#include "cli/bytes_text.h"
#include "cli/exit_code.h"

namespace forebay::cli {
namespace {

constexpr std::size_t kNameColumnMax = 30;

using Rows = std::vector<std::pair<std::string, std::string>>;

void append_rows(std::string& out, const Rows& rows) {
  std::size_t width = 0;
  for (const auto& [name, text] : rows) {
    if (display_width(name) <= kNameColumnMax) width = std::max(width, display_width(name));
  }
  for (const auto& [name, text] : rows) {
    out += "  " + name;
    if (display_width(name) <= width) {
      out.append(width - display_width(name), ' ');
    } else {
      out += "\n  ";
      out.append(width, ' ');
    }
    out += "  " + text + '\n';
  }
}

Rows option_rows(const std::vector<Option>& options) {
  Rows rows;
  for (const Option& option : options) {
    std::string name = option.names;
    if (const std::size_t comma = name.find(','); comma != std::string::npos) {
      name.insert(comma + 1, " ");
    } else if (name.starts_with("--")) {
      name = "    " + name;
    }
    if (!option.value_name.empty()) name += ' ' + option.value_name;
    std::string text = option.help;
    if (option.need == Option::Need::kRequired) text += " (required)";
    if (option.repeats == Option::Repeats::kYes) text += " (may be repeated)";
    rows.emplace_back(std::move(name), std::move(text));
  }
  return rows;
}

void append_examples(std::string& out, const std::vector<Example>& examples) {
  if (examples.empty()) return;
  out += "\nexamples:\n";
  for (const Example& example : examples) {
    out += "  " + example.command + '\n';
    if (!example.what.empty()) out += "      " + example.what + '\n';
  }
}

void append_indented(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out += "  ";
    out += text.substr(0, end);
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

constexpr std::string_view kOffsetsHelp =
    "offsets: a place in a partition\n"
    "\n"
    "  start    the first record that is kept\n"
    "  end      after the last record\n"
    "  N        offset N\n"
    "  +N       N records after the start\n"
    "  -N       N records before the end, of each partition\n"
    "  A-B      offsets A to B, both included\n"
    "  @TIME    the first record whose event time is TIME or later, of each partition\n"
    "\n"
    "TIME:\n"
    "  2026-01-31                     midnight UTC\n"
    "  2026-01-31T12:00:00.5+02:00    with or without seconds, fraction, zone (none: UTC)\n"
    "  1769860800000                  milliseconds since 1970-01-01 UTC\n"
    "  1h, 2d12h                      that long ago\n";

constexpr std::string_view kTemplatesHelp =
    "templates: how `forebay consume -o TEMPLATE` writes a record\n"
    "\n"
    "  %t topic       %p partition     %o offset\n"
    "  %k key         %v value         %h headers, name=value,...\n"
    "  %d event time  %a append time   %% a percent sign\n"
    "  \\n new line    \\t tab           \\r  \\0  \\\\  \\xNN\n"
    "\n"
    "Modifiers: %k{base64} %k{hex} %k{json}, the same for %v; %d{ms} and %a{ms} for milliseconds since "
    "1970.\n"
    "A key or value that is absent writes nothing; with {json} it writes null. Nothing is added at the end "
    "of a\n"
    "record: write \\n yourself.\n"
    "\n"
    "  forebay consume orders -o '%d %k %v\\n'\n";

constexpr std::string_view kUnitsHelp =
    "units: sizes, durations and counts as every option takes them\n"
    "\n"
    "  size      4096, 64KiB, 1.5GiB, 10MB   KiB MiB GiB TiB: powers of 1024; kB MB GB TB: powers of 1000\n"
    "  duration  250ms, 10s, 5m, 1h30m, 7d   ns us ms s m h d w\n"
    "  count     1000, 50k, 2M               powers of 1000\n"
    "\n"
    "Text output rounds them for people; JSON and YAML have the exact number.\n";

std::string exit_codes_help() {
  std::string out = "exit codes: the same on every command\n\n";
  Rows rows;
  for (const ExitCodeRow& row : kExitCodes) {
    rows.emplace_back(std::to_string(static_cast<int>(row.code)),
                      std::string(row.name) + ": " + std::string(row.meaning));
  }
  append_rows(out, rows);
  return out;
}

}  // namespace

std::string usage_line(const Command& command) {
  std::string line = "forebay " + command.name();
  for (const Positional& positional : command.positionals) {
    std::string name = positional.name;
    if (positional.repeats == Option::Repeats::kYes) name += "...";
    line += positional.need == Option::Need::kRequired ? ' ' + name : " [" + name + ']';
  }
  for (const Option& option : command.options) {
    if (option.need != Option::Need::kRequired) continue;
    line += ' ' + option.names.substr(option.names.rfind(',') + 1) + ' ' + option.value_name;
  }
  return line + " [options]";
}

std::string overview_help(const std::vector<Command>& commands) {
  std::string out = "forebay - produce, consume, administer and diagnose a Forebay cluster\n";
  append_examples(out, {{"forebay topic create orders --partitions 12", ""},
                        {"echo 'hello' | forebay produce orders", ""},
                        {"forebay consume orders --until-end -o json", ""},
                        {"forebay health", ""}});
  out += "\ncommands:\n";
  Rows rows;
  for (const Command& command : commands) rows.emplace_back(command.name(), command.summary);
  append_rows(out, rows);
  out += "\nmore help:\n";
  rows.clear();
  rows.emplace_back("forebay COMMAND --help", "examples, options and JSON shape of a command");
  for (const Topic& topic : help_topics()) {
    rows.emplace_back("forebay help " + std::string(topic.name), std::string(topic.summary));
  }
  append_rows(out, rows);
  return out;
}

std::string noun_help(const std::vector<Command>& commands, const std::string& noun) {
  std::string out;
  std::vector<Example> examples;
  Rows rows;
  for (const Command& command : commands) {
    if (command.noun != noun) continue;
    rows.emplace_back(command.name(), command.summary);
    if (!command.examples.empty()) examples.push_back({command.examples.front().command, ""});
  }
  out += "forebay " + noun + '\n';
  append_examples(out, examples);
  out += "\ncommands:\n";
  append_rows(out, rows);
  out += "\nsee: forebay " + noun + " VERB --help\n";
  return out;
}

std::string command_help(const Command& command, const std::vector<Option>& globals) {
  std::string out = "forebay " + command.name() + " - " + command.summary + '\n';
  append_examples(out, command.examples);
  out += "\nusage:\n  " + usage_line(command) + '\n';
  if (!command.positionals.empty()) {
    out += '\n';
    Rows rows;
    for (const Positional& positional : command.positionals)
      rows.emplace_back(positional.name, positional.help);
    append_rows(out, rows);
  }
  if (!command.options.empty()) {
    out += "\noptions:\n";
    append_rows(out, option_rows(command.options));
  }
  out += "\nglobal options, before or after the command:\n";
  append_rows(out, option_rows(globals));
  if (!command.notes.empty()) out += '\n' + command.notes + '\n';
  if (!command.json_shape.empty()) {
    out += "\nJSON (-o json):\n";
    append_indented(out, command.json_shape);
  }
  return out;
}

std::string reference_markdown(const std::vector<Command>& commands) {
  std::string out;
  for (const Command& command : commands) {
    out += "### " + command.name() + "\n\n";
    std::string summary = command.summary;
    summary[0] =
        static_cast<char>(summary[0] >= 'a' && summary[0] <= 'z' ? summary[0] - 'a' + 'A' : summary[0]);
    out += summary + ".\n\n```sh\n";
    for (const Example& example : command.examples) {
      out += example.command;
      if (!example.what.empty()) out += "   # " + example.what;
      out += '\n';
    }
    out += "```\n\n```\n" + usage_line(command) + '\n';
    Rows rows;
    for (const Positional& positional : command.positionals)
      rows.emplace_back(positional.name, positional.help);
    for (auto& row : option_rows(command.options)) rows.push_back(std::move(row));
    if (!rows.empty()) out += '\n';
    append_rows(out, rows);
    out += "```\n\n";
    if (!command.notes.empty()) out += command.notes + "\n\n";
    if (!command.json_shape.empty()) out += "JSON:\n\n```\n" + command.json_shape + "\n```\n\n";
  }
  return out;
}

const std::vector<Topic>& help_topics() {
  static const std::vector<Topic> kTopics{{"exit-codes", "what the exit status means"},
                                          {"offsets", "how to name a place in a partition"},
                                          {"templates", "how to shape the records that consume prints"},
                                          {"units", "sizes, durations and counts"}};
  return kTopics;
}

std::string help_topic(std::string_view name) {
  if (name == "exit-codes") return exit_codes_help();
  if (name == "offsets") return std::string(kOffsetsHelp);
  if (name == "templates") return std::string(kTemplatesHelp);
  if (name == "units") return std::string(kUnitsHelp);
  return {};
}

}  // namespace forebay::cli
