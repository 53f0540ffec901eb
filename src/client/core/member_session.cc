#include "client/core/member_session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "model/random_uuid.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;

// Below the coordinator's own bound for one commit.
constexpr std::size_t kOffsetsPerCommitMax = 5'000;
// Nobody asks for them any more.
constexpr std::size_t kRefusalsMax = 64;
// A commit that was refused for now.
constexpr milliseconds kCommitAgain{200};
// Two nodes that each take the other for the coordinator must not be asked in a tight loop.
constexpr std::uint32_t kHopsMax = 3;
constexpr BackoffRange kAskAgain{milliseconds(50), milliseconds(1'000)};

// Whether the same join may go well later, somewhere.
bool is_passing(const RpcError& error) {
  if (!error.from_broker) return error.error.code != ErrorCode::kUnsupported;
  return may_do_elsewhere(error.error.code) || is_retryable(error.error.code) ||
         error.error.code == ErrorCode::kInternal;
}

bool is_removed(ErrorCode code) {
  return code == ErrorCode::kUnknownMember || code == ErrorCode::kMemberFenced ||
         code == ErrorCode::kUnknownGroup;
}

}  // namespace

MemberSession::MemberSession(Settings settings, std::vector<std::string> servers, std::uint64_t seed)
    : settings_(std::move(settings)),
      rng_(seed),
      nodes_(std::move(servers), settings_.reconnect),
      node_(nodes_.first()) {}

// --- what to do ---

std::optional<MemberSession::Action> MemberSession::next_action(TimePoint now) {
  look_at_clock(now);
  if (!cancels_.empty()) {
    const StreamId stream = cancels_.front();
    cancels_.pop_front();
    return Cancel{stream};
  }
  if (over_) return std::nullopt;
  if (phase_ == Phase::kAway) return open(now);
  if (phase_ == Phase::kJoining) return std::nullopt;
  if (auto words = next_words(now)) return Say{stream_, std::move(*words)};
  return std::nullopt;
}

std::optional<MemberSession::Action> MemberSession::open(TimePoint now) {
  if (now < not_before_) return std::nullopt;
  if (leaving_ && member_id_.empty()) {  // it has never been there
    over_ = true;
    return std::nullopt;
  }
  phase_ = Phase::kJoining;
  stream_ = next_stream_++;
  join_sent_ = now;
  OpenStream action{stream_, node_, nodes_.address(node_), settings_.join};
  if (member_id_.empty() && new_id_.empty()) new_id_ = model::random_uuid(rng_).to_string();
  action.join.member_id = member_id_;
  action.join.new_member_id = member_id_.empty() ? new_id_ : std::string();
  action.join.number = stream_;
  action.join.member_epoch = member_epoch_;
  for (const auto& [partition, owned] : owned_) action.join.owned.push_back(partition);
  return action;
}

std::optional<MemberWords> MemberSession::next_words(TimePoint now) {
  if (leave_said_) return std::nullopt;
  if (now >= heartbeat_at_) {
    heartbeat_at_ = now + heartbeat_interval_;
    const std::uint64_t number = next_heartbeat_++;
    heartbeats_.emplace(number, now);
    return HeartbeatWords{number};
  }
  if (auto commit = next_commit(now)) return commit;
  if (may_confirm()) {
    std::erase_if(owned_, [](const auto& one) { return one.second.state == State::kGivenUp; });
    const ConfirmWords confirm{*to_confirm_};
    to_confirm_.reset();
    // It may be lost, and the coordinator waits for it: only an answer to what is said after it tells.
    unproved_until_ = earlier(unproved_until_, give_up_until_);
    give_up_until_.reset();
    proof_ = next_heartbeat_;
    heartbeat_at_ = now;
    return confirm;
  }
  ReleaseWords release;
  for (auto& [partition, owned] : owned_) {
    if (!owned.overdue || owned.released || owned.state != State::kReading) continue;
    owned.released = true;
    release.partitions.push_back(partition);
  }
  if (!release.partitions.empty()) {
    release.reason =
        "records are in work for more than " + std::to_string(settings_.processing_deadline.count()) + " ms";
    return release;
  }
  const bool all_given_up = std::all_of(owned_.begin(), owned_.end(), [](const auto& one) {
    return one.second.state == State::kGivenUp && !one.second.is_dirty();
  });
  if (leaving_ && all_given_up && !committing_) {
    leave_said_ = true;
    owned_.clear();
    return LeaveWords{};
  }
  return std::nullopt;
}

std::optional<MemberWords> MemberSession::next_commit(TimePoint now) {
  if (committing_ || now < commit_at_) return std::nullopt;
  CommitWords commit;
  bool all = true;
  for (const auto& [partition, owned] : owned_) {
    if (!owned.is_dirty()) continue;
    all = commit.offsets.size() < kOffsetsPerCommitMax;
    if (!all) break;
    commit.offsets.push_back({partition, owned.marks.position(), owned.topic_id});
  }
  commit_at_ = all ? now + settings_.commit_interval : now;
  if (commit.offsets.empty()) return std::nullopt;
  commit.correlation = next_correlation_++;
  committing_ = commit;
  return commit;
}

bool MemberSession::may_confirm() const {
  return to_confirm_ && !committing_ && std::all_of(owned_.begin(), owned_.end(), [](const auto& one) {
           const Owned& owned = one.second;
           return owned.state == State::kReading || (owned.state == State::kGivenUp && !owned.is_dirty());
         });
}

std::optional<MemberSession::Tiding> MemberSession::next_tiding() {
  if (tidings_.empty()) return std::nullopt;
  Tiding tiding = std::move(tidings_.front());
  tidings_.pop_front();
  if (tiding.kind == Tiding::Kind::kAssigned) {
    for (const TopicPartition& partition : tiding.partitions) owned_.at(partition).told = true;
  }
  return tiding;
}

std::optional<MemberSession::Loss> MemberSession::next_loss() {
  if (losses_.empty()) return std::nullopt;
  Loss loss = std::move(losses_.front());
  losses_.pop_front();
  return loss;
}

std::optional<Error> MemberSession::next_refusal() {
  if (refusals_.empty()) return std::nullopt;
  Error error = std::move(refusals_.front());
  refusals_.pop_front();
  return error;
}

// --- what happened ---

void MemberSession::heard(StreamId stream, const CoordinatorWords& words, TimePoint now) {
  look_at_clock(now);  // what was over before this came is over
  if (over_ || stream != stream_ || phase_ == Phase::kAway) return;
  if (const auto* joined = std::get_if<JoinedWords>(&words)) return on_joined(*joined, now);
  if (phase_ != Phase::kJoined) return;
  if (const auto* assignment = std::get_if<AssignmentWords>(&words)) on_assignment(*assignment);
  if (const auto* ack = std::get_if<CommitAckWords>(&words)) on_commit_ack(*ack, now);
  if (const auto* ack = std::get_if<HeartbeatAckWords>(&words)) on_heartbeat_ack(*ack);
  if (const auto* released = std::get_if<ReleasedWords>(&words)) on_released(*released);
}

void MemberSession::on_joined(const JoinedWords& words, TimePoint now) {
  phase_ = Phase::kJoined;
  nodes_.works(node_);
  failures_ = hops_ = 0;
  trouble_.reset();
  if (words.member_id != member_id_) lose_all({ErrorCode::kUnknownMember, "the group knows another member"});
  member_id_ = words.member_id;
  new_id_.clear();
  member_epoch_ = words.member_epoch;
  start_ = words.start;
  unproved_until_.reset();  // what it did not name is given up
  session_ = words.session_timeout;
  heartbeat_interval_ = words.heartbeat_interval;
  heard_sent_ = join_sent_;
  heartbeat_at_ = now + heartbeat_interval_;
}

void MemberSession::on_assignment(const AssignmentWords& words) {
  Partitions revoked, gone;
  std::set<TopicPartition> named;
  if (words.confirm_within.count() > 0 && !words.give_up.empty()) {
    const TimePoint until = heard_sent_ + member_gives_up_within(words.confirm_within);
    give_up_until_ = earlier(give_up_until_, until);
    to_confirm_ = words.number;
  }
  for (const TopicPartition& partition : words.give_up) {
    named.insert(partition);
    const auto at = owned_.find(partition);
    if (at != owned_.end() && at->second.state == State::kReading) take_away(at, revoked);
  }
  for (const auto& one : words.owned) {
    const auto at = owned_.find(one.partition);
    if (at != owned_.end() && at->second.topic_id != one.topic_id) gone.push_back(one.partition);
  }
  lose(std::exchange(gone, {}), {ErrorCode::kNotOwner, "its topic was deleted and made anew"});
  Tiding assigned;
  for (const auto& one : words.owned) {
    named.insert(one.partition);
    if (owned_.contains(one.partition)) continue;
    owned_.emplace(one.partition,
                   Owned(next_grant_++, one.committed, settings_.marked_ranges_max, one.topic_id));
    assigned.partitions.push_back(one.partition);
  }
  // Their topic is deleted, or the group was.
  for (const auto& [partition, owned] : owned_) {
    if (!named.contains(partition)) gone.push_back(partition);
  }
  lose(gone, {ErrorCode::kNotOwner, "the group has nothing to do with it any more"});
  if (!revoked.empty()) tidings_.push_back({Tiding::Kind::kRevoked, std::move(revoked), *give_up_until_});
  if (assigned.partitions.empty()) return;
  tidings_.push_back(std::move(assigned));
  if (!leaving_) return;
  // Nobody asks for tidings of it any more.
  for (const TopicPartition& partition : tidings_.back().partitions)
    owned_.at(partition).state = State::kGivenUp;
  tidings_.pop_back();
}

// Stops reading it. Of what the application has nothing in hand, or has had for too long, it is not asked.
void MemberSession::take_away(OwnedMap::iterator at, Partitions& revoked) {
  Owned& owned = at->second;
  forget_tidings_of(at->first);
  if (owned.overdue && owned.marks.has_unmarked()) {
    losses_.push_back({{at->first},
                       {ErrorCode::kTimedOut, "a record was in work for more than " +
                                                  std::to_string(settings_.processing_deadline.count()) +
                                                  " ms; another member begins with it anew"}});
  } else if (owned.told && (settings_.asks_before_giving_up || owned.marks.has_unmarked())) {
    owned.state = State::kGivingUp;
    revoked.push_back(at->first);
    return;
  }
  owned.state = State::kGivenUp;
  commit_at_ = {};
}

void MemberSession::on_commit_ack(const CommitAckWords& words, TimePoint now) {
  if (!committing_ || words.correlation != committing_->correlation) return;
  std::map<TopicPartition, OffsetWords> sent;
  for (OffsetWords& one : committing_->offsets) sent[one.partition] = std::move(one);
  committing_.reset();
  Partitions gone;
  bool again = false;
  for (const auto& one : words.partitions) {
    const auto at = owned_.find(one.partition);
    const auto offset = sent.find(one.partition);
    if (at == owned_.end() || offset == sent.end()) continue;
    Owned& owned = at->second;
    if (owned.topic_id != offset->second.topic_id) continue;  // of a topic that is no more
    if (!one.error) {
      owned.committed = std::max(owned.committed.value_or(0), offset->second.offset);
    } else if (is_retryable(one.error->code)) {
      again = true;
    } else if (owned.state == State::kGivenUp) {
      losses_.push_back({{one.partition}, *one.error});
      if (leaving_) unfinished_ = one.error;
      owned.committed = owned.marks.position();  // it goes, whatever it says
    } else if (one.error->code == ErrorCode::kNotOwner) {
      gone.push_back(one.partition);
    } else {
      Error refusal = *one.error;
      refusal.context = "commit of " + one.partition.to_string() + ": " + refusal.context;
      if (refusals_.size() < kRefusalsMax) refusals_.push_back(std::move(refusal));
    }
  }
  if (again) commit_at_ = now + kCommitAgain;
  lose(gone, {ErrorCode::kNotOwner, "the coordinator says that another member has it"});
}

void MemberSession::on_heartbeat_ack(const HeartbeatAckWords& words) {
  const auto at = heartbeats_.find(words.number);
  if (at == heartbeats_.end()) return;
  heard_sent_ = std::max(heard_sent_, at->second);
  if (words.number >= proof_) unproved_until_.reset();
  heartbeats_.erase(heartbeats_.begin(), std::next(at));  // acknowledged in order
}

void MemberSession::ended(StreamId stream, const std::optional<RpcError>& error, TimePoint now) {
  look_at_clock(now);
  if (over_ || stream != stream_ || phase_ == Phase::kAway) return;
  const bool was_joined = phase_ == Phase::kJoined;
  const bool has_left = leave_said_ && !error;
  drop_stream();
  cancels_.clear();  // it has ended by itself
  if (has_left) {
    over_ = true;
    return;
  }
  if (error && error->from_broker && is_removed(error->error.code)) {
    lose_all(error->error);
    const bool replaced =
        error->error.code == ErrorCode::kMemberFenced && !settings_.join.instance_id.empty();
    // A static member asks once with its id: whether another instance has its place.
    if (replaced && !was_joined) return stop_for_good(error->error);
    if (!replaced) member_id_.clear();
    if (leaving_ && member_id_.empty()) {
      over_ = true;
      return;
    }
    return come_back(std::nullopt, now);
  }
  if (error && !is_passing(*error)) return stop_for_good(error->error);
  come_back(error, now);
}

// There is nowhere to take it to, so nothing is won by waiting for what is in work.
void MemberSession::on_released(const ReleasedWords& words) {
  for (const TopicPartition& partition : words.staying) {
    const auto at = owned_.find(partition);
    if (at != owned_.end() && at->second.released) at->second.stays = true;
  }
}

void MemberSession::drop_stream() {
  cancels_.push_back(stream_);
  phase_ = Phase::kAway;
  leave_said_ = false;
  heartbeats_.clear();
  committing_.reset();
  // What is to be confirmed comes again. What has gone is given up by not being named in the next join.
  unproved_until_ = earlier(unproved_until_, give_up_until_);
  proof_ = std::numeric_limits<std::uint64_t>::max();
  to_confirm_.reset();
  std::erase_if(
      owned_, [](const auto& one) { return one.second.state == State::kGivenUp && !one.second.is_dirty(); });
  for (auto& [partition, owned] : owned_) owned.released = owned.stays = false;
}

// Where a hint leads, or to the next node after a while.
void MemberSession::come_back(const std::optional<RpcError>& error, TimePoint now) {
  if (error) trouble_ = error->error;
  const bool node_is_gone = error && (!error->from_broker || error->error.code == ErrorCode::kShuttingDown);
  if (node_is_gone) nodes_.failed(node_, now, rng_);
  not_before_ = now;
  if (!error && failures_ == 0) {
    ++failures_;
    return;
  }
  if (error && !error->error.leader.empty() && hops_ < kHopsMax) {
    // Also when it failed lately: nobody else can take the join.
    const auto hint = nodes_.learn(error->error.leader);
    if (hint && *hint != node_) {
      node_ = *hint;
      not_before_ = std::max(not_before_, nodes_.connect_at(*hint));
      ++hops_;
      return;
    }
  }
  hops_ = 0;
  ++failures_;
  if (node_is_gone || (error && error->error.code == ErrorCode::kNotLeader)) node_ = nodes_.next(node_, now);
  not_before_ = now + backoff_delay(kAskAgain, failures_, rng_);
  if (error) not_before_ = std::max(not_before_, now + milliseconds(error->error.retry_after_ms));
  if (node_is_gone) not_before_ = std::max(not_before_, nodes_.connect_at(node_));
}

void MemberSession::lose(const Partitions& partitions, const Error& why) {
  Loss loss;
  loss.why = why;
  for (const TopicPartition& partition : partitions) {
    const auto at = owned_.find(partition);
    if (at == owned_.end()) continue;
    // Of what was given up the application has to know only if it was not committed.
    const Owned& owned = at->second;
    if (owned.told && (owned.state != State::kGivenUp || owned.is_dirty()))
      loss.partitions.push_back(partition);
    if (leaving_ && owned.is_dirty()) unfinished_ = why;
    forget_tidings_of(partition);
    owned_.erase(at);
  }
  if (!loss.partitions.empty()) losses_.push_back(std::move(loss));
}

void MemberSession::lose_all(const Error& why) {
  Partitions all;
  for (const auto& [partition, owned] : owned_) all.push_back(partition);
  lose(all, why);
  give_up_until_.reset();
  unproved_until_.reset();
  to_confirm_.reset();
}

void MemberSession::forget_tidings_of(const TopicPartition& partition) {
  for (Tiding& tiding : tidings_) std::erase(tiding.partitions, partition);
  std::erase_if(tidings_, [](const Tiding& tiding) { return tiding.partitions.empty(); });
}

void MemberSession::stop_for_good(const Error& why) {
  lose_all(why);
  error_ = why;
  trouble_ = why;
  over_ = true;
}

}  // namespace forebay::client
