#include <gmock/gmock.h>

#include "proto_testing.h"

namespace forebay::schema::protobuf {
namespace {

struct TextCase {
  const char* name;
  std::string text, canonical;
  std::vector<NamedText> references = {};
};
class ProtoText : public testing::TestWithParam<TextCase> {};
TEST_P(ProtoText, HasOneFormThatReadsAsTheSameSchema) {
  const TextCase& one = GetParam();
  const auto schema = schema_of(one.text, one.references);
  EXPECT_EQ(schema->canonical_text(), one.canonical);
  const auto again = schema_of(schema->canonical_text(), one.references);
  EXPECT_EQ(again->canonical_text(), one.canonical);
  EXPECT_EQ(again->text_as("serialized").value(), schema->text_as("serialized").value());
  const auto normalized = schema_of(schema->normalized_text(), one.references);
  EXPECT_EQ(normalized->normalized_text(), schema->normalized_text());
}

INSTANTIATE_TEST_SUITE_P(
    All, ProtoText,
    testing::Values(
        TextCase{"Fields", R"(syntax='proto3';package a . b;// gone
message M{int32 a=1;repeated string b=0x2; /* gone */ optional bytes c=3;map<int64,M>d=4;.a.b.M e=5;M f=6[deprecated=true,json_name="x"];
float g_h=7[json_name="gH"];})",
                 R"(syntax = "proto3";
package a.b;

message M {
  int32 a = 1;
  repeated string b = 2;
  optional bytes c = 3;
  map<int64, M> d = 4;
  M e = 5;
  M f = 6 [deprecated = true, json_name = "x"];
  float g_h = 7;
}
)"},
        TextCase{
            "Proto2",
            R"(message M { required int32 a = 1 [default = -5]; optional string b = 2 [default = "x\"\n\303\244"];
optional bytes c = 3 [default = "\377a"]; optional double d = 4 [default = inf]; optional E e = 5 [default = Y];
enum E { X = 1; Y = 2; } extensions 100 to 199, 500 to max; reserved 50, 60 to 70; reserved "old", "older";
repeated group G = 6 { optional int32 x = 1; } optional bool f = 7 [default = true]; repeated int32 h = 8 [packed = true]; }
extend M { optional int32 ext = 100; repeated string more = 101; })",
            R"(syntax = "proto2";

message M {
  reserved 50, 60 to 70;
  reserved "old", "older";
  required int32 a = 1 [default = -5];
  optional string b = 2 [default = "x\"\nä"];
  optional bytes c = 3 [default = "\377a"];
  optional double d = 4 [default = inf];
  optional E e = 5 [default = Y];
  repeated group G = 6 {
    optional int32 x = 1;
  }
  optional bool f = 7 [default = true];
  repeated int32 h = 8 [packed = true];
  extensions 100 to 199;
  extensions 500 to max;
  enum E {
    X = 1;
    Y = 2;
  }
}

extend M {
  optional int32 ext = 100;
  repeated string more = 101;
}
)"},
        TextCase{
            "Oneofs",
            R"(syntax = "proto3"; message M { int32 a = 1; oneof one { string b = 2; M c = 3; } int32 d = 4; oneof two { int32 e = 5; } optional int32 f = 6; })",
            R"(syntax = "proto3";

message M {
  int32 a = 1;
  oneof one {
    string b = 2;
    M c = 3;
  }
  int32 d = 4;
  oneof two {
    int32 e = 5;
  }
  optional int32 f = 6;
}
)"},
        TextCase{
            "ServicesAndImports",
            R"(syntax = "proto3"; import "google/protobuf/empty.proto"; import public "b.proto"; option java_package = "x"; option optimize_for = SPEED;
enum E { option allow_alias = true; A = 0; A2 = 0; C = -1 [deprecated = true]; reserved 5 to max; reserved "Z"; }
service S { rpc Get (.M) returns (stream google.protobuf.Empty) { option deprecated = true; } rpc M (stream .M) returns (B); } message M {})",
            R"(syntax = "proto3";

import "google/protobuf/empty.proto";
import public "b.proto";

option java_package = "x";
option optimize_for = SPEED;

message M {
}

enum E {
  reserved 5 to max;
  reserved "Z";
  option allow_alias = true;
  A = 0;
  A2 = 0;
  C = -1 [deprecated = true];
}

service S {
  rpc Get (.M) returns (stream google.protobuf.Empty) {
    option deprecated = true;
  }
  rpc M (stream .M) returns (B);
}
)",
            {{"b.proto", proto3("message B {}")}}},
        TextCase{
            "CustomOptions",
            R"(syntax = "proto3"; package a; import "confluent/meta.proto"; import "google/protobuf/descriptor.proto";
option (confluent.file_meta).doc = "of the file";
extend google.protobuf.FieldOptions { repeated int32 sizes = 5000; Kind kind = 5001; }
enum Kind { NONE = 0; SOME = 1; }
message M { option (confluent.message_meta) = { doc: "it \"is\"" tags: ["a", "b"] params: [{key: "k", value: "v"}] };
int32 a = 1 [(confluent.field_meta) = { tags: "PII" }, (sizes) = 1, (a.sizes) = 2, (kind) = SOME]; })",
            R"(syntax = "proto3";
package a;

import "confluent/meta.proto";
import "google/protobuf/descriptor.proto";

option (confluent.file_meta) = { doc: "of the file" };

message M {
  option (confluent.message_meta) = { doc: "it \"is\"" params { key: "k" value: "v" } tags: "a" tags: "b" };
  int32 a = 1 [(confluent.field_meta) = { tags: "PII" }, (a.sizes) = 1, (a.sizes) = 2, (a.kind) = SOME];
}

enum Kind {
  NONE = 0;
  SOME = 1;
}

extend google.protobuf.FieldOptions {
  repeated int32 sizes = 5000;
  Kind kind = 5001;
}
)"},
        TextCase{
            "IndexesOfMessages",
            R"(syntax = "proto3"; message M { message A {} map<string, A> b = 1; message C {} int32 d = 2; })",
            R"(syntax = "proto3";

message M {
  message A {
  }
  map<string, A> b = 1;
  int32 d = 2;
  message C {
  }
}
)"},
        TextCase{
            "HiddenNames",
            R"(syntax = "proto3"; package a.b; message M { message N { message M {} message a {} .a.b.M m = 1; int32 X = 2; .a.b.X z = 3; .a.b.M.N n = 5; } } message X {} )",
            R"(syntax = "proto3";
package a.b;

message M {
  message N {
    .a.b.M m = 1;
    int32 X = 2;
    .a.b.X z = 3;
    N n = 5;
    message M {
    }
    message a {
    }
  }
}

message X {
}
)",
            {}}),
    [](const auto& one) { return one.param.name; });

TEST(ProtoText, NormalizedHasNoOrderOfWhatHasNone) {
  const auto one = schema_of(proto3(
      R"(package p; import "google/protobuf/timestamp.proto"; import public "google/protobuf/any.proto"; import "google/protobuf/duration.proto";
option java_package = "x"; option java_multiple_files = true;
message M { N b = 2; reserved 9, 7, 8; reserved "z", "y"; oneof o { int32 d = 5; int32 c = 4; } int32 a = 1 [deprecated = true, json_name = "q"]; message N {} }
enum E { A = 0; C = 2; B = 1; })"));
  const auto other = schema_of(proto3(
      R"(package p; import "google/protobuf/duration.proto"; import public "google/protobuf/any.proto"; import "google/protobuf/timestamp.proto";
option java_multiple_files = true; option java_package = "x";
message M { message N {} oneof o { int32 c = 4; int32 d = 5; } reserved "y", "z"; reserved 8, 7, 9; int32 a = 1 [json_name = "q", deprecated = true]; M.N b = 2; }
enum E { A = 0; B = 1; C = 2; })"));
  EXPECT_NE(one->canonical_text(), other->canonical_text());
  EXPECT_EQ(one->normalized_text(), other->normalized_text());
  EXPECT_EQ(one->normalized_text(), R"(syntax = "proto3";
package p;

import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
import public "google/protobuf/any.proto";

option java_multiple_files = true;
option java_package = "x";

message M {
  reserved 7, 8, 9;
  reserved "y", "z";
  int32 a = 1 [deprecated = true, json_name = "q"];
  .p.M.N b = 2;
  oneof o {
    int32 c = 4;
    int32 d = 5;
  }
  message N {
  }
}

enum E {
  A = 0;
  B = 1;
  C = 2;
}
)");
}

TEST(ProtoText, IsUtf8WhateverIsInItsStrings) {
  const std::string text = proto2(R"(option java_package = "a\377b"; option go_package = "\303\244";
message M { optional string a = 1 [default = "\200"]; optional string b = 2 [default = "\303\244"]; })");
  const std::string canonical = schema_of(text)->canonical_text();
  EXPECT_EQ(schema_of(canonical)->canonical_text(), canonical);
  EXPECT_THAT(canonical, testing::HasSubstr(R"(option java_package = "a\377b";)"));
  EXPECT_THAT(canonical, testing::HasSubstr("option go_package = \"\xc3\xa4\";"));
  EXPECT_THAT(canonical, testing::HasSubstr(R"([default = "\200"])"));
  EXPECT_THAT(canonical, testing::HasSubstr("[default = \"\xc3\xa4\"]"));
}

TEST(ProtoText, AnInfiniteOptionIsReadAgain) {
  const std::string text = proto3(R"(import "google/protobuf/descriptor.proto";
extend google.protobuf.FileOptions { double d = 5000; float f = 5001; string s = 5002; D m = 5003; }
message D { double d = 1; }
option (d) = 1e999; option (f) = -1e999; option (s) = "inf"; option (m) = { d: inf };)");
  const std::string canonical = schema_of(text)->canonical_text();
  EXPECT_EQ(schema_of(canonical)->canonical_text(), canonical);
  EXPECT_THAT(canonical,
              testing::HasSubstr("option (d) = 1e999;\noption (f) = -1e999;\noption (s) = \"inf\";"));
}

TEST(ProtoText, GroupsThatExtendKeepTheIndexes) {
  const auto schema =
      schema_of(proto2(R"(message A { extensions 5 to 9; message B {} extend A { optional group G = 6 {} }
message C {} } extend A { optional group D = 5 {} repeated group F = 7 {} } message E {})"));
  const auto again = schema_of(schema->canonical_text());
  EXPECT_EQ(again->canonical_text(), schema->canonical_text());
  for (const auto& [path, name] : std::vector<std::pair<std::vector<std::uint32_t>, std::string>>{
           {{0, 0}, "A.B"}, {{0, 1}, "A.G"}, {{0, 2}, "A.C"}, {{1}, "D"}, {{2}, "F"}, {{3}, "E"}}) {
    EXPECT_EQ(schema->record_name(path).value(), name);
    EXPECT_EQ(again->record_name(path).value(), name) << again->canonical_text();
  }
}

TEST(ProtoText, WithoutExtensionsNothingCustomIsLeft) {
  const auto schema = schema_of(
      R"(syntax = "proto2"; import "confluent/meta.proto"; message M { option deprecated = true; option (confluent.message_meta).doc = "x"; extensions 5 to 9; } extend M { optional int32 a = 5; })");
  EXPECT_EQ(schema->text_as("ignore_extensions").value(), R"(syntax = "proto2";

import "confluent/meta.proto";

message M {
  option deprecated = true;
}
)");
}

}  // namespace
}  // namespace forebay::schema::protobuf
