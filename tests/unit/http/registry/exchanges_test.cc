// Plays the files in exchanges/ and compares the answers with those that are written there. With
// FOREBAY_REWRITE=1 it writes the answers into the files instead: for a reviewer to read the difference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "rest_world.h"

namespace forebay::http {
namespace {

using nlohmann::json;

constexpr const char* kDirectory = "tests/unit/http/registry/exchanges";
constexpr const char* kAnswer = "----";

std::vector<std::string> files() {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(kDirectory)) {
    if (entry.path().extension() == ".txt") found.push_back(entry.path().stem().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

// Files write a schema as it is; requests have it as text.
std::string sent_body(const std::string& text) {
  json body = json::parse(text, nullptr, false);
  if (body.is_discarded() || !body.is_object()) return text;
  if (body.contains("schema") && !body["schema"].is_string() && !body["schema"].is_null())
    body["schema"] = body["schema"].dump();
  return body.dump();
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// One request, in the lines of a block.
class Block {
 public:
  void add(const std::string& line) {
    const std::size_t colon = line.find(": ");
    if (target_.empty()) {
      const std::size_t space = line.find(' ');
      method_ = line.substr(0, space);
      target_ = space == std::string::npos ? "" : line.substr(space + 1);
    } else if (line.front() != '{' && line.front() != '[' && colon != std::string::npos && body_.empty()) {
      headers_[lower_case(line.substr(0, colon))] = line.substr(colon + 2);
    } else {
      body_ += line;
    }
  }
  std::string play(RestWorld& world) const {
    const Response response = world.ask(method_, target_, sent_body(body_), headers_);
    std::string text = std::to_string(response.status);
    if (response.content_type != kRegistryMediaType && !response.content_type.empty())
      text += ' ' + response.content_type;
    if (!response.allow.empty()) text += " Allow: " + response.allow;
    return text + '\n' + (response.body.empty() ? "" : response.body + '\n');
  }

 private:
  std::string method_;
  std::string target_;
  RestWorld::Headers headers_;
  std::string body_;
};

// The file as it should be: comments and requests as they stand, each followed by its answer.
std::string played(std::istream& script) {
  RestWorld world;
  std::string text;
  Block block;
  bool in_answer = false;
  for (std::string line; std::getline(script, line);) {
    if (in_answer) {
      in_answer = !line.empty();  // an empty line ends it
      if (in_answer) continue;
    }
    text += line + '\n';
    if (line == kAnswer) {
      text += block.play(world);
      block = {};
      in_answer = true;
    } else if (!line.empty() && line.front() != '#') {
      block.add(line);
    }
  }
  return text;
}

class RegistryExchange : public testing::TestWithParam<std::string> {};

TEST_P(RegistryExchange, IsAnsweredAsTheFileSays) {
  const std::string path = std::string(kDirectory) + '/' + GetParam() + ".txt";
  std::ifstream file(path);
  const std::string before{std::istreambuf_iterator<char>(file), {}};
  std::istringstream script(before);
  const std::string after = played(script);
  if (std::getenv("FOREBAY_REWRITE") != nullptr) {
    std::ofstream(path) << after;
    return;
  }
  EXPECT_EQ(after, before) << path << ": if the difference is meant, FOREBAY_REWRITE=1 writes it";
}

INSTANTIATE_TEST_SUITE_P(Files, RegistryExchange, testing::ValuesIn(files()), [](const auto& file) {
  std::string name = file.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace forebay::http
