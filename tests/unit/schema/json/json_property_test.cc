// Schemas and values drawn at random, from a fixed set of seeds. The schemas keep to what the convention
// judges truly; where it is blind (patternProperties, if, contains, defaults that nobody fills in,
// alternatives of "oneOf" that overlap), its verdict promises nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "schema/core/schema.h"

namespace forebay::schema {
namespace {

using Json = nlohmann::ordered_json;

class Drawer {
 public:
  explicit Drawer(std::uint64_t seed) : rng_(seed), newest_(seed % 2 == 0) {}

  std::size_t below(std::size_t count) { return rng_() % count; }
  bool chance(std::size_t percent) { return below(100) < percent; }

  Json schema() {
    Json all = Json::object();
    if (newest_) all["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    const Json drawn = chance(70) ? of_kind("object", 3) : part(3);
    for (const auto& [key, value] : drawn.items()) all[key] = value;
    all["definitions"] = {{"d", part(2)}};
    return all;
  }

  Json part(int depth) {
    static const std::vector<std::string> kinds = {"string", "integer", "number", "boolean", "null",
                                                   "enum",   "array",   "object", "union",   "object"};
    return of_kind(kinds[below(depth > 0 ? kinds.size() : 6)], depth);
  }

  // One small change, often a harmless one.
  void change(Json& schema) {
    std::vector<Json*> all;
    collect(schema, all);
    Json& one = *all[below(all.size())];
    if (!one.is_object()) return;
    for (const char* keyword : {"maxLength", "maximum", "maxItems"})
      if (one.contains(keyword)) {
        one[keyword] = one[keyword].get<int>() + (chance(60) ? 1 : -1);
        if (one[keyword].get<int>() < 0) one[keyword] = 0;
      }
    if (one.contains("minLength") && chance(50)) one.erase("minLength");
    if (one.contains("enum")) one["enum"].push_back("more");
    if (one.contains("anyOf") && chance(50)) one["anyOf"].push_back({{"type", "null"}});
    if (one.contains("required") && chance(50)) one.erase("required");
    if (one.contains("additionalProperties") && chance(40)) one.erase("additionalProperties");
    if (one.value("type", Json()) == "integer" && chance(50)) one["type"] = "number";
    if (!one.contains("properties")) return;
    Json& properties = one["properties"];
    if (chance(40)) properties["p" + std::to_string(below(6))] = part(1);
    if (chance(30) && !properties.empty()) properties.erase(properties.begin());
    if (chance(20)) one["additionalProperties"] = chance(50) ? Json(false) : part(0);
    keep_required_known(one);
  }

  // A value that the schema most likely takes.
  Json value(const Json& schema, const Json& root, int depth = 0) {
    if (depth > 6) return nullptr;
    if (schema.is_boolean()) return below(3);
    if (schema.contains("$ref")) return value(root["definitions"]["d"], root, depth + 1);
    if (schema.contains("enum")) return schema["enum"][below(schema["enum"].size())];
    for (const char* keyword : {"anyOf", "oneOf"})
      if (schema.contains(keyword))
        return value(schema[keyword][below(schema[keyword].size())], root, depth + 1);
    if (!schema.contains("type")) return schema.contains("not") ? Json(below(9)) : Json("any");
    const Json& type = schema["type"];
    const std::string name =
        type.is_array() ? type[below(type.size())].get<std::string>() : type.get<std::string>();
    if (name == "string") return std::string(schema.value("minLength", std::size_t{0}) + below(4), 'x');
    if (name == "integer") return static_cast<std::int64_t>(below(20)) - 3;
    if (name == "number") return chance(50) ? Json(static_cast<double>(below(20)) / 4) : Json(below(9));
    if (name == "boolean") return chance(50);
    if (name == "array") return array_of(schema, root, depth);
    if (name == "object") return object_of(schema, root, depth);
    return nullptr;
  }

  std::string spoilt(std::string text) {
    if (text.empty()) return text;
    if (chance(50)) return text.substr(0, below(text.size()));
    for (std::size_t i = 0; i < 1 + below(3); ++i) text[below(text.size())] = static_cast<char>(rng_());
    return text;
  }

 private:
  Json of_kind(const std::string& kind, int depth) {
    if (kind == "enum") return {{"enum", {"a", "b", 1 + static_cast<int>(below(2))}}};
    if (kind == "union") return union_of(depth);
    Json one = {{"type", kind}};
    if (kind == "string") {
      if (chance(40)) one["maxLength"] = 3 + below(5);
      if (chance(30)) one["minLength"] = below(3);
    } else if (kind == "integer" || kind == "number") {
      if (chance(40)) one["maximum"] = 5 + below(20);
      if (chance(20)) one["minimum"] = -static_cast<int>(below(5));
    } else if (kind == "array") {
      one["items"] = part(depth - 1);
      if (chance(40)) one["maxItems"] = 2 + below(3);
    } else if (kind == "object") {
      draw_object(one, depth);
    }
    return one;
  }

  Json union_of(int depth) {
    if (chance(30)) return {{"type", {"null", "string", "integer"}}};
    if (chance(20)) return {{"not", {{"type", chance(50) ? "string" : "object"}}}};
    // Alternatives that no value fits two of.
    Json all = {of_kind("string", 0), of_kind(chance(50) ? "integer" : "boolean", 0)};
    if (chance(60)) all.push_back(of_kind("object", depth - 1));
    return {{chance(50) ? "anyOf" : "oneOf", all}};
  }

  void draw_object(Json& one, int depth) {
    one["properties"] = Json::object();
    for (std::size_t i = 0; i < 1 + below(4); ++i)
      one["properties"]["p" + std::to_string(i)] =
          chance(12) ? Json{{"$ref", "#/definitions/d"}} : part(depth - 1);
    if (chance(30)) one["required"] = {"p0"};
    if (chance(50)) one["additionalProperties"] = chance(70) ? Json(false) : part(0);
  }

  static void keep_required_known(Json& one) {
    if (!one.contains("required")) return;
    Json left = Json::array();
    for (const Json& name : one["required"])
      if (one["properties"].contains(name.get<std::string>())) left.push_back(name);
    one["required"] = left;
  }

  void collect(Json& one, std::vector<Json*>& all) {
    if (!one.is_object() && !one.is_array()) return;
    if (one.is_object()) all.push_back(&one);
    for (const char* keyword : {"items", "additionalProperties", "not"})
      if (one.is_object() && one.contains(keyword)) collect(one[keyword], all);
    for (const char* keyword : {"properties", "definitions", "anyOf", "oneOf"})
      if (one.is_object() && one.contains(keyword))
        for (auto& below_it : one[keyword]) collect(below_it, all);
  }

  Json array_of(const Json& schema, const Json& root, int depth) {
    Json all = Json::array();
    for (std::size_t i = 0; i < below(3); ++i)
      all.push_back(value(schema.value("items", Json(true)), root, depth + 1));
    return all;
  }

  Json object_of(const Json& schema, const Json& root, int depth) {
    Json all = Json::object();
    const Json required = schema.value("required", Json::array());
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [name, one] : properties.items())
      if (std::find(required.begin(), required.end(), name) != required.end() || chance(70))
        all[name] = value(one, root, depth + 1);
    const Json rest = schema.value("additionalProperties", Json(true));
    if (rest != Json(false) && chance(50)) all["p" + std::to_string(below(6))] = value(rest, root, depth + 1);
    return all;
  }

  std::mt19937_64 rng_;
  const bool newest_;
};

SchemaPtr parsed(const Json& schema) {
  auto result = parse_schema(Format::kJson, schema.dump());
  EXPECT_TRUE(result) << result.error().to_string() << "\n" << schema.dump();
  return result ? *result : nullptr;
}

constexpr std::uint64_t kSeeds = 1500;
const CompatibilityPolicy kLenient{CompatibilityPolicy::Json::kLenient};

TEST(JsonProperty, ASchemaIsCompatibleWithItselfAndItsTextsAreItsOwn) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const Json drawn = Drawer(seed).schema();
    const SchemaPtr schema = parsed(drawn);
    ASSERT_TRUE(schema);
    EXPECT_TRUE(schema->differences(*schema, {}).empty()) << drawn;
    const SchemaPtr again = *parse_schema(Format::kJson, schema->canonical_text());
    EXPECT_EQ(again->canonical_text(), schema->canonical_text());
    const SchemaPtr sorted = *parse_schema(Format::kJson, schema->normalized_text());
    EXPECT_EQ(sorted->canonical_text(), schema->normalized_text());
    EXPECT_EQ(nlohmann::json::parse(schema->canonical_text()).dump(), schema->normalized_text());
    EXPECT_TRUE(sorted->differences(*schema, {}).empty()) << drawn;
    EXPECT_TRUE(schema->differences(*sorted, kLenient).empty()) << drawn;
  }
}

TEST(JsonProperty, WhatACompatibleWriterWritesIsRead) {
  std::size_t compatible = 0, incompatible = 0, changed = 0, values = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Drawer drawer(seed);
    const Json before = drawer.schema();
    Json after = before;
    for (std::size_t i = 0; i < 2 + drawer.below(6); ++i) drawer.change(after);
    const SchemaPtr writer = parsed(before), reader = parsed(after);
    ASSERT_TRUE(writer && reader);
    const auto found = reader->differences(*writer, {});
    EXPECT_TRUE(!found.empty() || reader->differences(*writer, kLenient).empty()) << "lenient allows more";
    found.empty() ? ++compatible : ++incompatible;
    if (found.empty() && after != before) ++changed;
    if (!found.empty()) continue;
    for (int i = 0; i < 30; ++i) {
      const std::string payload = drawer.value(before, before).dump();
      if (writer->check(as_bytes(payload))) continue;
      ++values;
      const auto fault = reader->check(as_bytes(payload));
      ASSERT_FALSE(fault) << "writer " << before << "\nreader " << after << "\npayload " << payload << "\nat "
                          << fault->path << ": " << fault->found << ", not " << fault->expected;
    }
  }
  EXPECT_GT(compatible, kSeeds / 4);
  EXPECT_GT(incompatible, kSeeds / 4);
  EXPECT_GT(changed, kSeeds / 4) << "compatible, and not the same";
  EXPECT_GT(values, kSeeds);
}

TEST(JsonProperty, SpoiltTextsAndPayloadsAreAnswered) {
  std::size_t refused = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    Drawer drawer(seed);
    const Json drawn = drawer.schema();
    const SchemaPtr schema = parsed(drawn);
    for (int i = 0; i < 5; ++i) {
      const std::string payload = drawer.spoilt(drawer.value(drawn, drawn).dump());
      const auto fault = schema->check(as_bytes(payload));
      EXPECT_EQ(schema->to_json(as_bytes(payload)).has_value(), !fault);
      if (fault) ++refused;
      const auto text = drawer.spoilt(drawn.dump());
      const auto other = parse_schema(Format::kJson, text);
      EXPECT_TRUE(!other || (*other)->differences(**other, {}).empty()) << text;
    }
  }
  EXPECT_GT(refused, kSeeds);
}

}  // namespace
}  // namespace forebay::schema
