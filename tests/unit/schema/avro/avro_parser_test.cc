#include "schema/core/avro/avro_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "schema/core/avro/avro_text.h"
#include "schema/core/schema.h"

namespace forebay::schema::avro {
namespace {

using testing::HasSubstr;

std::string canonical(const std::string& text) {
  const auto parsed = parse(text);
  EXPECT_TRUE(parsed) << parsed.error().to_string();
  return parsed ? canonical_text(*parsed) : std::string();
}
std::string refusal(const std::string& text) {
  const auto parsed = parse(text);
  EXPECT_FALSE(parsed) << text;
  return parsed ? std::string() : parsed.error().to_string();
}

TEST(AvroText, OrderAndSpaceDoNotMatter) {
  EXPECT_EQ(canonical(R"( { "fields" : [ {"type":"int","name":"a"} ], "name":"n.R" , "type":"record" } )"),
            R"({"type":"record","name":"R","namespace":"n","fields":[{"name":"a","type":"int"}]})");
  EXPECT_EQ(canonical(R"({"type":"int"})"), R"("int")");
  EXPECT_EQ(canonical("string"), R"("string")");
}

TEST(AvroText, TypeIsWrittenOnce) {
  EXPECT_EQ(
      canonical(R"({"type":"record","name":"R","namespace":"n","fields":[
      {"name":"a","type":{"type":"enum","name":"E","symbols":["X"],"default":"X"}},
      {"name":"b","type":"n.E"},{"name":"c","type":["null","R"],"default":null,"doc":"d","order":"ignore"}]})"),
      R"({"type":"record","name":"R","namespace":"n","fields":[)"
      R"({"name":"a","type":{"type":"enum","name":"E","symbols":["X"],"default":"X"}},)"
      R"({"name":"b","type":"E"},{"name":"c","type":["null","R"],"doc":"d","default":null,"order":"ignore"}]})");
}

// "int" alone is the primitive type.
TEST(AvroText, TypeThatIsCalledAsAPrimitiveOneKeepsItsNamespace) {
  const std::string text =
      R"({"type":"record","name":"int","namespace":"n","fields":[{"name":"a","type":["null","n.int"]},)"
      R"({"name":"b","type":"int"}]})";
  EXPECT_EQ(canonical(text), text);
  EXPECT_EQ(canonical(canonical(text)), text);
}

TEST(AvroText, AliasIsWrittenOnce) {
  EXPECT_EQ(canonical(R"({"type":"record","name":"n.R","aliases":["S","n.S","S"],)"
                      R"("fields":[{"name":"a","type":"int","aliases":["b","c","b"]}]})"),
            R"({"type":"record","name":"R","namespace":"n",)"
            R"("fields":[{"name":"a","type":"int","aliases":["b","c"]}],"aliases":["n.S"]})");
}

TEST(AvroText, NormalizedSortsOnlyWhatIsNobodys) {
  const auto parsed =
      parse(R"({"type":"fixed","name":"F","size":4,"z":1,"a":{"y":2,"b":3},"logicalType":"decimal"})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(canonical_text(*parsed),
            R"({"type":"fixed","name":"F","size":4,"z":1,"a":{"y":2,"b":3},"logicalType":"decimal"})");
  EXPECT_EQ(normalized_text(*parsed),
            R"({"type":"fixed","name":"F","size":4,"a":{"b":3,"y":2},"logicalType":"decimal","z":1})");
}

TEST(AvroParser, NamesOfReferencesAreKnownAndNotWrittenAgain) {
  const std::string other = R"({"type":"record","name":"O","namespace":"n","fields":[]})";
  const auto parsed =
      parse(R"({"type":"record","name":"R","fields":[{"name":"o","type":"n.O"}]})", {{"o", other}});
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(canonical_text(*parsed), R"({"type":"record","name":"R","fields":[{"name":"o","type":"n.O"}]})");
}

TEST(AvroText, ResolvedHasWhatItRefersTo) {
  const std::vector<NamedText> references{
      {"x", R"({"type":"enum","name":"n.X","symbols":["A"]})"},
      {"o", R"({"type":"record","name":"O","namespace":"n","fields":[{"name":"x","type":"X"}]})"},
      {"unused", R"({"type":"fixed","name":"U","size":1})"}};
  const std::string text =
      R"({"type":"record","name":"R","fields":[{"name":"o","type":"n.O"},{"name":"p","type":["n.O","n.X"]}]})";
  const auto parsed = parse_schema(Format::kAvro, text, references);
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ((*parsed)->canonical_text(), text);
  EXPECT_EQ((*parsed)->text_as("").value_or("-"), text);
  EXPECT_EQ((*parsed)->text_as("default").value_or("-"), text);
  const std::string resolved = (*parsed)->text_as("resolved").value_or("-");
  EXPECT_EQ(
      resolved,
      R"({"type":"record","name":"R","fields":[{"name":"o","type":{"type":"record","name":"O","namespace":"n",)"
      R"("fields":[{"name":"x","type":{"type":"enum","name":"X","symbols":["A"]}}]}},)"
      R"({"name":"p","type":["n.O","n.X"]}]})");
  const auto alone = parse_schema(Format::kAvro, resolved);
  ASSERT_TRUE(alone) << alone.error().to_string();
  EXPECT_EQ((*alone)->canonical_text(), resolved);
  EXPECT_TRUE((*alone)->differences(**parsed, {}).empty());
  const auto unknown = (*parsed)->text_as("serialized");
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().context, HasSubstr("there are: default, resolved"));
}

TEST(AvroText, ResolvedIsBounded) {
  std::vector<NamedText> references{{"0", R"({"type":"record","name":"R0","fields":[]})"}};
  for (int i = 1; i < 1500; ++i) {
    references.push_back({std::to_string(i), R"({"type":"record","name":"R)" + std::to_string(i) +
                                                 R"(","fields":[{"name":"r","type":"R)" +
                                                 std::to_string(i - 1) + "\"}]}"});
  }
  const auto parsed = parse_schema(Format::kAvro, R"(["R1499"])", references);
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ((*parsed)->canonical_text(), R"(["R1499"])");
  EXPECT_EQ((*parsed)->text_as("resolved").error().code, ErrorCode::kRecordTooLarge);
  const auto found = (*parsed)->differences(**parsed, {});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().rule, "TOO_COMPLEX");
  EXPECT_TRUE((*parsed)->check(as_bytes(std::string(1, '\0'))));  // values too deep
}

TEST(AvroFormat, NamesAndMemoryAreThoseOfTheSchema) {
  const auto of = [](const std::string& text) { return parse_schema(Format::kAvro, text).value(); };
  const auto small = of("\"int\""),
             named = of(R"({"type":"record","name":"R","namespace":"a.b","fields":[]})");
  EXPECT_EQ(small->format(), Format::kAvro);
  EXPECT_EQ(small->record_name().value_or("-"), "");
  EXPECT_EQ(named->record_name().value_or("-"), "a.b.R");
  const std::string symbol(10'000, 's');
  EXPECT_GT(of(R"({"type":"enum","name":"E","symbols":[")" + symbol + "\"]}")->memory_bytes(),
            small->memory_bytes() + 2 * symbol.size());
}

TEST(AvroParser, ErrorsOfReferencesNameThem) {
  const auto parsed = parse("\"int\"", {{"good", "\"int\""}, {"bad.avsc", R"({"type":"record"})"}});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().context, testing::StartsWith("the reference 'bad.avsc': Avro schema, at $: "));
}

TEST(AvroParser, DefaultsOfUnionsMayBeOfAnyBranch) {
  const auto with = [](const std::string& type, const std::string& value) {
    return R"({"type":"record","name":"R","fields":[{"name":"a","type":)" + type + R"(,"default":)" + value +
           "}]}";
  };
  EXPECT_TRUE(parse(with(R"(["null","int"])", "1")));
  EXPECT_TRUE(parse(with(R"(["int","null"])", "null")));
  EXPECT_TRUE(parse(with(R"([{"type":"array","items":"int"},{"type":"map","values":"int"}])", R"({"a":1})")));
  EXPECT_FALSE(parse(with("[]", "null")));
}

TEST(AvroParser, DefaultsOfFloatsMayBeTexts) {
  const auto with = [](const std::string& value) {
    return R"({"type":"record","name":"R","fields":[{"name":"a","type":"double","default":)" + value + "}]}";
  };
  EXPECT_EQ(canonical(with(R"("1.5")")), with("1.5"));
  EXPECT_EQ(canonical(with(R"("NaN")")), with(R"("NaN")"));
  EXPECT_EQ(canonical(with(R"("-Infinity")")), with(R"("-Infinity")"));
  EXPECT_THAT(refusal(with(R"("1.5x")")), HasSubstr("is no double"));
  EXPECT_THAT(refusal(with(R"("")")), HasSubstr("is no double"));
}

TEST(AvroParser, OldDefaultsAreNoErrorOfARegistry) {
  for (const std::string old : {R"({"name":"a","type":"string","default":null})",
                                R"({"name":"a","type":["null","string"],"default":1})"}) {
    const std::string text = R"({"type":"record","name":"R","fields":[)" + old + "]}";
    EXPECT_FALSE(parse_schema(Format::kAvro, text)) << text;
    const auto parsed = parse_schema(Format::kAvro, text, {}, {}, Origin::kRegistry);
    ASSERT_TRUE(parsed) << parsed.error().to_string();
    EXPECT_EQ((*parsed)->canonical_text(), text);
    EXPECT_TRUE((*parsed)->from_json(R"({"a":null})") || (*parsed)->from_json(R"({"a":"x"})"));
    const auto encoded = (*parsed)->from_json("{}");
    ASSERT_FALSE(encoded);
    EXPECT_EQ(encoded.error().code, ErrorCode::kInvalidRecord);
  }
}

TEST(AvroParser, TakesWhatTheJavaLibraryTakes) {
  EXPECT_EQ(canonical("/* Licence */\n{\"type\": // of a\n \"int\"}"), "\"int\"");
  const std::string umlauts =
      R"({"type":"record","name":"Größe","namespace":"maße","fields":[{"name":"höhe2","type":"int"}]})";
  EXPECT_EQ(canonical(umlauts), umlauts);
  EXPECT_THAT(refusal(R"({"type":"enum","name":"E","symbols":["a–b"]})"), HasSubstr("is no name"));
  EXPECT_THAT(refusal(R"({"type":"enum","name":"E","symbols":["²"]})"), HasSubstr("is no name"));
  EXPECT_EQ(canonical(R"({"type":"record","name":"R","doc":1,"fields":[)"
                      R"({"name":"a","type":"int","doc":["x"],"order":"DESCENDING"}]})"),
            R"({"type":"record","name":"R","fields":[{"name":"a","type":"int","order":"descending"}]})");
}

TEST(AvroParser, SaysWhatIsWrongAndWhere) {
  EXPECT_THAT(refusal("{"), HasSubstr("no JSON"));
  EXPECT_THAT(refusal(R"({"name":"R"})"), HasSubstr("has a 'type'"));
  EXPECT_THAT(refusal(R"({"type":"record","name":"R","fields":[{"name":"a","type":"B"}]})"),
              HasSubstr("$.fields[0].type: there is no type 'B'"));
  EXPECT_THAT(refusal(R"({"type":"record","name":"9","fields":[]})"), HasSubstr("is no name"));
  EXPECT_THAT(refusal(R"(["int","int"])"), HasSubstr("has 'int' twice"));
  EXPECT_THAT(refusal(R"([["int"]])"), HasSubstr("holds no union"));
  EXPECT_THAT(refusal(R"({"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]})"),
              HasSubstr("$.fields[0].default: the default \"x\" is no int"));
  EXPECT_THAT(
      refusal(R"({"type":"record","name":"R","fields":[{"name":"a","type":["null","int"],"default":"x"}]})"),
      HasSubstr("the default \"x\" is no union of null, int"));
  EXPECT_THAT(refusal(R"({"type":"enum","name":"E","symbols":["A","A"]})"), HasSubstr("twice"));
  EXPECT_THAT(refusal(R"({"type":"fixed","name":"F","size":-1})"), HasSubstr("'size'"));
  EXPECT_THAT(refusal(R"({"type":"fixed","name":"F","size":2147483648})"), HasSubstr("0 to 2147483647"));
}

TEST(AvroParser, WhatIsTooMuchIsRefusedBeforeItIsBuilt) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"type":"array","items":)";
  EXPECT_EQ(parse(deep).error().code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(parse("/* */" + deep).error().code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(parse(std::string(2U << 20, ' ')).error().code, ErrorCode::kRecordTooLarge);
  std::string members = R"({"type":"int")";
  for (int i = 0; i < 2'001; ++i) members += ",\"" + std::to_string(i) + "\":1";
  EXPECT_EQ(parse(members + "}").error().code, ErrorCode::kRecordTooLarge);
  std::string many = "[";
  for (int i = 0; i < 100; ++i)
    many += (i == 0 ? "" : ",") + std::string(R"({"type":"fixed","size":1,"name":"F)") + std::to_string(i) +
            "\"}";
  EXPECT_EQ(parse(many + "]", {}, {.types_max = 50}).error().code, ErrorCode::kRecordTooLarge);
}

// A value that fits two branches at each of its levels, and none at the last, is looked at 2^60 times by
// whoever does not count.
TEST(AvroParser, DefaultsThatMultiplyAreRefused) {
  std::string value = "{\"s\":7}";
  for (int i = 0; i < 60; ++i) value = R"({"f":)" + value + "}";
  const std::string schema =
      R"({"type":"record","name":"R","fields":[{"name":"x","type":)"
      R"({"type":"record","name":"A","fields":[{"name":"f","type":["A",{"type":"record","name":"B","fields":)"
      R"([{"name":"f","type":["A","B","null"]}]},"null"]}]},"default":)" +
      value + "}]}";
  const auto parsed = parse(schema);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code, ErrorCode::kRecordTooLarge) << parsed.error().to_string();
}

}  // namespace
}  // namespace forebay::schema::avro
