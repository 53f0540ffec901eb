// The strict policy: each row both ways, as other registries judge it and by the names that they use.
#include "json_compatibility_case.h"

#include <set>

#include "schema/core/json/json_rules.h"

namespace forebay::schema {
namespace {

std::vector<CompatibilityCase>& all_cases() {
  static std::vector<CompatibilityCase> all;
  return all;
}

class JsonCompatibility : public testing::TestWithParam<CompatibilityCase> {};

TEST_P(JsonCompatibility, IsJudgedBothWays) { expect_judged(GetParam(), {}); }

std::vector<CompatibilityCase> counted(std::vector<CompatibilityCase> some) {
  all_cases().insert(all_cases().end(), some.begin(), some.end());
  return some;
}

INSTANTIATE_TEST_SUITE_P(
    Types, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'type':'string'}", "{'type':'string'}", "", ""},
         {"{'type':'string'}", "{'type':'number'}", "TYPE_CHANGED", "TYPE_CHANGED"},
         {"{'type':'string'}", "{'type':'boolean'}", "TYPE_CHANGED", "TYPE_CHANGED"},
         {"{'type':'null'}", "{'type':'boolean'}", "TYPE_CHANGED", "TYPE_CHANGED"},
         {"{'type':'object'}", "{'type':'array'}", "TYPE_CHANGED", "TYPE_CHANGED"},
         {"{'type':'integer'}", "{'type':'number'}", "", "TYPE_NARROWED"},
         {"{'type':'integer'}", "{'type':'string'}", "TYPE_CHANGED", "TYPE_CHANGED"},
         {"{'type':'string'}", "{}", "", "TYPE_CHANGED"},
         {"{'type':'object'}", "true", "", "TYPE_CHANGED"},
         {"false", "{'type':'object'}", "", "TYPE_CHANGED"},
         {"false", "true", "", "TYPE_CHANGED"},
         {"true", "{}", "", ""},
         {"{}", "{'properties':{}}", "TYPE_CHANGED", ""},
         {"{'type':'string'}", "{'enum':['a']}", "TYPE_CHANGED", "TYPE_CHANGED"},
         {"{'type':'null'}",
          "{'type':'null','title':'t','description':'d','$id':'http://a.b/c','default':null}", "", ""},
         {"{'type':'string'}", "{'type':['string']}", "", ""},
         {"{'type':'string'}", "{'type':['string','null']}", "", "TYPE_CHANGED"},
         {"{'type':['string','null']}", "{'type':['null','string']}", "", ""},
         {"{'type':['string','null']}", "{'type':['null','string','boolean']}", "", "SUM_TYPE_NARROWED"},
         {"{'type':['string','null']}", "{'type':['null','boolean']}", "COMBINED_TYPE_SUBSCHEMAS_CHANGED",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'type':['integer','null']}", "{'type':['null','number']}", "",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'type':['string','null'],'maxLength':3}", "{'type':['null','string'],'maxLength':5}", "",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'type':'string','connect.type':'bytes'}", "{'type':'number','connect.type':'bytes'}", "", ""},
         {"{'type':'string','connect.type':'bytes'}", "{'type':'number'}", "TYPE_CHANGED", "TYPE_CHANGED"},
         {"{'minLength':1}", "{'type':'string','minLength':1}", "", ""},
         {"{'type':'number','minLength':1}", "{'type':'number'}", "", "TYPE_CHANGED"}})));

INSTANTIATE_TEST_SUITE_P(
    Strings, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'type':'string'}", "{'type':'string','maxLength':3}", "MAX_LENGTH_ADDED /maxLength", ""},
         {"{'type':'string','maxLength':3}", "{'type':'string','maxLength':5}", "",
          "MAX_LENGTH_DECREASED /maxLength"},
         {"{'type':'string','maxLength':3}", "{'type':'string','maxLength':3}", "", ""},
         {"{'type':'string'}", "{'type':'string','minLength':3}", "MIN_LENGTH_ADDED /minLength", ""},
         {"{'type':'string','minLength':3}", "{'type':'string','minLength':5}",
          "MIN_LENGTH_INCREASED /minLength", ""},
         {"{'type':'string','minLength':3}", "{'type':'string','minLength':3}", "", ""},
         {"{'type':'string'}", "{'type':'string','pattern':'a'}", "PATTERN_ADDED /pattern", ""},
         {"{'type':'string','pattern':'a'}", "{'type':'string','pattern':'b'}", "PATTERN_CHANGED /pattern",
          "PATTERN_CHANGED /pattern"},
         {"{'type':'string','pattern':'a'}", "{'type':'string','pattern':'a'}", "", ""},
         {"{'type':'string'}", "{'type':'string','format':'date'}", "", ""},
         {"{'type':'string','maxLength':3}", "{'type':'string','maxLength':2,'minLength':1,'pattern':'a'}",
          "MAX_LENGTH_DECREASED /maxLength; MIN_LENGTH_ADDED /minLength; PATTERN_ADDED /pattern", ""}})));

INSTANTIATE_TEST_SUITE_P(
    Numbers, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'type':'number'}", "{'type':'number','maximum':1}", "MAXIMUM_ADDED /maximum", ""},
         {"{'type':'number','maximum':1}", "{'type':'number','maximum':1.5}", "",
          "MAXIMUM_DECREASED /maximum"},
         {"{'type':'number','maximum':1}", "{'type':'number','maximum':1}", "", ""},
         {"{'type':'number'}", "{'type':'number','minimum':1}", "MINIMUM_ADDED /minimum", ""},
         {"{'type':'number','minimum':1}", "{'type':'number','minimum':1.5}", "MINIMUM_INCREASED /minimum",
          ""},
         {"{'type':'number','minimum':1}", "{'type':'number','minimum':1}", "", ""},
         {"{'type':'number'}", "{'type':'number','exclusiveMaximum':1}",
          "EXCLUSIVE_MAXIMUM_ADDED /exclusiveMaximum", ""},
         {"{'type':'number','exclusiveMaximum':1}", "{'type':'number','exclusiveMaximum':1.5}", "",
          "EXCLUSIVE_MAXIMUM_DECREASED /exclusiveMaximum"},
         {"{'type':'number','exclusiveMaximum':1}", "{'type':'number','exclusiveMaximum':1}", "", ""},
         {"{'type':'number'}", "{'type':'number','exclusiveMinimum':1}",
          "EXCLUSIVE_MINIMUM_ADDED /exclusiveMinimum", ""},
         {"{'type':'number','exclusiveMinimum':1}", "{'type':'number','exclusiveMinimum':1.5}",
          "EXCLUSIVE_MINIMUM_INCREASED /exclusiveMinimum", ""},
         {"{'type':'number','exclusiveMinimum':1}", "{'type':'number','exclusiveMinimum':1}", "", ""},
         {"{'type':'number'}", "{'type':'number','multipleOf':2}", "MULTIPLE_OF_ADDED /multipleOf", ""},
         {"{'type':'number','multipleOf':2}", "{'type':'number','multipleOf':10}",
          "MULTIPLE_OF_EXPANDED /multipleOf", ""},
         {"{'type':'number','multipleOf':0.1}", "{'type':'number','multipleOf':0.01}", "",
          "MULTIPLE_OF_EXPANDED /multipleOf"},
         {"{'type':'number','multipleOf':2}", "{'type':'number','multipleOf':3}",
          "MULTIPLE_OF_CHANGED /multipleOf", "MULTIPLE_OF_CHANGED /multipleOf"},
         {"{'type':'number','multipleOf':2}", "{'type':'number','multipleOf':2.0}", "", ""},
         {"{'type':'integer','maximum':5}", "{'type':'number','maximum':6}", "",
          "MAXIMUM_DECREASED /maximum; TYPE_NARROWED"},
         {"{'type':'integer','maximum':9007199254740993}", "{'type':'integer','maximum':9007199254740992}",
          "MAXIMUM_DECREASED /maximum", ""},
         {"{'$schema':'http://json-schema.org/draft-04/schema#','type':'number','minimum':1}",
          "{'$schema':'http://json-schema.org/draft-04/"
          "schema#','type':'number','minimum':1,'exclusiveMinimum':true}",
          "EXCLUSIVE_MINIMUM_ADDED /exclusiveMinimum", ""},
         {"{'$schema':'http://json-schema.org/draft-04/"
          "schema#','type':'number','maximum':1,'exclusiveMaximum':true}",
          "{'$schema':'http://json-schema.org/draft-04/"
          "schema#','type':'number','maximum':2,'exclusiveMaximum':true}",
          "", "MAXIMUM_DECREASED /maximum; EXCLUSIVE_MAXIMUM_DECREASED /exclusiveMaximum"},
         {"{'$schema':'http://json-schema.org/draft-04/schema#','type':'string','maxLength':3}",
          "{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'string','maxLength':3}", "",
          ""}})));

INSTANTIATE_TEST_SUITE_P(
    EnumsAndConsts, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'enum':['a']}", "{'enum':['a','b']}", "", "ENUM_ARRAY_NARROWED /enum"},
         {"{'enum':['a','b']}", "{'enum':['b','a']}", "", ""},
         {"{'enum':['a','b']}", "{'enum':['b','c']}", "ENUM_ARRAY_CHANGED /enum", "ENUM_ARRAY_CHANGED /enum"},
         {"{'enum':[1]}", "{'enum':[1.0]}", "", ""},
         {"{'enum':[{'a':1,'b':2}]}", "{'enum':[{'b':2,'a':1}]}", "", ""},
         {"{'enum':[1]}", "{'enum':['1']}", "ENUM_ARRAY_CHANGED /enum", "ENUM_ARRAY_CHANGED /enum"},
         {"{'type':'string','enum':['a']}", "{'type':'string','enum':['a','b']}", "",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'type':'string','enum':['a']}", "{'type':'string'}", "", "TYPE_CHANGED"},
         {"{'type':'string','enum':['a']}", "{'enum':['a']}", "", "TYPE_CHANGED"},
         {"{'const':1}", "{'const':1}", "", ""},
         {"{'const':1}", "{'const':2}", "ENUM_ARRAY_CHANGED /const", "ENUM_ARRAY_CHANGED /const"},
         {"{'const':1}", "{'enum':[1]}", "TYPE_CHANGED", "TYPE_CHANGED"},
         {"{'const':1}", "{}", "", "TYPE_CHANGED"},
         {"{'not':{'type':'number'}}", "{'not':{'type':'integer'}}", "", "NOT_TYPE_EXTENDED /not"},
         {"{'not':{'type':'number'}}", "{'not':{'type':'number'}}", "", ""},
         {"{'not':{'type':'string'}}", "{'not':{'type':'number'}}", "NOT_TYPE_EXTENDED /not",
          "NOT_TYPE_EXTENDED /not"},
         {"{'not':{'type':'string','maxLength':3}}", "{'not':{'type':'string','maxLength':2}}", "",
          "NOT_TYPE_EXTENDED /not"},
         {"{'not':{'not':{'type':'integer'}}}", "{'not':{'not':{'type':'number'}}}", "",
          "NOT_TYPE_EXTENDED /not"},
         {"{'not':{'properties':{'a':{'type':'integer'}},'additionalProperties':false}}",
          "{'not':{'properties':{},'additionalProperties':false}}", "", "NOT_TYPE_EXTENDED /not"},
         {"{'if':{'type':'string'},'then':{'maxLength':3}}",
          "{'if':{'type':'string'},'then':{'maxLength':2}}", "", ""},
         {"{'type':'string'}", "{'not':{'type':'string'}}", "TYPE_CHANGED", "TYPE_CHANGED"}})));

INSTANTIATE_TEST_SUITE_P(
    Properties, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'properties':{'a':{'type':'string'}}}", "{'properties':{'a':{'type':'string'}}}", "", ""},
         {"{'properties':{'a':{'type':'string'}}}", "{'properties':{'a':{'type':'integer'}}}",
          "TYPE_CHANGED /properties/a", "TYPE_CHANGED /properties/a"},
         {"{'properties':{'a':{'type':'integer'}}}", "{'properties':{'a':{'type':'number'}}}", "",
          "TYPE_NARROWED /properties/a"},
         {"{'properties':{}}", "{'properties':{'a':{'type':'string'}}}",
          "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL /properties/a", ""},
         {"{'properties':{}}", "{'properties':{'a':{'type':'string'}},'required':['a']}",
          "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL /properties/a", ""},
         {"{'properties':{}}", "{'properties':{'a':{'type':'string','default':''}},'required':['a']}",
          "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL /properties/a", ""},
         {"{'properties':{}}", "{'properties':{'a':{}}}", "", ""},
         {"{'properties':{}}", "{'properties':{'a':true},'required':['a']}", "", ""},
         {"{'properties':{},'additionalProperties':false}",
          "{'properties':{'a':{'type':'string'}},'additionalProperties':false}", "",
          "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/a"},
         {"{'properties':{},'additionalProperties':false}",
          "{'properties':{'a':{'type':'string'}},'additionalProperties':false,'required':['a']}",
          "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL /properties/a",
          "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/a"},
         {"{'properties':{},'additionalProperties':false}",
          "{'properties':{'a':{'type':'string','default':''}},'additionalProperties':false,'required':['a']}",
          "", "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/a"},
         {"{'properties':{},'additionalProperties':false}",
          "{'properties':{'a':false},'additionalProperties':false}", "", ""},
         {"{'properties':{},'additionalProperties':false}", "{'properties':{'a':{'type':'string'}}}", "",
          "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/a; ADDITIONAL_PROPERTIES_REMOVED "
          "/additionalProperties"},
         {"{'properties':{'a':{'type':'string'}},'additionalProperties':false}",
          "{'properties':{'b':{'type':'string'}},'additionalProperties':false}",
          "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/a",
          "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/b"},
         {"{'properties':{'a':{'type':'string'}}}", "{'properties':{'b':{'type':'string'}}}",
          "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL /properties/b",
          "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL /properties/a"},
         {"{'properties':{'a':{'type':'string'}}}", "{'properties':{'a':{'type':'string'}},'required':['a']}",
          "REQUIRED_ATTRIBUTE_ADDED /required/a", ""},
         {"{'properties':{'a':{'type':'string','default':''}}}",
          "{'properties':{'a':{'type':'string','default':''}},'required':['a']}", "", ""},
         {"{'properties':{'a':{'type':'string'}},'required':['a']}",
          "{'properties':{'a':{'type':'string'}},'required':['a','z']}", "", ""},
         {"{'properties':{'a':{'type':'string'},'b':{}},'required':['a']}",
          "{'properties':{'a':{'type':'string'},'b':{}},'required':['b']}",
          "REQUIRED_ATTRIBUTE_ADDED /required/b", "REQUIRED_ATTRIBUTE_ADDED /required/a"},
         {"{'properties':{'a/b~c':{'type':'string'}}}", "{'properties':{'a/b~c':{'type':'null'}}}",
          "TYPE_CHANGED /properties/a~1b~0c", "TYPE_CHANGED /properties/a~1b~0c"}})));

INSTANTIATE_TEST_SUITE_P(
    ContentModels, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'properties':{},'additionalProperties':true}", "{'properties':{},'additionalProperties':false}",
          "ADDITIONAL_PROPERTIES_REMOVED /additionalProperties", ""},
         {"{'properties':{},'additionalProperties':true}", "{'properties':{}}", "", ""},
         {"{'properties':{},'additionalProperties':true}",
          "{'properties':{},'additionalProperties':{'type':'string'}}",
          "ADDITIONAL_PROPERTIES_NARROWED /additionalProperties", ""},
         {"{'properties':{},'additionalProperties':false}",
          "{'properties':{},'additionalProperties':{'type':'string'}}", "",
          "ADDITIONAL_PROPERTIES_REMOVED /additionalProperties"},
         {"{'properties':{},'additionalProperties':{'type':'string'}}",
          "{'properties':{},'additionalProperties':{'type':'number'}}", "TYPE_CHANGED /additionalProperties",
          "TYPE_CHANGED /additionalProperties"},
         {"{'properties':{},'additionalProperties':{'type':'integer'}}",
          "{'properties':{},'additionalProperties':{'type':'number'}}", "",
          "TYPE_NARROWED /additionalProperties"},
         {"{'properties':{},'additionalProperties':{'type':'string'}}",
          "{'properties':{'a':{'type':'string'}},'additionalProperties':{'type':'string'}}", "", ""},
         {"{'properties':{},'additionalProperties':{'type':'string'}}",
          "{'properties':{'a':{'type':'number'}},'additionalProperties':{'type':'string'}}",
          "TYPE_CHANGED /properties/a; PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL "
          "/properties/a",
          "TYPE_CHANGED /properties/a; PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL "
          "/properties/a"},
         {"{'properties':{},'additionalProperties':{'type':'string'}}",
          "{'properties':{'a':{'type':'string'}},'additionalProperties':{'type':'string'},'required':['a']}",
          "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL /properties/a", ""},
         {"{'properties':{},'additionalProperties':{'type':'integer'}}",
          "{'properties':{'a':{'type':'number'}},'additionalProperties':{'type':'integer'}}", "",
          "TYPE_NARROWED /properties/a; PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL "
          "/properties/a"},
         {"{'properties':{},'additionalProperties':false,'patternProperties':{'^S_':{'type':'string'},'^I_':{"
          "'type':'integer'}}}",
          "{'properties':{'I_1':{'type':'number'}},'additionalProperties':false,'patternProperties':{'^S_':{'"
          "type':'string'},'^I_':{'type':'integer'}}}",
          "",
          "TYPE_NARROWED /properties/I_1; PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL "
          "/properties/I_1"},
         {"{'properties':{},'additionalProperties':false,'patternProperties':{'^S_':{'type':'string'},'^I_':{"
          "'type':'integer'}}}",
          "{'properties':{'S_1':{'type':'string'}},'additionalProperties':false,'patternProperties':{'^S_':{'"
          "type':'string'},'^I_':{'type':'integer'}}}",
          "", ""},
         {"{'properties':{},'additionalProperties':false,'patternProperties':{'^S_':{'type':'string'},'^I_':{"
          "'type':'integer'}}}",
          "{'properties':{'x':{'type':'string'}},'additionalProperties':false,'patternProperties':{'^S_':{'"
          "type':'string'},'^I_':{'type':'integer'}}}",
          "", "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/x"},
         {"{'properties':{},'patternProperties':{'^S_':{'type':'string'},'^I_':{'type':'integer'}}}",
          "{'properties':{'x':{'type':'string'}},'patternProperties':{'^S_':{'type':'string'},'^I_':{'type':'"
          "integer'}}}",
          "", "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/x"},
         {"{'properties':{'S_1':{'type':'integer'}},'additionalProperties':false}",
          "{'properties':{},'additionalProperties':false,'patternProperties':{'^S_':{'type':'string'},'^I_':{"
          "'type':'integer'}}}",
          "TYPE_CHANGED /properties/S_1; PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL "
          "/properties/S_1",
          "TYPE_CHANGED /properties/S_1; PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL "
          "/properties/S_1"},
         {"{'properties':{'b':{'type':'string'}},'additionalProperties':false}",
          "{'properties':{},'additionalProperties':{'oneOf':[{'type':'null'},{'type':'string'}]}}", "",
          "TYPE_CHANGED /properties/b; PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL "
          "/properties/b; ADDITIONAL_PROPERTIES_REMOVED /additionalProperties"},
         {"{'type':'object','maxProperties':2}", "{'type':'object','maxProperties':3}", "",
          "MAX_PROPERTIES_DECREASED /maxProperties"},
         {"{'type':'object'}", "{'type':'object','maxProperties':3}", "MAX_PROPERTIES_ADDED /maxProperties",
          ""},
         {"{'type':'object','minProperties':2}", "{'type':'object','minProperties':3}",
          "MIN_PROPERTIES_INCREASED /minProperties", ""},
         {"{'type':'object'}", "{'type':'object','minProperties':3}", "MIN_PROPERTIES_ADDED /minProperties",
          ""}})));

INSTANTIATE_TEST_SUITE_P(
    Dependencies, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'dependencies':{}}", "{'dependencies':{'a':['b']}}", "DEPENDENCY_ARRAY_ADDED /dependencies/a",
          ""},
         {"{'dependencies':{'a':['b']}}", "{'dependencies':{'a':['b','c']}}",
          "DEPENDENCY_ARRAY_EXTENDED /dependencies/a", ""},
         {"{'dependencies':{'a':['b']}}", "{'dependencies':{'a':['c']}}",
          "DEPENDENCY_ARRAY_CHANGED /dependencies/a", "DEPENDENCY_ARRAY_CHANGED /dependencies/a"},
         {"{'dependencies':{'a':['b','c']}}", "{'dependencies':{'a':['c','b']}}", "", ""},
         {"{'dependencies':{'a':['b']}}", "{'dependencies':{'c':['b']}}",
          "DEPENDENCY_ARRAY_ADDED /dependencies/c", "DEPENDENCY_ARRAY_ADDED /dependencies/a"},
         {"{'dependencies':{}}", "{'dependencies':{'a':{'required':['b']}}}",
          "DEPENDENCY_SCHEMA_ADDED /dependencies/a", ""},
         {"{'dependencies':{'a':{'maxProperties':2}}}", "{'dependencies':{'a':{'maxProperties':3}}}", "",
          "MAX_PROPERTIES_DECREASED /dependencies/a/maxProperties"},
         {"{'dependencies':{'a':{'type':'string'}}}", "{'dependencies':{'a':{'type':'number'}}}",
          "TYPE_CHANGED /dependencies/a", "TYPE_CHANGED /dependencies/a"},
         {"{'dependencies':{'a':['b']}}", "{'dependencies':{'a':{'required':['b']}}}",
          "DEPENDENCY_SCHEMA_ADDED /dependencies/a", "DEPENDENCY_ARRAY_ADDED /dependencies/a"},
         {"{'$schema':'https://json-schema.org/draft/2019-09/schema','dependentRequired':{}}",
          "{'$schema':'https://json-schema.org/draft/2019-09/schema','dependentRequired':{'a':['b']}}",
          "DEPENDENCY_ARRAY_ADDED /dependencies/a", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/schema','dependentSchemas':{}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','dependentSchemas':{'a':{'type':'object'}}}",
          "DEPENDENCY_SCHEMA_ADDED /dependencies/a", ""}})));

INSTANTIATE_TEST_SUITE_P(
    Arrays, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'type':'array'}", "{'type':'array','maxItems':1}", "MAX_ITEMS_ADDED /maxItems", ""},
         {"{'type':'array','maxItems':1}", "{'type':'array','maxItems':2}", "",
          "MAX_ITEMS_DECREASED /maxItems"},
         {"{'type':'array','maxItems':1}", "{'type':'array','maxItems':1}", "", ""},
         {"{'type':'array'}", "{'type':'array','minItems':1}", "MIN_ITEMS_ADDED /minItems", ""},
         {"{'type':'array','minItems':1}", "{'type':'array','minItems':2}", "MIN_ITEMS_INCREASED /minItems",
          ""},
         {"{'type':'array','minItems':1}", "{'type':'array','minItems':1}", "", ""},
         {"{'type':'array'}", "{'type':'array','uniqueItems':true}", "UNIQUE_ITEMS_ADDED /uniqueItems", ""},
         {"{'type':'array','uniqueItems':false}", "{'type':'array'}", "", ""},
         {"{'type':'array'}", "{'type':'array','items':{'type':'string'}}", "SCHEMA_ADDED /items", ""},
         {"{'type':'array','items':{'type':'string'}}", "{'type':'array','items':{'type':'number'}}",
          "TYPE_CHANGED /items", "TYPE_CHANGED /items"},
         {"{'type':'array','items':{'type':'integer'}}", "{'type':'array','items':{'type':'number'}}", "",
          "TYPE_NARROWED /items"},
         {"{'type':'array','items':{'type':'string'}}", "{'type':'array','items':{}}", "",
          "TYPE_CHANGED /items"},
         {"{'type':'array','items':[{'type':'string'}]}", "{'type':'array','items':[{'type':'number'}]}",
          "TYPE_CHANGED /items/0", "TYPE_CHANGED /items/0"},
         {"{'type':'array','items':[{'type':'string'}]}", "{'type':'array'}", "",
          "ITEM_ADDED_TO_OPEN_CONTENT_MODEL /items/0"},
         {"{'type':'array','items':[{'type':'string'}]}", "{'type':'array','items':[{'type':'string'},{}]}",
          "", ""},
         {"{'type':'array','items':[{'type':'string'}],'additionalItems':false}",
          "{'type':'array','items':[{'type':'string'},{'type':'number'}],'additionalItems':false}", "",
          "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL /items/1"},
         {"{'type':'array','items':[{'type':'string'}],'additionalItems':false}",
          "{'type':'array','items':[{'type':'string'},false],'additionalItems':false}", "", ""},
         {"{'type':'array','items':[{'type':'string'}],'additionalItems':{'type':'number'}}",
          "{'type':'array','items':[{'type':'string'},{'type':'number'}],'additionalItems':{'type':'number'}"
          "}",
          "", ""},
         {"{'type':'array','items':[{'type':'string'}],'additionalItems':{'type':'number'}}",
          "{'type':'array','items':[{'type':'string'},{'type':'string'}],'additionalItems':{'type':'number'}"
          "}",
          "TYPE_CHANGED /items/1; ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL /items/1",
          "TYPE_CHANGED /items/1; ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL /items/1"},
         {"{'type':'array','items':[{'type':'string'}],'additionalItems':true}",
          "{'type':'array','items':[{'type':'string'}],'additionalItems':false}",
          "ADDITIONAL_ITEMS_REMOVED /additionalItems", ""},
         {"{'type':'array','items':[{'type':'string'}]}",
          "{'type':'array','items':[{'type':'string'}],'additionalItems':{'type':'number'}}",
          "ADDITIONAL_ITEMS_NARROWED /additionalItems", ""},
         {"{'type':'array','items':[{'type':'string'}],'additionalItems':{'type':'integer'}}",
          "{'type':'array','items':[{'type':'string'}],'additionalItems':{'type':'number'}}", "",
          "TYPE_NARROWED /additionalItems"},
         {"{'type':'array','items':[{'type':'string'},{'type':'number'},{'type':'boolean'}],'additionalItems'"
          ":false}",
          "{'type':'array','items':[{'type':'string'},{'type':'number'}],'additionalItems':true}", "",
          "ITEM_ADDED_TO_OPEN_CONTENT_MODEL /items/2; ADDITIONAL_ITEMS_REMOVED /additionalItems"},
         {"{'type':'array','contains':{'type':'string'}}", "{'type':'array','contains':{'type':'number'}}",
          "", ""}})));

INSTANTIATE_TEST_SUITE_P(
    NewerDrafts, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'}]}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'number'}]}",
          "TYPE_CHANGED /items/0", "TYPE_CHANGED /items/0"},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'}]}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'}],'items':false}",
          "ADDITIONAL_ITEMS_REMOVED /additionalItems", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'}]}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'}],'items':{'type':'number'}}",
          "ADDITIONAL_ITEMS_NARROWED /additionalItems", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'}],'items':{'type':'integer'}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'}],'items':{'type':'number'}}",
          "", "TYPE_NARROWED /additionalItems"},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','items':{'type':'string'}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','items':{'type':'number'}}",
          "TYPE_CHANGED /items", "TYPE_CHANGED /items"},
         {"{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'array'}",
          "{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'array','items':true}", "", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'array'}",
          "{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'array','items':false}",
          "ADDITIONAL_ITEMS_REMOVED /additionalItems", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'array'}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','unevaluatedItems':false}",
          "UNEVALUATED_ITEMS_REMOVED /unevaluatedItems", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'array'}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','unevaluatedItems':{'type':'string'}}",
          "UNEVALUATED_ITEMS_NARROWED /unevaluatedItems", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','unevaluatedItems':{'type':'integer'}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','unevaluatedItems':{'type':'number'}}",
          "", "TYPE_NARROWED /unevaluatedItems"},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','unevaluatedItems':false}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','unevaluatedItems':{'type':'number'}}",
          "", "UNEVALUATED_ITEMS_REMOVED /unevaluatedItems"},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'}],'unevaluatedItems':{'type':'number'}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'},{'type':'number'}],'unevaluatedItems':{'"
          "type':'number'}}",
          "", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'}],'unevaluatedItems':false}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','prefixItems':[{'type':'string'},{'type':'number'}],'unevaluatedItems':"
          "false}",
          "", "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL /items/1"},
         {"{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'array'}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','contains':{'type':'string'}}",
          "MIN_CONTAINS_ADDED /minContains", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','contains':{'type':'string'}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','contains':{'type':'string'},'minContains':2}",
          "MIN_CONTAINS_INCREASED /minContains", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','contains':{'type':'string'}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','contains':{'type':'string'},'maxContains':2}",
          "MAX_CONTAINS_ADDED /maxContains", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','contains':{'type':'string'},'maxContains':2}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'array','contains':{'type':'string'},'maxContains':3}",
          "", "MAX_CONTAINS_DECREASED /maxContains"},
         {"{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'object'}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'object','unevaluatedProperties':false}",
          "UNEVALUATED_PROPERTIES_REMOVED /unevaluatedProperties", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'object'}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'object','unevaluatedProperties':{'type':'string'}}",
          "UNEVALUATED_PROPERTIES_NARROWED /unevaluatedProperties", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'object','unevaluatedProperties':{'type':'integer'}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'object','unevaluatedProperties':{'type':'number'}}",
          "", "TYPE_NARROWED /unevaluatedProperties"},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'object','unevaluatedProperties':false}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'object','unevaluatedProperties':false,'properties':{'a':{}}}",
          "", "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/a"},
         {"{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'object','unevaluatedProperties':{'type':'integer'}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/"
          "schema','type':'object','unevaluatedProperties':{'type':'integer'},'properties':{'a':{'type':'"
          "number'}}}",
          "",
          "TYPE_NARROWED /properties/a; PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL "
          "/properties/a"},
         {"{'$schema':'https://json-schema.org/draft/2020-12/schema','$ref':'#/$defs/"
          "a','$defs':{'a':{'type':'string'}}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'string'}", "", ""},
         {"{'$schema':'https://json-schema.org/draft/2020-12/schema','$ref':'#/$defs/"
          "a','maxLength':3,'$defs':{'a':{'type':'string'}}}",
          "{'$schema':'https://json-schema.org/draft/2020-12/schema','$ref':'#/$defs/"
          "a','$defs':{'a':{'type':'string'}}}",
          "", "TYPE_CHANGED"}})));

INSTANTIATE_TEST_SUITE_P(
    Combined, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'oneOf':[{'type':'string'}]}", "{'oneOf':[{'type':'number'}]}",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED", "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'oneOf':[{'type':'string'}]}", "{'oneOf':[{'type':'number'},{'type':'string'}]}", "",
          "SUM_TYPE_NARROWED"},
         {"{'oneOf':[{'type':'string'},{'type':'number'}]}",
          "{'oneOf':[{'type':'number'},{'type':'string'}]}", "", ""},
         {"{'oneOf':[{'type':'string','maxLength':5},{'type':'number'}]}",
          "{'oneOf':[{'type':'number'},{'type':'string','maxLength':8}]}", "",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'oneOf':[{'type':'string'},{'type':'number'}]}",
          "{'oneOf':[{'type':'string'},{'type':'boolean'}]}", "COMBINED_TYPE_SUBSCHEMAS_CHANGED",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'oneOf':[{'type':'string'},{'type':'number'}]}",
          "{'oneOf':[{'type':'string'},{'type':'boolean'},{'type':'number'}]}", "", "SUM_TYPE_NARROWED"},
         {"{'oneOf':[{'type':'string'},{'type':'number'}]}",
          "{'oneOf':[{'type':'string'},{'type':'boolean'},{'type':'null'}]}",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED", "SUM_TYPE_NARROWED; COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'anyOf':[{'type':'string'}]}", "{'anyOf':[{'type':'number'},{'type':'string'}]}", "",
          "SUM_TYPE_NARROWED"},
         {"{'allOf':[{'type':'string'}]}", "{'allOf':[{'enum':['a']},{'type':'string'}]}",
          "PRODUCT_TYPE_EXTENDED", ""},
         {"{'allOf':[{'type':'string'},{'enum':['a']}]}", "{'allOf':[{'type':'string'},{'enum':['b']}]}",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED", "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'allOf':[{'type':'string'},{'enum':['a']}]}", "{'allOf':[{'enum':['a','b']},{'type':'string'}]}",
          "", "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'allOf':[{'type':'string'},{'type':'string'}]}", "{'allOf':[{'type':'string'}]}", "", ""},
         {"{'oneOf':[{'type':'string'}]}", "{'anyOf':[{'type':'string'}]}", "", ""},
         {"{'oneOf':[{'type':'string'},{'type':'number'}]}",
          "{'anyOf':[{'type':'string'},{'type':'number'}]}", "", "COMBINED_TYPE_CHANGED"},
         {"{'allOf':[{'type':'string'},{'type':'number'}]}",
          "{'anyOf':[{'type':'string'},{'type':'number'}]}", "", "COMBINED_TYPE_CHANGED"},
         {"{'allOf':[{'type':'string'}]}", "{'oneOf':[{'type':'string'},{'type':'number'}]}", "",
          "COMBINED_TYPE_CHANGED"},
         {"{'anyOf':[{'type':'string'}]}", "{'allOf':[{'type':'string'}]}", "", ""},
         {"{'anyOf':[{'type':'string'}]}", "{'allOf':[{'type':'string'},{'type':'number'}]}",
          "COMBINED_TYPE_CHANGED", ""},
         {"{'oneOf':[{'type':'string'},{'type':'number'}]}", "{'allOf':[{'type':'string'}]}",
          "COMBINED_TYPE_CHANGED", ""},
         {"{'type':'string'}", "{'oneOf':[{'type':'number'},{'type':'string'}]}", "", "TYPE_CHANGED"},
         {"{'type':'string'}", "{'anyOf':[{'type':'number'},{'type':'string'}]}", "", "TYPE_CHANGED"},
         {"{'type':'string'}", "{'allOf':[{'type':'number'},{'type':'string'}]}", "TYPE_CHANGED", ""},
         {"{'type':'string'}", "{'allOf':[{'type':'string'}]}", "", ""},
         {"{'type':'string','maxLength':5}", "{'oneOf':[{'type':'number'},{'type':'string','maxLength':8}]}",
          "", "TYPE_CHANGED"},
         {"{'type':'string','maxLength':8}", "{'oneOf':[{'type':'number'},{'type':'string','maxLength':5}]}",
          "TYPE_CHANGED", "TYPE_CHANGED"},
         {"{'type':'null'}", "{'oneOf':[{'type':'number'},{'type':'null'}]}", "", "TYPE_CHANGED"},
         {"{'oneOf':[{'type':'integer'},{'type':'number'}]}",
          "{'oneOf':[{'type':'number'},{'type':'integer'}]}", "", ""},
         {"{'anyOf':[{'type':'integer'},{'type':'integer','maximum':3}]}",
          "{'anyOf':[{'type':'integer','maximum':4},{'type':'number'}]}", "",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED"},
         {"{'oneOf':[{'properties':{'a':{'type':'string'}},'additionalProperties':false},{'properties':{'b':{"
          "}},'additionalProperties':false}]}",
          "{'oneOf':[{'properties':{'a':{'type':'string'}},'additionalProperties':false},{'properties':{'b':{"
          "},'c':{}},'additionalProperties':false}]}",
          "", "COMBINED_TYPE_SUBSCHEMAS_CHANGED"}})));

INSTANTIATE_TEST_SUITE_P(
    ReferencesAndDepth, JsonCompatibility,
    testing::ValuesIn(counted(
        {{"{'definitions':{'x':{'type':'string'}},'properties':{'a':{'$ref':'#/definitions/x'}}}",
          "{'definitions':{'x':{'type':'string'}},'properties':{'a':{'$ref':'#/definitions/x'}}}", "", ""},
         {"{'definitions':{'x':{'type':'string'}},'properties':{'a':{'$ref':'#/definitions/x'}}}",
          "{'definitions':{'x':{'type':'number'}},'properties':{'a':{'$ref':'#/definitions/x'}}}",
          "TYPE_CHANGED /properties/a", "TYPE_CHANGED /properties/a"},
         {"{'definitions':{'x':{'type':'string'}},'properties':{'a':{'$ref':'#/definitions/x'}}}",
          "{'properties':{'a':{'type':'string'}}}", "", ""},
         {"{'definitions':{'x':{'type':'integer'}},'properties':{'a':{'$ref':'#/definitions/x'}}}",
          "{'properties':{'a':{'type':'number'}}}", "", "TYPE_NARROWED /properties/a"},
         {"{'definitions':{'n':{'properties':{'v':{'type':'string'},'next':{'$ref':'#/definitions/"
          "n'}}}},'$ref':'#/definitions/n'}",
          "{'definitions':{'n':{'properties':{'v':{'type':'string'},'next':{'$ref':'#/definitions/"
          "n'}}}},'$ref':'#/definitions/n'}",
          "", ""},
         {"{'definitions':{'n':{'properties':{'v':{'type':'string'},'next':{'$ref':'#/definitions/"
          "n'}}}},'$ref':'#/definitions/n'}",
          "{'definitions':{'n':{'properties':{'v':{'type':'number'},'next':{'$ref':'#/definitions/"
          "n'}}}},'$ref':'#/definitions/n'}",
          "TYPE_CHANGED /properties/v", "TYPE_CHANGED /properties/v"},
         {"{'definitions':{'n':{'properties':{'v':{'type':'integer'},'next':{'$ref':'#/definitions/"
          "n'}}}},'$ref':'#/definitions/n'}",
          "{'definitions':{'n':{'properties':{'v':{'type':'number'},'next':{'$ref':'#/definitions/"
          "n'}}}},'$ref':'#/definitions/n'}",
          "", "TYPE_NARROWED /properties/v"},
         {"{'definitions':{'n':{'properties':{'v':{'type':'string'},'next':{'oneOf':[{'type':'null'},{'$ref':"
          "'#/definitions/n'}]}}}},'$ref':'#/definitions/n'}",
          "{'definitions':{'n':{'properties':{'v':{'type':'string'},'next':{'oneOf':[{'type':'null'},{'$ref':"
          "'#/definitions/n'}]}}}},'$ref':'#/definitions/n'}",
          "", ""},
         {"{'definitions':{'n':{'properties':{'v':{'type':'integer'},'next':{'oneOf':[{'type':'null'},{'$ref'"
          ":'#/definitions/n'}]}}}},'$ref':'#/definitions/n'}",
          "{'definitions':{'n':{'properties':{'v':{'type':'number'},'next':{'oneOf':[{'type':'null'},{'$ref':"
          "'#/definitions/n'}]}}}},'$ref':'#/definitions/n'}",
          "", "COMBINED_TYPE_SUBSCHEMAS_CHANGED /properties/next; TYPE_NARROWED /properties/v"},
         {"{'definitions':{'T0':{'properties':{'id':{'type':'integer'},'ref':{'oneOf':[{'$ref':'#/"
          "definitions/T2'}]}}},'T1':{'properties':{'id':{'type':'boolean'},'ref':{'oneOf':[{'$ref':'#/"
          "definitions/T2'}]}}},'T2':{'properties':{'id':{'type':'integer'},'ref':{'oneOf':[{'$ref':'#/"
          "definitions/T0'}]}}}},'properties':{'root':{'oneOf':[{'$ref':'#/definitions/T0'},{'$ref':'#/"
          "definitions/T1'}]}}}",
          "{'definitions':{'T0':{'properties':{'id':{'type':'boolean'},'ref':{'oneOf':[{'$ref':'#/"
          "definitions/T2'}]}}},'T1':{'properties':{'id':{'type':'number'},'ref':{'oneOf':[{'$ref':'#/"
          "definitions/T2'}]}}},'T2':{'properties':{'id':{'type':'integer'},'ref':{'oneOf':[{'$ref':'#/"
          "definitions/T0'}]}}}},'properties':{'root':{'oneOf':[{'$ref':'#/definitions/T0'},{'$ref':'#/"
          "definitions/T1'}]}}}",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED /properties/root",
          "COMBINED_TYPE_SUBSCHEMAS_CHANGED /properties/root"},
         {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'type':'string'}"
          "]}}}}}}}",
          "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'type':'string'}"
          "]}}}}}}}",
          "", ""},
         {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'type':'string'}"
          "]}}}}}}}",
          "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'type':'number'}"
          "]}}}}}}}",
          "TYPE_CHANGED /properties/a/items/properties/b/additionalProperties/items/0",
          "TYPE_CHANGED /properties/a/items/properties/b/additionalProperties/items/0"},
         {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'type':'string',"
          "'maxLength':8}]}}}}}}}",
          "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'type':'string',"
          "'maxLength':5}]}}}}}}}",
          "MAX_LENGTH_DECREASED /properties/a/items/properties/b/additionalProperties/items/0/maxLength", ""},
         {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'type':'string'}"
          "]}}}}}}}",
          "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'enum':['a']}]}}"
          "}}}}}",
          "TYPE_CHANGED /properties/a/items/properties/b/additionalProperties/items/0",
          "TYPE_CHANGED /properties/a/items/properties/b/additionalProperties/items/0"},
         {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'oneOf':[{'type'"
          ":'string'}]}]}}}}}}}",
          "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'oneOf':[{'type'"
          ":'string'},{'type':'number'}]}]}}}}}}}",
          "", "SUM_TYPE_NARROWED /properties/a/items/properties/b/additionalProperties/items/0"},
         {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'properties':{'"
          "a':{'type':'string'}}}]}}}}}}}",
          "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'properties':{'"
          "a':{'type':'string'},'b':{'type':'number'}}}]}}}}}}}",
          "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL "
          "/properties/a/items/properties/b/additionalProperties/items/0/properties/b",
          ""},
         {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'properties':{'"
          "a':{'type':'string'}},'additionalProperties':false}]}}}}}}}",
          "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'properties':{'"
          "a':{'type':'string'},'b':{'type':'number'}},'additionalProperties':false}]}}}}}}}",
          "",
          "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL "
          "/properties/a/items/properties/b/additionalProperties/items/0/properties/b"},
         {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'not':{'type':'"
          "number'}}]}}}}}}}",
          "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'not':{'type':'"
          "integer'}}]}}}}}}}",
          "", "NOT_TYPE_EXTENDED /properties/a/items/properties/b/additionalProperties/items/0/not"},
         {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'uniqueItems':"
          "true}]}}}}}}}",
          "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'uniqueItems':"
          "false}]}}}}}}}",
          "", "UNIQUE_ITEMS_ADDED /properties/a/items/properties/b/additionalProperties/items/0/uniqueItems"},
         {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'dependencies':{"
          "'a':['b']}}]}}}}}}}",
          "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'dependencies':{"
          "}}]}}}}}}}",
          "",
          "DEPENDENCY_ARRAY_ADDED "
          "/properties/a/items/properties/b/additionalProperties/items/0/dependencies/a"}})));

TEST(JsonCompatibilityTable, HasAtLeast150CasesEachWayAndEachRule) {
  EXPECT_GE(all_cases().size(), 150u);
  std::string told;
  for (const CompatibilityCase& one : all_cases())
    told += one.after_reads_before + "; " + one.before_reads_after + "; ";
  for (const json::Rule& rule : json::rules()) {
    if (rule.name == "COMPARISON_TOO_LARGE") continue;  // of its own test
    EXPECT_TRUE(told.find(std::string(rule.name) + " ") != std::string::npos ||
                told.find(std::string(rule.name) + ";") != std::string::npos)
        << rule.name;
  }
}

}  // namespace
}  // namespace forebay::schema
