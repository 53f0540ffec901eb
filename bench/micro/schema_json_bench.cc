// JSON Schema: records of about 1 KB checked per second on one core, and schemas parsed and compared.
#include <benchmark/benchmark.h>

#include <string>

#include "schema/core/schema.h"

namespace forebay::schema {
namespace {

const std::string kSchema =
    R"({"$schema":"http://json-schema.org/draft-07/schema#","title":"Order","type":"object",
 "required":["id","customer","lines","created"],"additionalProperties":false,
 "properties":{"id":{"type":"string","pattern":"^[0-9a-f-]{36}$"},"created":{"type":"integer","minimum":0},
  "currency":{"enum":["EUR","USD","GBP"]},"note":{"type":["string","null"],"maxLength":200},
  "customer":{"type":"object","required":["name"],"properties":{"name":{"type":"string","minLength":1},
   "email":{"type":"string","format":"email"},"address":{"$ref":"#/definitions/address"}}},
  "lines":{"type":"array","minItems":1,"items":{"type":"object","required":["sku","price"],
   "properties":{"sku":{"type":"string"},"price":{"type":"number","minimum":0},"count":{"type":"integer"},
   "discount":{"oneOf":[{"type":"null"},{"type":"number","maximum":1}]}}}}},
 "definitions":{"address":{"type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"},
  "zip":{"type":"string","maxLength":10},"country":{"type":"string"}}}}})";

std::string record() {
  std::string lines;
  for (int i = 0; lines.size() < 700; ++i)
    lines += (i == 0 ? "" : ",") + std::string(R"({"sku":"SKU-0000)") + std::to_string(i) +
             R"(","price":19.99,"count":3,"discount":null})";
  return R"({"id":"0b8f6f0e-3d8e-4a52-9d5c-0d2f7b8f9a11","created":1700000000000,"currency":"EUR","note":null,)"
         R"("customer":{"name":"Ada Lovelace","email":"ada@example.com","address":{"street":"1 St James's Square",)"
         R"("city":"London","zip":"SW1Y","country":"GB"}},"lines":[)" +
         lines + "]}";
}

void check(benchmark::State& state) {
  const SchemaPtr schema = *parse_schema(Format::kJson, kSchema);
  const std::string payload = record();
  for (auto _ : state) {
    const auto fault = schema->check(as_bytes(payload));
    if (fault) state.SkipWithError((fault->path + ": " + fault->expected).c_str());
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(payload.size()));
}

void parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_schema(Format::kJson, kSchema));
  state.SetItemsProcessed(state.iterations());
}

void compare(benchmark::State& state) {
  const SchemaPtr schema = *parse_schema(Format::kJson, kSchema);
  for (auto _ : state) benchmark::DoNotOptimize(schema->differences(*schema, {}));
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(check);
BENCHMARK(parse);
BENCHMARK(compare);

}  // namespace
}  // namespace forebay::schema
