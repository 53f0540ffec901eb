// The topics of a world with groups: the metadata as it is now, how far every partition goes, and what a node
// knows of that.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/core/cluster_image.h"
#include "group/ports.h"
#include "sim/sim_executor.h"

namespace forebay::sim {

class GroupTopics {
 public:
  // A new topic, or more partitions of one.
  void set(const std::string& name, std::size_t partitions) {
    const cluster::TopicPtr before = image_.find(name);
    auto topic = before != nullptr ? std::make_shared<cluster::Topic>(*before) : make(name);
    topic->partitions.resize(partitions);
    change(name, topic);
  }
  void remove(const std::string& name) {
    image_.topics.erase(name);
    gone_.insert(name);
    image_.applied = image_.applied.next();
  }
  [[nodiscard]] const cluster::ClusterImage& image() const { return image_; }
  // Of the topic that has the name now. Nothing: there is none.
  [[nodiscard]] std::optional<model::TopicPartition> find(const std::string& name, std::int32_t index) const {
    const cluster::TopicPtr topic = image_.find(name);
    if (topic == nullptr || static_cast<std::size_t>(index) >= topic->partitions.size()) return std::nullopt;
    return model::TopicPartition{topic->id, model::PartitionIndex(index)};
  }
  [[nodiscard]] std::vector<std::pair<std::string, std::int32_t>> partitions() const {
    std::vector<std::pair<std::string, std::int32_t>> all;
    for (const auto& [name, topic] : image_.topics) {
      for (std::size_t i = 0; i < topic->partitions.size(); ++i)
        all.emplace_back(name, static_cast<std::int32_t>(i));
    }
    return all;
  }
  // A topic of that name was deleted: members say names, and may mean that one still.
  [[nodiscard]] bool was_removed(const std::string& name) const { return gone_.contains(name); }
  [[nodiscard]] bool exists(const model::TopicId& id) const {
    return std::any_of(image_.topics.begin(), image_.topics.end(),
                       [&id](const auto& one) { return one.second->id == id; });
  }
  // The high watermark; of a topic that is gone, the last one that it had.
  [[nodiscard]] std::int64_t end(const model::TopicPartition& partition) const {
    const auto at = ends_.find(partition);
    return at == ends_.end() ? 0 : at->second;
  }
  void append(const model::TopicPartition& partition, std::int64_t records) { ends_[partition] += records; }

 private:
  std::shared_ptr<cluster::Topic> make(const std::string& name) {
    auto topic = std::make_shared<cluster::Topic>();
    topic->id.bytes[0] = static_cast<std::uint8_t>(++made_);
    topic->id.bytes[1] = static_cast<std::uint8_t>(made_ >> 8);
    topic->name = name;
    return topic;
  }
  void change(const std::string& name, std::shared_ptr<const cluster::Topic> topic) {
    image_.topics[name] = std::move(topic);
    image_.applied = image_.applied.next();
  }

  cluster::ClusterImage image_;
  std::map<model::TopicPartition, std::int64_t> ends_;
  std::set<std::string> gone_;
  std::uint32_t made_ = 0;
};

// What one node knows of the ends of partitions: what it has asked for once. Leaders answer late, and now and
// then not in time.
class GroupPlaces final : public group::PartitionPlaces {
 public:
  GroupPlaces(const GroupTopics& topics, SimRng rng) : topics_(topics), rng_(rng) {}
  // Of the process that runs now; before it is started.
  void run_on(SimExecutor& executor) {
    executor_ = &executor;
    known_.clear();
  }
  [[nodiscard]] std::optional<model::Offset> known_high_watermark(
      const model::TopicPartition& partition) const override {
    const auto at = known_.find(partition);
    return at == known_.end() ? std::nullopt : std::optional(at->second);
  }
  void ask_high_watermark(const model::TopicPartition& partition, group::Done<model::Offset> done) override {
    answer<model::Offset>(std::move(done), [this, partition] {
      known_[partition] = model::Offset(topics_.end(partition));
      return known_[partition];
    });
  }
  void find_start(const model::TopicPartition& partition, const group::StartRule& rule,
                  group::Done<model::Offset> done) override {
    answer<model::Offset>(std::move(done), [this, partition, rule] {
      return model::Offset(rule.point == group::StartPoint::kLatest ? topics_.end(partition) : 0);
    });
  }
  void ask_lag(const model::TopicPartition& partition, const group::LagFrom& from,
               group::Done<group::PartitionLag> done) override {
    answer<group::PartitionLag>(std::move(done), [this, partition, from] {
      const std::int64_t end = topics_.end(partition);
      const std::int64_t next = from.kind == group::LagFrom::Kind::kOffset ? std::min(from.value, end) : 0;
      const auto records = static_cast<std::uint64_t>(end - next);
      return group::PartitionLag{model::Offset(next), model::Offset(end), records, records * 10,
                                 group::Milliseconds{0}};
    });
  }

 private:
  template <typename T>
  void answer(group::Done<T> done, std::function<T()> what) {
    const bool late = rng_.one_in(20);
    executor_->schedule_after(std::chrono::microseconds(rng_.between(100, late ? 3'000'000 : 4'000)),
                              [late, done = std::move(done), what = std::move(what)]() mutable {
                                if (late) return done(Error{ErrorCode::kTimedOut, "the leader is late"});
                                done(what());
                              });
  }

  const GroupTopics& topics_;
  SimRng rng_;
  SimExecutor* executor_ = nullptr;
  std::map<model::TopicPartition, model::Offset> known_;
};

}  // namespace forebay::sim
