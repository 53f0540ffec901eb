#include "group/coordinators.h"

#include <memory>
#include <utility>

#include "base/murmur2.h"
#include "cluster/core/internal_topics.h"
#include "group/lag_question.h"

namespace forebay::group {

model::PartitionIndex partition_of_group(const std::string& group) {
  return model::PartitionIndex(
      partition_for_key(as_bytes(group), static_cast<std::int32_t>(cluster::kGroupsPartitions)));
}

Coordinators::Coordinators(Parts parts)
    : parts_(std::move(parts)), places_(parts_.places), alive_(std::make_shared<Coordinators*>(this)) {
  parts_.partitions->on_state_partitions(
      {.opened = [this](const model::TopicPartition& id,
                        partition::Partition& partition) { open(id, partition); },
       .closing = [this](const model::TopicPartition& id) { close(id); }});
}

// The replica goes, and its state with it. Whoever waits is answered.
void Coordinators::close(const model::TopicPartition& id) {
  const auto at = coordinators_.find(id);
  if (at == coordinators_.end()) return;
  ++erasing_[id].under_way;
  at->second->erase([alive = alive_, id] {
    if (*alive != nullptr) (*alive)->erased(id);
  });
  closed_ += at->second->counts();
  coordinators_.erase(at);
}

void Coordinators::erased(const model::TopicPartition& id) {
  const auto at = erasing_.find(id);
  if (--at->second.under_way > 0) return;
  auto waiting = std::move(at->second.waiting);
  erasing_.erase(at);
  for (auto& done : waiting) done();
}

Coordinators::~Coordinators() {
  *alive_ = nullptr;
  parts_.partitions->on_state_partitions({});
}

void Coordinators::open(const model::TopicPartition& id, partition::Partition& partition) {
  if (partition.topic_name() != cluster::kGroupsTopicName) return;
  auto& coordinator = coordinators_[id];
  coordinator = std::make_unique<Coordinator>(
      CoordinatorParts{.log = &partition,
                       .store = parts_.store,
                       .executor = parts_.executor,
                       .pool = parts_.pool,
                       .clock = parts_.clock,
                       .rng = parts_.rng,
                       .peers = parts_.peers,
                       .topics = &topics_,
                       .places = &places_,
                       .partitions_per_group_max = parts_.partitions_per_group_max},
      parts_.host);
  const auto erasing = erasing_.find(id);
  if (erasing == erasing_.end()) return coordinator->start();
  // A replica of before has just gone: what this one stores must not go with that.
  erasing->second.waiting.emplace_back([this, id] {
    if (Coordinator* one = find(id)) one->start();
  });
}

void Coordinators::on_image(const cluster::ClusterImage& image) {
  if (!topics_.set(image)) return;
  for (const auto& [id, one] : coordinators_) one->topics_changed();
}

Coordinator::Counts Coordinators::counts() const {
  Coordinator::Counts counts = closed_;
  for (const auto& [id, one] : coordinators_) counts += one->counts();
  return counts;
}

Coordinator* Coordinators::find(const model::TopicPartition& id) {
  const auto at = coordinators_.find(id);
  return at == coordinators_.end() ? nullptr : at->second.get();
}

bool Coordinators::answer(const std::string& body, UniqueFunction<void(Result<std::string>)>& reply) {
  const ByteSpan bytes = as_bytes(body);
  if (machine::is_state_request(bytes)) {
    const auto request = machine::decode_request(bytes);
    Coordinator* one = request ? find(request->id) : nullptr;
    if (!request) {
      reply(request.error());
    } else if (one == nullptr) {
      reply(Error{ErrorCode::kNotLeader, "there is no replica of that partition on this node"});
    } else {
      reply(one->host().answer_state_request(*request));
    }
    return true;
  }
  if (is_lag_question(bytes)) {
    const auto question = decode_lag_question(bytes);
    if (!question) {
      reply(question.error());
      return true;
    }
    answer_lag(*parts_.partitions, *question, *parts_.clock,
               [reply = std::move(reply)](Result<PartitionLag> lag) mutable {
                 if (!lag) return reply(std::move(lag).error());
                 reply(encode_lag(*lag));
               });
    return true;
  }
  if (!is_place_question(bytes)) return false;
  const auto question = decode_question(bytes);
  if (!question) {
    reply(question.error());
    return true;
  }
  answer_place(*parts_.partitions, *question,
               [reply = std::move(reply)](Result<model::Offset> place) mutable {
                 if (!place) return reply(std::move(place).error());
                 reply(encode_place(*place));
               });
  return true;
}

void Coordinators::stop(UniqueFunction<void()> done) {
  auto left = std::make_shared<std::size_t>(coordinators_.size() + erasing_.size() + 1);
  auto shared = std::make_shared<UniqueFunction<void()>>(std::move(done));
  const auto one_less = [left, shared] {
    if (--*left == 0) (*shared)();
  };
  for (const auto& [id, one] : coordinators_) one->stop(one_less);
  for (auto& [id, erasing] : erasing_) erasing.waiting.emplace_back(one_less);
  one_less();
}

}  // namespace forebay::group
