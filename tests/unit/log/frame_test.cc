// Frames, control payloads, journal records, checkpoints and file names: round trips, and every bit and every
// length of them.
#include <gtest/gtest.h>

#include "base/crc32c.h"
#include "base/endian.h"
#include "log/core/frame.h"
#include "log/core/journal_codec.h"

namespace forebay::log {
namespace {

using model::LogPosition;

Frame example_frame(FrameKind kind) {
  Frame frame;
  FrameHeader& header = frame.header;
  for (std::uint8_t i = 0; i < 16; ++i) header.partition.topic.bytes[i] = i;
  header.partition.partition = model::PartitionIndex(3);
  header.kind = kind;
  header.begin = {model::Offset(1000), 2};
  header.end = kind == FrameKind::kRecords ? header.begin.after_records(7) : header.begin.after_control();
  header.term = model::Term(5);
  header.append_time = model::Timestamp(1'700'000'000'000);
  std::vector<std::byte> payload(100);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::byte>(i * 7);
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.payload_crc = crc32c(ByteSpan(payload).subspan(kind == FrameKind::kRecords ? kBatchPrefixBytes : 0));
  frame.payload = SharedBytes::take(std::move(payload));
  return frame;
}

std::vector<std::byte> encoded(const Frame& frame) {
  std::vector<std::byte> bytes(frame.encoded_bytes());
  encode_frame_header(frame.header, frame.payload.span(), bytes.data());
  std::copy(frame.payload.span().begin(), frame.payload.span().end(), bytes.begin() + kFrameHeaderBytes);
  return bytes;
}

bool is_whole(ByteSpan bytes) {
  const auto header = decode_frame_header(bytes);
  return header && check_frame_payload(*header, bytes.subspan(kFrameHeaderBytes));
}

TEST(Frame, HeaderIsReadBackAsWritten) {
  for (const FrameKind kind : {FrameKind::kRecords, FrameKind::kControl}) {
    const Frame frame = example_frame(kind);
    const auto header = decode_frame_header(encoded(frame));
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(*header, frame.header);
  }
}

TEST(Frame, EveryFlippedBitIsFound) {
  for (const FrameKind kind : {FrameKind::kRecords, FrameKind::kControl}) {
    std::vector<std::byte> bytes = encoded(example_frame(kind));
    ASSERT_TRUE(is_whole(bytes));
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      EXPECT_FALSE(is_whole(bytes)) << "bit " << bit;
      bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    }
  }
}

TEST(Frame, EveryShorterLengthIsRefused) {
  const std::vector<std::byte> bytes = encoded(example_frame(FrameKind::kRecords));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(is_whole(ByteSpan(bytes).first(length))) << length;
  }
}

TEST(Frame, ImpossibleRangesAreRefused) {
  struct Case {
    const char* name;
    LogPosition begin, end;
    std::int32_t partition;
  };
  for (const Case& c : {Case{"empty", {model::Offset(5), 1}, {model::Offset(5), 1}, 0},
                        Case{"backwards", {model::Offset(5), 0}, {model::Offset(4), 9}, 0},
                        Case{"negative offset", {model::Offset(-5), 0}, {model::Offset(4), 0}, 0},
                        Case{"negative partition", {model::Offset(5), 0}, {model::Offset(6), 0}, -1}}) {
    Frame frame = example_frame(FrameKind::kRecords);
    frame.header.begin = c.begin;
    frame.header.end = c.end;
    frame.header.partition.partition = model::PartitionIndex(c.partition);
    EXPECT_FALSE(decode_frame_header(encoded(frame)).has_value()) << c.name;
  }
}

Voter voter(std::uint32_t node) {
  Voter result;
  result.node = model::NodeId(node);
  result.disk.bytes.fill(static_cast<std::uint8_t>(node));
  return result;
}

Membership example_membership() { return {{voter(1), voter(2)}, {voter(3)}, {voter(4), voter(5)}}; }

TEST(Control, EveryKindIsReadBackAsWrittenAndNoShorterLengthIs) {
  const std::vector<Control> controls{
      TermStart{model::NodeId(7)},
      example_membership(),
      Membership{},
      LogStart{{model::Offset(12), 3}},
      ProducerFence{model::ProducerId(1LL << 40), model::ProducerEpoch(32767)},
      ProducerPosition{model::ProducerId(7), model::ProducerEpoch(3), 41, "a source",
                       std::string(kProducerTextBytesMax, 'x')},
      ProducerPosition{},
      ProducersForgotten{model::Timestamp(1LL << 40), model::Timestamp(-1)}};
  for (const Control& control : controls) {
    const std::vector<std::byte> bytes = encode_control(control);
    const auto decoded = decode_control(bytes);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(*decoded, control);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(decode_control(ByteSpan(bytes).first(length)).has_value());
    }
    std::vector<std::byte> longer = bytes;
    longer.push_back(std::byte{0});
    EXPECT_FALSE(decode_control(longer).has_value());
  }
}

TEST(Control, UnknownVersionOrTypeIsNewer) {
  std::vector<std::byte> bytes = encode_control(TermStart{model::NodeId(7)});
  bytes[0] = std::byte{2};
  EXPECT_EQ(decode_control(bytes).error().code, ErrorCode::kNewerFormat);
  bytes[0] = std::byte{1};
  bytes[2] = std::byte{99};
  EXPECT_EQ(decode_control(bytes).error().code, ErrorCode::kNewerFormat);
}

TEST(Control, TextOfAProducerThatIsTooLongIsCorrupt) {
  const auto length_at = encode_control(ProducerPosition{}).size() - 4;
  std::vector<std::byte> bytes =
      encode_control(ProducerPosition{{}, {}, 0, std::string(kProducerTextBytesMax, 'x'), {}});
  ASSERT_TRUE(decode_control(bytes).has_value());
  bytes.insert(bytes.end() - 2, std::byte{'x'});
  store_le(bytes.data() + length_at, static_cast<std::uint16_t>(kProducerTextBytesMax + 1));
  EXPECT_EQ(decode_control(bytes).error().code, ErrorCode::kCorruptBatch);
}

TEST(Control, OnlyAPositionGoesWithABatch) {
  EXPECT_TRUE(goes_with_a_batch(encode_control(ProducerPosition{})));
  for (const Control& control : {Control(TermStart{}), Control(Membership{}), Control(LogStart{}),
                                 Control(ProducerFence{}), Control(ProducersForgotten{})})
    EXPECT_FALSE(goes_with_a_batch(encode_control(control)));
  EXPECT_FALSE(goes_with_a_batch({}));
}

SegmentMeta segment(std::int64_t begin, std::int64_t end) {
  SegmentMeta meta;
  meta.begin = {model::Offset(begin), 1};
  meta.end = {model::Offset(end), 2};
  meta.boot_epoch = model::BootEpoch(4);
  meta.generation = 3;
  meta.size_bytes = 65536;
  return meta;
}

std::vector<std::byte> encoded(const JournalRecord& record) {
  std::vector<std::byte> bytes;
  WireWriter out(bytes);
  model::TopicPartition id;
  id.partition = model::PartitionIndex(9);
  put_record(out, id, record);
  return bytes;
}

LogBase example_base() {
  const Membership members{{{model::NodeId(1), {}}}, {}, {{model::NodeId(2), {}}}};
  return {
      {model::Offset(50), 2}, {model::Term(4), {model::Offset(31), 1}}, {{{model::Offset(31), 2}, members}}};
}

// Nothing that is said of what lies below may lie behind the base.
TEST(JournalRecord, InstallThatContradictsItselfIsRefused) {
  InstallBase install{example_base(), model::LogEpoch(7)};
  install.base.before.begin = install.base.begin;
  EXPECT_FALSE(decode_record(encoded(install)));
  install.base = example_base();
  install.base.memberships.front().first = install.base.begin;
  EXPECT_FALSE(decode_record(encoded(install)));
  install.base = example_base();
  install.base.memberships.push_back(install.base.memberships.front());
  EXPECT_FALSE(decode_record(encoded(install)));
}

TEST(JournalRecord, EveryKindIsReadBackAsWrittenAndNoShorterLengthIs) {
  const Damage middle{DamageKind::kMiddle, {model::Offset(1), 0}, {model::Offset(5), 0}};
  const Damage tail{DamageKind::kTail, {model::Offset(9), 1}, {model::Offset(9), 1}};
  const Damage passed{DamageKind::kAcceptedMiddle, {model::Offset(1), 0}, {model::Offset(5), 0}};
  const Damage ended{DamageKind::kAcceptedTail, {model::Offset(9), 1}, {model::Offset(9), 1}};
  const std::vector<JournalRecord> records{CreateReplica{},
                                           CreateReplica{.lost = true},
                                           RemoveReplica{},
                                           SetHardState{{model::Term(3), model::NodeId(2)}},
                                           SetHardState{{model::Term(4), std::nullopt}},
                                           Truncate{{model::Offset(17), 1}, model::LogEpoch(6)},
                                           SetLogStart{{model::Offset(3), 0}},
                                           ReplaceSegments{{segment(0, 5), segment(5, 9)}, {segment(0, 9)}},
                                           SetDamage{{middle, tail}},
                                           SetDamage{{passed, ended}},
                                           SetDamage{},
                                           InstallBase{example_base(), model::LogEpoch(7)},
                                           InstallBase{{{model::Offset(9), 1}, {}, {}}, model::LogEpoch(1)}};
  for (const JournalRecord& record : records) {
    const std::vector<std::byte> bytes = encoded(record);
    const auto decoded = decode_record(bytes);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(decoded->record.index(), record.index());
    EXPECT_EQ(encoded(decoded->record), bytes);
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(decode_record(ByteSpan(bytes).first(length)).has_value());
    }
  }
}

CheckpointEntry example_entry() {
  CheckpointEntry entry;
  PartitionCheckpoint& state = entry.state;
  state.id.topic.bytes.fill(3);
  state.id.partition = model::PartitionIndex(2);
  state.hard_state = {model::Term(8), model::NodeId(1)};
  state.log_epoch = model::LogEpoch(2);
  state.log_start = {model::Offset(10), 0};
  state.segment_end = {model::Offset(99), 1};
  state.segments = {segment(10, 50), segment(50, 99)};
  state.terms = {{model::Term(7), {model::Offset(0), 0}}, {model::Term(8), {model::Offset(60), 0}}};
  state.lowest_truncation = LogPosition{model::Offset(60), 0};
  state.damage = {{DamageKind::kMiddle, {model::Offset(20), 0}, {model::Offset(22), 0}}};
  state.memberships = {{{model::Offset(0), 1}, example_membership()}};
  state.max_append_time = model::Timestamp(12345);
  state.scrub = {model::Timestamp(-1), model::Timestamp(777), {model::Offset(50), 3}};
  entry.end = KnownEnd{{model::Offset(120), 0}, model::Term(8)};
  return entry;
}

TEST(Checkpoint, IsReadBackAsWrittenAndNoShorterLengthIs) {
  CheckpointEntry removed;
  removed.state.removed = true;
  removed.state.hard_state.term = model::Term(2);
  const std::vector<std::byte> bytes = encode_checkpoint({example_entry(), removed});
  const auto decoded = decode_checkpoint(bytes);
  ASSERT_TRUE(decoded.has_value());
  ASSERT_EQ(decoded->size(), 2U);
  EXPECT_EQ(encode_checkpoint(*decoded), bytes);
  const PartitionCheckpoint& state = decoded->front().state;
  EXPECT_EQ(state.segments, example_entry().state.segments);
  EXPECT_EQ(state.terms, example_entry().state.terms);
  EXPECT_EQ(state.damage, example_entry().state.damage);
  EXPECT_EQ(state.memberships, example_entry().state.memberships);
  EXPECT_EQ(state.hard_state, example_entry().state.hard_state);
  EXPECT_EQ(state.scrub, example_entry().state.scrub);
  EXPECT_EQ(decoded->back().state.scrub, ScrubState{});
  EXPECT_EQ(decoded->front().end, example_entry().end);
  EXPECT_TRUE(decoded->back().state.removed);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_checkpoint(ByteSpan(bytes).first(length)).has_value()) << length;
  }
}

TEST(Checkpoint, LyingCountsAllocateNothing) {
  std::vector<std::byte> bytes(100, std::byte{0xff});
  EXPECT_FALSE(decode_checkpoint(bytes).has_value());
}

TEST(SegmentName, IsReadBackAsWritten) {
  SegmentMeta meta;
  meta.begin = {model::Offset(1234567), 12};
  meta.boot_epoch = model::BootEpoch(17);
  EXPECT_EQ(segment_file_name(meta), "00000000000001234567-00000012-17.log");
  EXPECT_EQ(parse_segment_file_name(segment_file_name(meta)), meta);
  meta.generation = 2;
  EXPECT_EQ(segment_file_name(meta), "00000000000001234567-00000012-17-g2.log");
  EXPECT_EQ(parse_segment_file_name(segment_file_name(meta)), meta);
  EXPECT_EQ(meta.compactions(), 2U);
  meta.generation = kRetriedFile | 3;
  EXPECT_EQ(segment_file_name(meta), "00000000000001234567-00000012-17-r3.log");
  EXPECT_EQ(parse_segment_file_name(segment_file_name(meta)), meta);
  EXPECT_EQ(meta.compactions(), 0U);
}

TEST(SegmentName, ForeignNamesAreRefused) {
  for (const char* name :
       {"", ".log", "notes.txt", "00000000000001234567-00000012.log", "1234567-00000012-17.log",
        "00000000000001234567-00000012-17.idx", "00000000000001234567-00000012-x.log",
        "00000000000001234567-00000012-17-g0.log", "00000000000001234567-00000012-17-r0.log",
        "00000000000001234567-00000012-17-g2147483649.log", "00000000000001234567-00000012-17-x2.log",
        "00000000000001234567-00000012-017.log", "-0000000000001234567-00000012-17.log",
        "00000000000001234567-00000012-17-g2-g3.log", "99999999999999999999-00000012-17.log"}) {
    EXPECT_FALSE(parse_segment_file_name(name).has_value()) << name;
  }
}

}  // namespace
}  // namespace forebay::log
