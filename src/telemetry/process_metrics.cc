#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "telemetry/metrics.h"

namespace forebay::telemetry {
namespace {

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double open_descriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return 0;
  double count = 0;
  for (auto entry = entries; entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (error) break;
    ++count;
  }
  return count - 1;  // the one of the iteration itself
}

double descriptors_max() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

}  // namespace

std::vector<Metrics::Sampled> sample_process(Metrics& metrics) {
  using Kind = Metrics::SampledKind;
  const double started =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::vector<Metrics::Sampled> samples;
  const auto add = [&](Kind kind, std::string_view name, std::string_view help,
                       std::function<double()> read) {
    samples.push_back(metrics.sampled(kind, name, help, {}, std::move(read)));
  };
  add(Kind::kGauge, "process_resident_memory_bytes", "Resident memory of the daemon.", resident_bytes);
  add(Kind::kCounter, "process_cpu_seconds_total", "User and system CPU time of the daemon.", cpu_seconds);
  add(Kind::kGauge, "process_open_fds", "Open file descriptors.", open_descriptors);
  add(Kind::kGauge, "process_max_fds", "Limit on open file descriptors.", descriptors_max);
  add(Kind::kGauge, "process_start_time_seconds", "Start of the daemon, seconds since 1970-01-01 UTC.",
      [started] { return started; });
  return samples;
}

}  // namespace forebay::telemetry
