// Who leads which partition, as the nodes tell one another: also of partitions that have no replica here.
// What it says may be old; whoever is asked because of it knows better and says so.
// Bounded by the partitions of the cluster: a topic that is no more is forgotten.
// Thread rules: any thread.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "model/ids.h"

namespace forebay::broker {

class LeaderTable {
 public:
  struct Leader {
    model::Term term;
    model::NodeId node;
    friend bool operator==(const Leader&, const Leader&) = default;
  };

  // News come late and in any order: a lower term never replaces a higher one, and a term has one leader.
  void leads(const model::TopicPartition& partition, model::Term term, model::NodeId node) {
    const std::lock_guard lock(mutex_);
    Leader& known = leaders_.try_emplace(partition, Leader{term, node}).first->second;
    if (known.term < term) known = {term, node};
  }
  [[nodiscard]] std::optional<Leader> of(const model::TopicPartition& partition) const {
    const std::lock_guard lock(mutex_);
    const auto at = leaders_.find(partition);
    if (at == leaders_.end()) return std::nullopt;
    return at->second;
  }
  void forget(const model::TopicId& topic) {
    const std::lock_guard lock(mutex_);
    std::erase_if(leaders_, [&](const auto& entry) { return entry.first.topic == topic; });
  }

 private:
  mutable std::mutex mutex_;
  std::map<model::TopicPartition, Leader> leaders_;
};

}  // namespace forebay::broker
