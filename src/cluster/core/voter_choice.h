// Who votes in the group of __cluster, and who only learns. Pure; its leader asks again and again, and leads
// the members there (partition/core/membership_plan.h).
//
// Every broker follows the metadata, and up to five of them vote: each decision is then on more than half of
// all disks. Who cannot be reached keeps the vote that it has and gets none: a change of the members would
// wait for it, and with that whoever is to leave. Of more only five do: a decision waits for the third
// fastest disk, not for half of a large cluster, and any two may be lost. What is chosen depends on who votes
// now: nobody is replaced without a reason, for each replacement is a change of the members of the one group
// that everything else waits for.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cluster/core/cluster_image.h"

namespace forebay::cluster {

// Odd: one more would not survive the loss of one more.
inline constexpr std::size_t kMetadataVotersMax = 5;
// A voter that is away for longer gives its vote to a learner. The restart of a machine and the recovery of a
// large disk are over by then; and until then two of five may still be lost.
inline constexpr std::chrono::minutes kVoterAbsenceMax{5};

// A broker, as the leader of __cluster sees it.
struct MetadataBroker {
  log::Voter voter;
  std::string rack;  // a name that no other rack has
  bool drained = false;
  bool in_step = false;              // reachable, and has all that is committed; the leader itself is
  std::chrono::nanoseconds away{0};  // for so long it has been out of reach; 0: it is not
};
// The brokers that belong to the group: not those whose disk is lost for ever.
[[nodiscard]] std::vector<MetadataBroker> metadata_brokers(const ClusterImage& image);

struct MetadataMembers {
  std::vector<log::Voter> voters;  // those that should rather lead first
  std::vector<log::Voter> learners;
  friend bool operator==(const MetadataMembers&, const MetadataMembers&) = default;
};

// `voters`: who votes now. `leader`: who asks; it keeps its vote.
[[nodiscard]] MetadataMembers choose_voters(const std::vector<MetadataBroker>& brokers,
                                            const std::vector<log::Voter>& voters, model::NodeId leader);

}  // namespace forebay::cluster
