// Rounds, the scan of a file, the chain of its rounds, and the fold: on bytes alone, without a disk.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/crc32c.h"
#include "log/core/damage.h"
#include "log/core/journal_ring.h"
#include "log/core/recovery_fold.h"

namespace forebay::log {
namespace {

using model::LogPosition;

constexpr JournalFileIdentity kIdentity{model::BootEpoch(3), 0x1234567890abcdefULL, 1, 5};

model::TopicPartition partition(std::int32_t index) {
  model::TopicPartition id;
  id.topic.bytes.fill(9);
  id.partition = model::PartitionIndex(index);
  return id;
}

Frame frame_at(const model::TopicPartition& id, LogPosition begin, LogPosition end, std::uint64_t term = 1) {
  Frame frame;
  frame.header.partition = id;
  frame.header.kind = FrameKind::kControl;
  frame.header.begin = begin;
  frame.header.end = end;
  frame.header.term = model::Term(term);
  std::vector<std::byte> payload(40, static_cast<std::byte>(begin.next_offset.value()));
  frame.header.payload_bytes = static_cast<std::uint32_t>(payload.size());
  frame.header.payload_crc = crc32c(payload);
  frame.payload = SharedBytes::take(std::move(payload));
  return frame;
}

LogPosition at(std::int64_t offset) { return {model::Offset(offset), 0}; }

// Builds a file of rounds as the journal would, one block each.
class FileBuilder {
 public:
  struct Content {
    std::vector<Frame> frames;
    std::vector<PartitionRecord> records;
    std::vector<RoundDirectoryEntry> ends;  // what this round's directory says in the next one
    std::optional<std::vector<CheckpointEntry>> checkpoint;
  };
  RoundHeader add(const Content& content) {
    const std::vector<std::byte> checkpoint =
        content.checkpoint ? encode_checkpoint(*content.checkpoint) : std::vector<std::byte>{};
    std::size_t bytes = kRoundHeaderBytes + directory_.size() + 8 + checkpoint.size() + 1024;
    for (const Frame& frame : content.frames) bytes += RoundWriter::frame_entry_bytes(frame);
    std::vector<std::byte> buffer(round_blocks_bytes(bytes));
    RoundWriter writer(buffer);
    writer.add_directory(directory_);
    directory_.clear();
    for (const PartitionRecord& record : content.records) {
      std::vector<std::byte> entry;
      put_record_entry(entry, record.id, record.record);
      writer.add_record(entry);
      directory_.insert(directory_.end(), entry.begin(), entry.end());
    }
    for (const Frame& frame : content.frames) writer.add_frame(frame);
    if (content.checkpoint) writer.add_checkpoint_part(checkpoint);
    WireWriter out(directory_);
    for (const RoundDirectoryEntry& entry : content.ends) put_directory_entry(out, entry);
    RoundHeader header;
    header.kind = content.checkpoint ? RoundKind::kCheckpoint : RoundKind::kData;
    header.boot_epoch = kIdentity.epoch;
    header.epoch_seed = kIdentity.seed;
    header.shard = kIdentity.shard;
    header.file_number = kIdentity.file_number;
    header.sequence = last_.next();
    header.previous = last_;
    header.previous_crc = last_crc_;
    header.live_from = RoundSequence(1);
    header.checkpoint_id = header.sequence;
    header.checkpoint_parts = content.checkpoint ? 1 : 0;
    const ByteSpan sealed = writer.seal(header);
    file_.insert(file_.end(), sealed.begin(), sealed.end());
    last_ = header.sequence;
    last_crc_ = header.crc;
    return header;
  }
  // A frame and the directory entry that goes with it.
  RoundHeader add_frame(const Frame& frame) {
    Content content;
    content.frames = {frame};
    content.ends = {{frame.header.partition, KnownEnd{frame.header.end, frame.header.term}, {}, {}}};
    return add(content);
  }
  RoundHeader add_record(const model::TopicPartition& id, const JournalRecord& record, KnownEnd end = {}) {
    Content content;
    content.records = {{id, record}};
    content.ends = {{id, end, {}, {}}};
    return add(content);
  }
  std::vector<std::byte> file_;

 private:
  RoundSequence last_;
  std::uint32_t last_crc_ = 0;
  std::vector<std::byte> directory_;
};

FoldResult fold(ByteSpan file) {
  const std::vector<FileScan> scans{scan_journal_file(file, kIdentity, 0)};
  const JournalChain chain = chain_rounds(scans);
  RecoveryFold folding;
  for (const ChainLink& link : chain.links) folding.apply(*link.round, link.lost_before);
  return folding.finish();
}

void wipe_round(std::vector<std::byte>& file, std::size_t index) {
  std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(index * kRoundBlockBytes), kRoundBlockBytes,
              std::byte{0});
}

TEST(Round, IsReadBackAsWritten) {
  FileBuilder builder;
  const Frame frame = frame_at(partition(0), at(0), at(4));
  FileBuilder::Content content;
  content.frames = {frame};
  content.records = {{partition(1), SetHardState{{model::Term(2), model::NodeId(3)}}}};
  content.ends = {
      {partition(0), KnownEnd{at(4), model::Term(1)}, HardState{model::Term(1), model::NodeId(2)}, at(3)},
      {partition(1), {}, HardState{model::Term(2), {}}, {}}};
  builder.add(content);
  builder.add({});
  const FileScan scan = scan_journal_file(builder.file_, kIdentity, 7);
  ASSERT_EQ(scan.rounds.size(), 2U);
  EXPECT_TRUE(scan.broken.empty());
  ASSERT_EQ(scan.rounds[0].entries.size(), 2U);
  const auto& scanned = std::get<ScannedFrame>(scan.rounds[0].entries[1]);
  EXPECT_EQ(scanned.header, frame.header);
  EXPECT_EQ(scanned.at.file, 7U);
  EXPECT_TRUE(decode_frame_header(ByteSpan(builder.file_).subspan(scanned.at.offset)).has_value());
  EXPECT_EQ(scan.rounds[1].directory, content.ends);
  EXPECT_EQ(scan.rounds[1].repeated.size(), 1U);
}

TEST(Round, AnotherEpochSeedShardOrFileDoesNotCount) {
  FileBuilder builder;
  builder.add({});
  for (const JournalFileIdentity& other : {JournalFileIdentity{model::BootEpoch(4), kIdentity.seed, 1, 5},
                                           JournalFileIdentity{model::BootEpoch(3), kIdentity.seed + 1, 1, 5},
                                           JournalFileIdentity{model::BootEpoch(3), kIdentity.seed, 2, 5},
                                           JournalFileIdentity{model::BootEpoch(3), kIdentity.seed, 1, 6}}) {
    EXPECT_TRUE(scan_journal_file(builder.file_, other, 0).rounds.empty());
  }
}

TEST(Round, EveryFlippedBitMakesItInvalid) {
  FileBuilder builder;
  builder.add_frame(frame_at(partition(0), at(0), at(4)));
  std::vector<std::byte> file = builder.file_;
  ASSERT_EQ(scan_journal_file(file, kIdentity, 0).rounds.size(), 1U);
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    file[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    ASSERT_TRUE(scan_journal_file(file, kIdentity, 0).rounds.empty()) << "bit " << bit;
    file[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
}

TEST(Round, SealedAgainElsewhereHasTheSameContent) {
  std::vector<std::byte> buffer(kRoundBlockBytes);
  RoundWriter writer(buffer);
  writer.add_frame(frame_at(partition(0), at(0), at(4)));
  RoundHeader header;
  header.boot_epoch = kIdentity.epoch;
  header.epoch_seed = kIdentity.seed;
  header.shard = kIdentity.shard;
  header.file_number = kIdentity.file_number;
  header.sequence = RoundSequence(8);
  header.previous = RoundSequence(7);
  (void)writer.seal(header);
  header.sequence = RoundSequence(9);
  const ByteSpan again = reseal_round(buffer, header);
  const FileScan scan = scan_journal_file(again, kIdentity, 0);
  ASSERT_EQ(scan.rounds.size(), 1U);
  EXPECT_EQ(scan.rounds[0].header.sequence, RoundSequence(9));
  EXPECT_EQ(scan.rounds[0].entries.size(), 1U);
}

TEST(Round, ChecksumTakenOnTheWayIsThatOfTheWhole) {
  std::vector<std::byte> buffer(kRoundBlockBytes);
  const auto seal_with = [&buffer](bool on_the_way) {
    RoundWriter writer(buffer);
    for (std::int64_t i = 0; i < 4; ++i) {
      writer.add_frame(frame_at(partition(0), at(i), at(i + 1)));
      if (on_the_way && i % 2 == 0) writer.checksum();
    }
    RoundHeader header;
    header.sequence = RoundSequence(8);
    header.previous = RoundSequence(7);
    const ByteSpan whole = writer.seal(header);
    EXPECT_TRUE(round_crc_matches(header, whole));
    return header.crc;
  };
  EXPECT_EQ(seal_with(true), seal_with(false));
}

TEST(Fold, AppendBelowTheEndTruncates) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_frame(frame_at(partition(0), at(0), at(4)));
  builder.add_frame(frame_at(partition(0), at(4), at(9)));
  builder.add_frame(frame_at(partition(0), at(4), at(6), 2));
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  ASSERT_EQ(result.partitions[0].tail.size(), 2U);
  EXPECT_EQ(result.partitions[0].end, at(6));
  EXPECT_TRUE(result.partitions[0].state.damage.empty());
  // The term is known from the frame alone: as good as voted in.
  EXPECT_EQ(result.partitions[0].state.hard_state, (HardState{model::Term(2), kUnknownVote}));
}

TEST(Fold, CreateVoidsAnEarlierLifeButNotItsVote) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_record(partition(0), SetHardState{{model::Term(7), model::NodeId(2)}});
  builder.add_frame(frame_at(partition(0), at(0), at(4), 7));
  builder.add_record(partition(0), RemoveReplica{});
  FoldResult removed = fold(builder.file_);
  EXPECT_TRUE(removed.partitions.empty());
  ASSERT_EQ(removed.removed.size(), 1U);
  EXPECT_EQ(removed.removed[0].hard_state, (HardState{model::Term(7), model::NodeId(2)}));
  builder.add_record(partition(0), CreateReplica{});
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_TRUE(result.partitions[0].tail.empty());
  EXPECT_EQ(result.partitions[0].end, at(0));
  EXPECT_EQ(result.partitions[0].state.hard_state, (HardState{model::Term(7), model::NodeId(2)}));
}

TEST(Fold, CreateLostIsALifeWithALostTailAtItsBegin) {
  FileBuilder builder;
  builder.add_frame(frame_at(partition(0), at(0), at(4)));
  builder.add_record(partition(0), CreateReplica{.lost = true});
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_FALSE(result.partitions[0].base_unknown);
  EXPECT_EQ(result.partitions[0].end, at(0));
  EXPECT_TRUE(result.partitions[0].tail.empty());
  EXPECT_TRUE(is_wholly_lost(result.partitions[0].state));
}

LogBase base_at_20() {
  return {at(20), {model::Term(6), at(13)}, {{at(14), {{{model::NodeId(4), {}}}, {}, {}}}}};
}

TEST(Fold, InstallVoidsTheLogThatWasThereButNotItsVote) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_record(partition(0), SetHardState{{model::Term(7), model::NodeId(2)}});
  builder.add_frame(frame_at(partition(0), at(0), at(40), 7));
  builder.add_record(partition(0), SetDamage{{{DamageKind::kMiddle, at(1), at(3)}}},
                     KnownEnd{at(40), model::Term(7)});
  builder.add_record(partition(0), InstallBase{base_at_20(), model::LogEpoch(3)},
                     KnownEnd{at(20), model::Term(6)});
  builder.add_frame(frame_at(partition(0), at(20), at(24), 7));
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  const FoldedPartition& folded = result.partitions[0];
  EXPECT_EQ(folded.end, at(24));
  ASSERT_EQ(folded.tail.size(), 1U);
  EXPECT_EQ(folded.state.log_start, at(20));
  EXPECT_EQ(folded.state.segment_end, at(20));
  EXPECT_TRUE(folded.state.segments.empty());
  EXPECT_EQ(folded.state.terms, std::vector{base_at_20().before});
  EXPECT_EQ(folded.state.memberships, base_at_20().memberships);
  EXPECT_EQ(folded.state.lowest_truncation, LogPosition{})
      << "whatever the folder holds was of the other log";
  EXPECT_EQ(folded.state.log_epoch, model::LogEpoch(3));
  EXPECT_TRUE(folded.state.damage.empty());
  EXPECT_EQ(folded.state.hard_state, (HardState{model::Term(7), model::NodeId(2)}));
}

TEST(Fold, InstallDoesNotRegainALostTail) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{.lost = true});
  builder.add_record(partition(0), InstallBase{base_at_20(), model::LogEpoch(3)},
                     KnownEnd{at(20), model::Term(6)});
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_EQ(lost_tail(result.partitions[0].state.damage), at(20));
}

TEST(Fold, InstallInARottenRoundIsKnownFromTheNextOne) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_frame(frame_at(partition(0), at(0), at(40)));
  builder.add_record(partition(0), InstallBase{base_at_20(), model::LogEpoch(3)},
                     KnownEnd{at(20), model::Term(6)});
  builder.add_frame(frame_at(partition(0), at(20), at(24), 7));
  wipe_round(builder.file_, 2);
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_EQ(result.partitions[0].state.log_start, at(20));
  EXPECT_EQ(result.partitions[0].end, at(24));
  EXPECT_TRUE(result.partitions[0].state.damage.empty());
}

TEST(Fold, FramesBelowTheSegmentEndOfTheCheckpointAreDropped) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_frame(frame_at(partition(0), at(0), at(4)));
  builder.add_frame(frame_at(partition(0), at(4), at(9)));
  FileBuilder::Content content;
  CheckpointEntry entry;
  entry.state.id = partition(0);
  entry.state.segment_end = at(4);
  entry.end = KnownEnd{at(9), model::Term(1)};
  content.checkpoint = {entry};
  builder.add(content);
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  ASSERT_EQ(result.partitions[0].tail.size(), 1U);
  EXPECT_EQ(result.partitions[0].tail[0].header.begin, at(4));
  EXPECT_TRUE(result.partitions[0].state.damage.empty());
}

// Between two checkpoints segments were sealed and compacted. The one in front was still being written at the
// first checkpoint and has not been replaced: the journal has its rest, and what was compacted behind it is
// void. Kept in the list, it would come back beside the segments that the next life makes of those frames.
TEST(Fold, CompactedSegmentBehindAHoleIsForgotten) {
  const auto segment = [](std::int64_t begin, std::int64_t end, std::uint32_t generation) {
    return SegmentMeta{at(begin), model::BootEpoch(1), generation, at(end), 4096};
  };
  FileBuilder builder;
  FileBuilder::Content content;
  CheckpointEntry entry;
  entry.state.id = partition(0);
  entry.state.segment_end = at(4);
  entry.state.segments = {segment(0, 4, 0)};
  entry.end = KnownEnd{at(4), model::Term(1)};
  content.checkpoint = {entry};
  builder.add(content);
  builder.add_frame(frame_at(partition(0), at(4), at(6)));
  builder.add_frame(frame_at(partition(0), at(6), at(9)));
  builder.add_record(partition(0), ReplaceSegments{{segment(6, 9, 0)}, {segment(6, 9, 1)}});
  FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_EQ(result.partitions[0].state.segments, (std::vector<SegmentMeta>{segment(0, 4, 0)}));
  EXPECT_EQ(result.partitions[0].tail.size(), 2U);
  // Without a hole all of it counts.
  builder.add_record(partition(0), ReplaceSegments{{segment(0, 6, 0), segment(6, 9, 1)}, {segment(0, 9, 2)}});
  result = fold(builder.file_);
  EXPECT_EQ(result.partitions[0].state.segments, (std::vector<SegmentMeta>{segment(0, 9, 2)}));
}

TEST(Fold, LostRoundIsMiddleDamageWithAProvenEnd) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_frame(frame_at(partition(0), at(0), at(4)));
  builder.add_frame(frame_at(partition(0), at(4), at(9)));
  builder.add({});
  wipe_round(builder.file_, 2);
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_EQ(result.partitions[0].end, at(9));
  EXPECT_EQ(result.partitions[0].state.damage, (std::vector<Damage>{{DamageKind::kMiddle, at(4), at(9)}}));
}

TEST(Fold, DamageBelowLogStartIsForgotten) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_frame(frame_at(partition(0), at(0), at(1)));
  builder.add_frame(frame_at(partition(0), at(2), at(9)));
  builder.add_record(partition(0), SetDamage{{{DamageKind::kMiddle, at(2), at(4)},
                                              {DamageKind::kAcceptedTail, at(5), at(5)},
                                              {DamageKind::kMiddle, at(6), at(8)},
                                              {DamageKind::kTail, at(9), at(9)}}});
  builder.add_record(partition(0), SetLogStart{at(7)});
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_EQ(result.partitions[0].state.damage,
            (std::vector<Damage>{{DamageKind::kMiddle, at(7), at(8)}, {DamageKind::kTail, at(9), at(9)}}));
  EXPECT_TRUE(result.notes.empty());
}

TEST(Fold, AcceptedHoleIsNotFoundAgain) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_frame(frame_at(partition(0), at(0), at(4)));
  builder.add_record(partition(0), SetDamage{{{DamageKind::kAcceptedMiddle, at(4), at(6)}}});
  builder.add_frame(frame_at(partition(0), at(7), at(9)));
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_EQ(result.partitions[0].state.damage,
            (std::vector<Damage>{{DamageKind::kAcceptedMiddle, at(4), at(6)},
                                 {DamageKind::kMiddle, at(6), at(7)}}));
}

TEST(Fold, LostVoteIsInTheNextDirectory) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_record(partition(0), SetHardState{{model::Term(4), model::NodeId(3)}});
  builder.add({});
  wipe_round(builder.file_, 1);
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_EQ(result.partitions[0].state.hard_state, (HardState{model::Term(4), model::NodeId(3)}));
  EXPECT_TRUE(result.partitions[0].state.damage.empty());
}

// The round whose directory knew the vote is rotten: a frame's term is all there is, until the checkpoint.
TEST(Fold, VoteInACheckpointCountsMoreThanATermOfFrames) {
  FileBuilder builder;
  builder.add_frame(frame_at(partition(0), at(0), at(1), 2));
  CheckpointEntry entry;
  entry.state.id = partition(0);
  entry.state.hard_state = {model::Term(2), model::NodeId(3)};
  FileBuilder::Content content;
  content.checkpoint = {entry};
  builder.add(content);
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_EQ(result.partitions[0].state.hard_state, entry.state.hard_state);
}

TEST(Fold, TwoLostRoundsLeaveTheEndsOfOthersUnknown) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_record(partition(1), CreateReplica{});
  builder.add_frame(frame_at(partition(1), at(0), at(2)));
  builder.add_frame(frame_at(partition(0), at(0), at(4)));
  builder.add({});
  wipe_round(builder.file_, 2);
  wipe_round(builder.file_, 3);
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 2U);
  // Of the first one the journal has said no vote, so that it stays doubtful; its end is proven.
  EXPECT_EQ(result.partitions[0].end, at(4));
  EXPECT_EQ(result.partitions[1].end, at(0));
  EXPECT_EQ(result.partitions[1].state.damage.back().kind, DamageKind::kTail);
}

TEST(Fold, CheckpointProvesTheEndsAgain) {
  FileBuilder builder;
  builder.add_record(partition(1), CreateReplica{});
  builder.add_frame(frame_at(partition(1), at(0), at(2)));
  builder.add_frame(frame_at(partition(1), at(2), at(3)));
  builder.add({});
  FileBuilder::Content content;
  CheckpointEntry entry;
  entry.state.id = partition(1);
  entry.end = KnownEnd{at(3), model::Term(1)};
  content.checkpoint = {entry};
  builder.add(content);
  wipe_round(builder.file_, 2);
  wipe_round(builder.file_, 3);
  const FoldResult result = fold(builder.file_);
  ASSERT_EQ(result.partitions.size(), 1U);
  EXPECT_EQ(result.partitions[0].state.damage, (std::vector<Damage>{{DamageKind::kMiddle, at(2), at(3)}}));
}

TEST(Chain, AbandonedRoundsAreNotLost) {
  FileBuilder builder;
  builder.add_record(partition(0), CreateReplica{});
  builder.add_frame(frame_at(partition(0), at(0), at(4)));
  // The write of round 3 failed; round 4 follows round 2.
  std::vector<std::byte> buffer(kRoundBlockBytes);
  const FileScan before = scan_journal_file(builder.file_, kIdentity, 0);
  builder.add_frame(frame_at(partition(0), at(4), at(6)));
  RoundWriter writer(buffer);
  writer.add_frame(frame_at(partition(0), at(4), at(7), 2));
  RoundHeader header = before.rounds[1].header;
  header.previous = header.sequence;
  header.previous_crc = header.crc;
  header.sequence = RoundSequence(4);
  const ByteSpan sealed = writer.seal(header);
  builder.file_.insert(builder.file_.end(), sealed.begin(), sealed.end());
  const std::vector<FileScan> scans{scan_journal_file(builder.file_, kIdentity, 0)};
  const JournalChain chain = chain_rounds(scans);
  EXPECT_EQ(chain.links.size(), 3U);
  EXPECT_EQ(chain.rotten_rounds, 0U);
  const FoldResult result = fold(builder.file_);
  EXPECT_EQ(result.partitions[0].end, at(7));
}

TEST(Ring, FileGoesBackAfterTwoCheckpointsAndInOrder) {
  JournalRing ring;
  for (const std::uint64_t number : {1U, 2U, 3U, 4U}) ring.add_free(number);
  ring.use_next(RoundSequence(1));
  ring.add_frames(0, at(5));
  ring.use_next(RoundSequence(10));
  ring.add_frames(1, at(7));
  ring.use_next(RoundSequence(20));
  EXPECT_EQ(ring.live_from(false), RoundSequence(1));
  const auto checkpoint = [&] {
    ring.checkpoint_taken();
    return ring.checkpoint_durable();
  };
  ring.flushed(1, at(7));  // the second file is done, the first is not
  EXPECT_TRUE(checkpoint().empty());
  EXPECT_TRUE(checkpoint().empty());
  EXPECT_EQ(ring.free_count(), 1U);
  ring.flushed(0, at(4));
  ASSERT_NE(ring.oldest_unflushed(), nullptr);
  EXPECT_EQ(ring.oldest_unflushed()->number, 1U);
  ring.flushed(0, at(5));
  EXPECT_TRUE(ring.checkpoint_helps());
  ring.checkpoint_taken();
  EXPECT_EQ(ring.live_from(true), RoundSequence(1));
  EXPECT_TRUE(ring.checkpoint_durable().empty());
  EXPECT_EQ(ring.free_count(), 1U);
  ring.checkpoint_taken();
  EXPECT_EQ(ring.live_from(true), RoundSequence(20));
  EXPECT_TRUE(ring.checkpoint_durable().empty());
  EXPECT_EQ(ring.free_count(), 3U);
  EXPECT_EQ(ring.live_from(false), RoundSequence(20));
}

TEST(Ring, TruncationLowersWhatAFileWaitsFor) {
  JournalRing ring;
  ring.add_free(1);
  ring.add_free(2);
  ring.use_next(RoundSequence(1));
  ring.add_frames(0, at(100));
  ring.use_next(RoundSequence(2));
  ring.truncate(0, at(50));
  ring.add_frames(0, at(60));
  ring.flushed(0, at(55));
  EXPECT_EQ(ring.oldest_unflushed(), nullptr);
}

TEST(Ring, BrokenFileIsNotUsedAgain) {
  JournalRing ring;
  ring.add_free(1);
  ring.add_free(2);
  ring.use_next(RoundSequence(1));
  ring.current().broken = true;
  ring.use_next(RoundSequence(2));
  EXPECT_EQ(ring.usable_count(), 1U);
  ring.checkpoint_taken();
  EXPECT_TRUE(ring.checkpoint_durable().empty());
  ring.checkpoint_taken();
  EXPECT_EQ(ring.checkpoint_durable(), std::vector<std::uint64_t>{1});
  EXPECT_EQ(ring.free_count(), 0U);
}

}  // namespace
}  // namespace forebay::log
