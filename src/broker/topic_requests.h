// What the broker is asked about topics, and what it tells of them. Thread rules: plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/ids.h"

namespace forebay::broker {

struct CreateTopicRequest {
  std::string name;
  std::uint32_t partitions = 1;
  std::uint32_t replication_factor = 0;  // 0: the cluster's default
  std::map<std::string, std::string> config;
  bool validate_only = false;
  bool allow_single_copy = false;  // replication factor 1 in a cluster of three or more
  std::chrono::milliseconds timeout{30'000};
};
struct CreateTopicResult {
  model::TopicId id;
  std::uint32_t partitions = 0;
  std::uint32_t replication_factor = 0;
};
struct TopicSummary {
  std::string name;
  model::TopicId id;
  std::uint32_t partitions = 0;
  std::uint32_t replication_factor = 0;
  bool internal = false;
  std::uint64_t disk_bytes = 0;
  std::string dead_letters_of;  // the topic whose dead letters it shows; empty: it is none of those
};
struct DamagedRange {
  model::Offset begin;
  std::optional<model::Offset> end;  // none: a lost tail
  bool accepted = false;
};
struct PartitionDescription {
  model::PartitionIndex partition;
  std::optional<model::NodeId> leader;
  model::Term term;
  std::vector<model::NodeId> replicas;
  model::Offset log_start;
  model::Offset high_watermark;
  std::uint64_t disk_bytes = 0;
  std::string state;  // "ready", or why not
  // The API of `leader`, when that is another node: what stands here is then this node's own replica, if any.
  std::string leader_address;
  std::vector<DamagedRange> damage;
  std::optional<model::Timestamp> oldest_append_time;
  std::optional<model::Timestamp> oldest_leaves_at;
  std::optional<model::Timestamp> last_full_scrub;
  std::uint32_t segments = 0;
};
struct ConfigEntry {
  std::string name;
  std::string value;
  bool is_default = false;
  std::string doc;
};
struct TopicDescription {
  std::string name;
  model::TopicId id;
  std::uint32_t replication_factor = 0;
  bool internal = false;
  std::string dead_letters_of;  // likewise; then partitions and configuration are that one's
  std::vector<PartitionDescription> partitions;
  std::vector<ConfigEntry> config;
};
struct AlterTopicRequest {
  std::string name;
  std::map<std::string, std::string> set;
  std::vector<std::string> unset;
  bool validate_only = false;
};
struct AddPartitionsResult {
  std::uint32_t partitions = 0;
  std::string warning;
};
struct TrimPoint {
  model::PartitionIndex partition;
  std::optional<model::Offset> before;  // first offset that stays; none = the high watermark
};
struct TrimResult {
  model::PartitionIndex partition;
  model::Offset log_start;
  std::optional<Error> error;
};

}  // namespace forebay::broker
