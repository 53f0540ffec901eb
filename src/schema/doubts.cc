#include "schema/doubts.h"

namespace forebay::schema {

Doubts::Judgement Doubts::judge(const std::string& what, runtime::TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (missed_.size() >= kMissedMax) missed_.clear();
  // One that is under way may have looked before it was missed.
  auto at = missed_.try_emplace(what, begun_ + 1).first;
  if (succeeded_ >= at->second) {
    if (now - succeeded_at_ < kSureFor) return {Verdict::kSure, 0};
    at->second = begun_ + 1;
  }
  if (under_way_ && now - asked_at_ < kRefreshMax) return {Verdict::kWait, 0};
  under_way_ = true;
  asked_at_ = now;
  return {Verdict::kAsk, ++begun_};
}

void Doubts::refreshed(std::uint64_t number, bool done, runtime::TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (number != begun_) return;  // given up, and another one was begun
  under_way_ = false;
  if (!done) return;
  succeeded_ = number;
  succeeded_at_ = now;
}

}  // namespace forebay::schema
