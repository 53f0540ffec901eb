#include "torture/load/ack_lines.h"

namespace forebay::torture {
namespace {

// forebay/producer.h: after these the record may be stored.
bool may_be_stored(ErrorCode code) {
  return code == ErrorCode::kTimedOut || code == ErrorCode::kOutcomeUnknown ||
         code == ErrorCode::kProducerFenced || code == ErrorCode::kCancelled;
}

std::string values_text(std::uint64_t first, std::uint64_t count) {
  return " first=" + std::to_string(first) + " count=" + std::to_string(count);
}

}  // namespace

void AckLines::invoked(std::uint32_t partition, std::uint64_t first, std::uint64_t count, const char* by) {
  history_.line(process_ + " invoke produce " + topic_ + ' ' + std::to_string(partition) +
                values_text(first, count) + " by=" + by);
}

void AckLines::write(const char* type, std::uint64_t first, std::uint64_t count, const std::string& rest) {
  history_.line(process_ + ' ' + type + " produce " + topic_ + " -" + values_text(first, count) + rest);
}

void AckLines::failed(std::uint64_t first, std::uint64_t count, ErrorCode code) {
  write(may_be_stored(code) ? "info" : "fail", first, count, " error=" + std::string(error_code_name(code)));
  error_ = static_cast<int>(code);
}

void AckLines::refused(std::uint64_t value, const Error& error) { failed(value, 1, error.code); }

void AckLines::on_acks(std::span<const std::uint64_t> tokens, const Result<Ack>& result) {
  for (std::size_t begin = 0, end = 0; begin < tokens.size(); begin = end) {
    for (end = begin + 1; end < tokens.size() && tokens[end] == tokens[end - 1] + 1;) ++end;
    if (!result) {
      failed(tokens[begin], end - begin, result.error().code);
      continue;
    }
    write("ok", tokens[begin], end - begin,
          " offset=" + std::to_string(result->offset + static_cast<std::int64_t>(begin)) +
              " term=" + std::to_string(result->term) + (result->duplicate ? " duplicate=1" : ""));
  }
}

std::optional<ErrorCode> AckLines::take_error() {
  const int code = error_.exchange(kNone);
  return code == kNone ? std::nullopt : std::optional(static_cast<ErrorCode>(code));
}

}  // namespace forebay::torture
