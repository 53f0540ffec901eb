// A disk that loses what was not synced. It outlives the processes that use it: a process sees it through a
// SimFileSystem, a test cuts its power, breaks it and looks inside. One process uses it at a time (with any
// number of shards).
//
// The model: every file and directory has what the process sees and what is durable. Plain writes,
// truncations and allocations become durable by a sync of the file that began after they had completed;
// durable writes when they complete; names by a sync of their directory (a rename between two directories
// needs both). A power cut decides for each thing in between, and for each write in flight, whether it is
// kept, dropped or, by 512-byte sector, torn. Everything is drawn from the scheduler's seed.
//
// A failed sync leaves what it was to make durable to chance, now, and no later sync makes up for it: of a
// file (see FailedSync) and of a directory alike. Who writes to a file, or syncs it, after a write or a sync
// of it has failed believes in what nobody knows: the disk keeps a list of those (used_after_failure).
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.h"
#include "sim/sim_executor.h"
#include "sim/sim_node.h"

namespace forebay::sim {

enum class DiskOp : std::uint8_t {
  kRead,
  kWrite,
  kSync,
  kAllocate,
  kTruncate,
  kOpen,
  kCreate,
  kList,
  kMakeDirectory,
  kRename,
  kRemove,
  kSyncDirectory,
  kLock,
};

// What becomes of things that are on their way to stable storage.
enum class Landing {
  kDrop,    // none of them arrives
  kKeep,    // all of them arrive
  kSeeded,  // drawn: all, none, or for each one by itself: whole, not at all, or torn
};

enum class DiskEffect {
  kIoError,    // EIO; of a write, any sectors may have landed; of a sync, see FailedSync
  kNoSpace,    // ENOSPC; of a write, nothing landed; of a sync, as kIoError
  kStall,      // takes `stall` longer (asynchronous calls only)
  kLost,       // reports success and does nothing: a lost write, a lying sync of a file or a directory
  kMisdirect,  // a write lands at another block of the same file and reports success
};

// How a durable write reaches the disk.
enum class Engine {
  kDirect,     // by itself: what is visible is what landed
  kPageCache,  // a plain write, visible at once, and then a sync of the file, which faults of DiskOp::kSync
               // hit
};

// After a failed sync the pages count as clean: the next sync says OK, and nothing of them is written.
enum class FailedSync {
  kNewBytesVisible,  // until the power goes
  kOldBytesBack,     // at once
};

using PathPredicate = std::function<bool(std::string_view path)>;
[[nodiscard]] PathPredicate any_path();
[[nodiscard]] PathPredicate path_contains(std::string text);

struct DiskFault {
  static constexpr std::uint64_t kForever = ~std::uint64_t{0};
  DiskOp op = DiskOp::kWrite;
  DiskEffect effect = DiskEffect::kIoError;
  PathPredicate path = any_path();
  std::uint64_t skip = 0;   // so many matching operations pass first
  std::uint64_t times = 1;  // then so many are hit
  Duration stall{};
  FailedSync failed_sync = FailedSync::kNewBytesVisible;
};

class SimDisk {
 public:
  struct Options {
    std::uint64_t capacity_bytes = std::uint64_t{1} << 40;
    Engine engine = Engine::kDirect;
    Duration write_delay_max = std::chrono::microseconds(400);
    Duration read_delay_max = std::chrono::microseconds(200);
    Duration sync_delay_max = std::chrono::milliseconds(2);
  };

  explicit SimDisk(SimScheduler& scheduler) : SimDisk(scheduler, Options{}) {}
  SimDisk(SimScheduler& scheduler, Options options);
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // -- Power. A step is the beginning of an operation that changes the disk (write, sync, create, rename,
  // remove, ...).
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  // The power goes at the n-th step from now (1 = the next): that operation is in flight, nothing later is
  // done.
  void crash_at_step(std::uint64_t n) { cut_at_ = steps_ + n; }
  // From here on blocking calls fail and asynchronous ones never complete.
  void cut_power() { power_is_off_ = true; }
  [[nodiscard]] bool power_is_off() const { return power_is_off_; }
  // Decides what was kept; the file systems and files of the dead process stay dead, new ones may be made.
  void restore_power(Landing landing);
  void crash(Landing landing) {
    cut_power();
    restore_power(landing);
  }
  // SIGKILL: the power stays on, so what had completed stays visible (and unsynced). Decides the writes in
  // flight; `late` keeps them back instead, until land_late_writes: a dead process's last writes.
  void kill_process(Landing in_flight);
  void kill_process_with_late_writes();
  // The number that landed. Those not landed by the next power cut never do.
  std::size_t land_late_writes();

  // -- Faults.
  void inject(DiskFault fault) { faults_.push_back(std::move(fault)); }
  void clear_faults() { faults_.clear(); }
  void set_capacity(std::uint64_t bytes) { options_.capacity_bytes = bytes; }
  [[nodiscard]] std::uint64_t used_bytes() const { return used_bytes_; }

  // -- Damage and replacement, at once and durable; no step. Requires: the file exists.
  void flip_bit(const std::string& path, std::uint64_t bit);
  void overwrite(const std::string& path, std::uint64_t offset, ByteSpan bytes);
  void truncate_file(const std::string& path, std::uint64_t bytes);
  void remove(const std::string& path);                          // also a directory with all in it
  void replace_file(const std::string& path, ByteSpan content);  // made if missing; its directory must exist

  // -- Inspection.
  [[nodiscard]] std::vector<std::string> files() const;  // paths of all files the process sees, sorted
  [[nodiscard]] std::optional<std::vector<std::byte>> content(const std::string& path) const;
  // What would be there if the power went now and nothing unsynced arrived.
  [[nodiscard]] std::optional<std::vector<std::byte>> durable_content(const std::string& path) const;
  // Files that were written to or synced after a write or a sync of them had failed; one entry a time. Must
  // stay empty.
  [[nodiscard]] const std::vector<std::string>& used_after_failure() const { return used_after_failure_; }
  // Of all operations so far; two runs of one seed have the same.
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_.value(); }
  [[nodiscard]] SimScheduler& scheduler() { return scheduler_; }

 private:
  friend class SimFileSystem;
  friend class SimFile;
  friend class SimFileLock;

  struct WriteInFlight {
    SimNodePtr node;
    std::uint64_t offset = 0;
    std::vector<std::byte> bytes;
    io::WriteMode mode = io::WriteMode::kPlain;
  };
  using InFlight = std::list<WriteInFlight>;

  // What the views do (sim_disk_content.cc).
  [[nodiscard]] bool alive(std::uint64_t life) const { return life == life_ && !power_is_off_; }
  void begin_step(DiskOp op, std::string_view path, std::uint64_t a = 0, std::uint64_t b = 0);
  [[nodiscard]] std::optional<DiskFault> take_fault(DiskOp op, std::string_view path);
  [[nodiscard]] Duration draw_delay(Duration most);
  [[nodiscard]] Result<void> apply_write(const WriteInFlight& write, const std::optional<DiskFault>& fault,
                                         std::string_view path);
  [[nodiscard]] Result<void> apply_sync(SimNode& node, std::uint64_t sequence_end,
                                        const std::optional<DiskFault>& fault, std::string_view path);
  void note_use(const SimNode& node, std::string_view path);
  [[nodiscard]] Result<void> resize(SimNode& node, std::uint64_t bytes, PendingChange::Kind kind,
                                    std::string_view path);

  // Content.
  void put(SimNode& node, std::uint64_t offset, ByteSpan bytes, io::WriteMode mode);
  void land(SimNode& node, const PendingChange& change, Landing landing);
  void settle_content(const SimNodePtr& node, Landing landing);
  void account(SimNode& node);
  [[nodiscard]] std::uint64_t space_wanted(const SimNode& node, std::uint64_t end) const;

  // Names (sim_disk_names.cc).
  [[nodiscard]] SimNodePtr find(std::string_view path) const;
  [[nodiscard]] SimNodePtr find_durable(std::string_view path) const;
  void change_names(PendingNames change);
  void sync_names(const SimNodePtr& directory);
  void fail_sync_of_names(const SimNodePtr& directory);
  void settle_names(Landing landing);
  static void make_durable(const PendingNames& change);

  void settle(Landing landing);
  void end_life();

  SimScheduler& scheduler_;
  Options options_;
  SimRng rng_;
  TraceHash trace_;
  SimNodePtr root_;
  std::vector<std::weak_ptr<SimNode>>
      nodes_;  // every file made, to settle those that only a handle or an old name holds
  std::list<PendingNames> pending_names_;
  InFlight in_flight_;
  InFlight late_;
  std::vector<DiskFault> faults_;
  std::vector<std::string> used_after_failure_;
  std::map<std::string, std::uint64_t> locks_;  // path -> life
  std::vector<io::WriteDone>
      never_called_;  // completions of dead operations, destroyed when the next life begins
  std::vector<io::ReadDone> never_called_reads_;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t steps_ = 0;
  std::uint64_t cut_at_ = 0;  // 0 = never
  std::uint64_t life_ = 1;
  std::uint64_t used_bytes_ = 0;
  bool power_is_off_ = false;
};

}  // namespace forebay::sim
