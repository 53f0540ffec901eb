// Paths of the simulated disk: "/" separates, empty parts and "." mean nothing, relative paths start at the
// root.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace forebay::sim {

[[nodiscard]] inline std::vector<std::string> path_parts(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return parts;
}

[[nodiscard]] inline std::string parent_path(std::string_view path) {
  const std::vector<std::string> parts = path_parts(path);
  std::string parent = "/";
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) parent += (i == 0 ? "" : "/") + parts[i];
  return parent;
}

[[nodiscard]] inline std::string base_name(std::string_view path) {
  const std::vector<std::string> parts = path_parts(path);
  return parts.empty() ? std::string() : parts.back();
}

}  // namespace forebay::sim
