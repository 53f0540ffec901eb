#include "io/real_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/assert.h"

namespace forebay::io {

// Asked of direct files also where the system gave us the page cache: a bug must not wait for another
// machine.
void RealFile::check_transfer(std::uint64_t offset, const std::byte* memory, std::size_t size) const {
  if (caching_ != Caching::kDirect) return;
  FOREBAY_ASSERT(offset % kBlockBytes == 0);
  FOREBAY_ASSERT(size % kBlockBytes == 0);
  FOREBAY_ASSERT(reinterpret_cast<std::uintptr_t>(memory) % kBlockBytes == 0);
}

void RealFile::write(std::uint64_t offset, ByteSpan bytes, WriteMode mode, WriteDone done) {
  FOREBAY_ASSERT(shard_.on_own_thread());
  check_transfer(offset, bytes.data(), bytes.size());
  if (bytes.empty()) return shard_.post([done = std::move(done)]() mutable { done({}); });
  Transfer transfer;
  transfer.kind = mode == WriteMode::kDurable ? Transfer::Kind::kDurableWrite : Transfer::Kind::kWrite;
  transfer.descriptor = descriptor_;
  transfer.offset = offset;
  transfer.memory = const_cast<std::byte*>(bytes.data());
  transfer.size = bytes.size();
  transfer.write_done = std::move(done);
  engine_->start(std::move(transfer));
}

void RealFile::read(std::uint64_t offset, std::span<std::byte> into, ReadDone done) {
  FOREBAY_ASSERT(shard_.on_own_thread());
  check_transfer(offset, into.data(), into.size());
  if (into.empty()) return shard_.post([done = std::move(done)]() mutable { done(std::size_t{0}); });
  Transfer transfer;
  transfer.kind = Transfer::Kind::kRead;
  transfer.descriptor = descriptor_;
  transfer.offset = offset;
  transfer.memory = into.data();
  transfer.size = into.size();
  transfer.read_done = std::move(done);
  engine_->start(std::move(transfer));
}

void RealFile::sync(WriteDone done) {
  FOREBAY_ASSERT(shard_.on_own_thread());
  Transfer transfer;
  transfer.kind = Transfer::Kind::kSync;
  transfer.descriptor = descriptor_;
  transfer.write_done = std::move(done);
  engine_->start(std::move(transfer));
}

Result<void> RealFile::write_now(std::uint64_t offset, ByteSpan bytes) {
  check_transfer(offset, bytes.data(), bytes.size());
  return descriptor_->write_at(offset, bytes, Descriptor::Durable::kNo);
}

Result<std::size_t> RealFile::read_now(std::uint64_t offset, std::span<std::byte> into) const {
  check_transfer(offset, into.data(), into.size());
  return descriptor_->read_at(offset, into);
}

Result<void> RealFile::sync_now() { return descriptor_->sync(); }

Result<std::uint64_t> RealFile::size() const {
  struct stat status {};
  if (::fstat(descriptor_->number(), &status) != 0)
    return system_error("size of", descriptor_->path(), errno);
  return static_cast<std::uint64_t>(status.st_size);
}

Result<void> RealFile::allocate(std::uint64_t bytes) {
  int result = 0;
  do {
    result = ::fallocate(descriptor_->number(), 0, 0, static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return {};
  if (errno != EOPNOTSUPP) return system_error("allocate", descriptor_->path(), errno);
  // A file system that cannot reserve: the size at least.
  FOREBAY_TRY(const std::uint64_t now, size());
  if (now >= bytes) return {};
  return truncate(bytes);
}

Result<void> RealFile::truncate(std::uint64_t bytes) {
  int result = 0;
  do {
    result = ::ftruncate(descriptor_->number(), static_cast<off_t>(bytes));
  } while (result != 0 && errno == EINTR);
  if (result != 0) return system_error("truncate", descriptor_->path(), errno);
  return {};
}

}  // namespace forebay::io
