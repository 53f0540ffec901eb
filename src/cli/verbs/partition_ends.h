// Where each partition of a bounded reading ends. Used inside this module.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "forebay/consumer.h"

namespace forebay::cli {

// Partitions that are not finished, and their ends (exclusive).
using PartitionEnds = std::map<std::int32_t, std::int64_t>;

// Takes out and unassigns those whose end the consumer has come to. A partition may end in offsets without
// records (control frames aside, compaction takes them): then only the position tells.
void drop_finished(PartitionEnds& ends, Consumer& consumer, const std::string& topic);

}  // namespace forebay::cli
