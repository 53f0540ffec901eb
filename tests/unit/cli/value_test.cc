#include "cli/value.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace forebay::cli {
namespace {

using namespace std::string_view_literals;

std::string json(const Value& value) {
  std::string out;
  value.append_json(out, -1);
  return out;
}

Value sample() {
  Value partitions = Value::array();
  partitions.push(Value::object().set("partition", 0).set("leader", Value()));
  partitions.push(Value::object().set("partition", 1).set("leader", 1U));
  Value nested = Value::array();
  nested.push(Value::Array{Value(1), Value(2)});
  nested.push(Value::array());
  return Value::object()
      .set("name", "orders")
      .set("count", std::uint64_t{18446744073709551615ULL})
      .set("rate", 0.5)
      .set("on", true)
      .set("partitions", std::move(partitions))
      .set("nested", std::move(nested))
      .set("empty", Value::object())
      .set("none", nullptr);
}

TEST(Value, JsonOnOneLine) {
  EXPECT_EQ(json(sample()), R"({"name":"orders","count":18446744073709551615,"rate":0.5,"on":true,)"
                            R"("partitions":[{"partition":0,"leader":null},{"partition":1,"leader":1}],)"
                            R"("nested":[[1,2],[]],"empty":{},"none":null})");
}

TEST(Value, JsonIndented) {
  std::string out;
  Value::object().set("a", 1).set("b", Value::Array{Value("x"), Value::object()}).append_json(out, 0);
  EXPECT_EQ(out, "{\n  \"a\": 1,\n  \"b\": [\n    \"x\",\n    {}\n  ]\n}");
}

TEST(Value, Yaml) {
  std::string out;
  sample().append_yaml(out);
  EXPECT_EQ(out,
            "name: orders\n"
            "count: 18446744073709551615\n"
            "rate: 0.5\n"
            "\"on\": true\n"
            "partitions:\n"
            "  - partition: 0\n"
            "    leader: null\n"
            "  - partition: 1\n"
            "    leader: 1\n"
            "nested:\n"
            "  -\n"
            "    - 1\n"
            "    - 2\n"
            "  - []\n"
            "empty: {}\n"
            "none: null\n");
}

TEST(Value, YamlQuotesWhatWouldBeMisread) {
  for (const char* text : {"", "true", "No", "null", "123", "1e3", "2026-01-31", "- x", "a: b", "a #b",
                           "x\ny", "ends ", "~", "*a", "[", "'q'", "0x1f", "caf\xC3\xA9"}) {
    std::string out;
    Value(text).append_yaml(out);
    EXPECT_EQ(out.front(), '"') << text;
  }
  std::string out;
  Value("io_uring+direct (2 shards)").append_yaml(out);
  EXPECT_EQ(out, "io_uring+direct (2 shards)\n");
}

// Whatever bytes text has, the library reads the same text back, but for what is not UTF-8.
TEST(JsonString, ReadBackByTheLibrary) {
  std::string every;
  for (int c = 0; c < 0x80; ++c) every += static_cast<char>(c);
  every += "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8C\x8A";
  std::string out;
  append_json_string(out, every);
  EXPECT_EQ(nlohmann::json::parse(out).get<std::string>(), every);
  out.clear();
  append_json_string(out, "a\xFFz"sv);
  EXPECT_EQ(out, "\"a\xEF\xBF\xBDz\"");
}

TEST(Value, PathsAndPlainText) {
  const Value value =
      Value::object().set("disk", Value::object().set("total", 5)).set("list", Value::Array{1, 2});
  EXPECT_EQ(value.at("disk.total").plain(), "5");
  EXPECT_TRUE(value.at("disk.none").is_null());
  EXPECT_TRUE(value.at("disk.total.deeper").is_null());
  EXPECT_EQ(value.at("list").plain(), "1,2");
  EXPECT_EQ(Value().plain(), "-");
}

TEST(Value, SetReplacesAndKeepsTheOrder) {
  Value value = Value::object();
  value.set("a", 1).set("b", 2).set("a", 3);
  EXPECT_EQ(json(value), R"({"a":3,"b":2})");
}

TEST(Value, NumbersThatJsonCannotSay) { EXPECT_EQ(json(Value(1.0 / 0.0)), "null"); }

}  // namespace
}  // namespace forebay::cli
