#include "cluster/core/dead_letter_topics.h"

#include "config/topic_name.h"

namespace forebay::cluster {

bool quarantines(const Overrides& config) {
  const auto at = config.find("on.violation");
  return at != config.end() && at->second == "quarantine";
}

std::string dead_letter_name(std::string_view topic) {
  return std::string(topic) + std::string(kDeadLetterSuffix);
}

TopicPtr dead_letter_source(const ClusterImage& image, std::string_view name) {
  if (!name.ends_with(kDeadLetterSuffix)) return nullptr;
  name.remove_suffix(kDeadLetterSuffix.size());
  TopicPtr topic = image.find(std::string(name));
  return topic != nullptr && has_dead_letter_topic(*topic) ? topic : nullptr;
}

Result<void> check_dead_letter_names(const ClusterImage& image, const std::string& name,
                                     const Overrides& config) {
  if (const TopicPtr source = dead_letter_source(image, name)) {
    return Error{ErrorCode::kTopicExists, "the name '" + name + "' is that of the dead letters of topic '" +
                                              source->name + "' (on.violation=quarantine); use another one"};
  }
  if (!quarantines(config)) return {};
  const std::string letters = dead_letter_name(name);
  if (letters.size() > config::kTopicNameBytesMax) {
    return Error{ErrorCode::kInvalidTopicName,
                 "topic '" + name + "' cannot have on.violation=quarantine: with '" +
                     std::string(kDeadLetterSuffix) + "' the name of its dead letters is longer than " +
                     std::to_string(config::kTopicNameBytesMax) + " bytes; use a shorter one, or reject"};
  }
  if (image.find(letters)) {
    return Error{ErrorCode::kTopicExists, "topic '" + name +
                                              "' cannot have on.violation=quarantine: its dead letters would "
                                              "be read as '" +
                                              letters + "', and there is a topic of that name"};
  }
  return {};
}

Error dead_letters_follow(std::string_view source, std::string_view change) {
  return Error{ErrorCode::kInvalidArgument,
               "'" + dead_letter_name(source) + "' shows the dead letters of topic '" + std::string(source) +
                   "' and cannot be " + std::string(change) + " by itself; what is done to '" +
                   std::string(source) + "' is done to both"};
}

Result<void> check_not_dead_letters(const ClusterImage& image, std::string_view name,
                                    std::string_view change) {
  const TopicPtr source = dead_letter_source(image, name);
  if (source == nullptr) return {};
  return dead_letters_follow(source->name, change);
}

}  // namespace forebay::cluster
