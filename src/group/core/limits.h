// The bounds of consumer groups, and the times by which members live. Each with its reason; a request that
// passes one is refused with the bound in the text.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace forebay::group {

using Milliseconds = std::chrono::milliseconds;

// As topic names: both stand in file names and metric labels.
inline constexpr std::size_t kGroupNameBytesMax = 249;
// A target for so many members and a thousand partitions is decided in a few milliseconds, and no other group
// of the coordinator waits for longer than that.
inline constexpr std::size_t kMembersPerGroupMax = 1'000;
// A coordinator holds them all in memory: a few kilobytes each before there is an offset.
inline constexpr std::size_t kGroupsPerCoordinatorMax = 10'000;
inline constexpr std::size_t kTopicsPerSubscriptionMax = 1'000;
inline constexpr std::size_t kPatternBytesMax = 1'024;
// Instance, client, host, rack: what people write, and what fits in a line of a table.
inline constexpr std::size_t kNameBytesMax = 255;
// Of a member, where its client makes it: a UUID in text has 36.
inline constexpr std::size_t kMemberIdBytesMax = 64;
// As Kafka has it: applications that keep a position here were made for that.
inline constexpr std::size_t kMetadataBytesMax = 4'096;
// Of one commit or reset, and of all its metadata: its record stays below half a mebibyte.
inline constexpr std::size_t kOffsetsPerCommitMax = 10'000;
inline constexpr std::size_t kCommitMetadataBytesMax = 256U << 10;
// Names of topics of one subscription, in all: it is in every record about its member.
inline constexpr std::size_t kSubscriptionBytesMax = 64U << 10;
// Partitions of the topics that the members of one group want. A new target of so many, all of topics of
// their own, is half a mebibyte of records, which are one batch. `group.partitions_max` may be less.
inline constexpr std::size_t kPartitionsPerGroupMax = 10'000;
// From here on a turn takes no more inputs (Turn::is_full), and learns of no more topics: with one input
// more, or a new target, it still fits into a batch of a mebibyte.
inline constexpr std::size_t kTurnBytesMax = 128U << 10;

inline constexpr Milliseconds kSessionDefault{10'000};
// Below, a heartbeat interval would be less than the pause of a busy machine.
inline constexpr Milliseconds kSessionMin{1'000};
inline constexpr Milliseconds kSessionMax{30 * 60'000};
// Not shorter than the member's session either.
inline constexpr Milliseconds kRevokeDefault{60'000};
inline constexpr Milliseconds kRevokeMin{1'000};
inline constexpr Milliseconds kRevokeMax{60 * 60'000};

// --- the lease (ADR 23)
// A member counts its lease from the moment at which it *sent* the last heartbeat that was acknowledged (a
// join counts as one), the coordinator its session from the moment at which that heartbeat *arrived*, which
// is later. So the member stops before the coordinator gives its partitions away as long as the two steady
// clocks run at rates that differ by less than the ratio of the two times: 3 : 2. Real clocks differ by less
// than 1 : 1000; the rest is for what the member needs to stop.
[[nodiscard]] constexpr Milliseconds lease_of(Milliseconds session) { return session * 2 / 3; }
// Four heartbeats fit into a lease: three in a row may be late or lost.
[[nodiscard]] constexpr Milliseconds heartbeat_interval_of(Milliseconds session) { return session / 6; }
// What is to be given up is treated alike. An assignment follows, in the stream, the acknowledgement of every
// heartbeat that came before it was made. So a member that is not done when this time is over, counted from
// the sending of the last heartbeat that was acknowledged before the assignment came, stops with all that it
// owns: the coordinator takes it for fenced soon. Done it is not by confirming, for the confirmation may be
// lost with its connection, but when a heartbeat that was sent after it is acknowledged, or when it has
// joined again without naming what it gave up (ADR 25). An assignment that has not come at all is older than
// the lease when its time is over, for no revoke timeout is shorter than the session.
[[nodiscard]] constexpr Milliseconds give_up_within(Milliseconds confirm_within) {
  return confirm_within * 9 / 10;
}

}  // namespace forebay::group
