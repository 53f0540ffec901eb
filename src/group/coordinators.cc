#include "group/coordinators.h"

#include <utility>

#include "base/murmur2.h"
#include "cluster/core/internal_topics.h"
#include "group/lag_question.h"

namespace forebay::group {

model::PartitionIndex partition_of_group(const std::string& group) {
  return model::PartitionIndex(
      partition_for_key(as_bytes(group), static_cast<std::int32_t>(cluster::kGroupsPartitions)));
}

Coordinators::Coordinators(Parts parts) : parts_(std::move(parts)), places_(parts_.places) {
  parts_.partitions->on_state_partitions(
      {.opened = [this](const model::TopicPartition& id,
                        partition::Partition& partition) { open(id, partition); },
       .closing = [this](const model::TopicPartition& id) { close(id); }});
}

// Whoever waits is answered. What is left of the state in the store goes when a replica is made here again.
void Coordinators::close(const model::TopicPartition& id) {
  const auto at = coordinators_.find(id);
  if (at == coordinators_.end()) return;
  at->second->stop([] {});
  closed_ += at->second->counts();
  coordinators_.erase(at);
}

Coordinators::~Coordinators() { parts_.partitions->on_state_partitions({}); }

void Coordinators::open(const model::TopicPartition& id, partition::Partition& partition) {
  if (partition.topic_name() != cluster::kGroupsTopicName) return;
  auto& coordinator = coordinators_[id];
  coordinator = std::make_unique<Coordinator>(CoordinatorParts{.log = &partition,
                                                               .store = parts_.store,
                                                               .executor = parts_.executor,
                                                               .pool = parts_.pool,
                                                               .clock = parts_.clock,
                                                               .rng = parts_.rng,
                                                               .peers = parts_.peers,
                                                               .topics = &topics_,
                                                               .places = &places_},
                                              parts_.host);
  coordinator->start();
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
  if (coordinators_.empty()) return done();
  auto left = std::make_shared<std::size_t>(coordinators_.size());
  auto shared = std::make_shared<UniqueFunction<void()>>(std::move(done));
  for (const auto& [id, one] : coordinators_) {
    one->stop([left, shared] {
      if (--*left == 0) (*shared)();
    });
  }
}

}  // namespace forebay::group
