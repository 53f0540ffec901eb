// What a payload is refused for, and the newer drafts, which the published suite of Debian 12 does not have.
#include <gtest/gtest.h>

#include <string>

#include "schema/core/schema.h"

namespace forebay::schema {
namespace {

SchemaPtr schema_of(const std::string& text) {
  auto parsed = parse_schema(Format::kJson, text);
  EXPECT_TRUE(parsed) << parsed.error().to_string() << "\n" << text;
  return parsed ? *parsed : nullptr;
}

struct Fault {
  std::string schema, payload, path, found, expected;
};
class JsonFault : public testing::TestWithParam<Fault> {};

TEST_P(JsonFault, SaysWhereWhatAndWhatWouldBeRight) {
  const Fault& one = GetParam();
  const auto fault = schema_of(one.schema)->check(as_bytes(one.payload));
  ASSERT_TRUE(fault) << one.payload;
  EXPECT_EQ(fault->path, one.path);
  EXPECT_EQ(fault->found, one.found);
  EXPECT_EQ(fault->expected, one.expected);
}

const std::string kOrder = R"({"properties":{"order":{"properties":{"lines":{"items":{"required":["price"],
  "properties":{"price":{"type":"number","minimum":0},"sku":{"pattern":"^[A-Z]+$","maxLength":4},
  "kind":{"enum":["a","b"]},"tags":{"uniqueItems":true}},"additionalProperties":false}}}}}})";

std::string line(const std::string& text) {
  return R"({"order":{"lines":[{"price":1},{"price":2},)" + text + "]}}";
}

INSTANTIATE_TEST_SUITE_P(
    Deep, JsonFault,
    testing::Values(Fault{kOrder, line(R"({"price":"abc"})"), "order.lines[2].price", "string \"abc\"",
                          "number (\"type\")"},
                    Fault{kOrder, line(R"({"price":-1.5})"), "order.lines[2].price", "number -1.5",
                          "at least 0 (\"minimum\")"},
                    Fault{kOrder, line("{}"), "order.lines[2]", "object of 0 members",
                          "a member \"price\" (\"required\")"},
                    Fault{kOrder, line(R"({"price":1,"sku":"a"})"), "order.lines[2].sku", "string \"a\"",
                          "a match of ^[A-Z]+$ (\"pattern\")"},
                    Fault{kOrder, line(R"({"price":1,"sku":"ABCDE"})"), "order.lines[2].sku",
                          "string \"ABCDE\"", "at most 4 characters (\"maxLength\")"},
                    Fault{kOrder, line(R"({"price":1,"kind":"c"})"), "order.lines[2].kind", "string \"c\"",
                          "[\"a\",\"b\"] (\"enum\")"},
                    Fault{kOrder, line(R"({"price":1,"tags":[1,2,1.0]})"), "order.lines[2].tags[2]",
                          "number 1.0", "an item that is not there before (\"uniqueItems\")"},
                    Fault{kOrder, line(R"({"price":1,"x":[]})"), "order.lines[2].x", "array of 0",
                          "no member of this name (\"additionalProperties\")"}));

INSTANTIATE_TEST_SUITE_P(
    Combined, JsonFault,
    testing::Values(
        Fault{R"({"anyOf":[{"type":"null"},{"type":"string"}]})", "1", "", "integer 1",
              "a value of one of the 2 schemas under \"anyOf\""},
        Fault{R"({"oneOf":[{"type":"null"},{"properties":{"a":{"type":"string"}},"type":"object"}]})",
              R"({"a":1})", "a", "integer 1", "string (\"type\") (the nearest under \"oneOf\")"},
        Fault{R"({"oneOf":[{"type":"number"},{"minimum":0}]})", "1", "", "integer 1",
              "a value of exactly one of the schemas under \"oneOf\", not of two"},
        Fault{R"({"not":{"type":"string"}})", "\"a\"", "", "string \"a\"",
              "a value that is none of the schema under \"not\""},
        Fault{R"({"const":{"a":1}})", "{}", "", "object of 0 members", "object of 1 members (\"const\")"},
        Fault{R"({"type":["null","integer"]})", "1.5", "", "number 1.5", "null or integer (\"type\")"},
        Fault{R"({"multipleOf":0.01})", "0.015", "", "number 0.015", "a multiple of 0.01 (\"multipleOf\")"},
        Fault{R"({"contains":{"const":1}})", "[2]", "", "array of 1",
              "at least 1 items as \"contains\" has them, not 0"},
        Fault{"false", "1", "", "integer 1", "nothing: the schema is false"}));

INSTANTIATE_TEST_SUITE_P(
    NoJson, JsonFault,
    testing::Values(Fault{"{}", R"({"a":1,"a":1})", "",
                          "the payload: member \"a\" is there twice in one object", "one JSON value"},
                    Fault{"{}", std::string(101, '[') + std::string(101, ']'), "",
                          "the payload: arrays and objects lie more than 100 deep in each other",
                          "one JSON value"}));

struct Case {
  std::string schema, good, bad;
};
class JsonNewerDrafts : public testing::TestWithParam<Case> {};

TEST_P(JsonNewerDrafts, TakesTheGoodAndRefusesTheBad) {
  for (const char* uri :
       {"https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema"}) {
    const bool is_2020 = std::string(uri).find("2020") != std::string::npos;
    if (GetParam().schema.find(is_2020 ? "\"only\":2019" : "\"only\":2020") != std::string::npos) continue;
    const auto schema = schema_of(R"({"$schema":")" + std::string(uri) + "\"," + GetParam().schema.substr(1));
    const auto fault = schema->check(as_bytes(GetParam().good));
    EXPECT_FALSE(fault) << uri << " " << fault->path << " " << fault->expected;
    EXPECT_TRUE(schema->check(as_bytes(GetParam().bad))) << uri;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Both, JsonNewerDrafts,
    testing::Values(
        Case{R"({"$ref":"#/$defs/a","maxLength":2,"$defs":{"a":{"type":"string"}}})", "\"ab\"", "\"abc\""},
        Case{R"({"$ref":"#/$defs/a","maxLength":2,"$defs":{"a":{"type":"string"}}})", "\"ab\"", "1"},
        Case{R"({"$ref":"#there","$defs":{"a":{"$anchor":"there","type":"string"}}})", "\"\"", "1"},
        Case{
            R"({"$id":"http://a.b/c","$ref":"d#e","$defs":{"x":{"$id":"d","$defs":{"y":{"$anchor":"e","type":"null"}}}}})",
            "null", "1"},
        Case{R"({"dependentRequired":{"a":["b"]}})", R"({"a":1,"b":1})", R"({"a":1})"},
        Case{R"({"dependentSchemas":{"a":{"minProperties":2}}})", R"({"a":1,"b":1})", R"({"a":1})"},
        Case{R"({"contains":{"const":1},"minContains":2})", "[1,1]", "[1,2]"},
        Case{R"({"contains":{"const":1},"maxContains":1})", "[1,2]", "[1,1]"},
        Case{R"({"contains":{"const":1},"minContains":0,"maxItems":1})", "[]", "[1,1]"},
        Case{R"({"properties":{"a":{}},"unevaluatedProperties":false})", R"({"a":1})", R"({"b":1})"},
        Case{R"({"allOf":[{"properties":{"a":{}}}],"unevaluatedProperties":false})", R"({"a":1})",
             R"({"b":1})"},
        Case{R"({"anyOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"properties":{"b":{}}}],
              "unevaluatedProperties":false})",
             R"({"a":1,"b":2})", R"({"a":2})"},
        Case{R"({"if":{"properties":{"a":{"const":1}},"required":["a"]},"else":{"properties":{"c":{}}},
              "unevaluatedProperties":false})",
             R"({"c":1})", R"({"a":2})"},
        Case{R"({"not":{"not":{"properties":{"a":{}}}},"properties":{"b":{}},"unevaluatedProperties":false})",
             R"({"b":1})", R"({"a":1})"},
        Case{R"({"unevaluatedProperties":{"type":"string"},"patternProperties":{"^x":{}}})",
             R"({"x":1,"a":"b"})", R"({"a":1})"},
        Case{R"({"unevaluatedItems":false})", "[]", "[1]"},
        Case{R"({"only":2020,"prefixItems":[{"type":"string"},{"type":"null"}],"items":false})",
             R"(["a",null])", R"(["a",null,1])"},
        Case{R"({"only":2020,"prefixItems":[{"type":"string"}],"unevaluatedItems":{"type":"null"}})",
             R"(["a",null])", R"(["a",1])"},
        Case{R"({"only":2020,"contains":{"const":1},"unevaluatedItems":false})", "[1,1]", "[1,2]"},
        Case{R"({"only":2019,"items":[{"type":"string"}],"unevaluatedItems":{"type":"null"}})",
             R"(["a",null])", R"(["a",1])"},
        Case{R"({"only":2019,"items":[{}],"additionalItems":false})", "[1]", "[1,2]"},
        Case{R"({"only":2019,"$id":"http://a.b/t","$recursiveAnchor":true,"required":["v"],
              "allOf":[{"$ref":"base"}],
              "$defs":{"base":{"$id":"base","$recursiveAnchor":true,"properties":{"n":{"$recursiveRef":"#"}}}}})",
             R"({"v":1,"n":{"v":1}})", R"({"v":1,"n":{}})"},
        Case{R"({"only":2020,"$id":"http://a.b/t","$dynamicAnchor":"node","required":["v"],
              "allOf":[{"$ref":"base"}],
              "$defs":{"base":{"$id":"base","$dynamicAnchor":"node","properties":{"n":{"$dynamicRef":"#node"}}}}})",
             R"({"v":1,"n":{"v":1}})", R"({"v":1,"n":{}})"},
        Case{R"({"only":2020,"$ref":"https://json-schema.org/draft/2020-12/schema"})",
             R"({"properties":{"a":{}}})", R"({"properties":{"a":{"minimum":"x"}}})"},
        Case{R"({"only":2019,"$ref":"https://json-schema.org/draft/2019-09/schema"})",
             R"({"properties":{"a":{}}})", R"({"properties":{"a":{"minimum":"x"}}})"}));

// Of schemas that each ask the next one twice: d0 begins.
std::string doubling_definitions() {
  std::string defs;
  for (int i = 0; i < 60; ++i) {
    const std::string next = R"({"$ref":"#/definitions/d)" + std::to_string(i + 1) + "\"}";
    defs += "\"d" + std::to_string(i) + R"(":{"allOf":[)" + next + "," + next + "]},";
  }
  return R"("definitions":{)" + defs + R"("d60":{}})";
}

TEST(JsonCheck, EndsWhereASchemaDoublesItsWorkAtEveryStep) {
  const auto schema = schema_of(R"({"$ref":"#/definitions/d0",)" + doubling_definitions() + "}");
  const auto fault = schema->check(as_bytes("1"));
  ASSERT_TRUE(fault);
  EXPECT_NE(fault->expected.find("steps"), std::string::npos) << fault->expected;
}

// Where a schema that fails is one that fits.
TEST(JsonCheck, RefusesWhatItCannotJudgeToItsEnd) {
  for (const std::string keywords :
       {R"("not":{"$ref":"#/definitions/d0"})", R"("if":{"$ref":"#/definitions/d0"},"then":false)",
        R"("contains":{"$ref":"#/definitions/d0"},"minContains":0,"maxContains":1)"}) {
    const auto schema = schema_of(R"({"$schema":"https://json-schema.org/draft/2020-12/schema",)" + keywords +
                                  "," + doubling_definitions() + "}");
    const auto fault = schema->check(as_bytes(R"([1,2])"));
    ASSERT_TRUE(fault) << keywords;
    EXPECT_NE(fault->expected.find("steps"), std::string::npos) << keywords << ": " << fault->expected;
  }
}

TEST(JsonCheck, RefusesATextThatAPatternDoesNotDecide) {
  const std::string pattern = R"j("pattern":"^(?=(a+)+$)")j", text = '"' + std::string(60, 'a') + "!\"";
  for (const std::string& schema :
       {"{" + pattern + "}", R"({"not":{)" + pattern + "}}", R"({"anyOf":[{)" + pattern + "},true]}"}) {
    const auto fault = schema_of(schema)->check(as_bytes(text));
    ASSERT_TRUE(fault) << schema;
    EXPECT_NE(fault->expected.find("steps"), std::string::npos) << schema << ": " << fault->expected;
  }
  const auto members = schema_of(R"j({"patternProperties":{"^(?=(a+)+$)":{}}})j");
  EXPECT_TRUE(members->check(as_bytes("{" + text + ":1}")));
  EXPECT_FALSE(members->check(as_bytes(R"({"aaa":1})")));
}

std::string repeated(const std::string& what, std::size_t times) {
  std::string all = what;
  for (std::size_t i = 1; i < times; ++i) all += ',' + what;
  return all;
}
std::string many_members(std::size_t count) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i)
    all += (i == 0 ? "\"m" : ",\"m") + std::to_string(i) + "\":" + std::to_string(i);
  return all;
}

// Each schema alone is cheap, and there are many, of many items, members or bytes.
TEST(JsonCheck, EndsWhereManySchemasLookAtMuch) {
  const std::string newest = R"("$schema":"https://json-schema.org/draft/2020-12/schema",)";
  const std::string items = "[" + repeated("1", 50'000) + "]", members = "{" + many_members(20'000) + "}",
                    text = '"' + std::string(100'000, 'x') + '"';
  struct Much {
    std::string schema, payload;
  };
  for (const auto& [one, payload] : {
           Much{R"("items":true)", items},
           Much{R"("properties":{"a":{}})", members},
           Much{R"("patternProperties":{"a":{}})", members},
           Much{R"("propertyNames":true)", members},
           Much{R"("minLength":1)", text},
           Much{R"("multipleOf":0.5)", "0." + std::string(100'000, '0')},
       }) {
    const auto schema = schema_of("{" + newest + R"("allOf":[)" + repeated("{" + one + "}", 1'000) + "]}");
    const auto fault = schema->check(as_bytes(payload));
    ASSERT_TRUE(fault) << one;
    EXPECT_NE(fault->expected.find("steps"), std::string::npos) << one << ": " << fault->expected;
    EXPECT_FALSE(schema_of("{" + newest + one + "}")->check(as_bytes(payload))) << one;
  }
  std::string patterns;
  for (int i = 0; i < 900; ++i) patterns += (i == 0 ? "\"x" : ",\"x") + std::to_string(i) + "\":{}";
  EXPECT_TRUE(schema_of(R"({"patternProperties":{)" + patterns + "}}")->check(as_bytes(members)));
}

TEST(JsonCheck, EndsWhereADynamicReferenceLeadsBackToItself) {
  const auto schema = schema_of(
      R"({"$schema":"https://json-schema.org/draft/2020-12/schema","$dynamicAnchor":"a","anyOf":[{"$dynamicRef":"#a"}]})");
  EXPECT_TRUE(schema->check(as_bytes("1")));
}

TEST(JsonCheck, ComparesEachNameWithAnEnum) {
  const auto schema = schema_of(R"({"propertyNames":{"enum":["a","b"]}})");
  EXPECT_FALSE(schema->check(as_bytes(R"({"a":1,"b":1})")));
  const auto fault = schema->check(as_bytes(R"({"a":1,"c":1})"));
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->path, "c");
}

TEST(JsonCheck, ShowsTheBeginningOfWhatIsLong) {
  const std::string zeros(70, '0');
  EXPECT_EQ(schema_of(R"({"maxLength":1})")->check(as_bytes('"' + zeros + '"'))->found,
            "string \"" + zeros.substr(0, 59) + "...");
  EXPECT_EQ(schema_of(R"({"type":"string"})")->check(as_bytes("1." + zeros))->found,
            "number 1." + zeros.substr(0, 58) + "...");
  std::string values = "\"a\"";
  for (int i = 0; i < 60; ++i) values += ",\"" + std::to_string(i) + "\"";
  EXPECT_EQ(schema_of(R"({"enum":[)" + values + "]}")->check(as_bytes("1"))->expected,
            "one of 61 values (\"enum\")");
}

TEST(JsonCheck, FindsMembersAmongMany) {
  const std::string many = many_members(40);
  const auto schema = schema_of(R"({"required":["m0","m39"],"dependencies":{"m7":["m8"]}})");
  EXPECT_FALSE(schema->check(as_bytes("{" + many + "}")));
  EXPECT_TRUE(schema_of(R"({"required":["m40"]})")->check(as_bytes("{" + many + "}")));
  EXPECT_TRUE(schema->check(as_bytes("{" + many + ",\"m3\":0}"))) << "twice";
}

TEST(JsonCheck, LeavesFormatUnchecked) {
  EXPECT_FALSE(schema_of(R"({"format":"email"})")->check(as_bytes("\"no e-mail\"")));
}

TEST(JsonCheck, GivesBackThePayloadWithoutItsSpace) {
  const auto schema = schema_of(R"({"properties":{"a":{"type":"number"}}})");
  const std::string payload = "{ \"a\" : 1.10, \"b\":[ 12345678901234567890123 ] }\n";
  EXPECT_EQ(schema->to_json(as_bytes(payload)).value(), R"({"a":1.10,"b":[12345678901234567890123]})");
  EXPECT_EQ(schema->from_json(payload).value(), R"({"a":1.10,"b":[12345678901234567890123]})");
  const auto wrong = schema->from_json(R"({"a":"x"})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidRecord);
  EXPECT_EQ(wrong.error().context, "a: found string \"x\", expected number (\"type\")");
  EXPECT_EQ(schema->to_json(as_bytes("{")).error().code, ErrorCode::kInvalidRecord);
}

}  // namespace
}  // namespace forebay::schema
