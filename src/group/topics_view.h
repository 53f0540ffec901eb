// Topics as groups see them: made from the metadata, with the names that patterns match. One for each shard.
// Thread rules: everything on the shard.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "cluster/core/cluster_image.h"
#include "group/ports.h"

namespace forebay::group {

class TopicsView final : public Topics {
 public:
  TopicsView();
  ~TopicsView() override;
  TopicsView(const TopicsView&) = delete;
  TopicsView& operator=(const TopicsView&) = delete;

  // Returns whether groups have to follow (generation() is another one).
  bool set(const cluster::ClusterImage& image);
  [[nodiscard]] const TopicsSnapshot* snapshot() override;
  [[nodiscard]] std::uint64_t generation() const override { return generation_; }
  [[nodiscard]] Result<void> want_pattern(const std::string& pattern) override;

 private:
  bool known_ = false;
  TopicsSnapshot snapshot_;
  std::map<std::string, cluster::TopicPtr> topics_;  // as in the snapshot
  std::map<model::NodeId, std::string> racks_;
  std::uint64_t generation_ = 0;
};

// Errors: kInvalidArgument, with what is wrong.
[[nodiscard]] Result<void> check_pattern(const std::string& pattern);

}  // namespace forebay::group
