// Writes down what becomes of records that the SDK sends; a record's token is its value.
// Thread rules: any thread.
#pragma once

#include <atomic>
#include <span>
#include <string>

#include "forebay/producer.h"
#include "torture/load/history_writer.h"

namespace forebay::torture {

class AckLines final : public AckSink {
 public:
  AckLines(HistoryWriter& history, std::string process, std::string topic)
      : history_(history), process_(std::move(process)), topic_(std::move(topic)) {}

  // `by`: session or name.
  void invoked(std::uint32_t partition, std::uint64_t first, std::uint64_t count, const char* by);
  // Refused inside send().
  void refused(std::uint64_t value, const Error& error);
  void on_acks(std::span<const std::uint64_t> tokens, const Result<Ack>& result) override;

  // The code of the last error; kNone: there was none since the last call.
  [[nodiscard]] std::optional<ErrorCode> take_error();

 private:
  void write(const char* type, std::uint64_t first, std::uint64_t count, const std::string& rest);
  void failed(std::uint64_t first, std::uint64_t count, ErrorCode code);

  HistoryWriter& history_;
  const std::string process_;
  const std::string topic_;
  static constexpr int kNone = -1;
  std::atomic<int> error_ = kNone;
};

}  // namespace forebay::torture
