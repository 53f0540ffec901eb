// The users of state machines of one internal topic on one shard: one for each partition with a replica here,
// from the moment at which it is opened until it goes, and its state with it.
//
// T: start(), stop(done), erase(done) and host(), as Coordinator of src/group has them. Thread rules:
// everything on the shard.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_function.h"
#include "machine/core/state_codec.h"
#include "machine/host.h"
#include "partition/partition_set.h"

namespace forebay::machine {

template <typename T>
class Replicas {
 public:
  using Make = std::function<std::unique_ptr<T>(partition::Partition&)>;
  using Closing = std::function<void(T&)>;  // it goes; it has stopped
  // `partitions` outlives it.
  Replicas(partition::PartitionSet& partitions, std::string topic, Make make, Closing closing = {})
      : partitions_(partitions),
        topic_(std::move(topic)),
        make_(std::move(make)),
        closing_(std::move(closing)),
        alive_(std::make_shared<Replicas*>(this)) {
    partitions_.on_state_partitions(
        topic_, {.opened = [this](const model::TopicPartition& id,
                                  partition::Partition& partition) { open(id, partition); },
                 .closing = [this](const model::TopicPartition& id) { close(id); }});
  }
  ~Replicas() {
    *alive_ = nullptr;
    partitions_.on_state_partitions(topic_, {});
  }
  Replicas(const Replicas&) = delete;
  Replicas& operator=(const Replicas&) = delete;

  // Nothing: there is no replica of it here.
  [[nodiscard]] T* find(const model::TopicPartition& id) {
    const auto at = replicas_.find(id);
    return at == replicas_.end() ? nullptr : at->second.get();
  }
  [[nodiscard]] const std::map<model::TopicPartition, std::unique_ptr<T>>& all() const { return replicas_; }

  // Another replica asks for the state. Returns false if it is something else, or of none of these.
  bool answer_state_request(const std::string& body, UniqueFunction<void(Result<std::string>)>& reply) {
    if (!is_state_request(as_bytes(body))) return false;
    const auto request = decode_request(as_bytes(body));
    if (!request) {
      reply(request.error());
      return true;
    }
    T* one = find(request->id);
    if (one == nullptr) return false;
    reply(one->host().answer_state_request(*request));
    return true;
  }

  // Writes all states, and waits for that.
  void stop(UniqueFunction<void()> done) {
    auto left = std::make_shared<std::size_t>(replicas_.size() + erasing_.size() + 1);
    auto shared = std::make_shared<UniqueFunction<void()>>(std::move(done));
    const auto one_less = [left, shared] {
      if (--*left == 0) (*shared)();
    };
    for (const auto& [id, one] : replicas_) one->stop(one_less);
    for (auto& [id, erasing] : erasing_) erasing.waiting.emplace_back(one_less);
    one_less();
  }

 private:
  struct Erasing {  // of the states of replicas that have gone
    int under_way = 0;
    std::vector<UniqueFunction<void()>> waiting;
  };

  void open(const model::TopicPartition& id, partition::Partition& partition) {
    auto& replica = replicas_[id];
    replica = make_(partition);
    const auto erasing = erasing_.find(id);
    if (erasing == erasing_.end()) return replica->start();
    // A replica of before has just gone: what this one stores must not go with that.
    erasing->second.waiting.emplace_back([this, id] {
      if (T* one = find(id)) one->start();
    });
  }

  // Whoever waits is answered.
  void close(const model::TopicPartition& id) {
    const auto at = replicas_.find(id);
    if (at == replicas_.end()) return;
    ++erasing_[id].under_way;
    at->second->erase([alive = alive_, id] {
      if (*alive != nullptr) (*alive)->erased(id);
    });
    if (closing_) closing_(*at->second);
    replicas_.erase(at);
  }

  void erased(const model::TopicPartition& id) {
    const auto at = erasing_.find(id);
    if (--at->second.under_way > 0) return;
    auto waiting = std::move(at->second.waiting);
    erasing_.erase(at);
    for (auto& done : waiting) done();
  }

  partition::PartitionSet& partitions_;
  const std::string topic_;
  const Make make_;
  const Closing closing_;
  std::map<model::TopicPartition, std::unique_ptr<T>> replicas_;
  std::map<model::TopicPartition, Erasing> erasing_;
  std::shared_ptr<Replicas*> alive_;
};

}  // namespace forebay::machine
