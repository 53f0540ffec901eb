// Random lives of a node's logs against a model: appends, reads, rolls, trims, restarts, power cuts at every
// kind of step.
#include "log_world.h"
#include "sim/sim_rng.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;

WorldOptions small_world(std::uint64_t seed) {
  WorldOptions options;
  options.seed = seed;
  sim::SimRng rng(seed * 7919);
  options.shard.cache_bytes_max = rng.one_in(3) ? 0 : rng.between(4096, 256 << 10);
  options.shard.segment_write_bytes = static_cast<std::uint32_t>(rng.between(4096, 40 << 10));
  options.shard.segment_writes_in_flight_max = static_cast<std::uint32_t>(rng.between(1, 4));
  options.shard.read_bytes_in_flight_max = rng.between(64 << 10, 1 << 20);
  options.shard.scrub_bytes_per_second = rng.one_in(2) ? 0 : 8 << 20;
  options.log.segment_bytes = rng.between(16 << 10, 128 << 10);
  options.log.segment_ms = rng.one_in(3) ? 50 : 1'000'000;
  options.log.index_interval_bytes = static_cast<std::uint32_t>(rng.between(512, 16 << 10));
  return options;
}

void random_step(LogWorld& world, sim::SimRng& rng, std::int32_t partitions) {
  const auto p = static_cast<std::int32_t>(rng.below(static_cast<std::uint64_t>(partitions)));
  LogModel& model = world.model(p);
  if (model.log == nullptr) return;
  switch (rng.below(21)) {
    case 0:
      model.log->roll();
      break;
    case 1: {
      if (model.frames.empty()) break;
      const FramePtr& frame = model.frames[rng.below(model.frames.size())];
      LogPosition begin = frame->header.begin;
      if (rng.one_in(4)) begin = {begin.next_offset.plus(1), 0};  // inside of a frame
      if (rng.one_in(10)) begin = model.log->flushed();
      if (begin <= model.log->flushed()) world.set_log_start(p, begin);
      break;
    }
    case 2:
      world.append_control(p, TermStart{model::NodeId(1)});
      break;
    case 3:
      world.set_hard_state(p, {model::Term(model.log->hard_state().term.value() + 1), model::NodeId(1)});
      break;
    case 4:
      world.run_for(std::chrono::milliseconds(rng.between(1, 200)));
      break;
    case 20: {
      // A leader that nobody followed is followed: what it had alone goes.
      if (model.log_starts_pending > 0 || model.frames.empty()) break;
      const std::size_t most = rng.one_in(3) ? 200 : 20;
      const std::size_t keep = model.frames.size() - rng.between(1, std::min(most, model.frames.size()));
      if (model.frames[keep]->header.begin < model.log->log_start()) break;
      world.truncate(p, keep);
      if (rng.one_in(2)) world.append_control(p, TermStart{model::NodeId(2)});
      if (rng.one_in(3)) {
        const model::NodeId node(static_cast<std::uint32_t>(rng.below(9)));
        world.append_control(p, Membership{{{node, {}}}, {}, {}});
      }
      break;
    }
    case 5:
      if (world.settle() && rng.one_in(4)) {
        world.check_reads(p, rng.between(100, 20'000));
        world.check_frames(p, rng.between(100, 20'000));
      }
      break;
    default:
      for (std::uint64_t n = rng.between(1, 10); n > 0; --n) {
        world.append(p, {.records = static_cast<std::int64_t>(rng.between(1, 5)),
                         .value_bytes = rng.one_in(20) ? rng.between(2000, 7000) : rng.between(10, 600)});
      }
      break;
  }
}

TEST(ShardLogsRandom, SurvivesRestartsAndPowerCuts) {
  for (std::uint64_t seed = 1; seed <= seeds(20); ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    LogWorld world(small_world(seed));
    const std::int32_t partitions = static_cast<std::int32_t>(rng.between(1, 4));
    ASSERT_TRUE(world.start());
    for (std::int32_t p = 0; p < partitions; ++p) ASSERT_TRUE(world.create(p));
    for (int life = 0; life < 4; ++life) {
      const bool cut = rng.one_in(2);
      if (cut) world.disk().crash_at_step(rng.between(1, 300));
      for (int i = 0; i < 80 && !world.disk().power_is_off(); ++i) random_step(world, rng, partitions);
      if (!cut && rng.one_in(3)) {
        ASSERT_TRUE(world.settle());
        ASSERT_TRUE(world.stop_clean());
      } else {
        world.crash(sim::Landing::kSeeded);
      }
      bool up = world.start();
      for (int tries = 0; !up && tries < 5; ++tries) {
        world.crash(sim::Landing::kSeeded);
        up = world.start();
      }
      ASSERT_TRUE(up);
      world.check_all_reads();
      for (std::int32_t p = 0; p < partitions; ++p) world.check_frames(p);
      if (::testing::Test::HasFailure()) return;
    }
    EXPECT_TRUE(world.disk().files().size() < 200) << "files pile up";
    for (const std::string& path : world.disk().files()) {
      EXPECT_EQ(path.find("/quarantine/"), std::string::npos) << path;
    }
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace forebay::log::testing
