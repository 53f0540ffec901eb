// Plays the files in interactions/ and compares what the coordinator did with what is written there. With
// FOREBAY_REWRITE=1 it writes what it did into the files instead: for a reviewer to read the difference.
#include "interaction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace forebay::group::testing {
namespace {

constexpr const char* kDirectory = "tests/unit/group/interactions";
constexpr const char* kAnswer = "----";

std::vector<std::string> files() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
    if (entry.path().extension() == ".txt") found.push_back(entry.path().stem().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The file as it should be: comments and commands as they stand, each block followed by what it did.
std::string played(std::istream& script) {
  Interaction interaction;
  std::string text;
  std::string answer;
  bool in_answer = false;
  for (std::string line; std::getline(script, line);) {
    if (in_answer) {
      in_answer = !line.empty();  // an empty line ends it
      if (in_answer) continue;
    }
    text += line + '\n';
    if (line == kAnswer) {
      text += answer.empty() ? "nothing happens\n" : answer;
      answer.clear();
      in_answer = true;
    } else if (!line.empty() && line.front() != '#') {
      answer += interaction.run(line);
    }
  }
  return text;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class GroupInteraction : public ::testing::TestWithParam<std::string> {};

TEST_P(GroupInteraction, TheCoordinatorDoesWhatTheFileSays) {
  const std::string path = std::string(kDirectory) + '/' + GetParam() + ".txt";
  const std::string before = content_of(path);
  std::istringstream script(before);
  const std::string after = played(script);
  if (std::getenv("FOREBAY_REWRITE") != nullptr) {
    std::ofstream(path) << after;
    return;
  }
  EXPECT_EQ(after, before) << path << ": if the difference is meant, FOREBAY_REWRITE=1 writes it";
  EXPECT_EQ(after.find("error:"), std::string::npos) << path;
}

INSTANTIATE_TEST_SUITE_P(, GroupInteraction, ::testing::ValuesIn(files()), [](const auto& one) {
  std::string name = one.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace forebay::group::testing
