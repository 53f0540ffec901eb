// What the nemesis does to a simulated cluster.
#include <algorithm>

#include "sim/sim_cluster.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

// A kill or a power cut waits so long for a step of the disk.
constexpr Duration kCutAnyway = 300ms;

}  // namespace

void SimCluster::cut_for(model::NodeId from, model::NodeId to, Duration length) {
  network_.cut(from, to);
  at(length, [this, from, to] { network_.heal(from, to); });
}

void SimCluster::strike(const Fault& fault) {
  SimRng rng(fault.seed);
  ClusterNode* const leader = fault.leader ? leader_of(rng.below(options_.setup.partitions.size())) : nullptr;
  ClusterNode& node = leader != nullptr ? *leader : *nodes_[fault.node];
  const model::NodeId here = node.id();
  const std::uint32_t after_here = static_cast<std::uint32_t>((node.index() + 1) % nodes_.size());
  const model::NodeId there = nodes_[fault.other == node.index() ? after_here : fault.other]->id();
  trace("nemesis: " + fault.to_string() + " (node " + std::to_string(here.value()) + ")");
  ++counts_.faults[name_of(fault.kind)];
  switch (fault.kind) {
    case FaultKind::kKill: {
      if (!node.is_up()) return;
      const auto how = rng.one_in(4) ? ClusterNode::End::kKillWithLateWrites : ClusterNode::End::kKill;
      kill_at_[node.index()] = {node.disk().steps() + rng.between(1, 20), how, fault.length};
      at(kCutAnyway, [this, &node, life = node.life()] {
        if (node.is_up() && node.life() == life) kill_at_[node.index()].step = 0;
      });
      if (how == ClusterNode::End::kKillWithLateWrites) {
        const Duration later = kCutAnyway + fault.length + 200ms;
        at(Duration(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(later.count())))),
           [this, &node] { counts_.late_writes += node.disk().land_late_writes(); });
      }
      break;
    }
    case FaultKind::kPowerCut:
      if (!node.is_up()) return;
      restart_after_[node.index()] = fault.length;
      node.disk().crash_at_step(rng.between(1, 20));
      at(kCutAnyway, [&node, life = node.life()] {
        if (node.is_up() && node.life() == life) node.disk().cut_power();
      });
      break;
    case FaultKind::kPowerCutAll:
      for (const auto& one : nodes_) {
        const auto back = Duration(
            static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(fault.length.count()) + 1)));
        if (one->is_up()) end_node(*one, ClusterNode::End::kPower, back);
        // Sometimes the power goes again while it recovers.
        if (rng.one_in(4)) one->disk().crash_at_step(rng.between(1, 150));
      }
      break;
    case FaultKind::kPause:
      if (!node.is_up()) return;
      node.pause();
      at(fault.length, [&node, life = node.life()] {
        if (node.life() == life) node.resume();
      });
      break;
    case FaultKind::kCutOneWay:
      cut_for(here, there, fault.length);
      break;
    case FaultKind::kCut:
      cut_for(here, there, fault.length);
      cut_for(there, here, fault.length);
      break;
    case FaultKind::kIsolate:
    case FaultKind::kDeaf:
      for (const auto& other : nodes_) {
        if (other->id() == here) continue;
        cut_for(other->id(), here, fault.length);
        if (fault.kind == FaultKind::kIsolate) cut_for(here, other->id(), fault.length);
      }
      break;
    case FaultKind::kReset:
      network_.reset(here, there);
      break;
    case FaultKind::kSlowDisk:
    case FaultKind::kStalledWrites:
    case FaultKind::kWriteErrors:
    case FaultKind::kDiskFull:
      strike_disk(node, fault, rng);
      break;
    case FaultKind::kClockJump: {
      const auto by = std::chrono::milliseconds(rng.between(1, 172'800'000));
      node.machine().wall_clock().jump(rng.one_in(2) ? by : -by);
      break;
    }
    case FaultKind::kTransfer: {
      const std::size_t partition = rng.below(options_.setup.partitions.size());
      if (ClusterNode* const led_by = leader_of(partition); led_by != nullptr && !led_by->paused())
        static_cast<void>(led_by->find(partition)->group().transfer_to(here));
      break;
    }
    case FaultKind::kBitRot:
      rot(*nodes_[options_.seed % nodes_.size()], rng);
      break;
    case FaultKind::kDiskLow:
      node.set_low_on_disk(true);
      at(fault.length, [&node] { node.set_low_on_disk(false); });
      break;
    case FaultKind::kMove:
      move_something(rng);
      break;
    case FaultKind::kDecommission:
      decommission_one(rng);
      break;
  }
}

// Of one node only: whatever else is lost in a crash, another replica has what rots here. The journal is left
// alone: what rots in its last round cannot be told from what was never written.
void SimCluster::rot(ClusterNode& node, SimRng& rng) {
  std::vector<std::string> segments;
  for (const std::string& path : node.disk().files()) {
    if (path.find("/topics/") != std::string::npos && path.ends_with(".log")) segments.push_back(path);
  }
  if (segments.empty()) return;
  checks_.let_disks_rot();
  const std::string& path = segments[rng.below(segments.size())];
  const std::uint64_t bits = node.disk().content(path)->size() * 8;
  for (std::uint64_t left = bits == 0 ? 0 : rng.between(1, 6); left > 0; --left)
    node.disk().flip_bit(path, rng.below(bits));
}

void SimCluster::strike_disk(ClusterNode& node, const Fault& fault, SimRng& rng) {
  DiskFault effect;
  effect.times = DiskFault::kForever;
  if (fault.kind == FaultKind::kSlowDisk || fault.kind == FaultKind::kStalledWrites) {
    effect.effect = DiskEffect::kStall;
    effect.stall = fault.kind == FaultKind::kStalledWrites
                       ? fault.length
                       : std::chrono::microseconds(rng.between(500, 50'000));
    node.disk().inject(effect);
    effect.op = DiskOp::kSync;
    node.disk().inject(effect);
  } else {
    effect.effect = fault.kind == FaultKind::kDiskFull ? DiskEffect::kNoSpace : DiskEffect::kIoError;
    effect.op = options_.disk.engine == Engine::kPageCache && rng.one_in(2) ? DiskOp::kSync : DiskOp::kWrite;
    effect.failed_sync = rng.one_in(2) ? FailedSync::kNewBytesVisible : FailedSync::kOldBytesBack;
    if (!rng.one_in(3)) effect.path = path_contains(rng.one_in(2) ? "/journal/" : "/topics/");
    effect.skip = rng.below(10);
    effect.times = rng.between(1, 3);
    node.disk().inject(effect);
  }
  at(fault.length, [&node] { node.disk().clear_faults(); });
  // What had begun ends that much later.
  sound_at_[node.index()] = std::max(sound_at_[node.index()], now() + fault.length + effect.stall);
}

}  // namespace forebay::sim
