// What became of the lines of `produce`. Thread rules: any thread.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "forebay/producer.h"

namespace forebay::cli {

// A line that is longer could not be sent anyway: the SDK's batches end at 8 MiB.
inline constexpr std::size_t kLineBytesMax = 8 * 1024 * 1024;
inline constexpr std::size_t kReportedFailuresMax = 10;

// What a token of a send carries: the line's number and the record's bytes, so that nothing is kept per
// record.
struct Token {
  static constexpr unsigned kSizeBits = 24;
  static std::uint64_t pack(std::uint64_t line, std::uint64_t bytes) { return line << kSizeBits | bytes; }
  static std::uint64_t line(std::uint64_t token) { return token >> kSizeBits; }
  static std::uint64_t bytes(std::uint64_t token) { return token & ((1U << kSizeBits) - 1); }
};
static_assert(2 * kLineBytesMax <= (1U << Token::kSizeBits));

// Counts answers and writes the acknowledged lines down, on the SDK's threads.
class Ledger : public AckSink {
 public:
  explicit Ledger(int acked_descriptor) : acked_descriptor_(acked_descriptor) {}

  void on_acks(std::span<const std::uint64_t> tokens, const Result<Ack>& result) override {
    const std::lock_guard lock(mutex_);
    if (result) {
      records_ += tokens.size();
      for (const std::uint64_t token : tokens) bytes_ += Token::bytes(token);
      if (result->quarantined) quarantine_locked(tokens, *result->quarantined);
      if (acked_descriptor_ >= 0) write_acked(tokens, *result);
    } else {
      for (const std::uint64_t token : tokens) fail_locked(Token::line(token), result.error());
    }
    answered_.notify_one();
  }
  void fail(std::uint64_t line, const Error& error) {
    const std::lock_guard lock(mutex_);
    fail_locked(line, error);
  }
  void wait_for_answers(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    answered_.wait_for(lock, at_most);
  }

  struct Failure {
    std::uint64_t line;
    Error error;
  };
  struct DeadLetter {
    std::uint64_t line;
    std::string reason;
  };
  struct Totals {
    std::uint64_t records = 0, bytes = 0, failed = 0;
    std::vector<Failure> failures;         // the first few
    std::uint64_t quarantined = 0;         // of `records`
    std::vector<DeadLetter> dead_letters;  // the first few
    std::optional<Error> acked_file_error;
  };
  [[nodiscard]] Totals totals() {
    const std::lock_guard lock(mutex_);
    return {records_, bytes_, failed_, failures_, quarantined_, dead_letters_, acked_file_error_};
  }
  // True when going on makes no sense: a record failed, or an acknowledgement could not be written down.
  [[nodiscard]] bool must_stop() {
    const std::lock_guard lock(mutex_);
    return failed_ != 0 || acked_file_error_.has_value();
  }

 private:
  void fail_locked(std::uint64_t line, const Error& error) {
    ++failed_;
    if (failures_.size() < kReportedFailuresMax) failures_.push_back({line, error});
  }
  void quarantine_locked(std::span<const std::uint64_t> tokens, const std::string& reason) {
    quarantined_ += tokens.size();
    for (const std::uint64_t token : tokens) {
      if (dead_letters_.size() < kReportedFailuresMax) dead_letters_.push_back({Token::line(token), reason});
    }
  }
  void write_acked(std::span<const std::uint64_t> tokens, const Ack& ack) {
    text_.clear();
    std::int64_t offset = ack.offset;
    for (const std::uint64_t token : tokens) {
      text_ += std::to_string(ack.partition) + ' ' + std::to_string(offset++) + ' ' +
               std::to_string(Token::line(token)) + '\n';
    }
    std::string_view rest = text_;
    while (!rest.empty()) {
      const ssize_t count = ::write(acked_descriptor_, rest.data(), rest.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        if (!acked_file_error_) {
          acked_file_error_ = Error{ErrorCode::kStorageFailed,
                                    std::string("cannot write the --acked file: ") + std::strerror(errno)};
        }
        return;
      }
      rest.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  int acked_descriptor_;  // < 0: none
  std::mutex mutex_;
  std::condition_variable answered_;
  std::uint64_t records_ = 0, bytes_ = 0, failed_ = 0;
  std::vector<Failure> failures_;
  std::uint64_t quarantined_ = 0;
  std::vector<DeadLetter> dead_letters_;
  std::optional<Error> acked_file_error_;
  std::string text_;
};

}  // namespace forebay::cli
