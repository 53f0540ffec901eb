#include "schema/core/avro/avro_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "schema/core/avro/avro_text.h"

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
  const auto parsed = parse(R"({"type":"record","name":"R","fields":[{"name":"o","type":"n.O"}]})", {other});
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(canonical_text(*parsed), R"({"type":"record","name":"R","fields":[{"name":"o","type":"n.O"}]})");
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
      refusal(R"({"type":"record","name":"R","fields":[{"name":"a","type":["null","int"],"default":1}]})"),
      HasSubstr("is no null"));
  EXPECT_THAT(refusal(R"({"type":"enum","name":"E","symbols":["A","A"]})"), HasSubstr("twice"));
  EXPECT_THAT(refusal(R"({"type":"fixed","name":"F","size":-1})"), HasSubstr("'size'"));
}

TEST(AvroParser, WhatIsTooMuchIsRefusedBeforeItIsBuilt) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"type":"array","items":)";
  EXPECT_EQ(parse(deep).error().code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(parse(std::string(2U << 20, ' ')).error().code, ErrorCode::kRecordTooLarge);
  std::string many = "[";
  for (int i = 0; i < 100; ++i)
    many += (i == 0 ? "" : ",") + std::string(R"({"type":"fixed","size":1,"name":"F)") + std::to_string(i) +
            "\"}";
  EXPECT_EQ(parse(many + "]", {}, {.types_max = 50}).error().code, ErrorCode::kRecordTooLarge);
}

}  // namespace
}  // namespace forebay::schema::avro
