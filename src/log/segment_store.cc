#include "log/segment_store.h"

#include <utility>

namespace forebay::log {

void SegmentStore::open(const SegmentRef& segment, FileDone done) {
  if (const auto it = files_.find(segment.serial); it != files_.end()) {
    files_by_use_.splice(files_by_use_.begin(), files_by_use_, it->second.place);
    it->second.used = env_.executor.now();
    done(it->second.file);
    return;
  }
  auto& waiting = opening_[segment.serial];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  env_.run_blocking(
      lifetime_,
      [&fs = env_.fs, path = segment_path(env_.config.data_dir, segment.id, segment.meta)] {
        return fs.open(path, io::OpenMode::kRead, io::Caching::kDirect);
      },
      [this, serial = segment.serial](Result<std::unique_ptr<io::File>> opened) {
        const auto it = opening_.find(serial);
        if (it == opening_.end()) return;  // forgotten meanwhile; its waiters have been told
        std::vector<FileDone> waiters = std::move(it->second);
        opening_.erase(it);
        Result<FilePtr> result =
            opened ? Result<FilePtr>(FilePtr(*std::move(opened))) : std::move(opened).error();
        if (result) {
          files_by_use_.push_front(serial);
          files_[serial] = {*result, env_.executor.now(), files_by_use_.begin()};
          while (files_.size() > kOpenFilesMax) {
            files_.erase(files_by_use_.back());
            files_by_use_.pop_back();
          }
        }
        for (FileDone& waiter : waiters) waiter(result);
      });
}

void SegmentStore::index(const SegmentRef& segment, std::uint32_t interval_bytes, IndexDone done) {
  if (const auto it = indexes_.find(segment.serial); it != indexes_.end()) {
    indexes_by_use_.splice(indexes_by_use_.begin(), indexes_by_use_, it->second.place);
    done(LoadedIndex{it->second.index, {}});
    return;
  }
  auto& waiting = loading_[segment.serial];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  env_.run_blocking(
      lifetime_,
      [&fs = env_.fs, data_dir = env_.config.data_dir, segment, interval_bytes] {
        return load_index(fs, data_dir, segment.id, segment.meta, interval_bytes);
      },
      [this, serial = segment.serial](Result<SegmentScan> loaded) {
        const auto it = loading_.find(serial);
        if (it == loading_.end()) return;
        std::vector<IndexDone> waiters = std::move(it->second);
        loading_.erase(it);
        if (!loaded) {
          for (IndexDone& waiter : waiters) waiter(loaded.error());
          return;
        }
        const auto index = std::make_shared<const SegmentIndex>(std::move(loaded->index));
        put_index(serial, index);
        for (IndexDone& waiter : waiters) waiter(LoadedIndex{index, loaded->damage});
      });
}

void SegmentStore::put_index(std::uint64_t serial, IndexPtr index) {
  forget_index(serial);
  index_bytes_ += index->memory_bytes();
  indexes_by_use_.push_front(serial);
  indexes_[serial] = {std::move(index), indexes_by_use_.begin()};
  while (index_bytes_ > kIndexBytesMax && indexes_.size() > 1) forget_index(indexes_by_use_.back());
}

void SegmentStore::forget_index(std::uint64_t serial) {
  const auto it = indexes_.find(serial);
  if (it == indexes_.end()) return;
  index_bytes_ -= it->second.index->memory_bytes();
  indexes_by_use_.erase(it->second.place);
  indexes_.erase(it);
}

void SegmentStore::forget(std::uint64_t serial) {
  forget_index(serial);
  if (const auto it = files_.find(serial); it != files_.end()) {
    files_by_use_.erase(it->second.place);
    files_.erase(it);
  }
  const Error gone{ErrorCode::kNotFound, "segment is gone"};
  if (const auto it = opening_.find(serial); it != opening_.end()) {
    std::vector<FileDone> waiters = std::move(it->second);
    opening_.erase(it);
    for (FileDone& waiter : waiters) waiter(gone);
  }
  if (const auto it = loading_.find(serial); it != loading_.end()) {
    std::vector<IndexDone> waiters = std::move(it->second);
    loading_.erase(it);
    for (IndexDone& waiter : waiters) waiter(gone);
  }
}

void SegmentStore::close_idle() {
  const runtime::TimePoint now = env_.executor.now();
  while (!files_by_use_.empty()) {
    const auto it = files_.find(files_by_use_.back());
    if (now - it->second.used < kFileIdle) return;
    files_.erase(it);
    files_by_use_.pop_back();
  }
}

}  // namespace forebay::log
