#include "schema/core/protobuf/known_files.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/api.pb.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/field_mask.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/source_context.pb.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/type.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <array>
#include <string>

#include "base/assert.h"

namespace forebay::schema::protobuf {
namespace {

namespace pb = google::protobuf;

struct KnownText {
  const char* name;
  const char* package;
  const char* imports;
  const char* body;
};

// Names and numbers as they are published; what a payload needs, without comments and options.
constexpr std::array kTexts{
    KnownText{"confluent/meta.proto", "confluent", "google/protobuf/descriptor.proto",
              R"(message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
extend google.protobuf.FileOptions { Meta file_meta = 1088; }
extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; })"},
    KnownText{"confluent/type/decimal.proto", "confluent.type", "",
              "message Decimal { bytes value = 1; int32 scale = 2; }"},
    KnownText{"confluent/type/variant.proto", "confluent.type", "",
              "message Variant { bytes metadata = 1; bytes value = 2; }"},
    KnownText{"google/type/calendar_period.proto", "google.type", "",
              R"(enum CalendarPeriod { CALENDAR_PERIOD_UNSPECIFIED = 0; DAY = 1; WEEK = 2; FORTNIGHT = 3;
MONTH = 4; QUARTER = 5; HALF = 6; YEAR = 7; })"},
    KnownText{
        "google/type/color.proto", "google.type", "google/protobuf/wrappers.proto",
        "message Color { float red = 1; float green = 2; float blue = 3; google.protobuf.FloatValue alpha "
        "= 4; }"},
    KnownText{"google/type/date.proto", "google.type", "",
              "message Date { int32 year = 1; int32 month = 2; int32 day = 3; }"},
    KnownText{"google/type/datetime.proto", "google.type", "google/protobuf/duration.proto",
              R"(message DateTime { int32 year = 1; int32 month = 2; int32 day = 3; int32 hours = 4;
int32 minutes = 5; int32 seconds = 6; int32 nanos = 7;
oneof time_offset { google.protobuf.Duration utc_offset = 8; TimeZone time_zone = 9; } }
message TimeZone { string id = 1; string version = 2; })"},
    KnownText{"google/type/dayofweek.proto", "google.type", "",
              R"(enum DayOfWeek { DAY_OF_WEEK_UNSPECIFIED = 0; MONDAY = 1; TUESDAY = 2; WEDNESDAY = 3;
THURSDAY = 4; FRIDAY = 5; SATURDAY = 6; SUNDAY = 7; })"},
    KnownText{"google/type/decimal.proto", "google.type", "", "message Decimal { string value = 1; }"},
    KnownText{"google/type/expr.proto", "google.type", "",
              R"(message Expr { string expression = 1; string title = 2; string description = 3;
string location = 4; })"},
    KnownText{"google/type/fraction.proto", "google.type", "",
              "message Fraction { int64 numerator = 1; int64 denominator = 2; }"},
    KnownText{"google/type/interval.proto", "google.type", "google/protobuf/timestamp.proto",
              R"(message Interval { google.protobuf.Timestamp start_time = 1;
google.protobuf.Timestamp end_time = 2; })"},
    KnownText{"google/type/latlng.proto", "google.type", "",
              "message LatLng { double latitude = 1; double longitude = 2; }"},
    KnownText{"google/type/money.proto", "google.type", "",
              "message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }"},
    KnownText{"google/type/month.proto", "google.type", "",
              R"(enum Month { MONTH_UNSPECIFIED = 0; JANUARY = 1; FEBRUARY = 2; MARCH = 3; APRIL = 4; MAY = 5;
JUNE = 6; JULY = 7; AUGUST = 8; SEPTEMBER = 9; OCTOBER = 10; NOVEMBER = 11; DECEMBER = 12; })"},
    KnownText{"google/type/phone_number.proto", "google.type", "",
              R"(message PhoneNumber { message ShortCode { string region_code = 1; string number = 2; }
oneof kind { string e164_number = 1; ShortCode short_code = 2; } string extension = 3; })"},
    KnownText{"google/type/postal_address.proto", "google.type", "",
              R"(message PostalAddress { int32 revision = 1; string region_code = 2; string language_code = 3;
string postal_code = 4; string sorting_code = 5; string administrative_area = 6; string locality = 7;
string sublocality = 8; repeated string address_lines = 9; repeated string recipients = 10;
string organization = 11; })"},
    KnownText{"google/type/quaternion.proto", "google.type", "",
              "message Quaternion { double x = 1; double y = 2; double z = 3; double w = 4; }"},
    KnownText{
        "google/type/timeofday.proto", "google.type", "",
        "message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }"},
};

void add_builtin(pb::DescriptorPool& pool, const pb::FileDescriptor& file) {
  if (pool.FindFileByName(file.name()) != nullptr) return;
  for (int i = 0; i < file.dependency_count(); ++i) add_builtin(pool, *file.dependency(i));
  pb::FileDescriptorProto copy;
  file.CopyTo(&copy);
  file.CopyJsonNameTo(&copy);
  FOREBAY_ASSERT(pool.BuildFile(copy) != nullptr);
}

void add_text(pb::DescriptorPool& pool, const KnownText& known) {
  std::string text = "syntax = \"proto3\"; package " + std::string(known.package) + ";\n";
  if (*known.imports != '\0') text += "import \"" + std::string(known.imports) + "\";\n";
  text += known.body;
  pb::io::ArrayInputStream input(text.data(), static_cast<int>(text.size()));
  class Unheard final : public pb::io::ErrorCollector {
    void AddError(int, pb::io::ColumnNumber, const std::string&) override {}
  } unheard;
  pb::io::Tokenizer tokens(&input, &unheard);
  pb::FileDescriptorProto file;
  FOREBAY_ASSERT(pb::compiler::Parser().Parse(&tokens, &file));
  file.set_name(known.name);
  FOREBAY_ASSERT(pool.BuildFile(file) != nullptr);
}

const pb::DescriptorPool* make_pool() {
  auto* pool = new pb::DescriptorPool;
  for (const pb::FileDescriptor* file :
       {pb::DescriptorProto::descriptor()->file(), pb::Any::descriptor()->file(),
        pb::Api::descriptor()->file(), pb::Duration::descriptor()->file(), pb::Empty::descriptor()->file(),
        pb::FieldMask::descriptor()->file(), pb::SourceContext::descriptor()->file(),
        pb::Struct::descriptor()->file(), pb::Timestamp::descriptor()->file(), pb::Type::descriptor()->file(),
        pb::FloatValue::descriptor()->file()}) {
    add_builtin(*pool, *file);
  }
  for (const KnownText& known : kTexts) add_text(*pool, known);
  return pool;
}

}  // namespace

const pb::DescriptorPool& known_files() {
  static const pb::DescriptorPool* const pool =
      make_pool();  // outlives every schema, also one that is static
  return *pool;
}

bool is_builtin(std::string_view import) {
  return import.starts_with("google/protobuf/") &&
         known_files().FindFileByName(std::string(import)) != nullptr;
}

}  // namespace forebay::schema::protobuf
