#include "io/fail_point_file_system.h"

#include <array>
#include <string>
#include <utility>

namespace forebay::io {
namespace {

constexpr std::array<std::string_view, 24> kNames{
    "journal.create", "journal.write", "journal.sync", "journal.read", "journal.rename", "journal.remove",
    "segment.create", "segment.write", "segment.sync", "segment.read", "segment.rename", "segment.remove",
    "index.create",   "index.write",   "index.sync",   "index.read",   "index.rename",   "index.remove",
    "other.create",   "other.write",   "other.sync",   "other.read",   "other.rename",   "other.remove"};
enum Operation : std::size_t { kCreate, kWrite, kSync, kRead, kRename, kRemove };
constexpr std::size_t kOperations = 6;

// Index of the first name for a path.
std::size_t names_of(std::string_view path) {
  if (path.find("/journal/") != std::string_view::npos) return 0;
  if (path.ends_with(".log")) return kOperations;
  if (path.ends_with(".idx")) return 2 * kOperations;
  return 3 * kOperations;
}

class FailPointFile final : public File {
 public:
  FailPointFile(std::unique_ptr<File> below, const FailPoints& points, std::size_t names)
      : below_(std::move(below)), points_(points), names_(names) {}

  void write(std::uint64_t offset, ByteSpan bytes, WriteMode mode, WriteDone done) override {
    if (auto hit = at(kWrite); !hit) return fail(std::move(hit).error(), std::move(done));
    below_->write(offset, bytes, mode, std::move(done));
  }
  void read(std::uint64_t offset, std::span<std::byte> into, ReadDone done) override {
    if (auto hit = at(kRead); !hit) {
      // The contract forbids an answer inside the call: an empty read brings it back on the shard.
      return below_->read(0, into.first(0),
                          [error = std::move(hit).error(), done = std::move(done)](
                              const Result<std::size_t>&) mutable { done(std::move(error)); });
    }
    below_->read(offset, into, std::move(done));
  }
  void sync(WriteDone done) override {
    if (auto hit = at(kSync); !hit) return fail(std::move(hit).error(), std::move(done));
    below_->sync(std::move(done));
  }
  Result<void> write_now(std::uint64_t offset, ByteSpan bytes) override {
    FOREBAY_CHECK(at(kWrite));
    return below_->write_now(offset, bytes);
  }
  Result<std::size_t> read_now(std::uint64_t offset, std::span<std::byte> into) const override {
    FOREBAY_CHECK(at(kRead));
    return below_->read_now(offset, into);
  }
  Result<void> sync_now() override {
    FOREBAY_CHECK(at(kSync));
    return below_->sync_now();
  }
  Result<std::uint64_t> size() const override { return below_->size(); }
  Result<void> allocate(std::uint64_t bytes) override {
    FOREBAY_CHECK(at(kWrite));
    return below_->allocate(bytes);
  }
  Result<void> truncate(std::uint64_t bytes) override {
    FOREBAY_CHECK(at(kWrite));
    return below_->truncate(bytes);
  }

 private:
  [[nodiscard]] Result<void> at(Operation operation) const { return points_.hit(kNames[names_ + operation]); }
  void fail(Error error, WriteDone done) {
    below_->sync([error = std::move(error), done = std::move(done)](const Result<void>&) mutable {
      done(std::move(error));
    });
  }

  std::unique_ptr<File> below_;
  const FailPoints& points_;
  std::size_t names_;
};

class FailPointFileSystem final : public FileSystem {
 public:
  FailPointFileSystem(std::unique_ptr<FileSystem> below, const FailPoints& points)
      : below_(std::move(below)), points_(points) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode, Caching caching) override {
    if (mode == OpenMode::kCreate) FOREBAY_CHECK(at(path, kCreate));
    FOREBAY_TRY(auto file, below_->open(path, mode, caching));
    return std::unique_ptr<File>(std::make_unique<FailPointFile>(std::move(file), points_, names_of(path)));
  }
  Result<std::vector<DirectoryEntry>> list(const std::string& directory) override {
    return below_->list(directory);
  }
  bool exists(const std::string& path) override { return below_->exists(path); }
  Result<void> create_directories(const std::string& path) override {
    FOREBAY_CHECK(at(path + "/", kCreate));
    return below_->create_directories(path);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    FOREBAY_CHECK(at(to, kRename));
    return below_->rename(from, to);
  }
  Result<void> remove_file(const std::string& path) override {
    FOREBAY_CHECK(at(path, kRemove));
    return below_->remove_file(path);
  }
  Result<void> remove_all(const std::string& path) override {
    FOREBAY_CHECK(at(path, kRemove));
    return below_->remove_all(path);
  }
  Result<void> sync_directory(const std::string& path) override {
    FOREBAY_CHECK(at(path + "/", kSync));
    return below_->sync_directory(path);
  }
  Result<DiskSpace> space(const std::string& path) override { return below_->space(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return below_->lock(path); }

 private:
  [[nodiscard]] Result<void> at(const std::string& path, Operation operation) const {
    return points_.hit(kNames[names_of(path) + operation]);
  }
  std::unique_ptr<FileSystem> below_;
  const FailPoints& points_;
};

}  // namespace

std::span<const std::string_view> file_system_fail_points() { return kNames; }

std::unique_ptr<FileSystem> with_fail_points(std::unique_ptr<FileSystem> below, const FailPoints& points) {
  if (points.empty()) return below;
  return std::make_unique<FailPointFileSystem>(std::move(below), points);
}

}  // namespace forebay::io
