#include "io/real_file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "io/real_file.h"
#include "io/transfer_engine.h"
#include "runtime/shard.h"

namespace forebay::io {

namespace {

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(std::shared_ptr<Descriptor> descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  std::shared_ptr<Descriptor>
      descriptor_;  // closing it releases the lock; the file stays, so that no two are locked
};

class RealFileSystem final : public FileSystem {
 public:
  RealFileSystem(runtime::Shard& shard, std::shared_ptr<TransferEngine> engine, bool direct)
      : shard_(shard), engine_(std::move(engine)), direct_(direct) {}
  ~RealFileSystem() override { engine_->stop(); }
  RealFileSystem(const RealFileSystem&) = delete;
  RealFileSystem& operator=(const RealFileSystem&) = delete;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode, Caching caching) override {
    int flags = 0;
    switch (mode) {
      case OpenMode::kRead:
        flags = O_RDONLY;
        break;
      case OpenMode::kReadWrite:
        flags = O_RDWR;
        break;
      case OpenMode::kCreate:
        flags = O_RDWR | O_CREAT | O_EXCL;
        break;
    }
    if (caching == Caching::kDirect && direct_) flags |= O_DIRECT;
    FOREBAY_TRY(auto descriptor, Descriptor::open(path, flags));
    struct stat status {};
    if (::fstat(descriptor->number(), &status) != 0) return system_error("open", path, errno);
    if (S_ISDIR(status.st_mode)) return system_error("open", path, EISDIR);
    return std::unique_ptr<File>(std::make_unique<RealFile>(shard_, engine_, std::move(descriptor), caching));
  }

  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
    if (stream == nullptr) return system_error("list", directory, errno);
    std::vector<DirectoryEntry> entries;
    while (true) {
      errno = 0;
      const dirent* found = ::readdir(stream.get());
      if (found == nullptr && errno != 0) return system_error("list", directory, errno);
      if (found == nullptr) break;
      const std::string name = found->d_name;
      if (name == "." || name == "..") continue;
      struct stat status {};
      if (::fstatat(::dirfd(stream.get()), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;  // removed meanwhile
        return system_error("list", directory + "/" + name, errno);
      }
      const bool is_directory = S_ISDIR(status.st_mode);
      entries.push_back({name, is_directory, is_directory ? 0 : static_cast<std::uint64_t>(status.st_size)});
    }
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    return entries;
  }

  bool exists(const std::string& path) override {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
  }

  Result<void> create_directories(const std::string& path) override {
    if (path.empty() || path == "/") return {};
    if (::mkdir(path.c_str(), 0755) != 0) {
      const int error = errno;
      if (error == ENOENT && parent_of(path) != path) {
        FOREBAY_CHECK(create_directories(parent_of(path)));
        if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
          return system_error("make directory", path, errno);
      } else {
        struct stat status {};
        const bool there = error == EEXIST && ::stat(path.c_str(), &status) == 0;
        if (!there) return system_error("make directory", path, error);
        if (!S_ISDIR(status.st_mode)) return system_error("make directory", path, ENOTDIR);
        return {};
      }
    }
    Result<void> synced = sync_directory(parent_of(path));
    // Nobody knows whether the name will last, and another sync would not tell: the next call makes it anew.
    if (!synced) ::rmdir(path.c_str());
    return synced;
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_error("rename", from + " to " + to, errno);
    return {};
  }

  Result<void> remove_file(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return system_error("remove", path, errno);
    return {};
  }

  Result<void> remove_all(const std::string& path) override {
    std::error_code error;
    const auto removed = std::filesystem::remove_all(path, error);
    if (error) return system_error("remove", path, error.value());
    if (removed == 0) return system_error("remove", path, ENOENT);
    return {};
  }

  Result<void> sync_directory(const std::string& path) override {
    FOREBAY_TRY(const auto descriptor, Descriptor::open(path, O_RDONLY | O_DIRECTORY));
    if (::fsync(descriptor->number()) != 0) return system_error("sync directory", path, errno);
    return {};
  }

  Result<DiskSpace> space(const std::string& path) override {
    struct statvfs status {};
    if (::statvfs(path.c_str(), &status) != 0) return system_error("space of", path, errno);
    return DiskSpace{status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize};
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override {
    FOREBAY_TRY(auto descriptor, Descriptor::open(path, O_RDWR | O_CREAT));
    if (::flock(descriptor->number(), LOCK_EX | LOCK_NB) != 0) {
      if (errno != EWOULDBLOCK) return system_error("lock", path, errno);
      return Error{ErrorCode::kLocked, "lock " + path + ": held by " + holder_of(*descriptor)};
    }
    // For the error text of others; whether it can be written does not matter to the lock.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(descriptor->number(), 0) == 0) {
      static_cast<void>(descriptor->write_at(0, as_bytes(pid), Descriptor::Durable::kNo));
    }
    return std::unique_ptr<FileLock>(std::make_unique<RealFileLock>(std::move(descriptor)));
  }

 private:
  static std::string holder_of(const Descriptor& descriptor) {
    std::string text(32, '\0');
    const auto got = descriptor.read_at(0, std::as_writable_bytes(std::span(text)));
    text.resize(got.value_or(0));
    text.erase(std::find_if_not(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }),
               text.end());
    return text.empty() ? "another process" : "process " + text;
  }

  runtime::Shard& shard_;
  std::shared_ptr<TransferEngine> engine_;
  bool direct_;
};

// The probe's file, gone again in the end.
class ProbeFile {
 public:
  explicit ProbeFile(std::string path) : path_(std::move(path)) { ::unlink(path_.c_str()); }
  ~ProbeFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] Result<std::shared_ptr<Descriptor>> open(int flags) const {
    return Descriptor::open(path_, O_RDWR | O_CREAT | flags);
  }

 private:
  std::string path_;
};

void add_reason(std::string& why, const std::string& reason) { why += (why.empty() ? "" : "; ") + reason; }

}  // namespace

std::string IoEngine::to_string() const {
  return std::string(uring ? "io_uring" : "helper threads") + ", " + (direct ? "direct" : "page cache");
}

Result<IoEngine> probe_io_engine(const std::string& directory, EngineChoice engine, DirectChoice direct) {
  const ProbeFile probe(directory + "/.forebay-io-probe-" + std::to_string(::getpid()));
  FOREBAY_TRY(auto descriptor, probe.open(0));
  IoEngine found;
  if (direct == DirectChoice::kNever) {
    add_reason(found.why, "direct transfers are switched off");
  } else {
    auto direct_descriptor = probe.open(O_DIRECT);
    const AlignedBuffer block(kBlockBytes);
    const Result<void> wrote =
        direct_descriptor.has_value()
            ? (*direct_descriptor)->write_at(0, block.span(), Descriptor::Durable::kYes)
            : Result<void>(direct_descriptor.error());
    found.direct = wrote.has_value();
    if (found.direct) descriptor = *direct_descriptor;
    if (!found.direct) add_reason(found.why, "O_DIRECT: " + wrote.error().context);
  }
  if (engine == EngineChoice::kPosix) {
    add_reason(found.why, "io_uring is switched off");
    return found;
  }
  const std::optional<std::string> refused = why_no_uring(*descriptor);
  found.uring = !refused.has_value();
  if (!found.uring && engine == EngineChoice::kUring) {
    return Error{ErrorCode::kFailedPrecondition, "io_uring was asked for and is refused: " + *refused};
  }
  if (!found.uring) add_reason(found.why, "io_uring: " + *refused);
  return found;
}

Result<std::unique_ptr<FileSystem>> make_real_file_system(runtime::Shard& shard, const IoEngine& engine,
                                                          const IoLimits& limits) {
  FOREBAY_ASSERT(limits.transfer_bytes_max > 0 && limits.transfer_bytes_max % kBlockBytes == 0);
  std::shared_ptr<TransferEngine> transfers;
  if (engine.uring) {
    FOREBAY_TRY(transfers, make_uring_engine(shard, limits));
  } else {
    transfers = make_thread_engine(shard, limits);
  }
  return std::unique_ptr<FileSystem>(
      std::make_unique<RealFileSystem>(shard, std::move(transfers), engine.direct));
}

}  // namespace forebay::io
