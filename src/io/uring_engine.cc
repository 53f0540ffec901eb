// One ring for each shard. What the tasks of a turn start is submitted by one system call at its end;
// completions are collected there too. Only a sleeping shard is told of a completion, through an eventfd that
// its io_context watches.
#include <liburing.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "io/transfer_engine.h"
#include "runtime/shard.h"
#include "runtime/shard_io_context.h"

namespace forebay::io {

namespace {

constexpr unsigned kInterruptedMax =
    10'000;  // times that one operation may be sent back before that is an error

const char* name_of(Transfer::Kind kind) {
  switch (kind) {
    case Transfer::Kind::kWrite:
    case Transfer::Kind::kDurableWrite:
      return "write";
    case Transfer::Kind::kRead:
      return "read";
    case Transfer::Kind::kSync:
      return "sync";
  }
  return "transfer";
}

// A ring with the cheapest way of completing that this kernel knows.
int make_ring(io_uring& ring, unsigned entries, unsigned flags) {
  io_uring_params params{};
  params.flags = flags;
  return ::io_uring_queue_init_params(entries, &ring, &params);
}

struct Operation {
  Transfer transfer;
  std::size_t moved = 0;
  unsigned interrupted = 0;
};

class UringEngine final : public TransferEngine, public runtime::TurnHook {
 public:
  UringEngine(runtime::Shard& shard, const IoLimits& limits)
      : shard_(shard),
        entries_(static_cast<unsigned>(limits.ring_entries)),
        transfer_bytes_max_(limits.transfer_bytes_max),
        finished_(limits.ring_entries),
        event_(runtime::io_context_of(shard)) {}

  [[nodiscard]] Result<void> open() {
    const int result = make_ring(ring_, entries_, IORING_SETUP_CLAMP);
    if (result < 0) return system_error("set up", "io_uring", -result);
    open_ = true;
    const int event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0) return system_error("make", "eventfd", errno);
    event_.assign(event);
    const int registered = ::io_uring_register_eventfd(&ring_, event);
    if (registered < 0) return system_error("register eventfd with", "io_uring", -registered);
    watch();
    runtime::add_turn_hook(shard_, *this);
    hooked_ = true;
    return {};
  }

  ~UringEngine() override {
    stop();
    if (open_) ::io_uring_queue_exit(&ring_);
  }

  void stop() override {
    stopped_ = true;
    if (std::exchange(hooked_, false)) {
      FOREBAY_ASSERT(shard_.on_own_thread());
      runtime::remove_turn_hook(shard_, *this);
    }
    const auto dropped = std::exchange(waiting_, {});
    while (in_flight_ > 0) {  // the kernel still uses the callers' memory
      static_cast<void>(::io_uring_submit_and_wait(&ring_, 1));
      io_uring_cqe* completion = nullptr;
      while (::io_uring_peek_cqe(&ring_, &completion) == 0) {
        delete static_cast<Operation*>(::io_uring_cqe_get_data(completion));
        ::io_uring_cqe_seen(&ring_, completion);
        --in_flight_;
      }
    }
  }

  void start(Transfer transfer) override {
    if (stopped_) return;
    waiting_.push_back(std::make_unique<Operation>(Operation{std::move(transfer)}));
  }

  bool end_of_turn() override {
    if (submit_and_collect()) return true;
    if (in_flight_ == 0) return false;
    // What the kernel would not take now, nobody would wake us for.
    if (::io_uring_sq_ready(&ring_) > 0) return true;
    // From here a completion must wake us; one that came just before must be seen now.
    if (!told_when_asleep_) tell_when_asleep(true);
    return ::io_uring_cq_ready(&ring_) > 0;
  }

  void between_tasks() override { static_cast<void>(submit_and_collect()); }

 private:
  // Returns: whether anything had completed.
  bool submit_and_collect() {
    submit();
    if (in_flight_ == 0 || !collect()) return false;
    // What a completion started (the journal's next round) goes to the disk before anything else is done.
    submit();
    return true;
  }

  void submit() {
    unsigned prepared = 0;
    while (!waiting_.empty() && in_flight_ < entries_) {
      io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
      if (entry == nullptr) break;
      prepare(*entry, *waiting_.front().release());
      waiting_.pop_front();
      ++in_flight_;
      ++prepared;
    }
    if (prepared == 0 && ::io_uring_sq_ready(&ring_) == 0) return;
    const int result = ::io_uring_submit(&ring_);
    // Out of memory for a moment, or completions to collect first: what was not taken stays in the ring for
    // the next turn.
    FOREBAY_ASSERT(result >= 0 || result == -EAGAIN || result == -EBUSY || result == -EINTR ||
                   result == -ENOMEM);
  }

  void prepare(io_uring_sqe& entry, Operation& operation) const {
    const Transfer& t = operation.transfer;
    const int descriptor = t.descriptor->number();
    std::byte* memory = t.memory + operation.moved;
    const auto size = static_cast<unsigned>(std::min(t.size - operation.moved, transfer_bytes_max_));
    const std::uint64_t offset = t.offset + operation.moved;
    switch (t.kind) {
      case Transfer::Kind::kWrite:
        ::io_uring_prep_write(&entry, descriptor, memory, size, offset);
        break;
      case Transfer::Kind::kDurableWrite:
        ::io_uring_prep_write(&entry, descriptor, memory, size, offset);
        entry.rw_flags = RWF_DSYNC;
        break;
      case Transfer::Kind::kRead:
        ::io_uring_prep_read(&entry, descriptor, memory, size, offset);
        break;
      case Transfer::Kind::kSync:
        ::io_uring_prep_fsync(&entry, descriptor, IORING_FSYNC_DATASYNC);
        break;
    }
    ::io_uring_sqe_set_data(&entry, &operation);
  }

  bool collect() {
    unsigned count = 0;
    io_uring_cqe* completion = nullptr;
    while (count < entries_ && ::io_uring_peek_cqe(&ring_, &completion) == 0) {
      finished_[count++] = {static_cast<Operation*>(::io_uring_cqe_get_data(completion)), completion->res};
      ::io_uring_cqe_seen(&ring_, completion);
    }
    in_flight_ -= count;
    for (unsigned i = 0; i < count; ++i)
      finish(std::unique_ptr<Operation>(finished_[i].operation), finished_[i].result);
    return count > 0;
  }

  void finish(std::unique_ptr<Operation> operation, int result) {
    Transfer& t = operation->transfer;
    // A sync is never asked for twice: the second answer would not speak of what the first one dropped. A
    // durable write that was sent back is written again, whole.
    const bool again = (result == -EINTR || result == -EAGAIN) && t.kind != Transfer::Kind::kSync;
    if (again && ++operation->interrupted < kInterruptedMax) {
      waiting_.push_front(std::move(operation));
      return;
    }
    if (result < 0) return complete(*operation, system_error(name_of(t.kind), t.descriptor->path(), -result));
    operation->moved += static_cast<std::size_t>(result);
    const bool writes = t.kind == Transfer::Kind::kWrite || t.kind == Transfer::Kind::kDurableWrite;
    if (writes && result == 0) return complete(*operation, system_error("write", t.descriptor->path(), EIO));
    const bool at_end =
        t.kind == Transfer::Kind::kRead && t.descriptor->at_end_after(static_cast<std::size_t>(result));
    if (t.kind != Transfer::Kind::kSync && operation->moved < t.size && !at_end) {
      waiting_.push_front(std::move(operation));
      return;
    }
    complete(*operation, std::nullopt);
  }

  static void complete(Operation& operation, std::optional<Error> error) {
    Transfer& t = operation.transfer;
    t.descriptor.reset();
    if (t.kind == Transfer::Kind::kRead) {
      t.read_done(error.has_value() ? Result<std::size_t>(*std::move(error))
                                    : Result<std::size_t>(operation.moved));
    } else {
      t.write_done(error.has_value() ? Result<void>(*std::move(error)) : Result<void>());
    }
  }

  void tell_when_asleep(bool tell) {
    told_when_asleep_ = tell;
    static_cast<void>(::io_uring_cq_eventfd_toggle(&ring_, tell));
  }

  void watch() {
    event_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const asio::error_code& error) {
      if (error) return;
      std::uint64_t count = 0;
      static_cast<void>(!::read(event_.native_handle(), &count, sizeof count));
      tell_when_asleep(false);  // awake now: the end of the turn looks by itself
      watch();
    });
  }

  struct Finished {
    Operation* operation;
    int result;
  };

  runtime::Shard& shard_;
  const unsigned entries_;  // the bound of operations in the kernel's hands
  const std::size_t transfer_bytes_max_;
  std::vector<Finished> finished_;  // only used within collect
  io_uring ring_{};
  asio::posix::stream_descriptor event_;
  std::deque<std::unique_ptr<Operation>> waiting_;
  unsigned in_flight_ = 0;
  bool told_when_asleep_ = true;
  bool open_ = false;
  bool hooked_ = false;
  bool stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<TransferEngine>> make_uring_engine(runtime::Shard& shard, const IoLimits& limits) {
  auto engine = std::make_unique<UringEngine>(shard, limits);
  FOREBAY_CHECK(engine->open());
  return std::unique_ptr<TransferEngine>(std::move(engine));
}

std::optional<std::string> why_no_uring(const Descriptor& descriptor) {
  io_uring ring{};
  const int made = make_ring(ring, 4, IORING_SETUP_CLAMP);
  if (made < 0) return system_error("set up", "io_uring", -made).context;
  AlignedBuffer block(kBlockBytes);
  io_uring_sqe* entry = ::io_uring_get_sqe(&ring);
  ::io_uring_prep_write(entry, descriptor.number(), block.data(), static_cast<unsigned>(block.size()), 0);
  entry->rw_flags = RWF_DSYNC;
  io_uring_cqe* completion = nullptr;
  int result = ::io_uring_submit(&ring);
  if (result >= 0) {
    do {
      result = ::io_uring_wait_cqe(&ring, &completion);
    } while (result == -EINTR);
  }
  if (result >= 0) result = completion->res;
  ::io_uring_queue_exit(&ring);
  if (result < 0)
    return system_error("durable write through io_uring to", descriptor.path(), -result).context;
  if (result != static_cast<int>(kBlockBytes)) return "short write through io_uring to " + descriptor.path();
  return std::nullopt;
}

}  // namespace forebay::io
