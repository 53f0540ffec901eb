// A YAML text as a flat list of (dotted key, scalar, line). The only file that includes yaml-cpp is
// yaml_entries.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace forebay::config {

struct YamlEntry {
  std::string key;       // "storage.trash_delay", whether written nested or with dots
  std::string value;     // of a scalar; of a list its items, with commas between them
  std::size_t line = 0;  // from 1
  bool is_list = false;
};

struct YamlProblem {
  std::size_t line = 0;  // from 1; 0: the whole text
  std::string text;
};

struct YamlEntries {
  std::vector<YamlEntry> entries;  // in the order of the text; a key may be there twice
  std::vector<YamlProblem> problems;
};

inline constexpr std::size_t kYamlEntriesMax = 1'000;
inline constexpr std::size_t kYamlDepthMax = 8;

[[nodiscard]] YamlEntries read_yaml_entries(std::string_view text);

}  // namespace forebay::config
