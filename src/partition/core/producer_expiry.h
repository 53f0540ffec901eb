// When a leader lets its log say that producers are forgotten. Pure: fed with times.
//
// What is forgotten too early may be stored twice, so no wall clock decides alone, not even one that can be
// trusted: a leader before this one, whose clock was behind, may have stamped what came a moment ago. Nobody
// is forgotten who has written in the last hour of this leadership's steady time (or in the expiration, when
// that is shorter): append times grow along the log, so nothing that came within it lies below what was the
// newest one when it began.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "log/core/control.h"
#include "model/ids.h"
#include "partition/core/producer_states.h"

namespace forebay::partition {

// Of a producer that has been silent for so long only the last batch is remembered: nobody retries a batch
// for an hour, and those who come and go are many.
inline constexpr std::int64_t kQuietAfterMs = 3'600'000;

// Looking at every producer, and a frame, more often than this would cost more than they free ...
inline constexpr std::int64_t kLookEveryMs = kQuietAfterMs;
// ... but that new producers are refused must not last longer than it has to.
inline constexpr std::int64_t kLookWhenFullMs = 60'000;

// 24 KB: less than that is no reason for a frame.
inline constexpr std::size_t kForgottenBatchesMin = 1'000;

[[nodiscard]] bool is_worth_a_frame(const ProducerStates::Forgettable& forgettable);

class ProducerExpiry {
 public:
  using Steady = std::chrono::nanoseconds;  // since an arbitrary zero
  struct Look {
    model::Term term;              // of the leadership
    Steady steady{};               // never goes back
    model::Timestamp now;          // may be trusted
    model::Timestamp last_append;  // the newest append time in the log
  };
  // To be called now and then, by an established leader. Returns: what its log is to say.
  [[nodiscard]] std::optional<log::ProducersForgotten> look(const Look& look, const ProducerStates& states);

 private:
  struct Mark {
    Steady at{};
    model::Timestamp last_append;
  };
  void take_marks(const Look& look, std::int64_t pace_ms);

  model::Term term_;
  std::optional<Mark> mark_;
  std::optional<model::Timestamp> proven_;  // nothing that came lately has an append time below it
  std::optional<Steady> looked_at_;         // all producers
};

}  // namespace forebay::partition
