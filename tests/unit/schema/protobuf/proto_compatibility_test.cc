#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "proto_testing.h"

namespace forebay::schema::protobuf {
namespace {

using References = std::vector<NamedText>;

// "RULE path" of each, one a line.
std::string verdict(const SchemaPtr& reader, const SchemaPtr& writer) {
  std::string all;
  for (const Difference& one : reader->differences(*writer, {})) {
    all += (all.empty() ? "" : "\n") + one.rule + ' ' + one.path;
    EXPECT_FALSE(one.allowed.empty()) << one.rule;
    EXPECT_FALSE(one.writes.empty() && one.reads.empty()) << one.rule;
  }
  return all;
}

// Judged both ways.
struct Case {
  const char* name;
  std::string one, other;
  std::string one_reads_other, other_reads_one;  // empty: compatible
  References references_of_one = {}, references_of_other = {};
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

class ProtoCompatibility : public testing::TestWithParam<Case> {};
TEST_P(ProtoCompatibility, IsJudgedAsTheConventionDoes) {
  const Case& row = GetParam();
  const auto one = schema_of(row.one, row.references_of_one),
             other = schema_of(row.other, row.references_of_other);
  EXPECT_EQ(verdict(one, other), row.one_reads_other);
  EXPECT_EQ(verdict(other, one), row.other_reads_one);
  EXPECT_EQ(verdict(one, one), "");
  EXPECT_EQ(verdict(other, other), "");
}
const auto kName = [](const auto& one) { return std::string(one.param.name); };

// At each place where a field may stand, what is around it is the same.
std::string in_message(const std::string& fields) {
  return proto3("package p; message M { " + fields + " }");
}
std::string in_proto2(const std::string& fields) { return proto2("message M { " + fields + " }"); }
std::string in_nested(const std::string& fields) {
  return proto3("message A { message B { message C { " + fields + " } C c = 1; } B b = 1; }");
}

INSTANTIATE_TEST_SUITE_P(
    Fields, ProtoCompatibility,
    testing::Values(
        Case{"Same", in_message("int32 a = 1;"), in_message("int32 a = 1;"), "", ""},
        Case{"Added", in_message("int32 a = 1; string b = 2;"), in_message("int32 a = 1;"), "", ""},
        Case{"AddedAll", in_message("int32 a = 1;"), in_message(""), "", ""},
        Case{"AddedRepeated", in_message("repeated int32 a = 1;"), in_message(""), "", ""},
        Case{"AddedMap", in_message("map<int32, M> a = 1;"), in_message(""), "", ""},
        Case{"AddedOptional", in_message("optional M a = 1;"), in_message(""), "", ""},
        Case{"AddedNested", in_nested("int32 a = 1;"), in_nested(""), "", ""},
        Case{"Renamed", in_message("int32 a = 1;"), in_message("int32 b = 1;"), "", ""},
        Case{"RenamedNested", in_nested("int32 a = 1;"), in_nested("int32 b = 1;"), "", ""},
        Case{"Renumbered", in_message("int32 a = 1;"), in_message("int32 a = 2;"), "", ""},
        Case{"SwappedNumbers", in_message("int32 a = 1; string b = 2;"),
             in_message("int32 a = 2; string b = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/2\nFIELD_SCALAR_KIND_CHANGED #/M/1",
             "FIELD_SCALAR_KIND_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/M/2"},
        Case{"Reordered", in_message("int32 a = 1; string b = 2;"), in_message("string b = 2; int32 a = 1;"),
             "", ""},
        Case{"Reserved", in_message("reserved 1; reserved \"a\";"), in_message("int32 a = 1;"), "", ""},
        Case{"Deprecated", in_message("int32 a = 1 [deprecated = true];"), in_message("int32 a = 1;"), "",
             ""},
        Case{"JsonName", in_message("int32 a = 1 [json_name = \"z\"];"), in_message("int32 a = 1;"), "", ""},
        Case{"Packed", in_message("repeated int32 a = 1 [packed = false];"),
             in_message("repeated int32 a = 1;"), "", ""},
        Case{"TypeNested", in_nested("int32 a = 1;"), in_nested("string a = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/A/B/C/1", "FIELD_SCALAR_KIND_CHANGED #/A/B/C/1"},
        Case{"TypeAndName", in_message("int32 a = 1;"), in_message("string b = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/1", "FIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"EachIsTold", in_message("int32 a = 1; int32 b = 2; string c = 3;"),
             in_message("string a = 1; int32 b = 2; double c = 3;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/M/3",
             "FIELD_SCALAR_KIND_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/M/3"}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Labels, ProtoCompatibility,
    testing::Values(
        Case{"NumberToRepeated", in_message("repeated int32 a = 1;"), in_message("optional int32 a = 1;"),
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1", "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"PlainNumberToRepeated", in_message("repeated int32 a = 1;"), in_message("int32 a = 1;"), "",
             ""},
        Case{"PlainToOptional", in_message("optional int32 a = 1;"), in_message("int32 a = 1;"), "", ""},
        Case{"StringToRepeated", in_message("repeated string a = 1;"), in_message("optional string a = 1;"),
             "", ""},
        Case{"BytesToRepeated", in_message("repeated bytes a = 1;"), in_message("optional bytes a = 1;"), "",
             ""},
        Case{"MessageToRepeated", in_message("repeated M a = 1;"), in_message("optional M a = 1;"), "", ""},
        Case{"EnumToRepeated", in_message("enum E { A = 0; } repeated E a = 1;"),
             in_message("enum E { A = 0; } optional E a = 1;"), "FIELD_NUMERIC_LABEL_CHANGED #/M/1",
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"BoolToRepeated", in_message("repeated bool a = 1;"), in_message("optional bool a = 1;"),
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1", "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"SignedToRepeated", in_message("repeated sint64 a = 1;"), in_message("optional sint32 a = 1;"),
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1", "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"FixedToRepeated", in_message("repeated fixed32 a = 1;"), in_message("optional sfixed32 a = 1;"),
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1", "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"Fixed64ToRepeated", in_message("repeated fixed64 a = 1;"),
             in_message("optional fixed64 a = 1;"), "FIELD_NUMERIC_LABEL_CHANGED #/M/1",
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"FloatToRepeated", in_message("repeated float a = 1;"), in_message("optional float a = 1;"),
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1", "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"DoubleToRepeated", in_message("repeated double a = 1;"), in_message("optional double a = 1;"),
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1", "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"Nested", in_nested("repeated int32 a = 1;"), in_nested("optional int32 a = 1;"),
             "FIELD_NUMERIC_LABEL_CHANGED #/A/B/C/1", "FIELD_NUMERIC_LABEL_CHANGED #/A/B/C/1"},
        Case{"TypeGoesFirst", in_message("repeated int32 a = 1;"), in_message("optional string a = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/1", "FIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"MapToRepeated", in_message("map<string, int32> a = 1;"), in_message("repeated int32 a = 1;"),
             "FIELD_KIND_CHANGED #/M/1", "FIELD_KIND_CHANGED #/M/1"}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Required, ProtoCompatibility,
    testing::Values(
        Case{"Added", in_proto2("required int32 a = 1;"), in_proto2(""), "REQUIRED_FIELD_ADDED #/M/1",
             "REQUIRED_FIELD_REMOVED #/M/1"},
        Case{"AddedNested", proto2("message A { message B { required A a = 5; } }"),
             proto2("message A { message B {} }"), "REQUIRED_FIELD_ADDED #/A/B/5",
             "REQUIRED_FIELD_REMOVED #/A/B/5"},
        Case{"OptionalAdded", in_proto2("optional int32 a = 1;"), in_proto2(""), "", ""},
        Case{"RepeatedAdded", in_proto2("repeated int32 a = 1;"), in_proto2(""), "", ""},
        Case{"NumberFromOptional", in_proto2("required int32 a = 1;"), in_proto2("optional int32 a = 1;"),
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1", "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"StringFromOptional", in_proto2("required string a = 1;"), in_proto2("optional string a = 1;"),
             "", ""},
        Case{"MessageFromOptional", in_proto2("required M a = 1;"), in_proto2("optional M a = 1;"), "", ""},
        Case{"NumberFromRepeated", in_proto2("required int32 a = 1;"), in_proto2("repeated int32 a = 1;"),
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1", "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"FromOneof", in_proto2("required int32 a = 1;"), in_proto2("oneof o { int32 a = 1; }"),
             "REQUIRED_FIELD_ADDED #/M/1", ""},
        Case{"Renumbered", in_proto2("required int32 a = 1;"), in_proto2("required int32 a = 2;"),
             "REQUIRED_FIELD_REMOVED #/M/2\nREQUIRED_FIELD_ADDED #/M/1",
             "REQUIRED_FIELD_REMOVED #/M/1\nREQUIRED_FIELD_ADDED #/M/2"},
        Case{"DefaultChanged", in_proto2("optional int32 a = 1 [default = 1];"),
             in_proto2("optional int32 a = 1 [default = 2];"), "", ""},
        Case{"Proto2ToProto3", proto2("message M { optional int32 a = 1; }"),
             proto3("message M { int32 a = 1; }"), "", ""},
        Case{"RequiredToProto3", proto2("message M { required int32 a = 1; }"),
             proto3("message M { int32 a = 1; }"), "", ""},
        Case{"RequiredToProto3Optional", proto2("message M { required int32 a = 1; }"),
             proto3("message M { optional int32 a = 1; }"), "FIELD_NUMERIC_LABEL_CHANGED #/M/1",
             "FIELD_NUMERIC_LABEL_CHANGED #/M/1"},
        Case{"ExtensionAdded", proto2("message M { extensions 5 to 9; } extend M { optional int32 a = 5; }"),
             proto2("message M { extensions 5 to 9; }"), "", ""},
        Case{"GroupAdded", in_proto2("optional group G = 1 { optional int32 a = 1; }"), in_proto2(""), "",
             "MESSAGE_REMOVED #/M/G"},
        Case{"WithinGroup", in_proto2("optional group G = 1 { optional int32 a = 1; }"),
             in_proto2("optional group G = 1 { optional string a = 1; }"),
             "FIELD_SCALAR_KIND_CHANGED #/M/G/1", "FIELD_SCALAR_KIND_CHANGED #/M/G/1"}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Oneofs, ProtoCompatibility,
    testing::Values(
        Case{"OneMovedToNew", in_message("int32 a = 1; oneof o { string b = 2; int32 c = 3; }"),
             in_message("int32 a = 1; string b = 2;"), "", ""},
        Case{"TwoMovedToNew", in_message("oneof o { int32 a = 1; string b = 2; }"),
             in_message("int32 a = 1; string b = 2;"), "MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o", ""},
        Case{"ThreeMovedToNew", in_message("oneof o { int32 a = 1; string b = 2; int32 c = 3; }"),
             in_message("int32 a = 1; string b = 2; int32 c = 3;"), "MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o",
             ""},
        Case{"TwoMovedToOneEach", in_message("oneof o { int32 a = 1; } oneof p { string b = 2; }"),
             in_message("int32 a = 1; string b = 2;"), "", ""},
        Case{"OneMovedToExisting", in_message("oneof o { int32 a = 1; string b = 2; }"),
             in_message("int32 a = 1; oneof o { string b = 2; }"), "FIELD_MOVED_TO_EXISTING_ONEOF #/M/o", ""},
        Case{"TwoMovedToExisting", in_message("oneof o { int32 a = 1; string b = 2; int32 c = 3; }"),
             in_message("int32 a = 1; int32 c = 3; oneof o { string b = 2; }"),
             "MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o", ""},
        Case{"MovedWithOneOfAnother", in_message("oneof p { int32 a = 1; string b = 2; }"),
             in_message("int32 a = 1; oneof o { string b = 2; }"), "FIELD_MOVED_TO_EXISTING_ONEOF #/M/p", ""},
        Case{"FieldAdded", in_message("oneof o { int32 a = 1; string b = 2; }"),
             in_message("oneof o { int32 a = 1; }"), "", "ONEOF_FIELD_REMOVED #/M/o/2"},
        Case{"TwoFieldsAdded", in_message("oneof o { int32 a = 1; string b = 2; M c = 3; }"),
             in_message("oneof o { int32 a = 1; }"), "",
             "ONEOF_FIELD_REMOVED #/M/o/2\nONEOF_FIELD_REMOVED #/M/o/3"},
        Case{"AddedWhole", in_message("oneof o { int32 a = 1; string b = 2; }"), in_message(""), "", ""},
        Case{"Renamed", in_message("oneof o { int32 a = 1; string b = 2; }"),
             in_message("oneof p { int32 a = 1; string b = 2; }"), "", ""},
        Case{"RenamedWithType", in_message("oneof o { int32 a = 1; }"),
             in_message("oneof p { string a = 1; }"), "FIELD_SCALAR_KIND_CHANGED #/M/1",
             "FIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"MovedToAnother", in_message("oneof o { int32 a = 1; } oneof p { string b = 2; }"),
             in_message("oneof o { int32 a = 1; string b = 2; } oneof p { int32 c = 3; }"),
             "ONEOF_FIELD_REMOVED #/M/p/3", ""},
        Case{"TypeOfMember", in_message("oneof o { int32 a = 1; }"), in_message("oneof o { string a = 1; }"),
             "FIELD_SCALAR_KIND_CHANGED #/M/o/1", "FIELD_SCALAR_KIND_CHANGED #/M/o/1"},
        Case{"KindOfMember", in_message("oneof o { int32 a = 1; }"), in_message("oneof o { M a = 1; }"),
             "FIELD_KIND_CHANGED #/M/o/1", "FIELD_KIND_CHANGED #/M/o/1"},
        Case{"NameOfMember", in_message("oneof o { int32 a = 1; }"), in_message("oneof o { int32 b = 1; }"),
             "", ""},
        Case{"MovedWithType", in_message("oneof o { string a = 1; }"), in_message("int32 a = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/1", "FIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"NestedMoved", in_nested("oneof o { int32 a = 1; string b = 2; }"),
             in_nested("int32 a = 1; string b = 2;"), "MULTIPLE_FIELDS_MOVED_TO_ONEOF #/A/B/C/o", ""},
        Case{"NestedRemoved", in_nested("oneof o { int32 a = 1; }"),
             in_nested("oneof o { int32 a = 1; int32 b = 2; }"), "ONEOF_FIELD_REMOVED #/A/B/C/o/2", ""},
        Case{"OptionalIsNone", in_message("optional int32 a = 1; optional int32 b = 2;"),
             in_message("int32 a = 1; int32 b = 2;"), "", ""},
        Case{"OptionalMoved", in_message("oneof o { int32 a = 1; int32 b = 2; }"),
             in_message("optional int32 a = 1; optional int32 b = 2;"),
             "MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o", ""},
        Case{"RepeatedMoved", in_message("oneof o { string a = 1; }"), in_message("repeated string a = 1;"),
             "", ""},
        Case{"LastRemoved", in_message("oneof o { int32 b = 2; }"), in_message("oneof o { int32 a = 1; }"),
             "ONEOF_FIELD_REMOVED #/M/o/1", "ONEOF_FIELD_REMOVED #/M/o/2"}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Messages, ProtoCompatibility,
    testing::Values(
        Case{"Added", proto3("message A {} message B {}"), proto3("message A {}"), "", "MESSAGE_REMOVED #/B"},
        Case{"AddedNested", proto3("message A { message B {} }"), proto3("message A {}"), "",
             "MESSAGE_REMOVED #/A/B"},
        Case{"AddedDeep", proto3("message A { message B { message C {} } }"),
             proto3("message A { message B {} }"), "", "MESSAGE_REMOVED #/A/B/C"},
        Case{"Renamed", proto3("message A {}"), proto3("message B {}"), "MESSAGE_REMOVED #/B",
             "MESSAGE_REMOVED #/A"},
        Case{"Moved", proto3("message A {} message B {}"), proto3("message B {} message A {}"), "", ""},
        Case{"MovedNested", proto3("message M { message A {} message B {} }"),
             proto3("message M { message B {} message A {} }"), "", ""},
        Case{"MovedInto", proto3("message A { message B {} B b = 1; }"),
             proto3("message A { B b = 1; } message B {}"),
             "MESSAGE_REMOVED #/B\nFIELD_NAMED_TYPE_CHANGED #/A/1",
             "FIELD_NAMED_TYPE_CHANGED #/A/1\nMESSAGE_REMOVED #/A/B"},
        Case{"AnotherType", proto3("message A { B b = 1; } message B {} message C {}"),
             proto3("message A { C b = 1; } message B {} message C {}"), "FIELD_NAMED_TYPE_CHANGED #/A/1",
             "FIELD_NAMED_TYPE_CHANGED #/A/1"},
        Case{"AnotherTypeNested", in_nested("A a = 1;"), in_nested("B a = 1;"),
             "FIELD_NAMED_TYPE_CHANGED #/A/B/C/1", "FIELD_NAMED_TYPE_CHANGED #/A/B/C/1"},
        Case{"AnotherTypeRepeated", in_message("message N {} repeated M a = 1;"),
             in_message("message N {} repeated N a = 1;"), "FIELD_NAMED_TYPE_CHANGED #/M/1",
             "FIELD_NAMED_TYPE_CHANGED #/M/1"},
        Case{"Qualified", in_message("message N {} N a = 1;"), in_message("message N {} .p.M.N a = 1;"), "",
             ""},
        Case{"Package", proto3("package a; message M { M m = 1; }"),
             proto3("package b; message M { M m = 1; }"), "", ""},
        Case{"PackageAdded", proto3("package a.b; message M { M m = 1; }"), proto3("message M { M m = 1; }"),
             "", ""},
        Case{"PackageAndType", proto3("package a; message M { int32 a = 1; }"),
             proto3("package b; message M { string a = 1; }"), "FIELD_SCALAR_KIND_CHANGED #/M/1",
             "FIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"ByItselfInUse", proto3("message A { B b = 1; } message B { int32 a = 1; }"),
             proto3("message A { B b = 1; } message B { string a = 1; }"), "FIELD_SCALAR_KIND_CHANGED #/B/1",
             "FIELD_SCALAR_KIND_CHANGED #/B/1"},
        Case{"Recursive", proto3("message A { A a = 1; int32 b = 2; }"), proto3("message A { A a = 1; }"), "",
             ""},
        Case{"MessageToNumber", in_message("M a = 1;"), in_message("int32 a = 1;"),
             "FIELD_KIND_CHANGED #/M/1", "FIELD_KIND_CHANGED #/M/1"},
        Case{"MessageToBytes", in_message("M a = 1;"), in_message("bytes a = 1;"), "FIELD_KIND_CHANGED #/M/1",
             "FIELD_KIND_CHANGED #/M/1"},
        Case{"MessageToEnum", proto3("message A { T t = 1; } message T {}"),
             proto3("message A { T t = 1; } enum T { X = 0; }"), "FIELD_KIND_CHANGED #/A/1",
             "MESSAGE_REMOVED #/T\nFIELD_KIND_CHANGED #/A/1"},
        Case{"Service", proto3("message A {} service S { rpc A (.A) returns (.A); }"), proto3("message A {}"),
             "", ""},
        Case{"Option", proto3("option java_package = \"x\"; message A { option deprecated = true; }"),
             proto3("message A {}"), "", ""}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Enums, ProtoCompatibility,
    testing::Values(
        Case{"ConstantAdded", proto3("enum E { A = 0; B = 1; }"), proto3("enum E { A = 0; }"), "", ""},
        Case{"ConstantRenamed", proto3("enum E { A = 0; }"), proto3("enum E { B = 0; }"), "", ""},
        Case{"ConstantRenumbered", proto3("enum E { A = 0; B = 1; }"), proto3("enum E { A = 0; B = 2; }"), "",
             ""},
        Case{"Added", proto3("message M {} enum E { A = 0; }"), proto3("message M {}"), "", ""},
        Case{"AddedNested", in_message("enum E { A = 0; }"), in_message(""), "", ""},
        Case{"ToNumber", in_message("enum E { A = 0; } E e = 1;"), in_message("int32 e = 1;"), "", ""},
        Case{"ToBool", in_message("enum E { A = 0; } E e = 1;"), in_message("bool e = 1;"), "", ""},
        Case{"ToSigned", in_message("enum E { A = 0; } E e = 1;"), in_message("sint32 e = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/1", "FIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"ToString", in_message("enum E { A = 0; } E e = 1;"), in_message("string e = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/1", "FIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"ToAnother", in_message("enum E { A = 0; } enum F { B = 0; } E e = 1;"),
             in_message("enum E { A = 0; } enum F { B = 0; } F e = 1;"), "", ""},
        Case{"OfMap", in_message("enum E { A = 0; } map<string, E> e = 1;"),
             in_message("map<string, int64> e = 1;"), "", ""},
        Case{"Closed", in_proto2("enum E { A = 1; } optional E e = 1;"),
             in_proto2("enum E { A = 1; B = 2; } optional E e = 1;"), "", ""}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Maps, ProtoCompatibility,
    testing::Values(
        Case{"Value", in_message("map<string, int32> a = 1;"), in_message("map<string, string> a = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/1", "FIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"ValueOfGroup", in_message("map<string, int32> a = 1;"),
             in_message("map<string, uint64> a = 1;"), "", ""},
        Case{"Key", in_message("map<string, int32> a = 1;"), in_message("map<int32, int32> a = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/1", "FIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"KeyOfGroup", in_message("map<bool, int32> a = 1;"), in_message("map<int64, int32> a = 1;"), "",
             ""},
        Case{"Both", in_message("map<string, int32> a = 1;"), in_message("map<int32, string> a = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/M/1",
             "FIELD_SCALAR_KIND_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"ValueKind", in_message("map<string, int32> a = 1;"), in_message("map<string, M> a = 1;"),
             "FIELD_KIND_CHANGED #/M/1", "FIELD_KIND_CHANGED #/M/1"},
        Case{"ValueMessage", in_message("message N {} map<string, N> a = 1;"),
             in_message("message N {} map<string, M> a = 1;"), "FIELD_NAMED_TYPE_CHANGED #/M/1",
             "FIELD_NAMED_TYPE_CHANGED #/M/1"},
        Case{"ValueQualified", in_message("message N {} map<string, N> a = 1;"),
             in_message("message N {} map<string, M.N> a = 1;"), "", ""},
        Case{"Renamed", in_message("map<string, int32> a = 1;"), in_message("map<string, int32> b = 1;"), "",
             ""},
        Case{"ToScalar", in_message("map<string, int32> a = 1;"), in_message("string a = 1;"),
             "FIELD_KIND_CHANGED #/M/1", "FIELD_KIND_CHANGED #/M/1"},
        Case{"ToMessage", in_message("map<string, int32> a = 1;"), in_message("M a = 1;"),
             "FIELD_KIND_CHANGED #/M/1", "FIELD_KIND_CHANGED #/M/1"},
        Case{"ToEntries", in_message("map<string, int32> a = 1;"),
             in_message("message Entry { string key = 1; int32 value = 2; } repeated Entry a = 1;"),
             "FIELD_KIND_CHANGED #/M/1\nMESSAGE_REMOVED #/M/Entry", "FIELD_KIND_CHANGED #/M/1"},
        Case{"Nested", in_nested("map<string, int32> a = 1;"), in_nested("map<string, string> a = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/A/B/C/1", "FIELD_SCALAR_KIND_CHANGED #/A/B/C/1"}),
    kName);

References home(const std::string& fields, const std::string& package = "h",
                const std::string& name = "home.proto") {
  return {{name, proto3("package " + package + "; message Home { " + fields + " }")}};
}
std::string house(const std::string& field, const std::string& import = "home.proto") {
  return proto3("import \"" + import + "\"; message M { " + field + " }");
}

INSTANTIATE_TEST_SUITE_P(
    Imports, ProtoCompatibility,
    testing::Values(
        Case{"Same", house("h.Home a = 1;"), house("h.Home a = 1;"), "", "", home("int32 b = 1;"),
             home("int32 b = 1;")},
        Case{"FieldAdded", house("h.Home a = 1;"), house("h.Home a = 1;"), "", "", home("int32 b = 1;"),
             home("")},
        Case{"FieldChanged", house("h.Home a = 1;"), house("h.Home a = 1;"),
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/Home/1",
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/Home/1", home("int32 b = 1;"),
             home("string b = 1;")},
        Case{"NotUsed", house("int32 a = 1;"), house("int32 a = 1;"), "", "", home("int32 b = 1;"),
             home("string b = 1;")},
        Case{"UsedTwice", house("h.Home a = 1; repeated h.Home b = 2;"),
             house("h.Home a = 1; repeated h.Home b = 2;"),
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_NAMED_TYPE_CHANGED #/M/2\nFIELD_SCALAR_KIND_CHANGED "
             "#/Home/1",
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_NAMED_TYPE_CHANGED #/M/2\nFIELD_SCALAR_KIND_CHANGED "
             "#/Home/1",
             home("int32 b = 1;"), home("string b = 1;")},
        Case{"OfMap", house("map<string, h.Home> a = 1;"), house("map<string, h.Home> a = 1;"),
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nONEOF_FIELD_REMOVED #/Home/o/2",
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_MOVED_TO_EXISTING_ONEOF #/Home/o",
             home("oneof o { int32 b = 1; } int32 z = 3;"),
             home("oneof o { int32 b = 1; int32 c = 2; int32 z = 3; }")},
        Case{"OfOneof", house("oneof o { h.Home a = 1; }"), house("oneof o { h.Home a = 1; }"),
             "FIELD_NAMED_TYPE_CHANGED #/M/o/1\nMESSAGE_REMOVED #/Home/N", "", home(""),
             home("message N {}")},
        Case{"InNested", house("h.Home.N a = 1;"), house("h.Home.N a = 1;"),
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_KIND_CHANGED #/Home/N/1",
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_KIND_CHANGED #/Home/N/1", home("message N { N b = 1; }"),
             home("message N { bytes b = 1; }")},
        Case{"OfNestedDeclared", house("h.Home a = 1;"), house("h.Home a = 1;"),
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_KIND_CHANGED #/Home/N/1",
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_KIND_CHANGED #/Home/N/1", home("message N { N b = 1; }"),
             home("message N { bytes b = 1; }")},
        Case{"Through", house("h.Home a = 1;"), house("h.Home a = 1;"),
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_NAMED_TYPE_CHANGED #/Home/2\nFIELD_SCALAR_KIND_CHANGED "
             "#/Home/N/1",
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_NAMED_TYPE_CHANGED #/Home/2\nFIELD_SCALAR_KIND_CHANGED "
             "#/Home/N/1",
             home("message N { int32 b = 1; } N n = 2;"), home("message N { float b = 1; } N n = 2;")},
        Case{"Recursive", house("h.Home a = 1;"), house("h.Home a = 1;"), "", "",
             home("Home b = 1; int32 c = 2;"), home("Home b = 1;")},
        Case{"AnotherFile", house("h.Home a = 1;"), house("h.Home a = 1;", "other.proto"), "", "",
             home("int32 b = 1;"), home("int32 b = 1;", "h", "other.proto")},
        Case{"AnotherFileChanged", house("h.Home a = 1;"), house("h.Home a = 1;", "other.proto"),
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/Home/1",
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/Home/1", home("int32 b = 1;"),
             home("double b = 1;", "h", "other.proto")},
        Case{"AnotherPackage", house("h.Home a = 1;"), house("i.Home a = 1;"), "", "", home("int32 b = 1;"),
             home("int32 b = 1;", "i")},
        Case{"AnotherPackageChanged", house("h.Home a = 1;"), house("i.Home a = 1;"),
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/Home/1",
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/Home/1", home("int32 b = 1;"),
             home("bytes b = 1;", "i")},
        Case{"ToImport",
             house("h.Home a = 1;"),
             proto3("message M { Home a = 1; } message Home { int32 b = 1; }"),
             "MESSAGE_REMOVED #/Home",
             "",
             home("int32 b = 1;"),
             {}},
        Case{"ToImportChanged",
             house("h.Home a = 1;"),
             proto3("message M { Home a = 1; } message Home { string b = 1; }"),
             "MESSAGE_REMOVED #/Home\nFIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/Home/1",
             "FIELD_NAMED_TYPE_CHANGED #/M/1\nFIELD_SCALAR_KIND_CHANGED #/Home/1",
             home("int32 b = 1;"),
             {}},
        Case{"OfEnum", house("h.Home.E a = 1;"), house("h.Home.E a = 1;"), "", "", home("enum E { A = 0; }"),
             home("enum E { A = 0; B = 1; }")},
        Case{"EnumToMessage", house("h.Home.E a = 1;"), house("h.Home.E a = 1;"), "FIELD_KIND_CHANGED #/M/1",
             "FIELD_KIND_CHANGED #/M/1", home("enum E { A = 0; }"), home("message E {}")},
        Case{"Known", house("google.protobuf.Timestamp a = 1;", "google/protobuf/timestamp.proto"),
             house("google.protobuf.Timestamp a = 1;", "google/protobuf/timestamp.proto"), "", ""},
        Case{"AnotherKnown", house("google.protobuf.Timestamp a = 1;", "google/protobuf/timestamp.proto"),
             house("google.protobuf.Duration a = 1;", "google/protobuf/duration.proto"),
             "FIELD_NAMED_TYPE_CHANGED #/M/1", "FIELD_NAMED_TYPE_CHANGED #/M/1"},
        Case{"ImportAdded",
             house("google.protobuf.Timestamp a = 1; int32 b = 2;", "google/protobuf/timestamp.proto"),
             proto3("message M { int32 b = 2; }"), "", ""},
        Case{"KnownToOwn", house("google.protobuf.Empty a = 1;", "google/protobuf/empty.proto"),
             proto3("message M { Empty a = 1; } message Empty { int32 b = 1; }"), "MESSAGE_REMOVED #/Empty",
             ""}),
    kName);

INSTANTIATE_TEST_SUITE_P(
    Together, ProtoCompatibility,
    testing::Values(
        Case{"MessageAndField", proto3("message A { int32 a = 1; message B { int32 b = 1; } }"),
             proto3("message A { string a = 1; message B { string b = 1; } }"),
             "FIELD_SCALAR_KIND_CHANGED #/A/1\nFIELD_SCALAR_KIND_CHANGED #/A/B/1",
             "FIELD_SCALAR_KIND_CHANGED #/A/1\nFIELD_SCALAR_KIND_CHANGED #/A/B/1"},
        Case{"RemovedWithItsUse", proto3("message A {}"), proto3("message A { B b = 1; } message B {}"),
             "MESSAGE_REMOVED #/B", ""},
        Case{"RemovedWithItsUseNested", proto3("message A {}"), proto3("message A { B b = 1; message B {} }"),
             "MESSAGE_REMOVED #/A/B", ""},
        Case{"FieldReusedAsOneof", in_message("oneof o { string b = 1; }"), in_message("int32 a = 1;"),
             "FIELD_SCALAR_KIND_CHANGED #/M/1", "FIELD_SCALAR_KIND_CHANGED #/M/1"},
        Case{"MapToMapOfMessages", in_message("map<int32, M> a = 1;"), in_message("map<int32, bytes> a = 1;"),
             "FIELD_KIND_CHANGED #/M/1", "FIELD_KIND_CHANGED #/M/1"},
        Case{"RepeatedMessageToMap", in_message("repeated M a = 1;"), in_message("map<int32, M> a = 1;"),
             "FIELD_KIND_CHANGED #/M/1", "FIELD_KIND_CHANGED #/M/1"},
        Case{"OneofAndRequired", in_proto2("oneof o { int32 a = 1; int32 b = 2; } required int32 c = 3;"),
             in_proto2("optional int32 a = 1; optional int32 b = 2;"),
             "MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o\nREQUIRED_FIELD_ADDED #/M/3",
             "REQUIRED_FIELD_REMOVED #/M/3"},
        Case{"TwoTopMessages", proto3("message A { int32 a = 1; } message B { int32 a = 1; }"),
             proto3("message B { string a = 1; } message A { string a = 1; }"),
             "FIELD_SCALAR_KIND_CHANGED #/B/1\nFIELD_SCALAR_KIND_CHANGED #/A/1",
             "FIELD_SCALAR_KIND_CHANGED #/A/1\nFIELD_SCALAR_KIND_CHANGED #/B/1"},
        Case{"EnumBesideMessage", proto3("message A { T t = 1; message T {} } enum T { X = 0; }"),
             proto3("message A { .T t = 1; message T {} } enum T { X = 0; }"), "FIELD_KIND_CHANGED #/A/1",
             "FIELD_KIND_CHANGED #/A/1"}),
    kName);

// Every type in the place of every other, alone and in a map.
struct Scalar {
  const char* type;
  char group;  // those of one letter may take each other's place
};
constexpr std::array kScalars = {
    Scalar{"int32", 'n'},   Scalar{"int64", 'n'},    Scalar{"uint32", 'n'},  Scalar{"uint64", 'n'},
    Scalar{"bool", 'n'},    Scalar{"E", 'n'},        Scalar{"sint32", 's'},  Scalar{"sint64", 's'},
    Scalar{"string", 't'},  Scalar{"bytes", 't'},    Scalar{"fixed32", '4'}, Scalar{"sfixed32", '4'},
    Scalar{"fixed64", '8'}, Scalar{"sfixed64", '8'}, Scalar{"float", 'f'},   Scalar{"double", 'd'}};

class ProtoTypes : public testing::TestWithParam<Scalar> {};
TEST_P(ProtoTypes, AreReadByThoseOfTheirGroup) {
  const Scalar one = GetParam();
  const auto declared = [](const std::string& field) { return in_message("enum E { Z = 0; } " + field); };
  for (const Scalar& other : kScalars) {
    SCOPED_TRACE(other.type);
    const std::string rule = one.group == other.group ? "" : "FIELD_SCALAR_KIND_CHANGED #/M/7";
    for (const auto& [before, after] : std::vector<std::pair<std::string, std::string>>{
             {"", " a = 7;"}, {"repeated ", " a = 7;"}, {"map<string, ", "> a = 7;"}}) {
      EXPECT_EQ(verdict(schema_of(declared(before + one.type + after)),
                        schema_of(declared(before + other.type + after))),
                rule);
    }
  }
  EXPECT_EQ(verdict(schema_of(declared("M a = 7;")), schema_of(declared(std::string(one.type) + " a = 7;"))),
            "FIELD_KIND_CHANGED #/M/7");
}
INSTANTIATE_TEST_SUITE_P(All, ProtoTypes, testing::ValuesIn(kScalars),
                         [](const auto& one) { return std::string(one.param.type); });

TEST(ProtoDifference, SaysWhatIsWrittenReadAndAllowed) {
  const auto writer =
      schema_of(in_message("optional int32 a = 1; map<int32, M> b = 2; oneof o { int32 c = 3; }"));
  const auto reader = schema_of(in_message("repeated int32 a = 1; string b = 2; oneof o { string d = 4; }"));
  const auto found = reader->differences(*writer, {});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0], (Difference{"ONEOF_FIELD_REMOVED", "#/M/o/3", "int32 c = 3", "",
                                  "the field c in the oneof or outside of it"}));
  EXPECT_EQ(found[1], (Difference{"FIELD_NUMERIC_LABEL_CHANGED", "#/M/1", "optional int32 a = 1",
                                  "repeated int32 a = 1", "the label optional"}));
  EXPECT_EQ(found[2],
            (Difference{"FIELD_KIND_CHANGED", "#/M/2", "map<int32, p.M>", "string", "map<int32, p.M>"}));
}

TEST(ProtoDifference, ManyImportedTypesTakeNeitherTimeNorStack) {
  // Every message has a field of every later one: the paths among them are without number.
  std::string text = "package h;";
  for (int i = 0; i < 120; ++i) {
    text += "message M" + std::to_string(i) + " {";
    for (int j = i + 1; j < 120; ++j)
      text += "M" + std::to_string(j) + " f" + std::to_string(j) + " = " + std::to_string(j) + ";";
    text += "}";
  }
  const References one = {{"h.proto", proto3(text + "message L { int32 a = 1; }")}};
  const auto schema = schema_of(proto3("import \"h.proto\"; message M { h.M0 a = 1; }"), one);
  EXPECT_EQ(verdict(schema, schema), "");
  std::string chain = "package h;";
  for (int i = 0; i < 15'000; ++i)
    chain += "message M" + std::to_string(i) + " { M" + std::to_string(i + 1) + " a = 1; }";
  const auto long_one = schema_of(proto3("import \"h.proto\"; message M { h.M0 a = 1; }"),
                                  {{"h.proto", proto3(chain + "message M15000 { int32 a = 1; }")}});
  const auto other = schema_of(proto3("import \"h.proto\"; message M { h.M0 a = 1; }"),
                               {{"h.proto", proto3(chain + "message M15000 { string a = 1; }")}});
  EXPECT_EQ(long_one->differences(*other, {}).size(), 15'002U);
}

}  // namespace
}  // namespace forebay::schema::protobuf
