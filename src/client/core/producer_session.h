// Who an idempotent producer is: an id and an epoch that the cluster gave it. Asked for before its first
// batch leaves, raised by one whenever a partition must begin its sequences anew, and asked for again when
// the epochs are used up. Pure: time is an argument; the owner asks.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

#include "client/core/backoff.h"

namespace forebay::client {

struct ProducerIdentity {
  std::int64_t id = -1;  // < 0: nobody
  std::int16_t epoch = -1;
  friend bool operator==(const ProducerIdentity&, const ProducerIdentity&) = default;
};

// What follows sequence number `sequence` after `records` of them: the numbers go round after 2147483647.
[[nodiscard]] inline std::int32_t sequence_after(std::int32_t sequence, std::int32_t records) {
  const auto sum = static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(records);
  return static_cast<std::int32_t>(sum & 0x7fffffffU);
}

class ProducerSession {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  explicit ProducerSession(const BackoffRange& retry) : retry_(retry) {}

  [[nodiscard]] bool is_ready() const { return state_ == State::kReady; }
  // Nobody while it is not ready.
  [[nodiscard]] const ProducerIdentity& identity() const { return identity_; }

  // Whether one is to be asked for now. Then call asked(), and begun() or failed() for the answer.
  [[nodiscard]] bool must_ask() const { return state_ == State::kNone; }
  void asked() { state_ = State::kAsking; }
  void begun(const ProducerIdentity& identity) {
    state_ = State::kReady;
    identity_ = identity;
    failures_ = 0;
  }
  void failed(TimePoint now, JitterRng& rng) {
    state_ = State::kWaiting;
    ask_at_ = now + backoff_delay(retry_, ++failures_, rng);
  }
  // Returns: when to call it again; nothing: no need.
  [[nodiscard]] std::optional<TimePoint> on_time(TimePoint now) {
    if (state_ != State::kWaiting) return std::nullopt;
    if (now < ask_at_) return ask_at_;
    state_ = State::kNone;
    return std::nullopt;
  }

  // The next epoch. Requires: is_ready(). It may not be ready afterwards.
  void renew() {
    if (identity_.epoch < kEpochMax) {
      ++identity_.epoch;
    } else {
      identity_ = {};
      state_ = State::kNone;
    }
  }

 private:
  enum class State : std::uint8_t { kNone, kAsking, kWaiting, kReady };
  static constexpr std::int16_t kEpochMax = std::numeric_limits<std::int16_t>::max();

  const BackoffRange retry_;
  State state_ = State::kNone;
  ProducerIdentity identity_;
  std::uint32_t failures_ = 0;  // in a row
  TimePoint ask_at_{};
};

}  // namespace forebay::client
