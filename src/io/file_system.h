// The disk, as the log sees it. Two implementations: the real one (io_uring + O_DIRECT, or buffered +
// fdatasync where those are refused) and the simulated one in tests/sim, which loses what was not synced.
// Thread rules: the `FileSystem` calls and the `_now` calls block and may be made from any thread (never from
// a shard that serves traffic: hand them to the BlockingPool). The asynchronous calls of a File are made on
// the shard that owns it, and their completions run there, never inside the call itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "base/unique_function.h"

namespace forebay::io {

// Offsets, sizes and addresses of transfers on direct files are multiples of this.
inline constexpr std::size_t kBlockBytes = 4096;

[[nodiscard]] constexpr std::uint64_t round_up_to_block(std::uint64_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

// Zeroed memory aligned to kBlockBytes, sized in whole blocks.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes);  // rounded up to whole blocks; zeros
  // Holds whatever was there: for reads, which fill it.
  [[nodiscard]] static AlignedBuffer uninitialized(std::size_t bytes);
  [[nodiscard]] std::byte* data() { return data_.get(); }
  [[nodiscard]] const std::byte* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<std::byte> span() { return {data_.get(), size_}; }
  [[nodiscard]] ByteSpan span() const { return {data_.get(), size_}; }

 private:
  struct Free {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

enum class WriteMode {
  kPlain,    // on stable storage after the next successful sync
  kDurable,  // on stable storage when the completion says success
};

using WriteDone = UniqueFunction<void(Result<void>)>;
using ReadDone =
    UniqueFunction<void(Result<std::size_t>)>;  // bytes read; fewer than asked only at the end of the file

class File {
 public:
  virtual ~File() = default;  // closes; outstanding operations keep what they need alive until they complete

  // Asynchronous. The memory stays valid and unchanged until the completion. A short transfer is continued
  // inside. After a failed write or sync nobody knows what is on disk of all that was written since the last
  // good sync: the system may have dropped it, show it all the same, and call the next sync a success. The
  // caller never writes to the file or syncs it again; what it still needs of it, it writes to a new one.
  virtual void write(std::uint64_t offset, ByteSpan bytes, WriteMode mode, WriteDone done) = 0;
  virtual void read(std::uint64_t offset, std::span<std::byte> into, ReadDone done) = 0;
  virtual void sync(WriteDone done) = 0;  // data, and the metadata needed to find it

  // Blocking.
  [[nodiscard]] virtual Result<void> write_now(std::uint64_t offset, ByteSpan bytes) = 0;
  [[nodiscard]] virtual Result<std::size_t> read_now(std::uint64_t offset,
                                                     std::span<std::byte> into) const = 0;
  [[nodiscard]] virtual Result<void> sync_now() = 0;
  [[nodiscard]] virtual Result<std::uint64_t> size() const = 0;
  [[nodiscard]] virtual Result<void> allocate(
      std::uint64_t bytes) = 0;  // reserves space up to `bytes`; never shrinks
  [[nodiscard]] virtual Result<void> truncate(std::uint64_t bytes) = 0;
};

enum class OpenMode {
  kRead,       // must exist
  kReadWrite,  // must exist
  kCreate,     // must not exist
};

enum class Caching {
  kDirect,    // bypasses the page cache where the file system allows it; transfers in whole aligned blocks
  kBuffered,  // ordinary files: configuration, markers, indexes
};

struct DirectoryEntry {
  std::string name;
  bool is_directory = false;
  std::uint64_t size_bytes = 0;
};

struct DiskSpace {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;
};

class FileLock {
 public:
  virtual ~FileLock() = default;  // releases
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Errors, for all: kNotFound when a path is missing, kDiskFull for lack of space, kStorageFailed for the
  // rest; the context names the path and the operation.
  [[nodiscard]] virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode,
                                                           Caching caching) = 0;
  [[nodiscard]] virtual Result<std::vector<DirectoryEntry>> list(
      const std::string& directory) = 0;  // sorted by name
  [[nodiscard]] virtual bool exists(const std::string& path) = 0;
  // Also syncs every parent it changed; what could not be synced is taken back, so that the next call makes
  // it anew.
  [[nodiscard]] virtual Result<void> create_directories(const std::string& path) = 0;
  [[nodiscard]] virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  [[nodiscard]] virtual Result<void> remove_file(const std::string& path) = 0;
  [[nodiscard]] virtual Result<void> remove_all(const std::string& path) = 0;
  // When it fails, the names made, changed or removed since the last good one are unknown, and stay so: a
  // later success speaks only of names changed after the failure.
  [[nodiscard]] virtual Result<void> sync_directory(const std::string& path) = 0;
  [[nodiscard]] virtual Result<DiskSpace> space(const std::string& path) = 0;
  // Errors: kLocked when another process holds it.
  [[nodiscard]] virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

// Whole small files. write_file_atomically: temp file, sync, rename, sync directory; a crash leaves the old
// or the new one.
[[nodiscard]] Result<std::string> read_file(FileSystem& fs, const std::string& path);
[[nodiscard]] Result<void> write_file_atomically(FileSystem& fs, const std::string& path, ByteSpan content);

}  // namespace forebay::io
