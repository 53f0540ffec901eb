// SIGINT and SIGTERM. By default the first one ends the process at once with status 130. A verb that works
// for long and must end in good order holds a GracefulInterrupt: then the first signal only sets a flag, and
// the second one ends the process.
#pragma once

namespace forebay::cli {

// Once, at the start; also makes writing to a closed pipe an error instead of a death.
void install_signal_handlers();

class GracefulInterrupt {
 public:
  GracefulInterrupt();
  ~GracefulInterrupt();
  GracefulInterrupt(const GracefulInterrupt&) = delete;
  GracefulInterrupt& operator=(const GracefulInterrupt&) = delete;
};

[[nodiscard]] bool interrupted();  // any thread

}  // namespace forebay::cli
