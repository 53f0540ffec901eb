#include "base/murmur2.h"

#include <gtest/gtest.h>

#include <string>

namespace forebay {
namespace {

// The vectors of Kafka's own tests.
TEST(Murmur2, KafkaVectors) {
  const struct {
    const char* in;
    std::int32_t want;
  } cases[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& c : cases) EXPECT_EQ(murmur2(as_bytes(c.in)), c.want) << c.in;
}

TEST(PartitionForKey, IsTheSignlessHashModuloTheCount) {
  EXPECT_EQ(partition_for_key(as_bytes("abc"), 12), 479470107 % 12);
  EXPECT_EQ(partition_for_key(as_bytes("21"), 12), (-973932308 & 0x7fffffff) % 12);
  EXPECT_EQ(partition_for_key(as_bytes("anything"), 1), 0);
  for (int i = 0; i < 1000; ++i) {
    const auto key = std::to_string(i);
    const auto partition = partition_for_key(as_bytes(key), 7);
    EXPECT_GE(partition, 0);
    EXPECT_LT(partition, 7);
  }
}

}  // namespace
}  // namespace forebay
