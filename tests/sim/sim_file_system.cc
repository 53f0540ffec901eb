#include "sim/sim_file_system.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "sim/sim_file.h"
#include "sim/sim_paths.h"

namespace forebay::sim {

namespace {

Error failed(ErrorCode code, const char* what, const std::string& path, const char* why) {
  return Error{code, std::string(what) + " " + path + ": " + why};
}

}  // namespace

class SimFileLock final : public io::FileLock {
 public:
  SimFileLock(SimDisk& disk, std::string path, std::uint64_t life)
      : disk_(disk), path_(std::move(path)), life_(life) {}
  ~SimFileLock() override {
    const auto held = disk_.locks_.find(path_);
    if (held != disk_.locks_.end() && held->second == life_) disk_.locks_.erase(held);
  }

 private:
  SimDisk& disk_;
  std::string path_;
  std::uint64_t life_;
};

Result<void> SimFileSystem::begin(DiskOp op, const char* what, const std::string& path) {
  if (!disk_.alive(life_)) return failed(ErrorCode::kStorageFailed, what, path, "the power is off");
  const std::optional<DiskFault> fault = disk_.take_fault(op, path);
  if (!fault.has_value()) return {};
  if (fault->effect == DiskEffect::kNoSpace) {
    return failed(ErrorCode::kDiskFull, what, path, "No space left on device");
  }
  if (fault->effect == DiskEffect::kIoError) {
    return failed(ErrorCode::kStorageFailed, what, path, "Input/output error");
  }
  return {};
}

Result<SimNodePtr> SimFileSystem::existing(const char* what, const std::string& path) {
  SimNodePtr node = disk_.find(path);
  if (node == nullptr) return failed(ErrorCode::kNotFound, what, path, "No such file or directory");
  return node;
}

Result<SimNodePtr> SimFileSystem::existing_directory(const char* what, const std::string& path) {
  FOREBAY_TRY(SimNodePtr node, existing(what, path));
  if (!node->is_directory) return failed(ErrorCode::kStorageFailed, what, path, "Not a directory");
  return node;
}

Result<void> SimFileSystem::change(DiskOp op, const char* what, const std::string& path, PendingNames names) {
  disk_.begin_step(op, path);
  disk_.change_names(std::move(names));
  if (!disk_.alive(life_)) return failed(ErrorCode::kStorageFailed, what, path, "the power is off");
  return {};
}

Result<SimNodePtr> SimFileSystem::make_node(const std::string& path, bool is_directory) {
  const char* what = is_directory ? "make directory" : "create";
  const DiskOp op = is_directory ? DiskOp::kMakeDirectory : DiskOp::kCreate;
  FOREBAY_CHECK(begin(op, what, path));
  FOREBAY_TRY(const SimNodePtr parent, existing_directory(what, parent_path(path)));
  if (parent->entries.contains(base_name(path)))
    return failed(ErrorCode::kStorageFailed, what, path, "File exists");
  if (disk_.used_bytes_ >= disk_.options_.capacity_bytes) {
    return failed(ErrorCode::kDiskFull, what, path, "No space left on device");
  }
  const auto node = std::make_shared<SimNode>();
  node->is_directory = is_directory;
  disk_.nodes_.push_back(node);
  FOREBAY_CHECK(change(op, what, path, {{{parent, base_name(path), node}}, node}));
  return node;
}

Result<std::unique_ptr<io::File>> SimFileSystem::open(const std::string& path, io::OpenMode mode,
                                                      io::Caching caching) {
  SimNodePtr node;
  if (mode == io::OpenMode::kCreate) {
    FOREBAY_TRY(node, make_node(path, false));
  } else {
    FOREBAY_CHECK(begin(DiskOp::kOpen, "open", path));
    FOREBAY_TRY(node, existing("open", path));
    if (node->is_directory) return failed(ErrorCode::kStorageFailed, "open", path, "Is a directory");
  }
  return std::unique_ptr<io::File>(std::make_unique<SimFile>(disk_, executor_, node, path, mode, caching));
}

Result<std::vector<io::DirectoryEntry>> SimFileSystem::list(const std::string& directory) {
  FOREBAY_CHECK(begin(DiskOp::kList, "list", directory));
  FOREBAY_TRY(const SimNodePtr node, existing_directory("list", directory));
  std::vector<io::DirectoryEntry> entries;
  for (const auto& [name, child] : node->entries) {
    entries.push_back({name, child->is_directory, child->is_directory ? 0 : child->content.size()});
  }
  return entries;
}

bool SimFileSystem::exists(const std::string& path) {
  return disk_.alive(life_) && disk_.find(path) != nullptr;
}

Result<void> SimFileSystem::create_directories(const std::string& path) {
  if (!disk_.alive(life_))
    return failed(ErrorCode::kStorageFailed, "make directory", path, "the power is off");
  std::string current = "/";
  for (const std::string& part : path_parts(path)) {
    const std::string parent = current;
    current += (current == "/" ? "" : "/") + part;
    const SimNodePtr node = disk_.find(current);
    if (node == nullptr) {
      FOREBAY_CHECK(make_node(current, true));
      if (auto synced = sync_directory(parent); !synced) {
        static_cast<void>(unlink(current));  // as the real one: the next call makes it anew
        return synced;
      }
    } else if (!node->is_directory) {
      return failed(ErrorCode::kStorageFailed, "make directory", current, "Not a directory");
    }
  }
  return {};
}

Result<void> SimFileSystem::rename(const std::string& from, const std::string& to) {
  FOREBAY_CHECK(begin(DiskOp::kRename, "rename", from));
  FOREBAY_TRY(const SimNodePtr node, existing("rename", from));
  FOREBAY_TRY(const SimNodePtr from_parent, existing_directory("rename", parent_path(from)));
  FOREBAY_TRY(const SimNodePtr to_parent, existing_directory("rename", parent_path(to)));
  const SimNodePtr target = disk_.find(to);
  if (target == node) return {};
  if (target != nullptr) {
    if (node->is_directory && !target->is_directory) {
      return failed(ErrorCode::kStorageFailed, "rename", to, "Not a directory");
    }
    if (!node->is_directory && target->is_directory) {
      return failed(ErrorCode::kStorageFailed, "rename", to, "Is a directory");
    }
    if (target->is_directory && !target->entries.empty()) {
      return failed(ErrorCode::kStorageFailed, "rename", to, "Directory not empty");
    }
  }
  return change(DiskOp::kRename, "rename", from,
                {{{from_parent, base_name(from), nullptr}, {to_parent, base_name(to), node}}, node});
}

Result<void> SimFileSystem::unlink(const std::string& path) {
  FOREBAY_CHECK(begin(DiskOp::kRemove, "remove", path));
  FOREBAY_TRY(const SimNodePtr node, existing("remove", path));
  FOREBAY_TRY(const SimNodePtr parent, existing_directory("remove", parent_path(path)));
  return change(DiskOp::kRemove, "remove", path, {{{parent, base_name(path), nullptr}}, node});
}

Result<void> SimFileSystem::remove_file(const std::string& path) {
  const SimNodePtr node = disk_.alive(life_) ? disk_.find(path) : nullptr;
  if (node != nullptr && node->is_directory)
    return failed(ErrorCode::kStorageFailed, "remove", path, "Is a directory");
  return unlink(path);
}

Result<void> SimFileSystem::remove_all(const std::string& path) {
  const SimNodePtr node = disk_.alive(life_) ? disk_.find(path) : nullptr;
  if (node != nullptr && node->is_directory) {
    const auto entries = node->entries;
    for (const auto& [name, child] : entries) FOREBAY_CHECK(remove_all(path + "/" + name));
  }
  return unlink(path);
}

Result<void> SimFileSystem::sync_directory(const std::string& path) {
  constexpr const char* kWhat = "sync directory";
  if (!disk_.alive(life_)) return failed(ErrorCode::kStorageFailed, kWhat, path, "the power is off");
  FOREBAY_TRY(const SimNodePtr node, existing_directory(kWhat, path));
  disk_.begin_step(DiskOp::kSyncDirectory, path);
  if (!disk_.alive(life_)) return failed(ErrorCode::kStorageFailed, kWhat, path, "the power is off");
  const std::optional<DiskFault> fault = disk_.take_fault(DiskOp::kSyncDirectory, path);
  const auto effect = fault.has_value() ? fault->effect : DiskEffect::kStall;
  if (effect == DiskEffect::kLost) return {};
  if (effect == DiskEffect::kIoError || effect == DiskEffect::kNoSpace) {
    disk_.fail_sync_of_names(node);
    return effect == DiskEffect::kNoSpace
               ? failed(ErrorCode::kDiskFull, kWhat, path, "No space left on device")
               : failed(ErrorCode::kStorageFailed, kWhat, path, "Input/output error");
  }
  disk_.sync_names(node);
  return {};
}

Result<io::DiskSpace> SimFileSystem::space(const std::string& path) {
  if (!disk_.alive(life_)) return failed(ErrorCode::kStorageFailed, "space", path, "the power is off");
  FOREBAY_CHECK(existing("space", path));
  const std::uint64_t capacity = disk_.options_.capacity_bytes;
  return io::DiskSpace{capacity, capacity - std::min(capacity, disk_.used_bytes_)};
}

Result<std::unique_ptr<io::FileLock>> SimFileSystem::lock(const std::string& path) {
  FOREBAY_CHECK(begin(DiskOp::kLock, "lock", path));
  if (disk_.find(path) == nullptr) FOREBAY_CHECK(make_node(path, false));
  if (!disk_.locks_.emplace(path, life_).second) {
    return failed(ErrorCode::kLocked, "lock", path, "held by a process of the simulation");
  }
  return std::unique_ptr<io::FileLock>(std::make_unique<SimFileLock>(disk_, path, life_));
}

}  // namespace forebay::sim
