// Things to be done at a time, on one thread: what paces the clients. Thread rules: any thread may call at();
// run() is for the one thread that does them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

namespace forebay::torture {

class Agenda {
 public:
  using Clock = std::chrono::steady_clock;

  void at(Clock::time_point due, std::function<void()> what) {
    const std::lock_guard lock(mutex_);
    due_.emplace(due, std::move(what));
    changed_.notify_one();
  }
  void after(std::chrono::milliseconds delay, std::function<void()> what) {
    at(Clock::now() + delay, std::move(what));
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    changed_.notify_one();
  }
  // Until stop(); what is due later is dropped.
  void run() {
    std::unique_lock lock(mutex_);
    while (!stopped_) {
      if (due_.empty()) {
        changed_.wait(lock);
        continue;
      }
      const auto first = due_.begin();
      if (first->first > Clock::now()) {
        changed_.wait_until(lock, first->first);
        continue;
      }
      const auto what = std::move(first->second);
      due_.erase(first);
      lock.unlock();
      what();
      lock.lock();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, std::function<void()>> due_;
  bool stopped_ = false;
};

}  // namespace forebay::torture
