// The idempotent producer's queue against a cluster made of a few vectors, in random trouble: whatever gets
// lost, late or refused, no record is stored twice, none that was acknowledged is missing, and none overtakes
// another.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

#include "send_queue_hands.h"
#include "sequence_broker.h"

namespace forebay::client {
namespace {

constexpr std::int32_t kPartitions = 3;

// Nodes that keep the fence of retry_round and the rules of sequences. What was sent on a stream that broke
// may arrive much later all the same: somebody on the way was paused.
class RandomRun {
 public:
  explicit RandomRun(std::uint64_t seed) : random_(seed), hands_(limits_for(seed), {"n0:1", "n1:1"}) {
    if (seed % 4 == 0) first_epoch_ = 32760;
    hands_.identity = ProducerIdentity{7, first_epoch_};
  }

  void run() {
    for (int step = 0; step < 4'000; ++step) {
      step_once();
      hands_.run();
    }
    trouble_ = false;
    for (int i = 0; i < 2'000 && hands_.results.size() < next_id_; ++i) {  // heal, and let it end
      hands_.pass(milliseconds(1'000));
      while (handle_one()) {
      }
      while (!answers_.empty()) answer_one();
      hands_.run();
    }
    while (!late_.empty()) arrive_late();
    check_end();
  }

 private:
  using Fences = std::map<std::int32_t, std::uint32_t>;  // by partition: lower rounds are refused
  struct Response {
    Nodes::Id node;
    std::uint64_t correlation;
    Result<Ack> result;
    std::string leader;
  };
  struct Late {  // what is left of a broken stream
    Fences fences;
    std::deque<SendQueue::Send> sends;
  };
  struct Partition {
    std::vector<std::uint64_t> log;
    SequenceBroker producers;
    std::string leader;
  };

  static SendQueue::Limits limits_for(std::uint64_t seed) {
    auto limits = default_limits();
    limits.idempotent = true;
    limits.linger = milliseconds(seed % 3 == 0 ? 3 : 0);
    limits.delivery_timeout = seed % 5 < 3 ? milliseconds(300) : milliseconds(100'000);
    limits.in_flight_per_lane_max = 1 + static_cast<std::uint32_t>(seed % 5);
    return limits;
  }
  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

  void step_once() {
    const auto what = random_() % 100;
    if (what < 45) {
      if (!hands_.queue.has_room(200)) return;
      hands_.append(static_cast<std::int32_t>(random_() % kPartitions), next_id_++, 8 + random_() % 400);
    } else if (what < 70) {
      (void)handle_one();
    } else if (what < 88) {
      answer_one();
    } else if (what < 90 && !hands_.streams.empty()) {
      for (auto left = random_() % 4; left > 0; --left) (void)handle_one();  // nobody will hear of it
      const auto stream =
          std::next(hands_.streams.begin(), static_cast<std::ptrdiff_t>(random_() % hands_.streams.size()));
      lose_stream(stream->first);
    } else if (what < 92) {
      partitions_[random_() % kPartitions].leader = "n" + std::to_string(random_() % 3) + ":1";
    } else if (what < 94) {
      arrive_late();
    } else {
      hands_.pass(milliseconds(random_() % 30));
    }
    hands_.identity = ProducerIdentity{7 + hands_.session_questions, first_epoch_};
  }

  void lose_stream(Nodes::Id node) {
    std::erase_if(answers_, [&](const Response& response) { return response.node == node; });
    Late late{std::exchange(fences_[node], {}), {}};
    for (const auto& send : hands_.sent) {
      if (send.node == node && !handled_.contains(send.correlation)) late.sends.push_back(send);
    }
    if (chance(60) && !late.sends.empty()) late_.push_back(std::move(late));
    hands_.lose_stream(node);
  }
  void arrive_late() {
    if (late_.empty()) return;
    auto& stream = late_[random_() % late_.size()];
    (void)handle(stream.sends.front(), stream.fences);
    stream.sends.pop_front();
    std::erase_if(late_, [](const Late& late) { return late.sends.empty(); });
  }

  // The oldest request that no node has handled yet. Returns: whether there was one.
  bool handle_one() {
    const auto at = std::find_if(hands_.sent.begin(), hands_.sent.end(),
                                 [&](const auto& send) { return !handled_.contains(send.correlation); });
    if (at == hands_.sent.end()) return false;
    handled_.insert(at->correlation);
    auto& partition = partitions_[static_cast<std::size_t>(at->partition)];
    const bool elsewhere = hands_.place_of(*at) != partition.leader;
    Result<Ack> result = handle(*at, fences_[at->node]);
    if (!result && result.error().code == ErrorCode::kNotLeader && chance(80))
      result = Error{ErrorCode::kNotLeader, "not here", 0, partition.leader};
    answers_.push_back({at->node, at->correlation, std::move(result), elsewhere ? partition.leader : ""});
    return true;
  }
  Result<Ack> handle(const SendQueue::Send& send, Fences& fences) {
    auto& refused_below = fences[send.partition];
    if (send.retry_round < refused_below) return Error{ErrorCode::kNotYet, "one before it failed"};
    auto result = judge(send);
    if (!result) refused_below = send.retry_round + 1;
    return result;
  }
  Result<Ack> judge(const SendQueue::Send& send) {
    auto& partition = partitions_[static_cast<std::size_t>(send.partition)];
    if (trouble_ && chance(8)) {
      constexpr ErrorCode kTroubles[] = {ErrorCode::kInvalidRecord, ErrorCode::kResourceExhausted,
                                         ErrorCode::kNotYet, ErrorCode::kNotLeader,
                                         ErrorCode::kOutcomeUnknown};
      Error trouble{kTroubles[random_() % std::size(kTroubles)], "trouble",
                    static_cast<std::uint32_t>(random_() % 40)};
      // Sometimes of some of its records only.
      if (trouble.code == ErrorCode::kInvalidRecord && chance(60)) {
        const auto count = static_cast<std::int32_t>(ids_of(send.batch.span()).size());
        for (std::int32_t i = 0; i < count; ++i)
          if (chance(40)) trouble.record_faults.push_back({i, "bad"});
      }
      return trouble;
    }
    const auto batch = model::RecordBatchView::parse(send.batch.span()).value();
    const auto offset = static_cast<std::int64_t>(partition.log.size());
    auto taken = partition.producers.take(batch.header(), offset);
    if (!taken) return taken.error();
    if (!*taken) {
      const auto ids = ids_of(send.batch.span());
      partition.log.insert(partition.log.end(), ids.begin(), ids.end());
    }
    if (trouble_ && chance(4)) return Error{ErrorCode::kOutcomeUnknown, "stored, and nobody knows"};
    Ack ack = ack_at(taken->value_or(offset));
    ack.duplicate = taken->has_value();
    return ack;
  }

  void answer_one() {
    if (answers_.empty()) return;
    // Answers of different partitions may come in any order.
    const std::size_t index = random_() % answers_.size();
    const Response response = answers_[index];
    answers_.erase(answers_.begin() + static_cast<std::ptrdiff_t>(index));
    if (response.result) {
      hands_.queue.acked(response.correlation, *response.result, response.leader, hands_.now);
    } else {
      ASSERT_NE(response.result.error().code, ErrorCode::kProducerFenced);
      hands_.queue.refused(response.correlation, response.result.error(), hands_.now);
    }
  }

  void check_end() {
    ASSERT_EQ(hands_.results.size(), next_id_) << "records without an answer";
    EXPECT_EQ(hands_.queue.stats().buffered_bytes, 0u);
    std::map<std::uint64_t, std::pair<std::size_t, std::int64_t>> places;
    for (std::size_t partition = 0; partition < partitions_.size(); ++partition) {
      const auto& log = partitions_[partition].log;
      for (std::size_t i = 0; i < log.size(); ++i) {
        // A late try of a used up id is fenced by nobody: what was answered with "unknown" may come behind
        // others.
        EXPECT_TRUE(i == 0 || log[i] > log[i - 1] || hands_.session_questions > 1)
            << "record " << log[i] << " after " << log[i - 1];
        EXPECT_TRUE(places.emplace(log[i], std::pair(partition, static_cast<std::int64_t>(i))).second)
            << "record " << log[i] << " is there twice";
      }
    }
    for (const auto& [id, result] : hands_.results) {
      if (result) {
        ASSERT_TRUE(places.contains(id)) << "acknowledged record " << id << " is not in any log";
        EXPECT_EQ(places[id].second, *result);
      } else if (result.error().code != ErrorCode::kTimedOut &&
                 result.error().code != ErrorCode::kOutcomeUnknown) {
        EXPECT_FALSE(places.contains(id))
            << "record " << id << " was refused: " << result.error().to_string();
      }
    }
    EXPECT_GT(places.size(), next_id_ / 4) << "hardly anything gets through";
  }

  std::mt19937_64 random_;
  Hands hands_;
  std::vector<Partition> partitions_{{{}, {}, "n0:1"}, {{}, {}, "n1:1"}, {{}, {}, "n2:1"}};
  std::map<Nodes::Id, Fences> fences_;
  std::vector<Late> late_;
  std::vector<Response> answers_;
  std::set<std::uint64_t> handled_;
  std::int16_t first_epoch_ = 0;
  std::uint64_t next_id_ = 0;
  bool trouble_ = true;
};

TEST(SendQueue, RandomTroubleStoresNoRecordOfAnIdempotentProducerTwice) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    RandomRun(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace forebay::client
