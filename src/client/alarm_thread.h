// A thread that calls a function at the time that was asked for. One per producer or consumer: lingering,
// backoff and deadlines must not wait for traffic.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "base/unique_function.h"

namespace forebay::client {

class AlarmThread {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // `ring` runs on the thread; it may call set().
  explicit AlarmThread(UniqueFunction<void()> ring);
  ~AlarmThread();
  AlarmThread(const AlarmThread&) = delete;
  AlarmThread& operator=(const AlarmThread&) = delete;

  // Rings at `at`, or at the earlier time that was set before and has not come yet. Any thread.
  void set(TimePoint at);
  // Does not ring any more when it returns. Not from inside `ring`. Calling it again does nothing.
  void stop();

 private:
  void run();

  UniqueFunction<void()> ring_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<TimePoint> at_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace forebay::client
