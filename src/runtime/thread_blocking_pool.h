// The BlockingPool of the daemon: a fixed number of threads over one queue.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/executor.h"

namespace forebay::runtime {

struct BlockingPoolStats {
  std::uint64_t works_run = 0;
  std::size_t works_waiting = 0;
  std::size_t works_running = 0;
};

class ThreadBlockingPool final : public BlockingPool {
 public:
  // More waiting work than this is a caller without a bound of its own: a bug of ours.
  static constexpr std::size_t kWaitingMax = std::size_t{1} << 20;

  explicit ThreadBlockingPool(std::size_t threads);  // threads fb-block-0, fb-block-1, ...
  ~ThreadBlockingPool() override { shutdown(); }

  void run(Task work, Executor& back, Task then) override;  // any thread
  // Lets running work end and joins; waiting work is destroyed, and of neither `then` is posted. Not from
  // pool threads.
  void shutdown();
  [[nodiscard]] BlockingPoolStats stats() const;

 private:
  struct Job {
    Task work;
    Executor* back;
    Task then;
  };
  void work_loop(std::size_t index);

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Job> waiting_;
  std::size_t running_ = 0;
  std::uint64_t done_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace forebay::runtime
