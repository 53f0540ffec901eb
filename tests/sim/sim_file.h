// An open file of a SimFileSystem.
#pragma once

#include <string>

#include "io/file_system.h"
#include "sim/sim_disk.h"
#include "sim/sim_executor.h"

namespace forebay::sim {

class SimFile final : public io::File {
 public:
  SimFile(SimDisk& disk, SimExecutor& executor, SimNodePtr node, std::string path, io::OpenMode mode,
          io::Caching caching)
      : disk_(disk),
        executor_(executor),
        node_(std::move(node)),
        path_(std::move(path)),
        mode_(mode),
        caching_(caching),
        life_(disk.life_) {}

  void write(std::uint64_t offset, ByteSpan bytes, io::WriteMode mode, io::WriteDone done) override;
  void read(std::uint64_t offset, std::span<std::byte> into, io::ReadDone done) override;
  void sync(io::WriteDone done) override;

  [[nodiscard]] Result<void> write_now(std::uint64_t offset, ByteSpan bytes) override;
  [[nodiscard]] Result<std::size_t> read_now(std::uint64_t offset, std::span<std::byte> into) const override;
  [[nodiscard]] Result<void> sync_now() override;
  [[nodiscard]] Result<std::uint64_t> size() const override;
  [[nodiscard]] Result<void> allocate(std::uint64_t bytes) override;
  [[nodiscard]] Result<void> truncate(std::uint64_t bytes) override;

 private:
  // Of a file that may be closed meanwhile.
  static void start_sync(SimDisk& disk, SimExecutor& executor, const SimNodePtr& node,
                         const std::string& path, std::uint64_t life, io::WriteDone done);
  void check_transfer(std::uint64_t offset, const std::byte* memory, std::size_t size) const;
  [[nodiscard]] Error dead(const char* what) const;
  [[nodiscard]] Result<void> resize(DiskOp op, const char* what, std::uint64_t bytes,
                                    PendingChange::Kind kind);

  SimDisk& disk_;
  SimExecutor& executor_;
  SimNodePtr node_;
  std::string path_;
  io::OpenMode mode_;
  io::Caching caching_;
  std::uint64_t life_;
};

}  // namespace forebay::sim
