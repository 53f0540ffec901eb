#include "telemetry/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <exception>
#include <mutex>

#include "base/assert.h"

namespace forebay::telemetry {

namespace detail {
std::atomic<Level> current_level{Level::kInfo};
}  // namespace detail

namespace {

struct Capture {
  std::mutex mutex;  // guards both below
  bool active = false;
  std::vector<std::string> lines;
};

// Never destroyed: threads may log while the process exits.
Capture& capture() {
  static auto* const instance = new Capture;
  return *instance;
}

// Our own level is judged before; the one of spdlog lets everything pass.
spdlog::logger& stderr_logger() {
  static auto* const instance = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto* const logger = new spdlog::logger("forebay", std::move(sink));
    logger->set_formatter(std::make_unique<spdlog::pattern_formatter>("%Y-%m-%dT%H:%M:%S.%eZ %v",
                                                                      spdlog::pattern_time_type::utc));
    logger->set_level(spdlog::level::trace);
    return logger;
  }();
  return *instance;
}

}  // namespace

namespace detail {

void write_line(Level level, std::string_view event, Fields fields) {
  try {
    std::string line(level_name(level));
    line += ' ';
    line += format_event(event, fields);
    {
      const std::scoped_lock lock(capture().mutex);
      if (capture().active) {
        capture().lines.push_back(std::move(line));
        return;
      }
    }
    stderr_logger().log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  } catch (const std::exception&) {
    // Out of memory, or stderr is gone: what was to be logged matters less than that the caller goes on.
  }
}

}  // namespace detail

LogCapture::LogCapture(Level level) : level_before_(log_level()) {
  const std::scoped_lock lock(capture().mutex);
  FOREBAY_ASSERT(!capture().active);
  capture().active = true;
  capture().lines.clear();
  set_log_level(level);
}

LogCapture::~LogCapture() {
  const std::scoped_lock lock(capture().mutex);
  capture().active = false;
  capture().lines.clear();
  set_log_level(level_before_);
}

std::vector<std::string> LogCapture::lines() const {
  const std::scoped_lock lock(capture().mutex);
  return capture().lines;
}

std::size_t LogCapture::count_of(std::string_view event) const {
  std::size_t count = 0;
  for (const std::string& line : lines()) {
    const std::string_view rest = std::string_view(line).substr(line.find(' ') + 1);
    if (rest.starts_with(event) && (rest.size() == event.size() || rest[event.size()] == ':')) ++count;
  }
  return count;
}

}  // namespace forebay::telemetry
