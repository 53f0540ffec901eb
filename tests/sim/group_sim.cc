// A world from its begin to its end. What goes wrong in it is in group_sim_faults.cc.
#include "sim/group_sim.h"

#include <algorithm>
#include <array>

#include "group/core/views.h"
#include "sim/group_sim_node.h"

namespace forebay::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The longest revoke timeout, a join that nobody has answered, and a few attempts more.
constexpr Duration kRestMax = seconds(90);
// A process that is killed says so: members ask the next node at once.
constexpr Duration kFailOverMax = seconds(3);

}  // namespace

GroupSimOptions GroupSimOptions::draw(std::uint64_t seed) {
  SimRng rng(seed * 0x9e3779b97f4a7c15ULL + 1);
  GroupSimOptions options;
  options.seed = seed;
  options.network = SimNetwork::draw(rng);
  constexpr std::array kSessions{milliseconds(2'000), milliseconds(3'000), milliseconds(6'000),
                                 milliseconds(10'000)};
  options.session = kSessions[rng.below(kSessions.size())];
  if (rng.one_in(4)) options.assignor = group::Assignor::kRange;
  if (rng.one_in(4)) options.start = StartRule{StartRule::Point::kLatest, 0};
  options.mixed_subscriptions = rng.one_in(3);
  options.static_members = rng.one_in(3);
  options.members = 2 + rng.below(4);
  if (rng.one_in(2)) options.wires.late_one_in = 10 + rng.below(30);
  const auto some = [&rng](std::uint64_t often) { return rng.one_in(3) ? 0 : often; };
  options.node_faults = some(6);
  options.cuts = some(7);
  options.member_faults = some(4);
  options.slow = some(6);
  options.topic_changes = some(10);
  options.deletions = rng.one_in(4) ? 12 : 0;
  options.strangers = some(3);
  return options;
}

GroupSim::GroupSim(const GroupSimOptions& options, Tell tell)
    : options_(options),
      tell_(std::move(tell)),
      rng_(options.seed),
      checks_(topics_, [this](const std::string& what) { fail(what); }),
      cluster_(options.seed, 3, options.network,
               [](SimScheduler& scheduler, SimNetwork& network,
                  std::uint32_t id) -> std::unique_ptr<machine::MachineNode> {
                 return std::make_unique<Node>(scheduler, network, id);
               }),
      wires_(cluster_.scheduler(), *this, "g", options.assignor),
      world_{cluster_.scheduler(),
             wires_,
             topics_,
             checks_,
             [](const std::string& address) { return static_cast<std::size_t>(address.back() - '1'); },
             {"node:1", "node:2", "node:3"},
             [this](const std::string& what) { fail(what); },
             [this](const std::string& line) { this->tell(line); }} {
  wires_.set_options(options.wires);
  for (int i = 0; i < 3; ++i) topics_.set("t" + std::to_string(i), 1 + draw(4));
  const bool trims = draw(2) == 0;
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    Node& one = node(i);
    one.attach(*this);
    one.learn(topics_.image());
    if (!trims) one.config_.trimming = {1'000'000, 1};
  }
}

GroupSim::~GroupSim() { cluster_.scheduler().discard_events_of(this); }

void GroupSim::fail(const std::string& what) {
  if (!failure_.empty()) return;
  const auto at = std::chrono::duration_cast<milliseconds>(cluster_.scheduler().now().time_since_epoch());
  failure_ = "at " + std::to_string(at.count()) + " ms: " + what;
  tell("FAILED: " + what);
}

void GroupSim::tell(const std::string& line) {
  if (!tell_) return;
  const auto at = std::chrono::duration_cast<milliseconds>(cluster_.scheduler().now().time_since_epoch());
  tell_(std::to_string(at.count()) + " " + line);
}

GroupSim::Node& GroupSim::node(std::size_t index) { return dynamic_cast<Node&>(cluster_.node(index)); }

std::size_t GroupSim::index_of(const Node& node) { return node.id().value() - 1; }

GroupSim::Node* GroupSim::leader() { return dynamic_cast<Node*>(cluster_.leader()); }

void GroupSim::run_for(Duration duration) { cluster_.scheduler().run_for(duration); }

bool GroupSim::run_until(const std::function<bool()>& holds, Duration limit) {
  const TimePoint end = cluster_.scheduler().now() + limit;
  while (!failed() && !holds()) {
    if (cluster_.scheduler().now() >= end) return false;
    run_for(milliseconds(20));
  }
  return !failed();
}

// --- streams

SimExecutor* GroupSim::executor_of(std::size_t index) {
  return node(index).is_up() ? &node(index).executor() : nullptr;
}

group::Coordinator* GroupSim::coordinator_of(std::size_t index) { return node(index).coordinator(); }

std::string GroupSim::leader_hint(std::size_t index) {
  partition::Partition* log = node(index).log();
  const auto leads = log != nullptr ? log->leader() : std::nullopt;
  return leads && *leads != node(index).id() ? "node:" + std::to_string(leads->value()) : "";
}

void GroupSim::on_committed(std::size_t index, const group::NamedOffset& entry) {
  group::Coordinator& coordinator = *node(index).coordinator();
  const group::Group* known = coordinator.look().find("g");
  if (known == nullptr || topics_.was_removed(entry.partition.topic)) return;
  for (const auto& [id, topic] : known->roster.topics) {
    if (topic.name == entry.partition.topic)
      checks_.acknowledged({id, entry.partition.partition}, entry.offset, coordinator.host().applied());
  }
}

void GroupSim::on_commit(std::size_t, const group::MemberRef& member,
                         const std::vector<group::NamedOffset>& entries) {
  sent_.push_back({member, entries});
  if (sent_.size() > 20) sent_.pop_front();
  const bool is_new = std::none_of(seen_.begin(), seen_.end(), [&](const group::MemberRef& one) {
    return one.id == member.id && one.epoch == member.epoch;
  });
  if (is_new) seen_.push_back(member);
}

// --- the story

std::string GroupSim::run() {
  cluster_.start_all();
  for (std::size_t i = 0; i < options_.members; ++i) add_member().start();
  for (int i = 0; i < options_.steps && !failed() && !testing::Test::HasFailure(); ++i) step();
  if (!failed()) settle();
  if (!failed()) lose_coordinator();
  if (!failed()) all_leave();
  if (!failed()) compare_replicas();
  return failure_;
}

std::uint64_t GroupSim::trace_hash() {
  TraceHash hash;
  hash.add(cluster_.scheduler().trace_hash());
  hash.add(cluster_.network().trace_hash());
  hash.add(checks_.trace_hash());
  return hash.value();
}

// What is not at rest; empty: nothing.
std::string GroupSim::restless() {
  Node* leads = leader();
  if (leads == nullptr) return "nobody coordinates";
  const group::Group* group = leads->coordinator()->look().find("g");
  if (group == nullptr) return "there is no group";
  if (group->roster.members.size() != members_.size())
    return std::to_string(group->roster.members.size()) + " of " + std::to_string(members_.size()) +
           " members";
  if (group::state_of(*group) != group::GroupState::kStable) return "it is being assigned";
  std::size_t owned = 0, read = 0;
  for (const auto& [id, topic] : group->roster.topics) {
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
      if (topic.partitions[i].owner == group::kNobody) continue;
      ++owned;
      const model::TopicPartition partition{id, model::PartitionIndex(static_cast<std::int32_t>(i))};
      const auto at = group->positions.find(partition);
      const auto next = at == group->positions.end() ? std::nullopt : at->second.next();
      if (next.value_or(model::Offset(0)).value() != topics_.end(partition))
        return topic.name + "-" + std::to_string(i) + " is committed up to " +
               std::to_string(next.value_or(model::Offset(0)).value()) + " of " +
               std::to_string(topics_.end(partition));
    }
  }
  for (const auto& member : members_) {
    if (!member->session().is_joined()) return "member " + std::to_string(member->number()) + " is away";
    read += member->reading().size();
  }
  if (read != owned) return std::to_string(read) + " of " + std::to_string(owned) + " partitions are read";
  // Who takes a whole state is no help when another node is lost (ADR 17).
  return cluster_.settled() ? "" : "the replicas of __groups differ";
}

// Who has how much, where all are subscribed to the same; empty: nobody has two more than another one. And
// every partition of a topic that somebody wants is owned.
std::string GroupSim::uneven() {
  const group::Group& group = *leader()->coordinator()->look().find("g");
  std::map<group::MemberNumber, std::size_t> load;
  bool slow = false;  // what was too slow somewhere has moved, and nothing in its place
  for (const auto& [number, member] : group.roster.members) load[number] = 0;
  for (const auto& [id, topic] : group.roster.topics) {
    for (const group::Ownership& one : topic.partitions) {
      if (one.owner != group::kNobody) ++load[one.owner];
      slow = slow || one.avoided != group::kNobody;
    }
  }
  if (options_.mixed_subscriptions) return {};
  for (const auto& [name, topic] : topics_.image().topics) {
    const auto known = group.roster.topics.find(topic->id);
    if (known == group.roster.topics.end() || known->second.partitions.size() != topic->partitions.size())
      return "topic " + name + " is not known as it is";
    for (const group::Ownership& one : known->second.partitions) {
      if (one.owner == group::kNobody) return "a partition of " + name + " belongs to nobody";
    }
  }
  if (options_.assignor == group::Assignor::kRange || slow) return {};
  const auto [least, most] = std::minmax_element(
      load.begin(), load.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most->second <= least->second + 1) return {};
  return "one member has " + std::to_string(least->second) + " partitions, another one " +
         std::to_string(most->second);
}

void GroupSim::settle() {
  heal();
  if (!run_until([this] { return restless().empty(); }, kRestMax)) {
    return fail("no rest within " + std::to_string(kRestMax / seconds(1)) + " s: " + restless() + "\n" +
                cluster_.state());
  }
  // What could not be logged during a handover is tried again a little later, and the last change of a topic
  // may not have been heard of yet.
  run_for(seconds(2));
  if (!run_until([this] { return restless().empty() && uneven().empty(); }, kRestMax)) fail(uneven());
}

// In peace: everybody comes back, and nothing moves.
void GroupSim::lose_coordinator() {
  tell("the coordinator is lost, in peace");
  const auto& group = *checks_.image().find("g");
  std::map<model::TopicPartition, group::MemberNumber> before;
  const auto owners = [](const group::Group& of) {
    std::map<model::TopicPartition, group::MemberNumber> all;
    for (const auto& [id, topic] : of.roster.topics) {
      for (std::size_t i = 0; i < topic.partitions.size(); ++i)
        all[{id, model::PartitionIndex(static_cast<std::int32_t>(i))}] = topic.partitions[i].owner;
    }
    return all;
  };
  before = owners(group);
  const GroupChecks::Counts counted = checks_.counts();
  Node& lost = *leader();
  const bool by_power = draw(3) == 0;
  const bool by_transfer = !by_power && draw(3) == 0;
  const TimePoint begun = cluster_.scheduler().now();
  const std::size_t index = index_of(lost);
  if (by_transfer) {
    transfer();
  } else {
    kill(index, by_power ? machine::MachineNode::End::kPower : machine::MachineNode::End::kKill);
  }
  const bool rests = run_until(
      [&] { return leader() != nullptr && (by_transfer || leader() != &lost) && restless().empty(); },
      kRestMax);
  if (!rests) return fail("no rest after the coordinator was lost: " + restless() + "\n" + cluster_.state());
  const Duration took = cluster_.scheduler().now() - begun;
  if (!by_power && took > kFailOverMax && options_.wires.late_one_in == 0 &&
      options_.network.late_chance == 0)
    fail("the fail-over took " + std::to_string(took / milliseconds(1)) + " ms");
  if (!by_transfer) start_node(index);
  run_for(options_.session + seconds(2));
  const GroupChecks::Counts& now = checks_.counts();
  // A member whose session is short may not come back in time from a node that is silent.
  if (by_power && options_.session < seconds(6)) return;
  if (now.sessions_ended != counted.sessions_ended || now.revokes_timed_out != counted.revokes_timed_out)
    fail("a member is out of the group by the loss of the coordinator alone");
  if (now.asked_back != counted.asked_back || owners(*checks_.image().find("g")) != before)
    fail("a partition has moved by the loss of the coordinator alone");
}

void GroupSim::all_leave() {
  tell("everybody leaves");
  for (const auto& member : members_) member->leave();
  const bool over = run_until(
      [this] {
        return std::all_of(members_.begin(), members_.end(),
                           [](const auto& one) { return one->has_left(); }) &&
               leader() != nullptr && leader()->coordinator()->look().find("g")->roster.members.empty();
      },
      kRestMax);
  if (!over) fail("not everybody has left");
}

void GroupSim::compare_replicas() {
  if (!run_until([this] { return cluster_.settled(); }, seconds(30)))
    return fail("the nodes do not agree:\n" + cluster_.state());
  run_for(seconds(1));
  checks_.finish();
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    if (node(i).coordinator()->look() != checks_.image())
      fail("node " + std::to_string(i + 1) + " has another state than the records of the log");
  }
}

GroupSim::Places GroupSim::places() const {
  const GroupChecks::Counts& log = checks_.counts();
  const GroupWires::Counts& wires = wires_.counts();
  GroupMember::Counts members;
  for (const auto& one : members_) {
    members.losses += one->counts().losses;
    members.revoked += one->counts().revoked;
    members.records += one->counts().records;
    members.marks_refused += one->counts().marks_refused;
  }
  return {{"records of the log", log.records},
          {"offsets committed", log.commits},
          {"commits acknowledged", log.acknowledged},
          {"offsets reset", log.resets},
          {"members joined", log.joins},
          {"members came back", log.returns},
          {"members left", log.left},
          {"sessions ended", log.sessions_ended},
          {"members fenced that did not give up in time", log.revokes_timed_out},
          {"partitions asked back", log.asked_back},
          {"partitions given up", log.confirmed},
          {"partitions too slow for a member", log.avoided},
          {"starts resolved", log.starts},
          {"topics forgotten", log.topics_forgotten},
          {"streams", wires.opened},
          {"words held up by a cut", wires.held},
          {"late words", wires.late},
          {"lost words", wires.lost_words},
          {"streams given up", wires.given_up},
          {"records done", members.records},
          {"losses told", members.losses},
          {"revocations told", members.revoked},
          {"marks of what is lost", members.marks_refused},
          {"kills", counts_.kills},
          {"power cuts", counts_.power_cuts},
          {"pauses of nodes", counts_.node_pauses},
          {"transfers", counts_.transfers},
          {"cuts", counts_.cuts},
          {"kills of members", counts_.member_kills},
          {"pauses of members", counts_.member_pauses},
          {"cuts of members", counts_.member_cuts},
          {"leaves", counts_.leaves},
          {"slow applications", counts_.slow},
          {"topics made", counts_.topics_made},
          {"topics grown", counts_.topics_grown},
          {"topics deleted", counts_.topics_deleted},
          {"commits of old epochs refused", counts_.old_commits_refused},
          {"commits beyond the end refused", counts_.far_commits_refused},
          {"commits that came twice", counts_.late_commits},
          {"moves of leadership", counts_.moves_of_leadership}};
}

}  // namespace forebay::sim
