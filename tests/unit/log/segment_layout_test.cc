#include "log/core/segment_layout.h"

#include "log_world.h"
#include "sim/sim_rng.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;
using model::Timestamp;

// A segment in memory: three pieces, control frames among them.
struct Image {
  SegmentMeta meta;
  std::vector<FramePtr> frames;
  std::vector<std::uint64_t> positions;
  std::vector<std::byte> bytes;
};

Image make_image(std::size_t value_bytes = 60) {
  Image image;
  image.meta.begin = {Offset(100), 2};
  image.meta.boot_epoch = model::BootEpoch(3);
  LogPosition at = image.meta.begin;
  for (int piece = 0; piece < 3; ++piece) {
    std::vector<FramePtr> frames;
    std::uint64_t position = image.bytes.size();
    for (int i = 0; i < 4; ++i) {
      const bool control = piece == 1 && i == 1;
      frames.push_back(control ? make_control_frame(LogWorld::partition_id(0), at, model::Term(2),
                                                    TermStart{}, Timestamp(50))
                               : make_batch_frame(LogWorld::partition_id(0), at, model::Term(2),
                                                  {.records = i + 1,
                                                   .value_bytes = value_bytes,
                                                   .event_time = Timestamp(10 * (piece + 1)),
                                                   .append_time = Timestamp(50 + piece),
                                                   .fill = static_cast<std::uint64_t>(piece * 10 + i + 1)}));
      image.positions.push_back(position);
      position += frames.back()->encoded_bytes();
      at = frames.back()->header.end;
    }
    const std::size_t before = image.bytes.size();
    image.bytes.resize(before + static_cast<std::size_t>(piece_bytes(frames)));
    encode_piece(frames, std::span(image.bytes).subspan(before));
    image.frames.insert(image.frames.end(), frames.begin(), frames.end());
  }
  image.meta.end = at;
  image.meta.size_bytes = image.bytes.size();
  return image;
}

struct Walked {
  std::vector<FramePtr> frames;
  std::vector<SegmentCursor::Damaged> damage;
};

// Through windows of drawn sizes, as different readers would take them.
Walked walk(const Image& image, ByteSpan bytes, sim::SimRng& rng) {
  Walked out;
  SegmentCursor cursor(LogWorld::partition_id(0), image.meta, {0, image.meta.begin});
  cursor.file_ends_at(bytes.size());
  std::uint64_t asked = 0;
  for (int steps = 0; steps < 100'000; ++steps) {
    const std::uint64_t left = bytes.size() - std::min<std::uint64_t>(bytes.size(), cursor.position());
    const std::uint64_t size = std::min(left, asked + rng.below(3000));
    const auto step = cursor.next(bytes.subspan(bytes.size() - left, size));
    asked = 0;
    if (std::holds_alternative<SegmentCursor::Finished>(step)) return out;
    if (const auto* more = std::get_if<SegmentCursor::NeedMore>(&step)) {
      EXPECT_GT(cursor.position() + more->bytes, bytes.size() - left + size) << "asked for what it had";
      EXPECT_LE(more->bytes, bytes.size() - cursor.position());
      asked = more->bytes;
    } else if (const auto* damaged = std::get_if<SegmentCursor::Damaged>(&step)) {
      out.damage.push_back(*damaged);
    } else {
      const auto& whole = std::get<SegmentCursor::Whole>(step);
      out.frames.push_back(
          std::make_shared<const Frame>(Frame{whole.header, SharedBytes::copy_of(whole.payload)}));
    }
  }
  ADD_FAILURE() << "the walk does not end";
  return out;
}

// Every frame that came back is one of the original ones, in order; the damaged ranges are exactly what is
// missing.
void expect_accounted(const Image& image, const Walked& walked) {
  std::size_t next = 0;
  std::vector<std::pair<LogPosition, LogPosition>> missing;
  for (const FramePtr& original : image.frames) {
    if (next < walked.frames.size() && walked.frames[next]->header.begin == original->header.begin) {
      ASSERT_TRUE(same_bytes(*walked.frames[next], *original));
      ++next;
    } else if (!missing.empty() && missing.back().second == original->header.begin) {
      missing.back().second = original->header.end;
    } else {
      missing.emplace_back(original->header.begin, original->header.end);
    }
  }
  ASSERT_EQ(next, walked.frames.size()) << "a frame that nobody wrote, or in the wrong place";
  std::vector<std::pair<LogPosition, LogPosition>> reported;
  for (const auto& damage : walked.damage) {
    if (damage.begin == damage.end) continue;
    if (!reported.empty() && reported.back().second == damage.begin) {
      reported.back().second = damage.end;
    } else {
      reported.emplace_back(damage.begin, damage.end);
    }
  }
  ASSERT_EQ(reported, missing);
}

TEST(SegmentLayout, WalkGivesWhatWasWritten) {
  const Image image = make_image();
  sim::SimRng rng(1);
  const Walked walked = walk(image, image.bytes, rng);
  EXPECT_TRUE(walked.damage.empty());
  EXPECT_EQ(walked.frames.size(), image.frames.size());
  expect_accounted(image, walked);
}

TEST(SegmentLayout, WalkMayBeginAtAnyFrame) {
  const Image image = make_image();
  for (std::size_t i = 0; i < image.frames.size(); ++i) {
    SegmentCursor cursor(LogWorld::partition_id(0), image.meta,
                         {image.positions[i], image.frames[i]->header.begin});
    const auto step =
        cursor.next(ByteSpan(image.bytes).subspan(static_cast<std::size_t>(image.positions[i])));
    const auto* whole = std::get_if<SegmentCursor::Whole>(&step);
    ASSERT_NE(whole, nullptr);
    EXPECT_EQ(whole->header, image.frames[i]->header);
    EXPECT_EQ(whole->file_position, image.positions[i]);
  }
}

TEST(SegmentLayout, EveryFlippedBitIsFoundAndHurtsOneFrame) {
  const Image image = make_image();
  sim::SimRng rng(2);
  std::vector<std::byte> bytes = image.bytes;
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    const std::byte mask = std::byte{1} << (bit % 8);
    bytes[bit / 8] ^= mask;
    const Walked walked = walk(image, bytes, rng);
    bytes[bit / 8] ^= mask;
    ASSERT_FALSE(walked.damage.empty()) << "bit " << bit << " went unnoticed";
    ASSERT_GE(walked.frames.size() + 1, image.frames.size()) << bit;
    expect_accounted(image, walked);
    if (HasFatalFailure()) FAIL() << "bit " << bit;
    if (bit / 8 >= kSegmentBlockBytes / 4)
      bit += 5 + rng.below(20);  // every bit of the first frames, a sample of the rest
  }
}

TEST(SegmentLayout, CutAtEveryLengthLosesTheTailOnly) {
  const Image image = make_image();
  sim::SimRng rng(3);
  for (std::size_t length = 0; length < image.bytes.size(); length += 1 + rng.below(40)) {
    const Walked walked = walk(image, ByteSpan(image.bytes).first(length), rng);
    expect_accounted(image, walked);
    if (HasFatalFailure()) FAIL() << "length " << length;
    for (std::size_t i = 0; i < walked.frames.size(); ++i) {
      ASSERT_EQ(walked.frames[i]->header.begin, image.frames[i]->header.begin);
    }
  }
}

TEST(SegmentLayout, SwappedOverwrittenAndZeroedBytesAreFound) {
  const Image image = make_image(1500);
  sim::SimRng rng(4);
  for (int run = 0; run < 400; ++run) {
    std::vector<std::byte> bytes = image.bytes;
    const std::size_t blocks = bytes.size() / kSegmentBlockBytes;
    switch (rng.below(4)) {
      case 0: {  // two blocks change places
        const std::size_t a = rng.below(blocks), b = rng.below(blocks);
        std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(a * kSegmentBlockBytes),
                         bytes.begin() + static_cast<std::ptrdiff_t>((a + 1) * kSegmentBlockBytes),
                         bytes.begin() + static_cast<std::ptrdiff_t>(b * kSegmentBlockBytes));
        break;
      }
      case 1: {  // zeros
        const std::size_t at = rng.below(bytes.size());
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                    std::min<std::size_t>(rng.below(9000), bytes.size() - at), std::byte{0});
        break;
      }
      case 2: {  // noise
        const std::size_t at = rng.below(bytes.size());
        const std::size_t count = std::min<std::size_t>(rng.below(3000), bytes.size() - at);
        for (std::size_t i = 0; i < count; ++i) bytes[at + i] = static_cast<std::byte>(rng.next());
        break;
      }
      default: {  // a frame of the segment again, somewhere else
        const std::size_t from = rng.below(image.frames.size());
        const std::size_t size = image.frames[from]->encoded_bytes();
        const std::size_t to = rng.below(bytes.size() - size);
        std::copy_n(image.bytes.begin() + static_cast<std::ptrdiff_t>(image.positions[from]), size,
                    bytes.begin() + static_cast<std::ptrdiff_t>(to));
        break;
      }
    }
    if (bytes == image.bytes) continue;
    const Walked walked = walk(image, bytes, rng);
    EXPECT_FALSE(walked.damage.empty());
    // Frames may be found where they were moved to; none may be wrong, repeated or out of order.
    LogPosition at = image.meta.begin;
    for (const FramePtr& frame : walked.frames) {
      ASSERT_GE(frame->header.begin, at);
      at = frame->header.end;
      const auto original = std::find_if(
          image.frames.begin(), image.frames.end(),
          [&](const FramePtr& candidate) { return candidate->header.begin == frame->header.begin; });
      ASSERT_TRUE(original != image.frames.end() && same_bytes(**original, *frame));
    }
    expect_accounted(image, walked);
    if (HasFatalFailure()) FAIL() << "run " << run;
  }
}

TEST(SegmentLayout, AnotherPartitionsFramesAreNotTaken) {
  const Image image = make_image();
  SegmentCursor cursor(LogWorld::partition_id(1), image.meta, {0, image.meta.begin});
  const auto step = cursor.next(image.bytes);
  const auto* damaged = std::get_if<SegmentCursor::Damaged>(&step);
  ASSERT_NE(damaged, nullptr);
  EXPECT_EQ(damaged->begin, image.meta.begin);
  EXPECT_EQ(damaged->end, image.meta.end);
}

}  // namespace
}  // namespace forebay::log::testing
