#include "cli/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/crc32c.h"
#include "cli/interrupt.h"

namespace forebay::cli {
namespace {

constexpr int kLookUpEveryMs = 100;

}  // namespace

LineReader::LineReader(int descriptor, std::size_t line_bytes_max)
    : descriptor_(descriptor), line_bytes_max_(line_bytes_max), buffer_(kReadBytes) {}

Result<LineReader::Fill> LineReader::fill() {
  if (begin_ != 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(std::min(buffer_.size() * 2, line_bytes_max_ + kReadBytes));
  for (;;) {
    if (interrupted()) return Fill::kInterrupted;
    // The signal may have been delivered to another thread: read() alone would not notice it.
    pollfd wait{descriptor_, POLLIN, 0};
    const int ready = ::poll(&wait, 1, kLookUpEveryMs);
    if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
    const ssize_t count = ::read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
    if (count > 0) {
      end_ += static_cast<std::size_t>(count);
      bytes_read_ += static_cast<std::uint64_t>(count);
      return Fill::kMore;
    }
    if (count == 0) return Fill::kEnd;
    if (errno != EINTR && errno != EAGAIN) {
      return Error{ErrorCode::kStorageFailed, std::string("cannot read the input: ") + std::strerror(errno)};
    }
  }
}

void LineReader::sum(std::string_view text) {
  if (keeps_checksum_) checksum_ = crc32c_extend(checksum_, as_bytes(text));
}

Result<LineReader::Outcome> LineReader::next(std::string_view& line) {
  if (!newline_is_summed_) sum("\n");
  newline_is_summed_ = true;
  std::size_t searched = 0;  // of the bytes from begin_
  bool too_long = false;
  for (;;) {
    const char* from = buffer_.data() + begin_ + searched;
    const std::size_t left = end_ - begin_ - searched;
    const void* found = left == 0 ? nullptr : std::memchr(from, '\n', left);
    if (found != nullptr || (at_end_ && (end_ != begin_ || too_long))) {
      // Who interrupts may close the input as well: a line that was cut by that is none.
      if (found == nullptr && interrupted()) return Outcome::kInterrupted;
      const char* stop = found != nullptr ? static_cast<const char*>(found) : buffer_.data() + end_;
      const auto length = static_cast<std::size_t>(stop - (buffer_.data() + begin_));
      line = {buffer_.data() + begin_, length};
      sum(line);
      has_newline_ = found != nullptr;
      newline_is_summed_ = !has_newline_;
      begin_ += length + (has_newline_ ? 1 : 0);
      ++line_number_;
      return too_long || length > line_bytes_max_ ? Outcome::kTooLong : Outcome::kLine;
    }
    if (at_end_) return Outcome::kEnd;
    searched = end_ - begin_;
    if (searched > line_bytes_max_) {  // forget what is known of it, look for its end only
      too_long = true;
      sum({buffer_.data() + begin_, searched});
      begin_ = end_ = 0;
      searched = 0;
    }
    FOREBAY_TRY(const Fill filled, fill());
    if (filled == Fill::kInterrupted) return Outcome::kInterrupted;
    at_end_ = filled == Fill::kEnd;
  }
}

}  // namespace forebay::cli
