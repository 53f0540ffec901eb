#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "avro_bytes.h"
#include "schema/core/schema.h"

namespace forebay::schema::avro {
namespace {

using testing::HasSubstr;

SchemaPtr schema_of(const std::string& text, const Limits& limits = {}) {
  auto parsed = parse_schema(Format::kAvro, text, {}, limits);
  EXPECT_TRUE(parsed) << parsed.error().to_string();
  return parsed ? *parsed : nullptr;
}
std::optional<PayloadFault> fault(const std::string& schema, const std::string& payload,
                                  const Limits& limits = {}) {
  return schema_of(schema, limits)->check(as_bytes(payload));
}

const std::string kOrder = R"({"type":"record","name":"Order","namespace":"shop","fields":[
  {"name":"id","type":"long"},
  {"name":"open","type":"boolean"},
  {"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","PAID"]}},
  {"name":"key","type":{"type":"fixed","name":"Key","size":4}},
  {"name":"note","type":["null","string"]},
  {"name":"raw","type":"bytes"},
  {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
    {"name":"sku","type":"string"},{"name":"count","type":"int"},{"name":"price","type":"double"},
    {"name":"rate","type":"float"}]}}},
  {"name":"tags","type":{"type":"map","values":"int"}}]})";
Bytes order_until_lines() {
  return Bytes().number(7).byte(1).number(1).raw("abcd").number(1).text("hi").text(std::string("\0\xff", 2));
}
Bytes& line(Bytes& bytes) { return bytes.text("apple").number(3).real(1.5).real(0.25F); }
std::string whole_order() {
  Bytes bytes = order_until_lines();
  bytes.number(2);
  line(line(bytes)).number(0).number(1).text("a").number(-1).number(0);
  return bytes;
}

TEST(AvroCheck, AcceptsWhatTheSchemaSays) { EXPECT_EQ(fault(kOrder, whole_order()), std::nullopt); }

TEST(AvroCheck, AcceptsBlocksThatSayTheirBytes) {
  Bytes one;
  line(one);
  Bytes bytes = order_until_lines();
  bytes.number(-1).number(static_cast<std::int64_t>(one.str().size())).raw(one.str());
  bytes.number(1).raw(one.str()).number(0).number(0);
  EXPECT_EQ(fault(kOrder, bytes), std::nullopt);
}

TEST(AvroCheck, EveryTruncationIsAFault) {
  const auto schema = schema_of(kOrder);
  const std::string whole = whole_order();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto found = schema->check(as_bytes(whole).first(size));
    ASSERT_TRUE(found) << size;
    EXPECT_FALSE(found->expected.empty());
    EXPECT_FALSE(found->path.empty()) << size;
  }
}

struct FaultCase {
  const char* what;
  std::string schema, payload;
  PayloadFault fault;
};
class AvroFault : public testing::TestWithParam<FaultCase> {};
TEST_P(AvroFault, SaysWhereAndWhat) {
  const auto found = fault(GetParam().schema, GetParam().payload);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, GetParam().fault.path);
  EXPECT_EQ(found->found, GetParam().fault.found);
  EXPECT_EQ(found->expected, GetParam().fault.expected);
}

std::string with_lines(const Bytes& lines) { return order_until_lines().raw(lines.str()); }
const std::string kInts = R"({"type":"array","items":"int"})", kMap = R"({"type":"map","values":"int"})";

INSTANTIATE_TEST_SUITE_P(
    OfPlaces, AvroFault,
    testing::Values(
        FaultCase{"after the end",
                  "\"int\"",
                  Bytes().number(1).raw("abc"),
                  {"", "3 more bytes after the end", "the end of the payload after one int"}},
        FaultCase{"nothing", "\"int\"", "", {"", "the end of the payload", "int"}},
        FaultCase{
            "price cut",
            kOrder,
            with_lines(
                Bytes().number(2).text("a").number(1).real(1.0).real(1.0F).text("b").number(2).raw("xy")),
            {"lines[1].price", "2 bytes until the end", "double"}},
        FaultCase{
            "boolean of 2", kOrder, Bytes().number(7).byte(2), {"open", "byte 2", "boolean: byte 0 or 1"}},
        FaultCase{"symbol",
                  kOrder,
                  Bytes().number(7).byte(1).number(2),
                  {"state", "symbol 2", "enum shop.State: symbol 0 to 1"}},
        FaultCase{"negative symbol",
                  kOrder,
                  Bytes().number(7).byte(1).number(-1),
                  {"state", "symbol -1", "enum shop.State: symbol 0 to 1"}},
        FaultCase{"fixed cut",
                  kOrder,
                  Bytes().number(7).byte(1).number(1).raw("abc"),
                  {"key", "3 bytes until the end", "fixed shop.Key of 4 bytes"}},
        FaultCase{"branch",
                  kOrder,
                  Bytes().number(7).byte(1).number(1).raw("abcd").number(2),
                  {"note", "branch 2", "union of null, string: branch 0 to 1"}},
        FaultCase{"negative length",
                  kOrder,
                  Bytes().number(7).byte(1).number(1).raw("abcd").number(1).number(-1),
                  {"note", "a length of -1 with 0 bytes left", "string that ends within the payload"}},
        FaultCase{"length beyond",
                  kOrder,
                  Bytes().number(7).byte(1).number(1).raw("abcd").number(1).number(9).raw("12345678"),
                  {"note", "a length of 9 with 8 bytes left", "string that ends within the payload"}},
        FaultCase{"no UTF-8",
                  kOrder,
                  Bytes().number(7).byte(1).number(1).raw("abcd").number(1).text("grün\xff!"),
                  {"note", "byte 255 at 5 of 7, which is no UTF-8", "string in UTF-8"}},
        FaultCase{"value of a key",
                  kMap,
                  Bytes().number(1).text("a\"b").raw("\xff"),
                  {R"(["a\"b"])", "the end of the payload", "int"}},
        FaultCase{"key",
                  kMap,
                  Bytes().number(1).text("\xc0\x80"),
                  {"[0]", "byte 192 at 0 of 2, which is no UTF-8", "key in UTF-8"}},
        FaultCase{"int of 33 bits",
                  "\"int\"",
                  Bytes().number(1LL << 32),
                  {"", "an integer that does not fit", "int, of 32 bits in at most 5 bytes"}},
        FaultCase{"int of 6 bytes",
                  "\"int\"",
                  "\x80\x80\x80\x80\x80\x01",
                  {"", "an integer that does not fit", "int, of 32 bits in at most 5 bytes"}},
        FaultCase{"long of 11 bytes",
                  "\"long\"",
                  std::string(10, '\x80') + "\x01",
                  {"", "an integer that does not fit", "long, of 64 bits in at most 10 bytes"}},
        FaultCase{"long of 65 bits",
                  "\"long\"",
                  std::string(9, '\xff') + "\x02",
                  {"", "an integer that does not fit", "long, of 64 bits in at most 10 bytes"}},
        FaultCase{"long cut", "\"long\"", "\x80\x80", {"", "the end of the payload", "long"}},
        FaultCase{
            "block that is shorter",
            kInts,
            Bytes().number(-1).number(2).number(1).byte(0),
            {"", "a block that says it has 2 bytes and has 1", "array whose blocks have the bytes they say"}},
        FaultCase{
            "block beyond",
            kInts,
            Bytes().number(-1).number(9).number(1),
            {"", "a block of -1 items in 9 bytes with 1 left", "array whose blocks end within the payload"}},
        FaultCase{"block of the least number",
                  kInts,
                  Bytes().number(std::numeric_limits<std::int64_t>::min()).number(0),
                  {"", "a block of -9223372036854775808 items in 0 bytes with 1 left",
                   "array whose blocks end within the payload"}},
        FaultCase{"no end of the blocks",
                  kInts,
                  Bytes().number(1).number(1),
                  {"", "the end of the payload", "how many items follow in the array"}}),
    [](const auto& test) {
      std::string name = test.param.what;
      for (char& c : name)
        if (c == ' ' || c == '-') c = '_';
      return name;
    });

TEST(AvroCheck, IntegersOfAllSizesFit) {
  for (const auto value :
       {std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max()})
    EXPECT_EQ(fault("\"int\"", Bytes().number(value)), std::nullopt);
  for (const auto value :
       {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()})
    EXPECT_EQ(fault("\"long\"", Bytes().number(value)), std::nullopt);
  EXPECT_EQ(fault("\"int\"", std::string("\x82\x80\0", 3)), std::nullopt);  // longer than needed
}

// As the serializers of Java write them, and as those of Python do.
TEST(AvroCheck, BytesAloneComeWithOrWithoutTheirLength) {
  const auto schema = schema_of(R"("bytes")");
  for (const auto& [payload, json] :
       {std::pair<std::string, std::string>{"\x04hi", R"("hi")"}, {"hi", R"("hi")"}, {"", R"("")"}}) {
    EXPECT_FALSE(schema->check(as_bytes(payload)));
    EXPECT_EQ(schema->to_json(as_bytes(payload), {}).value(), json);
  }
  EXPECT_TRUE(schema_of(R"(["null","bytes"])")->check(as_bytes(std::string("hi"))));
}

TEST(AvroCheck, Utf8IsWholeAndShortest) {
  const auto is_text = [](const std::string& text) { return !fault("\"string\"", Bytes().text(text)); };
  for (const char* good : {"", "abcdefghijklm", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "12345678\xc3\xa4 12345678"})
    EXPECT_TRUE(is_text(good)) << good;
  for (const char* bad :
       {"\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xe2\x82", "\xf0\x90\x80", "12345678\xc3", "1234567\xc3 12345678"})
    EXPECT_FALSE(is_text(bad)) << bad;
}

// Five bytes must not keep a thread busy for ever, nor make a gigabyte of JSON.
TEST(AvroCheck, ValuesWithoutBytesAreBounded) {
  const std::string nulls = R"({"type":"array","items":"null"})";
  EXPECT_EQ(fault(nulls, Bytes().number(100).number(0), {.empty_values_max = 100}), std::nullopt);
  const auto found = fault(nulls, Bytes().number(101).number(0), {.empty_values_max = 100});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, "[100]");
  EXPECT_EQ(found->found, "more than 100 values that take no bytes");
  for (const char* items : {R"("null")", R"({"type":"record","name":"R","fields":[]})",
                            R"({"type":"record","name":"R","fields":[{"name":"a","type":"null"}]})",
                            R"({"type":"fixed","name":"F","size":0})"}) {
    const std::string schema = std::string(R"({"type":"array","items":)") + items + "}";
    EXPECT_TRUE(fault(schema, Bytes().number(std::numeric_limits<std::int64_t>::max()).number(0))) << items;
    EXPECT_TRUE(fault(schema, Bytes().number(-std::numeric_limits<std::int64_t>::max()).number(0).number(0)));
  }
  const std::string unions = R"({"type":"array","items":["null","int"]})";  // each takes a byte
  EXPECT_EQ(fault(unions, Bytes().number(3).raw(std::string(3, '\0')).number(0), {.empty_values_max = 2}),
            std::nullopt);
}

TEST(AvroCheck, DepthIsBounded) {
  const std::string list = R"({"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]})";
  const Limits limits{.value_depth_max = 10};
  EXPECT_EQ(fault(list, Bytes().raw(std::string(9, '\x02')).byte(0), limits), std::nullopt);
  const auto found = fault(list, Bytes().raw(std::string(10, '\x02')).byte(0), limits);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->found, "values within values more than 10 deep");
  EXPECT_TRUE(fault(list, std::string(1'000'000, '\x02')));
  EXPECT_TRUE(fault(R"({"type":"record","name":"R","fields":[{"name":"r","type":"R"}]})", ""));
}

TEST(AvroCheck, PathsOfDeepFaultsAreCutShort) {
  const std::string name(200, 'n');
  const auto found =
      fault(R"({"type":"record","name":"L","fields":[{"name":")" + name + R"(","type":["null","L"]}]})",
            std::string(400, '\x02'));
  ASSERT_TRUE(found);
  EXPECT_LT(found->path.size(), 1200U);
  EXPECT_THAT(found->path, testing::StartsWith("..."));
}

}  // namespace
}  // namespace forebay::schema::avro
