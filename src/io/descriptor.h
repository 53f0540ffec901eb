// An open file of the operating system, and its errors as ours. Internal to the module.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "base/shared_bytes.h"

namespace forebay::io {

// ENOENT -> kNotFound, ENOSPC and EDQUOT -> kDiskFull, everything else kStorageFailed.
// Context: "<operation> <path>: <text of the error>".
[[nodiscard]] Error system_error(const char* operation, const std::string& path, int error_number);

// A transfer of one system call at most: a multiple of every block size, below the kernel's limit.
inline constexpr std::size_t kTransferMax = std::size_t{1} << 30;

// Shared by the File and its operations in flight: the last of them closes it.
class Descriptor {
 public:
  Descriptor(int number, std::string path, bool direct)
      : number_(number), path_(std::move(path)), direct_(direct) {}
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] static Result<std::shared_ptr<Descriptor>> open(const std::string& path, int flags);

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] const std::string& path() const { return path_; }

  // A read gave `bytes`: is that the end of the file? Of a direct file a part of a block says so, and asking
  // on from within a block would be refused.
  [[nodiscard]] bool at_end_after(std::size_t bytes) const;

  // Blocking, whole.
  enum class Durable : bool { kNo, kYes };
  [[nodiscard]] Result<void> write_at(std::uint64_t offset, ByteSpan bytes, Durable durable,
                                      std::size_t transfer_max = kTransferMax) const;
  [[nodiscard]] Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into,
                                            std::size_t transfer_max = kTransferMax) const;
  [[nodiscard]] Result<void> sync() const;

 private:
  int number_;
  std::string path_;
  bool direct_;
};

}  // namespace forebay::io
