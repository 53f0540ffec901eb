// Golden files, and whose bytes they are.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/shared_bytes.h"
#include "model/ids.h"

namespace forebay::test {

// `path` is below tests/format.
inline std::vector<std::byte> golden_file(const std::string& path) {
  std::ifstream file("tests/format/" + path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return {as_bytes(text).begin(), as_bytes(text).end()};
}

// The partition of every golden frame.
inline model::TopicPartition golden_partition() {
  model::TopicPartition id;
  for (std::uint8_t i = 0; i < 16; ++i) id.topic.bytes[i] = i;
  id.partition = model::PartitionIndex(3);
  return id;
}

}  // namespace forebay::test
