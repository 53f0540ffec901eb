// The golden segment and its index, made once by make_segment.py from the documents: every build must read
// them, and write the same bytes.
#include <gtest/gtest.h>

#include <string>

#include "golden.h"
#include "log/core/index.h"
#include "log/core/segment_layout.h"

namespace forebay::log {
namespace {

constexpr const char* kName = "00000000000000000010-00000001-4";

std::vector<std::byte> golden(const std::string& suffix) {
  return test::golden_file("segment/" + std::string(kName) + suffix);
}

model::TopicPartition partition() { return test::golden_partition(); }

SegmentMeta segment() {
  SegmentMeta meta = *parse_segment_file_name(std::string(kName) + ".log");
  meta.end = {model::Offset(16), 0};
  meta.size_bytes = golden(".log").size();
  return meta;
}

struct Found {
  std::vector<FramePtr> frames;
  std::vector<std::uint64_t> positions;
};

Found walk(ByteSpan bytes) {
  Found found;
  SegmentCursor cursor(partition(), segment(), {0, segment().begin});
  for (;;) {
    const auto step = cursor.next(bytes.subspan(static_cast<std::size_t>(cursor.position())));
    if (std::holds_alternative<SegmentCursor::Finished>(step)) return found;
    const auto* whole = std::get_if<SegmentCursor::Whole>(&step);
    if (whole == nullptr) {
      ADD_FAILURE() << "the golden segment is damaged at " << cursor.position();
      return found;
    }
    found.frames.push_back(
        std::make_shared<const Frame>(Frame{whole->header, SharedBytes::copy_of(whole->payload)}));
    found.positions.push_back(whole->file_position);
  }
}

TEST(SegmentFormat, GoldenSegmentIsRead) {
  const std::vector<std::byte> bytes = golden(".log");
  ASSERT_EQ(bytes.size() % kSegmentBlockBytes, 0U);
  const Found found = walk(bytes);
  ASSERT_EQ(found.frames.size(), 4U);
  EXPECT_EQ(found.frames[0]->header.kind, FrameKind::kControl);
  EXPECT_EQ(found.frames[1]->header.begin, (model::LogPosition{model::Offset(10), 2}));
  EXPECT_EQ(found.frames[1]->header.end, (model::LogPosition{model::Offset(13), 0}));
  EXPECT_EQ(found.frames[3]->header.append_time, model::Timestamp(1'700'000'000'030));
  EXPECT_EQ(frame_facts(found.frames[2]->header, found.frames[2]->payload.span()).event_time,
            model::Timestamp(1'600'000'000'500));
  EXPECT_EQ(found.positions[2], 8192U) << "a piece begins on a block of its own";
}

TEST(SegmentFormat, TheSameBytesAreWritten) {
  const std::vector<std::byte> bytes = golden(".log");
  const Found found = walk(bytes);
  ASSERT_EQ(found.frames.size(), 4U);
  std::vector<std::byte> written;
  for (const auto& piece : {std::span(found.frames).first(2), std::span(found.frames).subspan(2)}) {
    const std::size_t before = written.size();
    written.resize(before + static_cast<std::size_t>(piece_bytes(piece)));
    encode_piece(piece, std::span(written).subspan(before));
  }
  EXPECT_EQ(written, bytes);
}

TEST(SegmentFormat, GoldenIndexIsReadAndMadeAgain) {
  const std::vector<std::byte> bytes = golden(".idx");
  const auto index = decode_index(bytes, partition(), segment());
  ASSERT_TRUE(index) << index.error().to_string();
  EXPECT_EQ(index->entries().size(), 2U);
  EXPECT_TRUE(index->times().has_records);
  const std::vector<std::byte> data = golden(".log");
  const Found found = walk(data);
  SegmentIndex again(4096);
  for (std::size_t i = 0; i < found.frames.size(); ++i) {
    const Frame& frame = *found.frames[i];
    again.add(frame.header, frame_facts(frame.header, frame.payload.span()), found.positions[i]);
  }
  EXPECT_EQ(again, *index);
  EXPECT_EQ(encode_index(partition(), segment(), again), bytes);
}

}  // namespace
}  // namespace forebay::log
