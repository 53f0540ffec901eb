#include "schema/core/protobuf/proto_check.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <memory>

#include "proto_testing.h"
#include "schema/core/protobuf/proto_parser.h"

namespace forebay::schema::protobuf {
namespace {

using testing::HasSubstr;

std::string bytes(std::initializer_list<int> all) {
  std::string text;
  for (const int one : all) text += static_cast<char>(one);
  return text;
}
std::string times(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

const std::string kOrder = proto3(R"(message Order { int32 id = 1; string name = 2; repeated Line lines = 3;
  repeated sint64 sizes = 4; map<string, Line> by = 5; fixed64 f = 6; oneof o { bytes raw = 7; double d = 200; }
  message Line { float price = 1; repeated string tags = 2; } Kind kind = 8; repeated fixed32 ff = 9; bool ok = 10; }
  enum Kind { NONE = 0; })");

struct Case {
  const char* name;
  std::string schema, payload;
  std::string path, found, expected;  // expected empty: it fits
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class ProtoCheck : public testing::TestWithParam<Case> {};
TEST_P(ProtoCheck, FindsTheFirstFault) {
  const Case& one = GetParam();
  const auto fault = schema_of(one.schema)->check(as_bytes(one.payload));
  ASSERT_EQ(fault.has_value(), !one.expected.empty()) << (fault ? fault->path + ": " + fault->found : "");
  if (!fault) return;
  EXPECT_EQ(fault->path, one.path);
  EXPECT_EQ(fault->found, one.found);
  EXPECT_EQ(fault->expected, one.expected);
}
const auto kName = [](const auto& one) { return std::string(one.param.name); };

INSTANTIATE_TEST_SUITE_P(
    Fits, ProtoCheck,
    testing::Values(
        Case{"Empty", kOrder, "", "", "", ""},
        Case{"Scalars", kOrder, bytes({8, 0x96, 1, 0x12, 2, 'a', 'b', 0x50, 1, 0x40, 7}), "", "", ""},
        Case{"LongestVarint", kOrder, bytes({8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}), "",
             "", ""},
        Case{"Message", kOrder, bytes({0x1a, 5, 0x0d, 0, 0, 0, 0, 0x1a, 0}), "", "", ""},
        Case{"Packed", kOrder, bytes({0x22, 3, 1, 0x80, 1, 0x4a, 8, 0, 0, 0, 0, 0, 0, 0, 0}), "", "", ""},
        Case{"Unpacked", kOrder, bytes({0x20, 1, 0x20, 2, 0x4d, 0, 0, 0, 0}), "", "", ""},
        Case{"PackedEmpty", kOrder, bytes({0x22, 0}), "", "", ""},
        Case{"Map", kOrder, bytes({0x2a, 5, 0x0a, 1, 'k', 0x12, 0, 0x2a, 0}), "", "", ""},
        Case{"AboveTheSlots", kOrder, bytes({0xc1, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0}), "", "", ""},
        Case{"Unknown", kOrder,
             bytes({0x78, 1, 0x79, 0, 0, 0, 0, 0, 0, 0, 0, 0x7a, 1, 0xff, 0x7d, 0, 0, 0, 0}), "", "", ""},
        Case{"UnknownGroup", kOrder, bytes({0x7b, 0x7b, 0x08, 1, 0x7c, 0x7c}), "", "", ""},
        Case{"Utf8", kOrder, "\x12\x0a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z", "", "", ""},
        Case{"BytesAreNotText", kOrder, bytes({0x3a, 1, 0xff}), "", "", ""},
        Case{"Proto2TextIsNotLookedAt", proto2("message M { optional string a = 1; }"), bytes({10, 1, 0xff}),
             "", "", ""},
        Case{"UnknownOfEnum", kOrder, bytes({0x40, 99}), "", "", ""},
        Case{"Group", proto2("message M { optional group G = 1 { optional int32 a = 2; } }"),
             bytes({0x0b, 0x10, 1, 0x0c}), "", "", ""},
        Case{"Required", proto2("message M { required int32 a = 1; }"), bytes({8, 1}), "", "", ""},
        Case{"Extension", proto2("message M { extensions 5; } extend M { optional int32 e = 5; }"),
             bytes({0x28, 1}), "", "", ""}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Faults, ProtoCheck,
    testing::Values(
        Case{"CutTag", kOrder, bytes({0x80}), "", "a tag that does not end", "a field"},
        Case{"LongTag", kOrder, bytes({0x88, 0x80, 0x80, 0x80, 0x80, 0, 1}), "", "a tag that does not end",
             "a field"},
        Case{"NumberZero", kOrder, bytes({0x02, 0}), "", "a field with the number 0", "a number above it"},
        Case{"CutVarint", kOrder, bytes({8, 0x80}), "id", "a varint that does not end", "int32"},
        Case{"LongVarint", kOrder, bytes({8}) + std::string(10, '\x80') + "\1", "id",
             "a varint that does not end", "int32"},
        Case{"CutFixed", kOrder, bytes({0x31, 1, 2}), "f", "2 bytes", "fixed64, of 8 bytes"},
        Case{"CutFloat", kOrder, bytes({0x1a, 3, 0x0d, 1, 2}), "lines[0].price", "2 bytes",
             "float, of 4 bytes"},
        Case{"Length", kOrder, bytes({0x12, 5, 'a'}), "name", "a length of 5",
             "at most what is left, 1 bytes"},
        Case{"LengthTooLong", kOrder, bytes({0x12, 0xff, 0xff, 0xff, 0xff, 0x0f}), "name",
             "a length that does not end", "a length below 2 GiB"},
        Case{"WireOfNumber", kOrder, bytes({0x0a, 1, 0}), "id", "bytes with a length", "int32, as a varint"},
        Case{"WireOfString", kOrder, bytes({0x10, 1}), "name", "a varint", "string, as bytes with a length"},
        Case{"WireOfMessage", kOrder, bytes({0x18, 1}), "lines[0]", "a varint",
             "Order.Line, as bytes with a length"},
        Case{"WireOfPacked", kOrder, bytes({0x21, 0, 0, 0, 0, 0, 0, 0, 0}), "sizes[0]", "8 bytes",
             "sint64, as a varint"},
        Case{"Wire6", kOrder, bytes({0x7e, 0}), "", "wire type 6", "a wire type that there is"},
        Case{"Wire7OfKnown", kOrder, bytes({0x0f, 0}), "id", "wire type 7", "int32, as a varint"},
        Case{"Text", kOrder,
             "\x12\x03"
             "a\xff"
             "b",
             "name", "a byte that is not UTF-8 at 1", "string, which is UTF-8"},
        Case{"ThirdOfRepeated", kOrder, bytes({0x1a, 0, 0x22, 1, 1, 0x1a, 0, 0x1a, 2, 0x0d, 0}),
             "lines[2].price", "1 bytes", "float, of 4 bytes"},
        Case{"AfterPacked", kOrder, bytes({0x22, 3, 1, 0x81, 1, 0x20, 5, 0x22, 1, 0x80}), "sizes[3]",
             "a varint that does not end", "sint64"},
        Case{"PackedFixed", kOrder, bytes({0x4a, 4, 0, 0, 0, 0, 0x4a, 3, 0, 0, 0}), "ff[1]", "3 bytes",
             "values of fixed32, each of 4 bytes"},
        Case{"RepeatedText", kOrder, bytes({0x1a, 6, 0x12, 1, 'a', 0x12, 1, 0x80}), "lines[0].tags[1]",
             "a byte that is not UTF-8 at 0", "string, which is UTF-8"},
        Case{"MapKey", kOrder, bytes({0x2a, 3, 0x0a, 1, 0xff}), "by[0].key", "a byte that is not UTF-8 at 0",
             "string, which is UTF-8"},
        Case{"MapValue", kOrder, bytes({0x2a, 2, 0x12, 0, 0x2a, 4, 0x12, 2, 0x12, 9}), "by[1].value.tags[0]",
             "a length of 9", "at most what is left, 0 bytes"},
        Case{"EndOfNone", kOrder, bytes({0x0c}), "", "the end of the group 1",
             "a field, or the end of what is open"},
        Case{"GroupOpen", proto2("message M { optional group G = 1 { optional int32 a = 2; } }"),
             bytes({0x0b, 0x10, 1}), "g", "the end of the bytes", "the end of the group 1"},
        Case{"GroupOther", proto2("message M { optional group G = 1 {} }"), bytes({0x0b, 0x14}), "g",
             "the end of the group 2", "a field, or the end of what is open"},
        Case{"UnknownGroupOpen", kOrder, bytes({0x7b, 0x08, 1}), "", "the end of the bytes",
             "the end of the group 15"},
        Case{"UnknownGroupOther", kOrder, bytes({0x7b, 0x74}), "", "the end of the group 14",
             "the end of the group 15"},
        Case{"Required", proto2("message M { optional int32 a = 1; required int32 b = 2; }"), bytes({8, 1}),
             "b", "nothing", "required int32"},
        Case{"RequiredInside", proto2("message M { repeated M a = 1; required int32 b = 2; }"),
             bytes({0x10, 1, 0x0a, 2, 0x10, 1, 0x0a, 0}), "a[1].b", "nothing", "required int32"},
        Case{"RequiredOfMap",
             proto2("message M { map<int32, N> m = 1; } message N { required int32 b = 2; }"),
             bytes({0x0a, 2, 0x08, 1}), "m[0].value", "nothing", "required N"},
        Case{"RequiredEnum", proto2("message M { required E e = 1; enum E { A = 5; } }"), bytes({8, 1}), "e",
             "nothing", "required M.E"},
        Case{"ExtensionWire", proto2("message M { extensions 5; } extend M { optional int32 e = 5; }"),
             bytes({0x2a, 0}), "[e]", "bytes with a length", "int32, as a varint"}),
    kName);

TEST(ProtoCheckDepth, IsThatOfProtobuf) {
  const auto schema = schema_of(proto3("message M { M m = 1; }"));
  const auto nested = [](int depth) {
    std::string payload;
    for (int i = 0; i < depth; ++i) {
      std::string outer = "\x0a";
      for (std::size_t size = payload.size();; size >>= 7) {
        outer += static_cast<char>(size > 127 ? (size & 127) | 128 : size);
        if (size <= 127) break;
      }
      payload = outer + payload;
    }
    return payload;
  };
  EXPECT_FALSE(schema->check(as_bytes(nested(100))));
  const auto fault = schema->check(as_bytes(nested(101)));
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->expected, "at most 100 within each other");
  EXPECT_FALSE(schema->check(as_bytes(times(100, "\x7b") + times(100, "\x7c"))));
  EXPECT_TRUE(schema->check(as_bytes(times(101, "\x7b") + times(101, "\x7c"))));
  EXPECT_TRUE(schema->check(as_bytes(std::string(1 << 20, '\x7b'))));
}

TEST(ProtoCheckRequired, MoreThanAWordOfThem) {
  std::string text = "message M { ", payload;
  for (int i = 1; i <= 120; ++i) {
    text += "required int32 f" + std::to_string(i) + " = " + std::to_string(i) + ";";
    if (i >= 16) {
      payload += static_cast<char>((i << 3 & 127) | 128);
      payload += static_cast<char>(i >> 4);
    } else {
      payload += static_cast<char>(i << 3);
    }
    payload += '\1';
  }
  const auto schema = schema_of(proto2(text + "}"));
  EXPECT_FALSE(schema->check(as_bytes(payload)));
  payload.resize(payload.size() - 3);
  EXPECT_EQ(schema->check(as_bytes(payload))->path, "f120");
  EXPECT_EQ(schema->check(as_bytes(payload.substr(2)))->path, "f1");
}

TEST(ProtoCheckPath, AnotherMessageIsCheckedByItsPath) {
  const auto schema = schema_of(kOrder);
  const std::vector<std::uint32_t> line = {0, 1}, map_entry = {0, 0}, none = {0, 9};
  EXPECT_FALSE(schema->check(as_bytes(bytes({0x0d, 0, 0, 0, 0})), line));
  EXPECT_EQ(schema->check(as_bytes(bytes({8, 1})), line)->path, "price");
  EXPECT_FALSE(schema->check({}, map_entry));
  EXPECT_THAT(schema->check({}, none)->found, HasSubstr("no message at [0, 9]"));
}

TEST(ProtoJson, IsTheStandardEncoding) {
  const auto schema =
      schema_of(proto3(R"(import "google/protobuf/timestamp.proto"; message M { int64 some_id = 1;
    repeated N lines = 2; google.protobuf.Timestamp at = 3; map<string, E> kinds = 4; bytes raw = 5; }
    message N { double unit_price = 1; } enum E { A = 0; B = 1; })"));
  const std::string json =
      R"({"someId":"5","lines":[{"unitPrice":1.5},{}],"at":"1970-01-01T00:00:07Z","kinds":{"k":"B"},"raw":"AQI="})";
  const auto payload = schema->from_json(json);
  ASSERT_TRUE(payload) << payload.error().to_string();
  EXPECT_FALSE(schema->check(as_bytes(*payload)));
  EXPECT_EQ(schema->to_json(as_bytes(*payload)).value(), json);
  EXPECT_EQ(schema->from_json(R"({"some_id": 5})").value(), bytes({8, 5}));
}

TEST(ProtoJson, ErrorsNameThePath) {
  const auto schema =
      schema_of(proto3("message M { repeated N lines = 2; } message N { double price = 1; }"));
  const auto wrong = schema->from_json(R"({"lines":[{"price":1},{"price":"abc"}]})");
  EXPECT_EQ(wrong.error().code, ErrorCode::kInvalidRecord);
  EXPECT_THAT(wrong.error().context, HasSubstr("lines[1].price"));
  EXPECT_THAT(schema->from_json(R"({"none":1})").error().context, HasSubstr("none"));
  EXPECT_EQ(schema->from_json("{").error().code, ErrorCode::kInvalidRecord);
  EXPECT_EQ(schema->from_json(times(100'000, "{\"lines\":[")).error().code, ErrorCode::kInvalidRecord);
  EXPECT_THAT(schema->to_json(as_bytes(bytes({0x12, 1, 9}))).error().context,
              HasSubstr("lines[0].price: found 0 bytes, expected double, of 8 bytes"));
  const std::vector<std::uint32_t> none = {7};
  EXPECT_EQ(schema->to_json({}, none).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(schema->from_json("{}", none).error().code, ErrorCode::kInvalidArgument);
}

TEST(ProtoJson, ErrorsSayWhatWasFoundAndExpectedOnOneLine) {
  const auto schema = schema_of(
      proto3("message M { int32 a = 1; repeated N lines = 2; E e = 3; } message N { int32 price = 1; }\n"
             "enum E { ZERO = 0; }"));
  const auto why = [&](const std::string& json) { return schema->from_json(json).error().context; };
  EXPECT_EQ(why(R"({"a":"free"})"), "a: found \"free\", expected int32");
  EXPECT_EQ(why(R"({"a":3000000000})"), "a: found 3000000000, expected int32");
  EXPECT_EQ(why(R"({"lines":[{},{"price":"x"}]})"), "lines[1].price: found \"x\", expected int32");
  EXPECT_EQ(why(R"({"none":1})"), "none: found a name that the message has not, expected one of its fields");
  EXPECT_EQ(why(R"({"lines":[{},{"none":1}]})"),
            "lines[1].none: found a name that the message has not, expected one of its fields");
  EXPECT_EQ(why(R"({"e":"ONE"})"), "e: found \"ONE\", expected a value of the enum E");
  EXPECT_EQ(why("nonsense"), "the payload: no JSON at 'nonsense': Unexpected token.");
  EXPECT_EQ(why(""), "the payload: no JSON at its end: Unexpected end of string. Expected a value.");
  EXPECT_EQ(why("{\"a\":1,\n x}").find('\n'), std::string::npos);
  EXPECT_EQ(why("[]"), "Root element must be a message.");
}

// A long name, of a field or a value, for every few bytes.
TEST(ProtoJson, IsBounded) {
  const std::string name(2'000, 'n');
  const std::string text = proto3("message M { repeated N n = 1; repeated E e = 2; } message N { int32 " +
                                  name + " = 1; } enum E { E" + name + " = 0; }");
  const auto schema = parse_schema(Format::kProtobuf, text, {}, {.json_bytes_max = 10'000});
  ASSERT_TRUE(schema) << schema.error().to_string();
  const std::string one = bytes({0x0a, 2, 8, 1});
  EXPECT_GT((*schema)->to_json(as_bytes(times(4, one))).value_or("").size(), 8'000U);
  for (const std::string& payload : {times(5, one), times(20'000, one), times(5, bytes({0x10, 0})),
                                     bytes({0x12, 100}) + std::string(100, '\0')}) {
    const auto json = (*schema)->to_json(as_bytes(payload));
    ASSERT_FALSE(json) << payload.size();
    EXPECT_EQ(json.error().code, ErrorCode::kRecordTooLarge) << json.error().to_string();
    EXPECT_THAT(json.error().context, HasSubstr("more than 10000 bytes as JSON"));
  }
}

// The library recurses for each, and 20,000 take its stack.
TEST(ProtoJson, ValuesInValuesOfAnyAreBounded) {
  const auto schema = schema_of(
      proto3("import \"google/protobuf/any.proto\"; message M { google.protobuf.Any a = 1; int32 b = 2; }"));
  const auto field = [](int number, const std::string& value) {
    std::string size;
    std::size_t left = value.size();
    for (; left >= 0x80; left >>= 7) size += static_cast<char>((left & 0x7f) | 0x80);
    return bytes({number << 3 | 2}) + size + static_cast<char>(left) + value;
  };
  const std::string prefix = "type.googleapis.com/";
  std::string payload = field(1, field(1, prefix + "M") + field(2, bytes({0x10, 7})));
  EXPECT_EQ(schema->to_json(as_bytes(payload)).value_or("-"),
            R"({"a":{"@type":"type.googleapis.com/M","b":7}})");
  std::string inside = field(1, prefix + "M");
  for (int i = 0; i < 20'000; ++i) inside = field(1, prefix + "google.protobuf.Any") + field(2, inside);
  payload = field(1, inside);
  ASSERT_FALSE(schema->check(as_bytes(payload)));
  const auto json = schema->to_json(as_bytes(payload));
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code, ErrorCode::kInvalidRecord);
  EXPECT_THAT(json.error().context, HasSubstr("at most 100 within each other"));
}

TEST(ProtoJson, LongTextsComeThroughWhole) {
  const auto schema = schema_of(proto3("message M { repeated string s = 1; }"));
  const std::string json =
      R"({"s":[")" + std::string(30'000, 'x') + R"(","","ä",")" + std::string(4'097, 'y') + R"("]})";
  const auto payload = schema->from_json(json);
  ASSERT_TRUE(payload) << payload.error().to_string();
  EXPECT_EQ(schema->to_json(as_bytes(*payload)).value_or("-"), json);
}

TEST(ProtoJson, GroupsAreRefusedRatherThanLost) {
  const auto schema =
      schema_of(proto2("message M { optional group G = 1 { optional int32 a = 2; } optional int32 b = 3; }"));
  EXPECT_EQ(schema->to_json(as_bytes(bytes({0x18, 1}))).value(), R"({"b":1})");
  EXPECT_EQ(schema->to_json(as_bytes(bytes({0x0b, 0x10, 1, 0x0c}))).error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(schema->from_json(R"({"g":{"a":1}})"));
}

TEST(ProtoJson, WhatIsRequiredMustBeThere) {
  const auto schema = schema_of(proto2("message M { required int32 a = 1; optional string b = 2; }"));
  EXPECT_EQ(schema->from_json(R"({"a":1})").value(), bytes({8, 1}));
  EXPECT_THAT(schema->from_json(R"({"b":"x"})").error().context, testing::StartsWith("missing field a"));
}

}  // namespace
}  // namespace forebay::schema::protobuf
