#include "sim/isolated_run.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>

#include "base/assert.h"

namespace forebay::sim {
namespace {

void write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    FOREBAY_ASSERT(count > 0);
    done += static_cast<std::size_t>(count);
  }
}

}  // namespace

IsolatedRun run_isolated(const std::function<void(const Say&)>& body, bool quiet) {
  std::array<int, 2> pipe_ends{};
  FOREBAY_ASSERT(::pipe2(pipe_ends.data(), O_CLOEXEC) == 0);
  std::fflush(nullptr);  // or both would write it
  const pid_t child = ::fork();
  FOREBAY_ASSERT(child >= 0);
  if (child == 0) {
    ::close(pipe_ends[0]);
    if (quiet) {
      if (const int null = ::open("/dev/null", O_WRONLY); null >= 0) ::dup2(null, STDERR_FILENO);
    }
    body([fd = pipe_ends[1]](const std::string& line) { write_all(fd, line + "\n"); });
    std::fflush(nullptr);
    ::_exit(0);
  }
  ::close(pipe_ends[1]);
  std::deque<std::string> lines;
  std::string unfinished;
  std::array<char, 1U << 16> buffer{};
  for (ssize_t count = 0; (count = ::read(pipe_ends[0], buffer.data(), buffer.size())) > 0;) {
    unfinished.append(buffer.data(), static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = unfinished.find('\n', begin)) != std::string::npos; begin = end + 1) {
      lines.push_back(unfinished.substr(begin, end - begin));
      if (lines.size() > kIsolatedLinesMax) lines.pop_front();
    }
    unfinished.erase(0, begin);
  }
  ::close(pipe_ends[0]);
  int status = 0;
  FOREBAY_ASSERT(::waitpid(child, &status, 0) == child);
  return {.died = !WIFEXITED(status) || WEXITSTATUS(status) != 0, .lines = {lines.begin(), lines.end()}};
}

}  // namespace forebay::sim
