#include "cli/verbs/partition_ends.h"

namespace forebay::cli {

void drop_finished(PartitionEnds& ends, Consumer& consumer, const std::string& topic) {
  for (auto it = ends.begin(); it != ends.end();) {
    const auto position = consumer.position({topic, it->first});
    if (position && *position >= it->second) {
      consumer.unassign(topic, {it->first});
      it = ends.erase(it);
    } else {
      ++it;
    }
  }
}

}  // namespace forebay::cli
