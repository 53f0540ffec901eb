// A step of moves for drawn histories of the metadata.
#pragma once

#include <algorithm>
#include <optional>
#include <random>

#include "cluster/core/moves.h"
#include "cluster/core/proposals.h"

namespace forebay::cluster {

// Something that may be decided about the first partition of topic `name`; `voter` is the node that speaks.
inline std::optional<ClusterRecord> drawn_move(const ClusterImage& image, const std::string& name,
                                               const log::Voter& voter, std::mt19937_64& rng) {
  const auto topic = image.find(name);
  if (!topic) return std::nullopt;
  const model::PartitionIndex partition(0);
  const MoveSubject subject{name, partition, std::nullopt};
  const auto record_of = [](const Result<MoveDecision>& decision) -> std::optional<ClusterRecord> {
    if (!decision || !decision->record) return std::nullopt;
    return ClusterRecord(*decision->record);
  };
  const auto proposed = [&image](const NodeProposal& proposal) -> std::optional<ClusterRecord> {
    auto decided = decide(image, proposal);
    return decided ? std::move(*decided) : std::nullopt;
  };
  switch (rng() % 6) {
    case 0: {
      Replicas to;
      for (const auto& [node, broker] : image.brokers) to.push_back(node);
      std::shuffle(to.begin(), to.end(), rng);
      to.resize(std::min<std::size_t>(to.size(), topic->replication_factor));
      return record_of(decide_move(image, subject, to, {}));
    }
    case 1:
      return record_of(decide_cancel(image, subject));
    case 2:
      return record_of(decide_rebuild(image, subject, voter.node));
    case 3:
      return record_of(
          decide_replication(image, {name, static_cast<std::uint32_t>(1 + rng() % 3), true}, {}));
    case 4:
      return proposed(ConfirmTarget{topic->id, voter, partition, topic->partitions.front().epoch});
    default:
      return proposed(ConfirmGone{topic->id, voter, partition});
  }
}

}  // namespace forebay::cluster
