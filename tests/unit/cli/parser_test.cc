#include "cli/parser.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace forebay::cli {
namespace {

// A small program with all kinds of options; the real verbs are walked over in commands_test.cc.
class ParserTest : public testing::Test {
 protected:
  ParserTest() {
    Command create;
    create.noun = "topic";
    create.verb = "create";
    create.positionals = {{"NAME", "a name", set_text(&name)}};
    create.options = {{"-p,--partitions", "N", "", set_count(&partitions)},
                      {"-c,--config", "K=V", "", add_pair(&config), Option::Repeats::kYes},
                      {"--dry-run", "", "", set_flag(&dry_run)}};
    commands.push_back(create);
    Command list;
    list.noun = "topic";
    list.verb = "list";
    list.positionals = {{"TOPIC", "names", add_text(&names), Option::Repeats::kYes, Option::Need::kOptional}};
    commands.push_back(list);
    Command consume;
    consume.noun = "consume";
    consume.output = Command::Output::kFormatsOrTemplate;
    consume.positionals = {{"TOPIC", "a topic", set_text(&name)}};
    consume.options = {{"--offsets", "O", "", set_text(&offsets)},
                       {"--acks", "A", "", set_text(&acks)},
                       {"--linger", "MS", "", set_duration(&linger, std::chrono::milliseconds(1))}};
    consume.options[1].choices = {"all", "none"};
    commands.push_back(consume);
    Command perf;
    perf.noun = "perf";
    perf.verb = "consume";
    Command help;
    help.noun = "help";
    help.reaches = Command::Reaches::kNobody;
    commands.push_back(help);
    perf.options = {{"-t,--topic", "T", "", set_text(&name), Option::Repeats::kNo, Option::Need::kRequired}};
    commands.push_back(perf);
  }

  Parsed ok(const std::vector<std::string>& words) {
    auto parsed = parse_command_line(commands, words, variable);
    EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().context);
    return parsed ? *parsed : Parsed{};
  }
  std::string refused(const std::vector<std::string>& words) {
    auto parsed = parse_command_line(commands, words, variable);
    EXPECT_FALSE(parsed);
    return parsed ? "" : parsed.error().context;
  }

  std::vector<Command> commands;
  std::optional<std::string> variable;
  std::string name, offsets, acks;
  std::vector<std::string> names;
  std::uint32_t partitions = 1;
  std::vector<std::pair<std::string, std::string>> config;
  std::optional<std::chrono::milliseconds> linger;
  bool dry_run = false;
};

TEST_F(ParserTest, GlobalOptionsMeanTheSameInEveryPlace) {
  const std::vector<std::vector<std::string>> lines = {
      {"-o", "json", "--server", "h:1,h:2", "--timeout", "5s", "-q", "-y", "topic", "create", "t"},
      {"topic", "-o", "json", "--server", "h:1,h:2", "--timeout", "5s", "-q", "-y", "create", "t"},
      {"topic", "create", "-o", "json", "--server", "h:1,h:2", "--timeout", "5s", "-q", "-y", "t"},
      {"topic", "create", "t", "-o", "json", "--server", "h:1,h:2", "--timeout", "5s", "-q", "-y"},
      {"--output=json", "topic", "--server=h:1,h:2", "create", "--timeout=5", "t", "-qy"},
  };
  for (const auto& line : lines) {
    name.clear();
    const Parsed parsed = ok(line);
    ASSERT_NE(parsed.command, nullptr);
    EXPECT_EQ(parsed.command->name(), "topic create");
    EXPECT_EQ(name, "t");
    EXPECT_EQ(parsed.globals.format, Format::kJson);
    EXPECT_EQ(parsed.globals.servers, (std::vector<std::string>{"h:1", "h:2"}));
    EXPECT_EQ(parsed.globals.servers_from, Globals::ServersFrom::kFlag);
    EXPECT_EQ(parsed.globals.timeout, std::chrono::seconds(5));
    EXPECT_TRUE(parsed.globals.quiet);
    EXPECT_TRUE(parsed.globals.yes);
  }
}

TEST_F(ParserTest, OfAnOptionGivenTwiceTheLastCounts) {
  EXPECT_EQ(ok({"-o", "json", "topic", "create", "t", "-o", "yaml"}).globals.format, Format::kYaml);
  EXPECT_EQ(ok({"topic", "create", "t", "-o", "json", "-o", "wide"}).globals.format, Format::kWide);
  ok({"topic", "create", "t", "-p", "3", "--partitions", "5"});
  EXPECT_EQ(partitions, 5U);
}

TEST_F(ParserTest, ServersFromTheEnvironmentYieldToTheFlag) {
  variable = "env:1";
  EXPECT_EQ(ok({"topic", "list"}).globals.servers, (std::vector<std::string>{"env:1"}));
  EXPECT_EQ(ok({"topic", "list", "-s", "flag:2"}).globals.servers, (std::vector<std::string>{"flag:2"}));
  variable = "nonsense";
  EXPECT_NE(refused({"topic", "list"}).find("FOREBAY_SERVERS"), std::string::npos);
}

TEST_F(ParserTest, ServersFromTheEnvironmentAreNotLookedAtWhereTheyAreNotUsed) {
  variable = "nonsense";
  EXPECT_EQ(ok({"topic", "list", "-s", "flag:2"}).globals.servers, (std::vector<std::string>{"flag:2"}));
  ok({"topic", "list", "--help"});
  ok({"help"});
  ok({});
}

TEST_F(ParserTest, UsageErrorsPointToTheNearestHelp) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"topc"}, "\nsee: forebay --help"},
      {{"--sever", "h:1"}, "\nsee: forebay --help"},
      {{"topic", "lst"}, "\nsee: forebay topic --help"},
      {{"topic", "create"}, "\nsee: forebay topic create --help"},
      {{"topic", "create", "t", "--partition", "3"}, "\nsee: forebay topic create --help"},
      {{"topic", "create", "t", "-p"},
       "--partitions: its value is missing\nsee: forebay topic create --help"},
      {{"consume", "t", "--acks", "al"}, "\nsee: forebay consume --help"},
  };
  for (const auto& [words, end] : cases) EXPECT_TRUE(refused(words).ends_with(end)) << refused(words);
}

TEST_F(ParserTest, RepeatedOptionsAreAllTaken) {
  ok({"topic", "create", "t", "-c", "a=1", "--config", "b=x=y", "-c", "c="});
  EXPECT_EQ(config, (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "x=y"}, {"c", ""}}));
}

// The words of other commands and brackets are ordinary names.
TEST_F(ParserTest, PositionalsAreTakenAsTheyAre) {
  ok({"topic", "create", "list"});
  EXPECT_EQ(name, "list");
  ok({"topic", "create", "consume"});
  EXPECT_EQ(name, "consume");
  ok({"topic", "list", "topic", "list", "[a,b]", "-"});
  EXPECT_EQ(names, (std::vector<std::string>{"topic", "list", "[a,b]", "-"}));
}

TEST_F(ParserTest, ValuesMayBeginWithADash) {
  ok({"consume", "t", "--offsets", "-10"});
  EXPECT_EQ(offsets, "-10");
  ok({"consume", "t", "--offsets=-5"});
  EXPECT_EQ(offsets, "-5");
}

TEST_F(ParserTest, TemplatesOnlyWhereRecordsAreShown) {
  EXPECT_EQ(ok({"consume", "t", "-o", "[%k,%v]\\n"}).globals.output, "[%k,%v]\\n");
  EXPECT_EQ(ok({"-o", "%v", "consume", "t"}).globals.output, "%v");
  EXPECT_NE(refused({"consume", "t", "-o", "jsn"}).find("did you mean 'json'"), std::string::npos);
  EXPECT_NE(refused({"topic", "list", "-o", "%v"}).find("none of text, wide, json, yaml"), std::string::npos);
}

TEST_F(ParserTest, WrongWordsAreAnsweredWithTheNearestRightOne) {
  struct Case {
    std::vector<std::string> words;
    const char* want;
  };
  const Case cases[] = {
      {{"topc", "list"}, "did you mean 'topic'"},
      {{"topic", "lst"}, "did you mean 'list'"},
      {{"topic", "create", "t", "--partition", "3"}, "did you mean '--partitions'"},
      {{"topic", "create", "t", "--outptu", "json"}, "did you mean '--output'"},
      {{"--sever", "h:1", "topic", "list"}, "did you mean '--server'"},
      {{"consume", "t", "--acks", "al"}, "did you mean 'all'"},
  };
  for (const Case& c : cases) {
    const std::string message = refused(c.words);
    EXPECT_NE(message.find(c.want), std::string::npos) << message;
  }
}

TEST_F(ParserTest, UsageErrors) {
  struct Case {
    std::vector<std::string> words;
    const char* want;
  };
  const Case cases[] = {
      {{"topic", "create"}, "NAME is missing"},
      {{"topic", "create", "a", "b"}, "'b' is one argument too many"},
      {{"perf", "consume"}, "--topic T is missing"},
      {{"perf", "consume", "x", "-t", "t"}, "'x' is one argument too many"},
      {{"topic", "create", "t", "-p"}, "-p"},
      {{"topic", "create", "t", "-p", "many"}, "--partitions: "},
      {{"topic", "create", "t", "-p", "5000000000"}, "--partitions: "},
      {{"topic", "create", "t", "-c", "novalue"}, "--config: 'novalue' is not NAME=VALUE"},
      {{"topic", "create", "t", "-c", "=x"}, "--config: "},
      {{"topic", "create", "t", "--server", "nowhere"}, "--server: "},
      {{"topic", "create", "t", "--timeout", "soon"}, "--timeout: "},
      {{"topic", "create", "t", "--timeout", "0"}, "--timeout: expected 1ms to 1d"},
      {{"topic", "create", "t", "--timeout", "2d"}, "--timeout: expected 1ms to 1d"},
      {{"consume", "t", "--linger", "5parsecs"}, "--linger: "},
  };
  for (const Case& c : cases) {
    const std::string message = refused(c.words);
    EXPECT_NE(message.find(c.want), std::string::npos) << message;
  }
}

TEST_F(ParserTest, NumbersMayCarryUnits) {
  ok({"topic", "create", "t", "-p", "2k"});
  EXPECT_EQ(partitions, 2000U);
  ok({"consume", "t", "--linger", "5"});
  EXPECT_EQ(linger, std::chrono::milliseconds(5));
  ok({"consume", "t", "--linger", "2s"});
  EXPECT_EQ(linger, std::chrono::milliseconds(2000));
}

TEST_F(ParserTest, HelpNeedsNoArguments) {
  EXPECT_TRUE(ok({"topic", "create", "--help"}).globals.help);
  EXPECT_TRUE(ok({"--help"}).globals.help);
  EXPECT_EQ(ok({"topic", "-h"}).noun, "topic");
  EXPECT_EQ(ok({"topic", "create", "-o", "help"}).globals.output, "help");
}

TEST_F(ParserTest, NoCommandIsNoError) {
  EXPECT_EQ(ok({}).command, nullptr);
  EXPECT_EQ(ok({"topic"}).noun, "topic");
}

}  // namespace
}  // namespace forebay::cli
