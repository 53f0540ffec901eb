// Schemas as text, put together briefly. Types are JSON: kInt, a("int"), rec("R", {field("a", kInt)}).
#pragma once

#include <string>
#include <vector>

namespace forebay::schema::avro {

inline const std::string kNull = R"("null")", kBoolean = R"("boolean")", kInt = R"("int")",
                         kLong = R"("long")", kFloat = R"("float")", kDouble = R"("double")",
                         kBytes = R"("bytes")", kString = R"("string")";

inline std::string joined(const std::vector<std::string>& parts, const char* quote = "") {
  std::string all;
  for (const std::string& part : parts) all += (all.empty() ? "" : ",") + (quote + part + quote);
  return all;
}
inline std::string quoted(const std::vector<std::string>& names) { return '[' + joined(names, "\"") + ']'; }
// A name with a dot is a full one. `more`: further members, with a comma before: `,"aliases":["a"]`.
inline std::string named(const std::string& kind, const std::string& name, const std::string& more) {
  return R"({"type":")" + kind + R"(","name":")" + name + '"' + more + '}';
}
inline std::string rec(const std::string& name, const std::vector<std::string>& fields,
                       const std::string& more = "") {
  return named("record", name, R"(,"fields":[)" + joined(fields) + ']' + more);
}
inline std::string field(const std::string& name, const std::string& type, const std::string& more = "") {
  return R"({"name":")" + name + R"(","type":)" + type + more + '}';
}
inline std::string enu(const std::string& name, const std::vector<std::string>& symbols,
                       const std::string& more = "") {
  return named("enum", name, R"(,"symbols":)" + quoted(symbols) + more);
}
inline std::string fix(const std::string& name, int size, const std::string& more = "") {
  return named("fixed", name, R"(,"size":)" + std::to_string(size) + more);
}
inline std::string arr(const std::string& items) { return R"({"type":"array","items":)" + items + '}'; }
inline std::string map(const std::string& values) { return R"({"type":"map","values":)" + values + '}'; }
inline std::string uni(const std::vector<std::string>& branches) { return '[' + joined(branches) + ']'; }
inline std::string nullable(const std::string& type) { return uni({kNull, type}); }
inline std::string ref(const std::string& name) { return '"' + name + '"'; }
inline std::string logical(const std::string& type, const std::string& logical_type,
                           const std::string& more = "") {
  return R"({"type":)" + type + R"(,"logicalType":")" + logical_type + '"' + more + '}';
}
inline std::string def(const std::string& value) { return R"(,"default":)" + value; }
inline std::string aka(const std::vector<std::string>& names) { return R"(,"aliases":)" + quoted(names); }
inline std::string in(const std::string& name_space) { return R"(,"namespace":")" + name_space + '"'; }

}  // namespace forebay::schema::avro
