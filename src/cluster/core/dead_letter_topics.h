// The dead-letter topic of a topic with on.violation=quarantine: `NAME.dlq`. It has no log of its own, and is
// no topic of the image: it is what the same partitions show to those who read their dead letters
// (model/dead_letters.h), under an id that follows from the topic's. It is there as long as the topic is, and
// is configured so. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cluster/core/cluster_image.h"

namespace forebay::cluster {

inline constexpr std::string_view kDeadLetterSuffix = ".dlq";

// on.violation=quarantine, which is set for a topic itself and never by a node's defaults.
[[nodiscard]] bool quarantines(const Overrides& config);
[[nodiscard]] inline bool has_dead_letter_topic(const Topic& topic) { return quarantines(topic.config); }
[[nodiscard]] std::string dead_letter_name(std::string_view topic);
// The topic whose dead letters have that name; nothing: they have not.
[[nodiscard]] TopicPtr dead_letter_source(const ClusterImage& image, std::string_view name);

// Of a topic that is to be made or configured so: its name and that of its dead letters are nobody else's.
// Errors: kTopicExists; kInvalidTopicName (too long for a suffix).
[[nodiscard]] Result<void> check_dead_letter_names(const ClusterImage& image, const std::string& name,
                                                   const Overrides& config);
// Changes are made to the topic. Errors: kInvalidArgument, what cannot be done to its dead letters.
[[nodiscard]] Result<void> check_not_dead_letters(const ClusterImage& image, std::string_view name,
                                                  std::string_view change);
[[nodiscard]] Error dead_letters_follow(std::string_view source, std::string_view change);

}  // namespace forebay::cluster
