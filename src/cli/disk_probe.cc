#include "cli/disk_probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "telemetry/latency_histogram.h"

namespace forebay::cli {

Result<SyncSpeed> probe_sync_speed(const std::string& directory) {
  constexpr std::size_t kBlock = 4096;
  constexpr int kWrites = 100;
  constexpr std::chrono::seconds kLongest{1};
  // A file without a name: it goes away with the descriptor, also when the process is killed.
  const int file = ::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (file < 0) {
    const ErrorCode code =
        errno == ENOENT || errno == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kStorageFailed;
    return Error{code, directory + ": " + std::strerror(errno)};
  }
  telemetry::LatencyHistogram histogram;
  const std::vector<char> block(kBlock, 'x');
  const auto begin = std::chrono::steady_clock::now();
  Result<SyncSpeed> result;
  for (int i = 0; i < kWrites && std::chrono::steady_clock::now() - begin < kLongest; ++i) {
    const auto before = std::chrono::steady_clock::now();
    if (::pwrite(file, block.data(), kBlock, static_cast<off_t>(i) * static_cast<off_t>(kBlock)) !=
            static_cast<ssize_t>(kBlock) ||
        ::fdatasync(file) != 0) {
      result = Error{ErrorCode::kStorageFailed, directory + ": " + std::strerror(errno)};
      ::close(file);
      return result;
    }
    histogram.record(std::chrono::steady_clock::now() - before);
  }
  ::close(file);
  return SyncSpeed{histogram.quantile(0.5), histogram.quantile(0.99)};
}

}  // namespace forebay::cli
