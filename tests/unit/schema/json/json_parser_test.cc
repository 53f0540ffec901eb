// What is a schema, what is none and why; its texts and its name.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "schema/core/schema.h"

namespace forebay::schema {
namespace {

Result<SchemaPtr> parse(const std::string& text, const std::vector<NamedText>& references = {},
                        const Limits& limits = {}) {
  return parse_schema(Format::kJson, text, references, limits);
}
bool takes(const SchemaPtr& schema, const std::string& payload) { return !schema->check(as_bytes(payload)); }

struct Wrong {
  std::string text;
  std::string place;  // that the error names
  std::string right;  // a part of what the error says would be right
};

class JsonSchemaError : public testing::TestWithParam<Wrong> {};

TEST_P(JsonSchemaError, NamesThePlaceAndWhatWouldBeRight) {
  const auto parsed = parse(GetParam().text);
  ASSERT_FALSE(parsed) << GetParam().text;
  EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(parsed.error().context.find("at " + GetParam().place + ":"), std::string::npos)
      << parsed.error().context;
  EXPECT_NE(parsed.error().context.find(GetParam().right), std::string::npos) << parsed.error().context;
}

const std::string k4 = R"("$schema":"http://json-schema.org/draft-04/schema#",)";
const std::string k2019 = R"("$schema":"https://json-schema.org/draft/2019-09/schema",)";
const std::string k2020 = R"("$schema":"https://json-schema.org/draft/2020-12/schema",)";

INSTANTIATE_TEST_SUITE_P(
    Keywords, JsonSchemaError,
    testing::Values(
        Wrong{"3", "the top", "it must be a schema"}, Wrong{R"({"minimum":"1"})", "/minimum", "a number"},
        Wrong{R"({"properties":{"a":{"maxLength":-1}}})", "/properties/a/maxLength", "0 or more"},
        Wrong{R"({"minItems":1.5})", "/minItems", "a whole number"},
        Wrong{R"({"required":["a","a"]})", "/required", "each of them once"},
        Wrong{R"({"required":true})", "/required", "an array of strings"},
        Wrong{R"({"type":"int"})", "/type", "\"integer\""},
        Wrong{R"({"type":[]})", "/type", "an array of some"},
        Wrong{R"({"type":["null","null"]})", "/type", "each once"},
        Wrong{R"({"multipleOf":0})", "/multipleOf", "above 0"},
        Wrong{R"({"exclusiveMinimum":true})", "/exclusiveMinimum", "of draft 4"},
        Wrong{"{" + k4 + R"("minimum":1,"exclusiveMinimum":1})", "/exclusiveMinimum", "true or false"},
        Wrong{R"({"uniqueItems":1})", "/uniqueItems", "true or false"},
        Wrong{R"({"enum":"a"})", "/enum", "an array"},
        Wrong{R"({"properties":[]})", "/properties", "an object of"},
        Wrong{R"({"properties":{"a":1}})", "/properties", "\"a\" is integer 1"},
        Wrong{R"({"allOf":[]})", "/allOf", "at least one"},
        Wrong{R"({"anyOf":{}})", "/anyOf", "an array of schemas"},
        Wrong{R"({"oneOf":[{},{"oneOf":[3]}]})", "/oneOf/1/oneOf", "an array of schemas"},
        Wrong{R"({"not":[]})", "/not", "a schema"}, Wrong{"{" + k4 + R"("not":true})", "/not", "an object"},
        Wrong{R"({"items":3})", "/items", "or an array of schemas"},
        Wrong{"{" + k2020 + R"("items":[{}]})", "/items", "a schema"},
        Wrong{"{" + k2020 + R"("prefixItems":[]})", "/prefixItems", "at least one"},
        Wrong{"{" + k2019 + R"("dependentRequired":{"a":"b"}})", "/dependentRequired", "arrays of strings"},
        Wrong{R"({"dependencies":{"a":3}})", "/dependencies", "\"a\" is integer 3"},
        Wrong{R"({"additionalProperties":"no"})", "/additionalProperties", "true or false"},
        Wrong{R"({"title":3})", "/title", "a string"},
        Wrong{"{" + k2019 + R"("$id":"a#b"})", "/$id", "\"$anchor\""}));

INSTANTIATE_TEST_SUITE_P(
    Patterns, JsonSchemaError,
    testing::Values(Wrong{R"j({"pattern":"("})j", "/pattern", "missing )"},
                    Wrong{R"j({"pattern":"(?<=b*)a"})j", "/pattern", "lookbehind assertion is not fixed"},
                    Wrong{R"j({"pattern":"(?=a)(?:[a-z]{9999}){9999}"})j", "/pattern", "too large"},
                    Wrong{R"j({"pattern":"(a)\\2"})j", "/pattern", "non-existent"},
                    Wrong{R"j({"pattern":"a++"})j", "/pattern", "a repetition of a repetition"},
                    Wrong{R"j({"pattern":"(?>a)"})j", "/pattern", "a group (?>a, which is not of ECMA 262"},
                    Wrong{R"j({"pattern":"a\\Z"})j", "/pattern", "not of ECMA 262"},
                    Wrong{R"j({"pattern":"\\u12"})j", "/pattern", "four hexadecimal"},
                    Wrong{R"j({"patternProperties":{"[":{}}})j", "/patternProperties/[", "missing ]"}));

INSTANTIATE_TEST_SUITE_P(
    References, JsonSchemaError,
    testing::Values(
        Wrong{R"({"properties":{"a":{"$ref":"#/definitions/b"}}})", "/properties/a/$ref", "leads nowhere"},
        Wrong{R"({"$ref":"other.json"})", "/$ref", "there are no references"},
        Wrong{R"({"$ref":"http://json-schema.org/draft-03/schema#"})", "/$ref", "leads nowhere"},
        Wrong{R"({"definitions":{"a":3},"properties":{"b":{"$ref":"#/definitions/a"}}})", "/definitions",
              "an object of schemas"},
        Wrong{R"({"x":[3],"properties":{"b":{"$ref":"#/x/0"}}})", "/x/0", "it must be a schema"},
        Wrong{R"({"definitions":{"a":{"$id":"x"},"b":{"$id":"x","type":"null"}}})", "/definitions/b",
              "is there twice"},
        Wrong{R"({"$ref":"#"})", "the top", "below \"properties\""},
        Wrong{R"({"allOf":[{"not":{"$ref":"#"}}]})", "the top", "below \"properties\""},
        Wrong{R"({"$schema":"https://json-schema.org/draft/2021-01/schema"})", "/$schema", "draft-07"},
        Wrong{R"({"$schema":"http://json-schema.org/draft-03/schema#"})", "/$schema", "draft-04"}));

TEST(JsonSchemaParser, TellsWhatIsNoJson) {
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"{", "byte"},
           {"", "not JSON"},
           {"{} {}", "byte"},
           {R"({"a":1,"a":2})", "\"a\" is there twice"},
           {R"({"properties":{"b":{},"c":{},"b":{}}})", "\"b\" is there twice"},
           {"{\"a\":\"\xff\"}", "byte"},
           {R"({"minimum":1e999})", "byte"}}) {
    const auto parsed = parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().context.find(part), std::string::npos) << parsed.error().context;
  }
}

TEST(JsonSchemaParser, StopsAtItsLimits) {
  std::string deep;
  for (int i = 0; i < 101; ++i) deep += R"({"not":)";
  EXPECT_EQ(parse(deep + "{}" + std::string(101, '}')).error().code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(parse("{" + std::string(1 << 20, ' ') + "}").error().code, ErrorCode::kRecordTooLarge);
  Limits few;
  few.types_max = 3;
  EXPECT_TRUE(parse(R"({"anyOf":[{},{}]})", {}, few));
  EXPECT_EQ(parse(R"({"anyOf":[{},{},{}]})", {}, few).error().code, ErrorCode::kRecordTooLarge);
  const std::string longest(2049, 'x');
  EXPECT_EQ(parse("{\"$id\":\"" + longest + "\"}").error().code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(parse("{\"$ref\":\"#/" + longest + "\"}").error().code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(parse("{}", {{longest, "{}"}}).error().code, ErrorCode::kRecordTooLarge);
  few = {};
  few.patterns_max = 1;
  EXPECT_TRUE(parse(R"({"pattern":"a","patternProperties":{"a":{}}})", {}, few)) << "the same one";
  EXPECT_EQ(parse(R"({"pattern":"a","patternProperties":{"b":{}}})", {}, few).error().code,
            ErrorCode::kRecordTooLarge);
}

TEST(JsonSchemaParser, TakesPatternsOfTheLettersOfAllAlphabets) {
  const auto schema = parse(R"j({"pattern":"^[\\p{L}\\p{N} .'-]{1,100}$"})j");
  ASSERT_TRUE(schema) << schema.error().to_string();
  EXPECT_FALSE((*schema)->check(as_bytes(R"("Ünal O'Neill")")));
  EXPECT_TRUE((*schema)->check(as_bytes(R"("<Ünal>")")));
}

TEST(JsonSchemaParser, KeepsTheTextButForItsSpace) {
  const auto schema = parse(
      "{ \"type\" : \"object\",\n \"b\": [1.50, 1E3, -0.0, 12345678901234567890123],"
      " \"a\": \"\\u0041\\/\\n\" }");
  ASSERT_TRUE(schema) << schema.error().to_string();
  EXPECT_EQ((*schema)->canonical_text(),
            R"({"type":"object","b":[1.50,1E3,-0.0,12345678901234567890123],"a":"A/\n"})");
  EXPECT_EQ((*schema)->normalized_text(),
            R"({"a":"A/\n","b":[1.50,1E3,-0.0,12345678901234567890123],"type":"object"})");
  EXPECT_EQ((*schema)->text_as("").value(), (*schema)->canonical_text());
  EXPECT_EQ((*schema)->text_as("default").value(), (*schema)->canonical_text());
  EXPECT_EQ((*schema)->text_as("resolved").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ((*schema)->format(), Format::kJson);
  EXPECT_GT((*schema)->memory_bytes(), 100u);
}

TEST(JsonSchemaParser, IsCalledByItsTitle) {
  EXPECT_EQ((*parse(R"({"title":"com.acme.Order"})"))->record_name().value(), "com.acme.Order");
  EXPECT_EQ((*parse("{}"))->record_name().value(), "");
  EXPECT_EQ((*parse("true"))->record_name().value(), "");
}

TEST(JsonSchemaParser, FindsReferencesByTheirNameAndByTheirId) {
  const std::string user =
      R"({"properties":{"a":{"$ref":"address.json"},"b":{"$ref":"http://acme.com/b#/definitions/c"}}})";
  const std::vector<NamedText> references = {
      {"address.json", R"({"type":"string","maxLength":3})"},
      {"whatever", R"({"$id":"http://acme.com/b","definitions":{"c":{"$ref":"address.json"}}})"}};
  const auto schema = parse(user, references);
  ASSERT_TRUE(schema) << schema.error().to_string();
  EXPECT_TRUE(takes(*schema, R"({"a":"abc","b":"abc"})"));
  EXPECT_FALSE(takes(*schema, R"({"a":"abcd"})"));
  EXPECT_FALSE(takes(*schema, R"({"b":"abcd"})")) << "a reference of a reference";
  const auto unknown = parse(R"({"$ref":"adress.json"})", references);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().context.find("\"address.json\", \"whatever\""), std::string::npos)
      << unknown.error().context;
}

TEST(JsonSchemaParser, ReadsReferencesRelativeToTheIdOfTheSchema) {
  const auto schema =
      parse(R"({"$id":"http://acme.com/schemas/order.json","properties":{"a":{"$ref":"address.json"}}})",
            {{"address.json", R"({"type":"string"})"}});
  ASSERT_TRUE(schema) << schema.error().to_string();
  EXPECT_FALSE(takes(*schema, R"({"a":1})"));
}

TEST(JsonSchemaParser, NamesTheReferenceThatIsWrong) {
  const auto schema = parse("{}", {{"bad.json", R"({"type":"x"})"}});
  ASSERT_FALSE(schema);
  EXPECT_NE(schema.error().context.find("the reference \"bad.json\", at /type"), std::string::npos)
      << schema.error().context;
}

TEST(JsonSchemaParser, TakesAnIdTwiceForTheSameSchema) {
  EXPECT_TRUE(parse(R"({"items":[{"$id":"x","type":"null"},{"type":"null","$id":"x"}]})"));
  const NamedText same{"x", R"({"$id":"http://a.b/x","type":"null"})"};
  const auto twice = parse(R"({"$ref":"http://a.b/x"})", {same, {"y", same.text}});
  ASSERT_TRUE(twice) << twice.error().to_string();
  EXPECT_FALSE(takes(*twice, "1"));
}

TEST(JsonSchemaParser, TakesTheDraftOfAMetaSchemaOfOnesOwn) {
  const std::string newest = R"({"$schema":"http://a.b/mine","dependentRequired":{"a":["b"]}})";
  EXPECT_TRUE(takes(*parse(newest), R"({"a":1})")) << "draft 7, for all we know";
  const std::string meta = R"({"$schema":"https://json-schema.org/draft/2020-12/schema"})";
  EXPECT_FALSE(takes(*parse(newest, {{"http://a.b/mine", meta}}), R"({"a":1})"));
  const std::string endless = R"({"$schema":"http://a.b/mine"})";
  EXPECT_TRUE(parse(newest, {{"http://a.b/mine", endless}})) << "that names itself";
}

TEST(JsonSchemaParser, TakesADraft7WhereNoneIsNamed) {
  EXPECT_FALSE(takes(*parse(R"({"if":{"type":"string"},"then":{"minLength":2}})"), "\"a\"")) << "not draft 6";
  EXPECT_TRUE(takes(*parse(R"({"dependentRequired":{"a":["b"]}})"), R"({"a":1})")) << "not 2019-09";
}

}  // namespace
}  // namespace forebay::schema
