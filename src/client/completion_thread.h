// A completion queue of gRPC with the one thread that serves it: reads the sockets of the calls made on it,
// and completes what they have begun. gRPC's callback API has at least two threads that hand the sockets to
// each other with every event, which is a quarter of what a producer costs that sends records one by one.
#pragma once

#include <grpcpp/completion_queue.h>

#include <thread>

namespace forebay::client {

class CompletionThread {
 public:
  // Tag of an operation on queue(); outlives it.
  class Event {
   public:
    virtual ~Event() = default;
    // On the thread. Must not wait for another event.
    virtual void complete(bool ok) = 0;
  };

  CompletionThread();
  ~CompletionThread();
  CompletionThread(const CompletionThread&) = delete;
  CompletionThread& operator=(const CompletionThread&) = delete;

  [[nodiscard]] grpc::CompletionQueue& queue() { return queue_; }
  // Requires: no operation is under way, none will begin. Not from the thread. Calling it again does nothing.
  void stop();

 private:
  grpc::CompletionQueue queue_;
  std::thread thread_;
};

}  // namespace forebay::client
