// Rows of the table of compatibility: two schemas, and what is wrong with each one reading the other's data.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "schema/core/schema.h"

namespace forebay::schema::avro {

// Verdicts: "": compatible; else each difference in order, "TM /fields/0/type; NM /name", with the rule as
//   TM TYPE_MISMATCH            RD READER_FIELD_MISSING_DEFAULT_VALUE  UB MISSING_UNION_BRANCH
//   NM NAME_MISMATCH            ES MISSING_ENUM_SYMBOLS                FS FIXED_SIZE_MISMATCH
//   MS READER_FIELD_MATCHES_SEVERAL: the Java library gives an error there; the registry, incompatible.
struct Row {
  const char* what;
  std::string a, b;
  std::string a_reads_b, b_reads_a;
  std::vector<NamedText> a_refers = {}, b_refers = {};
};

[[nodiscard]] std::vector<Row> primitive_rows();
[[nodiscard]] std::vector<Row> record_rows();
[[nodiscard]] std::vector<Row> alias_rows();
[[nodiscard]] std::vector<Row> enum_and_fixed_rows();
[[nodiscard]] std::vector<Row> union_rows();
[[nodiscard]] std::vector<Row> nested_rows();
[[nodiscard]] std::vector<Row> logical_and_referred_rows();

}  // namespace forebay::schema::avro
