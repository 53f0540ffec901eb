#include "log/core/index.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "log/core/frame_search.h"
#include "log_world.h"
#include "sim/sim_rng.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;
using model::Timestamp;

struct Row {
  FrameHeader header;
  Timestamp event_time;
  std::uint64_t position = 0;
  bool has_dead_letters = false;
};

std::vector<Row> random_rows(sim::SimRng& rng) {
  std::vector<Row> rows;
  LogPosition at{Offset(static_cast<std::int64_t>(rng.below(1000))), 0};
  std::uint64_t position = 0;
  std::int64_t append = 1000;
  for (std::uint64_t n = rng.between(1, 300); n > 0; --n) {
    Row row;
    row.header.begin = at;
    if (rng.one_in(6)) {
      row.header.kind = FrameKind::kControl;
      row.header.end = at.after_control();
    } else {
      row.header.end = at.after_records(static_cast<std::int64_t>(rng.between(1, 20)));
      row.event_time = Timestamp(static_cast<std::int64_t>(rng.below(5000)));
      row.has_dead_letters = rng.one_in(12);
    }
    if (row.header.kind == FrameKind::kControl) row.event_time = model::kNoTimestamp;
    append += static_cast<std::int64_t>(rng.below(20));
    row.header.append_time = Timestamp(append);
    row.position = position;
    position += rng.between(81, 3000);
    at = row.header.end;
    rows.push_back(row);
  }
  return rows;
}

// A scan of a segment whose first frames are rotten knows nothing of them: a read of them must not begin
// behind.
TEST(SegmentIndex, DoesNotAnswerForWhatLiesBeforeItsFirstEntry) {
  sim::SimRng rng(7);
  std::vector<Row> rows = random_rows(rng);
  SegmentIndex index(1000);
  EXPECT_FALSE(index.find_offset(rows.front().header.begin.next_offset));
  for (const Row& row : rows) index.add(row.header, {row.event_time, row.has_dead_letters}, row.position);
  const Offset first = rows.front().header.begin.next_offset;
  EXPECT_TRUE(index.find_offset(first));
  EXPECT_FALSE(index.find_offset(Offset(first.value() - 1)));
}

TEST(SegmentIndex, SearchesNeverSkipTheFrame) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    const std::vector<Row> rows = random_rows(rng);
    SegmentIndex index(static_cast<std::uint32_t>(rng.between(1, 8000)));
    for (const Row& row : rows) index.add(row.header, {row.event_time, row.has_dead_letters}, row.position);
    const auto first_row = [&](auto matches) -> const Row* {
      const auto it = std::find_if(rows.begin(), rows.end(), matches);
      return it == rows.end() ? nullptr : &*it;
    };
    for (int i = 0; i < 50; ++i) {
      const Offset offset(rows.front().header.begin.next_offset.value() +
                          static_cast<std::int64_t>(rng.below(3000)));
      const Row* want = first_row([&](const Row& row) {
        return row.header.kind == FrameKind::kRecords && row.header.end.next_offset > offset;
      });
      const auto found = index.find_offset(offset);
      ASSERT_TRUE(found);
      ASSERT_LE(found->begin.next_offset, offset);
      if (want != nullptr) {
        ASSERT_LE(found->file_position, want->position);
      }
      const Timestamp time(static_cast<std::int64_t>(rng.below(6000)));
      want = first_row(
          [&](const Row& row) { return row.header.kind == FrameKind::kRecords && row.event_time >= time; });
      auto by_time = index.find_event_time(time);
      ASSERT_EQ(by_time.has_value(), want != nullptr);
      if (want != nullptr) {
        ASSERT_LE(by_time->file_position, want->position);
      }
      want = first_row([&](const Row& row) { return row.header.append_time >= time; });
      by_time = index.find_append_time(time);
      ASSERT_EQ(by_time.has_value(), want != nullptr);
      if (want != nullptr) {
        ASSERT_LE(by_time->file_position, want->position);
      }
    }
  }
}

// The row where a search ends that looks only where the index says, and how many rows it looked at.
std::pair<const Row*, std::size_t> search(const SegmentIndex& index, const std::vector<Row>& rows,
                                          Offset from) {
  const auto dead_letters = FrameSearch::for_dead_letters();
  std::size_t looked_at = 0;
  while (const auto stretch = dead_letters.stretch_in(index, from)) {
    auto row = std::find_if(rows.begin(), rows.end(),
                            [&](const Row& one) { return one.position == stretch->begin.file_position; });
    for (; row != rows.end() && (!stretch->end || row->position < *stretch->end); ++row) {
      ++looked_at;
      if (row->has_dead_letters && row->header.end.next_offset > from) return {&*row, looked_at};
    }
    if (row == rows.end()) break;
    EXPECT_GE(row->header.begin.next_offset, from);
    from = row->header.begin.next_offset;
  }
  return {nullptr, looked_at};
}

TEST(SegmentIndex, SearchesForDeadLettersLookWhereTheyAre) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    const std::vector<Row> rows = random_rows(rng);
    SegmentIndex index(static_cast<std::uint32_t>(rng.between(1, 8000)));
    for (const Row& row : rows) index.add(row.header, {row.event_time, row.has_dead_letters}, row.position);
    for (int i = 0; i < 50; ++i) {
      const Offset from(rows.front().header.begin.next_offset.value() +
                        static_cast<std::int64_t>(rng.below(3000)));
      const auto want = std::find_if(rows.begin(), rows.end(), [&](const Row& row) {
        return row.has_dead_letters && row.header.end.next_offset > from;
      });
      ASSERT_EQ(search(index, rows, from).first, want == rows.end() ? nullptr : &*want);
    }
  }
}

TEST(SegmentIndex, StretchesWithoutDeadLettersAreSkipped) {
  std::vector<Row> rows(1000);
  SegmentIndex index(1000);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].header.begin = {Offset(static_cast<std::int64_t>(i)), 0};
    rows[i].header.end = rows[i].header.begin.after_records(1);
    rows[i].position = i * 100;
    rows[i].has_dead_letters = i == 3 || i == 900;
    index.add(rows[i].header, {Timestamp(0), rows[i].has_dead_letters}, rows[i].position);
  }
  const auto [found, looked_at] = search(index, rows, Offset(4));
  ASSERT_EQ(found, &rows[900]);
  EXPECT_LE(looked_at, 20U);
}

TEST(SegmentIndex, EntriesAreAnIntervalApart) {
  SegmentIndex index(1000);
  FrameHeader header;
  for (int i = 0; i < 100; ++i) {
    header.begin = {Offset(i), 0};
    header.end = {Offset(i + 1), 0};
    index.add(header, {Timestamp(i)}, static_cast<std::uint64_t>(i) * 150);
  }
  EXPECT_EQ(index.entries().size(), 15U);
}

SegmentMeta meta_of(const std::vector<Row>& rows) {
  SegmentMeta meta;
  meta.begin = rows.front().header.begin;
  meta.end = rows.back().header.end;
  meta.boot_epoch = model::BootEpoch(9);
  meta.size_bytes = rows.back().position + 4096;
  return meta;
}

struct EncodedIndex {
  SegmentIndex index;
  model::TopicPartition id;
  SegmentMeta meta;
  std::vector<std::byte> bytes;
};

EncodedIndex encoded_index(std::uint64_t seed, std::uint32_t interval_bytes) {
  sim::SimRng rng(seed);
  const std::vector<Row> rows = random_rows(rng);
  EncodedIndex out{SegmentIndex(interval_bytes), LogWorld::partition_id(4), meta_of(rows), {}};
  for (const Row& row : rows) out.index.add(row.header, {row.event_time, row.has_dead_letters}, row.position);
  out.bytes = encode_index(out.id, out.meta, out.index);
  return out;
}

TEST(SegmentIndex, EncodesAndDecodes) {
  const auto [index, id, meta, bytes] = encoded_index(5, 2000);
  const auto back = decode_index(bytes, id, meta);
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(*back, index);
  EXPECT_EQ(back->interval_bytes(), 2000U);
  EXPECT_EQ(decode_index_head(ByteSpan(bytes).first(kIndexHeadBytes), id, meta).value(), index.times());
}

TEST(SegmentIndex, EveryFlippedBitAndEveryCutIsRefused) {
  auto [index, id, meta, bytes] = encoded_index(6, 20'000);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_FALSE(decode_index(bytes, id, meta)) << bit;
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
  }
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    ASSERT_FALSE(decode_index(ByteSpan(bytes).first(length), id, meta)) << length;
  }
  bytes.push_back(std::byte{0});
  EXPECT_FALSE(decode_index(bytes, id, meta));
}

TEST(SegmentIndex, OfAnotherSegmentOrStateIsStale) {
  const auto [index, id, meta, bytes] = encoded_index(7, 2000);
  EXPECT_FALSE(decode_index(bytes, LogWorld::partition_id(5), meta));
  SegmentMeta other = meta;
  other.generation = 1;
  EXPECT_FALSE(decode_index(bytes, id, other));
  other = meta;
  other.boot_epoch = model::BootEpoch(10);
  EXPECT_FALSE(decode_index(bytes, id, other));
  other = meta;
  other.end.next_offset = other.end.next_offset.next();
  EXPECT_FALSE(decode_index(bytes, id, other));
  other = meta;
  other.size_bytes += 4096;
  EXPECT_FALSE(decode_index(bytes, id, other));
}

}  // namespace
}  // namespace forebay::log::testing
