// A bar on standard error for long work, when that is a terminal and -q was not given; else nothing.
// Thread rules: one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace forebay::cli {

class Session;

class Progress {
 public:
  static constexpr const char* kBytes = "byte";  // the unit that is shown as sizes

  // `total` 0: not known, only the count is shown. `unit`: the word for a single one, "record".
  Progress(Session& session, std::uint64_t total, std::string unit);
  ~Progress();  // wipes the bar
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap; redraws a few times a second.
  void update(std::uint64_t done);

 private:
  void draw(std::uint64_t done);

  static constexpr std::chrono::milliseconds kRedrawEvery{200};
  Session& session_;
  std::uint64_t total_;
  std::string unit_;
  bool enabled_;
  bool drawn_ = false;
  std::chrono::steady_clock::time_point next_draw_;
};

// The line itself, without the control characters around it.
[[nodiscard]] std::string progress_line(std::uint64_t done, std::uint64_t total, const std::string& unit);

}  // namespace forebay::cli
