// One thread with its event loop: what a partition, a journal, a peer connection live on. Tasks from other
// threads come through a lock-free mailbox; a sleeping shard is woken once per burst. Timers keep
// microseconds. Lifetime: what lives on a shard is destroyed there, by a task posted before `stop_and_join`;
// tasks and timers that are left then are destroyed without running, on the shard's thread; later ones are
// destroyed with the Shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "runtime/executor.h"

namespace forebay::runtime {

struct ShardStats {
  std::uint64_t tasks_run = 0;  // tasks and timers
  std::uint64_t tasks_waiting = 0;
  std::uint64_t turns = 0;  // of the loop; tasks per turn say how well bursts are gathered
  std::uint64_t wakes = 0;  // times that another thread had to wake it
  Duration cpu{};           // of the thread, since its start
  Duration longest_task{};  // since the last call of stats()
};

class Shard final : public Executor {
 public:
  // `name` is the thread's, 15 characters at most.
  explicit Shard(std::string name);
  ~Shard() override;  // stops
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void start();  // once; tasks posted before wait
  // Runs what this thread posted before, then ends the loop. Not from the shard's own thread. May be called
  // twice.
  void stop_and_join();

  void post(Task task) override;
  TimerId schedule_after(Duration delay, Task task) override;  // also before start
  void cancel(TimerId timer) override;
  [[nodiscard]] TimePoint now() const override;
  [[nodiscard]] bool on_own_thread() const override;  // before start: true for every thread

  [[nodiscard]] ShardStats stats();  // any thread
  [[nodiscard]] const std::string& name() const;

  class Loop;  // in shard_io_context.h: for the modules that watch descriptors on a shard
  [[nodiscard]] Loop& loop() { return *loop_; }

 private:
  std::unique_ptr<Loop> loop_;
};

}  // namespace forebay::runtime
