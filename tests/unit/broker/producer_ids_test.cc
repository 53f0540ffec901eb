#include "broker/producer_ids.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <set>
#include <vector>

#include "sim/sim_machine.h"

namespace forebay::broker {
namespace {

using namespace std::chrono_literals;
using cluster::GrantedIds;

// Gives blocks as the controller does: one behind the one that was named, or the one that there is already.
class FakeController {
 public:
  GrantedIds decide(std::optional<model::ProducerId> used_up) {
    if (last_ && (!used_up || last_->first > *used_up)) return {*last_, false};
    last_ = cluster::ProducerIds{next_, kProducerIdsPerBlock};
    next_ = next_.plus(kProducerIdsPerBlock);
    return {*last_, true};
  }
  // What others took.
  void skip(std::int64_t ids) { next_ = next_.plus(ids); }

 private:
  std::optional<cluster::ProducerIds> last_;
  model::ProducerId next_{0};
};

class ProducerIdsTest : public testing::Test {
 protected:
  struct Question {
    std::optional<model::ProducerId> used_up;
    ProducerIdAllocator::Granted granted;
  };
  ProducerIdsTest() { start(); }
  ~ProducerIdsTest() override { allocator_.reset(); }
  // Another life of the node: it knows nothing of the one before.
  void start() {
    allocator_ = std::make_unique<ProducerIdAllocator>(
        machine_.executor(),
        [this](std::optional<model::ProducerId> used_up, auto granted) {
          questions_.push_back({used_up, std::move(granted)});
        },
        [this] { return drawn_ -= 4; });
  }
  void take() {
    allocator_->take([this](Result<model::ProducerId> id) {
      if (!id) {
        errors_.push_back(std::move(id).error());
      } else {
        EXPECT_TRUE(taken_.insert(id->value()).second) << id->value() << " a second time";
      }
    });
  }
  void answer(Result<GrantedIds> granted) {
    ASSERT_FALSE(questions_.empty());
    Question question = std::move(questions_.front());
    questions_.erase(questions_.begin());
    question.granted(std::move(granted));
  }
  void decide() {
    ASSERT_FALSE(questions_.empty());
    answer(controller_.decide(questions_.front().used_up));
  }
  void run_for(runtime::Duration time) { machine_.scheduler().run_for(time); }

  sim::SimMachine machine_{1};
  std::uint64_t drawn_ = ~std::uint64_t{0};
  FakeController controller_;
  std::vector<Question> questions_;  // of all lives, unanswered
  std::set<std::int64_t> taken_;
  std::vector<Error> errors_;
  std::unique_ptr<ProducerIdAllocator> allocator_;
};

TEST_F(ProducerIdsTest, NothingIsAskedForUntilSomebodyComes) {
  EXPECT_TRUE(questions_.empty());
  take();
  ASSERT_EQ(questions_.size(), 1U);
  EXPECT_FALSE(questions_[0].used_up);
}

TEST_F(ProducerIdsTest, WhoWaitsIsServedInOrderWhenTheBlockComes) {
  for (int i = 0; i < 3; ++i) take();
  EXPECT_EQ(questions_.size(), 1U);
  decide();
  EXPECT_EQ(taken_, (std::set<std::int64_t>{0, 1, 2}));
}

TEST_F(ProducerIdsTest, NextBlockComesBeforeTheFirstIsUsedUp) {
  take();
  decide();
  for (int i = 0; i < 499; ++i) take();
  EXPECT_TRUE(questions_.empty());
  take();
  ASSERT_EQ(questions_.size(), 1U);
  EXPECT_EQ(questions_[0].used_up, model::ProducerId(0));
  controller_.skip(7'000);
  decide();
  for (int i = 0; i < 500; ++i) take();
  EXPECT_EQ(taken_.size(), 1'001U);
  EXPECT_EQ(*taken_.rbegin(), 8'000);
  EXPECT_TRUE(errors_.empty());
}

// The answer to a copy that came first is lost: the block may be anybody's.
TEST_F(ProducerIdsTest, BlockThatIsNotNewIsPassedOver) {
  (void)controller_.decide(std::nullopt);
  take();
  decide();
  ASSERT_EQ(questions_.size(), 1U);
  EXPECT_EQ(questions_[0].used_up, model::ProducerId(0));
  decide();
  EXPECT_EQ(taken_, std::set<std::int64_t>{1'000});
}

TEST_F(ProducerIdsTest, NextLifeTakesABlockOfItsOwn) {
  take();
  decide();
  start();
  take();
  decide();  // there is one, it is told
  EXPECT_EQ(taken_.size(), 1U);
  decide();
  EXPECT_EQ(taken_, (std::set<std::int64_t>{0, 1'000}));
}

TEST_F(ProducerIdsTest, FailureThatPassesIsToldAsSuchAndTheNextComerAsksAgain) {
  for (const ErrorCode code : {ErrorCode::kTimedOut, ErrorCode::kNotLeader, ErrorCode::kFailedPrecondition}) {
    take();
    answer(Error{code, "nobody leads"});
    ASSERT_EQ(errors_.size(), 1U);
    EXPECT_EQ(errors_[0].code, ErrorCode::kNotYet);
    EXPECT_GT(errors_[0].retry_after_ms, 0U);
    EXPECT_NE(errors_[0].context.find("nobody leads"), std::string::npos);
    errors_.clear();
  }
  take();
  decide();
  EXPECT_EQ(taken_.size(), 1U);
}

TEST_F(ProducerIdsTest, FailureThatDoesNotPassIsToldAsItIs) {
  take();
  answer(Error{ErrorCode::kStorageFailed, "the disk has failed"});
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_EQ(errors_[0].code, ErrorCode::kStorageFailed);
}

TEST_F(ProducerIdsTest, WhereMetadataIsLostAnIdIsDrawnThatNoBlockHas) {
  take();
  take();
  answer(Error{ErrorCode::kDataLoss, "metadata is lost"});
  EXPECT_TRUE(errors_.empty());
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(taken_, (std::set<std::int64_t>{kMax - 2, kMax - 1}));
  EXPECT_GE(*taken_.begin(), kDrawnIdsBegin);
}

TEST_F(ProducerIdsTest, BlockThatWasGivenBeforeIsRefused) {
  take();
  decide();
  for (int i = 0; i < 1'100; ++i) take();
  answer(GrantedIds{{model::ProducerId(0), kProducerIdsPerBlock}, true});
  ASSERT_FALSE(errors_.empty());
  EXPECT_EQ(errors_[0].code, ErrorCode::kInternal);
}

TEST_F(ProducerIdsTest, NobodyWaitsForLong) {
  take();
  run_for(3s);
  take();
  run_for(2s);
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_EQ(errors_[0].code, ErrorCode::kNotYet);
  run_for(3s);
  EXPECT_EQ(errors_.size(), 2U);
  decide();  // late, and good for the next
  take();
  EXPECT_EQ(taken_.size(), 1U);
}

TEST_F(ProducerIdsTest, WaitersAreBounded) {
  for (int i = 0; i < 10'001; ++i) take();
  ASSERT_EQ(errors_.size(), 1U);
  EXPECT_EQ(errors_[0].code, ErrorCode::kResourceExhausted);
}

TEST_F(ProducerIdsTest, StopAnswersAllAndAnAnswerAfterwardsIsNobodys) {
  take();
  allocator_->stop();
  take();
  ASSERT_EQ(errors_.size(), 2U);
  for (const Error& error : errors_) EXPECT_EQ(error.code, ErrorCode::kShuttingDown);
  decide();
  run_for(10s);
  EXPECT_TRUE(taken_.empty());
  EXPECT_EQ(errors_.size(), 2U);
}

// Answers that are late, lost, or of an earlier life; lives that end: take() checks that no id comes twice.
TEST_F(ProducerIdsTest, NoIdIsHandedOutTwiceWhateverHappens) {
  std::mt19937_64 rng(17);
  std::uint64_t lives = 0, lost = 0;
  for (int step = 0; step < 20'000; ++step) {
    switch (rng() % 16) {
      case 0:
        controller_.skip(static_cast<std::int64_t>(rng() % 50));
        break;
      case 1:
        if (questions_.empty()) break;
        // Decided and not heard of; the same is asked again, as the proposer does.
        (void)controller_.decide(questions_[rng() % questions_.size()].used_up);
        ++lost;
        break;
      case 2:
        if (questions_.empty()) break;
        answer(Error{ErrorCode::kTimedOut, "late"});
        break;
      case 3:
        if (rng() % 20 != 0) break;
        start();
        ++lives;
        break;
      case 4:
        run_for(std::chrono::milliseconds(rng() % 2'000));
        break;
      case 5:
        if (!questions_.empty()) decide();
        break;
      default:
        for (std::uint64_t i = rng() % 60; i > 0; --i) take();
    }
  }
  EXPECT_GT(lives, 20U);
  EXPECT_GT(lost, 100U);
  EXPECT_GT(taken_.size(), 50'000U);
}

}  // namespace
}  // namespace forebay::broker
