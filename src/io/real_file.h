// An open file of the real file system. Internal to the module.
#pragma once

#include <memory>

#include "io/file_system.h"
#include "io/transfer_engine.h"
#include "runtime/shard.h"

namespace forebay::io {

class RealFile final : public File {
 public:
  RealFile(runtime::Shard& shard, std::shared_ptr<TransferEngine> engine,
           std::shared_ptr<Descriptor> descriptor, Caching caching)
      : shard_(shard), engine_(std::move(engine)), descriptor_(std::move(descriptor)), caching_(caching) {}

  void write(std::uint64_t offset, ByteSpan bytes, WriteMode mode, WriteDone done) override;
  void read(std::uint64_t offset, std::span<std::byte> into, ReadDone done) override;
  void sync(WriteDone done) override;

  [[nodiscard]] Result<void> write_now(std::uint64_t offset, ByteSpan bytes) override;
  [[nodiscard]] Result<std::size_t> read_now(std::uint64_t offset, std::span<std::byte> into) const override;
  [[nodiscard]] Result<void> sync_now() override;
  [[nodiscard]] Result<std::uint64_t> size() const override;
  [[nodiscard]] Result<void> allocate(std::uint64_t bytes) override;
  [[nodiscard]] Result<void> truncate(std::uint64_t bytes) override;

 private:
  void check_transfer(std::uint64_t offset, const std::byte* memory, std::size_t size) const;

  runtime::Shard& shard_;
  std::shared_ptr<TransferEngine> engine_;
  std::shared_ptr<Descriptor> descriptor_;
  Caching caching_;
};

}  // namespace forebay::io
