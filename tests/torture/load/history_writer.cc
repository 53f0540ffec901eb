#include "torture/load/history_writer.h"

namespace forebay::torture {
namespace {

// A line that is longer is written in parts.
constexpr std::size_t kLineBytesMax = 64 << 10;

}  // namespace

Result<std::unique_ptr<HistoryWriter>> HistoryWriter::open(const std::string& path, Flush flush) {
  std::FILE* file = std::fopen(path.c_str(), "ae");
  if (file == nullptr) return Error{ErrorCode::kStorageFailed, path + " cannot be written"};
  if (flush == Flush::kEachLine) std::setvbuf(file, nullptr, _IOLBF, kLineBytesMax);
  return std::unique_ptr<HistoryWriter>(new HistoryWriter(file));
}

HistoryWriter::~HistoryWriter() {
  if (file_ != nullptr) std::fclose(file_);
}

void HistoryWriter::line(const std::string& rest) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  std::fprintf(file_, "%lld %s\n", static_cast<long long>(ns), rest.c_str());
}

std::uint64_t HistoryWriter::next_id() {
  const std::lock_guard lock(mutex_);
  return ++last_id_;
}

Result<void> HistoryWriter::close() {
  const std::lock_guard lock(mutex_);
  const bool failed = std::ferror(file_) != 0;
  const bool closed = std::fclose(file_) == 0;
  file_ = nullptr;
  if (failed || !closed) return Error{ErrorCode::kStorageFailed, "the history was not written"};
  return {};
}

}  // namespace forebay::torture
