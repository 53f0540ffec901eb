// Ordered keys and values on disk: where state machines write their state behind, so that a restart need not
// replay a whole log. Two implementations under one contract test: RocksDB (kv/rocksdb_store.h) and memory
// (kv/memory_store.h, for the simulator). What a crash leaves: some prefix of the batches written, in their
// order, each whole or not at all; never less than up to the last durable one. A state machine puts its
// effects and its applied position into one batch, so any prefix is a consistent state to go on from. Thread
// rules: any thread; every call may block on the disk (hand them to the BlockingPool, never a shard's
// thread).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"

namespace forebay::kv {

// Of a key; writes of longer ones are refused.
inline constexpr std::size_t kKeyBytesMax = 1024;

// Keys compare bytewise. [begin, end); no end: to the last key.
struct KeyRange {
  std::string begin;
  std::optional<std::string> end;

  [[nodiscard]] static KeyRange all() { return {}; }
  [[nodiscard]] static KeyRange prefix(std::string_view prefix);  // every key that starts with it
  [[nodiscard]] bool contains(std::string_view key) const { return key >= begin && (!end || key < *end); }
};

// Changes that happen together or not at all, in the order of their calls.
class WriteBatch {
 public:
  struct Put {
    std::string key, value;
  };
  struct Remove {
    std::string key;
  };
  struct RemoveRange {
    KeyRange range;
  };
  using Change = std::variant<Put, Remove, RemoveRange>;

  void put(std::string key, std::string value) {
    changes_.emplace_back(Put{std::move(key), std::move(value)});
  }
  void remove(std::string key) {
    changes_.emplace_back(Remove{std::move(key)});
  }  // of a missing key: nothing
  void remove_range(KeyRange range) { changes_.emplace_back(RemoveRange{std::move(range)}); }
  void clear() { changes_.clear(); }
  [[nodiscard]] bool empty() const { return changes_.empty(); }
  [[nodiscard]] const std::vector<Change>& changes() const { return changes_; }

 private:
  std::vector<Change> changes_;
};

// A state that does not change while it is looked at.
class View {
 public:
  // Called for one entry; the views are valid during the call. Returns whether to go on. Must not call the
  // store.
  using Visitor = UniqueFunction<bool(std::string_view key, std::string_view value)>;
  virtual ~View() = default;
  // Nothing when the key is missing. Errors: kDataLoss (a checksum is wrong), kStorageFailed.
  [[nodiscard]] virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // In the order of keys. Errors: as get, possibly after some entries were visited.
  [[nodiscard]] virtual Result<void> scan(const KeyRange& range, Visitor visit) const = 0;
};

enum class Durability {
  kBuffered,  // survives kill -9 of the process, not a power cut, until a later durable write or close
  kDurable,   // on stable storage, with everything written before it, when the call returns
};

class KeyValueStore : public View {
 public:
  // After a failed write nothing more can be written: what is on disk is unknown. Close, and open again.
  // Errors: kInvalidArgument (a key is too long; nothing was written), kDiskFull, kStorageFailed,
  // kFailedPrecondition (closed).
  [[nodiscard]] virtual Result<void> write(const WriteBatch& batch, Durability durability) = 0;
  // The state as it is now, whatever is written later. It costs disk space while it lives, and keeps the
  // store open beneath.
  [[nodiscard]] virtual Result<std::shared_ptr<const View>> snapshot() const = 0;
  // Makes everything durable and ends the use; later calls answer kFailedPrecondition. The destructor closes
  // too, without telling.
  [[nodiscard]] virtual Result<void> close() = 0;
};

// kInvalidArgument when a key of the batch is too long.
[[nodiscard]] Result<void> check_keys(const WriteBatch& batch);

// A snapshot in pieces, for an install on another node: at least one entry and about `bytes_max` from
// `range.begin` on.
struct ExportPiece {
  std::vector<WriteBatch::Put> entries;
  std::optional<std::string> next;  // begin of the next piece; nothing: this was the last
};
[[nodiscard]] Result<ExportPiece> export_piece(const View& view, const KeyRange& range,
                                               std::size_t bytes_max);

}  // namespace forebay::kv
