#include "schema/core/json/json_keywords.h"

#include <algorithm>
#include <array>
#include <set>

namespace forebay::schema::json {
namespace {

enum class Shape : std::uint8_t {
  kSchema,
  kSchemaOrBool,
  kItems,
  kSchemas,
  kMembers,
  kDependencies,
  kNames,  // an array of strings, each once
  kNeeds,  // an object of kNames
  kCount,
  kNumber,
  kPositive,
  kLimit,  // draft 4: a boolean; since 6: a number
  kBoolean,
  kString,
  kPattern,
  kType,
  kEnum,
};

struct Keyword {
  std::string_view name;
  Shape shape;
  Draft from, to;
};

constexpr Draft kFirst = Draft::k4, kLast = Draft::k2020;
constexpr std::array kKeywords = {
    Keyword{"$ref", Shape::kString, kFirst, kLast},
    Keyword{"id", Shape::kString, kFirst, Draft::k4},
    Keyword{"$id", Shape::kString, Draft::k6, kLast},
    Keyword{"$schema", Shape::kString, kFirst, kLast},
    Keyword{"$anchor", Shape::kString, Draft::k2019, kLast},
    Keyword{"$recursiveRef", Shape::kString, Draft::k2019, Draft::k2019},
    Keyword{"$recursiveAnchor", Shape::kBoolean, Draft::k2019, Draft::k2019},
    Keyword{"$dynamicRef", Shape::kString, Draft::k2020, kLast},
    Keyword{"$dynamicAnchor", Shape::kString, Draft::k2020, kLast},
    Keyword{"$comment", Shape::kString, Draft::k7, kLast},
    Keyword{"title", Shape::kString, kFirst, kLast},
    Keyword{"description", Shape::kString, kFirst, kLast},
    Keyword{"format", Shape::kString, kFirst, kLast},
    Keyword{"definitions", Shape::kMembers, kFirst, kLast},
    Keyword{"$defs", Shape::kMembers, Draft::k2019, kLast},
    Keyword{"type", Shape::kType, kFirst, kLast},
    Keyword{"enum", Shape::kEnum, kFirst, kLast},
    Keyword{"minimum", Shape::kNumber, kFirst, kLast},
    Keyword{"maximum", Shape::kNumber, kFirst, kLast},
    Keyword{"exclusiveMinimum", Shape::kLimit, kFirst, kLast},
    Keyword{"exclusiveMaximum", Shape::kLimit, kFirst, kLast},
    Keyword{"multipleOf", Shape::kPositive, kFirst, kLast},
    Keyword{"minLength", Shape::kCount, kFirst, kLast},
    Keyword{"maxLength", Shape::kCount, kFirst, kLast},
    Keyword{"pattern", Shape::kPattern, kFirst, kLast},
    Keyword{"minItems", Shape::kCount, kFirst, kLast},
    Keyword{"maxItems", Shape::kCount, kFirst, kLast},
    Keyword{"uniqueItems", Shape::kBoolean, kFirst, kLast},
    Keyword{"minContains", Shape::kCount, Draft::k2019, kLast},
    Keyword{"maxContains", Shape::kCount, Draft::k2019, kLast},
    Keyword{"minProperties", Shape::kCount, kFirst, kLast},
    Keyword{"maxProperties", Shape::kCount, kFirst, kLast},
    Keyword{"required", Shape::kNames, kFirst, kLast},
    Keyword{"dependentRequired", Shape::kNeeds, Draft::k2019, kLast},
    Keyword{"dependencies", Shape::kDependencies, kFirst, Draft::k7},
    Keyword{"dependentSchemas", Shape::kMembers, Draft::k2019, kLast},
    Keyword{"properties", Shape::kMembers, kFirst, kLast},
    Keyword{"patternProperties", Shape::kMembers, kFirst, kLast},
    Keyword{"additionalProperties", Shape::kSchemaOrBool, kFirst, kLast},
    Keyword{"propertyNames", Shape::kSchema, Draft::k6, kLast},
    Keyword{"unevaluatedProperties", Shape::kSchema, Draft::k2019, kLast},
    Keyword{"items", Shape::kItems, kFirst, Draft::k2019},
    Keyword{"items", Shape::kSchema, Draft::k2020, kLast},
    Keyword{"prefixItems", Shape::kSchemas, Draft::k2020, kLast},
    Keyword{"additionalItems", Shape::kSchemaOrBool, kFirst, Draft::k2019},
    Keyword{"contains", Shape::kSchema, Draft::k6, kLast},
    Keyword{"unevaluatedItems", Shape::kSchema, Draft::k2019, kLast},
    Keyword{"allOf", Shape::kSchemas, kFirst, kLast},
    Keyword{"anyOf", Shape::kSchemas, kFirst, kLast},
    Keyword{"oneOf", Shape::kSchemas, kFirst, kLast},
    Keyword{"not", Shape::kSchema, kFirst, kLast},
    Keyword{"if", Shape::kSchema, Draft::k7, kLast},
    Keyword{"then", Shape::kSchema, Draft::k7, kLast},
    Keyword{"else", Shape::kSchema, Draft::k7, kLast},
    Keyword{"contentSchema", Shape::kSchema, Draft::k2019, kLast},
};

const Keyword* keyword_named(std::string_view name, Draft draft) {
  for (const Keyword& one : kKeywords)
    if (one.name == name && one.from <= draft && draft <= one.to) return &one;
  return nullptr;
}

bool is_schema(const Value& value, Draft draft) {
  return value.is_object() || (value.is_boolean() && draft >= Draft::k6);
}

// What is wrong with the value of a keyword; empty: nothing.
using Wrong = std::string;

Wrong wrong_names(const Value& value) {
  if (!value.is_array()) return "an array of strings";
  std::set<std::string_view> names;
  for (const Value& one : value.items)
    if (!one.is_string() || !names.insert(one.text).second) return "an array of strings, each of them once";
  return {};
}

Wrong wrong_type(const Value& value) {
  static const std::string right =
      "one of \"null\", \"boolean\", \"integer\", \"number\", \"string\", \"array\", \"object\"";
  const auto is_known = [](const Value& one) {
    return one.is_string() && std::any_of(kTypeNames.begin(), kTypeNames.end(),
                                          [&](const TypeName& type) { return one.text == type.name; });
  };
  if (!value.is_array()) return is_known(value) ? Wrong{} : right;
  if (value.items.empty()) return right + ", or an array of some of them";
  std::set<std::string_view> names;
  for (const Value& one : value.items)
    if (!is_known(one) || !names.insert(one.text).second) return "an array of types, each once: " + right;
  return {};
}

Wrong wrong_count(const Value& value) {
  const bool is_count = value.is_number() && value.number >= 0 && value.number <= 9e15 &&
                        value.number == static_cast<double>(static_cast<std::uint64_t>(value.number));
  return is_count ? Wrong{} : "a whole number, 0 or more";
}

Wrong wrong_members(const Value& value, Draft draft, bool or_names) {
  if (!value.is_object()) return "an object of schemas";
  for (std::size_t i = 0; i < value.items.size(); ++i)
    if (!is_schema(value.items[i], draft) && !(or_names && wrong_names(value.items[i]).empty()))
      return "an object of schemas, but \"" + std::string(value.names[i].substr(0, 100)) + "\" is " +
             described(value.items[i]);
  return {};
}

Wrong wrong_needs(const Value& value) {
  if (!value.is_object()) return "an object of arrays of strings";
  for (const Value& one : value.items)
    if (!wrong_names(one).empty()) return "an object of arrays of strings, each of them once";
  return {};
}

Wrong wrong_schemas(const Value& value, Draft draft) {
  const bool right = value.is_array() && !value.items.empty() &&
                     std::all_of(value.items.begin(), value.items.end(),
                                 [&](const Value& one) { return is_schema(one, draft); });
  return right ? Wrong{} : "an array of schemas, at least one";
}

Wrong wrong(const Value& value, Shape shape, Draft draft) {
  const std::string schema =
      draft >= Draft::k6 ? "a schema: an object, true or false" : "a schema: an object";
  switch (shape) {
    case Shape::kSchema:
      return is_schema(value, draft) ? Wrong{} : schema;
    case Shape::kSchemaOrBool:
      return value.is_object() || value.is_boolean() ? Wrong{} : "a schema: an object, true or false";
    case Shape::kItems: {
      const bool is_tuple =
          value.is_array() && std::all_of(value.items.begin(), value.items.end(),
                                          [&](const Value& one) { return is_schema(one, draft); });
      return is_schema(value, draft) || is_tuple ? Wrong{} : schema + ", or an array of schemas";
    }
    case Shape::kSchemas:
      return wrong_schemas(value, draft);
    case Shape::kMembers:
      return wrong_members(value, draft, false);
    case Shape::kDependencies:
      return wrong_members(value, draft, true);
    case Shape::kNames:
      return wrong_names(value);
    case Shape::kNeeds:
      return wrong_needs(value);
    case Shape::kCount:
      return wrong_count(value);
    case Shape::kNumber:
      return value.is_number() ? Wrong{} : "a number";
    case Shape::kPositive:
      return value.is_number() && value.number > 0 ? Wrong{} : "a number above 0";
    case Shape::kLimit:
      if (draft == Draft::k4) return value.is_boolean() ? Wrong{} : "true or false (a number since draft 6)";
      return value.is_number() ? Wrong{} : "a number (true and false are of draft 4)";
    case Shape::kBoolean:
      return value.is_boolean() ? Wrong{} : "true or false";
    case Shape::kString:
    case Shape::kPattern:
      return value.is_string() ? Wrong{} : "a string";
    case Shape::kType:
      return wrong_type(value);
    case Shape::kEnum:
      return value.is_array() ? Wrong{} : "an array of values";
  }
  return {};
}

struct DraftUri {
  std::string_view uri;
  Draft draft;
};
constexpr std::array kDraftUris = {
    DraftUri{"http://json-schema.org/draft-04/schema", Draft::k4},
    DraftUri{"http://json-schema.org/draft-06/schema", Draft::k6},
    DraftUri{"http://json-schema.org/draft-07/schema", Draft::k7},
    DraftUri{"https://json-schema.org/draft/2019-09/schema", Draft::k2019},
    DraftUri{"https://json-schema.org/draft/2020-12/schema", Draft::k2020},
};

}  // namespace

std::optional<Draft> draft_named(std::string_view uri) {
  if (uri.ends_with('#')) uri.remove_suffix(1);
  if (uri == "http://json-schema.org/schema")
    return Draft::k7;                            // "the newest", as it was when that was in use
  const auto rest = [](std::string_view text) {  // http and https are the same here
    return text.substr(std::min(text.find("://"), text.size()));
  };
  for (const DraftUri& one : kDraftUris)
    if (uri.starts_with("http") && rest(uri) == rest(one.uri)) return one.draft;
  return std::nullopt;
}

std::string draft_uris() {
  std::string all;
  for (const DraftUri& one : kDraftUris) all += (all.empty() ? "" : ", ") + std::string(one.uri);
  return all;
}

std::string_view meta_schema_uri(Draft draft) {
  for (const DraftUri& one : kDraftUris)
    if (one.draft == draft) return one.uri;
  return {};
}

Holds holds(std::string_view name, Draft draft) {
  const Keyword* keyword = keyword_named(name, draft);
  if (keyword == nullptr) return Holds::kNothing;
  switch (keyword->shape) {
    case Shape::kSchema:
      return Holds::kSchema;
    case Shape::kSchemaOrBool:
      return Holds::kSchemaOrBool;
    case Shape::kItems:
      return Holds::kItems;
    case Shape::kSchemas:
      return Holds::kSchemas;
    case Shape::kMembers:
      return Holds::kMembers;
    case Shape::kDependencies:
      return Holds::kDependencies;
    default:
      return Holds::kNothing;
  }
}

Result<void> check_keywords(const Value& schema, Draft draft, const std::string& pointer) {
  for (std::size_t i = 0; i < schema.items.size(); ++i) {
    const Keyword* keyword = keyword_named(schema.names[i], draft);
    if (keyword == nullptr) continue;
    const Wrong expected = wrong(schema.items[i], keyword->shape, draft);
    if (!expected.empty())
      return Error{ErrorCode::kInvalidArgument, "at " + place_of(pointer + pointer_step(schema.names[i])) +
                                                    ": " + described(schema.items[i]) + "; it must be " +
                                                    expected};
  }
  return {};
}

}  // namespace forebay::schema::json
