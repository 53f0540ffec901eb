#include "cluster/core/producer_sessions.h"

#include <limits>

namespace forebay::cluster {
namespace {

constexpr auto kIdMax = std::numeric_limits<model::ProducerId::value_type>::max();

}  // namespace

std::optional<model::ProducerId> previous_id(const ClusterImage& image, const ProducerNamed& record) {
  const NamedProducer* known = image.producer_names.find(record.name);
  if (known == nullptr) return std::nullopt;
  return known->id == record.id ? known->previous_id : known->id;
}

Result<ProducerNamed> decide_producer_session(const ClusterImage& image, const std::string& name,
                                              const Limits& limits) {
  const NamedProducer* known = image.producer_names.find(name);
  if (known != nullptr && known->epoch.next() < kFenceEpoch)
    return ProducerNamed{name, known->id, known->epoch.next()};
  if (known == nullptr && image.producer_names.size() >= limits.producer_names_max) {
    return Error{ErrorCode::kMemoryBudget,
                 "the cluster has " + std::to_string(limits.producer_names_max) +
                     " names of producers, which is the most it keeps; '" + name +
                     "' is not one of them. Remove those that nobody uses any more: forebay producer list, "
                     "forebay producer delete NAME"};
  }
  if (image.next_producer_id.value() == kIdMax)
    return Error{ErrorCode::kInternal, "there are no more producer ids"};
  return ProducerNamed{name, image.next_producer_id, model::ProducerEpoch(0)};
}

Result<ProducerNameRemoved> decide_remove_producer_name(const ClusterImage& image, const std::string& name) {
  if (image.producer_names.find(name) != nullptr) return ProducerNameRemoved{name};
  return Error{ErrorCode::kNotFound,
               "there is no producer with the name '" + name + "'; see: forebay producer list"};
}

}  // namespace forebay::cluster
