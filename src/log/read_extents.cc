#include "log/read_extents.h"

#include <utility>

#include "base/assert.h"

namespace forebay::log {

void ReadExtents::fetch(const SegmentRef& segment, std::uint64_t file_begin, std::size_t bytes, Done done) {
  FOREBAY_ASSERT(file_begin % io::kBlockBytes == 0 && bytes % io::kBlockBytes == 0 && bytes > 0);
  const auto it = ahead_.find({segment.serial, file_begin});
  if (it != ahead_.end() && it->second.bytes >= bytes && !it->second.waiter) {
    if (it->second.extent == nullptr) {
      it->second.waiter = std::move(done);
      return;
    }
    const ExtentPtr extent = it->second.extent;
    drop(it);
    done(extent);
    return;
  }
  if (!waiting_.empty() || !make_room(bytes)) {
    waiting_.push_back({segment, file_begin, bytes, std::move(done)});
    return;
  }
  in_flight_ += bytes;
  read(segment, file_begin, bytes, [this, bytes, done = std::move(done)](Result<ExtentPtr> result) mutable {
    done(std::move(result));
    release(bytes);
  });
}

void ReadExtents::fetch_ahead(const SegmentRef& segment, std::uint64_t file_begin, std::size_t bytes) {
  const Key key{segment.serial, file_begin};
  // Half of the bound is for those who wait.
  if (ahead_.contains(key) || !waiting_.empty() ||
      in_flight_ + bytes > env_.config.read_bytes_in_flight_max / 2)
    return;
  in_flight_ += bytes;
  const std::uint64_t ticket = next_ticket_++;
  ahead_[key] = {nullptr, {}, bytes, ticket, env_.executor.now()};
  read(segment, file_begin, bytes, [this, key, ticket, bytes](Result<ExtentPtr> result) {
    ahead_done(key, ticket, bytes, std::move(result));
  });
}

void ReadExtents::ahead_done(const Key& key, std::uint64_t ticket, std::size_t bytes,
                             Result<ExtentPtr> result) {
  const auto it = ahead_.find(key);
  if (it == ahead_.end() || it->second.ticket != ticket) return release(bytes);
  if (it->second.waiter) {
    Done waiter = std::move(it->second.waiter);
    ahead_.erase(it);
    waiter(std::move(result));
    return release(bytes);
  }
  if (!result) return drop(it);  // whoever asks will see the error for himself
  it->second.extent = *std::move(result);
  it->second.since = env_.executor.now();
}

// Room is made by giving up what was read ahead and nobody asked for yet.
bool ReadExtents::make_room(std::size_t bytes) {
  const std::uint64_t most = env_.config.read_bytes_in_flight_max;
  for (auto it = ahead_.begin(); in_flight_ + bytes > most && it != ahead_.end();) {
    const auto candidate = it++;
    if (candidate->second.extent != nullptr) {
      in_flight_ -= candidate->second.bytes;
      ahead_.erase(candidate);
    }
  }
  return in_flight_ == 0 || in_flight_ + bytes <= most;  // one read is let through whatever its size
}

void ReadExtents::read(const SegmentRef& segment, std::uint64_t file_begin, std::size_t bytes, Done done) {
  store_.open(segment, lifetime_.guard([this, file_begin, bytes,
                                        done = std::move(done)](Result<SegmentStore::FilePtr> file) mutable {
    if (!file) return done(std::move(file).error());
    ++env_.stats.disk_reads;
    env_.stats.disk_read_bytes += bytes;
    auto extent = std::make_shared<Extent>();
    extent->buffer = io::AlignedBuffer::uninitialized(bytes);
    extent->file_begin = file_begin;
    const std::span<std::byte> into = extent->buffer.span();
    // The completion holds the memory, whether or not anybody is left to be told.
    (*file)->read(
        file_begin, into,
        lifetime_.guard([extent, file = *file, done = std::move(done)](Result<std::size_t> got) mutable {
          if (!got) return done(std::move(got).error());
          extent->bytes = *got;
          done(ExtentPtr(std::move(extent)));
        }));
  }));
}

void ReadExtents::release(std::size_t bytes) {
  in_flight_ -= bytes;
  while (!waiting_.empty() && make_room(waiting_.front().bytes)) {
    Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    in_flight_ += next.bytes;
    read(next.segment, next.file_begin, next.bytes,
         [this, size = next.bytes, done = std::move(next.done)](Result<ExtentPtr> result) mutable {
           done(std::move(result));
           release(size);
         });
  }
}

void ReadExtents::drop(std::map<Key, Ahead>::iterator it) {
  const std::size_t bytes = it->second.bytes;
  ahead_.erase(it);
  release(bytes);
}

void ReadExtents::forget(std::uint64_t serial) {
  for (auto it = ahead_.lower_bound({serial, 0}); it != ahead_.end() && it->first.first == serial;) {
    const auto candidate = it++;
    if (candidate->second.extent != nullptr) drop(candidate);
  }
}

void ReadExtents::drop_idle() {
  const runtime::TimePoint now = env_.executor.now();
  for (auto it = ahead_.begin(); it != ahead_.end();) {
    const auto candidate = it++;
    if (candidate->second.extent != nullptr && now - candidate->second.since > kAheadIdle) drop(candidate);
  }
}

}  // namespace forebay::log
