#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace forebay::cli {
namespace {

// Signal handlers can reach nothing else than globals; both are lock-free.
std::atomic<int> g_graceful{0};
std::atomic<bool> g_interrupted{false};

constexpr int kInterruptedStatus = 130;

void on_signal(int /*number*/) {
  if (g_graceful.load() == 0 || g_interrupted.exchange(true)) ::_exit(kInterruptedStatus);
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

GracefulInterrupt::GracefulInterrupt() { g_graceful.fetch_add(1); }
GracefulInterrupt::~GracefulInterrupt() { g_graceful.fetch_sub(1); }

bool interrupted() { return g_interrupted.load(std::memory_order_relaxed); }

}  // namespace forebay::cli
