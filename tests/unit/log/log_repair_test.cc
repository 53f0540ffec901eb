// Damaged ranges that are repaired with the frames of another replica, here those of the model: in a segment,
// of whole segments, of the journal; where the other one was compacted; and the power goes at every step of
// it.
#include <cstring>

#include "log/core/damage.h"
#include "log_world.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;

WorldOptions disk_only(std::uint64_t seed = 1) {
  WorldOptions options;
  options.seed = seed;
  options.shard.cache_bytes_max = 0;
  options.log.segment_bytes = 32U << 10;
  return options;
}

// Sealed segments of some frames each, nothing in memory.
void fill(LogWorld& world, int frames = 60) {
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  for (int i = 0; i < frames; ++i) {
    world.append(0, {.records = 2, .value_bytes = 700});
    if (i % 16 == 5) world.append_control(0, TermStart{model::NodeId(1)});
    ASSERT_TRUE(world.settle());
  }
  ASSERT_TRUE(world.flush_all());
  world.run_for(std::chrono::seconds(1));
}

// Gives frames of the model, a few at a time.
RepairSource frames_of(const std::vector<FramePtr>& frames, std::size_t most = 3) {
  return [&frames, most](const LogRange& range, FramesDone done) {
    std::vector<FramePtr> found;
    for (const FramePtr& frame : frames) {
      const bool covers = frame->header.end > range.begin && frame->header.begin < range.end;
      if (covers && found.size() < most) found.push_back(frame);
    }
    done(std::move(found));
  };
}

Result<void> repair(LogWorld& world, const LogRange& range, RepairSource source) {
  const auto answer = std::make_shared<std::optional<Result<void>>>();
  world.log(0).repair(range, std::move(source),
                      [answer](Result<void> result) { *answer = std::move(result); });
  if (!world.run_until([&] { return answer->has_value() || world.disk().power_is_off(); }) || !*answer)
    return Error{ErrorCode::kTimedOut, "the repair never answered"};
  return **std::move(answer);
}

// All that is damaged, as long as something is to be written first.
Result<void> repair_all(LogWorld& world, const std::vector<FramePtr>& frames) {
  for (int tries = 0; tries < 50; ++tries) {
    const auto& damage = world.log(0).damage();
    if (damage.empty()) return {};
    const auto repaired = repair(world, {damage.front().begin, damage.front().end}, frames_of(frames));
    if (!repaired && repaired.error().code != ErrorCode::kNotYet) return repaired;
    if (world.disk().power_is_off()) return repaired;
    if (!repaired) world.run_for(std::chrono::milliseconds(100));
  }
  return Error{ErrorCode::kTimedOut, "it is never repaired"};
}

// In the file that has it: in a segment or in the journal.
void hurt(LogWorld& world, const Frame& frame, const std::string& where) {
  const ByteSpan payload = frame.payload.span();
  for (const std::string& path : world.files_with(where)) {
    const auto content = *world.disk().content(path);
    const auto found = std::search(content.begin(), content.end(), payload.begin(), payload.end());
    if (found == content.end()) continue;
    const auto at = static_cast<std::uint64_t>(found - content.begin()) + payload.size() / 2;
    world.disk().flip_bit(path, at * 8);
    return;
  }
  ADD_FAILURE() << "the frame is in no file of " << where;
}

const Frame& frame_at(LogWorld& world, std::size_t index) { return *world.model(0).frames.at(index); }

void find_damage(LogWorld& world, const Frame& frame) {
  EXPECT_EQ(world.read(0, {frame.header.begin.next_offset, world.log(0).end().next_offset}).error().code,
            ErrorCode::kDataLoss);
}

void expect_whole(LogWorld& world) {
  EXPECT_TRUE(world.log(0).damage().empty());
  world.check_reads(0);
  world.check_frames(0);
}

void expect_whole_for_good(LogWorld& world) {
  world.run_for(std::chrono::seconds(1));
  expect_whole(world);
  for (int i = 0; i < 2; ++i) {
    world.restart(sim::Landing::kDrop);
    expect_whole(world);
  }
}

TEST(LogRepair, DamagedFramesAreFilledInAndTheOldFileIsKept) {
  LogWorld world(disk_only());
  fill(world);
  for (const std::size_t hurt_one : {10U, 11U, 13U}) hurt(world, frame_at(world, hurt_one), "/topics/");
  find_damage(world, frame_at(world, 10));
  ASSERT_EQ(world.log(0).damage().size(), 1U);
  const auto repaired = repair_all(world, world.model(0).frames);
  ASSERT_TRUE(repaired) << repaired.error().to_string();
  world.run_for(std::chrono::seconds(1));
  EXPECT_EQ(world.files_with("/quarantine/").size(), 1U);
  EXPECT_EQ(world.logs().stats().repairs, 1U);  // also of what nobody had met yet
  expect_whole_for_good(world);
}

TEST(LogRepair, ReadersAreToldOfDamageOnce) {
  LogWorld world(disk_only());
  fill(world);
  int told = 0;
  world.log(0).on_damage([&told] { ++told; });
  hurt(world, frame_at(world, 20), "/topics/");
  find_damage(world, frame_at(world, 20));
  find_damage(world, frame_at(world, 20));
  EXPECT_EQ(told, 1);
  ASSERT_TRUE(repair_all(world, world.model(0).frames));
  EXPECT_EQ(told, 2);
}

TEST(LogRepair, MissingSegmentsAreMadeAgain) {
  LogWorld world(disk_only());
  fill(world);
  ASSERT_TRUE(world.stop_clean());
  const auto files = world.segment_files(0);
  ASSERT_GT(files.size(), 2U);
  world.disk().remove(files.front());
  world.disk().remove(files.back());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.run_until([&] { return world.log(0).damage().size() == 2; }));
  const auto repaired = repair_all(world, world.model(0).frames);
  ASSERT_TRUE(repaired) << repaired.error().to_string();
  expect_whole_for_good(world);
}

TEST(LogRepair, RottenRoundsOfTheJournalAreFilledInWithTheirTermsAndMembers) {
  const Membership members{{{model::NodeId(7), {}}}, {}, {}};
  // In the middle of what the journal alone has, and at its end.
  for (const bool something_follows : {true, false}) {
    SCOPED_TRACE(something_follows);
    LogWorld world(disk_only());
    ASSERT_TRUE(world.start());
    ASSERT_TRUE(world.create(0));
    world.append(0, {.records = 2, .value_bytes = 300});
    ASSERT_TRUE(world.settle());
    world.model(0).term = model::Term(3);
    world.append_control(0, members);
    world.append(0, {.records = 2, .value_bytes = 300});
    ASSERT_TRUE(world.settle());
    const std::size_t in_the_round = world.model(0).frames.size() - 1;
    if (something_follows) world.append(0, {.records = 2, .value_bytes = 300});
    ASSERT_TRUE(world.settle());
    world.set_hard_state(0, {model::Term(3), {}});  // a later round proves the end
    world.run_for(std::chrono::seconds(1));
    world.crash(sim::Landing::kKeep);
    hurt(world, frame_at(world, in_the_round), "/journal/");
    const std::vector<FramePtr> frames = world.model(0).frames;
    const LogPosition end = frames.back()->header.end;
    ASSERT_TRUE(world.start());
    ASSERT_EQ(world.log(0).end(), end);
    ASSERT_FALSE(world.log(0).damage().empty());
    EXPECT_TRUE(world.log(0).memberships().empty());
    const auto repaired = repair_all(world, frames);
    ASSERT_TRUE(repaired) << repaired.error().to_string();
    expect_whole_for_good(world);
    world.append(0, {.records = 2, .value_bytes = 300});
    ASSERT_TRUE(world.settle());
    expect_whole_for_good(world);
  }
}

// What went beside a frame the other replica's frame covers.
std::vector<FramePtr> compacted(const std::vector<FramePtr>& frames, std::size_t gone, bool into_next) {
  std::vector<FramePtr> result = frames;
  const std::size_t wider = into_next ? gone + 1 : gone - 1;
  Frame frame = *frames[wider];
  if (into_next) {
    frame.header.begin = frames[gone]->header.begin;
  } else {
    frame.header.end = frames[gone]->header.end;
  }
  result[wider] = std::make_shared<const Frame>(std::move(frame));
  result.erase(result.begin() + static_cast<std::ptrdiff_t>(gone));
  return result;
}

TEST(LogRepair, FramesThatTheOtherReplicaHasCompactedWidenTheRange) {
  for (const bool into_next : {true, false}) {
    SCOPED_TRACE(into_next);
    LogWorld world(disk_only());
    fill(world);
    const std::vector<FramePtr> whole = world.model(0).frames;
    const std::size_t damaged = 20;
    hurt(world, *whole[damaged], "/topics/");
    find_damage(world, *whole[damaged]);
    // Its neighbour went: [19, 21) is one frame there, or [20, 22).
    const auto other = compacted(whole, into_next ? damaged - 1 : damaged + 1, into_next);
    const auto repaired = repair_all(world, other);
    ASSERT_TRUE(repaired) << repaired.error().to_string();
    world.model(0).frames = other;
    world.model(0).frames_at_start = other;
    expect_whole(world);
  }
}

TEST(LogRepair, FrameOfTheOtherReplicaMayCoverManyLocalOnesBehindTheDamage) {
  const std::size_t damaged = 24;
  for (std::size_t gone = 1; gone <= 10; ++gone) {
    SCOPED_TRACE(gone);
    LogWorld world(disk_only());
    fill(world);
    std::vector<FramePtr> other = world.model(0).frames;
    hurt(world, *other[damaged], "/topics/");
    find_damage(world, *other[damaged]);
    for (std::size_t i = 0; i < gone; ++i) other = compacted(other, damaged + 1, false);
    const auto repaired = repair_all(world, other);
    ASSERT_TRUE(repaired) << repaired.error().to_string();
    world.model(0).frames = other;
    world.model(0).frames_at_start = other;
    expect_whole(world);
    EXPECT_LE(world.log(0).compacted_to().next_offset, other[damaged]->header.begin.next_offset)
        << "it is to be compacted again";
  }
}

TEST(LogRepair, CompactedFrameAcrossTwoSegmentsReplacesBoth) {
  LogWorld world(disk_only());
  fill(world);
  const std::vector<FramePtr> whole = world.model(0).frames;
  const LogPosition border = world.log(0).status().segments.at(1).meta.begin;
  std::size_t first = 0;
  while (whole[first]->header.begin < border) ++first;
  hurt(world, *whole[first], "/topics/");
  find_damage(world, *whole[first]);
  const auto other = compacted(whole, first - 1, true);
  const std::size_t segments = world.log(0).status().segments.size();
  const auto repaired = repair_all(world, other);
  ASSERT_TRUE(repaired) << repaired.error().to_string();
  EXPECT_EQ(world.log(0).status().segments.size(), segments - 1);
  world.model(0).frames = other;
  expect_whole(world);
}

TEST(LogRepair, WhatDoesNotFitIsRefusedAndTheDamageStays) {
  LogWorld world(disk_only());
  fill(world);
  hurt(world, frame_at(world, 20), "/topics/");
  find_damage(world, frame_at(world, 20));
  const std::vector<Damage> damage = world.log(0).damage();
  const LogRange range{damage[0].begin, damage[0].end};
  const auto behind = [&](const LogRange&, FramesDone done) {
    done(std::vector<FramePtr>{world.model(0).frames[21]});
  };
  EXPECT_EQ(repair(world, range, behind).error().code, ErrorCode::kCorruptBatch);
  const auto of_another = [&](const LogRange&, FramesDone done) {
    Frame frame = frame_at(world, 20);
    frame.header.partition = LogWorld::partition_id(5);
    done(std::vector<FramePtr>{std::make_shared<const Frame>(std::move(frame))});
  };
  EXPECT_EQ(repair(world, range, of_another).error().code, ErrorCode::kCorruptBatch);
  const auto nobody = [](const LogRange&, FramesDone done) {
    done(Error{ErrorCode::kUnavailable, "nobody"});
  };
  EXPECT_EQ(repair(world, range, nobody).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(world.log(0).damage(), damage);
  ASSERT_TRUE(repair_all(world, world.model(0).frames));
  expect_whole_for_good(world);
}

TEST(LogRepair, CutUnderTheRepairMakesItBeginAnew) {
  LogWorld world(disk_only());
  fill(world);
  hurt(world, frame_at(world, 20), "/topics/");
  find_damage(world, frame_at(world, 20));
  const Damage damage = world.log(0).damage().front();
  const auto cuts_meanwhile = [&](const LogRange&, FramesDone done) {
    auto frames = std::vector<FramePtr>{world.model(0).frames[20]};
    world.truncate(0, 20);
    done(std::move(frames));
  };
  EXPECT_EQ(repair(world, {damage.begin, damage.end}, cuts_meanwhile).error().code, ErrorCode::kNotYet);
  EXPECT_TRUE(world.log(0).damage().empty());
  world.append(0, {.records = 2, .value_bytes = 700});
  ASSERT_TRUE(world.settle());
  expect_whole_for_good(world);
}

TEST(LogRepair, PowerMayGoAtEveryStep) {
  bool finished = false;
  for (std::uint64_t step = 1; !finished; ++step) {
    SCOPED_TRACE(step);
    ASSERT_LT(step, 200U);
    LogWorld world(disk_only(step));
    fill(world, 40);
    hurt(world, frame_at(world, 10), "/topics/");
    find_damage(world, frame_at(world, 10));
    world.run_for(std::chrono::seconds(1));
    world.disk().crash_at_step(step);
    finished = repair_all(world, world.model(0).frames).has_value();
    world.run_for(std::chrono::seconds(1));
    finished = finished && !world.disk().power_is_off();
    world.restart();
    ASSERT_TRUE(repair_all(world, world.model(0).frames));
    // A damage that was forgotten too early would show here.
    world.check_reads(0);
    expect_whole_for_good(world);
    EXPECT_FALSE(world.files_with("/quarantine/").empty());
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace forebay::log::testing
