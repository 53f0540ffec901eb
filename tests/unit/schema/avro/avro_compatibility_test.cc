#include "schema/core/avro/avro_compatibility.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "schema/core/avro/avro_parser.h"

namespace forebay::schema::avro {
namespace {

Schema schema_of(const std::string& text) {
  auto parsed = parse(text);
  EXPECT_TRUE(parsed) << parsed.error().to_string() << "\n" << text;
  return parsed ? std::move(*parsed) : Schema{};
}
std::string record(const std::string& fields) {
  return R"({"type":"record","name":"R","fields":[)" + fields + "]}";
}

struct Case {
  const char* what;
  std::string reader, writer;
  std::string rule, path;  // of the first difference; empty: compatible
};

class AvroCompatibility : public testing::TestWithParam<Case> {};

TEST_P(AvroCompatibility, IsJudgedAsTheSpecificationSays) {
  const Case& one = GetParam();
  const auto found = differences(schema_of(one.reader), schema_of(one.writer));
  if (one.rule.empty()) {
    EXPECT_TRUE(found.empty()) << found.front().rule << " at " << found.front().path;
    return;
  }
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found.front().rule, one.rule);
  EXPECT_EQ(found.front().path, one.path);
  EXPECT_FALSE(found.front().allowed.empty());
}

const std::string kInt = R"("int")", kLong = R"("long")", kFloat = R"("float")", kDouble = R"("double")",
                  kString = R"("string")", kBytes = R"("bytes")", kNull = R"("null")";

INSTANTIATE_TEST_SUITE_P(Primitives, AvroCompatibility,
                         testing::Values(Case{"same", kInt, kInt, "", ""},
                                         Case{"int to long", kLong, kInt, "", ""},
                                         Case{"int to float", kFloat, kInt, "", ""},
                                         Case{"int to double", kDouble, kInt, "", ""},
                                         Case{"long to float", kFloat, kLong, "", ""},
                                         Case{"long to double", kDouble, kLong, "", ""},
                                         Case{"float to double", kDouble, kFloat, "", ""},
                                         Case{"bytes to string", kString, kBytes, "", ""},
                                         Case{"string to bytes", kBytes, kString, "", ""},
                                         Case{"long to int", kInt, kLong, "TYPE_MISMATCH", ""},
                                         Case{"double to float", kFloat, kDouble, "TYPE_MISMATCH", ""},
                                         Case{"float to long", kLong, kFloat, "TYPE_MISMATCH", ""},
                                         Case{"null to int", kInt, kNull, "TYPE_MISMATCH", ""},
                                         Case{"int to string", kString, kInt, "TYPE_MISMATCH", ""}));

INSTANTIATE_TEST_SUITE_P(
    Records, AvroCompatibility,
    testing::Values(Case{"field added with default", record(R"({"name":"a","type":"int","default":1})"),
                         record(""), "", ""},
                    Case{"field added without", record(R"({"name":"a","type":"int"})"), record(""),
                         "READER_FIELD_MISSING_DEFAULT_VALUE", "/fields/0"},
                    Case{"field removed", record(""), record(R"({"name":"a","type":"int"})"), "", ""},
                    Case{"field of another type", record(R"({"name":"a","type":"int"})"),
                         record(R"({"name":"a","type":"string"})"), "TYPE_MISMATCH", "/fields/0/type"},
                    Case{"field renamed with alias", record(R"({"name":"b","type":"int","aliases":["a"]})"),
                         record(R"({"name":"a","type":"int"})"), "", ""},
                    Case{"another name", R"({"type":"record","name":"S","fields":[]})", record(""),
                         "NAME_MISMATCH", "/name"},
                    Case{"another name with alias",
                         R"({"type":"record","name":"S","aliases":["R"],"fields":[]})", record(""), "", ""},
                    Case{"another namespace", R"({"type":"record","name":"R","namespace":"n","fields":[]})",
                         record(""), "", ""},
                    Case{"recursive", record(R"({"name":"next","type":["null","R"],"default":null})"),
                         record(R"({"name":"next","type":["null","R"]})"), "", ""}));

INSTANTIATE_TEST_SUITE_P(
    OfOthers, AvroCompatibility,
    testing::Values(Case{"enum grows", R"({"type":"enum","name":"E","symbols":["A","B"]})",
                         R"({"type":"enum","name":"E","symbols":["A"]})", "", ""},
                    Case{"enum shrinks", R"({"type":"enum","name":"E","symbols":["A"]})",
                         R"({"type":"enum","name":"E","symbols":["A","B"]})", "MISSING_ENUM_SYMBOLS",
                         "/symbols"},
                    Case{"enum shrinks with default",
                         R"({"type":"enum","name":"E","symbols":["A"],"default":"A"})",
                         R"({"type":"enum","name":"E","symbols":["A","B"]})", "", ""},
                    Case{"fixed of another size", R"({"type":"fixed","name":"F","size":4})",
                         R"({"type":"fixed","name":"F","size":5})", "FIXED_SIZE_MISMATCH", "/size"},
                    Case{"items", R"({"type":"array","items":"int"})", R"({"type":"array","items":"string"})",
                         "TYPE_MISMATCH", "/items"},
                    Case{"values promoted", R"({"type":"map","values":"long"})",
                         R"({"type":"map","values":"int"})", "", ""},
                    Case{"into a union", R"(["null","string"])", kString, "", ""},
                    Case{"into a union without it", R"(["null","int"])", kString, "MISSING_UNION_BRANCH", ""},
                    Case{"union grows", R"(["null","string","int"])", R"(["null","string"])", "", ""},
                    Case{"union shrinks", R"(["null","string"])", R"(["null","string","int"])",
                         "MISSING_UNION_BRANCH", "/2"},
                    Case{"union of what is promoted", kDouble, R"(["int","float"])", "", ""},
                    Case{"union to one of it", kInt, R"(["int","string"])", "TYPE_MISMATCH", "/1"}));

// Each type twice in the next one: a list of all places would have 2^60 entries.
TEST(AvroCompatibilityBounds, TypesThatAreUsedAgainAreToldOnce) {
  const auto tower = [](const std::string& ground) {
    std::string fields =
        R"({"name":"f0","type":{"type":"record","name":"R0","fields":[{"name":"x","type":)" + ground + "}]}}";
    for (int i = 1; i < 60; ++i) {
      const std::string below = "\"type\":\"R" + std::to_string(i - 1) + "\"}";
      fields += ",{\"name\":\"f" + std::to_string(i) + R"(","type":{"type":"record","name":"R)" +
                std::to_string(i) + R"(","fields":[{"name":"a",)" + below + R"(,{"name":"b",)" + below +
                "]}}";
    }
    return schema_of(record(fields));
  };
  const auto found = differences(tower(kInt), tower(kString));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().path, "/fields/0/type/fields/0/type");
}

TEST(AvroCompatibilityBounds, TooManyPairsAreRefused) {
  std::string branches;
  for (int i = 0; i < 100; ++i)
    branches += (i == 0 ? "" : ",") + std::string(R"({"type":"record","fields":[],"name":"R)") +
                std::to_string(i) + "\"}";
  const Schema many = schema_of("[" + branches + "]");
  EXPECT_TRUE(differences(many, many, {.compared_steps_max = 20'000}).empty());
  EXPECT_TRUE(differences(many, many, {.compared_steps_max = 1'000}).empty());  // the same
  const Schema more = schema_of("[\"null\"," + branches + "]");
  EXPECT_TRUE(differences(more, many, {.compared_steps_max = 20'000}).empty());
  const auto found = differences(more, many, {.compared_steps_max = 1'000});
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found.front().rule, "TOO_COMPLEX");
  EXPECT_EQ(found.front().allowed, "schemas that are compared in 1000 steps, at most 1000 deep");
}

}  // namespace
}  // namespace forebay::schema::avro
