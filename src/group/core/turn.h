// Decides what happens to one group. Pure; owned by the coordinator, the leader of the group's partition of
// `__groups`.
//
// A *turn* takes inputs against the applied group and a working copy: each input sees what those before it in
// the same turn have done. finish() gives the records of all of them, which the coordinator logs as one
// batch; nothing is told, and no input answered, before they are applied. The next turn of the group begins
// then. A turn whose records may not have been logged is answered "outcome unknown", and changes nothing
// here.
//
// The protocol (the reference for clients and the simulator):
//  - Who is to own what is the *target*, counted by the group epoch. It is made anew when members come, go or
//    subscribe to something else, when a topic that they want is made, deleted, or gets partitions, and when
//    a member gives partitions back.
//  - Who does own it follows, partition by partition. What nobody owns is granted to its target at once. What
//    another one owns, that one is told to give up, by an *assignment* with a number: all that it may read,
//    and what it has to give up. It stops with those, commits what is done, and confirms the number. It owns
//    them, and may commit them, until then; then they are granted to their target. So a partition is never
//    owned by two, and one that does not move is not in any of this.
//  - Giving up is never taken back: a partition whose target changes back to its owner is granted again after
//    the confirmation.
//  - A member that has not confirmed when its revoke timeout is over is fenced: it is removed, and has to
//    join anew.
//  - A member attaches by a stream, and each stream is another *epoch* of it; whoever speaks with another one
//    is fenced. A stream that breaks, or says nothing for a session, is as good as gone when the session is
//    over: the member is removed then, and what it owned goes to others.
//  - Before that it may come back with its id and any epoch that it had, and finds what it had. What it was
//    to give up and does not have any more is given up.
//  - A member counts a *lease*, shorter than the session (limits.h), and stops by itself when that is over.
//    So it does when it has not given up in time.
//  - A static member has an instance name. Who joins with that name and without an id takes its place, its
//    partitions and its number, and the instance before is fenced; whoever starts it sees to it that the one
//    before has stopped. It does not leave: closing only starts its session.
//  - Commits are taken from the owner in its present epoch, up to the high watermark, never back. An equal
//    offset is a success that changes nothing but the metadata. A group without members takes them from
//    anybody.
//  - Resets are taken of partitions that nobody owns.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "group/core/assignment.h"
#include "group/core/group_image.h"
#include "group/core/limits.h"
#include "group/core/topics.h"
#include "group/core/views.h"
#include "group/core/working_group.h"

namespace forebay::group {

// A member, as it names itself.
struct MemberRef {
  std::string id;
  MemberEpoch epoch;
};

struct JoinInput {
  std::string member_id;     // empty: a new member, or another instance of a static one
  MemberEpoch epoch;         // coming back: one that it had
  std::string new_id;        // what it is called if it needs an id; the same again is the same member
  std::uint64_t number = 0;  // grows with each join of a member; 0: unknown
  std::string instance, client_id, host, rack;
  Subscription subscription;  // of names as they came: sorted here
  std::optional<StartRule> start;
  std::optional<Assignor> assignor;
  Milliseconds session{0};  // 0: the default
  Milliseconds revoke{0};   // 0: the default
  Partitions owned;         // coming back: what it has not given up
};
struct Joined {
  MemberNumber number;
  std::string id;
  MemberEpoch epoch;
  Milliseconds session{0}, heartbeat_interval{0};
  StartRule start;
  Assignor assignor = Assignor::kUniformSticky;
};
struct ReleaseOutcome {
  Partitions move;  // to others
  Partitions stay;  // nobody else is subscribed to them: they move when somebody is
};
enum class Leaving : std::uint8_t {
  kGone,            // for good: nothing of it is left
  kWaitsForSession  // a static member: its place is kept until its session is over
};

struct CommitEntry {
  std::string topic;
  model::TopicPartition partition;
  model::Offset offset;  // of the next record to process
  std::string metadata;
  // A value that the partition's has reached; nothing: there was no such partition when it was looked for.
  std::optional<model::Offset> high_watermark;
};
using EntryResults = std::vector<Result<void>>;  // one per entry
struct ResetResult {
  std::optional<model::Offset> before;
  Result<void> result;
};

// A member that is no more, or is another one now: its stream ends with this.
struct Ended {
  MemberNumber number;
  std::string id;
  MemberEpoch epoch;
  Error error;
};
struct Decision {
  std::vector<GroupRecord> records;    // empty: there is nothing to log
  std::vector<MemberNumber> assigned;  // are told their assignment (views.h), when the records are applied
  std::vector<Ended> ended;            // first of all
  std::vector<WantedStart> starts_wanted;  // of all that is owned, when the roster has changed
  bool roster_changed = false;             // the members' times have to follow (Liveness::follow)
  bool topics_left = false;  // to be learnt of by the next turn (Turn::follow_topics): these records are many
  std::size_t left_out =
      0;  // topics, or additions to them, that nobody gets: the group has too many partitions
};

struct TurnContext {
  const TopicsSnapshot& topics;
  std::size_t group_count = 0;  // that the coordinator has, and those that it is making
  std::size_t partitions_max = kPartitionsPerGroupMax;  // of one group
};

// One input that fails changes nothing; the others of the turn go on.
// Errors of all that name a member: kUnknownGroup, kUnknownMember (it has to join anew), kMemberFenced
// (another epoch, or another instance in its place).
class Turn {
 public:
  // `applied`: nothing if there is no such group. All arguments outlive the turn.
  Turn(std::string group, const Group* applied, const TurnContext& context);

  // A first member makes the group. Errors also: kInvalidArgument, kStartRuleConflict, kFailedPrecondition
  // (another assignor, and there are members), kResourceExhausted (groups, members, partitions).
  [[nodiscard]] Result<Joined> join(const JoinInput& input);
  // In the place of the subscription before. Errors also: kInvalidArgument, kResourceExhausted (partitions).
  [[nodiscard]] Result<void> subscribe(const MemberRef& member, Subscription subscription);
  // All assignments up to this one. Once more: nothing happens. Errors also: kInvalidArgument (there was none
  // with that number).
  [[nodiscard]] Result<void> confirm(const MemberRef& member, AssignmentNumber assignment);
  // Partitions that are too slow there. The member owns them still, and is told to give up those that move.
  // Errors also: kNotOwner, then of none.
  [[nodiscard]] Result<ReleaseOutcome> release(const MemberRef& member, const Partitions& partitions);
  [[nodiscard]] Result<Leaving> leave(const MemberRef& member);
  // By the clock (liveness.h). Nothing happens if it has come back, or confirmed, meanwhile.
  void end_session(MemberNumber member, MemberEpoch epoch);
  void end_revoke(MemberNumber member, MemberEpoch epoch, AssignmentNumber give_up);
  // The metadata has changed, or a coordinator has begun.
  void follow_topics();
  // By a member, or by nobody. Errors of an entry: kInvalidArgument, kUnknownTopic, kUnknownPartition,
  // kNotOwner, kOffsetOutOfRange (past the high watermark), kOffsetMovedBack. Errors also:
  // kFailedPrecondition (by nobody, and there are members).
  [[nodiscard]] Result<EntryResults> commit(const std::optional<MemberRef>& member, model::Timestamp now,
                                            const std::vector<CommitEntry>& entries);
  // All or none: one entry that fails keeps the others from being done. Errors of an entry: as of a commit,
  // and kFailedPrecondition (somebody owns it). Errors: kUnknownGroup, kInvalidArgument.
  enum class ResetMode : std::uint8_t { kDo, kTry };
  [[nodiscard]] Result<std::vector<ResetResult>> reset(model::Timestamp now,
                                                       const std::vector<CommitEntry>& entries,
                                                       ResetMode mode);
  // What the shell has found for Decision::starts_wanted. Ignored: late and double ones, and what was asked
  // for another group of that name, by another rule.
  void resolve_starts(const std::vector<std::pair<WantedStart, model::Offset>>& starts);
  // Returns: false if it was there, with the same rule. Errors: kInvalidArgument, kStartRuleConflict,
  // kFailedPrecondition, kResourceExhausted.
  [[nodiscard]] Result<bool> create(const std::optional<StartRule>& start,
                                    const std::optional<Assignor>& assignor);
  // Errors: kUnknownGroup, kFailedPrecondition (it has members).
  [[nodiscard]] Result<void> remove();

  // What is logged would get too large with many inputs more: finish, and take them in the next turn.
  [[nodiscard]] bool is_full() const { return group_.record_bytes() >= kTurnBytesMax; }
  // The last call.
  [[nodiscard]] Decision finish();

 private:
  // How much of the target has to be made anew.
  enum class Retarget : std::uint8_t { kNothing, kPlace, kBalance };

  [[nodiscard]] Result<MemberNumber> find(const MemberRef& member) const;
  [[nodiscard]] Result<void> check_exists() const;
  [[nodiscard]] Result<void> settle_group(const std::optional<StartRule>& start,
                                          const std::optional<Assignor>& assignor);
  [[nodiscard]] Result<Joined> join_as(MemberNumber number, MemberSettings settings, const JoinInput& input);
  [[nodiscard]] Joined joined(MemberNumber number) const;
  void set_member(MemberNumber number, MemberSettings settings);
  void remove_member(MemberNumber number, Removal why);
  void release_given_up(MemberNumber number, AssignmentNumber up_to, const Partitions& except);
  void want(Retarget how) { retarget_ = std::max(retarget_, how); }

  // turn_offsets.cc
  [[nodiscard]] Result<void> check_place(const CommitEntry& entry) const;
  [[nodiscard]] Result<void> check_commit(const CommitEntry& entry, MemberNumber by) const;
  [[nodiscard]] Result<void> check_reset(const CommitEntry& entry) const;
  void see(const CommitEntry& entry);

  // turn_target.cc
  bool refresh_topics();
  bool forget_deleted();
  bool see_topic(const std::string& name);
  void see_what_nobody_wants(const std::vector<std::string>& wanted);
  [[nodiscard]] std::vector<std::string> wanted_by_all(const Subscription* another) const;
  [[nodiscard]] std::size_t partitions_of(const std::string& topic) const;
  [[nodiscard]] Result<void> check_partitions(const Subscription& subscription) const;
  [[nodiscard]] bool wants(const Subscription& subscription, const std::string& topic) const;
  [[nodiscard]] bool was_wanted(const std::string& topic) const;
  [[nodiscard]] bool is_wanted_besides(MemberNumber member, const std::string& topic) const;
  [[nodiscard]] bool snapshot_is_old() const;
  [[nodiscard]] std::vector<std::string> wanted_by(const Subscription& subscription) const;
  [[nodiscard]] AssignProblem problem(const std::vector<MemberNumber>& members,
                                      std::vector<model::TopicId>& topics) const;
  void set_target();
  void change_ownership();
  [[nodiscard]] std::vector<WantedStart> wanted_starts() const;

  WorkingGroup group_;
  const Group* applied_;
  TurnContext context_;
  Retarget retarget_ = Retarget::kNothing;
  bool topics_left_ = false;
  std::size_t left_out_ = 0;
  std::set<MemberNumber> touched_;   // get another assignment whatever changes
  std::set<MemberNumber> attached_;  // are told their assignment whatever it is
  std::vector<Ended> ended_;
};

// Names that a group may have. Errors: kInvalidArgument, with the rule.
[[nodiscard]] Result<void> check_group_name(std::string_view name);

}  // namespace forebay::group
