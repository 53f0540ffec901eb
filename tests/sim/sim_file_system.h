// The disk as one shard of one life of a process sees it. Ends with the process: after a crash or a kill its
// blocking calls fail and its asynchronous ones never complete; the next life makes a new one over the same
// disk. What only the real one checks for you by chance is asserted here: alignment of direct transfers, the
// thread of the asynchronous calls, and that the memory of a write does not change before its completion.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "sim/sim_disk.h"
#include "sim/sim_executor.h"

namespace forebay::sim {

class SimFileSystem final : public io::FileSystem {
 public:
  // Completions of asynchronous calls are posted to `executor`. Both must outlive this and its files.
  SimFileSystem(SimDisk& disk, SimExecutor& executor) : disk_(disk), executor_(executor), life_(disk.life_) {}

  [[nodiscard]] Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode,
                                                       io::Caching caching) override;
  [[nodiscard]] Result<std::vector<io::DirectoryEntry>> list(const std::string& directory) override;
  [[nodiscard]] bool exists(const std::string& path) override;
  [[nodiscard]] Result<void> create_directories(const std::string& path) override;
  [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) override;
  [[nodiscard]] Result<void> remove_file(const std::string& path) override;
  [[nodiscard]] Result<void> remove_all(const std::string& path) override;
  [[nodiscard]] Result<void> sync_directory(const std::string& path) override;
  [[nodiscard]] Result<io::DiskSpace> space(const std::string& path) override;
  [[nodiscard]] Result<std::unique_ptr<io::FileLock>> lock(const std::string& path) override;

  [[nodiscard]] SimDisk& disk() { return disk_; }

 private:
  // The error of a dead process, or the one that a fault brings.
  [[nodiscard]] Result<void> begin(DiskOp op, const char* what, const std::string& path);
  [[nodiscard]] Result<SimNodePtr> existing(const char* what, const std::string& path);
  [[nodiscard]] Result<SimNodePtr> existing_directory(const char* what, const std::string& path);
  // One step: fails if the power went at it, though the change may still arrive.
  [[nodiscard]] Result<void> change(DiskOp op, const char* what, const std::string& path, PendingNames names);
  [[nodiscard]] Result<SimNodePtr> make_node(const std::string& path, bool is_directory);
  [[nodiscard]] Result<void> unlink(const std::string& path);

  SimDisk& disk_;
  SimExecutor& executor_;
  std::uint64_t life_;
};

}  // namespace forebay::sim
