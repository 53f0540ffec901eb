#include "sim/sim_file.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace forebay::sim {

namespace {

std::optional<Error> error_of(const std::optional<DiskFault>& fault, const char* what,
                              const std::string& path) {
  if (!fault.has_value()) return std::nullopt;
  switch (fault->effect) {
    case DiskEffect::kIoError:
      return Error{ErrorCode::kStorageFailed, std::string(what) + " " + path + ": Input/output error"};
    case DiskEffect::kNoSpace:
      return Error{ErrorCode::kDiskFull, std::string(what) + " " + path + ": No space left on device"};
    case DiskEffect::kStall:
    case DiskEffect::kLost:
    case DiskEffect::kMisdirect:
      return std::nullopt;
  }
  return std::nullopt;
}

Duration stall_of(const std::optional<DiskFault>& fault) {
  return fault.has_value() && fault->effect == DiskEffect::kStall ? fault->stall : Duration::zero();
}

}  // namespace

Error SimFile::dead(const char* what) const {
  return Error{ErrorCode::kStorageFailed, std::string(what) + " " + path_ + ": the power is off"};
}

void SimFile::check_transfer(std::uint64_t offset, const std::byte* memory, std::size_t size) const {
  if (caching_ != io::Caching::kDirect) return;
  FOREBAY_ASSERT(offset % io::kBlockBytes == 0);
  FOREBAY_ASSERT(size % io::kBlockBytes == 0);
  FOREBAY_ASSERT(reinterpret_cast<std::uintptr_t>(memory) % io::kBlockBytes == 0);
}

void SimFile::write(std::uint64_t offset, ByteSpan bytes, io::WriteMode mode, io::WriteDone done) {
  FOREBAY_ASSERT(executor_.on_own_thread());
  FOREBAY_ASSERT(mode_ != io::OpenMode::kRead);
  check_transfer(offset, bytes.data(), bytes.size());
  if (mode == io::WriteMode::kDurable && disk_.options_.engine == Engine::kPageCache) {
    return write(offset, bytes, io::WriteMode::kPlain,
                 [&disk = disk_, &executor = executor_, node = node_, path = path_, life = life_,
                  done = std::move(done)](Result<void> written) mutable {
                   if (!written) return done(std::move(written));
                   start_sync(disk, executor, node, path, life, std::move(done));
                 });
  }
  if (disk_.alive(life_)) {
    const auto op =
        disk_.in_flight_.insert(disk_.in_flight_.end(), {node_, offset, {bytes.begin(), bytes.end()}, mode});
    disk_.begin_step(DiskOp::kWrite, path_, offset, bytes.size());
    if (disk_.alive(life_)) {
      const std::optional<DiskFault> fault = disk_.take_fault(DiskOp::kWrite, path_);
      const Duration delay = disk_.draw_delay(disk_.options_.write_delay_max) + stall_of(fault);
      disk_.scheduler_.add_event(
          delay, &disk_, nullptr,
          [&disk = disk_, &executor = executor_, op, bytes, fault, path = path_,
           done = std::move(done)]() mutable {
            if (disk.power_is_off_) {
              disk.never_called_.push_back(std::move(done));
              return;
            }
            FOREBAY_ASSERT(std::equal(op->bytes.begin(), op->bytes.end(), bytes.begin(), bytes.end()));
            Result<void> result = disk.apply_write(*op, fault, path);
            disk.in_flight_.erase(op);
            executor.post(
                [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
          });
      return;
    }
  }
  disk_.never_called_.push_back(std::move(done));
}

void SimFile::read(std::uint64_t offset, std::span<std::byte> into, io::ReadDone done) {
  FOREBAY_ASSERT(executor_.on_own_thread());
  check_transfer(offset, into.data(), into.size());
  if (!disk_.alive(life_)) {
    disk_.never_called_reads_.push_back(std::move(done));
    return;
  }
  const std::optional<DiskFault> fault = disk_.take_fault(DiskOp::kRead, path_);
  const Duration delay = disk_.draw_delay(disk_.options_.read_delay_max) + stall_of(fault);
  disk_.scheduler_.add_event(delay, &disk_, nullptr,
                             [&disk = disk_, &executor = executor_, node = node_, offset, into,
                              error = error_of(fault, "read", path_), done = std::move(done)]() mutable {
                               if (disk.power_is_off_) {
                                 disk.never_called_reads_.push_back(std::move(done));
                                 return;
                               }
                               Result<std::size_t> result =
                                   error.has_value() ? Result<std::size_t>(*std::move(error))
                                                     : Result<std::size_t>(node->content.read(offset, into));
                               executor.post([done = std::move(done), result = std::move(result)]() mutable {
                                 done(std::move(result));
                               });
                             });
}

void SimFile::sync(io::WriteDone done) {
  FOREBAY_ASSERT(executor_.on_own_thread());
  start_sync(disk_, executor_, node_, path_, life_, std::move(done));
}

void SimFile::start_sync(SimDisk& disk, SimExecutor& executor, const SimNodePtr& node,
                         const std::string& path, std::uint64_t life, io::WriteDone done) {
  if (disk.alive(life)) {
    disk.begin_step(DiskOp::kSync, path);
    if (disk.alive(life)) {
      const std::optional<DiskFault> fault = disk.take_fault(DiskOp::kSync, path);
      const Duration delay = disk.draw_delay(disk.options_.sync_delay_max) + stall_of(fault);
      disk.scheduler_.add_event(
          delay, &disk, nullptr,
          [&disk, &executor, node, sequence_end = disk.next_sequence_, fault, path,
           done = std::move(done)]() mutable {
            if (disk.power_is_off_) {
              disk.never_called_.push_back(std::move(done));
              return;
            }
            Result<void> result = disk.apply_sync(*node, sequence_end, fault, path);
            executor.post(
                [done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
          });
      return;
    }
  }
  disk.never_called_.push_back(std::move(done));
}

Result<void> SimFile::write_now(std::uint64_t offset, ByteSpan bytes) {
  FOREBAY_ASSERT(mode_ != io::OpenMode::kRead);
  check_transfer(offset, bytes.data(), bytes.size());
  if (!disk_.alive(life_)) return dead("write");
  const SimDisk::WriteInFlight op{node_, offset, {bytes.begin(), bytes.end()}, io::WriteMode::kPlain};
  disk_.begin_step(DiskOp::kWrite, path_, offset, bytes.size());
  if (!disk_.alive(life_)) {
    disk_.in_flight_.push_back(op);
    return dead("write");
  }
  return disk_.apply_write(op, disk_.take_fault(DiskOp::kWrite, path_), path_);
}

Result<std::size_t> SimFile::read_now(std::uint64_t offset, std::span<std::byte> into) const {
  check_transfer(offset, into.data(), into.size());
  if (!disk_.alive(life_)) return dead("read");
  if (auto error = error_of(disk_.take_fault(DiskOp::kRead, path_), "read", path_)) return *std::move(error);
  return node_->content.read(offset, into);
}

Result<void> SimFile::sync_now() {
  if (!disk_.alive(life_)) return dead("sync");
  disk_.begin_step(DiskOp::kSync, path_);
  if (!disk_.alive(life_)) return dead("sync");
  return disk_.apply_sync(*node_, disk_.next_sequence_, disk_.take_fault(DiskOp::kSync, path_), path_);
}

Result<std::uint64_t> SimFile::size() const {
  if (!disk_.alive(life_)) return dead("size");
  return node_->content.size();
}

Result<void> SimFile::resize(DiskOp op, const char* what, std::uint64_t bytes, PendingChange::Kind kind) {
  FOREBAY_ASSERT(mode_ != io::OpenMode::kRead);
  if (!disk_.alive(life_)) return dead(what);
  disk_.begin_step(op, path_, bytes);
  if (!disk_.alive(life_)) {
    static_cast<void>(disk_.resize(*node_, bytes, kind, path_));  // it may arrive all the same
    return dead(what);
  }
  if (auto error = error_of(disk_.take_fault(op, path_), what, path_)) return *std::move(error);
  return disk_.resize(*node_, bytes, kind, path_);
}

Result<void> SimFile::allocate(std::uint64_t bytes) {
  return resize(DiskOp::kAllocate, "allocate", bytes, PendingChange::Kind::kExtend);
}

Result<void> SimFile::truncate(std::uint64_t bytes) {
  return resize(DiskOp::kTruncate, "truncate", bytes, PendingChange::Kind::kTruncate);
}

}  // namespace forebay::sim
