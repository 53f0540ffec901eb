// The producer's queue against a broker made of a few vectors, in random trouble.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

#include "send_queue_hands.h"

namespace forebay::client {
namespace {

// A broker that keeps the fence of retry_round, and may do everything late, badly, or not at all.
class RandomRun {
 public:
  explicit RandomRun(std::uint64_t seed) : random_(seed), hands_(limits_for(seed)) {}

  void run() {
    for (int step = 0; step < 4'000; ++step) {
      step_once(step < 3'000);
      hands_.run();
      check_bounds();
    }
    for (int i = 0; i < 2'000 && hands_.results.size() < next_id_; ++i) {  // heal, and let it end
      trouble_ = false;
      hands_.pass(milliseconds(1'000));
      while (handled_ < hands_.sent.size()) handle_one();
      while (!answers_.empty()) answer_one();
      hands_.run();
    }
    check_end();
  }

 private:
  struct Response {
    std::uint64_t correlation;
    Result<std::int64_t> result;
  };

  static SendQueue::Limits limits_for(std::uint64_t seed) {
    auto limits = default_limits();
    limits.linger = milliseconds(seed % 3 == 0 ? 3 : 0);
    limits.delivery_timeout = seed % 5 == 0 ? milliseconds(300) : milliseconds(100'000);
    limits.in_flight_per_lane_max = 1 + static_cast<std::uint32_t>(seed % 4);
    return limits;
  }
  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

  void step_once(bool more_records) {
    const auto what = random_() % 100;
    if (what < 45 && more_records) {
      if (!hands_.queue.has_room(200)) return;
      hands_.append(static_cast<std::int32_t>(random_() % 3), next_id_++, 8 + random_() % 400);
    } else if (what < 70) {
      handle_one();
    } else if (what < 90) {
      answer_one();
    } else if (what < 92 && hands_.connected) {
      for (auto left = random_() % 4; left > 0; --left) handle_one();  // done, but nobody will hear of it
      lose_stream();
    } else {
      hands_.pass(milliseconds(random_() % 30));
    }
  }
  void lose_stream() {
    answers_.clear();
    refused_below_.clear();
    handled_ = 0;
    hands_.lose_stream();
  }
  void handle_one() {
    if (handled_ == hands_.sent.size()) return;
    const auto& send = hands_.sent[handled_++];
    auto& log = logs_[send.partition];
    auto& refused_below = refused_below_[send.partition];
    if (send.retry_round < refused_below) {
      answers_.push_back({send.correlation, Error{ErrorCode::kNotYet, "one before it failed"}});
      return;
    }
    if (trouble_ && chance(10)) {
      const ErrorCode code = chance(30) ? ErrorCode::kInvalidRecord : ErrorCode::kResourceExhausted;
      refused_below = send.retry_round + 1;
      answers_.push_back(
          {send.correlation, Error{code, "trouble", static_cast<std::uint32_t>(random_() % 40)}});
      return;
    }
    const auto ids = ids_of(send.batch.span());
    answers_.push_back({send.correlation, static_cast<std::int64_t>(log.size())});
    log.insert(log.end(), ids.begin(), ids.end());
  }
  void answer_one() {
    if (answers_.empty()) return;
    // Answers of different partitions may come in any order.
    const std::size_t index = random_() % answers_.size();
    const Response response = answers_[index];
    answers_.erase(answers_.begin() + static_cast<std::ptrdiff_t>(index));
    if (response.result) {
      hands_.queue.acked(response.correlation, ack_at(*response.result), hands_.now);
    } else {
      hands_.queue.refused(response.correlation, response.result.error(), hands_.now);
    }
  }
  void check_bounds() {
    std::map<std::int32_t, std::uint32_t> out;
    for (std::size_t i = handled_; i < hands_.sent.size(); ++i) ++out[hands_.sent[i].partition];
    for (const auto& [partition, count] : out) ASSERT_LE(count, 4u);
  }
  void check_end() {
    ASSERT_EQ(hands_.results.size(), next_id_) << "records without an answer";
    EXPECT_EQ(hands_.queue.stats().buffered_bytes, 0u);
    std::map<std::uint64_t, std::int32_t> place;
    for (const auto& [partition, log] : logs_) {
      std::uint64_t highest = 0;
      std::set<std::uint64_t> seen;
      for (const std::uint64_t id : log) {
        if (!seen.insert(id).second) continue;  // a copy
        EXPECT_TRUE(seen.size() == 1 || id > highest) << "record " << id << " was overtaken by " << highest;
        highest = id;
        place[id] = partition;
      }
    }
    for (const auto& [id, result] : hands_.results) {
      if (!result) continue;
      ASSERT_TRUE(place.contains(id)) << "acknowledged record " << id << " is not in any log";
      EXPECT_EQ(logs_[place[id]][static_cast<std::size_t>(*result)], id);
    }
  }

  std::mt19937_64 random_;
  Hands hands_;
  std::map<std::int32_t, std::vector<std::uint64_t>> logs_;
  std::map<std::int32_t, std::uint32_t> refused_below_;
  std::vector<Response> answers_;
  std::size_t handled_ = 0;
  std::uint64_t next_id_ = 0;
  bool trouble_ = true;
};

TEST(SendQueue, RandomTroubleKeepsOrderAndAnswersEveryRecordOnce) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    RandomRun(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace forebay::client
