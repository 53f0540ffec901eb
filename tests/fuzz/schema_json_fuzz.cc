// Arbitrary text as a JSON Schema, and a payload after a zero byte. What is parsed has one canonical text, is
// compatible with itself, and judges any payload.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "schema/core/schema.h"

namespace {

using namespace forebay;          // NOLINT: a fuzz target is one file
using namespace forebay::schema;  // NOLINT

void one(std::string_view text, std::string_view payload) {
  Limits limits;
  limits.types_max = 2000;  // of the meta-schemas all fit; beyond it every run would be slow
  const auto parsed = parse_schema(Format::kJson, text, {}, limits);
  if (!parsed) {
    FOREBAY_ASSERT(!parsed.error().context.empty());
    return;
  }
  const std::string canonical = (*parsed)->canonical_text();
  const auto again = parse_schema(Format::kJson, canonical, {}, limits);
  FOREBAY_ASSERT(again.has_value() && (*again)->canonical_text() == canonical);
  FOREBAY_ASSERT((*again)->normalized_text() == (*parsed)->normalized_text());
  for (const Difference& difference : (*parsed)->differences(**again, {}))
    FOREBAY_ASSERT(difference.rule == "COMPARISON_TOO_LARGE" && !difference.allowed.empty());
  const auto fault = (*parsed)->check(as_bytes(payload));
  const auto same = (*again)->check(as_bytes(payload));
  FOREBAY_ASSERT(fault.has_value() == same.has_value());
  const auto json = (*parsed)->to_json(as_bytes(payload));
  FOREBAY_ASSERT(json.has_value() == !fault.has_value());
  if (json) FOREBAY_ASSERT((*parsed)->from_json(*json).value() == *json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = all.find('\0');
  one(all.substr(0, end), end == std::string_view::npos ? std::string_view() : all.substr(end + 1));
  return 0;
}
