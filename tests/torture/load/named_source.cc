#include "torture/load/named_source.h"

#include <thread>

#include "forebay/named_producer.h"
#include "torture/load/ack_lines.h"
#include "torture/load/load_client.h"
#include "torture/record_value.h"

namespace forebay::torture {
namespace {

constexpr Milliseconds kDeliveryTimeout{10'000};
constexpr Milliseconds kCloseTimeout{20'000};
constexpr Milliseconds kAgainAfter{100};
// So many of them, one after another, go to one partition.
constexpr std::uint64_t kRun = 8;

class NamedSource {
 public:
  NamedSource(const NamedSourceOptions& options, HistoryWriter& history, const sigset_t& signals)
      : options_(options),
        history_(history),
        signals_(signals),
        lines_(history, options.name, options.topic),
        base_(first_value_of(options.number)) {}

  Result<void> run() {
    while (!stopped()) {
      const auto resumed = resume();
      if (!resumed) {
        history_.line(options_.name + " info resume " + options_.topic +
                      " - error=" + std::string(error_code_name(resumed.error().code)));
        if (!is_worth_another(resumed.error().code)) return resumed.error();
        if (resumed.error().code == ErrorCode::kProducerFenced) return {};
        std::this_thread::sleep_for(kAgainAfter);
        continue;
      }
      if (send_all() == After::kEnd) return {};
    }
    return {};
  }

 private:
  enum class After : std::uint8_t { kResume, kEnd };

  static bool is_worth_another(ErrorCode code) {
    return code != ErrorCode::kInvalidArgument && code != ErrorCode::kFailedPrecondition &&
           code != ErrorCode::kUnsupported;
  }

  [[nodiscard]] bool stopped() const {
    const timespec none{};
    return ended_ || (ended_ = sigtimedwait(&signals_, nullptr, &none) > 0);
  }

  Result<void> resume() {
    NamedProducerOptions named;
    named.name = options_.name;
    named.topic = options_.topic;
    named.source = options_.run;
    named.producer.delivery_timeout = kDeliveryTimeout;
    named.producer.sink = &lines_;
    producer_.reset();
    FOREBAY_TRY(producer_,
                NamedProducer::resume(ClientOptions{.servers = options_.servers}, std::move(named)));
    position_ = producer_->start_after().value_or(0) + 1;
    (void)lines_.take_error();
    history_.line(options_.name + " ok resume " + options_.topic +
                  " - upto=" + std::to_string(base_ + position_ - 1));
    return {};
  }

  After send_all() {
    while (!stopped()) {
      const std::uint64_t run = position_ / kRun;
      const auto error = send_run(static_cast<std::uint32_t>(run % options_.partitions), (run + 1) * kRun);
      if (error) return *error == ErrorCode::kProducerFenced ? After::kEnd : After::kResume;
      std::this_thread::sleep_for(Milliseconds(static_cast<std::int64_t>(kRun * 1000 / options_.rate)));
    }
    // What is not answered is told of as unknown.
    (void)producer_->close(kCloseTimeout);
    return After::kEnd;
  }

  // Positions up to `end`. Returns: the error that has stopped the producer.
  std::optional<ErrorCode> send_run(std::uint32_t partition, std::uint64_t end) {
    lines_.invoked(partition, base_ + position_, end - position_, "name");
    for (; position_ < end; ++position_) {
      const std::uint64_t value = base_ + position_;
      const std::string text =
          make_record_value({.run = options_.run, .topic = options_.topic, .partition = partition}, value,
                            options_.value_bytes);
      const auto sent = producer_->send_token(position_, static_cast<std::int32_t>(partition),
                                              RecordView{.value = text}, value);
      if (!sent) {
        lines_.refused(value, sent.error());
        break;
      }
      if (!*sent)
        history_.line(options_.name + " ok stored " + options_.topic + " - first=" + std::to_string(value) +
                      " count=1");
    }
    return lines_.take_error();
  }

  const NamedSourceOptions& options_;
  HistoryWriter& history_;
  const sigset_t& signals_;
  mutable bool ended_ = false;
  AckLines lines_;
  const std::uint64_t base_;
  std::uint64_t position_ = 1;
  std::unique_ptr<NamedProducer> producer_;
};

}  // namespace

Result<void> run_named_source(const NamedSourceOptions& options, HistoryWriter& history,
                              const sigset_t& signals) {
  return NamedSource(options, history, signals).run();
}

}  // namespace forebay::torture
