#include "kv/memory_store.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace forebay::kv {
namespace {

using Entries = std::map<std::string, std::string, std::less<>>;

Result<std::optional<std::string>> get_from(const Entries& entries, std::string_view key) {
  const auto found = entries.find(key);
  if (found == entries.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

void scan_from(const Entries& entries, const KeyRange& range, View::Visitor& visit) {
  for (auto entry = entries.lower_bound(range.begin); entry != entries.end(); ++entry) {
    if (range.end && entry->first >= *range.end) return;
    if (!visit(entry->first, entry->second)) return;
  }
}

class MemorySnapshot final : public View {
 public:
  explicit MemorySnapshot(Entries entries) : entries_(std::move(entries)) {}
  Result<std::optional<std::string>> get(std::string_view key) const override {
    return get_from(entries_, key);
  }
  Result<void> scan(const KeyRange& range, Visitor visit) const override {
    scan_from(entries_, range, visit);
    return {};
  }

 private:
  const Entries entries_;
};

}  // namespace

class MemoryStore final : public KeyValueStore {
 public:
  static Result<std::unique_ptr<KeyValueStore>> open(std::shared_ptr<MemoryDisk> disk) {
    const std::scoped_lock lock(disk->mutex_);
    if (disk->session_ != 0) return Error{ErrorCode::kLocked, "another store uses this memory disk"};
    disk->session_ = ++disk->last_session_;
    return std::unique_ptr<KeyValueStore>(new MemoryStore(disk, disk->session_, disk->durable_));
  }

  ~MemoryStore() override {
    const std::scoped_lock lock(disk_->mutex_);
    static_cast<void>(close_locked());
  }

  Result<std::optional<std::string>> get(std::string_view key) const override {
    const std::scoped_lock lock(disk_->mutex_);
    FOREBAY_CHECK(check_open());
    return get_from(entries_, key);
  }

  Result<void> scan(const KeyRange& range, Visitor visit) const override {
    const std::scoped_lock lock(disk_->mutex_);
    FOREBAY_CHECK(check_open());
    scan_from(entries_, range, visit);
    return {};
  }

  Result<void> write(const WriteBatch& batch, Durability durability) override {
    const std::scoped_lock lock(disk_->mutex_);
    FOREBAY_CHECK(check_open());
    FOREBAY_CHECK(check_keys(batch));
    if (!failed_ && disk_->write_error_) failed_ = disk_->write_error_;
    if (failed_) return *failed_;
    MemoryDisk::apply(entries_, batch);
    disk_->buffered_.push_back(batch);
    if (durability == Durability::kDurable) sync_locked();
    return {};
  }

  Result<std::shared_ptr<const View>> snapshot() const override {
    const std::scoped_lock lock(disk_->mutex_);
    FOREBAY_CHECK(check_open());
    return std::shared_ptr<const View>(std::make_shared<MemorySnapshot>(entries_));
  }

  Result<void> close() override {
    const std::scoped_lock lock(disk_->mutex_);
    FOREBAY_CHECK(check_open());
    return close_locked();
  }

 private:
  MemoryStore(std::shared_ptr<MemoryDisk> disk, std::uint64_t session, Entries entries)
      : disk_(std::move(disk)), session_(session), entries_(std::move(entries)) {}

  Result<void> check_open() const {
    if (disk_->session_ == session_) return {};
    return Error{ErrorCode::kFailedPrecondition, "the key-value store is closed"};
  }
  void sync_locked() {
    for (const WriteBatch& batch : disk_->buffered_) MemoryDisk::apply(disk_->durable_, batch);
    disk_->buffered_.clear();
  }
  Result<void> close_locked() {
    if (disk_->session_ != session_) return {};
    if (!failed_ && disk_->write_error_) failed_ = disk_->write_error_;
    if (!failed_) sync_locked();
    disk_->buffered_.clear();
    disk_->session_ = 0;
    if (failed_) return *failed_;
    return {};
  }

  const std::shared_ptr<MemoryDisk> disk_;  // its mutex guards everything below as well
  const std::uint64_t session_;
  Entries entries_;
  std::optional<Error> failed_;
};

void MemoryDisk::apply(Entries& entries, const WriteBatch& batch) {
  for (const WriteBatch::Change& change : batch.changes()) {
    if (const auto* put = std::get_if<WriteBatch::Put>(&change)) {
      entries.insert_or_assign(put->key, put->value);
    } else if (const auto* remove = std::get_if<WriteBatch::Remove>(&change)) {
      entries.erase(remove->key);
    } else if (const auto* wide = std::get_if<WriteBatch::RemoveRange>(&change)) {
      if (wide->range.end && *wide->range.end <= wide->range.begin) continue;
      const auto end = wide->range.end ? entries.lower_bound(*wide->range.end) : entries.end();
      entries.erase(entries.lower_bound(wide->range.begin), end);
    }
  }
}

void MemoryDisk::crash(std::size_t kept) {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < std::min(kept, buffered_.size()); ++i) apply(durable_, buffered_[i]);
  buffered_.clear();
  session_ = 0;
}

std::size_t MemoryDisk::buffered_batches() const {
  const std::scoped_lock lock(mutex_);
  return buffered_.size();
}

void MemoryDisk::fail_writes(std::optional<Error> error) {
  const std::scoped_lock lock(mutex_);
  write_error_ = std::move(error);
}

Result<std::unique_ptr<KeyValueStore>> open_memory_store(std::shared_ptr<MemoryDisk> disk) {
  return MemoryStore::open(std::move(disk));
}

}  // namespace forebay::kv
