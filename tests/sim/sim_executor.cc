#include "sim/sim_executor.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace forebay::sim {

bool SimScheduler::run_one() {
  if (events_.empty()) return false;
  FOREBAY_ASSERT(!inside_event_);  // a task must not run the world that runs it
  now_ = std::max(now_, events_.next_deadline());
  trace_.add(static_cast<std::uint64_t>(now_.time_since_epoch().count()));
  trace_.add(events_.next_sequence());
  ++steps_;
  const runtime::TimerId id = events_.next_id();
  run_event(id, events_.pop());
  return true;
}

bool SimScheduler::run_one_by(TimePoint end) {
  if (!events_.empty() && events_.next_deadline() <= end) return run_one();
  now_ = std::max(now_, end);
  return false;
}

void SimScheduler::run_event(runtime::TimerId id, Event event) {
  inside_event_ = true;
  running_ = event.runs_on;
  if (event.runs_on != nullptr) {
    event.runs_on->run(id, std::move(event.task));
  } else {
    event.task();
  }
  running_ = nullptr;
  inside_event_ = false;
}

bool SimScheduler::run_until_idle(Limits limits) {
  const std::uint64_t steps_end = steps_ + limits.steps_max;
  const TimePoint time_end = now_ + limits.duration_max;
  while (!events_.empty()) {
    if (steps_ >= steps_end || events_.next_deadline() > time_end) return false;
    run_one();
  }
  return true;
}

void SimScheduler::run_for(Duration duration) {
  const TimePoint end = now_ + duration;
  while (!events_.empty() && events_.next_deadline() <= end) run_one();
  now_ = std::max(now_, end);
}

bool SimScheduler::run_until(const std::function<bool()>& predicate, Limits limits) {
  const std::uint64_t steps_end = steps_ + limits.steps_max;
  const TimePoint time_end = now_ + limits.duration_max;
  while (!predicate()) {
    if (events_.empty() || steps_ >= steps_end || events_.next_deadline() > time_end) return false;
    run_one();
  }
  return true;
}

runtime::TimerId SimScheduler::add_event(Duration delay, const void* owner, SimExecutor* runs_on, Task task) {
  const std::uint64_t tie = options_.tie_break == TieBreak::kSeeded ? rng_.next() : 0;
  const TimePoint deadline = now_ + std::max(delay, Duration::zero());
  return events_.add(deadline, Event{owner, runs_on, std::move(task)}, tie);
}

void SimScheduler::cancel_event(runtime::TimerId event) { static_cast<void>(events_.cancel(event)); }

void SimScheduler::discard_events_of(const void* owner) {
  // Destroyed here, after the queue is whole again: a task may own objects that cancel timers of their own.
  const std::vector<Event> discarded =
      events_.extract_if([owner](const Event& event) { return event.owner == owner; });
}

void SimExecutor::post(Task task) {
  if (killed_) return;
  posted_.push_back(std::move(task));
  // The event says only "the next posted task": drawn ties cannot change the order of the tasks.
  scheduler_.add_event(Duration::zero(), this, this, [this] { run_next_posted(); });
}

void SimExecutor::run_next_posted() {
  if (posted_.empty()) return;
  Task task = std::move(posted_.front());
  posted_.pop_front();
  task();
}

runtime::TimerId SimExecutor::schedule_after(Duration delay, Task task) {
  FOREBAY_ASSERT(on_own_thread());
  if (killed_) return runtime::TimerId{};
  return scheduler_.add_event(delay, this, this, std::move(task));
}

void SimExecutor::cancel(runtime::TimerId timer) {
  FOREBAY_ASSERT(on_own_thread());
  scheduler_.cancel_event(timer);
  std::erase_if(held_, [timer](const Held& held) { return held.id == timer; });
}

bool SimExecutor::on_own_thread() const {
  return scheduler_.inside_event() ? scheduler_.running() == this : true;
}

void SimExecutor::run(runtime::TimerId id, Task task) {
  if (!task) {
    if (paused_ || held_.empty()) return;
    task = std::move(held_.front().task);
    held_.pop_front();
  } else if (paused_ || !held_.empty()) {
    held_.push_back({id, std::move(task)});
    if (!paused_) scheduler_.add_event(Duration::zero(), this, this, Task{});
    return;
  }
  task();
}

void SimExecutor::resume() {
  paused_ = false;
  for (std::size_t i = 0; i < held_.size(); ++i) scheduler_.add_event(Duration::zero(), this, this, Task{});
}

void SimExecutor::kill() {
  killed_ = true;
  const std::deque<Task> posted = std::exchange(posted_, {});
  const std::deque<Held> held = std::exchange(held_, {});
  scheduler_.discard_events_of(this);
}

void SimBlockingPool::run(Task work, runtime::Executor& back, Task then) {
  if (killed_) return;
  const auto draw = [this](Duration most) {
    return Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most.count()) + 1)));
  };
  // One nanosecond apart at least, so that no tie can turn the order of starting around.
  last_start_ = std::max(scheduler_.now() + draw(options_.start_delay_max), last_start_ + Duration(1));
  const Duration work_time = draw(options_.work_time_max);
  scheduler_.add_event(last_start_ - scheduler_.now(), this, nullptr,
                       [this, work_time, &back, work = std::move(work), then = std::move(then)]() mutable {
                         work();
                         if (killed_) return;
                         scheduler_.add_event(
                             work_time, this, nullptr,
                             [&back, then = std::move(then)]() mutable { back.post(std::move(then)); });
                       });
}

void SimBlockingPool::kill() {
  killed_ = true;
  scheduler_.discard_events_of(this);
}

model::Timestamp SimWallClock::now() const {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(scheduler_.now() - anchor_);
  return model::Timestamp(anchor_ms_ +
                          static_cast<std::int64_t>(static_cast<double>(elapsed.count()) * rate_));
}

void SimWallClock::set(model::Timestamp now) {
  anchor_ = scheduler_.now();
  anchor_ms_ = now.value();
}

void SimWallClock::jump(std::chrono::milliseconds by) { set(now().plus(by.count())); }

void SimWallClock::set_rate(double rate) {
  set(now());
  rate_ = rate;
}

}  // namespace forebay::sim
