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
  FailPointFile(std::unique_ptr<File> below, const FailPoints& points, runtime::Executor& executor,
                std::size_t names)
      : below_(std::move(below)), points_(points), executor_(executor), names_(names) {}

  void write(std::uint64_t offset, ByteSpan bytes, WriteMode mode, WriteDone done) override {
    if (mode == WriteMode::kDurable) done = synced(std::move(done));
    begin(kWrite, std::move(done), [file = below_, offset, bytes, mode](WriteDone written) {
      file->write(offset, bytes, mode, std::move(written));
    });
  }
  void read(std::uint64_t offset, std::span<std::byte> into, ReadDone done) override {
    begin(kRead, std::move(done),
          [file = below_, offset, into](ReadDone got) { file->read(offset, into, std::move(got)); });
  }
  void sync(WriteDone done) override {
    begin(kSync, std::move(done), [file = below_](WriteDone ended) { file->sync(std::move(ended)); });
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

  // The answer never comes inside the call, not even an error.
  template <typename Done, typename Start>
  void begin(Operation operation, Done done, Start start) {
    FailPoints::Outcome outcome = points_.pass(kNames[names_ + operation]);
    if (!outcome.error && outcome.delay.count() == 0) return start(std::move(done));
    executor_.schedule_after(outcome.delay, [error = std::move(outcome.error), start = std::move(start),
                                             done = std::move(done)]() mutable {
      if (error) return done(*std::move(error));
      start(std::move(done));
    });
  }

  [[nodiscard]] WriteDone synced(WriteDone done) const {
    return [&points = points_, &executor = executor_, name = kNames[names_ + kSync],
            done = std::move(done)](Result<void> written) mutable {
      if (!written) return done(std::move(written));
      FailPoints::Outcome outcome = points.pass(name);
      if (outcome.error) written = *std::move(outcome.error);
      if (outcome.delay.count() == 0) return done(std::move(written));
      executor.schedule_after(
          outcome.delay,
          [done = std::move(done), written = std::move(written)]() mutable { done(std::move(written)); });
    };
  }

  std::shared_ptr<File> below_;
  const FailPoints& points_;
  runtime::Executor& executor_;
  std::size_t names_;
};

class FailPointFileSystem final : public FileSystem {
 public:
  FailPointFileSystem(std::unique_ptr<FileSystem> below, const FailPoints& points,
                      runtime::Executor& executor)
      : below_(std::move(below)), points_(points), executor_(executor) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode, Caching caching) override {
    if (mode == OpenMode::kCreate) FOREBAY_CHECK(at(path, kCreate));
    FOREBAY_TRY(auto file, below_->open(path, mode, caching));
    return std::unique_ptr<File>(
        std::make_unique<FailPointFile>(std::move(file), points_, executor_, names_of(path)));
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
  runtime::Executor& executor_;
};

}  // namespace

std::span<const std::string_view> file_system_fail_points() { return kNames; }

std::unique_ptr<FileSystem> with_fail_points(std::unique_ptr<FileSystem> below, const FailPoints& points,
                                             runtime::Executor& executor) {
  if (points.empty()) return below;
  return std::make_unique<FailPointFileSystem>(std::move(below), points, executor);
}

}  // namespace forebay::io
