// How an answer that comes later finds its way back to the thread of the server.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "http/request.h"
#include "http/socket.h"

namespace forebay::http {

// Any thread. Answers for a loop that is over are dropped.
class AnswerBox {
 public:
  using Entry = std::pair<std::uint64_t, Response>;  // by ticket

  explicit AnswerBox(Descriptor wake) : wake_(std::move(wake)) {}
  [[nodiscard]] int wake_descriptor() const { return wake_.get(); }
  void put(std::uint64_t ticket, Response response);
  void wake();
  // All that have come; the loop's thread, once it was woken.
  [[nodiscard]] std::vector<Entry> take();
  void close();

 private:
  const Descriptor wake_;  // an eventfd
  std::mutex mutex_;
  std::vector<Entry> entries_;
  bool closed_ = false;
};

// Answers one request. May be called from any thread, once, also when the client or the server is gone.
// What is dropped without a call is answered as one that timed out, at once.
class Respond {
 public:
  Respond(std::shared_ptr<AnswerBox> box, std::uint64_t ticket, Response when_dropped);
  ~Respond();
  Respond(Respond&& other) noexcept = default;
  Respond& operator=(Respond&&) = delete;
  void operator()(Response response);

 private:
  std::shared_ptr<AnswerBox> box_;  // nothing: it was called, or moved from
  std::uint64_t ticket_;
  Response when_dropped_;
};

}  // namespace forebay::http
