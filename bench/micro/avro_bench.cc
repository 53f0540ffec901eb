// Avro payloads of about 1 KiB: records per second that are checked, and turned into JSON, on one core.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "base/endian.h"
#include "base/varint.h"
#include "schema/core/schema.h"

namespace forebay::schema {
namespace {

constexpr std::string_view kOrder = R"({"type":"record","name":"Order","namespace":"shop","fields":[
  {"name":"id","type":"string"},{"name":"customer","type":"long"},
  {"name":"created","type":{"type":"long","logicalType":"timestamp-millis"}},
  {"name":"updated","type":["null",{"type":"long","logicalType":"timestamp-millis"}]},
  {"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","PAID","SENT","DONE"]}},
  {"name":"currency","type":"string"},{"name":"total","type":"double"},{"name":"weight","type":"float"},
  {"name":"gift","type":"boolean"},{"name":"note","type":["null","string"]},
  {"name":"coupon","type":["null","string"]},{"name":"trace","type":{"type":"fixed","name":"Trace","size":16}},
  {"name":"token","type":"bytes"},{"name":"revision","type":"int"},
  {"name":"address","type":{"type":"record","name":"Address","fields":[{"name":"name","type":"string"},
    {"name":"street","type":"string"},{"name":"city","type":"string"},{"name":"zip","type":"string"},
    {"name":"country","type":"string"}]}},
  {"name":"invoice","type":["null","Address"]},
  {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
    {"name":"sku","type":"string"},{"name":"title","type":"string"},{"name":"count","type":"int"},
    {"name":"price","type":"double"},{"name":"discount","type":["null","double"]}]}}},
  {"name":"tags","type":{"type":"map","values":"string"}},
  {"name":"stock","type":{"type":"array","items":"long"}},
  {"name":"source","type":"string"}]})";

class Payload {
 public:
  void number(std::int64_t value) {
    std::array<std::byte, kVarlongBytesMax> bytes{};
    const std::byte* end = write_varlong(bytes.data(), value);
    text_.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(end - bytes.data()));
  }
  void text(std::string_view value) {
    number(static_cast<std::int64_t>(value.size()));
    text_ += value;
  }
  template <typename T>
  void real(T value) {
    std::array<std::byte, sizeof(T)> bytes{};
    store_le(bytes.data(), value);
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void raw(std::string_view bytes) { text_ += bytes; }
  [[nodiscard]] const std::string& str() const { return text_; }

 private:
  std::string text_;
};

void address(Payload& to) {
  for (const auto* value : {"Ada Löwe", "Lange Straße 17, Hinterhaus", "Göttingen", "37073", "DE"})
    to.text(value);
}

std::string order() {
  Payload to;
  to.text("0b9f2d1e-6b7c-4e8e-9a1f-6c2f7d0a9b11");
  for (const std::int64_t value : {std::int64_t{991'223}, std::int64_t{1'700'000'000'000}, std::int64_t{1},
                                   std::int64_t{1'700'000'100'000}, std::int64_t{2}})
    to.number(value);
  to.text("EUR");
  to.real(129.95);
  to.real(2.5F);
  to.raw(std::string(1, '\1'));
  to.number(1);
  to.text("Please ring twice; the bell of the second floor is the one that works.");
  to.number(0);
  to.raw("0123456789abcdef");
  to.text(std::string(32, '\xa5'));
  to.number(4);
  address(to);
  to.number(1);
  address(to);
  to.number(7);
  for (int i = 0; i < 7; ++i) {
    to.text("SKU-00412-" + std::to_string(i));
    to.text("A title of an article as it stands in a shop, long enough");
    to.number(i + 1);
    to.real(19.99);
    to.number(i % 2);
    if (i % 2 == 1) to.real(0.1);
  }
  to.number(0);
  to.number(3);
  for (const auto* key : {"channel", "campaign", "segment"}) {
    to.text(key);
    to.text("spring-2026");
  }
  to.number(0);
  to.number(8);
  for (int i = 0; i < 8; ++i) to.number(100'000 + i);
  to.number(0);
  to.text("web shop, front end 4.17.2");
  return to.str();
}

void check(benchmark::State& state) {
  const auto schema = parse_schema(Format::kAvro, kOrder);
  const std::string payload = order();
  if (!schema || (*schema)->check(as_bytes(payload))) std::abort();
  for (auto _ : state) benchmark::DoNotOptimize((*schema)->check(as_bytes(payload)));
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(payload.size()));
  state.counters["payload_bytes"] = static_cast<double>(payload.size());
}
BENCHMARK(check);

void to_json(benchmark::State& state) {
  const auto schema = parse_schema(Format::kAvro, kOrder);
  const std::string payload = order();
  if (!schema) std::abort();
  for (auto _ : state) benchmark::DoNotOptimize((*schema)->to_json(as_bytes(payload)));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(to_json);

}  // namespace
}  // namespace forebay::schema
