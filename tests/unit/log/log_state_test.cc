// State files beside segments: which are kept, and what of them a crash, a cut, damage and a bad disk leave.
#include "base/crc32c.h"
#include "base/endian.h"
#include "log_world.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;

StateSnapshot state_at(std::int64_t offset, const std::string& text = "state") {
  return {{Offset(offset), 0}, model::Term(1), SharedBytes::take(text + " at " + std::to_string(offset))};
}

std::string text_of(const StateSnapshot& state) { return std::string(as_text(state.bytes.span())); }

std::string path_of(std::int64_t offset) {
  return "/data/topics/" + LogWorld::partition_id(0).topic.to_string() + "/0/" +
         state_file_name({Offset(offset), 0});
}

Result<void> write(LogWorld& world, const StateSnapshot& state) {
  std::optional<Result<void>> result;
  world.log(0).write_state(state, [&](Result<void> durable) { result = std::move(durable); });
  if (!world.run_until([&] { return result.has_value(); }))
    return Error{ErrorCode::kTimedOut, "power is off"};
  return *std::move(result);
}

// The offsets of what is kept. Each one is whole.
std::vector<std::int64_t> kept(LogWorld& world) {
  std::optional<Result<std::vector<StateSnapshot>>> result;
  world.log(0).read_states([&](auto states) { result = std::move(states); });
  EXPECT_TRUE(world.run_until([&] { return result.has_value(); }));
  std::vector<std::int64_t> offsets;
  if (!result || !*result) return {-1};
  for (const StateSnapshot& state : **result) {
    offsets.push_back(state.position.next_offset.value());
    EXPECT_EQ(text_of(state), text_of(state_at(offsets.back())));
    EXPECT_EQ(state.term, model::Term(1));
  }
  return offsets;
}

using Offsets = std::vector<std::int64_t>;

struct LogState : ::testing::Test {
  LogState() {
    EXPECT_TRUE(world.start());
    EXPECT_TRUE(world.create(0));
    for (int i = 0; i < 20; ++i) world.append(0, {.records = 2});
    EXPECT_TRUE(world.settle());
  }
  LogWorld world;
};

TEST_F(LogState, NewLogHasNoneAndTakesNothing) {
  EXPECT_EQ(kept(world), Offsets{});
  EXPECT_TRUE(world.files_with(".state").empty());
}

TEST_F(LogState, LastTwoAreKeptOverRestarts) {
  for (const std::int64_t offset : {10, 20, 30}) {
    ASSERT_TRUE(write(world, state_at(offset)));
    EXPECT_EQ(kept(world).front(), offset);
  }
  EXPECT_EQ(kept(world), (Offsets{30, 20}));
  EXPECT_EQ(world.files_with(".state").size(), 2U);
  EXPECT_EQ(world.logs().stats().states_written, 3U);
  for (const auto landing : {sim::Landing::kDrop, sim::Landing::kKeep}) {
    world.restart(landing);
    EXPECT_EQ(kept(world), (Offsets{30, 20}));
  }
  world.run_for(std::chrono::seconds(2));
  EXPECT_TRUE(world.files_with("/quarantine/").empty()) << "they are ours";
}

Result<void> rewrite(LogWorld& world, std::int64_t base, std::int64_t offset, const StateMaking& make) {
  std::optional<Result<void>> result;
  world.log(0).rewrite_state({Offset(base), 0}, {{Offset(offset), 0}, model::Term(1), {}}, make,
                             [&](Result<void> durable) { result = std::move(durable); });
  EXPECT_TRUE(world.run_until([&] { return result.has_value(); }));
  return *std::move(result);
}

TEST_F(LogState, IsMadeOfAnEarlierOne) {
  ASSERT_TRUE(write(world, state_at(10)));
  const auto made = rewrite(world, 10, 20, [](ByteSpan base) -> Result<SharedBytes> {
    EXPECT_EQ(as_text(base), "state at 10");
    return SharedBytes::take(std::string("state at 20"));
  });
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(kept(world), (Offsets{20, 10}));
}

TEST_F(LogState, WhatCannotBeMadeLeavesWhatIsThere) {
  ASSERT_TRUE(write(world, state_at(10)));
  const auto copy = [](ByteSpan base) -> Result<SharedBytes> {
    return SharedBytes::take(std::string(as_text(base)));
  };
  EXPECT_EQ(rewrite(world, 5, 20, copy).error().code, ErrorCode::kNotFound);
  const Error refused{ErrorCode::kCorruptBatch, "refused"};
  EXPECT_EQ(rewrite(world, 10, 20, [&](ByteSpan) -> Result<SharedBytes> { return refused; }).error().code,
            ErrorCode::kCorruptBatch);
  world.disk().flip_bit(path_of(10), 8 * (kStateHeaderBytes + 2));
  EXPECT_EQ(rewrite(world, 10, 20, copy).error().code, ErrorCode::kCorruptBatch);
  EXPECT_EQ(world.files_with(".state").size(), 1U);
}

TEST_F(LogState, PartsAreReadWhereTheyLie) {
  const auto read = [&](std::int64_t offset, std::vector<StateRange> parts) {
    std::optional<Result<std::vector<SharedBytes>>> result;
    world.log(0).read_state_parts({Offset(offset), 0}, std::move(parts),
                                  [&](auto bytes) { result = std::move(bytes); });
    EXPECT_TRUE(world.run_until([&] { return result.has_value(); }));
    return *std::move(result);
  };
  ASSERT_TRUE(write(world, state_at(10)));
  const auto parts = read(10, {{6, 8}, {0, 5}, {3, 3}});
  ASSERT_TRUE(parts) << parts.error().to_string();
  ASSERT_EQ(parts->size(), 3U);
  EXPECT_EQ(as_text((*parts)[0].span()), "at");
  EXPECT_EQ(as_text((*parts)[1].span()), "state");
  EXPECT_TRUE((*parts)[2].empty());
  EXPECT_EQ(read(10, {{6, 12}}).error().code, ErrorCode::kCorruptBatch);
  EXPECT_EQ(read(20, {{0, 1}}).error().code, ErrorCode::kNotFound);
}

TEST_F(LogState, BytesOnTheDiskAreCounted) {
  const std::uint64_t before = world.log(0).status().disk_bytes;
  ASSERT_TRUE(write(world, state_at(10)));
  ASSERT_TRUE(write(world, state_at(20)));
  const std::uint64_t bytes = 2 * (kStateHeaderBytes + state_at(10).bytes.size());
  EXPECT_EQ(world.log(0).status().disk_bytes, before + bytes);
  ASSERT_TRUE(world.flush_all());
  world.restart();
  world.run_for(std::chrono::seconds(2));
  std::uint64_t segments = 0;
  for (const std::string& path : world.files_with("/topics/")) {
    if (path.find(".state") == std::string::npos && path.find("NAME") == std::string::npos)
      segments += world.disk().content(path)->size();
  }
  EXPECT_EQ(world.log(0).status().disk_bytes, segments + bytes) << "also when nobody has read them yet";
}

TEST_F(LogState, OneThatIsWrittenBelowOthersTakesTheirPlace) {
  ASSERT_TRUE(write(world, state_at(10)));
  ASSERT_TRUE(write(world, state_at(30)));
  ASSERT_TRUE(write(world, state_at(20)));
  EXPECT_EQ(kept(world), (Offsets{20, 10}));
  ASSERT_TRUE(write(world, state_at(20)));
  EXPECT_EQ(kept(world), (Offsets{20, 10})) << "once more at the same place";
}

TEST_F(LogState, MayLieAboveTheEndOfTheLog) {
  ASSERT_TRUE(write(world, state_at(1'000)));
  world.restart();
  EXPECT_EQ(kept(world), Offsets{1'000});
}

TEST_F(LogState, WhatLiesAboveACutGoes) {
  ASSERT_TRUE(write(world, state_at(10)));
  ASSERT_TRUE(write(world, state_at(30)));
  world.truncate(0, 15);
  world.append(0, {.records = 1});
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(kept(world), (Offsets{30, 10})) << "of what the position names all is there";
  world.truncate(0, 14);
  world.append(0, {.records = 1});
  ASSERT_TRUE(world.settle());
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(kept(world), Offsets{10});
  EXPECT_EQ(world.files_with(".state").size(), 1U);
}

// The cut became durable after the state had, and took it away. By then the log was trimmed on the strength
// of it: a producer was forgotten.
TEST_F(LogState, StateOfWhatCameInsteadOutlivesTheCut) {
  ASSERT_TRUE(write(world, state_at(10)));
  world.truncate(0, 15);  // at offset 30
  for (int i = 0; i < 5; ++i) world.append(0, {.records = 1});
  ASSERT_TRUE(write(world, state_at(33)));
  ASSERT_TRUE(world.settle());
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(kept(world), (Offsets{33, 10}));
}

TEST_F(LogState, SurvivesAnInstall) {
  ASSERT_TRUE(write(world, state_at(100)));
  world.install(0, {{Offset(60), 0}, {model::Term(40), {Offset(50), 0}}, {}});
  ASSERT_TRUE(world.settle());
  world.restart();
  EXPECT_EQ(kept(world), Offsets{100});
}

// It comes with the base: what was on its way from the old log must not take its place.
TEST_F(LogState, StateThatAnInstallRestsOnIsKept) {
  std::optional<Result<void>> late;
  world.log(0).write_state(state_at(100), [&](const Result<void>& durable) {
    ASSERT_TRUE(durable);
    world.install(0, {{Offset(60), 0}, {model::Term(40), {Offset(50), 0}}, {}});
  });
  world.log(0).write_state(state_at(10), [&](Result<void> durable) { late = std::move(durable); });
  ASSERT_TRUE(world.run_until([&] { return late.has_value(); }));
  EXPECT_EQ(late->error().code, ErrorCode::kCancelled);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(kept(world), Offsets{100});
}

TEST_F(LogState, DamagedOneIsPutAsideAndTheOneBelowIsRead) {
  ASSERT_TRUE(write(world, state_at(10)));
  ASSERT_TRUE(write(world, state_at(20)));
  std::vector<std::byte> bytes = *world.disk().content(path_of(20));
  bytes.at(kStateHeaderBytes + 2) ^= std::byte{1};
  world.disk().replace_file(path_of(20), bytes);
  EXPECT_EQ(kept(world), Offsets{10});
  EXPECT_EQ(world.logs().stats().damaged_states, 1U);
  ASSERT_EQ(world.files_with("/quarantine/").size(), 1U);
  EXPECT_EQ(*world.disk().content(world.files_with("/quarantine/").front()), bytes);
  EXPECT_FALSE(world.disk().content(path_of(20)));
}

TEST_F(LogState, OneUnderAWrongNameIsPutAside) {
  ASSERT_TRUE(write(world, state_at(10)));
  world.disk().replace_file(path_of(30), *world.disk().content(path_of(10)));
  EXPECT_EQ(kept(world), Offsets{10});
  EXPECT_EQ(world.files_with("/quarantine/").size(), 1U);
}

TEST_F(LogState, WhatAnotherVersionWroteStaysAndIsPassedOver) {
  ASSERT_TRUE(write(world, state_at(10)));
  ASSERT_TRUE(write(world, state_at(20)));
  std::vector<std::byte> bytes = *world.disk().content(path_of(20));
  bytes.at(12) = std::byte{2};
  store_le(bytes.data() + 8, crc32c(ByteSpan(bytes).subspan(12)));
  world.disk().replace_file(path_of(20), bytes);
  EXPECT_EQ(kept(world), Offsets{10});
  EXPECT_TRUE(world.disk().content(path_of(20)));
  EXPECT_EQ(world.logs().stats().damaged_states, 0U);
}

TEST_F(LogState, WriteThatFailsLeavesWhatWasKept) {
  ASSERT_TRUE(write(world, state_at(10)));
  for (const sim::DiskOp op :
       {sim::DiskOp::kCreate, sim::DiskOp::kWrite, sim::DiskOp::kSync, sim::DiskOp::kRename}) {
    world.disk().inject(
        {.op = op, .effect = sim::DiskEffect::kNoSpace, .path = sim::path_contains(".state")});
    EXPECT_FALSE(write(world, state_at(20)));
    EXPECT_EQ(kept(world), Offsets{10});
    EXPECT_EQ(world.files_with(".state").size(), 1U) << "what came to nothing takes no room";
  }
  EXPECT_FALSE(world.model(0).failed);
  ASSERT_TRUE(write(world, state_at(20)));
  EXPECT_EQ(kept(world), (Offsets{20, 10}));
}

TEST_F(LogState, TooLargeAOneIsRefused) {
  const StateSnapshot large{
      {Offset(10), 0}, model::Term(1), SharedBytes::take(std::vector<std::byte>(kStateBytesMax + 1))};
  const auto written = write(world, large);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(LogState, GoesWithTheReplica) {
  ASSERT_TRUE(write(world, state_at(10)));
  std::optional<Result<void>> written, removed;
  world.log(0).write_state(state_at(20), [&](Result<void> durable) { written = std::move(durable); });
  world.model(0).log = nullptr;
  world.logs().remove(LogWorld::partition_id(0), [&](Result<void> result) { removed = std::move(result); });
  ASSERT_TRUE(written);
  EXPECT_EQ(written->error().code, ErrorCode::kCancelled) << "nobody waits for ever";
  ASSERT_TRUE(world.run_until([&] { return removed.has_value(); }));
  ASSERT_TRUE(*removed);
  EXPECT_EQ(world.files_with("/trash/").size(), world.files_with(".state").size());
}

// Whatever lands: one of the two that were there, or the new one, is whole; nothing is in the way of the
// next.
TEST(LogStateCrash, PowerCutAtEveryStepFindsTheOldOneOrTheNewOne) {
  int old_found = 0, new_found = 0;
  bool crashed = true;
  for (std::uint64_t step = 1; crashed; ++step) {
    SCOPED_TRACE(step);
    WorldOptions options;
    options.seed = step;
    LogWorld world(options);
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    for (int i = 0; i < 20; ++i) world.append(0, {.records = 2});
    ASSERT_TRUE(world.settle());
    for (const std::int64_t offset : {10, 20}) ASSERT_TRUE(write(world, state_at(offset)));
    world.disk().crash_at_step(step);
    const bool durable = write(world, state_at(30)).has_value();
    crashed = world.disk().power_is_off();
    world.crash(sim::Landing::kSeeded);
    ASSERT_TRUE(world.start());
    const Offsets found = kept(world);
    ASSERT_FALSE(found.empty());
    ++(found.front() == 30 ? new_found : old_found);
    EXPECT_TRUE(found.front() == 30 || (found == Offsets{20, 10} && !durable)) << found.front();
    EXPECT_TRUE(world.files_with(".tmp").empty());
    EXPECT_EQ(world.logs().stats().damaged_states, 0U);
    ASSERT_TRUE(write(world, state_at(40)));
    EXPECT_EQ(kept(world).front(), 40);
    EXPECT_EQ(world.files_with(".state").size(), 2U);
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(old_found, 2);
  EXPECT_GT(new_found, 1);
}

TEST(LogTerms, TermBeforeAPosition) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  EXPECT_EQ(world.log(0).term_before({}), model::Term());
  std::vector<LogPosition> ends;
  for (const std::uint64_t term : {3, 3, 5, 5}) {
    world.model(0).term = model::Term(term);
    world.append(0, {.records = 2});
    ends.push_back(world.log(0).end());
  }
  const auto expect_terms = [&] {
    EXPECT_EQ(world.log(0).term_before(ends[1]), model::Term(3)) << "where the next term begins";
    EXPECT_EQ(world.log(0).term_before({Offset(3), 0}), model::Term(3)) << "within a batch";
    EXPECT_EQ(world.log(0).term_before(ends[2]), model::Term(5));
    EXPECT_EQ(world.log(0).term_before(ends[3]), model::Term(5)) << "at the end";
    EXPECT_FALSE(world.log(0).term_before(ends[3].after_control())) << "above it";
  };
  ASSERT_TRUE(world.settle());
  expect_terms();
  world.set_log_start(0, ends[1]);
  ASSERT_TRUE(world.settle());
  expect_terms();
  world.install(0, {{Offset(60), 0}, {model::Term(40), {Offset(50), 0}}, {}});
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.log(0).term_before({Offset(60), 0}), model::Term(40));
  EXPECT_FALSE(world.log(0).term_before({Offset(50), 0}));
  EXPECT_FALSE(world.log(0).term_before(ends[1]));
}

TEST(LogTerms, SealedSegmentIsTold) {
  LogWorld world;
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  int told = 0;
  world.log(0).on_sealed([&] { ++told; });
  world.append(0, {.records = 2, .value_bytes = 900});
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(told, 0);
  ASSERT_TRUE(world.flush_all());  // it rolls
  EXPECT_EQ(told, 1);
  world.log(0).on_sealed(nullptr);
}

}  // namespace
}  // namespace forebay::log::testing
