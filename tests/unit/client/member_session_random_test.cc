// Members against the coordinator's own decisions, with late, lost and cut connections, slow applications,
// and members that come and go. Checked at every step: a partition is never in the hands of two; what is
// committed was done. In the end: everything is done and committed.
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>

#include "client/core/member_session.h"
#include "model_coordinator.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;
using TimePoint = MemberSession::TimePoint;
using testing::ModelCoordinator;

constexpr milliseconds kStep{25};
constexpr std::int64_t kRecords = 60;  // of each partition
constexpr int kPartitions = 6;
constexpr const char* kGroup = "g";

template <typename T>
struct Late {
  TimePoint at;
  T what;
};

class World {
 public:
  explicit World(unsigned seed) : rng_(seed) {
    coordinator_.add_topic("t", kPartitions);
    for (int p = 0; p < kPartitions; ++p) coordinator_.high_watermarks[{"t", p}] = kRecords;
    for (int i = 0; i < 3; ++i) add_member();
  }

  void run() {
    for (int step = 0; step < 1'600; ++step) turn(true);  // 40 s
    for (int step = 0; step < 2'000 && !finished(); ++step) turn(false);
    EXPECT_TRUE(finished()) << "records are not done, or not committed";
    for (auto& member : members_) member->session.leave();
    for (int step = 0; step < 800; ++step) turn(false);
    EXPECT_EQ(coordinator_.member_count(kGroup), 0U);
  }

 private:
  struct Member {
    explicit Member(MemberSession::Settings settings, std::uint64_t seed)
        : session(std::move(settings), {"a:1"}, seed) {}
    MemberSession session;
    std::map<TopicPartition, std::pair<MemberSession::Grant, std::int64_t>> reads;  // grant, next offset
    std::vector<std::pair<TopicPartition, std::int64_t>> in_hand;
    std::vector<Late<Partitions>> giving_up;
    std::uint64_t link = 0;  // the stream's name at the coordinator
    MemberSession::StreamId stream = 0;
    TimePoint cut_until{};
    std::deque<Late<MemberWords>> to_coordinator;
    std::deque<Late<ModelCoordinator::Out>> to_member;
    bool was_left = false;
  };

  bool one_in(unsigned n) { return rng_() % n == 0; }
  milliseconds delay(unsigned max) { return milliseconds(rng_() % max); }

  void add_member() {
    MemberSession::Settings settings;
    settings.join.group = kGroup;
    settings.join.topics = {"t"};
    settings.join.session_timeout = milliseconds(3'000);
    settings.join.revoke_timeout = milliseconds(4'000);
    settings.processing_deadline = milliseconds(one_in(2) ? 1'500 : 0);
    settings.commit_interval = milliseconds(200);
    settings.marked_ranges_max = 1'000;
    settings.asks_before_giving_up = one_in(2);
    settings.reconnect = {milliseconds(20), milliseconds(500)};
    members_.push_back(std::make_unique<Member>(settings, rng_()));
  }

  void turn(bool storm) {
    now_ += kStep;
    if (storm && members_.size() < 6 && one_in(200)) add_member();
    if (storm && one_in(250)) members_[rng_() % members_.size()]->session.leave();
    for (auto& member : members_) {
      if (storm && one_in(200)) member->cut_until = now_ + delay(6'000);
      if (storm && one_in(150)) break_link(*member);
      carry(*member);
      act(*member);
      application(*member, storm);
    }
    coordinator_.tick(now_);
    route();
    check();
  }

  void break_link(Member& member) {
    if (member.link == 0) return;
    coordinator_.broken(member.link, now_);
    const auto stream = member.stream;
    drop_link(member);
    member.session.ended(
        stream, RpcError{{ErrorCode::kUnavailable, "broken"}, false, std::nullopt, std::nullopt}, now_);
  }
  void drop_link(Member& member) {
    by_link_.erase(member.link);
    member.link = 0;
    member.to_coordinator.clear();
    member.to_member.clear();
  }

  void act(Member& member) {
    while (auto action = member.session.next_action(now_)) {
      if (const auto* open = std::get_if<MemberSession::OpenStream>(&*action)) {
        member.link = ++links_;
        member.stream = open->stream;
        by_link_[member.link] = &member;
        member.to_coordinator.push_back({now_ + delay(100), open->join});
      } else if (const auto* say = std::get_if<MemberSession::Say>(&*action)) {
        ASSERT_EQ(say->stream, member.stream);
        const auto last = member.to_coordinator.empty() ? TimePoint{} : member.to_coordinator.back().at;
        member.to_coordinator.push_back({std::max(last, now_ + delay(100)), say->words});
      } else if (member.link != 0) {
        coordinator_.broken(member.link, now_);
        drop_link(member);
      }
    }
  }

  void carry(Member& member) {
    if (now_ < member.cut_until) return;  // nothing arrives, nothing breaks
    while (!member.to_coordinator.empty() && member.to_coordinator.front().at <= now_) {
      const auto words = member.to_coordinator.front().what;
      member.to_coordinator.pop_front();
      coordinator_.say(member.link, words, now_);
      route();
    }
    while (!member.to_member.empty() && member.to_member.front().at <= now_) {
      const auto out = member.to_member.front().what;
      member.to_member.pop_front();
      if (const auto* words = std::get_if<CoordinatorWords>(&out.words)) {
        member.session.heard(member.stream, *words, now_);
        continue;
      }
      const auto stream = member.stream;
      std::optional<RpcError> error;
      if (const auto* why = std::get_if<Error>(&out.words))
        error = RpcError{*why, true, std::nullopt, std::nullopt};
      drop_link(member);
      member.session.ended(stream, error, now_);
    }
  }

  void route() {
    while (!coordinator_.out.empty()) {
      auto out = std::move(coordinator_.out.front());
      coordinator_.out.pop_front();
      const auto at = by_link_.find(out.stream);
      if (at == by_link_.end()) continue;
      Member& member = *at->second;
      const auto last = member.to_member.empty() ? TimePoint{} : member.to_member.back().at;
      member.to_member.push_back({std::max(last, now_ + delay(100)), std::move(out)});
    }
  }

  void application(Member& member, bool storm) {
    MemberSession& session = member.session;
    while (auto tiding = session.next_tiding()) {
      if (tiding->kind == MemberSession::Tiding::Kind::kRevoked)
        member.giving_up.push_back({now_ + delay(storm ? 5'000 : 300), tiding->partitions});
    }
    while (session.next_loss()) continue;
    EXPECT_FALSE(session.next_refusal());
    for (const auto& reading : session.reading()) {
      auto& read = member.reads[reading.partition];
      if (read.first != reading.grant) read = {reading.grant, reading.from.value_or(0)};
      if (reading.held_back || !one_in(4) || read.second >= kRecords) continue;
      const std::int64_t end = std::min(kRecords, read.second + 1 + static_cast<std::int64_t>(rng_() % 4));
      if (!session.delivered(reading.partition, reading.grant, read.second, end, now_)) continue;
      for (; read.second < end; ++read.second) member.in_hand.emplace_back(reading.partition, read.second);
    }
    const bool stuck = storm && one_in(3);
    for (int i = 0; i < 3 && !stuck && !member.in_hand.empty(); ++i) {
      const std::size_t which = rng_() % member.in_hand.size();
      mark(member, which);
    }
    for (auto at = member.giving_up.begin(); at != member.giving_up.end();) {
      if (at->at > now_) {
        ++at;
        continue;
      }
      session.gave_up(at->what);
      at = member.giving_up.erase(at);
    }
  }

  void mark(Member& member, std::size_t which) {
    const auto [partition, offset] = member.in_hand[which];
    member.in_hand.erase(member.in_hand.begin() + static_cast<std::ptrdiff_t>(which));
    done_[partition].insert(offset);  // it was processed, whether that counts or not
    const auto marked = member.session.mark(partition, offset, offset + 1);
    if (!marked) {
      EXPECT_TRUE(marked.error().code == ErrorCode::kNotOwner ||
                  marked.error().code == ErrorCode::kInvalidArgument)
          << marked.error().to_string();
    }
  }

  void check() {
    for (int p = 0; p < kPartitions; ++p) {
      const TopicPartition partition{"t", p};
      int owners = 0;
      for (auto& member : members_) {
        if (member->session.owns(partition)) ++owners;
      }
      ASSERT_LE(owners, 1) << partition.to_string() << " at " << now_.time_since_epoch().count();
      const auto committed = coordinator_.committed(kGroup, partition).value_or(0);
      ASSERT_GE(committed, committed_[partition]) << "never back";
      committed_[partition] = committed;
      const auto& done = done_[partition];
      ASSERT_EQ(std::distance(done.begin(), done.lower_bound(committed)), committed)
          << partition.to_string() << ": committed past what is not done";
    }
  }

  bool finished() {
    bool any = false;
    for (auto& member : members_) any |= !member->session.is_over();
    if (!any) add_member();
    for (int p = 0; p < kPartitions; ++p) {
      if (coordinator_.committed(kGroup, {"t", p}) != kRecords) return false;
    }
    return true;
  }

  std::mt19937 rng_;
  TimePoint now_{milliseconds(1'000'000)};
  ModelCoordinator coordinator_;
  std::vector<std::unique_ptr<Member>> members_;
  std::map<std::uint64_t, Member*> by_link_;
  std::uint64_t links_ = 0;
  std::map<TopicPartition, std::set<std::int64_t>> done_;
  std::map<TopicPartition, std::int64_t> committed_;
};

class MemberSessionRandom : public ::testing::TestWithParam<unsigned> {};

TEST_P(MemberSessionRandom, NobodySharesAndNothingIsLost) {
  for (unsigned i = 0; i < 10 && !HasFatalFailure() && !HasNonfatalFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(GetParam() * 10 + i));
    World(GetParam() * 10 + i).run();
  }
}
INSTANTIATE_TEST_SUITE_P(Seeds, MemberSessionRandom, ::testing::Range(0U, 5U));

}  // namespace
}  // namespace forebay::client
