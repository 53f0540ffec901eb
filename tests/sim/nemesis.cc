#include "sim/nemesis.h"

#include <algorithm>
#include <numeric>

namespace forebay::sim {
namespace {

using std::chrono::milliseconds;

constexpr Duration kShort = milliseconds(20);

milliseconds to_ms(Duration duration) { return std::chrono::duration_cast<milliseconds>(duration); }

// Without these items. An empty result may fail too: then the faults have nothing to do with it.
NemesisPlan without(const NemesisPlan& plan, std::size_t begin, std::size_t end) {
  NemesisPlan rest(plan.begin(), plan.begin() + static_cast<std::ptrdiff_t>(begin));
  rest.insert(rest.end(), plan.begin() + static_cast<std::ptrdiff_t>(end), plan.end());
  return rest;
}

}  // namespace

const char* name_of(FaultKind kind) {
  switch (kind) {
    case FaultKind::kKill:
      return "kill";
    case FaultKind::kPowerCut:
      return "power cut";
    case FaultKind::kPowerCutAll:
      return "power cut of all";
    case FaultKind::kPause:
      return "pause";
    case FaultKind::kCutOneWay:
      return "one-way cut";
    case FaultKind::kCut:
      return "cut";
    case FaultKind::kIsolate:
      return "isolate";
    case FaultKind::kDeaf:
      return "deaf";
    case FaultKind::kReset:
      return "reset";
    case FaultKind::kSlowDisk:
      return "slow disk";
    case FaultKind::kStalledWrites:
      return "stalled writes";
    case FaultKind::kWriteErrors:
      return "write errors";
    case FaultKind::kDiskFull:
      return "disk full";
    case FaultKind::kClockJump:
      return "clock jump";
    case FaultKind::kTransfer:
      return "transfer";
    case FaultKind::kDiskLow:
      return "disk low";
    case FaultKind::kBitRot:
      return "bit rot";
    case FaultKind::kMove:
      return "move";
    case FaultKind::kDecommission:
      return "decommission";
  }
  return "?";
}

std::string Fault::to_string() const {
  if (kind == FaultKind::kMove) return std::to_string(to_ms(at).count()) + " ms: a move is decided";
  if (kind == FaultKind::kDecommission) return std::to_string(to_ms(at).count()) + " ms: a node is to go";
  std::string result = std::to_string(to_ms(at).count()) + " ms: " + name_of(kind) +
                       (leader ? " a leader, else node " : " node ") + std::to_string(node + 1);
  if (kind == FaultKind::kCutOneWay || kind == FaultKind::kCut || kind == FaultKind::kReset)
    result += " -> " + std::to_string(other + 1);
  if (length.count() > 0) result += " for " + std::to_string(to_ms(length).count()) + " ms";
  return result;
}

std::string to_string(const NemesisPlan& plan) {
  std::string result;
  for (const Fault& fault : plan) result += "  " + fault.to_string() + "\n";
  return plan.empty() ? "  (no fault)\n" : result;
}

NemesisOptions NemesisOptions::draw(SimRng& rng, std::uint32_t nodes) {
  NemesisOptions options;
  options.nodes = nodes;
  options.mean_pause = milliseconds(rng.between(100, 1500));
  options.length_max = milliseconds(rng.one_in(3) ? rng.between(50, 1000) : rng.between(1000, 6000));
  for (std::uint32_t& weight : options.weights) {
    if (rng.one_in(2)) weight = static_cast<std::uint32_t>(rng.between(1, 10));
  }
  return options;
}

NemesisPlan draw_plan(const NemesisOptions& options, SimRng& rng) {
  NemesisPlan plan;
  const std::uint32_t sum = std::accumulate(options.weights.begin(), options.weights.end(), 0U);
  if (sum == 0) return plan;
  const auto draw = [&rng](Duration most) {
    return Duration(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(most.count()) + 1)));
  };
  for (Duration at = draw(options.mean_pause * 2); at < options.duration;
       at += draw(options.mean_pause * 2)) {
    Fault fault;
    fault.at = at;
    std::uint64_t dice = rng.below(sum);
    std::size_t kind = 0;
    for (; dice >= options.weights[kind]; ++kind) dice -= options.weights[kind];
    fault.kind = static_cast<FaultKind>(kind);
    fault.node = static_cast<std::uint32_t>(rng.below(options.nodes));
    fault.other = (fault.node + 1 + static_cast<std::uint32_t>(rng.below(options.nodes - 1))) % options.nodes;
    fault.leader =
        rng.one_in(2) && fault.kind != FaultKind::kPowerCutAll && fault.kind != FaultKind::kTransfer;
    if (fault.kind != FaultKind::kReset && fault.kind != FaultKind::kClockJump &&
        fault.kind != FaultKind::kTransfer && fault.kind != FaultKind::kBitRot) {
      // Some are over before anybody can notice.
      fault.length = draw(rng.one_in(4) ? std::min(kShort, options.length_max) : options.length_max);
    }
    fault.seed = rng.next();
    plan.push_back(fault);
  }
  return plan;
}

NemesisPlan shrink(NemesisPlan plan, const std::function<bool(const NemesisPlan&)>& fails,
                   std::uint32_t runs_max) {
  std::uint32_t runs = 0;
  for (std::size_t chunk = plan.size(); chunk > 0 && runs < runs_max;) {
    bool smaller = false;
    // From the end: what comes first brings the world to where it fails.
    for (std::size_t end = plan.size(); end > 0 && runs < runs_max;) {
      const std::size_t begin = end - std::min(end, chunk);
      NemesisPlan candidate = without(plan, begin, end);
      ++runs;
      if (fails(candidate)) {
        plan = std::move(candidate);
        smaller = true;
      }
      end = begin;
    }
    if (chunk == 1 && !smaller) break;
    if (!smaller || chunk > plan.size()) chunk = std::max<std::size_t>(chunk / 2, 1);
    if (plan.empty()) break;
  }
  return plan;
}

}  // namespace forebay::sim
