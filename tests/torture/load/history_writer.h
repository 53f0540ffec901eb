// Writes history lines (torture/run_reader.h) to a file, in the order in which things happened. Thread rules:
// any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"

namespace forebay::torture {

class HistoryWriter {
 public:
  enum class Flush : std::uint8_t {
    kLater,
    kEachLine,  // of a process that may be killed: when line() returns, it stays
  };
  [[nodiscard]] static Result<std::unique_ptr<HistoryWriter>> open(const std::string& path,
                                                                   Flush flush = Flush::kLater);
  ~HistoryWriter();
  HistoryWriter(const HistoryWriter&) = delete;
  HistoryWriter& operator=(const HistoryWriter&) = delete;

  // `rest`: everything behind the time. The time is taken inside, so that lines are in its order.
  void line(const std::string& rest);
  [[nodiscard]] std::uint64_t next_id();
  // Errors: a write that failed, ever: then the history is worth nothing.
  [[nodiscard]] Result<void> close();

 private:
  explicit HistoryWriter(std::FILE* file) : file_(file) {}
  std::mutex mutex_;
  std::FILE* file_;
  std::uint64_t last_id_ = 0;
};

}  // namespace forebay::torture
