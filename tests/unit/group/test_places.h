// Where partitions are, as far as a test says.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "group/ports.h"
#include "runtime/executor.h"

namespace forebay::group {

// Partitions that go as far as the test says.
class Ends final : public PartitionPlaces {
 public:
  explicit Ends(runtime::Executor& executor) : executor_(executor) {}
  [[nodiscard]] std::optional<model::Offset> known_high_watermark(
      const model::TopicPartition&) const override {
    return known;
  }
  void ask_high_watermark(const model::TopicPartition& partition, Done<model::Offset> done) override {
    if (leaderless.contains(partition.partition.value()))
      return done(Error{ErrorCode::kNotYet, "nobody is known to lead it"});
    ++asked;
    if (slow.contains(partition.partition.value()))
      return hold([this, done = std::move(done)]() mutable { done(end); });
    answer(end, std::move(done));
  }
  void find_start(const model::TopicPartition&, const StartRule& rule, Done<model::Offset> done) override {
    const auto start = rule.point == StartPoint::kLatest ? end : model::Offset(0);
    if (!holds_starts) return answer(start, std::move(done));
    held_starts.emplace_back([start, done = std::move(done)]() mutable { done(start); });
  }
  void ask_lag(const model::TopicPartition& partition, const LagFrom& from,
               Done<PartitionLag> done) override {
    lags_asked[partition] = from;
    const model::Offset next(from.kind == LagFrom::Kind::kOffset ? from.value : 0);
    const auto records = static_cast<std::uint64_t>(end->value() - next.value());
    Result<PartitionLag> lag = PartitionLag{next, *end, records, records * 10, Milliseconds{records}};
    if (lags_failing.contains(partition)) lag = Error{ErrorCode::kNotYet, "nobody leads it"};
    executor_.post([lag = std::move(lag), done = std::move(done)]() mutable { done(std::move(lag)); });
  }
  std::map<model::TopicPartition, LagFrom> lags_asked;
  std::set<model::TopicPartition> lags_failing;
  std::set<std::int32_t> leaderless;  // partitions: answered at once
  bool holds_starts = false;
  std::vector<UniqueFunction<void()>> held_starts;
  std::set<std::int32_t> slow;  // partitions: answered when the test says so
  std::vector<UniqueFunction<void()>> held_ends;
  std::optional<model::Offset> known;
  Result<model::Offset> end = model::Offset(100);
  int asked = 0;

 private:
  void hold(UniqueFunction<void()> what) { held_ends.push_back(std::move(what)); }
  void answer(Result<model::Offset> what, Done<model::Offset> done) {
    executor_.post([what = std::move(what), done = std::move(done)]() mutable { done(std::move(what)); });
  }
  runtime::Executor& executor_;
};

}  // namespace forebay::group
