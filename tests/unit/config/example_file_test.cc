// config/forebay.yaml is what a person reads: it must name exactly the keys of the table, with their true
// defaults.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "config/settings.h"
#include "config/settings_keys.h"

namespace forebay::config {
namespace {

std::string example_file() {
  std::ifstream in("config/forebay.yaml");
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// With the # of every "#key: value" line removed; prose lines have a space after the #.
std::string uncommented(const std::string& text) {
  static const std::regex key_line("  #([a-z])");
  return std::regex_replace(text, key_line, "  $1");
}

TEST(ExampleFile, IsWhatTheTableSays) {
  const std::string want = example_yaml();
  if (example_file() == want) return;
  std::ofstream(testing::TempDir() + "forebay.yaml") << want;
  FAIL() << "config/forebay.yaml differs from the table of keys; the right text is in " << testing::TempDir()
         << "forebay.yaml";
}

TEST(ExampleFile, AsItIsChangesNothing) {
  Sources sources;
  sources.file = ConfigFile{"forebay.yaml", example_file()};
  const auto settings = load(sources, 2);
  ASSERT_TRUE(settings) << settings.error().context;
  EXPECT_TRUE(*settings == Settings{});
}

TEST(ExampleFile, UncommentedNamesEveryKeyWithItsDefault) {
  const std::string text = uncommented(example_file());
  Sources sources;
  sources.file = ConfigFile{"forebay.yaml", text};
  const auto settings = load(sources, 2);
  ASSERT_TRUE(settings) << settings.error().context;
  EXPECT_TRUE(*settings == Settings{});
  std::set<std::string> listed;
  std::istringstream lines(text);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    static const std::regex section_line("([a-z_]+):");
    static const std::regex key_line("  ([a-z_.]+): .*");
    std::smatch match;
    if (std::regex_match(line, match, section_line))
      section = match[1];
    else if (std::regex_match(line, match, key_line))
      listed.insert(section + "." + match[1].str());
  }
  std::set<std::string> known;
  for (const auto& key : settings_keys()) known.insert(key.name);
  EXPECT_EQ(listed, known);
}

TEST(ExampleFile, EveryKeyIsExplained) {
  for (const KeyDescription& key : describe_settings_keys()) {
    EXPECT_GT(key.doc.size(), 10U) << key.name;
    EXPECT_FALSE(key.expected.empty()) << key.name;
  }
}

}  // namespace
}  // namespace forebay::config
