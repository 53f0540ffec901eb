#include "schema/core/json/json_rules.h"

#include <array>

namespace forebay::schema::json {
namespace {

constexpr std::array kRules = {
    Rule{"TYPE_CHANGED", false, "the type of the writer, a union with it, or no type at all"},
    Rule{"TYPE_NARROWED", false, "number, as in the writer"},
    Rule{"SCHEMA_ADDED", false, "no schema there, as in the writer"},
    Rule{"MAX_LENGTH_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MAX_LENGTH_DECREASED", false, "the same value or a larger one, or none"},
    Rule{"MIN_LENGTH_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MIN_LENGTH_INCREASED", false, "the same value or a smaller one, or none"},
    Rule{"PATTERN_ADDED", false, "no pattern, as in the writer"},
    Rule{"PATTERN_CHANGED", false, "the same pattern, or none"},
    Rule{"MAXIMUM_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MAXIMUM_DECREASED", false, "the same value or a larger one, or none"},
    Rule{"MINIMUM_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MINIMUM_INCREASED", false, "the same value or a smaller one, or none"},
    Rule{"EXCLUSIVE_MAXIMUM_ADDED", false, "no such keyword, as in the writer"},
    Rule{"EXCLUSIVE_MAXIMUM_DECREASED", false, "the same value or a larger one, or none"},
    Rule{"EXCLUSIVE_MINIMUM_ADDED", false, "no such keyword, as in the writer"},
    Rule{"EXCLUSIVE_MINIMUM_INCREASED", false, "the same value or a smaller one, or none"},
    Rule{"MULTIPLE_OF_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MULTIPLE_OF_EXPANDED", false, "the same number, one that divides it, or none"},
    Rule{"MULTIPLE_OF_CHANGED", false, "the same number, one that divides it, or none"},
    Rule{"REQUIRED_ATTRIBUTE_ADDED", false, "an optional property, or one with a default"},
    Rule{"MAX_PROPERTIES_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MAX_PROPERTIES_DECREASED", false, "the same value or a larger one, or none"},
    Rule{"MIN_PROPERTIES_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MIN_PROPERTIES_INCREASED", false, "the same value or a smaller one, or none"},
    Rule{"ADDITIONAL_PROPERTIES_REMOVED", true,
         "additional properties, as the writer permits them (the lenient policy lets them go)"},
    Rule{"ADDITIONAL_PROPERTIES_NARROWED", true,
         "additional properties of any kind, as the writer permits them (the lenient policy lets them be "
         "narrowed)"},
    Rule{"DEPENDENCY_ARRAY_ADDED", false, "no such dependency, as in the writer"},
    Rule{"DEPENDENCY_ARRAY_EXTENDED", false, "the same names or fewer"},
    Rule{"DEPENDENCY_ARRAY_CHANGED", false, "the same names or fewer"},
    Rule{"DEPENDENCY_SCHEMA_ADDED", false, "no such dependency, as in the writer"},
    Rule{"REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", false,
         "since the writer is open, it may have sent the property with any value: no such property, or one "
         "of any kind ({}); under the lenient policy also an optional one"},
    Rule{"REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL", true,
         "since the writer is open, it may have sent the property with any value: no such property, or one "
         "of any kind ({}), or the lenient policy"},
    Rule{"OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL", true,
         "since the writer is open, it may have sent the property with any value: no such property, or one "
         "of any kind ({}), or the lenient policy"},
    Rule{"REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL", false,
         "an optional property, or one with a default"},
    Rule{"PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL", false,
         "the property of the writer, or additional properties that permit it"},
    Rule{"PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", true,
         "the property of the writer, or additional properties whose schema takes it"},
    Rule{"PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", true,
         "a property whose schema takes what the additional properties of the writer are"},
    Rule{"UNEVALUATED_PROPERTIES_REMOVED", false, "unevaluated properties, as the writer permits them"},
    Rule{"UNEVALUATED_PROPERTIES_NARROWED", false,
         "unevaluated properties of any kind, as the writer permits them"},
    Rule{"MAX_ITEMS_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MAX_ITEMS_DECREASED", false, "the same value or a larger one, or none"},
    Rule{"MIN_ITEMS_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MIN_ITEMS_INCREASED", false, "the same value or a smaller one, or none"},
    Rule{"MAX_CONTAINS_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MAX_CONTAINS_DECREASED", false, "the same value or a larger one, or none"},
    Rule{"MIN_CONTAINS_ADDED", false, "no such keyword, as in the writer"},
    Rule{"MIN_CONTAINS_INCREASED", false, "the same value or a smaller one, or none"},
    Rule{"UNIQUE_ITEMS_ADDED", false, "items that may be there twice, as in the writer"},
    Rule{"ADDITIONAL_ITEMS_REMOVED", false, "additional items, as the writer permits them"},
    Rule{"ADDITIONAL_ITEMS_NARROWED", false, "additional items of any kind, as the writer permits them"},
    Rule{"UNEVALUATED_ITEMS_REMOVED", false, "unevaluated items, as the writer permits them"},
    Rule{"UNEVALUATED_ITEMS_NARROWED", false, "unevaluated items of any kind, as the writer permits them"},
    Rule{"ITEM_ADDED_TO_OPEN_CONTENT_MODEL", false,
         "since the writer is open, it may have sent anything at that place: no schema for it, or one of any "
         "kind ({})"},
    Rule{"ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL", false,
         "the item of the writer, or additional items that permit it"},
    Rule{"ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", false,
         "the item of the writer, or additional items whose schema takes it"},
    Rule{"ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL", false,
         "an item whose schema takes what the additional items of the writer are"},
    Rule{"ENUM_ARRAY_NARROWED", false, "all values of the writer, and more"},
    Rule{"ENUM_ARRAY_CHANGED", false, "all values of the writer, and more"},
    Rule{"COMBINED_TYPE_CHANGED", false,
         "the same keyword, or anyOf; oneOf and allOf only of a single schema"},
    Rule{"PRODUCT_TYPE_EXTENDED", false, "the same number of schemas under allOf, or fewer"},
    Rule{"SUM_TYPE_NARROWED", false, "the same number of schemas under anyOf or oneOf, or more"},
    Rule{"COMBINED_TYPE_SUBSCHEMAS_CHANGED", false,
         "for each schema of the writer one of its own that reads it"},
    Rule{"NOT_TYPE_EXTENDED", false, "a schema under not that takes no more than that of the writer"},
    Rule{"COMPARISON_TOO_LARGE", false,
         "schemas with fewer alternatives, patterns or less depth, so that the comparison ends in time"},
};

}  // namespace

std::span<const Rule> rules() { return kRules; }

const Rule* rule_named(std::string_view name) {
  for (const Rule& one : kRules)
    if (one.name == name) return &one;
  return nullptr;
}

}  // namespace forebay::schema::json
