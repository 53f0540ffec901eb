#include "runtime/thread_blocking_pool.h"

#include <pthread.h>
#include <signal.h>

#include <string>
#include <utility>

#include "base/assert.h"

namespace forebay::runtime {

ThreadBlockingPool::ThreadBlockingPool(std::size_t threads) {
  FOREBAY_ASSERT(threads > 0);
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work_loop(i); });
}

void ThreadBlockingPool::run(Task work, Executor& back, Task then) {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return;
    FOREBAY_ASSERT(waiting_.size() < kWaitingMax);
    waiting_.push_back({std::move(work), &back, std::move(then)});
  }
  arrived_.notify_one();
}

void ThreadBlockingPool::work_loop(std::size_t index) {
  ::pthread_setname_np(::pthread_self(), ("fb-block-" + std::to_string(index)).substr(0, 15).c_str());
  sigset_t all;  // signals are the main thread's
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
  std::unique_lock lock(mutex_);
  while (true) {
    arrived_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    ++running_;
    lock.unlock();
    job.work();
    job.work = nullptr;
    lock.lock();
    --running_;
    ++done_;
    if (stopped_) return;
    job.back->post(std::move(job.then));
  }
}

void ThreadBlockingPool::shutdown() {
  std::deque<Job> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(waiting_);
  }
  arrived_.notify_all();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

BlockingPoolStats ThreadBlockingPool::stats() const {
  const std::lock_guard lock(mutex_);
  return {done_, waiting_.size(), running_};
}

}  // namespace forebay::runtime
