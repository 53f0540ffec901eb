// What the benches of a whole node's log share: where they write, what they cost, how they are summed up.
#pragma once

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/executor.h"

namespace forebay::bench {

// Of the whole process.
inline double process_cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

struct CountingRng final : runtime::Rng {
  std::uint64_t state = 1;
  std::uint64_t next() override { return state += 0x9e3779b97f4a7c15ULL; }
};

// A new, empty directory of this process, below FOREBAY_BENCH_DIR or /tmp.
inline std::string scratch_directory(const std::string& name) {
  const char* wanted = ::getenv("FOREBAY_BENCH_DIR");
  const std::string path = std::string(wanted != nullptr ? wanted : "/tmp") + "/forebay-" + name + "-bench-" +
                           std::to_string(::getpid());
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

// Sorts the values.
inline double percentile(std::vector<double>& values, double fraction) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0
                        : values[static_cast<std::size_t>(fraction * static_cast<double>(values.size() - 1))];
}

}  // namespace forebay::bench
