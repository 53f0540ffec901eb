#include "cli/ndjson.h"

#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

Result<Fields> read(std::string_view line, const char* key = nullptr, const char* id = nullptr,
                    const char* time = nullptr) {
  FieldNames names;
  if (key != nullptr) names.key = key;
  if (id != nullptr) names.id = id;
  if (time != nullptr) names.time = time;
  return read_fields(line, names);
}

TEST(NdjsonKey, WhatBecomesTheKey) {
  struct Case {
    const char* name;
    const char* line;
    const char* field;
    std::optional<std::string> want;
  };
  const Case cases[] = {
      {"text", R"({"k":"v"})", "k", "v"},
      {"empty text", R"({"k":""})", "k", ""},
      {"escapes", R"({"k":"a\"\\\/\n\tb"})", "k", "a\"\\/\n\tb"},
      {"unicode escape", R"({"k":"\u00e9\ud83c\udf0a"})", "k", "\xC3\xA9\xF0\x9F\x8C\x8A"},
      {"raw unicode", "{\"k\":\"\xC3\xA9\"}", "k", "\xC3\xA9"},
      {"integer", R"({"k":42})", "k", "42"},
      {"negative", R"({"k":-7})", "k", "-7"},
      {"fraction as written", R"({"k":1.50})", "k", "1.50"},
      {"boolean", R"({"k":true})", "k", "true"},
      {"null is no key", R"({"k":null})", "k", {}},
      {"the last of several", R"({"k":"a","k":"b"})", "k", "b"},
      {"nested", R"({"a":{"b":{"c":"x"}},"z":1})", "a.b.c", "x"},
      {"after a nested object", R"({"a":{"k":"inner"},"k":"outer"})", "k", "outer"},
      {"not inside arrays", R"({"a":[{"k":"x"}],"k":"y"})", "k", "y"},
      {"a dotted name before a nested one", R"({"a":{"b":"nested"},"a.b":"flat"})", "a.b", "flat"},
      {"the dotted name first", R"({"a.b":"flat","a":{"b":"nested"}})", "a.b", "flat"},
      {"escaped field name", R"({"\u006b":"v"})", "k", "v"},
      {"blanks around", "  {\"k\" : \"v\"} \r", "k", "v"},
  };
  for (const Case& c : cases) {
    const auto fields = read(c.line, c.field);
    ASSERT_TRUE(fields) << c.name << ": " << fields.error().context;
    EXPECT_EQ(fields->key, c.want) << c.name;
  }
}

TEST(NdjsonTime, TextAndMilliseconds) {
  EXPECT_EQ(read(R"({"t":"2026-01-31T12:00:00.25+00:00"})", nullptr, nullptr, "t")->time_ms, 1769860800250);
  EXPECT_EQ(read(R"({"t":1769860800000})", nullptr, nullptr, "t")->time_ms, 1769860800000);
  EXPECT_EQ(read(R"({"t":0})", nullptr, nullptr, "t")->time_ms, 0);
  EXPECT_EQ(read(R"({"t":"1970-01-01T00:00:00Z"})", nullptr, nullptr, "t")->time_ms, 0);
}

TEST(NdjsonFields, AllAtOnceAndOneForTwo) {
  const auto fields =
      read(R"({"id":"i1","author":"me","time":"1970-01-01T00:00:01Z"})", "author", "id", "time");
  ASSERT_TRUE(fields);
  EXPECT_EQ(fields->key, "me");
  EXPECT_EQ(fields->id, "i1");
  EXPECT_EQ(fields->time_ms, 1000);
  const auto twice = read(R"({"id":"i1"})", "id", "id");
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->key, "i1");
  EXPECT_EQ(twice->id, "i1");
}

TEST(NdjsonFields, AnyJsonWillDoWhenNoFieldIsAskedFor) {
  for (const char* line : {"{}", "[1,2]", "42", "\"x\"", "null"}) EXPECT_TRUE(read(line)) << line;
}

TEST(NdjsonFields, BadLinesSayWhatIsWrong) {
  struct Case {
    const char* name;
    const char* line;
    const char* key;
    const char* id;
    const char* time;
    const char* message;
  };
  const Case cases[] = {
      {"no json", "hello", nullptr, nullptr, nullptr, "not JSON"},
      {"cut", R"({"k":"v")", nullptr, nullptr, nullptr, "not JSON"},
      {"two values", R"({"k":1}{"k":2})", nullptr, nullptr, nullptr, "not JSON"},
      {"not utf-8", "{\"k\":\"\xFF\"}", nullptr, nullptr, nullptr, "not JSON"},
      {"lone surrogate", R"({"k":"\ud83c"})", nullptr, nullptr, nullptr, "not JSON"},
      {"missing key", R"({"a":1})", "k", nullptr, nullptr, "field 'k' is missing"},
      {"no object", "[]", "k", nullptr, nullptr, "field 'k' is missing"},
      {"key is an object", R"({"k":{}})", "k", nullptr, nullptr, "is an object or an array"},
      {"key is an array", R"({"k":[1]})", "k", nullptr, nullptr, "is an object or an array"},
      {"missing id", R"({"a":1})", nullptr, "id", nullptr, "field 'id' is missing"},
      {"null id", R"({"id":null})", nullptr, "id", nullptr, "field 'id' is null"},
      {"missing time", R"({"a":1})", nullptr, nullptr, "t", "field 't' is missing"},
      {"null time", R"({"t":null})", nullptr, nullptr, "t", "field 't' is null"},
      {"time is a fraction", R"({"t":1.5})", nullptr, nullptr, "t", "field 't' is a number"},
      {"time is a boolean", R"({"t":true})", nullptr, nullptr, "t", "field 't' is a boolean"},
      {"time without zone", R"({"t":"2026-01-31T12:00:00"})", nullptr, nullptr, "t",
       "is not an RFC 3339 time"},
      {"time is no time", R"({"t":"noon"})", nullptr, nullptr, "t", "field 't' is no time: 'noon'"},
      {"milliseconds before 1970", R"({"t":-5})", nullptr, nullptr, "t", "before 1970"},
      {"text before 1970", R"({"t":"1969-12-31T23:59:59Z"})", nullptr, nullptr, "t", "before 1970"},
      {"time out of range", R"({"t":18446744073709551615})", nullptr, nullptr, "t", "is out of range"},
  };
  for (const Case& c : cases) {
    const auto fields = read(c.line, c.key, c.id, c.time);
    ASSERT_FALSE(fields) << c.name;
    EXPECT_NE(fields.error().context.find(c.message), std::string::npos)
        << c.name << ": " << fields.error().context;
  }
}

TEST(NdjsonFields, DeepNestingIsNoProblem) {
  std::string line;
  for (int i = 0; i < 100'000; ++i) line += "[";
  for (int i = 0; i < 100'000; ++i) line += "]";
  EXPECT_TRUE(read("{\"a\":" + line + ",\"k\":\"v\"}", "k"));
}

}  // namespace
}  // namespace forebay::cli
