#include "cluster/core/features.h"

#include <utility>

#include "cluster/core/dead_letter_topics.h"
#include "cluster/core/internal_topics.h"

namespace forebay::cluster {
namespace {

// 0: what brokers read that register no level.
constexpr std::uint32_t kMoves = 1;  // replicas that move, and disks that are given up
constexpr std::uint32_t kProducerNames = 2;
constexpr std::uint32_t kGroups = 3;       // topics on which state machines live: __groups
constexpr std::uint32_t kSchemas = 4;      // __schemas
constexpr std::uint32_t kDeadLetters = 5;  // batches of which some records are set apart
constexpr std::uint32_t kMetadataLevelSpoken = kDeadLetters;

std::uint32_t level_in(const Features& features, const std::string& name) {
  const auto at = features.find(name);
  return at == features.end() ? 0 : at->second;
}

// No template: a new kind of record has to say what its readers need.
struct Level {
  std::uint32_t operator()(const ClusterFormed&) const { return 0; }
  std::uint32_t operator()(const BrokerRegistered&) const { return 0; }
  std::uint32_t operator()(const BrokerDrained&) const { return 0; }
  std::uint32_t operator()(const BrokerRemoved&) const { return 0; }
  std::uint32_t operator()(const ProducerIdsGranted&) const { return 0; }
  std::uint32_t operator()(const FeatureLevelSet&) const { return 0; }
  // Who does not know that a state lives on it would never trim it, and let users write to it.
  std::uint32_t operator()(const TopicCreated& record) const {
    if (record.topic.name == kSchemasTopicName) return kSchemas;
    if (has_dead_letter_topic(record.topic)) return kDeadLetters;
    return is_internal(record.topic.name) ? kGroups : 0;
  }
  // Who does not know of dead letters would show them to everybody.
  std::uint32_t operator()(const TopicConfigSet& record) const {
    return quarantines(record.config) ? kDeadLetters : 0;
  }
  std::uint32_t operator()(const PartitionsAdded&) const { return 0; }
  std::uint32_t operator()(const PartitionsConfirmed&) const { return 0; }
  std::uint32_t operator()(const TopicDeleted&) const { return 0; }
  std::uint32_t operator()(const TopicDeletionConfirmed&) const { return 0; }
  std::uint32_t operator()(const TargetsChanged&) const { return kMoves; }
  std::uint32_t operator()(const TargetReached&) const { return kMoves; }
  std::uint32_t operator()(const ReplicaGone&) const { return kMoves; }
  std::uint32_t operator()(const DiskRetired&) const { return kMoves; }
  std::uint32_t operator()(const BrokerDecommission&) const { return kMoves; }
  std::uint32_t operator()(const ProducerNamed&) const { return kProducerNames; }
  std::uint32_t operator()(const ProducerNameRemoved&) const { return kProducerNames; }
};

}  // namespace

Features spoken_features() { return {{kMetadataFeature, kMetadataLevelSpoken}}; }

std::uint32_t level_of(const ClusterRecord& record) { return std::visit(Level{}, record); }

Result<std::vector<ClusterRecord>> with_level(const ClusterImage& image, ClusterRecord record,
                                              const std::set<log::Voter>& alive) {
  const std::uint32_t needed = level_of(record);
  std::vector<ClusterRecord> records;
  if (needed > level_in(image.features, kMetadataFeature)) {
    const bool spares_the_absent = std::holds_alternative<DiskRetired>(record);
    const auto* decommission = std::get_if<BrokerDecommission>(&record);
    for (const auto& [node, broker] : image.brokers) {
      const BrokerRegistration& known = broker.registration;
      const std::uint32_t spoken = level_in(known.features, kMetadataFeature);
      // A disk that was given up reads nothing any more: it is refused when it turns up.
      if (spoken >= needed || image.retired.contains(known.disk)) continue;
      const bool spared = spares_the_absent || (decommission != nullptr && decommission->node == node);
      if (spared && !alive.contains({node, known.disk})) continue;
      return Error{
          ErrorCode::kFailedPrecondition,
          "node " + std::to_string(node.value()) + " (version " +
              (known.version.empty() ? "unknown" : known.version) +
              ") cannot read what this would write to the cluster's metadata (it reads up to level " +
              std::to_string(spoken) + ", this needs level " + std::to_string(needed) +
              "); upgrade it first, and every other node of that version"};
    }
    records.emplace_back(FeatureLevelSet{kMetadataFeature, needed});
  }
  records.push_back(std::move(record));
  return records;
}

bool may_fence_producers(const ClusterImage& image) {
  return level_in(image.features, kMetadataFeature) >= kProducerNames;
}

Result<void> check_readable(const Features& in_use, const std::string& version) {
  const Features spoken = spoken_features();
  for (const auto& [name, level] : in_use) {
    const std::uint32_t own = level_in(spoken, name);
    if (own >= level) continue;
    return Error{ErrorCode::kNewerFormat,
                 "the cluster uses level " + std::to_string(level) + " of the feature '" + name +
                     "', and version " + version + " reads it up to level " + std::to_string(own) +
                     "; nothing was changed: start this node with the version of the other nodes"};
  }
  return {};
}

}  // namespace forebay::cluster
