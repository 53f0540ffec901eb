// What a difference says beyond its rule and path, and that no two schemas keep the comparison busy.
#include "json_compatibility_case.h"
#include "schema/core/json/json_matching.h"

namespace forebay::schema {
namespace {

std::vector<Difference> between(const std::string& writer, const std::string& reader) {
  return schema_of_case(reader)->differences(*schema_of_case(writer), {});
}

TEST(JsonDifference, SaysWhatBothSidesHaveAndWhatWouldDo) {
  const auto found = between("{'properties':{'a':{'type':'string','maxLength':9}}}",
                             "{'properties':{'a':{'type':'string','maxLength':5}}}");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], (Difference{"MAX_LENGTH_DECREASED", "/properties/a/maxLength", "9", "5",
                                  "the same value or a larger one, or none"}));
}

TEST(JsonDifference, NamesTheAlternativeThatNobodyReads) {
  const auto found =
      between("{'oneOf':[{'type':'null'},{'type':'object','properties':{'a':{'type':'string'}}}]}",
              "{'oneOf':[{'type':'null'},{'type':'object','properties':{'a':{'type':'number'}}}]}");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].rule, "COMBINED_TYPE_SUBSCHEMAS_CHANGED");
  EXPECT_EQ(found[0].writes, "oneOf/1: object");
  EXPECT_EQ(found[0].allowed,
            "for each schema of the writer one of its own that reads it; what keeps the nearest from reading "
            "oneOf/1: TYPE_CHANGED at /properties/a");
}

TEST(JsonDifference, TellsAllAndCutsWhatIsLong) {
  std::string many, others;
  for (int i = 0; i < 1200; ++i) {
    const std::string name = (i == 0 ? "'p" : ",'p") + std::to_string(i) + "':";
    many += name + "{'type':'string'}";
    others += name + "{'type':'null'}";
  }
  EXPECT_EQ(between("{'properties':{" + many + "}}", "{'properties':{" + others + "}}").size(), 1000u);
  const auto found = between("{'enum':['" + std::string(1000, 'x') + "']}", "{'enum':['a']}");
  ASSERT_EQ(found.size(), 1u);
  EXPECT_LT(found[0].writes.size(), 250u);
}

// Each definition has a union of all the others, so that the pairs within pairs are without number.
std::string entangled(int count, const std::string& last) {
  std::string defs;
  for (int i = 0; i < count; ++i) {
    std::string all;
    for (int j = 0; j < count; ++j)
      all += (j == 0 ? "" : ",") + std::string("{'$ref':'#/definitions/d") + std::to_string(j) + "'}";
    defs += (i == 0 ? "'d" : ",'d") + std::to_string(i) + "':{'properties':{'id':{'type':'" +
            (i == count - 1 ? last : "string") + "'},'x':{'oneOf':[" + all + "]},'y':{'anyOf':[" + all +
            "]}}}";
  }
  return "{'definitions':{" + defs + "},'properties':{'root':{'$ref':'#/definitions/d0'}}}";
}

TEST(JsonDifference, EndsForSchemasThatReferToEachOther) {
  EXPECT_TRUE(between(entangled(25, "string"), entangled(25, "string")).empty());
  EXPECT_FALSE(between(entangled(25, "string"), entangled(25, "integer")).empty());
}

TEST(JsonDifference, GivesUpWhereThereAreTooManyPairs) {
  std::string many;
  for (int i = 0; i < 900; ++i)
    many += (i == 0 ? "" : ",") + std::string("{'type':'string','maxLength':") + std::to_string(i) + "}";
  EXPECT_TRUE(between("{'anyOf':[" + many + "]}", "{'anyOf':[ " + many + "]}").empty()) << "unchanged";
  const auto found = between("{'anyOf':[" + many + "]}", "{'anyOf':[" + many + ",{}]}");
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].rule, "COMPARISON_TOO_LARGE");
  EXPECT_FALSE(found[0].allowed.empty());
}

// A pattern may take milliseconds for a name.
TEST(JsonDifference, GivesUpWhereThereAreTooManyNamesToMatch) {
  const auto closed = [](const std::string& keyword, const std::string& members) {
    return "{'" + keyword + "':{" + members + "},'additionalProperties':false}";
  };
  std::string patterns, properties;
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i), comma = i == 0 ? "" : ",";
    patterns += comma + "'^x" + number + "':{}";
    for (int j = 0; j < 100; ++j)
      properties +=
          (j == 0 ? comma : ",") + "'" + std::string(50, 'a') + number + "_" + std::to_string(j) + "':{}";
  }
  const auto found = between(closed("patternProperties", patterns), closed("properties", properties));
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].rule, "COMPARISON_TOO_LARGE");
  EXPECT_EQ(found[0].writes + " " + found[0].reads, "more than 300000 bytes of names to match with patterns");
}

TEST(JsonMatching, FindsALargestOne) {
  using json::kUnmatched;
  using Partners = std::vector<std::size_t>;
  EXPECT_EQ(json::largest_matching({}, 0), Partners{});
  EXPECT_EQ(json::largest_matching({{0, 1}, {0}}, 2), (Partners{1, 0})) << "the first gives way";
  EXPECT_EQ(json::largest_matching({{0}, {0}}, 1), (Partners{0, kUnmatched}));
  // A path through all: each takes the next one's place.
  std::vector<std::vector<std::size_t>> chain;
  for (std::size_t i = 0; i < 999; ++i) chain.push_back({i, i + 1});
  chain.push_back({0});
  const auto partners = json::largest_matching(chain, 1000);
  std::vector<bool> taken(1000);
  for (const std::size_t one : partners) {
    ASSERT_LT(one, 1000u);
    EXPECT_FALSE(taken[one]);
    taken[one] = true;
  }
}

}  // namespace
}  // namespace forebay::schema
