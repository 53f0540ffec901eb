// Record batches: building, header checks, decoding and full validation, per record and per byte, for batches
// of 64 KiB of records of 100 bytes or 1 KiB. Arguments: value bytes, headers per record, codec number.
#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "model/batch_builder.h"
#include "model/batch_validation.h"
#include "model/record_iterator.h"

namespace forebay::model {
namespace {

constexpr std::size_t kBatchBytes = 64 << 10;
constexpr std::size_t kBound = 64 << 20;

// Text of a small vocabulary: compresses by about three, as JSON does.
std::string like_json(std::size_t size) {
  static constexpr std::array<const char*, 12> kWords{"\"author\":", "\"time\":", "\"id\":", "commit",
                                                      "main",        "fix",       "{",       "}",
                                                      ",",           "2024-",     "\"f3\"",  "null"};
  std::mt19937 rng(5);
  std::string text;
  while (text.size() < size) {
    text += kWords[rng() % kWords.size()];
    if (rng() % 2 == 0) text += std::to_string(rng() % 10'000);
  }
  text.resize(size);
  return text;
}

struct Input {
  std::string key = "user-1234567";
  std::string text;
  std::vector<HeaderView> headers;
  std::size_t value_bytes;
  Codec codec;

  explicit Input(const benchmark::State& state)
      : value_bytes(static_cast<std::size_t>(state.range(0))), codec(static_cast<Codec>(state.range(2))) {
    text = like_json(kBatchBytes);
    for (std::int64_t i = 0; i < state.range(1); ++i)
      headers.push_back({"ce_type", as_bytes("org.example.event")});
  }
  std::size_t fill(BatchBuilder& builder) const {
    std::size_t count = 0;
    for (std::size_t at = 0; at + value_bytes <= text.size(); at += value_bytes, ++count) {
      const NewRecord record{.key = as_bytes(key),
                             .value = as_bytes(text).subspan(at, value_bytes),
                             .headers = headers,
                             .timestamp = Timestamp(1'700'000'000'000 + static_cast<std::int64_t>(count))};
      if (!builder.append(record)) std::abort();
    }
    return count;
  }
};

void account(benchmark::State& state, std::size_t records, std::size_t bytes) {
  const auto rounds = static_cast<double>(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
  state.counters["per_record"] = benchmark::Counter(
      rounds * static_cast<double>(records), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void build(benchmark::State& state) {
  const Input input(state);
  BatchBuilder builder;
  std::size_t records = 0;
  std::size_t plain_bytes = 0;
  for (auto _ : state) {
    builder.reserve(kBatchBytes + kBatchBytes / 2);
    records = input.fill(builder);
    plain_bytes = builder.size_bytes();
    auto batch = builder.build(input.codec);
    benchmark::DoNotOptimize(batch);
  }
  account(state, records, plain_bytes);
}

struct Built {
  std::vector<std::byte> bytes;
  std::size_t records;
  std::size_t plain_bytes;
  explicit Built(const benchmark::State& state) {
    const Input input(state);
    BatchBuilder builder;
    records = input.fill(builder);
    plain_bytes = builder.size_bytes();
    bytes = *builder.build(input.codec);
  }
};

void check_header(benchmark::State& state) {
  const Built built(state);
  for (auto _ : state) {
    auto view = validate_batch_header(built.bytes, {});
    benchmark::DoNotOptimize(view);
  }
  account(state, built.records, built.bytes.size());
}

// `add` adds to the sum what it looks at in a record.
template <typename Add>
void decode_with(benchmark::State& state, Add add) {
  const Built built(state);
  const auto view = RecordBatchView::parse(built.bytes);
  std::vector<std::byte> scratch;
  for (auto _ : state) {
    std::size_t sum = 0;
    const auto done =
        for_each_record(*view, kBound, scratch, [&](const RecordView& record) { add(record, sum); });
    if (!done) std::abort();
    benchmark::DoNotOptimize(sum);
  }
  account(state, built.records, built.plain_bytes);
}

void decode(benchmark::State& state) {
  decode_with(state, [](const RecordView& record, std::size_t& sum) {
    sum += record.value->size() + record.key->size();
  });
}

void decode_walking_headers(benchmark::State& state) {
  decode_with(state, [](const RecordView& record, std::size_t& sum) {
    for (const HeaderView& header : record.headers) sum += header.name.size();
  });
}

void validate(benchmark::State& state) {
  const Built built(state);
  std::vector<std::byte> scratch;
  for (auto _ : state) {
    auto contents = validate_batch(built.bytes, {}, scratch);
    if (!contents) std::abort();
    benchmark::DoNotOptimize(contents);
  }
  account(state, built.records, built.plain_bytes);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"value", "headers", "codec"});
  for (const std::int64_t value : {100, 1024}) {
    for (const std::int64_t headers : {0, 2}) bench->Args({value, headers, 0});
  }
  for (const std::int64_t codec : {1, 2, 3, 4}) bench->Args({1024, 0, codec});
}

BENCHMARK(build)->Apply(shapes);
BENCHMARK(check_header)->Args({1024, 0, 0})->ArgNames({"value", "headers", "codec"});
BENCHMARK(decode)->Apply(shapes);
BENCHMARK(decode_walking_headers)->Args({100, 2, 0})->ArgNames({"value", "headers", "codec"});
BENCHMARK(validate)->Apply(shapes);

}  // namespace
}  // namespace forebay::model
