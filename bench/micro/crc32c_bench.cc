// CRC-32C: bytes per second of each way to compute it, over data that stays in the cache (up to 64 KiB) or
// not (1 MiB, 64 MiB).
#include "base/crc32c.h"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <vector>

namespace forebay {
namespace {

void run(benchmark::State& state, crc32c_ways::Extend extend) {
  if (extend == nullptr) {
    state.SkipWithError("this processor has no such instruction");
    return;
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  std::uint32_t crc = 0;
  for (auto _ : state) crc = extend(crc, bytes);
  benchmark::DoNotOptimize(crc);
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void sizes(benchmark::internal::Benchmark* bench) {
  for (const std::int64_t size : {64ll, 256ll, 1ll << 10, 16ll << 10, 64ll << 10, 1ll << 20, 64ll << 20})
    bench->Arg(size);
}

BENCHMARK_CAPTURE(run, chosen, &crc32c_extend)->Apply(sizes);
BENCHMARK_CAPTURE(run, three_streams, crc32c_ways::three_streams())->Apply(sizes);
BENCHMARK_CAPTURE(run, one_stream, crc32c_ways::one_stream())->Apply(sizes);
BENCHMARK_CAPTURE(run, portable, &crc32c_ways::portable)->Apply(sizes);

}  // namespace
}  // namespace forebay
