#include "schema/core/avro/avro_format.h"
#include "schema/core/json/json_format.h"
#include "schema/core/protobuf/proto_format.h"
#include "schema/core/schema.h"

namespace forebay::schema {

std::string_view format_name(Format format) {
  switch (format) {
    case Format::kAvro:
      return "AVRO";
    case Format::kJson:
      return "JSON";
    case Format::kProtobuf:
      return "PROTOBUF";
  }
  return "?";
}

std::optional<Format> format_named(std::string_view name) {
  for (const auto format : {Format::kAvro, Format::kJson, Format::kProtobuf})
    if (name == format_name(format)) return format;
  return std::nullopt;
}

Result<SchemaPtr> parse_schema(Format format, std::string_view text, const std::vector<NamedText>& references,
                               const Limits& limits, Origin origin) {
  switch (format) {
    case Format::kAvro:
      return avro::parse_format(text, references, limits, origin);
    case Format::kJson:
      return json::parse_format(text, references, limits);
    case Format::kProtobuf:
      return protobuf::parse_format(text, references, limits);
  }
  return Error{ErrorCode::kUnsupported, std::string(format_name(format)) + " schemas are not supported yet"};
}

}  // namespace forebay::schema
