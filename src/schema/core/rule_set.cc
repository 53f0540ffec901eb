#include "schema/core/rule_set.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "schema/core/avro/avro_json_tree.h"
#include "schema/core/registry_error.h"

namespace forebay::schema {
namespace {

using Json = nlohmann::json;  // with the members in order

constexpr std::size_t kDepthMax = 32, kMembersMax = 10'000;
constexpr const char* kLists[] = {"domainRules", "migrationRules", "encodingRules"};

Error wrong(const std::string& why) {
  return registry_error(RegistryCode::kInvalidSchema, "Invalid rule set: " + why);
}

void drop_empty(Json& object) {
  for (auto at = object.begin(); at != object.end();)
    at = at->is_null() || (at->is_structured() && at->empty()) ? object.erase(at) : std::next(at);
}

void make_normal(Json& rule) {
  drop_empty(rule);
  if (!rule.contains("kind")) rule["kind"] = "TRANSFORM";
  if (!rule.contains("mode")) rule["mode"] = "WRITEREAD";
  if (!rule.contains("disabled")) rule["disabled"] = false;
  const auto tags = rule.find("tags");
  if (tags == rule.end() || !tags->is_array()) return;
  std::sort(tags->begin(), tags->end());
  tags->erase(std::unique(tags->begin(), tags->end()), tags->end());
}

}  // namespace

Result<std::string> normal_rule_set(std::string_view text) {
  if (text.empty()) return std::string();
  if (const auto bounded = avro::check_json_bounds(text, kDepthMax, kMembersMax); !bounded)
    return wrong(bounded.error().context);
  Json rules = Json::parse(text, nullptr, false);
  if (!rules.is_object()) return wrong("it is no JSON object");
  drop_empty(rules);
  for (const char* name : kLists) {
    const auto list = rules.find(name);
    if (list == rules.end()) continue;
    if (!list->is_array()) return wrong(std::string(name) + " is a list of rules");
    for (Json& rule : *list) {
      if (!rule.is_object()) return wrong(std::string(name) + " is a list of rules, each an object");
      make_normal(rule);
    }
  }
  return rules.dump();
}

}  // namespace forebay::schema
