// What a repair brings is not compacted (docs/adr/0016): it comes from a replica that may have compacted
// less, and holds values whose tombstones are in segments that were compacted here long ago.
#include <set>

#include "log/core/damage.h"
#include "log_world.h"
#include "model/record_iterator.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;

constexpr int kFillers = 24;  // of a segment: too large to be joined with its neighbour
constexpr std::int64_t kTombstoneLifeMs = 10'000;

WorldOptions compacted_world() {
  WorldOptions options;
  options.shard.cache_bytes_max = 0;
  options.log.cleanup = CleanupPolicy::kCompact;
  options.log.min_cleanable_dirty_ratio = 0;
  options.log.segment_bytes = 32U << 10;
  options.log.delete_retention_ms = kTombstoneLifeMs;
  return options;
}

void write(LogWorld& world, const std::string& key, const std::optional<std::string>& value) {
  model::BatchBuilder builder;
  model::NewRecord record;
  record.key = as_bytes(key);
  if (value) record.value = as_bytes(*value);
  record.timestamp = world.now();
  ASSERT_TRUE(builder.append(record));
  const Log& log = world.log(0);
  world.append_frame(0, make_frame_of(LogWorld::partition_id(0), log.end(), model::Term(1),
                                      builder.build(model::Codec::kNone).value(),
                                      std::max(world.now(), log.max_append_time())));
}

// A segment that begins with this record.
void write_segment(LogWorld& world, const std::string& key, const std::optional<std::string>& value) {
  const std::string begin = std::to_string(world.log(0).end().next_offset.value());
  write(world, key, value);
  for (int i = 0; i < kFillers; ++i)
    write(world, "filler-" + begin + "-" + std::to_string(i), std::string(900, 'f'));
  ASSERT_TRUE(world.settle());
  world.log(0).roll();
  ASSERT_TRUE(world.flush_all());
  world.run_for(std::chrono::seconds(1));
}

struct Found {
  bool value = false, tombstone = false;
};

// Of the key in all of the log.
Found find_key(LogWorld& world, const std::string& key) {
  Found found;
  const std::int64_t end = world.log(0).end().next_offset.value();
  for (Offset at(0); at.value() < end;) {
    const auto result = world.read(0, {at, Offset(end), 8U << 10});
    EXPECT_TRUE(result) << result.error().to_string();
    if (!result || result->next <= at) break;
    for (const FramePtr& frame : result->frames) {
      const auto view = model::RecordBatchView::parse(frame->payload.span());
      EXPECT_TRUE(view);
      std::vector<std::byte> scratch;
      EXPECT_TRUE(model::for_each_record(*view, 1U << 24, scratch, [&](const model::RecordView& record) {
        if (as_text(*record.key) == key) (record.value ? found.value : found.tombstone) = true;
      }));
    }
    at = result->next;
  }
  return found;
}

// In the file that compaction has left.
void hurt(LogWorld& world, const Frame& frame) {
  const ByteSpan payload = frame.payload.span();
  for (const std::string& path : world.segment_files(0)) {
    const auto content = *world.disk().content(path);
    const auto found = std::search(content.begin(), content.end(), payload.begin(), payload.end());
    if (found == content.end()) continue;
    const auto at = static_cast<std::uint64_t>(found - content.begin()) + payload.size() / 2;
    return world.disk().flip_bit(path, at * 8);
  }
  ADD_FAILURE() << "the frame is in no segment";
}

// With frames of a replica that has compacted nothing.
void repair(LogWorld& world, const std::vector<FramePtr>& frames) {
  ASSERT_EQ(world.log(0).damage().size(), 1U);
  const Damage damage = world.log(0).damage().front();
  std::optional<Result<void>> answer;
  world.log(0).repair(
      {damage.begin, damage.end},
      [&frames](const LogRange& range, FramesDone done) {
        std::vector<FramePtr> found;
        for (const FramePtr& frame : frames) {
          if (frame->header.end > range.begin && frame->header.begin < range.end) found.push_back(frame);
        }
        done(std::move(found));
      },
      [&answer](Result<void> result) { answer = std::move(result); });
  ASSERT_TRUE(world.run_until([&answer] { return answer.has_value(); }));
  ASSERT_TRUE(*answer) << answer->error().to_string();
  ASSERT_TRUE(world.log(0).damage().empty());
  world.run_for(std::chrono::seconds(1));  // it is durable that nothing is damaged
}

class LogRepairCompaction : public ::testing::TestWithParam<bool> {};

TEST_P(LogRepairCompaction, DeletedValueThatARepairBringsBackGoesBeforeItsTombstone) {
  LogWorld world(compacted_world());
  ASSERT_TRUE(world.start());
  ASSERT_TRUE(world.create(0));
  write_segment(world, "deleted", "v");
  write_segment(world, "deleted", std::nullopt);
  const std::vector<FramePtr> other = world.model(0).frames;
  const LogPosition border = world.model(0).frames.at(kFillers + 1)->header.begin;
  ASSERT_TRUE(world.compact(0, world.now()));
  ASSERT_GT(world.log(0).status().segments.size(), 1U) << "the tombstone is in another segment";
  ASSERT_FALSE(find_key(world, "deleted").value);
  ASSERT_GE(world.log(0).compacted_to(), border);

  hurt(world, *other.at(1));  // it covers what went
  ASSERT_EQ(world.read(0, {Offset(1), world.log(0).end().next_offset}).error().code, ErrorCode::kDataLoss);
  ASSERT_NO_FATAL_FAILURE(repair(world, other));
  if (GetParam()) world.restart(sim::Landing::kDrop);
  ASSERT_TRUE(find_key(world, "deleted").value) << "the other replica had it still";
  EXPECT_EQ(world.log(0).compacted_to(), LogPosition{}) << "and its leader is told so";

  bool gone = false;
  for (int pass = 0; pass < 5; ++pass) {
    world.run_for(std::chrono::milliseconds(kTombstoneLifeMs + 1));
    ASSERT_TRUE(world.compact(0, world.now()));
    const Found found = find_key(world, "deleted");
    EXPECT_TRUE(found.tombstone || !found.value) << "the key has come back in pass " << pass;
    gone = !found.tombstone;
    write_segment(world, "other", "v" + std::to_string(pass));
  }
  EXPECT_TRUE(gone) << "the tombstone's time never came";
  EXPECT_FALSE(find_key(world, "deleted").value);
}

INSTANTIATE_TEST_SUITE_P(AlsoAfterARestart, LogRepairCompaction, ::testing::Bool());

}  // namespace
}  // namespace forebay::log::testing
