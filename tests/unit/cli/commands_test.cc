// Walks over every verb: what is promised of all of them is checked here, so that no verb can be forgotten.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "cli/completion.h"
#include "cli/help.h"
#include "cli/parser.h"
#include "cli/verbs/verbs.h"
#include "config/topic_config.h"

namespace forebay::cli {
namespace {

// Words of a shell command, as far as the examples need a shell: quotes, and where a command ends.
std::vector<std::string> shell_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  bool open = false;
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      open = true;
    } else if (c == ' ') {
      if (open || !word.empty()) words.push_back(word);
      word.clear();
      open = false;
    } else {
      word += c;
    }
  }
  if (open || !word.empty()) words.push_back(word);
  return words;
}

// The arguments of `forebay` in an example; what stands before it and after |, > or && belongs to the shell.
std::vector<std::string> arguments_of(const std::string& example) {
  std::vector<std::string> words = shell_words(example);
  auto begin = std::find_if(words.begin(), words.end(),
                            [](const std::string& w) { return w == "forebay" || w == "<(forebay"; });
  if (begin == words.end()) return {};
  auto end = std::find_if(begin, words.end(),
                          [](const std::string& w) { return w == "|" || w == ">" || w == "&&"; });
  std::vector<std::string> arguments(begin + 1, end);
  if (!arguments.empty() && arguments.back().ends_with(')')) arguments.back().pop_back();
  return arguments;
}

TEST(EveryVerb, HasSummaryExamplesAndTheShapeOfItsJson) {
  std::set<std::string> names;
  for (const Command& command : all_commands()) {
    EXPECT_TRUE(names.insert(command.name()).second) << command.name() << " twice";
    EXPECT_FALSE(command.summary.empty()) << command.name();
    EXPECT_FALSE(command.examples.empty()) << command.name();
    EXPECT_FALSE(command.json_shape.empty()) << command.name();
    EXPECT_TRUE(command.run) << command.name();
  }
}

TEST(EveryVerb, IsThereAsTheContractSpellsIt) {
  std::set<std::string> names;
  for (const Command& command : all_commands()) names.insert(command.name());
  for (const char* name : {"topic create",
                           "topic list",
                           "topic describe",
                           "topic alter",
                           "topic delete",
                           "topic add-partitions",
                           "topic trim",
                           "produce",
                           "consume",
                           "offsets",
                           "cluster describe",
                           "cluster health",
                           "partition list",
                           "node describe",
                           "health",
                           "perf produce",
                           "perf consume",
                           "log dump",
                           "log verify",
                           "doctor",
                           "completion",
                           "version",
                           "help"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(EveryVerb, ItsExamplesAreCorrectCommandLines) {
  const std::vector<Command> commands = all_commands();
  for (const Command& command : commands) {
    for (const Example& example : command.examples) {
      const std::vector<std::string> arguments = arguments_of(example.command);
      ASSERT_FALSE(arguments.empty()) << example.command;
      const auto parsed = parse_command_line(all_commands(), arguments, std::nullopt);
      ASSERT_TRUE(parsed) << example.command << ": " << parsed.error().context;
    }
  }
}

// `-o json` (and every other global option) is taken before the noun, between noun and verb, and after the
// verb.
TEST(EveryVerb, TakesGlobalOptionsInEveryPlace) {
  for (const Command& command : all_commands()) {
    std::vector<std::string> words = arguments_of(command.examples.front().command);
    for (std::size_t at = 0; at <= words.size(); ++at) {
      // Not between an option and its value, nor before a positional that would then be taken for a value.
      if (at > 0 && words[at - 1].starts_with('-')) continue;
      std::vector<std::string> line = words;
      line.insert(line.begin() + static_cast<std::ptrdiff_t>(at), {"-o", "json", "--server", "h:9"});
      const std::vector<Command> commands = all_commands();
      const auto parsed = parse_command_line(commands, line, std::nullopt);
      ASSERT_TRUE(parsed) << command.name() << " at " << at << ": " << parsed.error().context;
      EXPECT_EQ(parsed->globals.servers, (std::vector<std::string>{"h:9"}));
    }
  }
}

TEST(EveryVerb, MayHaveTwoWords) {
  const std::vector<Command> commands = all_commands();
  const auto half = parse_command_line(commands, {"schema", "subject"}, std::nullopt);
  ASSERT_TRUE(half);
  EXPECT_EQ(half->command, nullptr);
  EXPECT_EQ(half->noun, "schema");
  const auto unknown = parse_command_line(commands, {"schema", "subject", "lst"}, std::nullopt);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().context.find("did you mean 'subject list'?"), std::string::npos)
      << unknown.error().context;
  EXPECT_NE(unknown.error().context.find("see: forebay schema subject --help"), std::string::npos);
}

TEST(EveryVerb, HelpHasExamplesFirst) {
  Globals globals;
  const auto options = global_options(&globals);
  for (const Command& command : all_commands()) {
    const std::string help = command_help(command, options);
    const std::size_t examples = help.find("\nexamples:\n");
    const std::size_t usage = help.find("\nusage:\n");
    ASSERT_NE(examples, std::string::npos) << command.name();
    ASSERT_NE(usage, std::string::npos) << command.name();
    EXPECT_LT(examples, usage) << command.name();
    EXPECT_NE(help.find("-o, --output"), std::string::npos) << command.name();
  }
}

TEST(EveryVerb, OptionNamesDoNotClash) {
  Globals globals;
  for (const Command& command : all_commands()) {
    std::set<std::string> names;
    const auto add = [&](const std::vector<Option>& options) {
      for (const Option& option : options) {
        std::size_t begin = 0;
        while (begin <= option.names.size()) {
          const std::size_t comma = std::min(option.names.find(',', begin), option.names.size());
          const std::string name = option.names.substr(begin, comma - begin);
          EXPECT_TRUE(names.insert(name).second) << command.name() << ' ' << name;
          begin = comma + 1;
        }
      }
    };
    add(command.options);
    add(global_options(&globals));
  }
}

// After a change of a command: forebay __reference, and put it in the place of the old text.
TEST(Documentation, HasTheReferenceOfEveryVerbAsItIs) {
  std::ifstream file("docs/cli.md");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_NE(text.find(reference_markdown(all_commands())), std::string::npos);
}

TEST(Help, ExitCodesPageHasEveryCode) {
  const std::string page = help_topic("exit-codes");
  for (const ExitCodeRow& row : kExitCodes) {
    EXPECT_NE(page.find(std::to_string(static_cast<int>(row.code)) + ' '), std::string::npos);
    EXPECT_NE(page.find(row.meaning), std::string::npos);
  }
  for (const Topic& topic : help_topics()) EXPECT_FALSE(help_topic(topic.name).empty()) << topic.name;
}

class CompletionTest : public testing::Test {
 protected:
  std::vector<std::string> words(const std::vector<std::string>& typed) {
    Globals globals;
    const Candidates candidates = complete(all_commands(), global_options(&globals), typed, [] {
      return std::vector<std::string>{"orders", "clicks"};
    });
    files = candidates.files;
    return candidates.words;
  }
  bool files = false;
};

TEST_F(CompletionTest, CommandsOptionsTopicsChoicesAndFiles) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(words({"to"}), (Words{"topic"}));
  EXPECT_EQ(words({"topic", "de"}), (Words{"delete", "describe"}));
  EXPECT_EQ(words({"topic", "delete", "o"}), (Words{"orders"}));
  EXPECT_EQ(words({"-o", "json", "topic", "delete", ""}), (Words{"clicks", "orders"}));
  EXPECT_EQ(words({"consume", "orders", "--until"}), (Words{"--until-end"}));
  EXPECT_EQ(words({"consume", "-o", "j"}), (Words{"json"}));
  EXPECT_EQ(words({"produce", "orders", "--acks", ""}), (Words{"all", "leader", "none"}));
  EXPECT_EQ(words({"perf", "produce", "--topic", "c"}), (Words{"clicks"}));
  EXPECT_EQ(words({"completion", ""}), (Words{"bash", "fish", "zsh"}));
  EXPECT_EQ(words({"topic", "create", ""}), Words{});
  EXPECT_EQ(words({"schema", "su"}), (Words{"subject"}));
  EXPECT_EQ(words({"schema", "subject", "de"}), (Words{"delete", "describe"}));
  EXPECT_EQ(words({"schema", "mode", "orders-value", "READ"}), (Words{"READONLY", "READWRITE"}));
  EXPECT_FALSE(files);
  words({"produce", "orders", ""});
  EXPECT_TRUE(files);
}

TEST_F(CompletionTest, KeysOfATopicsConfiguration) {
  using Words = std::vector<std::string>;
  for (const char* verb : {"create", "alter"}) {
    EXPECT_EQ(words({"topic", verb, "orders", "--config", "retention."}),
              (Words{"retention.bytes=", "retention.ms="}));
    EXPECT_EQ(words({"topic", verb, "orders", "--config", ""}).size(), config::topic_keys().size());
  }
  EXPECT_EQ(words({"topic", "alter", "orders", "--unset", "retention."}),
            (Words{"retention.bytes", "retention.ms"}));
}

}  // namespace
}  // namespace forebay::cli
