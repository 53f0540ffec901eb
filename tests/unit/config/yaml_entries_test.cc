#include "config/yaml_entries.h"

#include <gtest/gtest.h>

namespace forebay::config {
namespace {

TEST(YamlEntries, NestedAndDottedKeysAreTheSame) {
  const auto yaml =
      read_yaml_entries("node:\n  id: 3\nstorage.trash_delay: 1h\ntopic_defaults:\n  retention.ms: 7d\n");
  EXPECT_TRUE(yaml.problems.empty());
  ASSERT_EQ(yaml.entries.size(), 3U);
  EXPECT_EQ(yaml.entries[0].key, "node.id");
  EXPECT_EQ(yaml.entries[0].value, "3");
  EXPECT_EQ(yaml.entries[0].line, 2U);
  EXPECT_EQ(yaml.entries[1].key, "storage.trash_delay");
  EXPECT_EQ(yaml.entries[1].line, 3U);
  EXPECT_EQ(yaml.entries[2].key, "topic_defaults.retention.ms");
}

TEST(YamlEntries, ListsAreOneValueWithCommas) {
  const auto yaml = read_yaml_entries("c:\n  nodes:\n    - a\n    - b:1\n  empty: []\nd: [x]\ne: 1\n");
  EXPECT_TRUE(yaml.problems.empty());
  ASSERT_EQ(yaml.entries.size(), 4U);
  EXPECT_EQ(yaml.entries[0].key, "c.nodes");
  EXPECT_EQ(yaml.entries[0].value, "a,b:1");
  EXPECT_EQ(yaml.entries[0].line, 2U);
  EXPECT_TRUE(yaml.entries[0].is_list);
  EXPECT_EQ(yaml.entries[1].key, "c.empty");
  EXPECT_EQ(yaml.entries[1].value, "");
  EXPECT_TRUE(yaml.entries[1].is_list);
  EXPECT_EQ(yaml.entries[2].value, "x");
  EXPECT_EQ(yaml.entries[3].key, "e");
  EXPECT_FALSE(yaml.entries[3].is_list);
}

TEST(YamlEntries, EmptyTextsHaveNoEntries) {
  for (const std::string_view text : {"", "\n", "# only a comment\n", "---\n", "{}"}) {
    const auto yaml = read_yaml_entries(text);
    EXPECT_TRUE(yaml.problems.empty()) << text;
    EXPECT_TRUE(yaml.entries.empty()) << text;
  }
}

TEST(YamlEntries, WrongShapesAreProblemsWithTheirLine) {
  struct Case {
    std::string_view text;
    std::size_t line;
  };
  for (const Case& c :
       {Case{"node:\n  id:\n  - a\n  - [1, 2]\n", 4}, Case{"a: [b: 1]\n", 1}, Case{"a:\n- b\n-\n", 3},
        Case{"just words", 1}, Case{"a: 1\nb: 'unclosed\n\n", 2}, Case{"- a\n- b\n", 1},
        Case{"a: 1\n---\nb: 2\n", 2}, Case{"? [a]\n: 1\n", 1}, Case{"a: 1\n\tb: 2\n", 2}}) {
    const auto yaml = read_yaml_entries(c.text);
    ASSERT_FALSE(yaml.problems.empty()) << c.text;
    EXPECT_EQ(yaml.problems.front().line, c.line) << c.text << ": " << yaml.problems.front().text;
  }
}

TEST(YamlEntries, AnchorsAndAliasesAreRefused) {
  for (const std::string_view text : {"a: &x 1\nb: 2\n", "a: *x\n", "a: &x {b: 1}\n", "&x a: 1\n"}) {
    const auto yaml = read_yaml_entries(text);
    ASSERT_FALSE(yaml.problems.empty()) << text;
    EXPECT_EQ(yaml.problems.front().line, 1U) << text;
  }
}

// The parser takes these for endless empty documents.
TEST(YamlEntries, EndlessDocumentsAreStopped) {
  for (const std::string_view text : {",ode:\n  id: 1\n", ",", "]", "}"}) {
    EXPECT_FALSE(read_yaml_entries(text).problems.empty()) << text;
  }
}

TEST(YamlEntries, ManyKeysAreBounded) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  const auto yaml = read_yaml_entries(text);
  EXPECT_FALSE(yaml.problems.empty());
  EXPECT_LE(yaml.entries.size(), kYamlEntriesMax);
}

TEST(YamlEntries, WhatFollowsAWrongShapeIsStillRead) {
  const auto yaml = read_yaml_entries("a: [1, {x: 2}]\n? {k: v}\n: [3]\nb: 2\n");
  EXPECT_EQ(yaml.problems.size(), 2U);
  ASSERT_EQ(yaml.entries.size(), 2U);
  EXPECT_EQ(yaml.entries[0].value, "1");
  EXPECT_EQ(yaml.entries[1].key, "b");
  EXPECT_EQ(yaml.entries[1].line, 4U);
}

TEST(YamlEntries, DeepNestingIsBounded) {
  std::string deep;
  for (int i = 0; i < 5'000; ++i) deep += "{a: ";
  EXPECT_FALSE(read_yaml_entries(deep).problems.empty());
  deep += "1" + std::string(5'000, '}');
  EXPECT_FALSE(read_yaml_entries(deep).problems.empty());
}

}  // namespace
}  // namespace forebay::config
