#include "sim/group_member.h"

#include <algorithm>

namespace forebay::sim {
namespace {

using client::MemberSession;

constexpr std::int64_t kReadMax = 6;  // records of a partition that one poll brings
constexpr std::size_t kInHandMax = 60;
constexpr Duration kGiveUpMax = std::chrono::seconds(4);  // what its hook takes, where it is not prompt

}  // namespace

GroupMember::GroupMember(World& world, GroupMemberOptions options)
    : world_(world), options_(std::move(options)), rng_(world.scheduler.fork_rng()) {}

GroupMember::~GroupMember() = default;

GroupMember::Clock GroupMember::now() const {
  const std::int64_t true_ns = world_.scheduler.now().time_since_epoch().count();
  const std::int64_t ns =
      true_ns / 1'000'000 * options_.clock_ppm + true_ns % 1'000'000 * options_.clock_ppm / 1'000'000;
  return Clock(std::chrono::hours(options_.number) + Duration(ns));
}

// Never too early.
Duration GroupMember::until(Clock time) const {
  if (time <= now()) return Duration(0);
  const auto own = std::min<Duration>(time - now(), std::chrono::hours(1));
  return Duration(own.count() / options_.clock_ppm * 1'000'000 +
                  own.count() % options_.clock_ppm * 1'000'000 / options_.clock_ppm + 1'000);
}

Duration GroupMember::draw(Duration most) {
  return Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(most.count()) + 1)));
}

void GroupMember::start() {
  executor_ = std::make_unique<SimExecutor>(world_.scheduler);
  session_ = std::make_unique<MemberSession>(options_.settings, world_.servers, rng_.next());
  leaving_ = false;
  executor_->post([this] {
    pump();
    poll();
  });
}

void GroupMember::kill(GroupWires::Death how) {
  world_.wires.member_died(options_.number, how);
  executor_.reset();
  session_.reset();
  wires_.clear();
  streams_.clear();
  alarm_.reset();
  reads_.clear();
  in_hand_.clear();
  giving_up_.clear();
  slow_until_ = {};
  look();
}

void GroupMember::pause() {
  executor_->pause();
  look();
}

// What it believes then it says when its first task runs, which looks at the clock.
void GroupMember::resume() {
  executor_->resume();
  executor_->post([this] { pump(); });
}

void GroupMember::leave() {
  leaving_ = true;
  executor_->post([this] {
    session_->leave();
    pump();
  });
}

// --- streams

void GroupMember::on_words(WireId wire, const client::CoordinatorWords& words) {
  executor_->post([this, wire, words] {
    const auto stream = streams_.find(wire);
    if (stream == streams_.end()) return;
    session_->heard(stream->second, words, now());
    pump();
  });
}

void GroupMember::on_ended(WireId wire, const std::optional<client::RpcError>& error) {
  executor_->post([this, wire, error] {
    const auto stream = streams_.find(wire);
    if (stream == streams_.end()) return;
    const auto id = stream->second;
    wires_.erase(id);
    streams_.erase(stream);
    world_.tell("member " + std::to_string(options_.number) +
                ": stream ended: " + (error ? error->error.to_string() : "as asked for"));
    session_->ended(id, error, now());
    pump();
  });
}

void GroupMember::pump() {
  while (auto action = session_->next_action(now())) {
    if (const auto* open = std::get_if<MemberSession::OpenStream>(&*action)) {
      const WireId wire = world_.wires.open(*this, world_.node_of(open->address));
      wires_[open->stream] = wire;
      streams_[wire] = open->stream;
      world_.wires.say(wire, open->join);
      continue;
    }
    const auto* say = std::get_if<MemberSession::Say>(&*action);
    const auto stream = say != nullptr ? say->stream : std::get<MemberSession::Cancel>(*action).stream;
    const auto found = wires_.find(stream);
    if (found == wires_.end()) continue;  // it has ended by itself
    if (say != nullptr) {
      world_.wires.say(found->second, say->words);
      continue;
    }
    world_.wires.cancel(found->second);
    streams_.erase(found->second);
    wires_.erase(found);
  }
  while (session_->next_loss()) ++counts_.losses;
  while (auto refusal = session_->next_refusal()) {
    ++counts_.refusals;
    // Of a topic that is deleted meanwhile.
    if (refusal->code != ErrorCode::kUnknownTopic && refusal->code != ErrorCode::kUnknownPartition)
      world_.fail("a commit of what was done is refused: " + refusal->to_string());
  }
  if (session_->error()) world_.fail("a member stops for good: " + session_->error()->to_string());
  look();
  arm();
}

void GroupMember::arm() {
  if (alarm_) executor_->cancel(*std::exchange(alarm_, std::nullopt));
  if (const auto deadline = session_->next_deadline()) {
    // next_action() has just been asked, and has had nothing.
    const bool spins = *deadline <= now();
    if (spins) world_.fail("a member wants to be asked again at once, for ever: it would spin");
    alarm_ = executor_->schedule_after(spins ? std::chrono::seconds(1) : until(*deadline), [this] {
      alarm_.reset();
      pump();
    });
  }
}

void GroupMember::look() {
  std::set<GroupChecks::Name> owned;
  if (session_ && !executor_->paused()) {
    for (const auto& [topic, index] : world_.topics.partitions()) {
      if (!world_.topics.was_removed(topic) && session_->owns({topic, index})) owned.emplace(topic, index);
    }
  }
  if (owned != world_.checks.beliefs(options_.number))
    world_.checks.believes(options_.number, std::move(owned));
}

// --- the application

void GroupMember::poll() {
  ++counts_.polls;
  run_tidings();
  read();
  work();
  pump();
  executor_->schedule_after(std::chrono::milliseconds(1) + draw(options_.poll_max), [this] { poll(); });
}

void GroupMember::run_tidings() {
  while (auto tiding = session_->next_tiding()) {
    if (tiding->kind != MemberSession::Tiding::Kind::kRevoked) continue;
    ++counts_.revoked;
    const Duration takes = prompt_ || rng_.one_in(2) ? Duration(0) : draw(kGiveUpMax);
    giving_up_.push_back({world_.scheduler.now() + takes, tiding->partitions});
  }
}

void GroupMember::read() {
  for (const auto& reading : session_->reading()) {
    const auto log = world_.topics.find(reading.partition.topic, reading.partition.partition);
    auto& [grant, next] = reads_[reading.partition];
    if (grant != reading.grant) std::tie(grant, next) = std::pair(reading.grant, reading.from.value_or(0));
    if (!log || reading.held_back || in_hand_.size() > kInHandMax) continue;
    const std::int64_t end =
        std::min(world_.topics.end(*log), next + 1 + static_cast<std::int64_t>(rng_.below(kReadMax)));
    if (next >= end) continue;
    if (!session_->delivered(reading.partition, grant, next, end, now())) continue;
    for (; next < end; ++next) in_hand_.push_back({reading.partition, *log, next});
  }
}

void GroupMember::work() {
  if (world_.scheduler.now() >= slow_until_) {
    for (std::uint64_t i = rng_.below(prompt_ ? kInHandMax : 12); i > 0 && !in_hand_.empty(); --i)
      mark(rng_.one_in(3) ? rng_.below(in_hand_.size()) : 0);
  }
  for (auto at = giving_up_.begin(); at != giving_up_.end();) {
    if (at->when > world_.scheduler.now()) {
      ++at;
      continue;
    }
    session_->gave_up(at->partitions);
    at = giving_up_.erase(at);
  }
}

// It is done, whether that counts or not.
void GroupMember::mark(std::size_t which) {
  const InHand one = in_hand_[which];
  in_hand_.erase(in_hand_.begin() + static_cast<std::ptrdiff_t>(which));
  ++counts_.records;
  world_.checks.done(one.at, one.offset);
  const auto marked = session_->mark(one.partition, one.offset, one.offset + 1);
  if (marked) return;
  ++counts_.marks_refused;
  if (marked.error().code != ErrorCode::kNotOwner && marked.error().code != ErrorCode::kInvalidArgument)
    world_.fail("a mark is refused: " + marked.error().to_string());
}

}  // namespace forebay::sim
