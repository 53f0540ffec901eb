// Runs something in a process of its own, for what may abort: an assertion of the product that fails is a
// finding like any other, and the test that found it goes on to shrink it.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace forebay::sim {

struct IsolatedRun {
  bool died = false;               // it did not return: an assertion, a signal
  std::vector<std::string> lines;  // what it said, the last kIsolatedLinesMax; also when it died
};
inline constexpr std::size_t kIsolatedLinesMax = 2000;

using Say = std::function<void(const std::string& line)>;
// Requires: this process has one thread. `body` may say lines (without line ends); they arrive whatever
// happens afterwards. `quiet`: what it writes to stderr is dropped.
[[nodiscard]] IsolatedRun run_isolated(const std::function<void(const Say&)>& body, bool quiet);

}  // namespace forebay::sim
