#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "avro_bytes.h"
#include "schema/core/schema.h"

namespace forebay::schema::avro {
namespace {

using testing::HasSubstr;

SchemaPtr schema_of(const std::string& text, const Limits& limits = {}) {
  auto parsed = parse_schema(Format::kAvro, text, {}, limits);
  EXPECT_TRUE(parsed) << parsed.error().to_string();
  return parsed ? *parsed : nullptr;
}
std::string json_of(const std::string& schema, const std::string& payload) {
  const auto json = schema_of(schema)->to_json(as_bytes(payload));
  return json ? *json : json.error().to_string();
}
std::string bytes_of(const std::string& schema, const std::string& json) {
  const auto bytes = schema_of(schema)->from_json(json);
  return bytes ? *bytes : bytes.error().to_string();
}
std::string record(const std::string& fields) {
  return R"({"type":"record","name":"R","namespace":"n","fields":[)" + fields + "]}";
}

struct Pair {
  std::string schema, payload, json;
};
class AvroJson : public testing::TestWithParam<Pair> {};
TEST_P(AvroJson, IsWrittenAndReadBack) {
  EXPECT_EQ(json_of(GetParam().schema, GetParam().payload), GetParam().json);
  EXPECT_EQ(bytes_of(GetParam().schema, GetParam().json), GetParam().payload);
}

const std::string kUnion =
    R"(["null","int",{"type":"record","name":"R","namespace":"n","fields":[]},{"type":"array","items":"int"}])";
INSTANTIATE_TEST_SUITE_P(
    Both, AvroJson,
    testing::Values(
        Pair{"\"null\"", "", "null"}, Pair{"\"boolean\"", std::string(1, '\0'), "false"},
        Pair{"\"boolean\"", "\1", "true"}, Pair{"\"int\"", Bytes().number(-7), "-7"},
        Pair{"\"long\"", Bytes().number(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808"},
        Pair{"\"long\"", Bytes().number(std::numeric_limits<std::int64_t>::max()), "9223372036854775807"},
        Pair{"\"float\"", Bytes().real(0.1F), "0.10000000149011612"},
        Pair{"\"double\"", Bytes().real(1.0), "1.0"}, Pair{"\"double\"", Bytes().real(-0.0), "-0.0"},
        Pair{"\"double\"", Bytes().real(1e300), "1e+300"},
        Pair{"\"double\"", Bytes().real(std::numeric_limits<double>::quiet_NaN()), "\"NaN\""},
        Pair{"\"float\"", Bytes().real(std::numeric_limits<float>::infinity()), "\"Infinity\""},
        Pair{"\"double\"", Bytes().real(-std::numeric_limits<double>::infinity()), "\"-Infinity\""},
        Pair{"\"string\"", Bytes().text("a\"\\\n\r\t\x01 ä€"), "\"a\\\"\\\\\\n\\r\\t\\u0001 ä€\""},
        Pair{"\"bytes\"", Bytes().text(std::string("\0\x7f\x80\xff\"", 5)), "\"\\u0000\x7f\xc2\x80ÿ\\\"\""},
        Pair{R"({"type":"fixed","name":"F","size":2})", "a\xe4", "\"aä\""},
        Pair{R"({"type":"enum","name":"E","symbols":["A","B"]})", Bytes().number(1), "\"B\""},
        Pair{kUnion, Bytes().number(0), "null"}, Pair{kUnion, Bytes().number(1).number(5), R"({"int":5})"},
        Pair{kUnion, Bytes().number(2), R"({"n.R":{}})"},
        Pair{kUnion, Bytes().number(3).number(0), R"({"array":[]})"},
        Pair{R"({"type":"array","items":"int"})", Bytes().number(2).number(1).number(2).number(0), "[1,2]"},
        Pair{R"({"type":"map","values":["null","int"]})",
             Bytes().number(2).text("z").number(0).text("a\n").number(1).number(3).number(0),
             R"({"z":null,"a\n":{"int":3}})"},
        Pair{record(R"({"name":"a","type":"int"},{"name":"b","type":"string"})"), Bytes().number(1).text("x"),
             R"({"a":1,"b":"x"})"}));

TEST(AvroToJson, NamesWhatIsWrongWithThePayload) {
  EXPECT_EQ(json_of(record(R"({"name":"a","type":"boolean"})"), "\2"),
            "INVALID_RECORD: a: expected boolean: byte 0 or 1, found byte 2");
}
TEST(AvroToJson, WhatItWritesIsBounded) {
  const std::string name(1000, 'n');
  const auto schema = schema_of(R"({"type":"array","items":{"type":"record","name":"R","fields":[{"name":")" +
                                    name + R"(","type":"boolean"}]}})",
                                {.json_bytes_max = 10'000});
  EXPECT_TRUE(schema->to_json(as_bytes(Bytes().number(5).raw("\1\1\1\1\1").number(0).str())));
  const auto large = schema->to_json(as_bytes(Bytes().number(20).raw(std::string(20, '\1')).number(0).str()));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, ErrorCode::kRecordTooLarge);
}

struct Written {
  std::string schema, json, payload;
};
class AvroFromJson : public testing::TestWithParam<Written> {};
TEST_P(AvroFromJson, TakesWhatPeopleWrite) {
  EXPECT_EQ(bytes_of(GetParam().schema, GetParam().json), GetParam().payload);
}

const std::string kDefaults = record(
    R"({"name":"i","type":"int","default":-1},{"name":"u","type":["null","int"],"default":null},
       {"name":"s","type":["string","null"],"default":"x"},
       {"name":"a","type":{"type":"array","items":["int","null"]},"default":[1,2]},
       {"name":"b","type":"bytes","default":"ÿ"},
       {"name":"r","type":{"type":"record","name":"In","fields":[{"name":"d","type":"double","default":1},
         {"name":"e","type":"int"}]},"default":{"e":4}},
       {"name":"m","type":{"type":"map","values":"long"},"default":{"k":9}})");
INSTANTIATE_TEST_SUITE_P(
    Plain, AvroFromJson,
    testing::Values(Written{R"(["null","string"])", R"("x")", Bytes().number(1).text("x")},
                    Written{R"(["null","string"])", "null", Bytes().number(0)},
                    Written{R"(["string","long"])", "5", Bytes().number(1).number(5)},
                    Written{R"(["int","long"])", "3000000000", Bytes().number(1).number(3'000'000'000)},
                    Written{R"(["null","double"])", "5", Bytes().number(1).real(5.0)},
                    Written{R"(["int","double"])", "0.5", Bytes().number(1).real(0.5)},
                    Written{R"(["null","double"])", "\"NaN\"",
                            Bytes().number(1).real(std::numeric_limits<double>::quiet_NaN())},
                    Written{R"(["string",{"type":"enum","name":"E","symbols":["A"]}])", R"("B")",
                            Bytes().number(0).text("B")},
                    Written{R"(["bytes","string"])", R"("€")", Bytes().number(1).text("€")},
                    Written{R"(["null",{"type":"fixed","name":"F","size":1}])", R"("ä")",
                            Bytes().number(1).raw("\xe4")},
                    Written{R"(["null",)" + record(R"({"name":"a","type":"int"})") + "]", R"({"a":1})",
                            Bytes().number(1).number(1)},
                    Written{R"(["null",{"type":"map","values":"int"}])", R"({"a":1,"b":2})",
                            Bytes().number(1).number(2).text("a").number(1).text("b").number(2).number(0)},
                    Written{R"({"type":"array","items":["null","int"]})", "[1,null,{\"int\":2}]",
                            Bytes().number(3).number(1).number(1).number(0).number(1).number(2).number(0)},
                    Written{"\"double\"", " 3 ", Bytes().real(3.0)},
                    Written{record(R"({"name":"a","type":"int"},{"name":"b","type":"int"})"),
                            R"({"b":2,"a":1})", Bytes().number(1).number(2)},
                    Written{kDefaults, "{}",
                            Bytes()
                                .number(-1)
                                .number(0)
                                .number(0)
                                .text("x")
                                .number(2)
                                .number(0)
                                .number(1)
                                .number(0)
                                .number(2)
                                .number(0)
                                .text("\xff")
                                .real(1.0)
                                .number(4)
                                .number(1)
                                .text("k")
                                .number(9)
                                .number(0)}));

struct Refused {
  std::string schema, json, error;
};
class AvroFromJsonRefuses : public testing::TestWithParam<Refused> {};
TEST_P(AvroFromJsonRefuses, NamingPathAndWhatIsAccepted) {
  EXPECT_EQ(bytes_of(GetParam().schema, GetParam().json), GetParam().error);
}
INSTANTIATE_TEST_SUITE_P(
    Kinds, AvroFromJsonRefuses,
    testing::Values(
        Refused{"\"int\"", "{", "INVALID_RECORD: the text is no JSON from its byte 2"},
        Refused{"\"int\"", "1 2", "INVALID_RECORD: the text is no JSON from its byte 3"},
        Refused{"\"string\"", "\"\xff\"", "INVALID_RECORD: the text is no JSON from its byte 2"},
        Refused{"\"int\"", "1.0",
                "INVALID_RECORD: the payload: expected int: a whole number of 32 bits, found 1.0"},
        Refused{"\"int\"", "2147483648",
                "INVALID_RECORD: the payload: expected int: a whole number of 32 bits, found 2147483648"},
        Refused{"\"long\"", "9223372036854775808",
                "INVALID_RECORD: the payload: expected long: a whole number of 64 bits, found "
                "9223372036854775808.0"},
        Refused{"\"float\"", "1e39",
                "INVALID_RECORD: the payload: expected float: a number of at most 3.4e38, found 1e+39"},
        Refused{
            "\"double\"", "\"1\"",
            R"(INVALID_RECORD: the payload: expected double: a number, "NaN", "Infinity" or "-Infinity", found "1")"},
        Refused{"\"boolean\"", "1", "INVALID_RECORD: the payload: expected boolean, found 1"},
        Refused{"\"string\"", "[1]", "INVALID_RECORD: the payload: expected string, found a list of 1"},
        Refused{"\"bytes\"", "\"€\"",
                "INVALID_RECORD: the payload: expected bytes: a text with a character up to U+00FF for each "
                "byte, "
                "found \"€\""},
        Refused{R"({"type":"fixed","name":"F","size":2})", "\"a\"",
                "INVALID_RECORD: the payload: expected fixed F of 2 bytes: a text with a character up to "
                "U+00FF for "
                "each byte, found \"a\""},
        Refused{R"({"type":"enum","name":"E","symbols":["A","B"]})", "\"C\"",
                "INVALID_RECORD: the payload: expected enum E: one of A, B, found \"C\""},
        Refused{R"(["null","int","long"])", "5",
                "INVALID_RECORD: the payload: expected one of null, {\"int\": ...}, {\"long\": ...}, found "
                "5, which "
                "may be int, long"},
        Refused{R"(["null","int"])", "\"x\"",
                "INVALID_RECORD: the payload: expected one of null, {\"int\": ...}, found \"x\""},
        Refused{R"(["string","bytes"])", "\"x\"",
                "INVALID_RECORD: the payload: expected one of {\"string\": ...}, {\"bytes\": ...}, found "
                "\"x\", which "
                "may be string, bytes"},
        Refused{R"(["null","int"])", R"({"int":"x"})",
                "INVALID_RECORD: the payload: expected int: a whole number of 32 bits, found \"x\""},
        Refused{R"(["null",{"type":"map","values":"int"},)" + record("") + "]", "{}",
                "INVALID_RECORD: the payload: expected one of null, {\"map\": ...}, {\"n.R\": ...}, found an "
                "empty "
                "object, which may be map, n.R"},
        Refused{record(R"({"name":"a","type":"int"},{"name":"b","type":"int"})"), R"({"a":1,"b":2,"d":3})",
                "INVALID_RECORD: d: expected one of a, b, found a field that record n.R does not have"},
        Refused{record(R"({"name":"a","type":"int"})"), "{}",
                "INVALID_RECORD: a: expected int, since the field has no default, found nothing"},
        Refused{record(R"({"name":"a","type":"int"})"), R"({"a":1,"a":2})",
                "INVALID_RECORD: a: expected each field once, found a second time"},
        Refused{
            record(R"({"name":"a","type":{"type":"array","items":{"type":"map","values":["null","int"]}}})"),
            R"({"a":[{},{"k":{"long":1}}]})",
            "INVALID_RECORD: a[1][\"k\"]: expected one of null, {\"int\": ...}, found an object with long"}));

TEST(AvroFromJson, HostileTextIsBounded) {
  const std::string list = R"({"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]})";
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"next":)";
  EXPECT_THAT(bytes_of(list, deep), HasSubstr("deep"));
  EXPECT_THAT(bytes_of(list, std::string(1'000'000, '[')), HasSubstr("deep"));
  // A default that holds itself, and defaults that double with each type.
  EXPECT_THAT(
      bytes_of(R"({"type":"record","name":"R","fields":[{"name":"r","type":"R","default":{}}]})", "{}"),
      HasSubstr("at most 500 deep"));
  std::string fields = R"({"name":"f0","type":{"type":"record","name":"R0","fields":[]}})";
  for (int i = 1; i < 60; ++i) {
    const std::string inner = "\"type\":\"R" + std::to_string(i - 1) + "\",\"default\":{}}";
    fields += ",{\"name\":\"f" + std::to_string(i) + R"(","type":{"type":"record","name":"R)" +
              std::to_string(i) + R"(","fields":[{"name":"a",)" + inner + R"(,{"name":"b",)" + inner +
              "]},\"default\":{}}";
  }
  EXPECT_THAT(bytes_of(R"({"type":"record","name":"R","fields":[)" + fields + "]}", R"({"f0":{}})"),
              HasSubstr("that take no bytes"));
}

}  // namespace
}  // namespace forebay::schema::avro
