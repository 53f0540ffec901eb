// Virtual time. A SimScheduler holds the events of a whole simulated world, one after the other on the
// caller's thread; a SimExecutor is the shard of one process in it, a SimBlockingPool its helper threads.
// Time stands still while something runs and jumps to the next event when nothing is due.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "runtime/executor.h"
#include "runtime/timer_queue.h"
#include "sim/sim_rng.h"
#include "sim/trace_hash.h"

namespace forebay::sim {

using runtime::Duration;
using runtime::Task;
using runtime::TimePoint;

// What runs first among events of the same instant.
enum class TieBreak {
  kFifo,    // the one that was asked for first
  kSeeded,  // drawn; the tasks posted to one executor keep their order all the same, as the contract says
};

class SimExecutor;

class SimScheduler {
 public:
  struct Options {
    std::uint64_t seed = 1;
    TieBreak tie_break = TieBreak::kSeeded;
  };
  struct Limits {
    std::uint64_t steps_max = 1'000'000;
    Duration duration_max = std::chrono::hours(24);
  };

  SimScheduler() : SimScheduler(Options{}) {}
  explicit SimScheduler(Options options) : options_(options), rng_(options.seed) {}
  SimScheduler(const SimScheduler&) = delete;
  SimScheduler& operator=(const SimScheduler&) = delete;

  [[nodiscard]] TimePoint now() const { return now_; }
  // Runs the next event; false when there is none.
  bool run_one();
  // The same when it is due by `end`; else time stands at `end` and it is false.
  bool run_one_by(TimePoint end);
  // True when nothing is left to run; false when a limit came first (a repeating timer never ends).
  bool run_until_idle(Limits limits);
  bool run_until_idle() { return run_until_idle(Limits{}); }
  // Runs everything due within `duration`, then time stands at its end.
  void run_for(Duration duration);
  // True as soon as `predicate` holds (asked before every event); false when a limit or the end of the events
  // came first.
  [[nodiscard]] bool run_until(const std::function<bool()>& predicate, Limits limits);
  [[nodiscard]] bool run_until(const std::function<bool()>& predicate) {
    return run_until(predicate, Limits{});
  }

  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::size_t pending_events() const { return events_.size(); }
  // Of the order and times of all events so far.
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_.value(); }
  [[nodiscard]] SimRng fork_rng() { return rng_.fork(); }

  // For the parts of the simulator: an event that belongs to `owner` (taken out when its process dies), or to
  // nobody.
  runtime::TimerId add_event(Duration delay, const void* owner, SimExecutor* runs_on, Task task);
  void cancel_event(runtime::TimerId event);
  void discard_events_of(const void* owner);
  // The executor whose task runs now; null outside of tasks.
  [[nodiscard]] const SimExecutor* running() const { return running_; }
  [[nodiscard]] bool inside_event() const { return inside_event_; }

 private:
  struct Event {
    const void* owner = nullptr;
    SimExecutor* runs_on = nullptr;
    Task task;
  };
  void run_event(runtime::TimerId id, Event event);

  Options options_;
  SimRng rng_;
  runtime::TimerQueue<Event> events_;
  TimePoint now_{std::chrono::seconds(1)};
  std::uint64_t steps_ = 0;
  TraceHash trace_;
  const SimExecutor* running_ = nullptr;
  bool inside_event_ = false;
};

// The executor of one shard of one life of a process. `kill` is what SIGKILL does: nothing of it runs
// afterwards, and what it held is destroyed. Destroying the executor does the same.
class SimExecutor final : public runtime::Executor {
 public:
  explicit SimExecutor(SimScheduler& scheduler) : scheduler_(scheduler) {}
  ~SimExecutor() override { kill(); }
  SimExecutor(const SimExecutor&) = delete;
  SimExecutor& operator=(const SimExecutor&) = delete;

  void post(Task task) override;
  runtime::TimerId schedule_after(Duration delay, Task task) override;
  void cancel(runtime::TimerId timer) override;
  [[nodiscard]] TimePoint now() const override { return scheduler_.now(); }
  // True in its own tasks, and for the test itself, between events.
  [[nodiscard]] bool on_own_thread() const override;

  void kill();
  [[nodiscard]] bool killed() const { return killed_; }
  // SIGSTOP: due events wait; after `resume` all of them run at once, late, in their order.
  void pause() { paused_ = true; }
  void resume();
  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] SimScheduler& scheduler() { return scheduler_; }

 private:
  friend class SimScheduler;
  struct Held {
    runtime::TimerId id;
    Task task;
  };
  void run(runtime::TimerId id, Task task);  // an empty task: the next held one
  void run_next_posted();

  SimScheduler& scheduler_;
  std::deque<Task> posted_;
  std::deque<Held> held_;  // due while paused, and what became due before those had run
  bool killed_ = false;
  bool paused_ = false;
};

// Helper threads of a process: work starts in order of arrival, each at a drawn moment; its `then` follows
// later still.
class SimBlockingPool final : public runtime::BlockingPool {
 public:
  struct Options {
    Duration start_delay_max = std::chrono::microseconds(200);
    Duration work_time_max = std::chrono::milliseconds(2);
  };
  explicit SimBlockingPool(SimScheduler& scheduler) : SimBlockingPool(scheduler, Options{}) {}
  SimBlockingPool(SimScheduler& scheduler, Options options)
      : scheduler_(scheduler), options_(options), rng_(scheduler.fork_rng()) {}
  ~SimBlockingPool() override { kill(); }

  void run(Task work, runtime::Executor& back, Task then) override;
  void kill();  // nothing of it runs afterwards

 private:
  SimScheduler& scheduler_;
  Options options_;
  SimRng rng_;
  TimePoint last_start_{};
  bool killed_ = false;
};

// Wall time = a start + virtual time, until a test makes it jump or run fast.
class SimWallClock final : public runtime::WallClock {
 public:
  explicit SimWallClock(const SimScheduler& scheduler) : scheduler_(scheduler), anchor_(scheduler.now()) {}
  [[nodiscard]] model::Timestamp now() const override;
  void set(model::Timestamp now);
  void jump(std::chrono::milliseconds by);  // forwards or backwards
  // 1.0 = true; 1.01 gains 1 %.
  void set_rate(double rate);

 private:
  const SimScheduler& scheduler_;
  TimePoint anchor_;
  std::int64_t anchor_ms_ = 1'767'225'600'000;  // 2026-01-01T00:00:00Z
  double rate_ = 1.0;
};

}  // namespace forebay::sim
