// Where code runs: a shard's thread in the daemon, virtual time in the simulator. The only source of timers
// and of steady time.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/strong_id.h"
#include "base/unique_function.h"
#include "model/ids.h"

namespace forebay::runtime {

using Task = UniqueFunction<void()>;
using Duration = std::chrono::nanoseconds;
// Steady time; its zero means nothing.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using TimerId = StrongId<struct TimerIdTag, std::uint64_t>;

class Executor {
 public:
  virtual ~Executor() = default;
  // Any thread. Runs `task` on the executor's own thread, in the order of posting per poster; never inside
  // the call.
  virtual void post(Task task) = 0;
  // Own thread only. A timer that was cancelled does not run, even when it was already due.
  virtual TimerId schedule_after(Duration delay, Task task) = 0;
  virtual void cancel(TimerId timer) = 0;
  [[nodiscard]] virtual TimePoint now() const = 0;
  [[nodiscard]] virtual bool on_own_thread() const = 0;
};

// Threads for what must block: creating, renaming and deleting files, RocksDB. Bounded; tasks start in order
// of arrival.
class BlockingPool {
 public:
  virtual ~BlockingPool() = default;
  // Runs `work` on a pool thread, then posts `then` to `back`. After shutdown neither is run.
  virtual void run(Task work, Executor& back, Task then) = 0;
};

class WallClock {
 public:
  virtual ~WallClock() = default;
  [[nodiscard]] virtual model::Timestamp now() const = 0;  // may jump in either direction
};

class Rng {
 public:
  virtual ~Rng() = default;
  [[nodiscard]] virtual std::uint64_t next() = 0;
};

}  // namespace forebay::runtime
