#include "raft/raft_group.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "log/core/damage.h"
#include "model/record_batch.h"
#include "raft/core/quorum.h"

namespace forebay::raft {
namespace {

// Who stands when: the first in rank soon, each next one later, so that one of them wins; an election takes
// two messages to and fro and two flushes.
constexpr runtime::Duration kElectionBase = std::chrono::milliseconds(20);
constexpr runtime::Duration kElectionPerRank = std::chrono::milliseconds(120);
constexpr runtime::Duration kElectionJitter = std::chrono::milliseconds(60);
// Nobody won: again, when the others have had their time.
constexpr runtime::Duration kElectionRetry = std::chrono::milliseconds(300);
constexpr runtime::Duration kElectionRetryJitter = std::chrono::milliseconds(300);
// Whoever should rather not lead lets the others try for so long: some rounds of elections. Then it stands
// all the same, for it may be the only one that has everything.
constexpr runtime::Duration kStandsLate = std::chrono::seconds(1);
constexpr runtime::Duration kTransferTimeout = std::chrono::seconds(1);

// What lies in segments was read whole once: its members are in the checkpoint.
bool lost_from_the_journal(const log::Log& log) {
  const model::LogPosition in_segments = log.status().segment_end;
  return std::any_of(log.damage().begin(), log.damage().end(), [&](const log::Damage& one) {
    return one.kind == log::DamageKind::kMiddle && one.end > in_segments;
  });
}

}  // namespace

Result<std::unique_ptr<RaftGroup>> RaftGroup::open(log::Log& log, const std::optional<Founding>& founding,
                                                   const GroupSurroundings& surroundings,
                                                   GroupListener& listener) {
  Restored restored{.hard_state = log.hard_state(),
                    .end = log.end(),
                    .terms = log.terms(),
                    .log_start = log.log_start(),
                    .memberships = log.memberships(),
                    .founders = std::nullopt,
                    .tail_damaged = log.lost_tail().has_value(),
                    .damaged = log::has_lost_range(log.damage()),
                    .members_uncertain = lost_from_the_journal(log)};
  if (founding) restored.founders = founding->members;
  restored.renews = log.is_renewed();
  FOREBAY_TRY(Raft core, Raft::open(surroundings.self, restored));
  const auto& members = core.membership();
  const bool alone = members.voters == std::vector{surroundings.self} && members.next_voters.empty() &&
                     members.learners.empty();
  if (surroundings.peers == nullptr && core.is_listed(surroundings.self.node) &&
      !core.is_member(surroundings.self)) {
    return Error{ErrorCode::kFailedPrecondition,
                 "this node is a member of the partition with another disk: its data came from another node, "
                 "or its disk was emptied; start it with the data directory that it had"};
  }
  if (!alone && surroundings.peers == nullptr) {
    return Error{ErrorCode::kFailedPrecondition,
                 "the partition has members on other nodes, and this node is configured to be alone; set "
                 "cluster.nodes as it was"};
  }
  return std::unique_ptr<RaftGroup>(new RaftGroup(log, std::move(core), founding, surroundings, listener));
}

RaftGroup::RaftGroup(log::Log& log, Raft core, const std::optional<Founding>& founding,
                     const GroupSurroundings& surroundings, GroupListener& listener)
    : log_(log),
      core_(std::move(core)),
      surroundings_(surroundings),
      listener_(listener),
      rank_(founding ? founding->rank : 0),
      damaged_(log::is_open(log.damage())),
      leaderless_since_(surroundings.executor->now()),
      told_commit_(core_.commit()),
      told_held_(core_.commit()),
      repair_(log, *this, *surroundings.executor, surroundings.peers),
      alive_(std::make_shared<RaftGroup*>(this)) {
  log_.on_flushed([this](model::LogPosition flushed) {
    core_.flushed(std::min(flushed, core_.end()));
    listener_.on_flushed(flushed);
    after_input();
  });
  log_.on_failed([this](const Error& error) {
    failed_ = error;
    failed_since_ = surroundings_.executor->now();
    core_.step_down();
    tell_changes();
    listener_.on_log_failed(error);
  });
  if (surroundings_.peers != nullptr) surroundings_.peers->add(*this);
}

RaftGroup::~RaftGroup() {
  *alive_ = nullptr;
  if (surroundings_.peers != nullptr) surroundings_.peers->remove(*this);
  for (const auto& timer : {election_timer_, transfer_timer_, news_timer_, install_timer_}) {
    if (timer) surroundings_.executor->cancel(*timer);
  }
  log_.on_flushed(nullptr);
  log_.on_failed(nullptr);
  for (Barrier& barrier : barriers_)
    barrier.done(Error{ErrorCode::kShuttingDown, "the replica is closed", 1000});
}

void RaftGroup::start() {
  repair_.look();
  if (surroundings_.peers == nullptr || core_.membership().voters == std::vector{surroundings_.self}) {
    core_.campaign();
    return after_input();
  }
  // Whoever leads already makes itself known when its link is there.
  arm_election(kElectionBase + rank_ * kElectionPerRank + draw(kElectionJitter));
}

std::optional<model::NodeId> RaftGroup::leader() const {
  if (failed_) return std::nullopt;
  if (is_leader()) return surroundings_.self.node;
  return leader_lost_ ? std::nullopt : core_.leader();
}

std::uint32_t RaftGroup::flushed_voters(model::LogPosition position) const {
  std::uint32_t count = 0;
  for (const log::Voter& voter : core_.membership().voters) {
    if (voter == surroundings_.self) {
      count += log_.flushed() >= position ? 1 : 0;
    } else if (const auto peer = core_.progress(voter.node)) {
      count += peer->flushed >= position ? 1 : 0;
    }
  }
  return count;
}

// An earlier leader may have seen it fall behind; what this node knows of that is when it went away.
std::optional<runtime::TimePoint> RaftGroup::behind_since(model::NodeId peer) const {
  const auto behind = watch_.behind(peer, core_.end());
  if (!behind) return std::nullopt;
  const runtime::TimePoint since(behind->since);
  if (behind->seen || surroundings_.peers == nullptr) return since;
  const auto away = surroundings_.peers->last_away(peer);
  return away ? std::min(*away, since) : since;
}

// --- effects

void RaftGroup::after_input() {
  carry_out();
  // What made it a leader, its own flush too, may come when those who voted are gone already: then nobody
  // says so any more.
  if (is_leader() && known_.role != Role::kLeader && !has_quorum_in_reach()) {
    core_.quorum_lost();
    carry_out();
  }
  tell_changes();
}

void RaftGroup::carry_out() {
  while (core_.has_ready()) {
    Ready ready = core_.take_ready();
    if (ready.hard_state) {
      log_.set_hard_state(*ready.hard_state,
                          [alive = alive_, state = *ready.hard_state](Result<void> durable) {
                            RaftGroup* group = *alive;
                            if (group == nullptr || !durable)
                              return;  // a failed write comes through on_failed
                            group->core_.hard_state_durable(state);
                            group->after_input();
                          });
    }
    if (ready.install) {
      log_.install(*ready.install);
      listener_.on_installed(*ready.install);
      surroundings_.peers->count_install();
    }
    if (ready.regained) {
      log_.tail_regained([alive = alive_](const Result<void>& durable) {
        if (*alive == nullptr || !durable) return;
        if ((*alive)->log_.lost_tail()) return;  // again, meanwhile
        (*alive)->core_.tail_regained();
        (*alive)->after_input();
      });
    }
    for (const log::Control& control : ready.controls) append_control(control);
    for (Outgoing& outgoing : ready.messages) surroundings_.peers->send(outgoing.to, id(), outgoing.message);
  }
  if (surroundings_.peers != nullptr && core_.has_peers()) surroundings_.peers->pump_soon(*this);
}

// Listeners hear of the state as it is now, whatever led to it.
void RaftGroup::tell_changes() {
  const Known now{is_leader() ? Role::kLeader : Role::kFollower, core_.term(), leader(), is_established()};
  const bool changed = now != known_;
  const bool led = known_.role == Role::kLeader;
  const bool same_leadership = led && now.role == Role::kLeader && known_.term == now.term;
  known_ = now;
  was_established_ = was_established_ || now.established;
  if (now.leader) {
    leaderless_since_.reset();
  } else if (!leaderless_since_) {
    leaderless_since_ = surroundings_.executor->now();
  }
  if (now.role == Role::kLeader && !same_leadership) {
    watch_.begin(steady_now());
    compacted_.begin();
    tombstone_wait_.begin();
    if (surroundings_.peers != nullptr) surroundings_.peers->count_leadership();
  }
  if (now.role == Role::kLeader || now.leader) {
    if (election_timer_) surroundings_.executor->cancel(*std::exchange(election_timer_, std::nullopt));
  } else if (!election_timer_ && surroundings_.peers != nullptr && !failed_) {
    arm_election(kElectionBase + rank_ * kElectionPerRank + draw(kElectionJitter));
  }
  if (changed) {
    if (!same_leadership) sending_.clear();
    if ((led || now.role == Role::kLeader) && !same_leadership && surroundings_.peers != nullptr)
      surroundings_.peers->leadership_changed(*this);
    if (now.role != Role::kLeader && transfer_timer_)
      surroundings_.executor->cancel(*std::exchange(transfer_timer_, std::nullopt));
    listener_.on_role();
  }
  if (is_leader() && core_.held_by_majority() > told_held_) {
    told_held_ = core_.held_by_majority();
    listener_.on_held(told_held_);
  }
  if (core_.commit() > told_commit_) {
    told_commit_ = core_.commit();
    // Who left may come again: what was on its way to him then says nothing of that.
    std::erase_if(sending_, [this](const auto& one) { return !core_.progress(one.first); });
    listener_.on_commit(told_commit_);
  }
  settle_barriers();
}

// --- elections

runtime::Duration RaftGroup::draw(runtime::Duration most) {
  return runtime::Duration(surroundings_.rng->next() % static_cast<std::uint64_t>(most.count()));
}

bool RaftGroup::has_quorum_in_reach() const {
  return is_quorum(core_.membership(), [this](model::NodeId node) {
    return node == surroundings_.self.node ||
           (surroundings_.peers != nullptr && surroundings_.peers->is_reachable(node, id()));
  });
}

void RaftGroup::arm_election(runtime::Duration delay) {
  election_timer_ = surroundings_.executor->schedule_after(delay, [this] {
    election_timer_.reset();
    stand_if_leaderless();
  });
}

void RaftGroup::stand_if_leaderless() {
  if (failed_ || left_ || is_leader() || leader()) return;
  arm_election(kElectionRetry + draw(kElectionRetryJitter));
  if (leaves_standing_to_others()) return;
  // Asked in vain it would only be noise: every group of a node that is cut off would do it.
  if (!has_quorum_in_reach()) return;
  core_.leader_unreachable();
  core_.campaign();
  // A learner does not.
  if (core_.role() != Role::kFollower) surroundings_.peers->count_election();
  after_input();
}

// Where writes hang no vote for itself would become durable.
bool RaftGroup::leaves_standing_to_others() const {
  const Hardship& hardship = surroundings_.peers->hardship();
  const bool unfit = hardship.any() || log::has_lost_range(log_.damage());
  const bool recently = leaderless_since_ && surroundings_.executor->now() - *leaderless_since_ < kStandsLate;
  return hardship.writes_stall || (unfit && recently);
}

void RaftGroup::peer_connected(model::NodeId peer) {
  sending_.erase(peer);
  core_.reconnected(peer);
  after_input();
}

void RaftGroup::peer_lost(model::NodeId peer) {
  sending_.erase(peer);
  // It says so again when it is back: taken later, its word would count as heard from it.
  if (held_install_ && held_install_->first == peer) {
    held_install_.reset();
    carried_.reset();
  }
  if (core_.leader() == peer) {
    leader_lost_ = true;
    core_.leader_unreachable();
  }
  if (is_leader() && !has_quorum_in_reach()) core_.quorum_lost();
  after_input();
}

Result<void> RaftGroup::transfer_to(model::NodeId target) {
  FOREBAY_CHECK(core_.transfer_to(target));
  if (transfer_timer_) surroundings_.executor->cancel(*transfer_timer_);
  transfer_timer_ = surroundings_.executor->schedule_after(kTransferTimeout, [this] {
    transfer_timer_.reset();
    core_.give_up_transfer();
    after_input();
    listener_.on_role();  // it takes appends again
  });
  after_input();
  return {};
}

void RaftGroup::resign() {
  core_.quorum_lost();
  after_input();
}

Result<void> RaftGroup::change_membership(const log::Membership& next) {
  if (failed_) return *failed_;
  FOREBAY_CHECK(core_.change_membership(next));
  after_input();
  return {};
}

std::vector<log::Voter> RaftGroup::voters_out_of_reach() const {
  std::vector<log::Voter> lost;
  for (const auto* voters : {&core_.membership().voters, &core_.membership().next_voters}) {
    for (const log::Voter& voter : *voters) {
      const bool here =
          voter == surroundings_.self ||
          (surroundings_.peers != nullptr && surroundings_.peers->is_reachable(voter.node, id()) &&
           surroundings_.peers->disk_of(voter.node) == voter.disk);
      if (!here && std::find(lost.begin(), lost.end(), voter) == lost.end()) lost.push_back(voter);
    }
  }
  return lost;
}

Result<void> RaftGroup::stand_without(const std::vector<log::Voter>& lost) {
  if (failed_) return *failed_;
  const auto out_of_reach = voters_out_of_reach();
  for (const log::Voter& voter : lost) {
    if (std::find(out_of_reach.begin(), out_of_reach.end(), voter) == out_of_reach.end()) {
      return Error{ErrorCode::kFailedPrecondition,
                   "node " + std::to_string(voter.node.value()) + " is there, with what it voted with"};
    }
  }
  FOREBAY_CHECK(core_.stand_without(lost));
  after_input();
  return {};
}

// --- reading

void RaftGroup::read_barrier(UniqueFunction<void(Result<model::LogPosition>)> done) {
  if (!is_leader()) return done(Error{ErrorCode::kNotLeader, "this node does not lead the partition"});
  barriers_.push_back({core_.begin_barrier(), std::move(done)});
  after_input();
}

void RaftGroup::settle_barriers() {
  while (!barriers_.empty() && is_leader() && core_.barrier_passed(barriers_.front().id)) {
    auto done = std::move(barriers_.front().done);
    barriers_.pop_front();
    done(core_.commit());
  }
  if (is_leader()) return;
  auto lost = std::exchange(barriers_, {});
  for (Barrier& barrier : lost)
    barrier.done(Error{ErrorCode::kNotLeader, "this node no longer leads the partition"});
}

// --- appending

model::Timestamp RaftGroup::next_append_time() {
  return std::max(surroundings_.clock->now(), log_.max_append_time());
}

RaftGroup::Appended RaftGroup::append_records(std::string batch, std::int32_t record_count,
                                              bool log_append_time) {
  FOREBAY_ASSERT(is_leader());
  FOREBAY_ASSERT(record_count > 0);
  const model::LogPosition begin = log_.end();
  const model::Timestamp append_time = next_append_time();
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(batch.data()), batch.size());
  model::set_base_offset(bytes, begin.next_offset);
  model::set_leader_epoch(bytes, core_.term());
  if (log_append_time) model::set_append_time(bytes, append_time);

  auto frame = std::make_shared<log::Frame>();
  frame->header.partition = log_.id();
  frame->header.kind = log::FrameKind::kRecords;
  frame->header.begin = begin;
  frame->header.end = begin.after_records(record_count);
  frame->header.term = core_.term();
  frame->header.append_time = append_time;
  frame->header.payload_bytes = static_cast<std::uint32_t>(batch.size());
  frame->header.payload_crc = load_be<std::uint32_t>(bytes.data() + model::kBatchCrcAt);
  frame->payload = SharedBytes::take(std::move(batch));
  const Appended appended{begin.next_offset, frame->header.end, core_.term(), append_time};
  if (surroundings_.peers != nullptr) surroundings_.peers->written(frame->encoded_bytes());
  append_frame(std::move(frame), std::nullopt);
  if (surroundings_.peers != nullptr) surroundings_.peers->pump_soon(*this);
  return appended;
}

RaftGroup::Appended RaftGroup::append_control(const log::Control& control) {
  FOREBAY_ASSERT(is_leader());
  auto frame = std::make_shared<log::Frame>();
  frame->payload = SharedBytes::take(log::encode_control(control));
  const model::LogPosition begin = log_.end();
  frame->header.partition = log_.id();
  frame->header.kind = log::FrameKind::kControl;
  frame->header.begin = begin;
  frame->header.end = begin.after_control();
  frame->header.term = core_.term();
  frame->header.append_time = next_append_time();
  frame->header.payload_bytes = static_cast<std::uint32_t>(frame->payload.size());
  frame->header.payload_crc = crc32c(frame->payload.span());
  const Appended appended{begin.next_offset, frame->header.end, core_.term(), frame->header.append_time};
  const auto* membership = std::get_if<log::Membership>(&control);
  append_frame(std::move(frame), membership == nullptr ? std::nullopt : std::optional(*membership));
  if (surroundings_.peers != nullptr) surroundings_.peers->pump_soon(*this);
  return appended;
}

void RaftGroup::append_frame(log::FramePtr frame, const std::optional<log::Membership>& membership) {
  const model::LogPosition begin = frame->header.begin;
  const model::LogPosition end = frame->header.end;
  log_.append(frame);
  listener_.on_frame(*frame);
  core_.appended(end, membership);
  watch_.appended(begin, end, steady_now());
}

}  // namespace forebay::raft
