// Images for tests: brokers without a log.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cluster/core/cluster_image.h"
#include "cluster/core/features.h"

namespace forebay::cluster {

inline model::Uuid uuid_of(std::uint8_t n) {
  model::Uuid id;
  id.bytes[0] = n;
  return id;
}

// A life of a node's disk: the first, or a later one.
inline model::Uuid disk_of(std::uint32_t node, std::uint8_t life = 0) {
  model::Uuid id;
  id.bytes[14] = static_cast<std::uint8_t>(node);
  id.bytes[15] = static_cast<std::uint8_t>(life + 1);
  return id;
}

inline BrokerRegistration registration_of(std::uint32_t node, const std::string& rack = {},
                                          std::uint8_t life = 0) {
  const std::string host = "node-" + std::to_string(node);
  return {.node = model::NodeId(node),
          .disk = disk_of(node, life),
          .api_address = host + ":7400",
          .peer_address = host + ":7401",
          .http_address = host + ":7402",
          .rack = rack,
          .shard_count = 2,
          .version = "1.2.3",
          .features = spoken_features()};
}

// Brokers 1, 2, ... on these racks.
inline ClusterImage image_of(const std::vector<std::string>& racks) {
  ClusterImage image;
  EXPECT_TRUE(apply(image, ClusterFormed{uuid_of(0xcc)}));
  for (std::size_t i = 0; i < racks.size(); ++i) {
    const auto node = static_cast<std::uint32_t>(i + 1);
    EXPECT_TRUE(apply(image, BrokerRegistered{registration_of(node, racks[i])}));
  }
  return image;
}
inline ClusterImage image_of(std::size_t brokers) { return image_of(std::vector<std::string>(brokers)); }

}  // namespace forebay::cluster
