#include "schema/core/rule_set.h"

#include "registry_fixture.h"

namespace forebay::schema {
namespace {

std::string normal(const std::string& text) { return normal_rule_set(text).value(); }

TEST(RuleSet, WhatDifferentClientsWriteOfTheSameRulesIsEqual) {
  const std::string short_form = R"({"domainRules":[{"name":"r","expr":"x"}]})";
  const std::string long_form =
      R"({"domainRules": [{"doc": null, "name": "r", "kind": "TRANSFORM", "mode": "WRITEREAD",
    "tags": [], "params": {}, "expr": "x", "disabled": false}], "migrationRules": [], "encodingRules": null})";
  EXPECT_EQ(normal(short_form), normal(long_form));
  EXPECT_EQ(normal(normal(short_form)), normal(short_form));
  EXPECT_EQ(normal(R"({"migrationRules":[{"name":"r","tags":["B","A","B"]}]})"),
            normal(R"({"migrationRules":[{"tags":["A","B"],"name":"r"}]})"));
  EXPECT_NE(normal(short_form), normal(R"({"domainRules":[{"name":"r","expr":"x","kind":"CONDITION"}]})"));
  EXPECT_NE(normal(short_form), normal(R"({"migrationRules":[{"name":"r","expr":"x"}]})"));
}

TEST(RuleSet, ToHaveNoRulesIsNotToHaveSaidNothing) {
  EXPECT_EQ(normal(""), "");
  EXPECT_EQ(normal("{}"), "{}");
  EXPECT_EQ(normal(R"({"domainRules":[]})"), "{}");
}

TEST(RuleSet, WhatIsNoneIsRefused) {
  for (const std::string& text :
       {std::string("["), std::string("[]"), std::string("{} {}"), std::string(R"({"domainRules":{"a":1}})"),
        std::string(R"({"domainRules":[3]})"), std::string(100, '[')})
    EXPECT_EQ(code_of(normal_rule_set(text)), 42201U) << text;
}

}  // namespace
}  // namespace forebay::schema
