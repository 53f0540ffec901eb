// The names of what the schema registry knows, as people write them.
#include <algorithm>
#include <array>
#include <cctype>

#include "base/result.h"
#include "forebay/schemas.h"
#include "schema/core/compatibility.h"

namespace forebay {
namespace {

std::string upper(std::string_view text) {
  std::string to(text);
  std::transform(to.begin(), to.end(), to.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  return to;
}

// `all`: in the order in which an error names them.
template <typename T, std::size_t kCount>
Result<T> named(std::string_view what, std::string_view name, const std::array<T, kCount>& all,
                std::string_view (*name_of)(T)) {
  std::string list;
  for (const T one : all) {
    if (upper(name) == name_of(one)) return one;
    list += (list.empty() ? "" : ", ") + std::string(name_of(one));
  }
  return Error{ErrorCode::kInvalidArgument,
               "'" + std::string(name) + "' is no " + std::string(what) + "; there are " + list};
}

}  // namespace

std::string_view schema_format_name(SchemaFormat format) {
  return schema::format_name(static_cast<schema::Format>(format));
}
std::string_view schema_level_name(SchemaLevel level) {
  return schema::level_name(static_cast<schema::Level>(level));
}
std::string_view schema_mode_name(SchemaMode mode) {
  return schema::mode_name(static_cast<schema::Mode>(mode));
}

Result<SchemaFormat> parse_schema_format(std::string_view name) {
  return named<SchemaFormat, 3>("schema format", name,
                                {SchemaFormat::kAvro, SchemaFormat::kProtobuf, SchemaFormat::kJson},
                                &schema_format_name);
}
Result<SchemaLevel> parse_schema_level(std::string_view name) {
  return named<SchemaLevel, 7>(
      "compatibility level", name,
      {SchemaLevel::kNone, SchemaLevel::kBackward, SchemaLevel::kBackwardTransitive, SchemaLevel::kForward,
       SchemaLevel::kForwardTransitive, SchemaLevel::kFull, SchemaLevel::kFullTransitive},
      &schema_level_name);
}
Result<SchemaMode> parse_schema_mode(std::string_view name) {
  return named<SchemaMode, 3>(
      "mode", name, {SchemaMode::kReadWrite, SchemaMode::kReadOnly, SchemaMode::kImport}, &schema_mode_name);
}

}  // namespace forebay
