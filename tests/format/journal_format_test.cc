// The golden files of frame, control payload, journal, checkpoint and data directory, made once by
// make_journal.py from the documents: every build must read them, and write the same bytes.
#include <gtest/gtest.h>

#include <string>

#include "base/crc32c.h"
#include "golden.h"
#include "log/core/damage.h"
#include "log/core/recovery_fold.h"
#include "log/data_directory.h"

namespace forebay::log {
namespace {

std::vector<std::byte> golden(const std::string& name) { return test::golden_file("journal/" + name); }

model::TopicPartition partition() { return test::golden_partition(); }

Voter voter(std::uint32_t node) {
  Voter result;
  result.node = model::NodeId(node);
  result.disk.bytes.fill(static_cast<std::uint8_t>(node));
  return result;
}
Membership membership() { return {{voter(1), voter(2)}, {voter(3)}, {voter(4), voter(5)}}; }

SegmentMeta segment() {
  SegmentMeta meta;
  meta.begin = {model::Offset(10), 1};
  meta.boot_epoch = model::BootEpoch(4);
  meta.generation = 3;
  meta.end = {model::Offset(50), 2};
  meta.size_bytes = 65536;
  return meta;
}

Damage damage() { return {DamageKind::kMiddle, {model::Offset(20), 0}, {model::Offset(22), 0}}; }

Frame records_frame() {
  std::vector<std::byte> payload(100);
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<std::byte>(i * 7);
  FrameHeader header;
  header.partition = partition();
  header.begin = {model::Offset(1000), 2};
  header.end = {model::Offset(1007), 0};
  header.term = model::Term(5);
  header.append_time = model::Timestamp(1'700'000'000'000);
  header.payload_bytes = 100;
  header.payload_crc = crc32c(ByteSpan(payload).subspan(kBatchPrefixBytes));
  return {header, SharedBytes::take(std::move(payload))};
}

Frame control_frame() {
  std::vector<std::byte> payload = encode_control(membership());
  FrameHeader header = records_frame().header;
  header.kind = FrameKind::kControl;
  header.begin = {model::Offset(1007), 0};
  header.end = {model::Offset(1007), 1};
  header.append_time = model::Timestamp(1'700'000'000'001);
  header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  header.payload_crc = crc32c(payload);
  return {header, SharedBytes::take(std::move(payload))};
}

std::vector<std::byte> encoded(const Frame& frame) {
  std::vector<std::byte> bytes(kFrameHeaderBytes);
  encode_frame_header(frame.header, frame.payload.span(), bytes.data());
  bytes.insert(bytes.end(), frame.payload.span().begin(), frame.payload.span().end());
  return bytes;
}

std::vector<JournalRecord> records() {
  return {CreateReplica{},
          RemoveReplica{},
          SetHardState{{model::Term(8), model::NodeId(2)}},
          Truncate{{model::Offset(17), 1}, model::LogEpoch(6)},
          SetLogStart{{model::Offset(3), 0}},
          ReplaceSegments{{segment()}, {}},
          SetDamage{{damage()}}};
}

// With what every partition has, and nothing that it may have.
PartitionCheckpoint plain_state() {
  PartitionCheckpoint state;
  state.id = partition();
  state.hard_state = {model::Term(8), model::NodeId(2)};
  state.log_epoch = model::LogEpoch(6);
  state.log_start = {model::Offset(10), 1};
  state.segment_end = {model::Offset(50), 2};
  state.max_append_time = model::Timestamp(12345);
  return state;
}

std::vector<CheckpointEntry> checkpoint() {
  CheckpointEntry entry;
  PartitionCheckpoint& state = entry.state;
  state = plain_state();
  state.segments = {segment()};
  state.terms = {{model::Term(5), {}}};
  state.lowest_truncation = model::LogPosition{model::Offset(17), 1};
  state.damage = {damage()};
  state.memberships = {{{model::Offset(0), 1}, membership()}};
  entry.end = KnownEnd{{model::Offset(1007), 1}, model::Term(5)};
  return {entry};
}

constexpr std::uint64_t kSeed = 0x1122334455667788;

TEST(JournalFormat, FramesAreTheGoldenBytes) {
  for (const auto& [name, frame] : {std::pair<std::string, Frame>{"frame-records.bin", records_frame()},
                                    std::pair<std::string, Frame>{"frame-control.bin", control_frame()}}) {
    const std::vector<std::byte> bytes = golden(name);
    EXPECT_EQ(encoded(frame), bytes) << name;
    const auto header = decode_frame_header(bytes);
    ASSERT_TRUE(header.has_value()) << name;
    EXPECT_EQ(*header, frame.header) << name;
    EXPECT_TRUE(check_frame_payload(*header, ByteSpan(bytes).subspan(kFrameHeaderBytes)).has_value()) << name;
  }
}

TEST(JournalFormat, ControlPayloadsAreTheGoldenBytes) {
  const std::vector<std::pair<std::string, Control>> cases{
      {"control-term-start.bin", TermStart{model::NodeId(7)}},
      {"control-membership.bin", membership()},
      {"control-log-start.bin", LogStart{{model::Offset(12), 3}}},
      {"control-producer-fence.bin",
       ProducerFence{model::ProducerId(5'000'000'007), model::ProducerEpoch(3)}},
      {"control-producer-position.bin",
       ProducerPosition{model::ProducerId(5'000'000'007), model::ProducerEpoch(3), 41, "events.ndjson",
                        "1234"}},
      {"control-producers-forgotten.bin",
       ProducersForgotten{model::Timestamp(1'700'000'000'000), model::Timestamp(1'700'000'082'801)}}};
  for (const auto& [name, control] : cases) {
    EXPECT_EQ(encode_control(control), golden(name)) << name;
    const auto decoded = decode_control(golden(name));
    ASSERT_TRUE(decoded.has_value()) << name;
    EXPECT_EQ(*decoded, control) << name;
  }
}

TEST(JournalFormat, CheckpointIsTheGoldenBytes) {
  const std::vector<std::byte> bytes = golden("checkpoint.bin");
  EXPECT_EQ(encode_checkpoint(checkpoint()), bytes);
  const auto decoded = decode_checkpoint(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(encode_checkpoint(*decoded), bytes);
}

TEST(JournalFormat, CheckpointWithScrubStateIsTheGoldenBytes) {
  CheckpointEntry entry;
  PartitionCheckpoint& state = entry.state;
  state = plain_state();
  state.scrub = {
      model::Timestamp(1'700'000'000'000), model::Timestamp(1'700'000'100'000), {model::Offset(30), 1}};
  const std::vector<std::byte> bytes = golden("checkpoint-scrub.bin");
  EXPECT_EQ(encode_checkpoint({entry}), bytes);
  const auto decoded = decode_checkpoint(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->front().state.scrub, state.scrub);
}

TEST(JournalFormat, DamageOfEveryKindIsTheGoldenBytes) {
  const SetDamage damage{{{DamageKind::kMiddle, {model::Offset(20), 0}, {model::Offset(22), 0}},
                          {DamageKind::kTail, {model::Offset(30), 1}, {model::Offset(30), 1}},
                          {DamageKind::kAcceptedMiddle, {model::Offset(12), 0}, {model::Offset(15), 2}},
                          {DamageKind::kAcceptedTail, {model::Offset(25), 0}, {model::Offset(25), 0}}}};
  std::vector<std::byte> bytes;
  WireWriter out(bytes);
  put_record(out, partition(), damage);
  EXPECT_EQ(bytes, golden("record-damage.bin"));
  const auto decoded = decode_record(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(std::get<SetDamage>(decoded->record).damage, damage.damage);
  // A kind that nobody knows is not taken for one of these.
  const std::size_t first_kind = bytes.size() - 4 * 25;
  for (const int unknown : {0, 6, 255}) {
    bytes[first_kind] = static_cast<std::byte>(unknown);
    EXPECT_FALSE(decode_record(bytes).has_value());
  }
}

TEST(JournalFormat, CreateLostIsTheGoldenBytes) {
  std::vector<std::byte> bytes;
  WireWriter out(bytes);
  put_record(out, partition(), CreateReplica{.lost = true});
  EXPECT_EQ(bytes, golden("record-create-lost.bin"));
  const auto decoded = decode_record(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(std::get<CreateReplica>(decoded->record).lost);
}

TEST(JournalFormat, InstallIsTheGoldenBytes) {
  const LogBase base{{model::Offset(50), 2},
                     {model::Term(5), {model::Offset(30), 1}},
                     {{{model::Offset(30), 2}, membership()}}};
  std::vector<std::byte> bytes;
  WireWriter out(bytes);
  put_record(out, partition(), InstallBase{base, model::LogEpoch(7)});
  EXPECT_EQ(bytes, golden("record-install.bin"));
  const auto decoded = decode_record(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(std::get<InstallBase>(decoded->record).base, base);
  EXPECT_EQ(std::get<InstallBase>(decoded->record).log_epoch, model::LogEpoch(7));
}

TEST(JournalFormat, LifeWhereOneWasRemovedIsTheGoldenBytes) {
  std::vector<std::byte> bytes;
  WireWriter out(bytes);
  put_record(out, partition(), CreateReplica{.again = true});
  EXPECT_EQ(bytes, golden("record-create-again.bin"));
  auto decoded = decode_record(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_TRUE(std::get<CreateReplica>(decoded->record).again);

  std::vector<Damage> renewal;
  add_renewal(renewal);
  bytes.clear();
  WireWriter more(bytes);
  put_record(more, partition(), SetDamage{renewal});
  EXPECT_EQ(bytes, golden("record-damage-renewal.bin"));
  decoded = decode_record(bytes);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(std::get<SetDamage>(decoded->record).damage, renewal);
}

// A data round, a checkpoint in two parts, a clean idle round.
std::vector<std::byte> write_journal() {
  std::vector<std::byte> file;
  RoundHeader header;
  header.boot_epoch = model::BootEpoch(9);
  header.epoch_seed = kSeed;
  header.shard = 2;
  header.file_number = 5;
  header.next_file = 6;
  header.live_from = RoundSequence(1);
  header.wall_time = model::Timestamp(1'700'000'000'000);
  const auto write = [&](RoundKind kind, ByteSpan directory, const auto& fill) {
    std::vector<std::byte> buffer(2 * kRoundBlockBytes);
    RoundWriter writer(buffer);
    writer.add_directory(directory);
    fill(writer);
    header.kind = kind;
    header.previous = header.sequence;
    header.previous_crc = header.crc;
    header.sequence = header.sequence.next();
    const ByteSpan sealed = writer.seal(header);
    file.insert(file.end(), sealed.begin(), sealed.end());
  };
  std::vector<std::byte> directory;
  for (const JournalRecord& record : records()) put_record_entry(directory, partition(), record);
  write(RoundKind::kData, {}, [&](RoundWriter& writer) {
    writer.add_record(directory);
    writer.add_frame(records_frame());
    writer.add_frame(control_frame());
  });
  WireWriter out(directory);
  put_directory_entry(
      out, {partition(), KnownEnd{{model::Offset(1007), 1}, model::Term(5)},
            HardState{model::Term(8), model::NodeId(2)}, model::LogPosition{model::Offset(17), 1}});
  const std::vector<std::byte> whole = encode_checkpoint(checkpoint());
  header.checkpoint_id = RoundSequence(2);
  header.checkpoint_parts = 2;
  write(RoundKind::kCheckpoint, directory,
        [&](RoundWriter& writer) { writer.add_checkpoint_part(ByteSpan(whole).first(whole.size() / 2)); });
  header.checkpoint_part = 1;
  write(RoundKind::kCheckpoint, {},
        [&](RoundWriter& writer) { writer.add_checkpoint_part(ByteSpan(whole).subspan(whole.size() / 2)); });
  header.checkpoint_id = {};
  header.checkpoint_part = header.checkpoint_parts = 0;
  header.clean = true;
  write(RoundKind::kIdle, {}, [](RoundWriter&) {});
  return file;
}

TEST(JournalFormat, RoundsAreTheGoldenBytes) { EXPECT_EQ(write_journal(), golden("2-5.journal")); }

TEST(JournalFormat, GoldenJournalIsReadAndFolded) {
  const std::vector<std::byte> bytes = golden("2-5.journal");
  const std::vector<FileScan> scans{scan_journal_file(bytes, {model::BootEpoch(9), kSeed, 2, 5}, 0)};
  const JournalChain chain = chain_rounds(scans);
  ASSERT_EQ(chain.links.size(), 4U);
  EXPECT_EQ(chain.rotten_rounds, 0U);
  EXPECT_TRUE(chain.links.back().round->header.clean);
  RecoveryFold fold;
  for (const ChainLink& link : chain.links) fold.apply(*link.round, link.lost_before);
  const FoldResult result = fold.finish();
  EXPECT_TRUE(result.checkpoint_seen);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_EQ(result.partitions[0].tail.size(), 2U);
  EXPECT_EQ(result.partitions[0].end, (model::LogPosition{model::Offset(1007), 1}));
}

TEST(JournalFormat, BootAndFormatAreTheGoldenBytes) {
  const BootRecord boot{model::BootEpoch(9), 4, kSeed};
  EXPECT_EQ(encode_boot(boot), golden("BOOT"));
  const auto decoded = decode_boot(golden("BOOT"));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, boot);
  const std::vector<std::byte> format = golden("FORMAT");
  EXPECT_EQ(encode_format(1, Identity{partition().topic}), as_text(format));
  const auto identity = decode_format(as_text(format));
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->disk, partition().topic);
}

}  // namespace
}  // namespace forebay::log
