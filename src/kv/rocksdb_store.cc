#include "kv/rocksdb_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <atomic>

#include <mutex>
#include <set>
#include <shared_mutex>
#include <utility>

namespace forebay::kv {
namespace {

constexpr std::size_t kWriteBufferBytes = 4U << 20;
constexpr std::size_t kBlockCacheBytes = 4U << 20;
constexpr std::uint64_t kWalBytesMax = 16U << 20;
constexpr int kOpenFilesMax = 64;

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view text_of(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

Error error_of(const rocksdb::Status& status, std::string_view action) {
  ErrorCode code = ErrorCode::kStorageFailed;
  const std::string text = status.ToString();
  if (status.IsCorruption())
    code = ErrorCode::kDataLoss;
  else if (status.IsNoSpace())
    code = ErrorCode::kDiskFull;
  else if (status.IsNotSupported())
    code = ErrorCode::kUnsupported;
  else if (text.find("/LOCK") != std::string::npos)
    code = ErrorCode::kLocked;
  return Error{code, "key-value store: " + std::string(action) + ": " + text};
}

Error closed() { return Error{ErrorCode::kFailedPrecondition, "the key-value store is closed"}; }

rocksdb::Options options() {
  rocksdb::Options options;
  options.create_if_missing = true;
  options.write_buffer_size = kWriteBufferBytes;
  options.max_write_buffer_number = 2;
  options.max_total_wal_size = kWalBytesMax;
  options.max_open_files = kOpenFilesMax;
  options.max_background_jobs = 2;
  options.compression = rocksdb::kNoCompression;
  // After a power cut the unsynced end of the write-ahead log may have holes: everything before the first one
  // counts.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // After a failed write nobody knows what is on disk: no retries behind our back.
  options.max_bgerror_resume_count = 0;
  // A short start: no flush of what is in the write-ahead log anyway, one thread to open the few files, no
  // statistics, and files are checked when they are read.
  options.avoid_flush_during_recovery = true;
  options.max_file_opening_threads = 1;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.skip_stats_update_on_db_open = true;
  options.skip_checking_sst_file_sizes_on_db_open = true;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 1U << 20;
  options.max_manifest_file_size = 4U << 20;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes, /*num_shard_bits=*/0);
  table.cache_index_and_filter_blocks = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

// RocksDB has no open ranges; this is above every key that check_keys lets in.
const std::string& behind_all_keys() {
  static const auto* const key = new std::string(kKeyBytesMax + 1, '\xff');
  return *key;
}

rocksdb::WriteBatch translated(const WriteBatch& batch, rocksdb::Status& status) {
  rocksdb::WriteBatch out;
  const auto keep_first = [&status](rocksdb::Status next) {
    if (status.ok()) status = std::move(next);
  };
  for (const WriteBatch::Change& change : batch.changes()) {
    if (const auto* put = std::get_if<WriteBatch::Put>(&change)) {
      keep_first(out.Put(slice(put->key), slice(put->value)));
    } else if (const auto* remove = std::get_if<WriteBatch::Remove>(&change)) {
      keep_first(out.Delete(slice(remove->key)));
    } else if (const auto* wide = std::get_if<WriteBatch::RemoveRange>(&change)) {
      const std::string& end = wide->range.end ? *wide->range.end : behind_all_keys();
      if (end > wide->range.begin) keep_first(out.DeleteRange(slice(wide->range.begin), slice(end)));
    }
  }
  return out;
}

// The database and the door to it: readers and writers hold the door open, close() waits for them. It knows
// the snapshots that are out, because RocksDB refuses to close under them.
class Database {
 public:
  explicit Database(std::unique_ptr<rocksdb::DB> db) : db_(std::move(db)) {}
  ~Database() { static_cast<void>(close()); }

  // use(db): a Result; kFailedPrecondition once closed.
  template <typename Use>
  auto with(Use&& use) const -> decltype(use(std::declval<rocksdb::DB&>())) {
    const std::shared_lock lock(mutex_);
    if (!db_) return closed();
    return use(*db_);
  }

  Result<const rocksdb::Snapshot*> take_snapshot() {
    const std::unique_lock lock(mutex_);
    if (!db_) return closed();
    return *snapshots_.insert(db_->GetSnapshot()).first;
  }
  void release(const rocksdb::Snapshot* snapshot) {
    const std::unique_lock lock(mutex_);
    if (snapshots_.erase(snapshot) != 0) db_->ReleaseSnapshot(snapshot);
  }

  Result<void> close() {
    const std::unique_lock lock(mutex_);
    if (!db_) return closed();
    for (const rocksdb::Snapshot* snapshot : snapshots_) db_->ReleaseSnapshot(snapshot);
    snapshots_.clear();
    const rocksdb::Status synced = db_->SyncWAL();
    const rocksdb::Status closed_status = db_->Close();
    db_.reset();
    if (!synced.ok()) return error_of(synced, "sync at close");
    if (!closed_status.ok()) return error_of(closed_status, "close");
    return {};
  }

 private:
  mutable std::shared_mutex mutex_;  // shared: db_ is in use; exclusive: it is being closed
  std::unique_ptr<rocksdb::DB> db_;
  std::set<const rocksdb::Snapshot*> snapshots_;  // out, and not released; empty once closed
};

Result<std::optional<std::string>> get_from(rocksdb::DB& db, const rocksdb::Snapshot* snapshot,
                                            std::string_view key) {
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  std::string value;
  const rocksdb::Status status = db.Get(read, slice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return error_of(status, "get");
  return std::optional<std::string>(std::move(value));
}

Result<void> scan_from(rocksdb::DB& db, const rocksdb::Snapshot* snapshot, const KeyRange& range,
                       View::Visitor& visit) {
  if (range.end && *range.end <= range.begin) return {};
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  const rocksdb::Slice end = range.end ? slice(*range.end) : rocksdb::Slice();
  if (range.end) read.iterate_upper_bound = &end;
  const std::unique_ptr<rocksdb::Iterator> entry(db.NewIterator(read));
  for (entry->Seek(slice(range.begin)); entry->Valid(); entry->Next()) {
    if (!visit(text_of(entry->key()), text_of(entry->value()))) return {};
  }
  if (!entry->status().ok()) return error_of(entry->status(), "scan");
  return {};
}

class RocksSnapshot final : public View {
 public:
  RocksSnapshot(std::shared_ptr<Database> database, const rocksdb::Snapshot* snapshot)
      : database_(std::move(database)), snapshot_(snapshot) {}
  ~RocksSnapshot() override { database_->release(snapshot_); }
  Result<std::optional<std::string>> get(std::string_view key) const override {
    return database_->with([&](rocksdb::DB& db) { return get_from(db, snapshot_, key); });
  }
  Result<void> scan(const KeyRange& range, Visitor visit) const override {
    return database_->with([&](rocksdb::DB& db) { return scan_from(db, snapshot_, range, visit); });
  }

 private:
  const std::shared_ptr<Database> database_;
  const rocksdb::Snapshot* const snapshot_;
};

class RocksStore final : public KeyValueStore {
 public:
  explicit RocksStore(std::shared_ptr<Database> database) : database_(std::move(database)) {}
  ~RocksStore() override { static_cast<void>(database_->close()); }

  Result<std::optional<std::string>> get(std::string_view key) const override {
    return database_->with([&](rocksdb::DB& db) { return get_from(db, nullptr, key); });
  }
  Result<void> scan(const KeyRange& range, Visitor visit) const override {
    return database_->with([&](rocksdb::DB& db) { return scan_from(db, nullptr, range, visit); });
  }
  Result<void> write(const WriteBatch& batch, Durability durability) override {
    return database_->with([&](rocksdb::DB& db) -> Result<void> {
      FOREBAY_CHECK(resume(db));
      auto written = write_to(db, batch, durability);
      if (!written && written.error().code == ErrorCode::kDiskFull) was_full_ = true;
      return written;
    });
  }
  Result<std::shared_ptr<const View>> snapshot() const override {
    FOREBAY_TRY(const rocksdb::Snapshot* const taken, database_->take_snapshot());
    return std::shared_ptr<const View>(std::make_shared<RocksSnapshot>(database_, taken));
  }
  Result<void> close() override { return database_->close(); }

 private:
  // After a write that found the disk full it takes no more until what is in memory is in a file of its own:
  // what the write-ahead log has of that write does not count then.
  Result<void> resume(rocksdb::DB& db) {
    if (!was_full_) return {};
    if (const rocksdb::Status status = db.Resume(); !status.ok()) {
      Error error = error_of(status, "resume after a full disk");
      if (!status.IsCorruption()) error.code = ErrorCode::kDiskFull;
      return error;
    }
    was_full_ = false;
    return {};
  }
  static Result<void> write_to(rocksdb::DB& db, const WriteBatch& batch, Durability durability) {
    FOREBAY_CHECK(check_keys(batch));
    rocksdb::Status status;
    rocksdb::WriteBatch out = translated(batch, status);
    if (!status.ok()) return error_of(status, "write");
    rocksdb::WriteOptions options;
    options.sync = durability == Durability::kDurable;
    status = db.Write(options, &out);
    if (!status.ok()) return error_of(status, "write");
    return {};
  }

  const std::shared_ptr<Database> database_;
  std::atomic<bool> was_full_{false};
};

}  // namespace

Result<std::unique_ptr<KeyValueStore>> open_rocksdb_store(const std::string& directory) {
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status = rocksdb::DB::Open(options(), directory, &db);
  if (!status.ok()) return error_of(status, "open '" + directory + "'");
  auto database = std::make_shared<Database>(std::unique_ptr<rocksdb::DB>(db));
  return std::unique_ptr<KeyValueStore>(std::make_unique<RocksStore>(std::move(database)));
}

}  // namespace forebay::kv
