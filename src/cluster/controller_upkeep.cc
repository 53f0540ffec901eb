// What the controller decides without being asked: when, and by whose presence.
#include <utility>

#include "cluster/controller.h"
#include "cluster/core/features.h"
#include "telemetry/log.h"

namespace forebay::cluster {
namespace {

// Longer than a restart of a healthy node and an election take: until then its word is waited for.
constexpr auto kAwayAfter = std::chrono::seconds(10);
// Who comes and goes makes no record.
constexpr auto kLookAgain = std::chrono::seconds(1);
constexpr auto kNotesHold = 5 * kLookAgain;

std::set<model::NodeId> nodes_of(const log::Membership& members) {
  std::set<model::NodeId> nodes;
  for (const auto* voters : {&members.voters, &members.next_voters, &members.learners}) {
    for (const log::Voter& voter : *voters) nodes.insert(voter.node);
  }
  return nodes;
}

}  // namespace

void Controller::note_missing() {
  if (!alive_nodes_) return;
  // Who was missing then may have been there in between.
  if (executor_.now() - missing_noted_at_ > kNotesHold) missing_since_.clear();
  missing_noted_at_ = executor_.now();
  const std::set<log::Voter> alive = alive_nodes_();
  for (const auto& [node, broker] : image_.brokers) {
    if (alive.contains({node, broker.registration.disk})) {
      missing_since_.erase(node);
    } else {
      missing_since_.emplace(node, executor_.now());
    }
  }
  std::erase_if(missing_since_, [this](const auto& one) { return !image_.brokers.contains(one.first); });
}

UpkeepStep Controller::upkeep() {
  if (!upkeep_limits_ || !has_upkeep(image_)) return {};
  note_missing();
  UpkeepView view;
  for (const auto& [node, since] : missing_since_) {
    if (executor_.now() - since >= kAwayAfter) view.away.insert(node);
  }
  view.metadata_members = nodes_of(log_.group().membership());
  view.metadata_members.merge(nodes_of(log_.group().committed_membership()));
  UpkeepStep step = next_upkeep(image_, *upkeep_limits_, view);
  if (!step.record) return step;
  const auto records = with_level(image_, *step.record, alive());
  if (records) return step;
  step.record.reset();
  step.refusal = records.error().context;
  for (auto& [node, why] : step.waits_for) why = step.refusal;
  return step;
}

void Controller::keep_up() {
  if (!upkeep_limits_ || upkeep_rests_) return;
  UpkeepStep step = upkeep();
  // Once, however often it is looked at.
  if (step.refusal != upkeep_refusal_ && !step.refusal.empty())
    telemetry::log_warn("what is to be done in the cluster cannot be written", {{"error", step.refusal}});
  upkeep_refusal_ = step.refusal;
  if (!step.record) {
    if (step.unfinished) keep_up_soon();
    return;
  }
  const auto* removal = std::get_if<BrokerRemoved>(&*step.record);
  const auto removed = removal == nullptr ? std::nullopt : std::optional(removal->node);
  const auto records = with_level(image_, std::move(*step.record), alive());
  if (!records) return keep_up_soon();  // never: upkeep() has asked
  log_decision(*records, [this, removed](const Result<ImagePtr>& decided) {
    if (decided && removed)
      telemetry::log_info("a decommissioned node is removed", {{"node", removed->value()}});
    if (decided || stopping_) return;
    upkeep_rests_ = true;
    keep_up_soon();
  });
}

void Controller::keep_up_soon() {
  if (upkeep_timer_) return;
  upkeep_timer_ = executor_.schedule_after(kLookAgain, [this] {
    upkeep_timer_.reset();
    upkeep_rests_ = false;
    decide_next();
  });
}

}  // namespace forebay::cluster
