// The check of a Protobuf payload of about 1 KB: an order of 20 fields with lines in it, as the broker does
// it for every record. One thread.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "schema/core/schema.h"

namespace forebay::schema {
namespace {

constexpr const char* kSchema = R"(syntax = "proto3";
package shop;
message Order {
  string id = 1; int64 placed_ms = 2; string customer = 3; string email = 4; Status status = 5;
  repeated Line lines = 6; Address ship_to = 7; Address bill_to = 8; map<string, string> labels = 9;
  double total = 10; string currency = 11; bool is_gift = 12; optional string note = 13; uint32 version = 14;
  repeated int32 discounts = 15; fixed64 trace = 16; oneof payment { string card = 17; string invoice = 18; }
  bytes signature = 19; sint32 balance = 20;
  enum Status { NEW = 0; PAID = 1; }
  message Line { string sku = 1; uint32 count = 2; double price = 3; string title = 4; repeated string tags = 5; }
  message Address { string street = 1; string city = 2; string zip = 3; string country = 4; float lat = 5; float lon = 6; }
})";
constexpr const char* kOrder = R"({"id":"5e7c1f0a-93b4-4f7c-8f5f-2f1d9c0b7a11","placedMs":"1761000000000",
"customer":"customer-00012345","email":"someone.with.a.name@example.org","status":"PAID","lines":[
{"sku":"SKU-000123","count":2,"price":19.95,"title":"A thing of some use, blue","tags":["blue","useful","sale"]},
{"sku":"SKU-004711","count":1,"price":249.0,"title":"Größere Sache für draußen","tags":["outdoor","heavy"]},
{"sku":"SKU-000815","count":12,"price":0.99,"title":"Small parts, assorted","tags":["parts"]}],
"shipTo":{"street":"Long Street Number 12345","city":"Zürich","zip":"8001","country":"CH","lat":47.37,"lon":8.54},
"billTo":{"street":"Another Street 99, 3rd floor","city":"Genève","zip":"1201","country":"CH","lat":46.2,"lon":6.14},
"labels":{"source":"web","campaign":"autumn-2026","region":"emea","experiment":"checkout-b"},"total":300.78,
"currency":"CHF","isGift":true,"note":"Please ring twice; the bell is a little slow. Leave it with the neighbour if nobody opens the door. The way in is behind the house, past the garden and the two old trees; there is a lamp, and the stairs are on the left. Whoever delivers it may use the lift, which takes two people and a parcel of this size, but not three.","version":7,
"discounts":[5,10,300,70000],"trace":"1234567890123456789","card":"tok_9f8e7d6c5b4a39281706",
"signature":"c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmUtc2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmUtc2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmUtc2lnbmF0dXJlLXNpZ25hdHVyZQ==",
"balance":-250})";

void check(benchmark::State& state) {
  const auto schema = parse_schema(Format::kProtobuf, kSchema);
  if (!schema) std::abort();
  const auto payload = (*schema)->from_json(kOrder);
  if (!payload) std::abort();
  for (auto _ : state) {
    const auto fault = (*schema)->check(as_bytes(*payload));
    if (fault) std::abort();
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(payload->size()));
  state.counters["payload_bytes"] = static_cast<double>(payload->size());
}
BENCHMARK(check);

void parse(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_schema(Format::kProtobuf, kSchema));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(parse);

void canonical(benchmark::State& state) {
  const auto schema = parse_schema(Format::kProtobuf, kSchema);
  if (!schema) std::abort();
  for (auto _ : state) benchmark::DoNotOptimize((*schema)->canonical_text());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(canonical);

}  // namespace
}  // namespace forebay::schema
