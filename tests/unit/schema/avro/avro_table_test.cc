// Each row of the table is judged both ways, with itself, and by what it says.
#include <gtest/gtest.h>

#include <map>
#include <ostream>
#include <string>

#include "avro_schemas.h"
#include "avro_table.h"

namespace forebay::schema::avro {
namespace {

const std::map<std::string, std::string>& codes() {
  static const std::map<std::string, std::string> all{{"TYPE_MISMATCH", "TM"},
                                                      {"READER_FIELD_MISSING_DEFAULT_VALUE", "RD"},
                                                      {"MISSING_UNION_BRANCH", "UB"},
                                                      {"NAME_MISMATCH", "NM"},
                                                      {"MISSING_ENUM_SYMBOLS", "ES"},
                                                      {"FIXED_SIZE_MISMATCH", "FS"},
                                                      {"READER_FIELD_MATCHES_SEVERAL", "MS"}};
  return all;
}

SchemaPtr schema_of(const std::string& text, const std::vector<NamedText>& references) {
  auto parsed = parse_schema(Format::kAvro, text, references);
  EXPECT_TRUE(parsed) << parsed.error().to_string() << "\n" << text;
  return parsed ? *parsed : nullptr;
}
std::string verdict(const ParsedSchema& reader, const ParsedSchema& writer) {
  std::string all;
  for (const Difference& one : reader.differences(writer, {})) {
    EXPECT_FALSE(one.allowed.empty()) << one.rule;
    const auto code = codes().find(one.rule);
    all += (all.empty() ? "" : "; ") + (code == codes().end() ? one.rule : code->second);
    if (!one.path.empty()) all += ' ' + one.path;
  }
  return all;
}

void judge(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    const auto a = schema_of(row.a, row.a_refers), b = schema_of(row.b, row.b_refers);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(verdict(*a, *b), row.a_reads_b) << row.a << " reads " << row.b;
    EXPECT_EQ(verdict(*b, *a), row.b_reads_a) << row.b << " reads " << row.a;
  }
}

TEST(AvroTable, Primitives) { judge(primitive_rows()); }
TEST(AvroTable, EnumsAndFixed) { judge(enum_and_fixed_rows()); }
TEST(AvroTable, Unions) { judge(union_rows()); }
TEST(AvroTable, Records) { judge(record_rows()); }
TEST(AvroTable, Aliases) { judge(alias_rows()); }
TEST(AvroTable, Nested) { judge(nested_rows()); }
TEST(AvroTable, LogicalTypesAndReferences) { judge(logical_and_referred_rows()); }

std::vector<Row> all_rows() {
  std::vector<Row> all;
  for (auto&& rows : {primitive_rows(), enum_and_fixed_rows(), union_rows(), record_rows(), alias_rows(),
                      nested_rows(), logical_and_referred_rows()})
    all.insert(all.end(), rows.begin(), rows.end());
  return all;
}

TEST(AvroTable, HasAsManyCasesAsItShould) { EXPECT_GE(all_rows().size(), 150U); }

// The path of a difference is that of the place: the same pair of types, deeper.
TEST(AvroTable, PlacesOnlyAddToThePath) {
  struct Place {
    std::string (*of)(const std::string&);
    const char* step;
  };
  const Place places[] = {
      {arr, "/items"},
      {map, "/values"},
      {[](const std::string& type) { return rec("Outer", {field("x", type)}); }, "/fields/0/type"}};
  for (const Row& row : all_rows()) {
    for (const Place& place : places) {
      SCOPED_TRACE(row.what);
      const auto a = schema_of(place.of(row.a), row.a_refers), b = schema_of(place.of(row.b), row.b_refers);
      ASSERT_TRUE(a && b);
      for (const auto& [found, wanted] :
           {std::pair{verdict(*a, *b), row.a_reads_b}, {verdict(*b, *a), row.b_reads_a}}) {
        std::string deeper;
        for (std::size_t at = 0; at < wanted.size();) {
          const std::size_t end = std::min(wanted.find(';', at), wanted.size());
          const std::string one = wanted.substr(at, end - at);
          deeper += (deeper.empty() ? "" : "; ") + one.substr(0, 2) + ' ' + place.step +
                    (one.size() > 3 ? one.substr(3) : "");
          at = std::min(end + 2, wanted.size());
        }
        EXPECT_EQ(found, deeper);
      }
    }
  }
}

TEST(AvroTable, EachIsCompatibleWithItself) {
  for (const Row& row : all_rows()) {
    for (const auto& schema : {schema_of(row.a, row.a_refers), schema_of(row.b, row.b_refers)})
      EXPECT_EQ(verdict(*schema, *schema), "") << schema->canonical_text();
  }
}

}  // namespace
}  // namespace forebay::schema::avro
