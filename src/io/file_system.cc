#include "io/file_system.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace forebay::io {

namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

std::byte* allocate(std::size_t bytes) {
  const bool huge = bytes >= kHugePageBytes;
  const std::size_t alignment = huge ? kHugePageBytes : kBlockBytes;
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  // The kernel pins the pages of a direct transfer one by one: one of 2 MiB costs what one of 4 KiB does.
  if (huge) static_cast<void>(::madvise(memory, bytes / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE));
  return static_cast<std::byte*>(memory);
}

}  // namespace

AlignedBuffer::AlignedBuffer(std::size_t bytes) : AlignedBuffer(uninitialized(bytes)) {
  if (size_ != 0) std::memset(data_.get(), 0, size_);
}

AlignedBuffer AlignedBuffer::uninitialized(std::size_t bytes) {
  AlignedBuffer buffer;
  buffer.size_ = round_up_to_block(bytes);
  buffer.data_.reset(buffer.size_ == 0 ? nullptr : allocate(buffer.size_));
  return buffer;
}

void AlignedBuffer::Free::operator()(std::byte* memory) const { std::free(memory); }

namespace {

constexpr const char* kTemporarySuffix = ".tmp";

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> write_temporary(FileSystem& fs, const std::string& path, ByteSpan content) {
  if (fs.exists(path))
    FOREBAY_CHECK(fs.remove_file(path));  // left by a crash in the middle of an earlier call
  FOREBAY_TRY(const auto file, fs.open(path, OpenMode::kCreate, Caching::kBuffered));
  if (!content.empty()) FOREBAY_CHECK(file->write_now(0, content));
  return file->sync_now();
}

}  // namespace

Result<std::string> read_file(FileSystem& fs, const std::string& path) {
  FOREBAY_TRY(const auto file, fs.open(path, OpenMode::kRead, Caching::kBuffered));
  FOREBAY_TRY(const std::uint64_t size, file->size());
  std::string text(size, '\0');
  FOREBAY_TRY(const std::size_t got, file->read_now(0, std::as_writable_bytes(std::span(text))));
  text.resize(got);
  return text;
}

Result<void> write_file_atomically(FileSystem& fs, const std::string& path, ByteSpan content) {
  const std::string temporary = path + kTemporarySuffix;
  FOREBAY_CHECK(write_temporary(fs, temporary, content));
  FOREBAY_CHECK(fs.rename(temporary, path));
  return fs.sync_directory(parent_of(path));
}

}  // namespace forebay::io
