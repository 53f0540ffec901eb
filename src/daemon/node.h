// One node, put together: the only place where everything is constructed and wired.
// Thread rules: start, stop and the destructor on one thread (main's).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "config/settings.h"

namespace forebay::daemon {

struct Listening {
  std::string api, peer, http;
};

class Node {
 public:
  // Opens the data directory, recovers, and listens. Answers as soon as requests are taken; partitions may
  // still be opening (/readyz tells). Errors: of the data directory (kLocked, kNewerFormat, ...), of
  // recovery, kUnavailable (an address is in use).
  [[nodiscard]] static Result<std::unique_ptr<Node>> start(const config::Settings& settings);
  virtual ~Node() = default;  // as a crash would: what was not stopped is recovered at the next start

  [[nodiscard]] virtual Listening listening() const = 0;
  // Blocks until every partition is ready, or says which is not, at most `timeout`.
  [[nodiscard]] virtual Result<void> wait_ready(std::chrono::milliseconds timeout) = 0;
  // Stops intake, answers what is under way, flushes, marks the data directory clean. Errors: kTimedOut (what
  // is not flushed is recovered at the next start).
  [[nodiscard]] virtual Result<void> stop(std::chrono::milliseconds timeout) = 0;

 protected:
  Node() = default;
};

}  // namespace forebay::daemon
