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
    : parts_(std::move(parts)),
      places_(parts_.places),
      coordinators_(
          *parts_.partitions, std::string(cluster::kGroupsTopicName),
          [this](partition::Partition& partition) { return make(partition); },
          [this](const Coordinator& gone) { closed_ += gone.counts(); }) {}

std::unique_ptr<Coordinator> Coordinators::make(partition::Partition& partition) {
  return std::make_unique<Coordinator>(
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
}

void Coordinators::on_image(const cluster::ClusterImage& image) {
  if (!topics_.set(image)) return;
  for (const auto& [id, one] : all()) one->topics_changed();
}

Coordinator::Counts Coordinators::counts() const {
  Coordinator::Counts counts = closed_;
  for (const auto& [id, one] : all()) counts += one->counts();
  return counts;
}

bool Coordinators::answer(const std::string& body, UniqueFunction<void(Result<std::string>)>& reply) {
  const ByteSpan bytes = as_bytes(body);
  if (coordinators_.answer_state_request(body, reply)) return true;
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

}  // namespace forebay::group
