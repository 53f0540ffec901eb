#include "runtime/shard.h"

#include <pthread.h>
#include <signal.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <latch>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "runtime/mailbox.h"
#include "runtime/shard_io_context.h"
#include "runtime/timer_queue.h"

namespace forebay::runtime {

namespace {

// Tasks of one kind that run before descriptors and timers get their turn, and how long messages may keep
// these waiting: a disk that waits for its next write is the dearest thing a shard has.
constexpr std::size_t kTasksPerTurn = 256;
constexpr Duration kMessagesPerTurn = std::chrono::microseconds(100);
// Tasks that took so long together are interrupted by a look at what has completed.
constexpr Duration kHooksEvery = std::chrono::microseconds(50);

// Far beyond any use, and far from where adding it to the clock would overflow.
constexpr Duration kDelayMax = std::chrono::hours(24 * 365 * 10);

// Nothing when the thread is gone.
std::optional<Duration> cpu_time_of(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) return std::nullopt;
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

// Only its own thread writes it, others read: no read-modify-write needed.
void add_one(std::atomic<std::uint64_t>& counter) {
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

class Shard::Loop {
 public:
  explicit Loop(std::string name)
      : name_(std::move(name)), work_(asio::make_work_guard(io_)), alarm_(io_, make_timer_descriptor()) {}

  void start() {
    FOREBAY_ASSERT(!thread_.joinable());
    running_.store(true, std::memory_order_release);
    std::latch started(1);
    thread_ = std::thread([this, &started] {
      introduce_thread();
      started.count_down();
      run();
    });
    started.wait();
  }

  void stop_and_join() {
    if (!thread_.joinable()) return;
    FOREBAY_ASSERT(!on_own_thread());
    post([this] { stopping_ = true; });
    thread_.join();
    running_.store(false, std::memory_order_release);
  }

  ~Loop() {
    stop_and_join();
    discard();
  }

  void post(Task task) {
    if (is_own_thread()) {
      posted_here_.push_back(std::move(task));
      return;
    }
    mailbox_.push(std::move(task));
    // The flag is raised before the reader looks into the mailbox for the last time: either it finds the task
    // there, or it is found asleep here. The exchange lets one poster of a burst do the waking.
    if (asleep_.load(std::memory_order_seq_cst) && asleep_.exchange(false, std::memory_order_seq_cst)) {
      wakes_.fetch_add(1, std::memory_order_relaxed);
      asio::post(io_, [] {});
    }
  }

  TimerId schedule_after(Duration delay, Task task) {
    FOREBAY_ASSERT(on_own_thread());
    return timers_.add(std::chrono::steady_clock::now() + std::clamp(delay, Duration::zero(), kDelayMax),
                       std::move(task));
  }
  void cancel(TimerId timer) {
    FOREBAY_ASSERT(on_own_thread());
    static_cast<void>(timers_.cancel(timer));
  }

  [[nodiscard]] bool on_own_thread() const {
    return is_own_thread() || !running_.load(std::memory_order_acquire);
  }

  [[nodiscard]] ShardStats stats() {
    ShardStats stats;
    stats.tasks_run = tasks_run_.load(std::memory_order_relaxed);
    const std::uint64_t mailbox_run = mailbox_run_.load(std::memory_order_relaxed);
    const std::uint64_t pushed = mailbox_.pushed();
    stats.tasks_waiting = pushed > mailbox_run ? pushed - mailbox_run : 0;
    stats.turns = turns_.load(std::memory_order_relaxed);
    stats.wakes = wakes_.load(std::memory_order_relaxed);
    stats.cpu = final_cpu_.load(std::memory_order_acquire);
    if (running_.load(std::memory_order_acquire)) stats.cpu = cpu_time_of(cpu_clock_).value_or(stats.cpu);
    stats.longest_task = Duration(longest_task_ns_.exchange(0, std::memory_order_relaxed));
    return stats;
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] asio::io_context& io_context() { return io_; }
  void add_hook(TurnHook& hook) { hooks_.push_back(&hook); }
  void remove_hook(TurnHook& hook) { std::erase(hooks_, &hook); }

 private:
  static int make_timer_descriptor() {
    const int descriptor = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    FOREBAY_ASSERT(descriptor >= 0);
    return descriptor;
  }
  [[nodiscard]] bool is_own_thread() const {
    return own_thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }

  void introduce_thread() {
    own_thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
    sigset_t all;  // signals are the main thread's
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    FOREBAY_ASSERT(::pthread_getcpuclockid(::pthread_self(), &cpu_clock_) == 0);
  }

  void run() {
    watch_alarm();
    while (!stopping_) {
      add_one(turns_);
      last_stamp_ = hooks_called_ = std::chrono::steady_clock::now();
      run_mailbox();
      run_posted_here();
      run_timers();
      bool more = io_.poll() > 0;
      // A hook may run completions, and these may remove hooks.
      for (std::size_t i = 0; i < hooks_.size(); ++i) more = hooks_[i]->end_of_turn() || more;
      if (!more && posted_here_.empty() && !stopping_) sleep();
    }
    discard();
    final_cpu_.store(cpu_time_of(CLOCK_THREAD_CPUTIME_ID).value_or(Duration::zero()),
                     std::memory_order_release);
    own_thread_.store(std::thread::id{},
                      std::memory_order_relaxed);  // another thread may get the same number
  }

  void run_mailbox() {
    const TimePoint enough = last_stamp_ + kMessagesPerTurn;
    for (std::size_t i = 0; i < kTasksPerTurn && last_stamp_ < enough; ++i) {
      Task task = mailbox_.pop();
      if (!task) return;
      add_one(mailbox_run_);
      run_task(task);
    }
  }
  void run_posted_here() {
    running_here_.swap(posted_here_);
    for (Task& task : running_here_) run_task(task);
    running_here_.clear();
  }
  void run_timers() {
    for (std::size_t i = 0; i < kTasksPerTurn && !timers_.empty() && timers_.next_deadline() <= last_stamp_;
         ++i) {
      Task task = timers_.pop();
      run_task(task);
    }
  }
  void run_task(Task& task) {
    task();
    task = nullptr;  // what it held goes within its time
    add_one(tasks_run_);
    const TimePoint end = std::chrono::steady_clock::now();
    const std::int64_t took = (end - std::exchange(last_stamp_, end)).count();
    if (took > longest_task_ns_.load(std::memory_order_relaxed)) {
      longest_task_ns_.store(took, std::memory_order_relaxed);
    }
    if (end - hooks_called_ < kHooksEvery || hooks_.empty()) return;
    for (std::size_t i = 0; i < hooks_.size(); ++i) hooks_[i]->between_tasks();
    last_stamp_ = hooks_called_ = std::chrono::steady_clock::now();
  }

  void sleep() {
    if (!timers_.empty()) {
      if (timers_.next_deadline() <= std::chrono::steady_clock::now()) return;
      set_alarm(timers_.next_deadline());
    }
    asleep_.store(true, std::memory_order_seq_cst);
    if (mailbox_.empty()) io_.run_one();
    asleep_.store(false, std::memory_order_seq_cst);
  }

  // An alarm that is set too early only wakes the loop once for nothing; so it is not moved back.
  void set_alarm(TimePoint deadline) {
    if (alarm_deadline_ <= deadline) return;
    alarm_deadline_ = deadline;
    const auto since_start = deadline.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_start);
    itimerspec spec{};
    spec.it_value.tv_sec = seconds.count();
    spec.it_value.tv_nsec = (since_start - seconds).count();
    FOREBAY_ASSERT(::timerfd_settime(alarm_.native_handle(), TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
  }
  void watch_alarm() {
    alarm_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const asio::error_code& error) {
      if (error) return;
      std::uint64_t expirations = 0;
      static_cast<void>(!::read(alarm_.native_handle(), &expirations, sizeof expirations));
      alarm_deadline_ = TimePoint::max();
      watch_alarm();
    });
  }

  // Destroying a task may post or schedule another.
  void discard() {
    while (!mailbox_.empty() || !posted_here_.empty() || !timers_.empty()) {
      mailbox_.clear();
      std::vector<Task>().swap(posted_here_);
      while (!timers_.empty()) static_cast<void>(timers_.pop());
    }
  }

  const std::string name_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::posix::stream_descriptor alarm_;
  TimePoint alarm_deadline_ = TimePoint::max();  // max = not set
  Mailbox mailbox_;
  std::vector<Task> posted_here_;
  std::vector<Task> running_here_;
  TimerQueue<Task> timers_;
  std::vector<TurnHook*> hooks_;
  TimePoint last_stamp_{};
  TimePoint hooks_called_{};
  bool stopping_ = false;
  std::atomic<bool> asleep_{false};
  std::atomic<bool> running_{false};
  std::atomic<std::thread::id> own_thread_{};
  std::atomic<std::uint64_t> tasks_run_{0};
  std::atomic<std::uint64_t> mailbox_run_{0};
  std::atomic<std::uint64_t> turns_{0};
  std::atomic<std::uint64_t> wakes_{0};
  std::atomic<std::int64_t> longest_task_ns_{0};
  clockid_t cpu_clock_{};  // set before start() returns
  std::atomic<Duration> final_cpu_{Duration::zero()};
  std::thread thread_;
};

Shard::Shard(std::string name) : loop_(std::make_unique<Loop>(std::move(name))) {}
Shard::~Shard() = default;
void Shard::start() { loop_->start(); }
void Shard::stop_and_join() { loop_->stop_and_join(); }
void Shard::post(Task task) { loop_->post(std::move(task)); }
TimerId Shard::schedule_after(Duration delay, Task task) {
  return loop_->schedule_after(delay, std::move(task));
}
void Shard::cancel(TimerId timer) { loop_->cancel(timer); }
TimePoint Shard::now() const { return std::chrono::steady_clock::now(); }
bool Shard::on_own_thread() const { return loop_->on_own_thread(); }
ShardStats Shard::stats() { return loop_->stats(); }
const std::string& Shard::name() const { return loop_->name(); }

asio::io_context& io_context_of(Shard& shard) { return shard.loop().io_context(); }
void add_turn_hook(Shard& shard, TurnHook& hook) { shard.loop().add_hook(hook); }
void remove_turn_hook(Shard& shard, TurnHook& hook) { shard.loop().remove_hook(hook); }

}  // namespace forebay::runtime
