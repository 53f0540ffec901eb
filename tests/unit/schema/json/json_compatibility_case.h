// Rows of the tables of compatibility: two schemas, and what keeps each from reading what the other wrote.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "schema/core/schema.h"

namespace forebay::schema {

// Schemas with ' for ". Expected: every "RULE /path", one after the other with "; " between; empty:
// compatible.
struct CompatibilityCase {
  std::string before, after;
  std::string after_reads_before, before_reads_after;
};

inline SchemaPtr schema_of_case(std::string text) {
  std::replace(text.begin(), text.end(), '\'', '"');
  auto parsed = parse_schema(Format::kJson, text);
  EXPECT_TRUE(parsed) << parsed.error().to_string() << "\n" << text;
  return parsed ? *parsed : nullptr;
}

inline std::string told(const std::vector<Difference>& all) {
  std::string text;
  for (const Difference& one : all) {
    EXPECT_FALSE(one.allowed.empty()) << one.rule;
    EXPECT_FALSE(one.writes.empty() && one.reads.empty()) << one.rule;
    text += (text.empty() ? "" : "; ") + one.rule + (one.path.empty() ? "" : " ") + one.path;
  }
  return text;
}

inline void expect_judged(const CompatibilityCase& one, const CompatibilityPolicy& policy) {
  const SchemaPtr before = schema_of_case(one.before), after = schema_of_case(one.after);
  ASSERT_TRUE(before && after);
  EXPECT_EQ(told(after->differences(*before, policy)), one.after_reads_before)
      << "writes " << one.before << "\nreads  " << one.after;
  EXPECT_EQ(told(before->differences(*after, policy)), one.before_reads_after)
      << "writes " << one.after << "\nreads  " << one.before;
}

}  // namespace forebay::schema
