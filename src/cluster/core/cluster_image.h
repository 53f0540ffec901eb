// The cluster's metadata as an immutable image: the fold of the records of __cluster. Pure: applying reads
// nothing but the record.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "cluster/core/producer_names.h"
#include "cluster/core/records.h"

namespace forebay::cluster {

struct Broker {
  BrokerRegistration registration;
  bool drained = false;
  Decommission decommission = Decommission::kNone;

  [[nodiscard]] bool is_going() const { return decommission != Decommission::kNone; }
  // Leads only where nobody else can.
  [[nodiscard]] bool gives_way() const { return drained || is_going(); }
  friend bool operator==(const Broker&, const Broker&) = default;
};

using TopicPtr = std::shared_ptr<const Topic>;

// Kept until every broker that had a replica has confirmed that its data is gone.
struct Deletion {
  TopicPtr topic;
  std::set<model::NodeId> waiting;  // for these; not empty
};

struct ProducerIds {
  model::ProducerId first;
  std::uint32_t count = 0;
  friend bool operator==(const ProducerIds&, const ProducerIds&) = default;
};

// Copying an image copies pointers, not topics.
struct ClusterImage {
  model::Uuid cluster_id;  // nil: not formed
  std::map<model::NodeId, Broker> brokers;
  // Disks of brokers that were wiped, replaced, removed or declared lost, and whose they were: none of them
  // comes back. One that is declared lost stays in its registration until another one takes its place.
  std::map<model::Uuid, model::NodeId> retired;
  Features features;                                  // levels in use
  model::ProducerId next_producer_id{0};              // never granted yet, from here on
  std::map<model::NodeId, ProducerIds> producer_ids;  // the last block of each broker
  ProducerNames producer_names;
  std::map<std::string, TopicPtr> topics;       // by name; those that users see
  std::map<model::TopicId, TopicPtr> by_id;     // the same
  std::map<model::TopicId, Deletion> deleting;  // deleted, data not yet gone
  model::Offset applied;                        // next offset of __cluster to apply

  [[nodiscard]] TopicPtr find(const std::string& name) const;
  [[nodiscard]] const Broker* broker(model::NodeId node) const;
  // May get replicas: it is neither drained nor decommissioned, nor is its disk lost.
  [[nodiscard]] bool is_usable(const Broker& broker) const {
    return !broker.gives_way() && !retired.contains(broker.registration.disk);
  }
  // Belongs to the group of __cluster, and hears its news by that.
  [[nodiscard]] bool hears_metadata(const Broker& broker) const {
    return broker.decommission != Decommission::kEmptied && !retired.contains(broker.registration.disk);
  }
  [[nodiscard]] std::size_t partition_count() const;
};

// Folds one record. Errors: kInternal when the record cannot follow this image (a bug or a damaged log): the
// image is unchanged.
[[nodiscard]] Result<void> apply(ClusterImage& image, const ClusterRecord& record);

// The brokers whose data a deletion of this topic waits for.
[[nodiscard]] std::set<model::NodeId> holders(const Topic& topic);

[[nodiscard]] Error unknown_topic(const std::string& name);

}  // namespace forebay::cluster
