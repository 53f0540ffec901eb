#include "config/topic_name.h"

#include <algorithm>
#include <string>

namespace forebay::config {
namespace {

bool is_allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

// What a terminal or a log may show of a name that anybody could have sent.
std::string shown(std::string_view name) {
  std::string text(name.substr(0, 64));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  }
  if (name.size() > 64) text += "...";
  return text;
}

}  // namespace

Result<void> check_topic_name(std::string_view name) {
  std::string_view wrong;
  if (name.empty())
    wrong = "it is empty";
  else if (name.size() > kTopicNameBytesMax)
    wrong = "it is too long";
  else if (name == "." || name == "..")
    wrong = "it is a directory";
  else if (name.starts_with("__"))
    wrong = "it starts with '__'";
  else if (!std::all_of(name.begin(), name.end(), is_allowed))
    wrong = "it has a character that is not allowed";
  if (wrong.empty()) return {};
  return Error{ErrorCode::kInvalidTopicName, "topic name '" + shown(name) +
                                                 "' cannot be used: " + std::string(wrong) +
                                                 "; the rule: " + std::string(kTopicNameRule)};
}

}  // namespace forebay::config
