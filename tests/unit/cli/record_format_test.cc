#include "cli/record_format.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace forebay::cli {
namespace {

using namespace std::string_view_literals;

struct Sample {
  RecordView record;
  std::vector<HeaderView> headers;
  ShownRecord shown{"orders", 3, 1769860801007, nullptr};

  Sample(std::optional<std::string_view> key, std::optional<std::string_view> value,
         std::vector<HeaderView> with_headers = {})
      : headers(std::move(with_headers)) {
    record.key = key;
    record.value = value;
    record.event_time_ms = 1769860800000;
    record.offset = 42;
    record.headers = headers;
    shown.record = &record;
  }
  Sample(const Sample&) = delete;
};

std::string as_json(const Sample& sample) {
  std::string out;
  append_record_json(out, sample.shown);
  return out;
}

std::string by(std::string_view text, const Sample& sample) {
  const auto parsed = RecordTemplate::parse(text);
  EXPECT_TRUE(parsed) << text;
  std::string out;
  if (parsed) parsed->append(out, sample.shown);
  return out;
}

TEST(RecordJson, EveryKeyInItsOrder) {
  EXPECT_EQ(as_json({"k1", "{\"a\":1}", {{"ce_id", "7"}}}),
            "{\"topic\":\"orders\",\"partition\":3,\"offset\":42,\"event_time\":\"2026-01-31T12:00:00.000Z\","
            "\"append_time\":\"2026-01-31T12:00:01.007Z\",\"key\":\"k1\",\"value\":\"{\\\"a\\\":1}\","
            "\"headers\":{\"ce_id\":\"7\"}}\n");
}

TEST(RecordJson, AbsentIsNullAndEmptyIsEmpty) {
  const auto json = nlohmann::json::parse(as_json({std::nullopt, "", {{"none", std::nullopt}}}));
  EXPECT_TRUE(json["key"].is_null());
  EXPECT_EQ(json["value"], "");
  EXPECT_TRUE(json["headers"]["none"].is_null());
}

TEST(RecordJson, BytesThatAreNotUtf8) {
  const auto json = nlohmann::json::parse(as_json({"\xFF\xFE", "ok", {{"h", "\x80"}}}));
  EXPECT_EQ(json["key"]["base64"], "//4=");
  EXPECT_EQ(json["value"], "ok");
  EXPECT_EQ(json["headers"]["h"]["base64"], "gA==");
}

TEST(RecordJson, RepeatedHeadersBecomeAnArray) {
  const auto json = nlohmann::json::parse(
      as_json({"k", "v", {{"a", "1"}, {"b", "2"}, {"a", std::nullopt}, {"a", "\xFF"}}}));
  EXPECT_EQ(json["headers"].dump(), R"({"a":["1",null,{"base64":"/w=="}],"b":"2"})");
}

TEST(RecordJson, ControlBytesStayOneLine) {
  const std::string line = as_json({"a\nb", "c\0d\r\x1b"sv});
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_EQ(nlohmann::json::parse(line)["value"].get<std::string>(), "c\0d\r\x1b"sv);
}

TEST(RecordYaml, OneDocument) {
  std::string out;
  const Sample sample("k", std::nullopt, {{"a", "1"}, {"a", "2"}});
  append_record_yaml(out, sample.shown);
  EXPECT_EQ(out,
            "---\ntopic: orders\npartition: 3\noffset: 42\nevent_time: \"2026-01-31T12:00:00.000Z\"\n"
            "append_time: \"2026-01-31T12:00:01.007Z\"\nkey: k\nvalue: null\nheaders:\n  a:\n    - \"1\"\n   "
            " - \"2\"\n");
}

TEST(RecordTemplate, FieldsAndEscapes) {
  const Sample sample("k", "v", {{"a", "1"}, {"b", std::nullopt}, {"c", ""}});
  struct Case {
    std::string_view in;
    std::string_view want;
  };
  const Case cases[] = {
      {"%t %p %o %k %v", "orders 3 42 k v"},
      {"%d|%a\\n", "2026-01-31T12:00:00.000Z|2026-01-31T12:00:01.007Z\n"},
      {"%d{ms} %a{ms}", "1769860800000 1769860801007"},
      {"%h", "a=1,b,c="},
      {"100%%\\t\\r\\0\\\\\\x41", "100%\t\r\0\\A"sv},
      {"%k{base64} %v{hex} %v{json}", "aw== 76 \"v\""},
      {"[%v]", "[v]"},
      {"\\q", "\\q"},
      {"tail\\", "tail\\"},
      {"", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(by(c.in, sample), c.want) << c.in;
}

TEST(RecordTemplate, AbsentKeyAndValue) {
  const Sample sample(std::nullopt, std::nullopt);
  EXPECT_EQ(by("<%k%v>", sample), "<>");
  EXPECT_EQ(by("%k{json}%v{json}", sample), "nullnull");
}

TEST(RecordTemplate, RefusedTemplates) {
  for (const char* in : {"%", "a%", "%z", "%k{", "%k{zip}", "%o{hex}", "%d{base64}", "\\xZZ", "\\x4"}) {
    EXPECT_FALSE(RecordTemplate::parse(in)) << in;
  }
}

}  // namespace
}  // namespace forebay::cli
