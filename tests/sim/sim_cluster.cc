#include "sim/sim_cluster.h"

#include <algorithm>
#include <utility>

#include "log/core/damage.h"
#include "sim/history_check.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kFormedWithin = 5s;
// A process that dies is started again no sooner.
constexpr Duration kRestartMin = 1ms;
// Liveness is looked at once in so many events.
constexpr std::uint64_t kLivenessSteps = 16;
// Of a majority that can speak, to its sessions, votes and first commit.
constexpr Duration kElectWithin = 4s;
// Between the last heartbeat that came back and the step down, beside what is configured.
constexpr Duration kStepDownSlack = 300ms;

LivenessWatch::Bounds bounds_of(const ClusterOptions& options) {
  const raft::PeersConfig& peers = options.setup.peers;
  return {.step_down = peers.failure_timeout + 2 * peers.heartbeat_interval + peers.session_grace +
                       options.network.late_delay_max + kStepDownSlack,
          .elect = kElectWithin};
}

std::string members_text(const log::Membership& members) {
  std::string text;
  for (const auto* list : {&members.voters, &members.next_voters, &members.learners}) {
    text += list == &members.voters ? "" : "/";
    for (const log::Voter& one : *list) text += std::to_string(one.node.value());
  }
  return text;
}

}  // namespace

SimCluster::SimCluster(const ClusterOptions& options)
    : options_(options),
      scheduler_({.seed = options.seed}),
      network_(scheduler_, options.network),
      checks_(nodes_, options.setup.partitions.size(), options.setup.node_count),
      clients_(
          scheduler_, nodes_, static_cast<std::uint32_t>(options.setup.partitions.size()), options.clients,
          [this](const AckSeen& seen) { checks_.on_ack(seen); },
          [this](std::uint32_t partition) {
            if (options_.clients.trims_past_the_absent)
              return checks_.committed_end(partition).next_offset.value();
            return checks_.trimmable(partition).value();
          }),
      kill_at_(options.setup.node_count),
      restart_after_(options.setup.node_count),
      sound_at_(options.setup.node_count),
      liveness_(options.setup.node_count, bounds_of(options)),
      partition_liveness_(options.setup.node_count, bounds_of(options)) {
  for (std::uint32_t index = 0; index < options_.setup.node_count; ++index)
    nodes_.push_back(
        std::make_unique<ClusterNode>(scheduler_, network_, index, options_.setup, options_.disk));
  checks_.on_given_up([this](std::uint32_t partition, std::int64_t from) {
    given_up_.push_back({partition, from, static_cast<HistoryTime>(now().time_since_epoch().count())});
    clients_.begin_again(partition, from);
  });
  if (options_.clients.idempotent) {
    checks_.expect_producers({.compacting = options_.compacting,
                              .late_sequences = options_.clients.late_sequences,
                              .may_forget = options_.may_forget_producers()});
    clients_.on_fenced([this](std::uint32_t partition, model::ProducerId id, model::ProducerEpoch epoch) {
      checks_.producers()->fence_answered(partition, id, epoch);
    });
  }
  if (options_.compacting) checks_.expect_compaction(tombstone_life(), [this] { return now(); });
}

// The times of tombstones are those of the nodes' wall clocks.
std::optional<Duration> SimCluster::tombstone_life() const {
  const auto jumps = [](const Fault& fault) { return fault.kind == FaultKind::kClockJump; };
  if (std::any_of(options_.plan.begin(), options_.plan.end(), jumps)) return std::nullopt;
  return std::chrono::milliseconds(options_.setup.partition.log.delete_retention_ms);
}

SimCluster::~SimCluster() { nodes_.clear(); }

void SimCluster::join(ClusterNode& node) {
  if (options_.moving) {
    join_by_metadata(node);
  } else {
    node.join(founders_, [this, &node](std::size_t partition) { checks_.replica_is_up(node, partition); });
  }
  checks_.node_is_up(node);
}

std::string SimCluster::run() {
  if (sink_) {
    checks_.set_trace([this](const std::string& line) { trace(line); });
    clients_.set_trace([this](const std::string& line) { trace(line); });
  }
  form();
  if (!failed()) suffer();
  if (!failed() && options_.losing) lose_majority();
  if (!failed()) heal();
  if (!failed()) converge();
  if (!failed()) judge_all();
  return checks_.failure();
}

void SimCluster::trace(const std::string& line) {
  if (!sink_) return;
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now() - begin_).count();
  std::string time = std::to_string(us / 1000) + "." + std::to_string(1000 + us % 1000).substr(1);
  sink_(time + " ms  " + line);
}

std::uint64_t SimCluster::trace_hash() const {
  TraceHash hash;
  hash.add(scheduler_.trace_hash());
  hash.add(network_.trace_hash());
  for (const auto& node : nodes_) hash.add(node->disk().trace_hash());
  return hash.value();
}

ClusterCounts SimCluster::counts() const {
  ClusterCounts counts = counts_;
  counts.checks = checks_.counts();
  if (checks_.compaction() != nullptr) counts.compaction = checks_.compaction()->counts();
  if (checks_.producers() != nullptr) counts.producers = checks_.producers()->counts();
  counts.clients = clients_.stats();
  counts.moves = metadata_.counts();
  counts.network = network_.stats();
  counts.events = scheduler_.steps();
  for (const auto& node : nodes_) {
    counts.hardship.handed_over += node->hardship_counts().handed_over;
    counts.hardship.resigned += node->hardship_counts().resigned;
    counts.ranges_damaged += node->damage_counts().found;
    counts.ranges_repaired += node->damage_counts().repaired;
  }
  for (const auto& node : nodes_) {
    counts.installs += node->installs();
    const partition::Producers::Counts& producers = node->producer_counts();
    counts.producer_states.loads += producers.loads;
    counts.producer_states.from_snapshot += producers.from_snapshot;
    counts.producer_states.from_leader += producers.from_leader;
    counts.producer_states.rolled_back += producers.rolled_back;
    const partition::Producers::Lookups lookups = node->producer_lookups();
    counts.producer_lookups.let_go += lookups.let_go;
    counts.producer_lookups.looked_up += lookups.looked_up;
  }
  return counts;
}

// --- time

void SimCluster::at(Duration delay, std::function<void()> act) {
  acts_.emplace(now() + delay, std::move(act));
}

bool SimCluster::advance(TimePoint end) {
  const bool act_is_next = !acts_.empty() && acts_.begin()->first <= end;
  if (scheduler_.run_one_by(act_is_next ? acts_.begin()->first : end)) {
    after_event();
    return true;
  }
  if (!act_is_next) return false;
  const auto act = std::move(acts_.begin()->second);
  acts_.erase(acts_.begin());
  act();
  after_event();
  return true;
}

void SimCluster::after_event() {
  for (const auto& node : nodes_) {
    if (!node->is_up()) continue;
    if (node->disk().power_is_off()) {
      end_node(*node, ClusterNode::End::kPower, restart_after_[node->index()]);
    } else if (const KillAt& kill = kill_at_[node->index()]; node->disk().steps() >= kill.step) {
      end_node(*node, kill.how, kill.restart_after);
    }
  }
  checks_.look();
  if (options_.moving) note_members();
  // Those that are left lead with fewer than half of the nodes, by an operator's word.
  if (scheduler_.steps() % kLivenessSteps == 0 && lost_.empty()) {
    const std::string late = options_.moving ? partition_liveness_.look(now(), health(), partition_health())
                                             : liveness_.look(now(), health());
    if (!late.empty()) checks_.fail(late + "\n" + describe());
    if (options_.compacting) note_tombstones();
  }
  if (!healing_) return;
  // What its disk stopped comes back by a restart, also when the error comes to light late.
  for (const auto& node : nodes_) {
    // One whose replicas have all left, or are about to be removed, has a journal all the same.
    const bool failed_idle =
        options_.moving && node->is_up() && !has_replicas(*node) && !node->logs()->accepts_appends();
    if (!node->is_up() || !(checks_.has_stopped(*node) || failed_idle)) continue;
    ++counts_.failed_replicas;
    end_node(*node, ClusterNode::End::kKill, kRestartMin);
  }
}

bool SimCluster::has_replicas(const ClusterNode& node) const {
  for (std::size_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
    if (node.find(partition) != nullptr) return true;
  }
  return false;
}

// What an alarm would stand on.
void SimCluster::note_tombstones() {
  for (const auto& node : nodes_) {
    for (std::size_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
      partition::Partition* const found = node->find(partition);
      if (found == nullptr || !found->group().is_leader()) continue;
      const auto wait = found->group().tombstones_wait();
      if (wait && !wait->nodes.empty()) ++counts_.tombstones_wait;
    }
  }
}

ClusterHealth SimCluster::health() const {
  ClusterHealth health;
  health.all_led = all_led_well();
  for (const auto& node : nodes_) {
    NodeHealth& one = health.nodes.emplace_back();
    one.runs = node->is_up() && !node->paused();
    one.sound = !checks_.has_stopped(*node) && sound_at_[node->index()] <= now() && !node->is_hard_up();
    for (std::size_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
      partition::Partition* const found = node->find(partition);
      one.leads = one.leads || (found != nullptr && found->group().is_leader());
    }
    auto& reaches = health.reaches.emplace_back();
    for (const auto& other : nodes_) reaches.push_back(!network_.is_cut(node->id(), other->id()));
  }
  return health;
}

bool SimCluster::wait_until(Duration most, const std::function<bool()>& holds) {
  const TimePoint end = now() + most;
  while (!failed()) {
    if (holds()) return true;
    if (!advance(end)) return holds();
  }
  return false;
}

// --- the story

void SimCluster::form() {
  begin_ = now();
  for (const auto& node : nodes_) {
    if (const auto booted = node->boot(); !booted)
      return checks_.fail("first start: " + booted.error().to_string());
    founders_.push_back(node->voter());
  }
  if (options_.moving) {
    form_metadata();
    checks_.expect_moves();
  }
  for (const auto& node : nodes_) join(*node);
  const auto all_open = [this] {
    return std::all_of(nodes_.begin(), nodes_.end(), [this](const auto& node) {
      for (std::size_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
        const partition::Partition* const found = node->find(partition);
        if (is_hosted(*node, partition) && (found == nullptr || !found->leader())) return false;
      }
      return true;
    });
  };
  if (!wait_until(kFormedWithin, [&] { return all_led() && all_open(); }))
    checks_.fail("I33: a new cluster has no leaders\n" + describe());
}

void SimCluster::suffer() {
  clients_.start();
  for (const Fault& fault : options_.plan) at(fault.at, [this, fault] { strike(fault); });
  const TimePoint end = now() + options_.duration;
  const std::uint64_t steps_end = scheduler_.steps() + options_.steps_max;
  while (!failed() && scheduler_.steps() < steps_end && advance(end)) {
  }
}

void SimCluster::heal() {
  trace("everything is healed");
  healing_ = true;
  acts_.clear();
  network_.heal_all();
  SimNetwork::Options calm = options_.network;
  calm.reset_chance = 0;
  network_.set_options(calm);
  for (const auto& node : nodes_) {
    node->disk().clear_faults();
    node->disk().crash_at_step(~std::uint64_t{0} >> 1U);  // none
    kill_at_[node->index()] = {};
    node->resume();
    node->set_low_on_disk(false);
    if (!node->is_up()) at(kRestartMin, [this, &node] { start(*node); });
  }
  if (options_.losing) recover_all();
  // Writes that hang already end when they would have.
  const Duration hangs =
      std::max(*std::max_element(sound_at_.begin(), sound_at_.end()) - now(), Duration::zero());
  if (!wait_until(hangs + kLeaderWithin, [this] { return all_led(); }) && !failed())
    checks_.fail("I33: a partition has no leader within the time\n" + describe());
}

void SimCluster::converge() {
  clients_.stop_producing();
  // What they still ask for ends by their patience.
  if (!wait_until(options_.clients.patience_max + 2s, [this] { return clients_.producers_waiting() == 0; }) &&
      !failed())
    return checks_.fail("a request is never answered");
  const auto all_read = [this] {
    for (std::uint32_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
      const auto end = checks_.committed_end(partition).next_offset.value();
      if (!clients_.all_read(partition, end)) return false;
    }
    return true;
  };
  if (!wait_until(kMovedWithin, [this] { return all_moved(); }) && !failed())
    return checks_.fail("a move does not end\n" + describe());
  if (!wait_until(kConvergedWithin, [&] { return all_moved() && all_same() && all_read(); }) && !failed()) {
    checks_.fail((all_same() ? "I16: a reader does not get what is committed\n"
                             : "I16: the replicas do not become the same\n") +
                 describe());
  }
  clients_.stop_reading();
  const bool may_lose = options_.losing || options_.clients.early_acks || options_.may_forget_producers();
  if (!failed() && !may_lose && clients_.stats().sessions_lost > 0)
    checks_.fail("I10: a producer's next batch was refused, though nothing of it was lost");
}

void SimCluster::judge_all() {
  for (const auto& node : nodes_) {
    for (std::uint32_t partition = 0; partition < options_.setup.partitions.size(); ++partition)
      dump(*node, partition);
    if (!node->disk().used_after_failure().empty())
      checks_.fail("a file was believed in after a failure: " + node->disk().used_after_failure().front());
  }
  if (failed()) return;
  if (checks_.producers() != nullptr) checks_.producers()->finish();
  if (const std::string wrong = clients_.contradiction(); !wrong.empty()) checks_.fail(wrong);
  for (const AcceptedLoss& loss : given_up_) forget_lost(clients_.history(), loss);
  const Judgement judgement = judge(clients_.history());
  if (!judgement.valid()) checks_.fail("the history is " + judgement.to_string());
}

void SimCluster::dump(const ClusterNode& node, std::uint32_t partition) {
  if (!is_hosted(node, partition)) return;
  partition::Partition& found = *node.find(partition);
  FinalLog log{.replica = "node " + std::to_string(node.id().value()), .partition = partition};
  log.log_start = found.log().log_start().next_offset.value();
  log.end = found.log().end().next_offset.value();
  if (log.log_start > clients_.trim_asked(partition))
    return checks_.fail("I8: more of a partition was trimmed than anybody asked for");
  for (std::int64_t next = log.log_start; next < log.end && !failed();) {
    std::optional<Result<log::ReadResult>> result;
    found.log().read({.from = model::Offset(next), .upto = model::Offset(log.end)},
                     [&result](Result<log::ReadResult> read) { result = std::move(read); });
    if (!wait_until(5s, [&result] { return result.has_value(); }))
      return checks_.fail("a read is never answered");
    // I31: rot that nobody has met before is repaired from the others when it is met.
    if (!*result && (*result).error().code == ErrorCode::kDataLoss &&
        wait_until(kConvergedWithin, [&found] { return !log::has_lost_range(found.log().damage()); }))
      continue;
    if (!*result) return checks_.fail(log.replica + " cannot be read: " + result->error().to_string());
    const auto records = records_in((*result)->frames, partition, model::Offset(next));
    log.records.insert(log.records.end(), records.begin(), records.end());
    if ((*result)->next.value() <= next) return checks_.fail("a read of a final log does not move");
    next = (*result)->next.value();
  }
  if (checks_.compaction() != nullptr) log.gaps = checks_.compaction()->may_be_gone(partition, log.end);
  clients_.history().finals.push_back(std::move(log));
}

// --- nodes

void SimCluster::start(ClusterNode& node) {
  if (node.is_up() || is_lost(node)) return;
  ++counts_.restarts;
  node.disk().clear_faults();
  if (const auto booted = node.boot(); !booted) {
    if (!node.disk().power_is_off())
      return checks_.fail("I32: node " + std::to_string(node.id().value()) +
                          " does not start: " + booted.error().to_string());
    ++counts_.crashes_in_recovery;
    trace("node " + std::to_string(node.id().value()) + " loses power while it recovers");
    node.die(ClusterNode::End::kPower);
    return at(kRestartMin, [this, &node] { start(node); });
  }
  trace("node " + std::to_string(node.id().value()) + " is up, life " + std::to_string(node.life()));
  join(node);
}

void SimCluster::end_node(ClusterNode& node, ClusterNode::End how, Duration restart_after) {
  trace("node " + std::to_string(node.id().value()) +
        (how == ClusterNode::End::kPower ? " loses its power" : " is killed"));
  checks_.node_dies(node);
  kill_at_[node.index()] = {};
  node.die(how);
  at(std::max(restart_after, kRestartMin), [this, &node] { start(node); });
}

ClusterNode* SimCluster::leader_of(std::size_t partition) const {
  ClusterNode* leader = nullptr;
  for (const auto& node : nodes_) {
    const partition::Partition* const found = node->find(partition);
    if (found == nullptr || !found->is_ready()) continue;
    if (leader == nullptr || leader->find(partition)->term() < found->term()) leader = node.get();
  }
  return leader;
}

bool SimCluster::all_led() const {
  for (std::size_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
    if (leader_of(partition) == nullptr) return false;
  }
  return true;
}

// By nodes that nothing speaks against.
bool SimCluster::all_led_well() const {
  for (std::size_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
    const ClusterNode* const leader = leader_of(partition);
    if (leader == nullptr || leader->is_hard_up()) return false;
  }
  return true;
}

bool SimCluster::all_same() const {
  for (std::size_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
    const ClusterNode* const leader = leader_of(partition);
    if (leader == nullptr) return false;
    const model::LogPosition end = leader->find(partition)->log().end();
    for (const auto& node : nodes_) {
      if (!is_hosted(*node, partition)) continue;
      partition::Partition* const found = node->find(partition);
      if (found == nullptr || found->leader() != leader->id()) return false;
      if (found->log().end() != end || found->log().flushed() != end || found->group().commit() != end)
        return false;
      if (found->log().log_start() != found->log().log_start_upto(end)) return false;
      if (!checks_.caught_up(*node)) return false;
    }
  }
  return true;
}

// Where everybody stands, for people.
std::string SimCluster::describe() const {
  std::string text;
  for (std::size_t partition = 0; partition < options_.setup.partitions.size(); ++partition) {
    for (const auto& node : nodes_) {
      text += "  partition " + std::to_string(partition) + " on node " + std::to_string(node->id().value()) +
              ": ";
      partition::Partition* const found = node->find(partition);
      if (found == nullptr) {
        text += node->is_up() ? "not open" : "down";
        for (const std::string& failure : node->failures()) text += "; " + failure;
        text += "\n";
        continue;
      }
      const raft::RaftGroup& group = found->group();
      const auto leader = group.leader();
      text += group.is_leader() ? (group.is_established() ? "leads" : "leads, not established")
                                : (leader ? "follows node " + std::to_string(leader->value()) : "leaderless");
      text += " in term " + std::to_string(group.term().value()) + ", commit " + group.commit().to_string() +
              ", end " + found->log().end().to_string() + ", flushed " + found->log().flushed().to_string() +
              ", log start " + found->log().log_start().to_string();
      if (group.failure()) text += ", stopped: " + group.failure()->to_string();
      if (!found->membership_waits_for().empty()) text += ", waits for " + found->membership_waits_for();
      if (options_.moving) text += ", members " + members_text(group.membership());
      for (const auto& other : nodes_) {
        const auto progress = group.progress(other->id());
        if (progress) {
          text += ", node " + std::to_string(other->id().value()) + " matched " +
                  progress->matched.to_string() + " next " + progress->next.to_string() +
                  (progress->probing ? " probing" : "");
        }
      }
      text += "\n";
    }
  }
  return text;
}

}  // namespace forebay::sim
