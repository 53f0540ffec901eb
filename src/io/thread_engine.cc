// Blocking calls on helper threads, for systems that refuse io_uring.
#include <utility>

#include "io/transfer_engine.h"
#include "runtime/shard.h"
#include "runtime/thread_blocking_pool.h"

namespace forebay::io {

namespace {

Result<void> write_blocking(const Transfer& transfer, std::size_t most) {
  switch (transfer.kind) {
    case Transfer::Kind::kWrite:
      return transfer.descriptor->write_at(transfer.offset, {transfer.memory, transfer.size},
                                           Descriptor::Durable::kNo, most);
    case Transfer::Kind::kDurableWrite:
      return transfer.descriptor->write_at(transfer.offset, {transfer.memory, transfer.size},
                                           Descriptor::Durable::kYes, most);
    case Transfer::Kind::kSync:
      return transfer.descriptor->sync();
    case Transfer::Kind::kRead:
      break;
  }
  return Error{ErrorCode::kInternal, "a read is not a write"};
}

class ThreadEngine final : public TransferEngine {
 public:
  ThreadEngine(runtime::Shard& shard, const IoLimits& limits)
      : shard_(shard), transfer_bytes_max_(limits.transfer_bytes_max), pool_(limits.helper_threads) {}

  void stop() override { pool_.shutdown(); }

  void start(Transfer transfer) override {
    struct Job {
      Transfer transfer;
      Result<void> written;
      Result<std::size_t> read;
    };
    auto owned = std::make_unique<Job>();
    Job* job = owned.get();
    job->transfer = std::move(transfer);
    pool_.run(
        [job, most = transfer_bytes_max_] {
          Transfer& t = job->transfer;
          if (t.kind == Transfer::Kind::kRead) {
            job->read = t.descriptor->read_at(t.offset, {t.memory, t.size}, most);
          } else {
            job->written = write_blocking(t, most);
          }
        },
        shard_,
        [owned = std::move(owned)]() mutable {
          Transfer& t = owned->transfer;
          t.descriptor.reset();
          if (t.kind == Transfer::Kind::kRead) {
            t.read_done(std::move(owned->read));
          } else {
            t.write_done(std::move(owned->written));
          }
        });
  }

 private:
  runtime::Shard& shard_;
  std::size_t transfer_bytes_max_;
  runtime::ThreadBlockingPool pool_;
};

}  // namespace

std::unique_ptr<TransferEngine> make_thread_engine(runtime::Shard& shard, const IoLimits& limits) {
  return std::make_unique<ThreadEngine>(shard, limits);
}

}  // namespace forebay::io
