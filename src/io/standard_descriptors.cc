#include "io/standard_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace forebay::io {
namespace {

bool reserved = false;

void reserve() {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    if (::fcntl(number, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one. Open for the wrong direction: a closed one must not look like an
    // empty input or like output that arrived.
    const int mode = number == STDIN_FILENO ? O_WRONLY : O_RDONLY;
    if (::open("/dev/null", mode) != number) return;
  }
  reserved = true;
}

// main() would be too late, and so would a static object: gRPC's library opens an event descriptor when it is
// loaded. What stands here runs before the initializers of all libraries.
[[gnu::section(".preinit_array"), gnu::used]] void (*const before_libraries)() = reserve;

}  // namespace

bool standard_descriptors_are_reserved() { return reserved; }

}  // namespace forebay::io
