#include "schema/core/json/json_check.h"

#include <algorithm>
#include <set>
#include <utility>

#include "schema/core/json/json_number.h"

namespace forebay::schema::json {
namespace {

// A step is one schema asked about one value, or one member looked up: a record of 1 KB takes some hundreds.
constexpr std::size_t kStepsOfAll = 500'000, kStepsPerByte = 10;
constexpr std::size_t kBytesPerStep = 16;  // of a text that is matched or compared
constexpr std::size_t kItemsPerStep = 16;  // that are only counted
// Schemas asked within each other. A value is up to Limits::depth_max deep, and a few schemas see each level.
constexpr std::size_t kDepthMax = 1000;
constexpr std::size_t kEnumBytesMax = 200;  // of one that a message lists

// Which members or items of one value a schema has looked at, for the "unevaluated" keywords.
struct Seen {
  std::vector<bool> of;
  void add(const Seen& other) {
    if (of.size() < other.of.size()) of.resize(other.of.size());
    for (std::size_t i = 0; i < other.of.size(); ++i)
      if (other.of[i]) of[i] = true;
  }
  void add(std::size_t index) {
    if (of.size() <= index) of.resize(index + 1);
    of[index] = true;
  }
  [[nodiscard]] bool has(std::size_t index) const { return index < of.size() && of[index]; }
};

struct Step {
  std::string_view name;  // of a member; empty data: an item
  std::size_t index = 0;
  bool is_item = false;
};

class Checker {
 public:
  Checker(const Schema& schema, std::size_t payload_bytes)
      : schema_(schema), steps_{.max = kStepsOfAll + kStepsPerByte * payload_bytes} {}

  std::optional<PayloadFault> run(const Value& value) {
    const bool fits = check(schema_.root, value, nullptr);
    if (stopped_) return std::move(stopped_);
    if (fits) return std::nullopt;
    return fault_ ? std::move(fault_) : PayloadFault{"", described(value), "a value of the schema"};
  }

 private:
  // `seen`: null where nobody asks what was looked at.
  bool check(NodeId id, const Value& value, Seen* seen) {
    const Node& node = schema_.nodes[id];
    ++steps_.taken;
    if (stops(value)) return false;
    if (node.verdict) return *node.verdict || fail(value, "nothing: the schema is false");
    ++depth_;
    const bool enters = scope_.empty() || scope_.back() != node.resource;
    if (enters) scope_.push_back(node.resource);
    Seen own;
    Seen* collects = schema_.uses_unevaluated ? &own : nullptr;
    const bool ok = check_node(node, value, collects);
    if (enters) scope_.pop_back();
    --depth_;
    if (ok && seen != nullptr && collects != nullptr) {
      steps_.taken += own.of.size() / kItemsPerStep;
      seen->add(own);
    }
    return ok;
  }

  bool stops(const Value& value) {
    if (stopped_) return true;
    if (!steps_.are_used_up() && depth_ < kDepthMax) return false;
    stopped_ = {path_text(), described(value),
                depth_ >= kDepthMax
                    ? "a value whose check nests less than " + std::to_string(kDepthMax) + " schemas"
                    : "a value that the schema judges in at most " + std::to_string(steps_.max) + " steps"};
    return true;
  }

  bool check_node(const Node& node, const Value& value, Seen* seen) {
    if (node.ref != kNoNode && !check(node.ref, value, seen)) return false;
    if (node.dynamic_ref != kNoNode && !check(target_of(node), value, seen)) return false;
    if (node.types != 0 && !check_type(node, value)) return false;
    if (node.enum_keys || node.const_key)
      if (!check_values(node, value)) return false;
    switch (value.kind) {
      case Value::Kind::kInteger:
      case Value::Kind::kNumber:
        if (!check_number(node, value)) return false;
        break;
      case Value::Kind::kString:
        if (!check_string(node, value)) return false;
        break;
      case Value::Kind::kArray:
        if (!check_array(node, value, seen)) return false;
        break;
      case Value::Kind::kObject:
        if (!check_object(node, value, seen)) return false;
        break;
      case Value::Kind::kNull:
      case Value::Kind::kBoolean:
        break;
    }
    return check_combined(node, value, seen) && check_unevaluated(node, value, seen);
  }

  NodeId target_of(const Node& node) const {
    if (node.dynamic_name.empty()) return node.dynamic_ref;
    for (const std::uint32_t index : scope_) {  // outermost first
      const Resource& resource = schema_.resources[index];
      if (node.dynamic_name == "#") {
        if (resource.recursive_anchor) return resource.root;
      } else if (const auto found = resource.dynamic_anchors.find(node.dynamic_name);
                 found != resource.dynamic_anchors.end()) {
        return found->second;
      }
    }
    return node.dynamic_ref;
  }

  bool check_type(const Node& node, const Value& value) {
    static constexpr TypeBit kBits[] = {kNullBit,   kBooleanBit, kIntegerBit, kNumberBit,
                                        kStringBit, kArrayBit,   kObjectBit};
    std::uint8_t is = kBits[static_cast<std::size_t>(value.kind)];
    if (value.kind == Value::Kind::kInteger) is |= kNumberBit;
    if (value.kind == Value::Kind::kNumber && (node.types & kIntegerBit) != 0 &&
        is_integer(value, node.draft == Draft::k4))
      is |= kIntegerBit;
    if ((node.types & is) != 0) return true;
    std::string types;
    for (const std::string& type : node.type_order) types += (types.empty() ? "" : " or ") + type;
    return fail(value, types + " (\"type\")");
  }

  bool check_values(const Node& node, const Value& value) {
    if (key_for_ != &value) {
      key_ = key_of(value);
      key_for_ = &value;
    }
    const std::string& key = key_;
    charge(key.size());
    if (node.const_key && *node.const_key != key)
      return fail(value, described(*node.keyword("const")) + " (\"const\")");
    if (!node.enum_keys || node.enum_keys->contains(key)) return true;
    const std::string all = to_short_text(*node.keyword("enum"), kEnumBytesMax);
    const bool is_short = all.size() <= kEnumBytesMax;
    return fail(value, (is_short ? all : "one of " + std::to_string(node.enum_keys->size()) + " values") +
                           " (\"enum\")");
  }

  bool check_number(const Node& node, const Value& value) {
    charge(value.text.size());
    if (node.minimum != nullptr && compare_numbers(value, *node.minimum) < 0)
      return fail(value, "at least " + std::string(node.minimum->text) + " (\"minimum\")");
    if (node.maximum != nullptr && compare_numbers(value, *node.maximum) > 0)
      return fail(value, "at most " + std::string(node.maximum->text) + " (\"maximum\")");
    if (node.exclusive_minimum != nullptr && compare_numbers(value, *node.exclusive_minimum) <= 0)
      return fail(value,
                  "more than " + std::string(node.exclusive_minimum->text) + " (\"exclusiveMinimum\")");
    if (node.exclusive_maximum != nullptr && compare_numbers(value, *node.exclusive_maximum) >= 0)
      return fail(value,
                  "less than " + std::string(node.exclusive_maximum->text) + " (\"exclusiveMaximum\")");
    if (node.multiple_of != nullptr && !is_multiple(value, *node.multiple_of))
      return fail(value, "a multiple of " + std::string(node.multiple_of->text) + " (\"multipleOf\")");
    return true;
  }

  bool check_string(const Node& node, const Value& value) {
    if (node.min_length || node.max_length) {
      charge(value.text.size());
      const auto characters =
          static_cast<std::uint64_t>(std::count_if(value.text.begin(), value.text.end(), [](char c) {
            return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
          }));
      if (node.min_length && characters < *node.min_length)
        return fail(value, at_least(*node.min_length, "characters", "minLength"));
      if (node.max_length && characters > *node.max_length)
        return fail(value, at_most(*node.max_length, "characters", "maxLength"));
    }
    if (!node.pattern) return true;
    const Match match = node.pattern->find_in(value.text, steps_);
    if (match == Match::kUndecided) return !stops(value);
    return match == Match::kFound ||
           fail(value, "a match of " + node.pattern->expression().substr(0, 200) + " (\"pattern\")");
  }

  bool check_array(const Node& node, const Value& value, Seen* seen) {
    const std::size_t count = value.items.size();
    if (node.min_items && count < *node.min_items)
      return fail(value, at_least(*node.min_items, "items", "minItems"));
    if (node.max_items && count > *node.max_items)
      return fail(value, at_most(*node.max_items, "items", "maxItems"));
    if (node.unique_items && !check_unique(value)) return false;
    const std::size_t tuple_count = node.has_tuple ? node.tuple.size() : 0;
    const std::size_t judged = node.items == kNoNode ? std::min(count, tuple_count) : count;
    for (std::size_t i = 0; i < judged; ++i) {
      const NodeId one = i < tuple_count ? node.tuple[i] : node.items;
      if (!below_item(one, value, i)) return false;
      if (seen != nullptr) seen->add(i);
    }
    return node.contains == kNoNode || check_contains(node, value, seen);
  }

  bool check_unique(const Value& value) {
    std::set<std::string> keys;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      std::string key = key_of(value.items[i]);
      charge(key.size());
      if (keys.insert(std::move(key)).second) continue;
      path_.push_back({{}, i, true});
      const bool never = fail(value.items[i], "an item that is not there before (\"uniqueItems\")");
      path_.pop_back();
      return never;
    }
    return true;
  }

  bool check_contains(const Node& node, const Value& value, Seen* seen) {
    const std::uint64_t least = node.min_contains.value_or(1);
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (!quietly(node.contains, value, i)) continue;
      ++found;
      if (seen != nullptr && node.draft == Draft::k2020) seen->add(i);
    }
    if (found < least)
      return fail(value, "at least " + std::to_string(least) + " items as \"contains\" has them, not " +
                             std::to_string(found));
    if (node.max_contains && found > *node.max_contains)
      return fail(value, "at most " + std::to_string(*node.max_contains) +
                             " items as \"contains\" has them, not " + std::to_string(found));
    return true;
  }

  bool quietly(NodeId id, const Value& array, std::size_t index) {
    const auto before = std::exchange(fault_, std::nullopt);
    const bool ok = below_item(id, array, index);
    fault_ = before;
    return ok;
  }

  bool check_object(const Node& node, const Value& value, Seen* seen) {
    const std::size_t count = value.items.size();
    if (node.min_properties && count < *node.min_properties)
      return fail(value, at_least(*node.min_properties, "members", "minProperties"));
    if (node.max_properties && count > *node.max_properties)
      return fail(value, at_most(*node.max_properties, "members", "maxProperties"));
    steps_.taken += node.required.size() + node.dependencies.size();
    for (const std::string& name : node.required)
      if (value.find(name) == nullptr) return fail(value, "a member \"" + name + "\" (\"required\")");
    if (judges_members(node)) {
      steps_.taken += count;
      for (std::size_t i = 0; i < count; ++i)
        if (!check_member(node, value, i, seen)) return false;
    }
    for (const Dependency& one : node.dependencies)
      if (value.find(one.name) != nullptr && !check_dependency(one, value, seen)) return false;
    return true;
  }

  static bool judges_members(const Node& node) {
    return !node.properties.empty() || !node.pattern_properties.empty() || node.property_names != kNoNode ||
           node.additional_properties != kNoNode;
  }
  bool check_member(const Node& node, const Value& object, std::size_t i, Seen* seen) {
    const std::string_view name = object.names[i];
    const Value& value = object.items[i];
    bool is_known = false;
    if (const NodeId property = node.property(name); property != kNoNode) {
      is_known = true;
      if (!below_member(property, name, value)) return false;
    }
    for (const PatternProperty& one : node.pattern_properties) {
      const Match match = one.pattern->find_in(name, steps_);
      if (stops(value)) return false;
      if (match != Match::kFound) continue;
      is_known = true;
      if (!below_member(one.node, name, value)) return false;
    }
    if (node.property_names != kNoNode) {
      Value as_value;
      as_value.kind = Value::Kind::kString;
      as_value.text = name;
      const bool ok = below_member(node.property_names, name, as_value);
      key_for_ = nullptr;  // the next one may stand at the same address
      if (!ok) return false;
    }
    if (!is_known && node.additional_properties != kNoNode) {
      const Node& additional = schema_.nodes[node.additional_properties];
      if (additional.verdict == false) {
        path_.push_back({name, 0, false});
        const bool never = fail(value, "no member of this name (\"additionalProperties\")");
        path_.pop_back();
        return never;
      }
      is_known = true;
      if (!below_member(node.additional_properties, name, value)) return false;
    }
    if (is_known && seen != nullptr) seen->add(i);
    return true;
  }

  bool check_dependency(const Dependency& one, const Value& value, Seen* seen) {
    for (const std::string& name : one.needs)
      if (value.find(name) == nullptr)
        return fail(value,
                    "a member \"" + name + "\", since there is \"" + one.name + "\" (\"dependencies\")");
    return one.node == kNoNode || check(one.node, value, seen);
  }

  bool check_combined(const Node& node, const Value& value, Seen* seen) {
    for (const NodeId one : node.all_of)
      if (!check(one, value, seen)) return false;
    if (!node.any_of.empty() && !check_some(node.any_of, value, seen, false)) return false;
    if (!node.one_of.empty() && !check_some(node.one_of, value, seen, true)) return false;
    if (node.negated != kNoNode && silent(node.negated, value, nullptr))
      return fail(value, "a value that is none of the schema under \"not\"");
    if (node.if_ == kNoNode) return true;
    const NodeId next = silent(node.if_, value, seen) ? node.then_ : node.else_;
    return next == kNoNode || check(next, value, seen);
  }

  bool silent(NodeId id, const Value& value, Seen* seen) {
    const auto before = std::exchange(fault_, std::nullopt);
    const bool ok = check(id, value, seen);
    fault_ = before;
    return ok;
  }

  // "anyOf" and "oneOf". If none fits, the fault is that of the one that came furthest into the value.
  bool check_some(const std::vector<NodeId>& all, const Value& value, Seen* seen, bool exactly_one) {
    const std::string keyword = exactly_one ? "\"oneOf\"" : "\"anyOf\"";
    const auto before = std::exchange(fault_, std::nullopt);
    const std::size_t before_steps = fault_steps_;
    std::optional<PayloadFault> nearest;
    std::size_t nearest_steps = 0, fits = 0;
    for (const NodeId one : all) {
      fault_.reset();
      if (check(one, value, seen)) {
        ++fits;
        if (!exactly_one && seen == nullptr) break;
        if (fits > 1 && exactly_one) break;
      } else if (fault_ && (!nearest || fault_steps_ > nearest_steps)) {
        nearest = std::move(fault_);
        nearest_steps = fault_steps_;
      }
      if (stopped_) break;
    }
    if (stopped_) return false;
    fault_ = before;
    fault_steps_ = before_steps;
    if (fits == 1 || (fits > 1 && !exactly_one)) return true;
    if (fits > 1)
      return fail(value, "a value of exactly one of the schemas under " + keyword + ", not of two");
    std::string expected =
        "a value of one of the " + std::to_string(all.size()) + " schemas under " + keyword;
    if (nearest && nearest_steps > path_.size()) {  // it was of the right kind, and went wrong further in
      nearest->expected += " (the nearest under " + keyword + ")";
      if (!fault_) {
        fault_ = std::move(nearest);
        fault_steps_ = nearest_steps;
      }
      return false;
    }
    return fail(value, std::move(expected));
  }

  bool check_unevaluated(const Node& node, const Value& value, Seen* seen) {
    if (seen == nullptr) return true;
    const bool is_array = value.is_array() && node.unevaluated_items != kNoNode;
    const bool is_object = value.is_object() && node.unevaluated_properties != kNoNode;
    if (!is_array && !is_object) return true;
    steps_.taken += value.items.size() / kItemsPerStep;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (seen->has(i)) continue;
      const bool ok = is_array ? below_item(node.unevaluated_items, value, i)
                               : below_member(node.unevaluated_properties, value.names[i], value.items[i]);
      if (!ok) return false;
      seen->add(i);
    }
    return true;
  }

  bool below_item(NodeId id, const Value& array, std::size_t index) {
    path_.push_back({{}, index, true});
    const bool ok = check(id, array.items[index], nullptr);
    path_.pop_back();
    return ok;
  }
  bool below_member(NodeId id, std::string_view name, const Value& value) {
    path_.push_back({name, 0, false});
    const bool ok = check(id, value, nullptr);
    path_.pop_back();
    return ok;
  }

  static std::string at_least(std::uint64_t count, const char* what, const char* keyword) {
    return "at least " + std::to_string(count) + " " + what + " (\"" + keyword + "\")";
  }
  static std::string at_most(std::uint64_t count, const char* what, const char* keyword) {
    return "at most " + std::to_string(count) + " " + what + " (\"" + keyword + "\")";
  }

  void charge(std::size_t bytes) { steps_.taken += bytes / kBytesPerStep; }

  // Returns false, so that it can be returned.
  bool fail(const Value& value, std::string expected) {
    if (fault_) return false;
    fault_ = PayloadFault{path_text(), described(value), std::move(expected)};
    fault_steps_ = path_.size();
    return false;
  }

  std::string path_text() const {
    constexpr std::size_t kBytesMax = 1000;
    std::string text;
    for (const Step& step : path_) {
      if (step.is_item)
        text += "[" + std::to_string(step.index) + "]";
      else
        text += (text.empty() ? "" : ".") + std::string(step.name.substr(0, 200));
      if (text.size() > kBytesMax) return text + "...";
    }
    return text;
  }

  const Schema& schema_;
  Steps steps_;
  std::vector<Step> path_;
  std::vector<std::uint32_t> scope_;  // resources entered, for "$dynamicRef"
  std::optional<PayloadFault> fault_;
  std::size_t fault_steps_ = 0;  // how deep in the value `fault_` is
  std::size_t depth_ = 0;
  std::optional<PayloadFault> stopped_;  // why: then it does not count what anything came to
  const Value* key_for_ = nullptr;       // whose key `key_` is: the same value is often asked for by several
  std::string key_;
};

}  // namespace

std::optional<PayloadFault> check(const Schema& schema, const Value& value, std::size_t payload_bytes) {
  return Checker(schema, payload_bytes).run(value);
}

}  // namespace forebay::schema::json
