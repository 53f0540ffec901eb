// The producer's queue against a cluster made of a few vectors, in random trouble.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

#include "send_queue_hands.h"

namespace forebay::client {
namespace {

// Three nodes that keep the fence of retry_round, and may do everything late, badly, or not at all. Each
// partition has a leader, which changes; the others send on what they get, or say who it is.
class RandomRun {
 public:
  explicit RandomRun(std::uint64_t seed) : random_(seed), hands_(limits_for(seed), {"n0:1", "n1:1"}) {}

  void run() {
    for (int step = 0; step < 4'000; ++step) {
      step_once(step < 3'000);
      hands_.run();
      check_bounds();
    }
    for (int i = 0; i < 2'000 && hands_.results.size() < next_id_; ++i) {  // heal, and let it end
      trouble_ = false;
      hands_.pass(milliseconds(1'000));
      while (handle_one()) {
      }
      while (!answers_.empty()) answer_one();
      hands_.run();
    }
    check_end();
  }

 private:
  struct Response {
    Nodes::Id node;
    std::uint64_t correlation;
    Result<std::int64_t> result;
    std::string leader;
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
      (void)handle_one();
    } else if (what < 90) {
      answer_one();
    } else if (what < 92 && !hands_.streams.empty()) {
      for (auto left = random_() % 4; left > 0; --left)
        (void)handle_one();  // done, but nobody will hear of it
      lose_stream(
          std::next(hands_.streams.begin(), static_cast<std::ptrdiff_t>(random_() % hands_.streams.size()))
              ->first);
    } else if (what < 94) {
      leaders_[static_cast<std::int32_t>(random_() % 3)] = "n" + std::to_string(random_() % 3) + ":1";
    } else {
      hands_.pass(milliseconds(random_() % 30));
    }
  }
  void lose_stream(Nodes::Id node) {
    std::erase_if(answers_, [&](const Response& response) { return response.node == node; });
    std::erase_if(refused_below_, [&](const auto& entry) { return entry.first.first == node; });
    hands_.lose_stream(node);
  }
  // The oldest request that some node has not handled yet. Returns: whether there was one.
  bool handle_one() {
    const auto at = std::find_if(hands_.sent.begin(), hands_.sent.end(),
                                 [&](const auto& send) { return !handled_.contains(send.correlation); });
    if (at == hands_.sent.end()) return false;
    const SendQueue::Send& send = *at;
    handled_.insert(send.correlation);
    auto& log = logs_[send.partition];
    auto& refused_below = refused_below_[{send.node, send.partition}];
    const auto answer = [&](Result<std::int64_t> result, std::string leader = {}) {
      if (!result) refused_below = std::max(refused_below, send.retry_round + 1);
      answers_.push_back({send.node, send.correlation, std::move(result), std::move(leader)});
    };
    if (send.retry_round < refused_below) {
      answer(Error{ErrorCode::kNotYet, "one before it failed"});
      return true;
    }
    const std::string& leader = leaders_[send.partition];
    const bool elsewhere = hands_.place_of(send) != leader;
    if (elsewhere && chance(50)) {
      answer(Error{ErrorCode::kNotLeader, "not here", 0, chance(80) ? leader : ""});
      return true;
    }
    if (trouble_ && chance(10)) {
      const ErrorCode code = chance(30)   ? ErrorCode::kInvalidRecord
                             : chance(50) ? ErrorCode::kResourceExhausted
                                          : ErrorCode::kNotYet;
      answer(Error{code, "trouble", static_cast<std::uint32_t>(random_() % 40)});
      return true;
    }
    const auto ids = ids_of(send.batch.span());
    answer(static_cast<std::int64_t>(log.size()), elsewhere ? leader : "");
    log.insert(log.end(), ids.begin(), ids.end());
    return true;
  }
  void answer_one() {
    if (answers_.empty()) return;
    // Answers of different partitions may come in any order.
    const std::size_t index = random_() % answers_.size();
    const Response response = answers_[index];
    answers_.erase(answers_.begin() + static_cast<std::ptrdiff_t>(index));
    if (response.result) {
      hands_.queue.acked(response.correlation, ack_at(*response.result), response.leader, hands_.now);
    } else {
      hands_.queue.refused(response.correlation, response.result.error(), hands_.now);
    }
  }
  void check_bounds() {
    std::map<std::int32_t, std::uint32_t> out;
    for (const auto& send : hands_.sent) {
      if (!handled_.contains(send.correlation)) ++out[send.partition];
    }
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
  std::map<std::pair<Nodes::Id, std::int32_t>, std::uint32_t> refused_below_;
  std::map<std::int32_t, std::string> leaders_{{0, "n0:1"}, {1, "n1:1"}, {2, "n2:1"}};
  std::vector<Response> answers_;
  std::set<std::uint64_t> handled_;
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
