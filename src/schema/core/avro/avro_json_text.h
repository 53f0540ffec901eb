// Writes JSON on one line: the values of Avro as its Java library writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/shared_bytes.h"

namespace forebay::schema::avro {

void append_json_string(std::string& to, std::string_view utf8);
// Each byte as the character of that number (ISO-8859-1).
void append_json_bytes(std::string& to, ByteSpan bytes);
// The shortest that reads back as the same; "NaN", "Infinity" and "-Infinity" as texts.
void append_json_number(std::string& to, double value);
void append_json_number(std::string& to, std::int64_t value);

}  // namespace forebay::schema::avro
