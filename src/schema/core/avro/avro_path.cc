#include "schema/core/avro/avro_path.h"

#include "schema/core/avro/avro_json_text.h"

namespace forebay::schema::avro {
namespace {

constexpr std::size_t kShownBytes = 64;
constexpr std::size_t kListedBytes = 1000;
constexpr std::size_t kPathBytesMax = 1000;

}  // namespace

std::string described(const Schema& schema, const Type& type) {
  if (type.kind == Kind::kUnion) {
    std::string names;
    for (const TypeId branch : type.branches) {
      if (names.size() > 4 * kShownBytes) return names + ", ...";
      names += (names.empty() ? "union of " : ", ") + branch_name(schema[branch]);
    }
    return names.empty() ? "union of nothing" : names;
  }
  std::string name(kind_name(type.kind));
  if (is_named(type.kind)) name += ' ' + cut_short(type.full_name());
  if (type.kind == Kind::kFixed) name += " of " + std::to_string(type.size) + " bytes";
  return name;
}

std::string branch_name(const Type& type) {
  return is_named(type.kind) ? type.full_name() : std::string(kind_name(type.kind));
}

std::string cut_short(std::string_view utf8) {
  if (utf8.size() <= kShownBytes) return std::string(utf8);
  std::size_t size = kShownBytes;
  while (size > 0 && (static_cast<unsigned char>(utf8[size]) & 0xc0U) == 0x80) --size;
  return std::string(utf8.substr(0, size)) + "...";
}

std::string listed(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) {
    if (all.size() > kListedBytes) return all + ", ...";
    all += (all.empty() ? "" : ", ") + cut_short(name);
  }
  return all;
}

std::string field_step(std::string_view name) { return cut_short(name); }
std::string item_step(std::uint64_t index) { return '[' + std::to_string(index) + ']'; }
std::string key_step(std::string_view key) {
  std::string step = "[";
  append_json_string(step, cut_short(key));
  return step + ']';
}

void prepend_step(std::string& path, const std::string& step) {
  if (path.size() > kPathBytesMax) {
    if (!path.starts_with("...")) path.insert(0, "...");
    return;
  }
  path.insert(0, path.empty() || path.front() == '[' ? step : step + '.');
}

}  // namespace forebay::schema::avro
