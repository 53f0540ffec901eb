// What goes wrong in a world with groups, and who comes and goes.
#include <algorithm>
#include <array>

#include "sim/group_sim.h"
#include "sim/group_sim_node.h"

namespace forebay::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMembersMax = 6;

bool now_and_then(SimRng& rng, std::uint64_t often) { return often > 0 && rng.one_in(often); }

}  // namespace

void GroupSim::step() {
  ++counts_.steps;
  if (now_and_then(rng_, options_.node_faults)) node_fault();
  if (now_and_then(rng_, options_.cuts)) cut_some();
  if (now_and_then(rng_, options_.member_faults)) member_fault();
  if (now_and_then(rng_, options_.topic_changes)) topic_change();
  if (now_and_then(rng_, options_.strangers)) stranger();
  if (now_and_then(rng_, options_.slow)) {
    if (GroupMember* member = draw_member()) {
      ++counts_.slow;
      member->be_slow_until(cluster_.scheduler().now() + milliseconds(draw(8'000)));
    }
  }
  for (std::uint64_t i = draw(5); i > 0; --i) produce();
  run_for(std::chrono::microseconds(1) * (1 + draw(600'000)));
  const TimePoint now = cluster_.scheduler().now();
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    if (node(i).is_up() && node(i).paused_until && *node(i).paused_until <= now) {
      node(i).paused_until.reset();
      node(i).executor().resume();
    }
  }
  for (const auto& member : members_) {
    if (member->is_up() && member->is_paused() && draw(4) == 0) member->resume();
  }
  if (Node* leads = leader(); leads != nullptr && last_leader_ != index_of(*leads)) {
    counts_.moves_of_leadership += last_leader_ ? 1U : 0U;
    last_leader_ = index_of(*leads);
    tell("node " + std::to_string(*last_leader_ + 1) + " coordinates");
  }
}

void GroupSim::produce() {
  const auto all = topics_.partitions();
  const auto& [name, index] = all[draw(all.size())];
  topics_.append(*topics_.find(name, index), 1 + static_cast<std::int64_t>(draw(5)));
}

// --- nodes

void GroupSim::kill(std::size_t index, machine::MachineNode::End how) {
  const bool power = how == machine::MachineNode::End::kPower;
  ++(power ? counts_.power_cuts : counts_.kills);
  tell((power ? "power cut of node " : "kill of node ") + std::to_string(index + 1));
  node(index).paused_until.reset();
  wires_.node_died(index, power ? GroupWires::Death::kSilent : GroupWires::Death::kProcess);
  node(index).die(how);
}

void GroupSim::start_node(std::size_t index) {
  if (node(index).is_up()) return;
  tell("start of node " + std::to_string(index + 1));
  wires_.node_started(index);
  cluster_.start(node(index));
}

void GroupSim::transfer() {
  Node* leads = leader();
  if (leads == nullptr) return;
  const model::NodeId to(static_cast<std::uint32_t>(1 + (leads->id().value() + draw(2)) % 3));
  counts_.transfers += leads->log()->group().transfer_to(to) ? 1U : 0U;
  tell("transfer to node " + std::to_string(to.value()));
}

void GroupSim::node_fault() {
  // Mostly the coordinator's.
  Node* leads = leader();
  const std::size_t index = leads != nullptr && draw(2) == 0 ? index_of(*leads) : draw(3);
  Node& one = node(index);
  switch (draw(7)) {
    case 0:
    case 1:
      if (one.is_up())
        kill(index, draw(2) == 0 ? machine::MachineNode::End::kKill : machine::MachineNode::End::kPower);
      break;
    case 2:
    case 3:
      for (std::size_t i = 0; i < cluster_.size(); ++i) start_node(i);
      break;
    case 4:
      transfer();
      break;
    default:
      if (!one.is_up() || one.paused_until) break;
      ++counts_.node_pauses;
      tell("pause of node " + std::to_string(index + 1));
      one.executor().pause();
      one.paused_until = cluster_.scheduler().now() + milliseconds(draw(6'000));
  }
}

void GroupSim::cut_some() {
  ++counts_.cuts;
  Node* leads = leader();
  const std::size_t index = leads != nullptr && draw(2) == 0 ? index_of(*leads) : draw(3);
  switch (draw(5)) {
    case 0:
      tell("node " + std::to_string(index + 1) + " is cut off");
      cluster_.isolate(node(index));
      break;
    case 1: {
      const model::NodeId from(static_cast<std::uint32_t>(1 + draw(3)));
      if (from != node(index).id()) cluster_.network().cut(from, node(index).id());
      break;
    }
    case 2:
      if (GroupMember* member = draw_member()) {
        ++counts_.member_cuts;
        tell("member " + std::to_string(member->number()) + " is cut off from node " +
             std::to_string(index + 1));
        wires_.cut(member->number(), index);
      }
      break;
    default:
      tell("all cuts heal");
      cluster_.network().heal_all();
      wires_.heal_all();
  }
}

// --- members

GroupMember* GroupSim::draw_member() {
  if (members_.empty()) return nullptr;
  GroupMember& member = *members_[draw(members_.size())];
  return member.is_up() ? &member : nullptr;
}

GroupMemberOptions GroupSim::member_options() {
  GroupMemberOptions options;
  options.number = ++members_made_;
  client::JoinWords& join = options.settings.join;
  join.group = "g";
  if (!options_.mixed_subscriptions) {
    join.pattern = "t.*";
  } else if (draw(3) == 0) {
    join.pattern = draw(2) == 0 ? "t.*" : "t[13]";
  } else {
    for (int i = 0; i < 4; ++i) {
      if (draw(2) == 0) join.topics.push_back("t" + std::to_string(i));
    }
    if (join.topics.empty()) join.topics.push_back("t0");
  }
  join.start = options_.start;
  join.session_timeout = options_.session;
  join.revoke_timeout = options_.session + milliseconds(draw(3) * 4'000);
  if (options_.static_members && draw(2) == 0) join.instance_id = "static-" + std::to_string(options.number);
  options.settings.processing_deadline = milliseconds(draw(2) == 0 ? 0 : 1'000 + draw(2'000));
  options.settings.commit_interval = milliseconds(100 + draw(900));
  options.settings.marked_ranges_max = 1'000;
  options.settings.asks_before_giving_up = draw(2) == 0;
  options.settings.reconnect = {milliseconds(20), milliseconds(500)};
  options.clock_ppm = draw(2) == 0 ? 1'000'000 : 930'000 + static_cast<std::int64_t>(draw(150'000));
  return options;
}

GroupMember& GroupSim::add_member() {
  members_.push_back(std::make_unique<GroupMember>(world_, member_options()));
  return *members_.back();
}

void GroupSim::member_fault() {
  const auto gone = std::find_if(members_.begin(), members_.end(),
                                 [](const auto& one) { return !one->is_up() || one->has_left(); });
  if (gone != members_.end() && draw(2) == 0) {
    GroupMember& member = **gone;
    if (member.is_up()) member.kill(GroupWires::Death::kProcess);
    tell("member " + std::to_string(member.number()) + " starts again");
    return member.start();
  }
  GroupMember* member = draw_member();
  if (draw(4) == 0 && members_.size() < kMembersMax) {
    add_member().start();
    return tell("member " + std::to_string(members_made_) + " comes");
  }
  if (member == nullptr) return;
  const std::string name = "member " + std::to_string(member->number());
  switch (draw(5)) {
    case 0:
      ++counts_.member_kills;
      tell(name + " is killed");
      member->kill(draw(2) == 0 ? GroupWires::Death::kProcess : GroupWires::Death::kSilent);
      break;
    case 1:
    case 2:
      if (member->is_paused()) break;
      ++counts_.member_pauses;
      tell(name + " is paused");
      member->pause();
      break;
    case 3:
      ++counts_.breaks;
      tell(name + " loses its connections");
      wires_.break_streams_of(member->number());
      break;
    default:
      if (member->is_leaving()) break;
      ++counts_.leaves;
      tell(name + " leaves");
      member->leave();
  }
}

// --- topics

void GroupSim::topic_change() {
  const std::string name = "t" + std::to_string(draw(4));
  const cluster::TopicPtr topic = topics_.image().find(name);
  // Members say names: a topic that is deleted and made again is not told from the one before by them.
  if (topics_.was_removed(name)) return;
  if (topic == nullptr) {
    ++counts_.topics_made;
    topics_.set(name, 1 + draw(4));
  } else if (now_and_then(rng_, options_.deletions) && topics_.image().topics.size() > 1) {
    ++counts_.topics_deleted;
    topics_.remove(name);
  } else if (topic->partitions.size() < 6) {
    ++counts_.topics_grown;
    topics_.set(name, topic->partitions.size() + 1 + draw(2));
  }
  tell("topic " + name + " changes");
  spread_topics();
}

// Each node hears of it in its time.
void GroupSim::spread_topics() {
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    const Duration delay = milliseconds(draw(draw(2) == 0 ? 50 : 3'000));
    cluster_.scheduler().add_event(delay, this, nullptr, [this, i, image = topics_.image()] {
      Node& one = node(i);
      if (!one.is_up()) return one.learn(image);
      one.executor().post([&one, image] { one.learn(image); });
    });
  }
}

// --- commits that must not count, and resets

// On the node that coordinates. `must_fail`: else it was taken from a member that speaks in another epoch.
void GroupSim::commit_as(const group::MemberRef& member, const std::vector<group::NamedOffset>& entries,
                         bool must_fail) {
  const std::size_t index = draw(4) == 0 || leader() == nullptr ? draw(3) : index_of(*leader());
  if (!node(index).is_up()) return;
  node(index).executor().post([this, index, member, entries, must_fail] {
    group::Coordinator* coordinator = coordinator_of(index);
    if (coordinator == nullptr) return;
    const group::Group* known = coordinator->look().find("g");
    if (known == nullptr) return;
    const group::Member* there = known->roster.member(known->roster.number_of(member.id));
    const bool is_old = there == nullptr || there->settings.epoch != member.epoch;
    if (!is_old && !must_fail && sent_.empty()) return;
    coordinator->commit(
        "g", member, entries,
        [this, index, entries, is_old, must_fail](const Result<group::EntryResults>& results) {
          if (is_old && results) fail("a commit of an older epoch is taken");
          counts_.old_commits_refused += is_old && results.has_value() == false ? 1U : 0U;
          if (!results) return;
          for (std::size_t i = 0; i < entries.size(); ++i) {
            const Result<void>& one = (*results)[i];
            if (one && must_fail) fail("a commit beyond the end is taken");
            if (one && node(index).is_up()) on_committed(index, entries[i]);
            counts_.far_commits_refused += !one && one.error().code == ErrorCode::kOffsetOutOfRange ? 1U : 0U;
          }
        });
  });
}

void GroupSim::stranger() {
  if (seen_.empty() || sent_.empty()) return;
  switch (draw(4)) {
    case 0: {  // in an epoch that is over, of what was not done
      const group::MemberRef member = seen_[draw(seen_.size())];
      const group::Group* known = checks_.image().find("g");
      const group::Member* there =
          known == nullptr ? nullptr : known->roster.member(known->roster.number_of(member.id));
      if (known == nullptr || (there != nullptr && there->settings.epoch == member.epoch)) return;
      const auto all = topics_.partitions();
      const auto& [name, index] = all[draw(all.size())];
      const auto end = model::Offset(topics_.end(*topics_.find(name, index)));
      return commit_as(member, {{{name, model::PartitionIndex(index)}, end, ""}}, false);
    }
    case 1: {  // beyond the end
      SentCommit sent = sent_[draw(sent_.size())];
      for (group::NamedOffset& one : sent.entries) one.offset = model::Offset(one.offset.value() + 100'000);
      return commit_as(sent.member, sent.entries, true);
    }
    case 2: {  // what was committed once comes again, late
      const SentCommit sent = sent_[draw(sent_.size())];
      ++counts_.late_commits;
      return commit_as(sent.member, sent.entries, false);
    }
    default:
      reset_some();
  }
}

void GroupSim::reset_some() {
  Node* leads = leader();
  if (leads == nullptr) return;
  const auto all = topics_.partitions();
  const auto& [name, index] = all[draw(all.size())];
  const auto to = static_cast<std::int64_t>(
      draw(static_cast<std::uint64_t>(topics_.end(*topics_.find(name, index))) + 1));
  leads->executor().post([this, index = index_of(*leads), name = name, partition = index, to] {
    if (group::Coordinator* coordinator = coordinator_of(index)) {
      coordinator->reset("g", {{{name, model::PartitionIndex(partition)}, model::Offset(to), ""}},
                         group::Turn::ResetMode::kDo, [](const Result<std::vector<group::ResetResult>>&) {});
    }
  });
}

// --- peace

void GroupSim::heal() {
  tell("peace");
  cluster_.network().heal_all();
  cluster_.network().set_options({});
  for (std::size_t i = 0; i < cluster_.size(); ++i) {
    Node& one = node(i);
    if (one.is_up() && std::exchange(one.paused_until, std::nullopt)) one.executor().resume();
    start_node(i);
    one.executor().post([this, &one] { one.learn(topics_.image()); });
  }
  wires_.heal_all();
  for (auto at = members_.begin(); at != members_.end();) {
    GroupMember& member = **at;
    member.be_prompt();
    if (member.is_up() && member.is_paused()) member.resume();
    if (member.is_up() && member.is_leaving()) member.kill(GroupWires::Death::kProcess);
    if (!member.is_up()) member.start();
    ++at;
  }
}

}  // namespace forebay::sim
