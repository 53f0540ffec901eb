// The lenient policy: optional properties come and go, also where the writer was open. What else breaks a
// reader breaks it here as well.
#include "json_compatibility_case.h"

namespace forebay::schema {
namespace {

class JsonLenientCompatibility : public testing::TestWithParam<CompatibilityCase> {};

TEST_P(JsonLenientCompatibility, IsJudgedBothWays) {
  expect_judged(GetParam(), {CompatibilityPolicy::Json::kLenient});
}

const std::vector<CompatibilityCase> kCases = {
    {"{'properties':{'a':{'type':'string'}}}", "{'properties':{'a':{'type':'string'}}}", "", ""},
    {"{'properties':{'a':{'type':'string'}}}", "{'properties':{'a':{'type':'integer'}}}",
     "TYPE_CHANGED /properties/a", "TYPE_CHANGED /properties/a"},
    {"{'properties':{'a':{'type':'integer'}}}", "{'properties':{'a':{'type':'number'}}}", "",
     "TYPE_NARROWED /properties/a"},
    {"{'properties':{}}", "{'properties':{'a':{'type':'string'}}}", "", ""},
    {"{'properties':{}}", "{'properties':{'a':{'type':'string'}},'required':['a']}",
     "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL /properties/a", ""},
    {"{'properties':{}}", "{'properties':{'a':{'type':'string','default':''}},'required':['a']}", "", ""},
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
     "{'properties':{'a':{'type':'string','default':''}},'additionalProperties':false,'required':['a']}", "",
     "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/a"},
    {"{'properties':{},'additionalProperties':false}",
     "{'properties':{'a':false},'additionalProperties':false}", "", ""},
    {"{'properties':{},'additionalProperties':false}", "{'properties':{'a':{'type':'string'}}}", "",
     "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/a"},
    {"{'properties':{'a':{'type':'string'}},'additionalProperties':false}",
     "{'properties':{'b':{'type':'string'}},'additionalProperties':false}",
     "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/a",
     "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/b"},
    {"{'properties':{'a':{'type':'string'}}}", "{'properties':{'b':{'type':'string'}}}", "", ""},
    {"{'properties':{'a':{'type':'string'}}}", "{'properties':{'a':{'type':'string'}},'required':['a']}",
     "REQUIRED_ATTRIBUTE_ADDED /required/a", ""},
    {"{'properties':{'a':{'type':'string','default':''}}}",
     "{'properties':{'a':{'type':'string','default':''}},'required':['a']}", "", ""},
    {"{'properties':{'a':{'type':'string'}},'required':['a']}",
     "{'properties':{'a':{'type':'string'}},'required':['a','z']}", "", ""},
    {"{'properties':{'a':{'type':'string'},'b':{}},'required':['a']}",
     "{'properties':{'a':{'type':'string'},'b':{}},'required':['b']}", "REQUIRED_ATTRIBUTE_ADDED /required/b",
     "REQUIRED_ATTRIBUTE_ADDED /required/a"},
    {"{'properties':{'a/b~c':{'type':'string'}}}", "{'properties':{'a/b~c':{'type':'null'}}}",
     "TYPE_CHANGED /properties/a~1b~0c", "TYPE_CHANGED /properties/a~1b~0c"},
    {"{'properties':{},'additionalProperties':true}", "{'properties':{},'additionalProperties':false}", "",
     ""},
    {"{'properties':{},'additionalProperties':true}", "{'properties':{}}", "", ""},
    {"{'properties':{},'additionalProperties':true}",
     "{'properties':{},'additionalProperties':{'type':'string'}}", "", ""},
    {"{'properties':{},'additionalProperties':false}",
     "{'properties':{},'additionalProperties':{'type':'string'}}", "", ""},
    {"{'properties':{},'additionalProperties':{'type':'string'}}",
     "{'properties':{},'additionalProperties':{'type':'number'}}", "TYPE_CHANGED /additionalProperties",
     "TYPE_CHANGED /additionalProperties"},
    {"{'properties':{},'additionalProperties':{'type':'integer'}}",
     "{'properties':{},'additionalProperties':{'type':'number'}}", "", "TYPE_NARROWED /additionalProperties"},
    {"{'properties':{},'additionalProperties':{'type':'string'}}",
     "{'properties':{'a':{'type':'string'}},'additionalProperties':{'type':'string'}}", "", ""},
    {"{'properties':{},'additionalProperties':{'type':'string'}}",
     "{'properties':{'a':{'type':'number'}},'additionalProperties':{'type':'string'}}",
     "TYPE_CHANGED /properties/a", "TYPE_CHANGED /properties/a"},
    {"{'properties':{},'additionalProperties':{'type':'string'}}",
     "{'properties':{'a':{'type':'string'}},'additionalProperties':{'type':'string'},'required':['a']}",
     "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL /properties/a", ""},
    {"{'properties':{},'additionalProperties':{'type':'integer'}}",
     "{'properties':{'a':{'type':'number'}},'additionalProperties':{'type':'integer'}}", "",
     "TYPE_NARROWED /properties/a"},
    {"{'properties':{},'additionalProperties':false,'patternProperties':{'^S_':{'type':'string'},'^I_':{'"
     "type':'integer'}}}",
     "{'properties':{'I_1':{'type':'number'}},'additionalProperties':false,'patternProperties':{'^S_':{'type'"
     ":'string'},'^I_':{'type':'integer'}}}",
     "", "TYPE_NARROWED /properties/I_1"},
    {"{'properties':{},'additionalProperties':false,'patternProperties':{'^S_':{'type':'string'},'^I_':{'"
     "type':'integer'}}}",
     "{'properties':{'S_1':{'type':'string'}},'additionalProperties':false,'patternProperties':{'^S_':{'type'"
     ":'string'},'^I_':{'type':'integer'}}}",
     "", ""},
    {"{'properties':{},'additionalProperties':false,'patternProperties':{'^S_':{'type':'string'},'^I_':{'"
     "type':'integer'}}}",
     "{'properties':{'x':{'type':'string'}},'additionalProperties':false,'patternProperties':{'^S_':{'type':'"
     "string'},'^I_':{'type':'integer'}}}",
     "", "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/x"},
    {"{'properties':{},'patternProperties':{'^S_':{'type':'string'},'^I_':{'type':'integer'}}}",
     "{'properties':{'x':{'type':'string'}},'patternProperties':{'^S_':{'type':'string'},'^I_':{'type':'"
     "integer'}}}",
     "", "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL /properties/x"},
    {"{'properties':{'S_1':{'type':'integer'}},'additionalProperties':false}",
     "{'properties':{},'additionalProperties':false,'patternProperties':{'^S_':{'type':'string'},'^I_':{'"
     "type':'integer'}}}",
     "TYPE_CHANGED /properties/S_1", "TYPE_CHANGED /properties/S_1"},
    {"{'properties':{'b':{'type':'string'}},'additionalProperties':false}",
     "{'properties':{},'additionalProperties':{'oneOf':[{'type':'null'},{'type':'string'}]}}", "",
     "TYPE_CHANGED /properties/b"},
    {"{'type':'object','maxProperties':2}", "{'type':'object','maxProperties':3}", "",
     "MAX_PROPERTIES_DECREASED /maxProperties"},
    {"{'type':'object'}", "{'type':'object','maxProperties':3}", "MAX_PROPERTIES_ADDED /maxProperties", ""},
    {"{'type':'object','minProperties':2}", "{'type':'object','minProperties':3}",
     "MIN_PROPERTIES_INCREASED /minProperties", ""},
    {"{'type':'object'}", "{'type':'object','minProperties':3}", "MIN_PROPERTIES_ADDED /minProperties", ""},
    {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'properties':{'a':{'"
     "type':'string'}}}]}}}}}}}",
     "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'properties':{'a':{'"
     "type':'string'},'b':{'type':'number'}}}]}}}}}}}",
     "", ""},
    {"{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'properties':{}}]}}}}"
     "}}}",
     "{'properties':{'a':{'items':{'properties':{'b':{'additionalProperties':{'items':[{'properties':{'a':{'"
     "type':'string'},'b':{'type':'number'}},'required':['b']}]}}}}}}}",
     "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL "
     "/properties/a/items/properties/b/additionalProperties/items/0/properties/b",
     ""},
    {"{'oneOf':[{'properties':{'a':{'type':'string'}}}]}",
     "{'oneOf':[{'properties':{'a':{'type':'string'},'b':{'type':'number'}}}]}", "", ""},
    {"{'oneOf':[{'properties':{'a':{'type':'string'}}},{'type':'number'}]}",
     "{'oneOf':[{'type':'number'},{'properties':{'a':{'type':'string'},'b':{'type':'number'}}},{'type':'"
     "string'}]}",
     "", "SUM_TYPE_NARROWED"},
    {"{'definitions':{'x':{'properties':{}}},'properties':{'a':{'$ref':'#/definitions/x'}}}",
     "{'definitions':{'x':{'properties':{'a':{'type':'string'}}}},'properties':{'a':{'$ref':'#/definitions/"
     "x'}}}",
     "", ""},
    {"{'definitions':{'x':{'properties':{},'additionalProperties':true}},'properties':{'a':{'$ref':'#/"
     "definitions/x'}}}",
     "{'definitions':{'x':{'properties':{},'additionalProperties':false}},'properties':{'a':{'$ref':'#/"
     "definitions/x'}}}",
     "", ""},
    {"{'definitions':{'n':{'properties':{'v':{'properties':{}},'next':{'$ref':'#/definitions/"
     "n'}}}},'$ref':'#/definitions/n'}",
     "{'definitions':{'n':{'properties':{'v':{'properties':{'a':{'type':'string'}}},'next':{'$ref':'#/"
     "definitions/n'}}}},'$ref':'#/definitions/n'}",
     "", ""},
    {"{'definitions':{'n':{'properties':{'v':{'type':'string'},'next':{'oneOf':[{'type':'null'},{'$ref':'#/"
     "definitions/n'}]}}}},'$ref':'#/definitions/n'}",
     "{'definitions':{'n':{'properties':{'v':{'type':'number'},'next':{'oneOf':[{'type':'null'},{'$ref':'#/"
     "definitions/n'}]}}}},'$ref':'#/definitions/n'}",
     "COMBINED_TYPE_SUBSCHEMAS_CHANGED /properties/next; TYPE_CHANGED /properties/v",
     "COMBINED_TYPE_SUBSCHEMAS_CHANGED /properties/next; TYPE_CHANGED /properties/v"},
    {"{'type':'array','items':{'properties':{}}}",
     "{'type':'array','items':{'properties':{'a':{'type':'string'}}}}", "", ""},
    {"{'type':'array','items':[{'type':'string'}]}",
     "{'type':'array','items':[{'type':'string'},{'type':'number'}]}",
     "ITEM_ADDED_TO_OPEN_CONTENT_MODEL /items/1", ""},
    {"{'type':'array','items':[{'type':'string'}]}",
     "{'type':'array','items':[{'type':'string'}],'additionalItems':false}",
     "ADDITIONAL_ITEMS_REMOVED /additionalItems", ""},
    {"{'type':'string'}", "{'type':'integer'}", "TYPE_CHANGED", "TYPE_CHANGED"},
    {"{'type':'string'}", "{'type':'string','maxLength':5}", "MAX_LENGTH_ADDED /maxLength", ""},
    {"{'enum':['a']}", "{'enum':['a','b']}", "", "ENUM_ARRAY_NARROWED /enum"},
    {"{'not':{'properties':{'a':{'type':'string'}}}}", "{'not':{'properties':{}}}", "", ""},
    {"{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'object'}",
     "{'$schema':'https://json-schema.org/draft/2020-12/"
     "schema','type':'object','unevaluatedProperties':false}",
     "UNEVALUATED_PROPERTIES_REMOVED /unevaluatedProperties", ""},
    {"{'$schema':'https://json-schema.org/draft/2020-12/schema','type':'object','properties':{}}",
     "{'$schema':'https://json-schema.org/draft/2020-12/"
     "schema','type':'object','properties':{'a':{'type':'string'}}}",
     "", ""}};

INSTANTIATE_TEST_SUITE_P(All, JsonLenientCompatibility, testing::ValuesIn(kCases));

TEST(JsonLenientCompatibilityTable, HasAtLeast40CasesEachWay) { EXPECT_GE(kCases.size(), 40u); }

}  // namespace
}  // namespace forebay::schema
