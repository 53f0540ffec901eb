// Lines of a file or pipe of any length, in bounded memory.
// Thread rules: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace forebay::cli {

class LineReader {
 public:
  // `descriptor` stays the caller's. A line of more than `line_bytes_max` is kTooLong: it is skipped.
  LineReader(int descriptor, std::size_t line_bytes_max);

  enum class Outcome : std::uint8_t { kLine, kTooLong, kEnd, kInterrupted };
  // The next line without its '\n'; the last one needs none. `line` lives until the next call.
  // Waits for input, but looks up from it when the process was asked to stop: kInterrupted.
  // Errors: kStorageFailed (reading failed).
  [[nodiscard]] Result<Outcome> next(std::string_view& line);

  [[nodiscard]] std::uint64_t line_number() const {
    return line_number_;
  }  // of the line given out last, from 1
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }
  // Where the line given out last ends in the input, its '\n' not included: the same when one is appended.
  [[nodiscard]] std::uint64_t end_of_line() const {
    return bytes_read_ - (end_ - begin_) - (has_newline_ ? 1 : 0);
  }

  // Before the first line: checksum() is wanted.
  void keep_checksum() { keeps_checksum_ = true; }
  // CRC-32C of the input up to end_of_line(). Requires: keep_checksum().
  [[nodiscard]] std::uint32_t checksum() const { return checksum_; }
  // Whether the line given out last has its '\n'.
  [[nodiscard]] bool is_whole() const { return has_newline_; }

 private:
  enum class Fill : std::uint8_t { kMore, kEnd, kInterrupted };
  [[nodiscard]] Result<Fill> fill();
  void sum(std::string_view text);

  static constexpr std::size_t kReadBytes = 256 * 1024;
  int descriptor_;
  std::size_t line_bytes_max_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;  // what is not given out yet
  std::size_t end_ = 0;
  bool at_end_ = false;
  bool has_newline_ = false;  // the line given out last
  std::uint64_t line_number_ = 0;
  std::uint64_t bytes_read_ = 0;
  bool keeps_checksum_ = false;
  std::uint32_t checksum_ = 0;
  bool newline_is_summed_ = true;  // of the line given out last, if it has one
};

}  // namespace forebay::cli
