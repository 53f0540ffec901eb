#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "proto_testing.h"
#include "schema/core/protobuf/base64.h"

namespace forebay::schema::protobuf {
namespace {

using testing::HasSubstr;

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}
// A descriptor as generated code carries it.
std::string descriptor_of(const std::string& message) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("any/name.proto");
  file.set_syntax("proto3");
  file.set_package("p");
  auto& type = *file.add_message_type();
  type.set_name(message);
  auto& field = *type.add_field();
  field.set_name("a_b");
  field.set_json_name("aB");
  field.set_number(1);
  field.set_type(google::protobuf::FieldDescriptorProto::TYPE_INT32);
  field.set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  return to_base64(file.SerializeAsString());
}

TEST(ProtoParser, NamesTheRecordAtAPath) {
  const auto schema =
      schema_of(proto3("package a.b; message M { message N {} message O { message P {} } } message Q {}"));
  EXPECT_EQ(schema->record_name().value(), "a.b.M");
  const std::vector<std::uint32_t> nested = {0, 1, 0}, second = {1}, none = {2}, deep = {1, 0};
  EXPECT_EQ(schema->record_name(nested).value(), "a.b.M.O.P");
  EXPECT_EQ(schema->record_name(second).value(), "a.b.Q");
  EXPECT_EQ(schema->record_name(none).error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(schema->record_name(deep).error().context, HasSubstr("[1, 0]"));
}

TEST(ProtoParser, AFileWithoutMessagesHasNoRecordName) {
  EXPECT_EQ(schema_of(proto3("enum E { A = 0; }"))->record_name().value(), "");
}

TEST(ProtoParser, ADescriptorIsTheSameSchemaAsItsText) {
  const auto text = schema_of(proto3("package p; message M { int32 a_b = 1; }"));
  const auto descriptor = schema_of(descriptor_of("M") + "\n");
  EXPECT_EQ(descriptor->canonical_text(), text->canonical_text());
  EXPECT_EQ(descriptor->text_as("serialized").value(), text->text_as("serialized").value());
  EXPECT_NE(schema_of(descriptor_of("N"))->canonical_text(), text->canonical_text());
}

TEST(ProtoParser, WhatItSerializesItReads) {
  const auto text = schema_of(proto2("message M { required int32 a = 1; extensions 5 to 7; }"));
  EXPECT_EQ(schema_of(text->text_as("serialized").value())->canonical_text(), text->canonical_text());
}

TEST(ProtoParser, ADescriptorThatNoTextSaysIsRefused) {
  google::protobuf::FileDescriptorProto file;
  auto& message = *file.add_message_type();
  message.set_name("M");
  auto& field = *message.add_field();
  field.set_name("another");
  field.set_json_name("g");
  field.set_number(1);
  field.set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  field.set_type(google::protobuf::FieldDescriptorProto::TYPE_GROUP);
  field.set_type_name(".M.G");
  message.add_nested_type()->set_name("G");
  EXPECT_THAT(error_of(to_base64(file.SerializeAsString())).context,
              HasSubstr("what no .proto file can say"));
  field.set_name("g");
  EXPECT_TRUE(schema_of(to_base64(file.SerializeAsString())));
}

TEST(ProtoParser, UnknownFormsAreRefused) {
  const auto schema = schema_of(proto3("message M {}"));
  EXPECT_EQ(schema->text_as("").value(), schema->canonical_text());
  EXPECT_EQ(schema->text_as("default").value(), schema->canonical_text());
  EXPECT_THAT(schema->text_as("resolved").error().context,
              HasSubstr("default, serialized, ignore_extensions"));
}

struct WrongCase {
  const char* name;
  std::string text, context;
};
class ProtoParserErrors : public testing::TestWithParam<WrongCase> {};
TEST_P(ProtoParserErrors, SayWhereAndWhat) {
  const Error error = error_of(GetParam().text);
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error.context, HasSubstr(GetParam().context));
}
INSTANTIATE_TEST_SUITE_P(
    All, ProtoParserErrors,
    testing::Values(
        WrongCase{"Syntax", proto3("message M {\n  int32 a 1;\n}"),
                  "line 3, column 11: Missing field number."},
        WrongCase{"Type", proto3("message M {\n  In a = 1;\n}"),
                  "line 3, column 3: M.a: \"In\" is not defined"},
        WrongCase{"Number", proto3("message M {\n  int32 a = 0;\n}"),
                  "line 3, column 13: M.a: Field numbers must be positive"},
        WrongCase{"Twice", proto3("message M { int32 a = 1; int32 b = 1; }"),
                  "Field number 1 has already been used"},
        WrongCase{"Required", proto3("message M {\n required int32 a = 1; }"), "line 3"},
        WrongCase{"Import", proto3("import \"b.proto\";\nmessage M {}"),
                  "line 2, column 1: import \"b.proto\" is not known; expected a reference of that name"},
        WrongCase{"Empty", "", "nothing is declared"},
        WrongCase{"Comment", "// nothing\n", "nothing is declared"},
        WrongCase{"Base64", "YWJj", "neither a .proto file nor base64 of a serialized FileDescriptorProto"},
        WrongCase{"NotBase64", "message", "neither a .proto file nor base64"},
        WrongCase{"Option", proto3("option (none) = 1;\nmessage M {}"), "line 2, column 8"},
        WrongCase{"EnumZero", proto3("enum E { A = 1; }"), "first enum value must be zero"},
        WrongCase{"Unclosed", proto3("message M {"), "line 2, column 12"},
        WrongCase{"ProcessTypes", proto3("message M { forebay.v1.Error a = 1; }"),
                  "\"forebay.v1.Error\" is not defined"}),
    [](const auto& one) { return one.param.name; });

TEST(ProtoParser, TellsTheFirstErrorsOnly) {
  std::string text = proto3("message M {\n");
  for (int i = 1; i <= 20; ++i) text += "  Missing a" + std::to_string(i) + " = " + std::to_string(i) + ";\n";
  const std::string context = error_of(text + "}").context;
  EXPECT_EQ(std::count(context.begin(), context.end(), '\n'), 4);
}

TEST(ProtoParser, ImportsComeFromReferences) {
  const std::vector<NamedText> references = {
      {"c.proto", proto3("package c; message C {}")},
      {"b.proto", proto3("package b; import public \"c.proto\"; message B { c.C c = 1; }")}};
  const std::string text = proto3("import \"b.proto\"; message M { b.B b = 1; c.C c = 2; }");
  EXPECT_TRUE(schema_of(text, references));
  EXPECT_THAT(error_of(text, {references[1]}).context, HasSubstr("reference 'b.proto': line 2"));
}

TEST(ProtoParser, AReferenceMayBeADescriptor) {
  EXPECT_TRUE(
      schema_of(proto3("import \"x.proto\"; message M { p.N n = 1; }"), {{"x.proto", descriptor_of("N")}}));
}

TEST(ProtoParser, AReferenceMayHaveTheNameOfFilesWithout) {
  EXPECT_TRUE(
      schema_of(proto3("import \"default\"; message M { N n = 1; }"), {{"default", proto3("message N {}")}}));
}

TEST(ProtoParser, KnowsTheFilesThatEveryRegistryKnows) {
  for (const char* name : {"google/protobuf/any.proto",
                           "google/protobuf/api.proto",
                           "google/protobuf/descriptor.proto",
                           "google/protobuf/duration.proto",
                           "google/protobuf/empty.proto",
                           "google/protobuf/field_mask.proto",
                           "google/protobuf/source_context.proto",
                           "google/protobuf/struct.proto",
                           "google/protobuf/timestamp.proto",
                           "google/protobuf/type.proto",
                           "google/protobuf/wrappers.proto",
                           "confluent/meta.proto",
                           "confluent/type/decimal.proto",
                           "confluent/type/variant.proto",
                           "google/type/calendar_period.proto",
                           "google/type/color.proto",
                           "google/type/date.proto",
                           "google/type/datetime.proto",
                           "google/type/dayofweek.proto",
                           "google/type/decimal.proto",
                           "google/type/expr.proto",
                           "google/type/fraction.proto",
                           "google/type/interval.proto",
                           "google/type/latlng.proto",
                           "google/type/money.proto",
                           "google/type/month.proto",
                           "google/type/phone_number.proto",
                           "google/type/postal_address.proto",
                           "google/type/quaternion.proto",
                           "google/type/timeofday.proto"}) {
    EXPECT_TRUE(schema_of(proto3("import \"" + std::string(name) + "\"; message M {}"))) << name;
  }
}

TEST(ProtoParser, KnownTypesAreKnownOnlyWhereTheyAreImported) {
  EXPECT_THAT(error_of(proto3("message M { google.protobuf.Timestamp t = 1; }")).context,
              HasSubstr("google/protobuf/timestamp.proto"));
}

TEST(ProtoParser, AReferenceReplacesAKnownFileButNotThoseOfProtobuf) {
  const std::string mine = proto3("package confluent; message Meta { string mine = 1; }");
  EXPECT_TRUE(schema_of(proto3("import \"confluent/meta.proto\"; message M { confluent.Meta m = 1; }"),
                        {{"confluent/meta.proto", mine}}));
  EXPECT_TRUE(
      schema_of(proto3("import \"google/protobuf/empty.proto\"; message M { google.protobuf.Empty m = 1; }"),
                {{"google/protobuf/empty.proto", proto3("message Other {}")}}));
}

TEST(ProtoLimits, NestingIsBoundBeforeTheLibrarySeesIt) {
  const auto nested = [](int depth) { return proto3(repeated("message M {", depth) + repeated("}", depth)); };
  EXPECT_TRUE(schema_of(nested(30)));  // the library's own bound, of messages, is 32
  EXPECT_EQ(error_of(nested(40)).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error_of(nested(101)).code, ErrorCode::kRecordTooLarge);
  EXPECT_THAT(error_of(nested(80'000)).context, HasSubstr("nested too deep; at most 100"));
  EXPECT_EQ(error_of(proto3("option (x) = " + repeated("{a", 80'000))).code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(error_of(proto3("option (x) = {" + repeated("a<", 80'000))).code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(error_of(proto3("// \"\n" + repeated("message M {", 80'000))).code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(error_of(proto3("/* ' */" + repeated("message M {", 80'000))).code, ErrorCode::kRecordTooLarge);
  EXPECT_EQ(error_of(proto3("import '\\\\';" + repeated("message M {", 80'000))).code,
            ErrorCode::kRecordTooLarge);
  EXPECT_TRUE(schema_of(proto3("/*" + repeated("{", 200) + "*/ message M {} //" + repeated("{", 200) +
                               "\noption java_package = \"\\\"" + repeated("{", 200) + "\";")));
}

TEST(ProtoLimits, DescriptorsAreBoundToo) {
  google::protobuf::FileDescriptorProto file;
  auto* message = file.add_message_type();
  message->set_name("M");
  for (int i = 0; i < 25; ++i) {
    message = message->add_nested_type();
    message->set_name("M");
  }
  Limits limits;
  limits.depth_max = 20;
  EXPECT_EQ(error_of(to_base64(file.SerializeAsString()), {}, limits).code, ErrorCode::kRecordTooLarge);
  EXPECT_TRUE(schema_of(to_base64(file.SerializeAsString())));
}

TEST(ProtoLimits, OneOfEachKindIsRefused) {
  Limits limits;
  limits.text_bytes_max = 100;
  EXPECT_THAT(error_of(proto3(repeated(" ", 100)), {}, limits).context, HasSubstr("at most 100"));
  limits = {};
  limits.types_max = 3;
  EXPECT_EQ(
      error_of(proto3("message A { enum B { X = 0; } message C {} } enum D { Y = 0; }"), {}, limits).code,
      ErrorCode::kRecordTooLarge);
  EXPECT_EQ(error_of(proto3("import \"a.proto\"; message D {}"),
                     {{"a.proto", proto3("message A {} message B {} message C {}")}}, limits)
                .code,
            ErrorCode::kRecordTooLarge);
}

TEST(ProtoLimits, WhatIsComparedWithEachOtherIsBound) {
  std::string reserved = "reserved 1";
  for (int i = 2; i < 100'000; ++i) reserved += "," + std::to_string(i);
  EXPECT_THAT(error_of(proto3("message M { " + reserved + "; }")).context,
              HasSubstr("reserved and extension ranges"));
  EXPECT_THAT(error_of(proto3("enum M { A = 0; " + reserved + "; }")).context, HasSubstr("reserved ranges"));
  EXPECT_THAT(error_of(proto3("message M { " + repeated("option deprecated=true;", 2'000) + "}")).context,
              HasSubstr("too many options"));
  EXPECT_THAT(error_of(proto3("message M { option (x)" + repeated(".b", 200'000) + " = 1; }")).context,
              HasSubstr("name of an option"));
  EXPECT_THAT(
      error_of(proto3("message M { " + repeated("option (x)" + repeated(".b", 50) + " = 1;", 100) + "}"))
          .context,
      HasSubstr("one element's options"));
  EXPECT_THAT(error_of(proto3("package a" + repeated(".a", 200'000) + "; message M {}")).context,
              HasSubstr("package has too many parts"));
  EXPECT_THAT(
      error_of(proto3("message " + repeated("M", 100'000) + "{" + repeated("message A {}", 10'000) + "}"))
          .context,
      HasSubstr("full names take too many bytes"));
}

TEST(Base64, ReadsWhatItWrites) {
  std::string bytes;
  for (int i = 0; i < 260; ++i) {
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
    bytes += static_cast<char>(i * 7);
  }
  EXPECT_EQ(to_base64("ab"), "YWI=");
  EXPECT_EQ(from_base64("YWI"), "ab");
  EXPECT_EQ(from_base64("Y"), std::nullopt);
  EXPECT_EQ(from_base64("Y=I="), std::nullopt);
}

}  // namespace
}  // namespace forebay::schema::protobuf
