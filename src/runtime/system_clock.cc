#include "runtime/system_clock.h"

#include <sys/random.h>

#include <cerrno>
#include <chrono>

#include "base/assert.h"

namespace forebay::runtime {

model::Timestamp SystemWallClock::now() const {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return model::Timestamp(std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count());
}

std::uint64_t SystemRng::next() {
  std::uint64_t value = 0;
  // A request of up to 256 bytes is never cut short once the kernel's pool is ready; only a signal before
  // that is.
  ssize_t got = 0;
  do {
    got = ::getrandom(&value, sizeof value, 0);
  } while (got < 0 && errno == EINTR);
  FOREBAY_ASSERT(got == static_cast<ssize_t>(sizeof value));
  return value;
}

}  // namespace forebay::runtime
