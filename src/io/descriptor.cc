#include "io/descriptor.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "io/file_system.h"

namespace forebay::io {

Error system_error(const char* operation, const std::string& path, int error_number) {
  const char* text = ::strerrordesc_np(error_number);
  ErrorCode code = ErrorCode::kStorageFailed;
  if (error_number == ENOENT) code = ErrorCode::kNotFound;
  if (error_number == ENOSPC || error_number == EDQUOT) code = ErrorCode::kDiskFull;
  return Error{code, std::string(operation) + " " + path + ": " + (text != nullptr ? text : "unknown error")};
}

Descriptor::~Descriptor() { ::close(number_); }

Result<std::shared_ptr<Descriptor>> Descriptor::open(const std::string& path, int flags) {
  int number = -1;
  do {
    number = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  } while (number < 0 && errno == EINTR);
  if (number < 0) return system_error((flags & O_CREAT) != 0 ? "create" : "open", path, errno);
  return std::make_shared<Descriptor>(number, path, (flags & O_DIRECT) != 0);
}

Result<void> Descriptor::write_at(std::uint64_t offset, ByteSpan bytes, Durable durable,
                                  std::size_t transfer_max) const {
  // The page cache's writes are made durable by a sync: every file system has that one.
  const bool sync_after = durable == Durable::kYes && !direct_;
  const int flags = durable == Durable::kYes && direct_ ? RWF_DSYNC : 0;
  while (!bytes.empty()) {
    iovec part{const_cast<std::byte*>(bytes.data()), std::min(bytes.size(), transfer_max)};
    const ssize_t wrote = ::pwritev2(number_, &part, 1, static_cast<off_t>(offset), flags);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return system_error("write", path_, errno);
    if (wrote == 0) return system_error("write", path_, EIO);  // no progress: never seen, must not loop
    offset += static_cast<std::uint64_t>(wrote);
    bytes = bytes.subspan(static_cast<std::size_t>(wrote));
  }
  return sync_after ? sync() : Result<void>();
}

bool Descriptor::at_end_after(std::size_t bytes) const {
  return bytes == 0 || (direct_ && bytes % kBlockBytes != 0);
}

Result<std::size_t> Descriptor::read_at(std::uint64_t offset, std::span<std::byte> into,
                                        std::size_t transfer_max) const {
  std::size_t total = 0;
  while (total < into.size()) {
    const std::size_t wanted = std::min(into.size() - total, transfer_max);
    const ssize_t got = ::pread(number_, into.data() + total, wanted, static_cast<off_t>(offset + total));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", path_, errno);
    total += static_cast<std::size_t>(got);
    if (at_end_after(static_cast<std::size_t>(got))) break;
  }
  return total;
}

// Never asked twice: the system may have dropped what it could not write, and say so once only. That goes for
// a sync that was interrupted, too.
Result<void> Descriptor::sync() const {
  if (::fdatasync(number_) != 0) return system_error("sync", path_, errno);
  return {};
}

}  // namespace forebay::io
