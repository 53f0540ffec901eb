#include "partition/core/producer_expiry.h"

#include <algorithm>

namespace forebay::partition {
namespace {

bool is_past(ProducerExpiry::Steady since, ProducerExpiry::Steady now, std::int64_t ms) {
  return now - since >= std::chrono::milliseconds(ms);
}

}  // namespace

bool is_worth_a_frame(const ProducerStates::Forgettable& forgettable) {
  return forgettable.producers > 0 || forgettable.batches >= kForgottenBatchesMin;
}

void ProducerExpiry::take_marks(const Look& look, std::int64_t pace_ms) {
  if (term_ != look.term) {  // another leader may have cut what the marks were taken from
    term_ = look.term;
    mark_.reset();
    proven_.reset();
  }
  if (mark_ && !is_past(mark_->at, look.steady, pace_ms)) return;
  if (mark_) proven_ = mark_->last_append;
  mark_ = Mark{look.steady, look.last_append};
}

std::optional<log::ProducersForgotten> ProducerExpiry::look(const Look& look, const ProducerStates& states) {
  const std::int64_t expiration_ms = states.limits().expiration_ms;
  // Who sets a shorter expiration than the pace wants it kept.
  const std::int64_t pace_ms = std::min(kLookEveryMs, expiration_ms);
  take_marks(look, pace_ms);
  if (!proven_ || states.is_empty()) return std::nullopt;
  const std::int64_t every_ms = states.is_full() ? std::min(kLookWhenFullMs, pace_ms) : pace_ms;
  if (looked_at_ && !is_past(*looked_at_, look.steady, every_ms)) return std::nullopt;
  looked_at_ = look.steady;
  const log::ProducersForgotten forgotten{.silent_before = std::min(look.now.plus(-expiration_ms), *proven_),
                                          .quiet_before = std::min(look.now.plus(-kQuietAfterMs), *proven_)};
  if (!is_worth_a_frame(states.count(forgotten))) return std::nullopt;
  return forgotten;
}

}  // namespace forebay::partition
