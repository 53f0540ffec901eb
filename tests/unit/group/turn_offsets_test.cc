// Offsets: who may commit, how far, and where a group begins.
#include <gtest/gtest.h>

#include "test_coordinator.h"

namespace forebay::group::testing {
namespace {

const model::Timestamp kNow(1'700'000'000'000);

// Group "g" on topic "t" with two partitions; member "a" owns both when it has joined.
class TurnOffsets : public ::testing::Test {
 protected:
  TurnOffsets() { coordinator.set_topic("t", 2); }

  MemberRef join(const std::string& id) {
    Result<Joined> joined;
    last = coordinator.turn("g", [&](Turn& turn) { joined = turn.join(new_member(id, {"t"})); });
    EXPECT_TRUE(joined);
    number = joined->number;
    return {joined->id, joined->epoch};
  }
  Result<EntryResults> try_commit(const std::optional<MemberRef>& by,
                                  const std::vector<CommitEntry>& entries) {
    Result<EntryResults> results;
    last = coordinator.turn("g", [&](Turn& turn) { results = turn.commit(by, kNow, entries); });
    return results;
  }
  Result<void> commit(const std::optional<MemberRef>& by, const CommitEntry& entry) {
    const auto results = try_commit(by, {entry});
    EXPECT_TRUE(results) << results.error().context;
    return results->at(0);
  }
  ErrorCode refusal(const std::optional<MemberRef>& by, const CommitEntry& entry) {
    const auto result = commit(by, entry);
    EXPECT_TRUE(last.records.empty());
    return result ? ErrorCode{} : result.error().code;
  }
  std::vector<ResetResult> reset(const std::vector<CommitEntry>& entries,
                                 Turn::ResetMode mode = Turn::ResetMode::kDo) {
    Result<std::vector<ResetResult>> results;
    last = coordinator.turn("g", [&](Turn& turn) { results = turn.reset(kNow, entries, mode); });
    EXPECT_TRUE(results);
    return results.value_or({});
  }
  void create(const StartRule& start) {
    coordinator.turn("g", [&](Turn& turn) { ASSERT_TRUE(turn.create(start, {})); });
  }
  const Position& position(std::int32_t partition) const {
    return coordinator.group("g").positions.at(coordinator.partition("t", partition));
  }
  CommitEntry entry(std::int32_t partition, std::int64_t offset, const std::string& metadata = {}) const {
    return coordinator.entry("t", partition, offset, metadata);
  }

  TestCoordinator coordinator;
  Decision last;
  MemberNumber number;
};

TEST_F(TurnOffsets, AnOwnersCommitIsTheGroups) {
  const MemberRef a = join("a");
  ASSERT_TRUE(commit(a, entry(0, 7, "page 3")));
  EXPECT_EQ(position(0).committed, model::Offset(7));
  EXPECT_EQ(position(0).metadata, "page 3");
  EXPECT_EQ(position(0).at, kNow);
  EXPECT_EQ(position(0).by, number);
  EXPECT_FALSE(last.roster_changed);
}

TEST_F(TurnOffsets, ACommitIsOneSmallRecord) {
  const MemberRef a = join("a");
  ASSERT_TRUE(commit(a, entry(0, 7)));
  ASSERT_EQ(last.records.size(), 1U);
  EXPECT_EQ(std::get<OffsetsCommitted>(last.records[0]).offsets.size(), 1U);
}

TEST_F(TurnOffsets, TheHighWatermarkMayBeCommitted) {
  const MemberRef a = join("a");
  EXPECT_TRUE(commit(a, entry(0, 1'000)));
}

// The metadata came between the look for its end and the turn.
TEST_F(TurnOffsets, WhatNobodyKnowsTheEndOfIsRetried) {
  const MemberRef a = join("a");
  CommitEntry unasked = entry(0, 7);
  unasked.high_watermark.reset();
  EXPECT_EQ(refusal(a, unasked), ErrorCode::kNotYet);
}

TEST_F(TurnOffsets, WhatIsNotInTheLogIsRefused) {
  const MemberRef a = join("a");
  EXPECT_EQ(refusal(a, entry(0, 1'001)), ErrorCode::kOffsetOutOfRange);
  EXPECT_EQ(refusal(a, entry(0, -1)), ErrorCode::kOffsetOutOfRange);
}

TEST_F(TurnOffsets, ACommitNeverGoesBack) {
  const MemberRef a = join("a");
  ASSERT_TRUE(commit(a, entry(0, 7)));
  EXPECT_EQ(refusal(a, entry(0, 6)), ErrorCode::kOffsetMovedBack);
}

TEST_F(TurnOffsets, NorDoesOneOfTheSameTurn) {
  const MemberRef a = join("a");
  coordinator.turn("g", [&](Turn& turn) {
    ASSERT_TRUE(turn.commit(a, kNow, {entry(0, 7)})->at(0));
    EXPECT_EQ(turn.commit(a, kNow, {entry(0, 6)})->at(0).error().code, ErrorCode::kOffsetMovedBack);
  });
  EXPECT_EQ(position(0).committed, model::Offset(7));
}

TEST_F(TurnOffsets, TheSameOffsetIsASuccessAndNoRecord) {
  const MemberRef a = join("a");
  ASSERT_TRUE(commit(a, entry(0, 7, "x")));
  EXPECT_TRUE(commit(a, entry(0, 7, "x")));
  EXPECT_TRUE(last.records.empty());
  EXPECT_TRUE(commit(a, entry(0, 7, "y")));
  EXPECT_EQ(position(0).metadata, "y");
}

TEST_F(TurnOffsets, OneBadEntryDoesNotKeepTheOthersOut) {
  const MemberRef a = join("a");
  const auto results = try_commit(a, {entry(0, 2'000), entry(1, 5)});
  EXPECT_FALSE(results->at(0));
  EXPECT_TRUE(results->at(1));
  EXPECT_EQ(position(1).committed, model::Offset(5));
}

TEST_F(TurnOffsets, OnePartitionTwiceIsRefused) {
  const MemberRef a = join("a");
  EXPECT_EQ(try_commit(a, {entry(0, 7), entry(0, 5)}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(last.records.empty());
}

TEST_F(TurnOffsets, ACommitHasAMostOfMetadata) {
  const MemberRef a = join("a");
  coordinator.set_topic("t", 100);
  coordinator.turn("g", [](Turn& turn) { turn.follow_topics(); });
  std::vector<CommitEntry> entries;
  for (std::int32_t i = 0; i < 65; ++i) entries.push_back(entry(i, 1, std::string(kMetadataBytesMax, 'x')));
  EXPECT_EQ(try_commit(a, entries).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(TurnOffsets, ATurnSaysWhenItIsFull) {
  const MemberRef a = join("a");
  coordinator.turn("g", [&](Turn& turn) {
    std::int64_t offset = 0;
    while (!turn.is_full() && offset < 1'000) {
      ASSERT_TRUE(turn.commit(a, kNow, {entry(0, ++offset, std::string(kMetadataBytesMax, 'x'))})->at(0));
    }
    EXPECT_EQ(offset, 32);  // of 4 KiB and a little more each
  });
}

TEST_F(TurnOffsets, SomebodyElsesPartitionIsRefused) {
  join("a");
  const MemberRef b = join("b");
  EXPECT_EQ(refusal(b, entry(0, 7)), ErrorCode::kNotOwner);
}

TEST_F(TurnOffsets, WhatIsBeingGivenUpMayBeCommittedUntilItIsConfirmed) {
  const MemberRef a = join("a");
  const MemberNumber a_number = number;
  const MemberRef b = join("b");
  EXPECT_TRUE(commit(a, entry(1, 7)));
  coordinator.turn(
      "g", [&](Turn& turn) { ASSERT_TRUE(turn.confirm(a, coordinator.assignment("g", a_number).number)); });
  EXPECT_EQ(refusal(a, entry(1, 8)), ErrorCode::kNotOwner);
  EXPECT_EQ(coordinator.assignment("g", number).owned.at(0).next, model::Offset(7));
  EXPECT_TRUE(commit(b, entry(1, 8)));
}

TEST_F(TurnOffsets, AnOldEpochIsFenced) {
  const MemberRef a = join("a");
  JoinInput again = new_member("unused", {"t"});
  again.member_id = a.id;
  again.epoch = a.epoch;
  coordinator.turn("g", [&](Turn& turn) { ASSERT_TRUE(turn.join(again)); });
  EXPECT_EQ(try_commit(a, {entry(0, 7)}).error().code, ErrorCode::kMemberFenced);
}

TEST_F(TurnOffsets, AMemberThatIsOutIsUnknown) {
  const MemberRef a = join("a");
  coordinator.turn("g", [&](Turn& turn) { turn.end_session(number, a.epoch); });
  EXPECT_EQ(try_commit(a, {entry(0, 7)}).error().code, ErrorCode::kUnknownMember);
}

TEST_F(TurnOffsets, LargeMetadataIsRefused) {
  const MemberRef a = join("a");
  EXPECT_TRUE(commit(a, entry(0, 7, std::string(kMetadataBytesMax, 'x'))));
  EXPECT_EQ(refusal(a, entry(0, 8, std::string(kMetadataBytesMax + 1, 'x'))), ErrorCode::kInvalidArgument);
}

TEST_F(TurnOffsets, NobodyCommitsWhileThereAreNoMembers) {
  create({});
  EXPECT_TRUE(commit({}, entry(0, 7)));
  EXPECT_EQ(position(0).by, kNobody);
  join("a");
  EXPECT_EQ(try_commit({}, {entry(0, 8)}).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(TurnOffsets, AGroupThatIsNotThereTakesNone) {
  EXPECT_EQ(try_commit({}, {entry(0, 7)}).error().code, ErrorCode::kUnknownGroup);
}

TEST_F(TurnOffsets, WhatIsNotThereCannotBeCommitted) {
  create({});
  CommitEntry wrong = entry(0, 7);
  wrong.partition.partition = model::PartitionIndex(2);
  EXPECT_EQ(refusal({}, wrong), ErrorCode::kUnknownPartition);
  wrong = entry(0, 7);
  wrong.partition.topic = topic_id(99);
  EXPECT_EQ(refusal({}, wrong), ErrorCode::kUnknownTopic);
}

TEST_F(TurnOffsets, OnlyAResetGoesBack) {
  create({});
  ASSERT_TRUE(commit({}, entry(0, 7)));
  const auto results = reset({entry(0, 3), entry(1, 9)});
  EXPECT_EQ(results.at(0).before, model::Offset(7));
  EXPECT_EQ(results.at(1).before, std::nullopt);
  EXPECT_EQ(position(0).committed, model::Offset(3));
  EXPECT_EQ(position(1).committed, model::Offset(9));
}

TEST_F(TurnOffsets, ATriedResetChangesNothing) {
  create({});
  ASSERT_TRUE(commit({}, entry(0, 7)));
  EXPECT_TRUE(reset({entry(0, 3)}, Turn::ResetMode::kTry).at(0).result);
  EXPECT_EQ(position(0).committed, model::Offset(7));
}

TEST_F(TurnOffsets, AResetOfSomebodysPartitionIsRefused) {
  join("a");
  EXPECT_EQ(reset({entry(0, 3)}).at(0).result.error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(TurnOffsets, AResetIsAllOrNothing) {
  create({});
  const auto results = reset({entry(0, 3), entry(1, 2'000)});
  EXPECT_TRUE(results.at(0).result);
  EXPECT_EQ(results.at(1).result.error().code, ErrorCode::kOffsetOutOfRange);
  EXPECT_TRUE(last.records.empty());
}

TEST_F(TurnOffsets, CreatingTwiceIsTheSame) {
  Result<bool> made;
  coordinator.turn("g", [&](Turn& turn) { made = turn.create(StartRule{StartPoint::kLatest}, {}); });
  EXPECT_TRUE(*made);
  coordinator.turn("g", [&](Turn& turn) { made = turn.create(StartRule{StartPoint::kLatest}, {}); });
  EXPECT_FALSE(*made);
  coordinator.turn("g", [&](Turn& turn) { made = turn.create({}, {}); });
  ASSERT_TRUE(made) << "without a word about its start: whatever it is";
  EXPECT_FALSE(*made);
  coordinator.turn("g", [&](Turn& turn) { made = turn.create(StartRule{}, {}); });
  EXPECT_EQ(made.error().code, ErrorCode::kStartRuleConflict);
}

TEST_F(TurnOffsets, ABadNameMakesNoGroup) {
  Result<bool> made;
  coordinator.turn("a/b", [&](Turn& turn) { made = turn.create({}, {}); });
  EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(TurnOffsets, OnlyAGroupWithoutMembersIsDeleted) {
  const MemberRef a = join("a");
  Result<void> removed;
  coordinator.turn("g", [&](Turn& turn) { removed = turn.remove(); });
  EXPECT_EQ(removed.error().code, ErrorCode::kFailedPrecondition);
  coordinator.turn("g", [&](Turn& turn) {
    ASSERT_TRUE(turn.leave(a));
    removed = turn.remove();
  });
  EXPECT_TRUE(removed);
  EXPECT_EQ(coordinator.image.find("g"), nullptr);
}

TEST_F(TurnOffsets, AGroupThatIsMadeAnewInOneTurnRemembersNothing) {
  create({});
  ASSERT_TRUE(commit({}, entry(0, 7)));
  coordinator.turn("g", [&](Turn& turn) {
    ASSERT_TRUE(turn.remove());
    ASSERT_TRUE(turn.create({}, {}));
    EXPECT_TRUE(turn.commit({}, kNow, {entry(0, 3)})->at(0));
  });
  EXPECT_EQ(position(0).committed, model::Offset(3));
}

// --- the start rule
TEST_F(TurnOffsets, TheFirstRecordNeedsNoOffset) {
  join("a");
  EXPECT_TRUE(last.starts_wanted.empty());
  EXPECT_EQ(coordinator.assignment("g", number).owned.at(0).next, std::nullopt);
}

TEST_F(TurnOffsets, TheEndIsFoundOnceBeforeTheOwnerIsTold) {
  create({StartPoint::kLatest});
  const MemberRef a = join("a");
  ASSERT_EQ(last.starts_wanted.size(), 2U);
  EXPECT_EQ(last.starts_wanted[0].rule.point, StartPoint::kLatest);
  EXPECT_TRUE(coordinator.assignment("g", number).owned.empty());
  const auto resolve = [&](std::int32_t partition, std::int64_t offset) {
    last = coordinator.turn("g", [&](Turn& turn) {
      turn.resolve_starts(
          {{{coordinator.partition("t", partition), {StartPoint::kLatest}}, model::Offset(offset)}});
    });
  };
  resolve(1, 500);
  EXPECT_EQ(last.assigned, (std::vector<MemberNumber>{number}));
  EXPECT_EQ(coordinator.assignment("g", number).owned,
            (std::vector<OwnedPartition>{{coordinator.partition("t", 1), model::Offset(500)}}));
  resolve(1, 600);  // a second answer
  EXPECT_TRUE(last.records.empty());
  EXPECT_EQ(starts_wanted(coordinator.group("g")).size(), 1U);
}

TEST_F(TurnOffsets, AStartIsKeptUntilSomethingIsCommitted) {
  create({StartPoint::kAtTime, model::Timestamp(5)});
  const MemberRef a = join("a");
  EXPECT_EQ(last.starts_wanted.at(0).rule.time, model::Timestamp(5));
  coordinator.turn("g", [&](Turn& turn) {
    turn.resolve_starts({{last.starts_wanted.at(0), model::Offset(500)}});
  });
  EXPECT_EQ(position(0).next(), model::Offset(500));
  ASSERT_TRUE(commit(a, entry(0, 600)));
  EXPECT_EQ(position(0).next(), model::Offset(600));
}

TEST_F(TurnOffsets, AStartThatWasAskedForByAnotherRuleIsNotTaken) {
  create({StartPoint::kLatest});
  join("a");
  const WantedStart before = last.starts_wanted.at(0);
  coordinator.turn("g", [&](Turn& turn) { ASSERT_TRUE(turn.leave({"a", MemberEpoch(1)})); });
  coordinator.turn("g", [](Turn& turn) { ASSERT_TRUE(turn.remove()); });
  create({StartPoint::kAtTime, model::Timestamp(5)});
  join("b");
  coordinator.turn("g", [&](Turn& turn) { turn.resolve_starts({{before, model::Offset(1'000)}}); });
  EXPECT_FALSE(coordinator.group("g").positions.contains(before.partition)) << "it was the end";
  EXPECT_EQ(starts_wanted(coordinator.group("g")).size(), 2U);
}

TEST_F(TurnOffsets, ACommitThatOldMetadataCannotJudgeIsForLater) {
  const MemberRef a = join("a");
  // Another node coordinates now, and has not heard of the topic yet.
  const TopicsSnapshot known = coordinator.topics;
  coordinator.topics.by_name.clear();
  coordinator.topics.version = model::Offset(0);
  const CommitEntry committed{
      "t", {known.by_name.at("t").id, model::PartitionIndex(0)}, model::Offset(7), "", {}};
  EXPECT_EQ(refusal(a, committed), ErrorCode::kNotYet);
  // It is deleted, and the group has not followed yet.
  coordinator.topics.version = known.version.next();
  EXPECT_EQ(refusal(a, committed), ErrorCode::kUnknownTopic);
}

TEST_F(TurnOffsets, LatestSkipsNothingOfPartitionsThatAreAddedLater) {
  create({StartPoint::kLatest});
  join("a");
  coordinator.set_topic("t", 3);
  last = coordinator.turn("g", [](Turn& turn) { turn.follow_topics(); });
  ASSERT_EQ(last.starts_wanted.size(), 3U);
  EXPECT_EQ(last.starts_wanted[1].rule.point, StartPoint::kLatest);
  EXPECT_EQ(last.starts_wanted[2].rule.point, StartPoint::kEarliest);
}

TEST_F(TurnOffsets, LatestSkipsNothingOfATopicThatIsMadeLater) {
  create({StartPoint::kLatest});
  coordinator.turn("g", [](Turn& turn) { ASSERT_TRUE(turn.join(new_member("a", {"later"}))); });
  coordinator.set_topic("later", 1);
  last = coordinator.turn("g", [](Turn& turn) { turn.follow_topics(); });
  ASSERT_EQ(last.starts_wanted.size(), 1U);
  EXPECT_EQ(last.starts_wanted[0].rule.point, StartPoint::kEarliest);
}

}  // namespace
}  // namespace forebay::group::testing
