// Log start: what readers are told is durable, what the log says takes effect after a restart too.
#include "log/core/control.h"
#include "log/salvage.h"
#include "log_world.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;

TEST(LogStart, IsToldOnceTheJournalHasIt) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 10; ++i) world.append(0, {.records = 1});
  ASSERT_TRUE(world.settle());
  sim::DiskFault slow{.op = sim::DiskOp::kWrite,
                      .effect = sim::DiskEffect::kStall,
                      .path = sim::path_contains("/journal/"),
                      .stall = std::chrono::seconds(2)};
  world.disk().inject(slow);
  world.set_log_start(0, {Offset(5), 0});
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(world.log(0).log_start(), LogPosition{});
  EXPECT_EQ(world.log(0).status().log_start, LogPosition{});
  EXPECT_TRUE(world.read(0, {Offset(0), Offset(10), 100}));
  world.run_for(std::chrono::seconds(3));
  EXPECT_EQ(world.log(0).log_start(), (LogPosition{Offset(5), 0}));
  EXPECT_EQ(world.read(0, {Offset(4), Offset(10), 100}).error().code, ErrorCode::kOffsetOutOfRange);
}

// The frame is durable, and committed; the power goes before its effect is.
TEST(LogStart, FrameInTheJournalIsKnownAfterARestart) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 10; ++i) world.append(0, {.records = 1});
  const LogPosition before = world.log(0).end();
  world.append_control(0, LogStart{{Offset(7), 0}});
  world.append(0, {.records = 1});
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.log(0).log_start_upto(before), LogPosition{});
  EXPECT_EQ(world.log(0).log_start_upto(world.log(0).end()), (LogPosition{Offset(7), 0}));
  world.restart(sim::Landing::kDrop);
  EXPECT_EQ(world.log(0).log_start(), LogPosition{}) << "whether it was committed, only Raft knows";
  EXPECT_EQ(world.log(0).log_start_upto(before), LogPosition{});
  EXPECT_EQ(world.log(0).log_start_upto(world.log(0).end()), (LogPosition{Offset(7), 0}));
  world.set_log_start(0, {Offset(7), 0});
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(world.log(0).log_start(), (LogPosition{Offset(7), 0}));
}

TEST(LogStart, IsSalvagedFromTheSegments) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < 10; ++i) world.append(0, {.records = 2, .value_bytes = 500});
  world.append_control(0, LogStart{{Offset(7), 0}});
  world.append(0, {.records = 1, .value_bytes = 500});
  ASSERT_TRUE(world.flush_all());
  world.set_log_start(0, {Offset(7), 0});
  world.run_for(std::chrono::seconds(1));
  ASSERT_EQ(world.log(0).log_start(), (LogPosition{Offset(7), 0}));
  world.crash(sim::Landing::kKeep);
  for (const std::string& path : world.disk().files()) {
    if (path.ends_with(".journal")) world.disk().remove(path);
  }
  ASSERT_TRUE(world.start());
  EXPECT_EQ(world.log(0).log_start(), (LogPosition{Offset(7), 0}));
  world.check_reads(0);
}

}  // namespace
}  // namespace forebay::log::testing
