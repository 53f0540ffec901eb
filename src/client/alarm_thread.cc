#include "client/alarm_thread.h"

#include <utility>

namespace forebay::client {

AlarmThread::AlarmThread(UniqueFunction<void()> ring) : ring_(std::move(ring)), thread_([this] { run(); }) {}
AlarmThread::~AlarmThread() { stop(); }

void AlarmThread::set(TimePoint at) {
  {
    const std::lock_guard lock(mutex_);
    if (at_ && *at_ <= at) return;
    at_ = at;
  }
  changed_.notify_one();
}

void AlarmThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void AlarmThread::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!at_) {
      changed_.wait(lock);
    } else if (std::chrono::steady_clock::now() < *at_) {
      changed_.wait_until(lock, TimePoint(*at_));  // a copy: set() may change the original meanwhile
    } else {
      at_.reset();
      lock.unlock();
      ring_();
      lock.lock();
    }
  }
}

}  // namespace forebay::client
