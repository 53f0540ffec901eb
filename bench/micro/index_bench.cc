// The sparse index: searches, and what building, writing and reading it costs.
#include <benchmark/benchmark.h>

#include "log/core/index.h"

namespace forebay::log {
namespace {

// Of a segment of `entries` x 64 KiB.
SegmentIndex make_index(std::int64_t entries) {
  SegmentIndex index;
  FrameHeader header;
  for (std::int64_t i = 0; i < entries; ++i) {
    header.begin = {model::Offset(i * 64), 0};
    header.end = {model::Offset(i * 64 + 64), 0};
    header.append_time = model::Timestamp(i);
    index.add(header, {model::Timestamp(i)}, static_cast<std::uint64_t>(i) << 16);
  }
  return index;
}

void find_offset(benchmark::State& state) {
  const SegmentIndex index = make_index(state.range(0));
  std::int64_t offset = 0;
  for (auto _ : state) {
    offset = (offset + 7919) % (state.range(0) * 64);
    benchmark::DoNotOptimize(index.find_offset(model::Offset(offset)));
  }
}
BENCHMARK(find_offset)->Arg(64)->Arg(4096)->Arg(65536);

void find_event_time(benchmark::State& state) {
  const SegmentIndex index = make_index(state.range(0));
  std::int64_t time = 0;
  for (auto _ : state) {
    time = (time + 7919) % state.range(0);
    benchmark::DoNotOptimize(index.find_event_time(model::Timestamp(time)));
  }
}
BENCHMARK(find_event_time)->Arg(4096);

void add_frame(benchmark::State& state) {
  SegmentIndex index;
  FrameHeader header;
  std::uint64_t position = 0;
  for (auto _ : state) {
    header.begin.next_offset = header.begin.next_offset.next();
    header.end.next_offset = header.begin.next_offset.next();
    index.add(header, {model::Timestamp(1)}, position += 1024);
  }
}
BENCHMARK(add_frame);

void encode_and_decode(benchmark::State& state) {
  const SegmentIndex index = make_index(state.range(0));
  SegmentMeta meta;
  meta.end = {model::Offset(state.range(0) * 64), 0};
  meta.size_bytes = static_cast<std::uint64_t>(state.range(0)) << 16;
  for (auto _ : state) {
    const auto bytes = encode_index({}, meta, index);
    benchmark::DoNotOptimize(decode_index(bytes, {}, meta).has_value());
  }
}
BENCHMARK(encode_and_decode)->Arg(4096);

}  // namespace
}  // namespace forebay::log
