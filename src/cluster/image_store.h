// The image in the key-value store: one entry for each thing that changes by itself, so that a decision
// writes little. Thread rules: what takes the store blocks, and runs on the pool; the rest is pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "cluster/core/cluster_image.h"
#include "kv/key_value_store.h"

namespace forebay::cluster {

// Next offset of __cluster to apply, as text: so far the entries go.
inline constexpr std::string_view kAppliedKey = "cluster/applied";

// All keys begin so.
inline constexpr std::string_view kStorePrefix = "cluster/";

// Errors: kDataLoss, kCorruptBatch for entries that cannot be read.
[[nodiscard]] Result<ClusterImage> load_image(const kv::View& store);
// Of it only the levels in use, which say whether the rest can be read.
[[nodiscard]] Result<Features> load_features(const kv::View& store);

// All that the store holds of this image, by key.
using StoreEntries = std::map<std::string, std::string>;
[[nodiscard]] StoreEntries entries_of(const ClusterImage& image);

// Changes not yet written, by key; an empty optional removes.
using StoreChanges = std::map<std::string, std::optional<std::string>>;

// Which entries a record may change, and what they are afterwards.
class TouchedEntries {
 public:
  // Before the record is applied.
  TouchedEntries(const ClusterImage& before, const ClusterRecord& record);
  // After it was.
  void note(const ClusterImage& after, StoreChanges& changes) const;

 private:
  friend StoreEntries entries_of(const ClusterImage& image);
  TouchedEntries() = default;
  struct Head {};  // cluster id, next producer id
  struct Feature {
    std::string name;
  };
  struct OfTopic {
    model::TopicId id;
  };
  struct OfBroker {
    model::NodeId node;
  };
  struct Retired {
    model::Uuid disk;
  };
  struct NameOfProducer {
    std::string name;
  };
  struct Noter;
  void touch_all_of(const ClusterImage& before, model::NodeId node);

  std::vector<std::variant<Head, Feature, OfTopic, OfBroker, Retired, NameOfProducer>> entries_;
};

}  // namespace forebay::cluster
