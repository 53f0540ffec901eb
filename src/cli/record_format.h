// How `consume` shows a record: as JSON, as a YAML document, or by a printf-like template. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/value.h"
#include "forebay/types.h"

namespace forebay::cli {

// A record and where it stands, for the time of one call.
struct ShownRecord {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t append_time_ms = 0;
  const RecordView* record = nullptr;
};

// One object on one line, newline included: topic partition offset event_time append_time key value headers.
// Key and value are strings and never parsed, null when absent, {"base64": ...} when they are not UTF-8;
// headers is an object from name to value, in an array when the name repeats.
void append_record_json(std::string& out, const ShownRecord& shown);
// The same as a tree.
[[nodiscard]] Value record_value(const ShownRecord& shown);
// ... and as a YAML document, with its "---" line.
void append_record_yaml(std::string& out, const ShownRecord& shown);

// %t topic  %p partition  %o offset  %k key  %v value  %h headers (name=value,...)  %d event time
// %a append time  %% a percent sign; \n \t \r \0 \\ and \xNN. Absent key, value, header value: nothing.
// Modifiers in braces: %k{base64} %k{hex} %k{json} and the same for %v; %d{ms} and %a{ms}.
class RecordTemplate {
 public:
  // Errors: kInvalidArgument, naming the place.
  [[nodiscard]] static Result<RecordTemplate> parse(std::string_view text);
  void append(std::string& out, const ShownRecord& shown) const;

 private:
  enum class Field : std::uint8_t {
    kLiteral,
    kTopic,
    kPartition,
    kOffset,
    kKey,
    kValue,
    kHeaders,
    kEventTime,
    kAppendTime
  };
  enum class Form : std::uint8_t { kPlain, kBase64, kHex, kJson, kMs };
  struct Piece {
    Field field = Field::kLiteral;
    Form form = Form::kPlain;
    std::string literal;
  };
  [[nodiscard]] static Result<Piece> parse_field(std::string_view text, std::size_t& at);
  void literal(char c);

  std::vector<Piece> pieces_;
};

}  // namespace forebay::cli
