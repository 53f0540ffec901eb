// Runs the Raft core over the log of one replica: carries out its effects, makes the frames, sends them to
// the other members, and reports what is committed. Thread rules: everything on the shard that owns the log.
// The loop never waits for the disk or the network: durability and answers come back as events.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "base/unique_function.h"
#include "log/log.h"
#include "raft/core/compacted_replicas.h"
#include "raft/core/raft.h"
#include "raft/core/replica_watch.h"
#include "raft/core/tombstone_wait.h"
#include "raft/install_state.h"
#include "raft/peers.h"
#include "raft/range_repair.h"
#include "runtime/executor.h"

namespace forebay::raft {

// What happens to a group. All calls on the shard; but for those that say what the log holds, never from
// inside append_*.
class GroupListener {
 public:
  virtual ~GroupListener() = default;
  virtual void on_role() = 0;  // leads, is established, leads no more, follows somebody else
  virtual void on_commit(model::LogPosition commit) = 0;
  virtual void on_held(model::LogPosition held) = 0;        // of the leader: a majority has it in memory
  virtual void on_flushed(model::LogPosition flushed) = 0;  // of this replica
  // Appended but uncommitted frames have an unknown outcome.
  virtual void on_log_failed(const Error& error) = 0;
  // What ask_to_leave() asked for: the leader of `term` says so.
  virtual void on_excluded(model::Term term, model::LogPosition commit) = 0;
  // Asked of a leader: no node has data of this group but its members, nor is to become one with data that it
  // had before.
  [[nodiscard]] virtual bool all_copies_are_members() const { return true; }
  // What the log of this replica holds, exactly and in order; of what was there when the group was opened
  // nothing is said. Bookkeeping: called inside of whatever changes the log, right behind the change, so that
  // nothing of the group may be called from here. Once on_log_failed() was called the log stands still.
  virtual void on_frame(const log::Frame&) {}       // is at the end now; not durable yet
  virtual void on_truncated(model::LogPosition) {}  // ends here now
  // Begins and ends at the base now. The state that the leader had for it, if any, is kept by the log
  // (Log::read_states).
  virtual void on_installed(const log::LogBase&) {}
  // Asked of a leader: what is folded from its log, for a replica that is to begin where nothing below is
  // left. Of committed frames only, and all of them up to its position, as far as that is now. Nothing:
  // nobody folds anything. Errors: kNotYet (it is being loaded; asked again soon).
  [[nodiscard]] virtual Result<std::optional<log::StateSnapshot>> state_for_install() {
    return std::optional<log::StateSnapshot>();
  }
  // Whether what lies below may go from this replica: nothing else needs it. If not, give_up_allowed() says
  // when that has changed.
  virtual bool may_give_up(model::LogPosition) { return true; }
};

// Of the shard; all outlive its groups.
struct GroupSurroundings {
  runtime::Executor* executor = nullptr;
  runtime::WallClock* clock = nullptr;
  runtime::Rng* rng = nullptr;  // with peers
  Peers* peers = nullptr;       // none: a node alone
  log::Voter self;
};

// Of a new group; the same for each of its replicas.
struct Founding {
  log::Membership members;
  std::uint32_t rank = 0;  // of this replica: in which order they stand, so that the first one leads
};

class RaftGroup final : private RepairOwner {
 public:
  // `founding`: none for a group of this node alone. The log and the listener outlive the group.
  [[nodiscard]] static Result<std::unique_ptr<RaftGroup>> open(log::Log& log,
                                                               const std::optional<Founding>& founding,
                                                               const GroupSurroundings& surroundings,
                                                               GroupListener& listener);
  ~RaftGroup() override;
  RaftGroup(const RaftGroup&) = delete;
  RaftGroup& operator=(const RaftGroup&) = delete;

  // A sole voter stands at once; others when nobody leads.
  void start();

  [[nodiscard]] const model::TopicPartition& id() const { return log_.id(); }
  [[nodiscard]] bool is_leader() const { return core_.role() == Role::kLeader && !failed_; }
  // May append: leads, and is not handing leadership over.
  [[nodiscard]] bool takes_appends() const { return core_.takes_appends() && !failed_; }
  // Leader, and its own term-start frame is committed: reads of the end are fresh.
  [[nodiscard]] bool is_established() const { return !failed_ && core_.has_committed_in_term(); }
  // As a leader it has committed its own term-start frame, also when the log has failed since: what is below
  // commit() may be read.
  [[nodiscard]] bool was_established() const { return was_established_; }
  // Whom it follows, or itself. Nothing: nobody that can be reached.
  [[nodiscard]] std::optional<model::NodeId> leader() const;
  [[nodiscard]] model::Term term() const { return core_.term(); }
  [[nodiscard]] model::LogPosition commit() const { return core_.commit(); }
  [[nodiscard]] const log::Membership& membership() const { return core_.membership(); }
  [[nodiscard]] bool membership_settled() const { return core_.membership_settled(); }
  [[nodiscard]] const log::Membership& committed_membership() const { return core_.committed_membership(); }
  [[nodiscard]] const std::optional<Error>& failure() const { return failed_; }
  [[nodiscard]] std::optional<Raft::PeerProgress> progress(model::NodeId peer) const {
    return core_.progress(peer);
  }
  // Leader: since when that member lacks something; nothing when it has all there is.
  [[nodiscard]] std::optional<runtime::TimePoint> behind_since(model::NodeId peer) const;
  // Since when this replica knows no leader; nothing when it does.
  [[nodiscard]] std::optional<runtime::TimePoint> leaderless_since() const { return leaderless_since_; }
  [[nodiscard]] std::optional<runtime::TimePoint> failed_since() const { return failed_since_; }
  // When the damage that is here was met; nothing when there is none, or it was there at the start.
  [[nodiscard]] std::optional<runtime::TimePoint> damaged_since() const { return damaged_since_; }
  [[nodiscard]] model::LogPosition held_by_majority() const { return core_.held_by_majority(); }
  // Whether held_by_majority() is to be known as soon as possible.
  void want_receipts(bool wanted) { core_.want_receipts(wanted); }
  // What is damaged here may be whole again soon, from another member.
  [[nodiscard]] bool repair_is_hopeful() const { return repair_.is_hopeful(); }
  // How many voters have `position` on their disks.
  [[nodiscard]] std::uint32_t flushed_voters(model::LogPosition position) const;

  struct Appended {
    model::Offset base_offset;
    model::LogPosition end;
    model::Term term;
    model::Timestamp append_time;
  };
  // Requires: takes_appends(); `batch` is a checked record batch of `record_count` records. Writes base
  // offset and leader epoch into it and, for `log_append_time`, the append time (the batch's CRC is then made
  // anew).
  Appended append_records(std::string batch, std::int32_t record_count, bool log_append_time);
  // Requires: takes_appends().
  Appended append_control(const log::Control& control);

  // Answers with commit() once this node has proved that it led at the time of the call. Errors: kNotLeader,
  // kNotYet.
  void read_barrier(UniqueFunction<void(Result<model::LogPosition>)> done);
  // Hands leadership over; given up after an election timeout. Errors: as Raft::transfer_to.
  [[nodiscard]] Result<void> transfer_to(model::NodeId target);
  // Leads no more, whoever comes next: nobody could be handed leadership in time.
  void resign();
  [[nodiscard]] Result<void> change_membership(const log::Membership& next);

  // Voters that cannot be reached with the disk that they vote with, as this node sees it now.
  [[nodiscard]] std::vector<log::Voter> voters_out_of_reach() const;
  // Raft::stand_without; whether it succeeds is seen by is_established(). Errors: those, and when one of the
  // lost can be reached.
  [[nodiscard]] Result<void> stand_without(const std::vector<log::Voter>& lost);
  // The listener said no, and would not now.
  void give_up_allowed();
  // What lies below `upto` is known to be committed and not all here (Raft::tail_lost): counts at once, and
  // is durable when it calls back.
  void lose_tail(model::Offset upto, UniqueFunction<void(Result<void>)> durable);
  // Asks these nodes whether a committed membership excludes this replica; whoever leads answers. An answer
  // counts only while nothing has happened here since the question: then this replica has promised nothing
  // that the leader did not know of, and from then on it takes no part in anything. Replaces the question
  // before.
  void ask_to_leave(const std::vector<model::NodeId>& whom);
  // It is to stay after all: an answer that is on its way means nothing.
  void ask_no_more() { leave_question_.reset(); }

  // To be called from time to time where the log is compacted: tells the leader how far it is here.
  void exchange_compacted();
  // Up to here all replicas are compacted, as far as this one has heard since it was opened.
  [[nodiscard]] model::LogPosition compacted_everywhere() const { return compacted_everywhere_; }
  // Tombstones of this log that wait for other copies, while this replica leads.
  struct TombstonesWait {
    TombstoneWait::Steady since{};
    // Empty: all members are compacted, and who they are is not settled, or somebody else has a copy.
    std::vector<model::NodeId> nodes;
  };
  [[nodiscard]] std::optional<TombstonesWait> tombstones_wait() const;

  // --- for Peers
  void receive(model::NodeId from, const Message& message);
  void receive(model::NodeId from, Append append);
  void receive(model::NodeId from, const RepairRequest& request);
  void receive(model::NodeId from, RepairFrames frames);
  void receive(model::NodeId from, const LeaveRequest& request);
  void receive(const LeaveResponse& response);
  void receive(model::NodeId from, const Compacted& words);
  void receive(model::NodeId from, const CompactedEverywhere& words);
  [[nodiscard]] Result<std::string> answer(const InstallStateRequest& request);
  void peer_connected(model::NodeId peer);
  void peer_lost(model::NodeId peer);
  void pump();

 private:
  struct Sending {
    bool reading = false;
    std::deque<std::pair<model::LogPosition, std::size_t>> in_flight;
    std::size_t in_flight_bytes = 0;
    void forget(model::LogPosition stored, model::LogPosition next);
  };
  struct Barrier {
    std::uint64_t id = 0;
    UniqueFunction<void(Result<model::LogPosition>)> done;
  };
  // What this replica was like when it asked.
  struct LeaveQuestion {
    std::uint64_t number = 0;
    model::Term term;
    model::LogPosition end, commit;
  };
  // What the leader that sent an install had: a state, which is on the disk here, or none.
  struct CarriedState {
    model::NodeId from;
    model::Term term;
    std::optional<model::LogPosition> position;
  };
  struct Known {
    Role role = Role::kFollower;
    model::Term term;
    std::optional<model::NodeId> leader;
    bool established = false;
    friend bool operator==(const Known&, const Known&) = default;
  };

  RaftGroup(log::Log& log, Raft core, const std::optional<Founding>& founding,
            const GroupSurroundings& surroundings, GroupListener& listener);
  // --- RepairOwner
  [[nodiscard]] RepairView repair_view() const override;
  [[nodiscard]] bool may_give_up(model::LogPosition begin) override { return listener_.may_give_up(begin); }
  [[nodiscard]] model::Term repair_term() const override { return core_.term(); }
  [[nodiscard]] bool leads_in(model::Term term) const override { return is_leader() && core_.term() == term; }
  void on_damage_changed() override;

  void receive(model::NodeId from, const Install& install);
  [[nodiscard]] bool has_state_for(model::NodeId from, const Install& install);
  void state_fetched(model::NodeId from, model::Term term, Result<std::optional<log::StateSnapshot>> state);
  void look_at_install_again();
  void after_input();
  void carry_out();
  void tell_changes();
  void settle_barriers();
  [[nodiscard]] bool has_quorum_in_reach() const;
  [[nodiscard]] bool speaks_for_a_member(model::NodeId node) const;
  [[nodiscard]] ReplicaWatch::Steady steady_now() const {
    return surroundings_.executor->now().time_since_epoch();
  }
  void arm_election(runtime::Duration delay);
  void stand_if_leaderless();
  [[nodiscard]] bool leaves_standing_to_others() const;
  void said_compacted(const log::Voter& replica, model::LogPosition compacted_to);
  void send_to(model::NodeId peer);
  void tell_commit_later();
  void send_install(model::NodeId peer, const AppendHead& head, model::LogPosition begin);
  void on_frames(model::NodeId peer, model::LogPosition prev, model::Term term,
                 Result<std::vector<log::FramePtr>> frames);
  [[nodiscard]] runtime::Duration draw(runtime::Duration most);
  [[nodiscard]] model::Timestamp next_append_time();
  void append_frame(log::FramePtr frame, const std::optional<log::Membership>& membership);

  log::Log& log_;
  Raft core_;
  GroupSurroundings surroundings_;
  GroupListener& listener_;
  std::uint32_t rank_ = 0;
  std::optional<Error> failed_;
  std::optional<runtime::TimePoint> failed_since_;
  bool damaged_ = false;
  std::optional<runtime::TimePoint> damaged_since_;
  std::optional<runtime::TimePoint> leaderless_since_;
  ReplicaWatch watch_;           // while this replica leads
  CompactedReplicas compacted_;  // likewise
  TombstoneWait tombstone_wait_;
  model::LogPosition compacted_everywhere_;
  bool was_established_ = false;
  bool leader_lost_ = false;  // the one that the core knows cannot be reached
  bool stalled_told_ = false;
  Known known_;
  model::LogPosition told_commit_;
  model::LogPosition told_held_;
  std::map<model::NodeId, Sending> sending_;
  std::deque<Barrier> barriers_;
  std::optional<LeaveQuestion> leave_question_;
  // To begin anew, as soon as the listener lets what is here go and the leader's state is here.
  std::optional<std::pair<model::NodeId, Install>> held_install_;
  std::unique_ptr<InstallStateFetch> state_fetch_;
  bool keeping_state_ = false;
  std::optional<CarriedState> carried_;
  std::unique_ptr<InstallStateSource> state_source_;
  std::optional<runtime::TimerId> install_timer_;
  bool left_ = false;
  std::optional<runtime::TimerId> election_timer_;
  std::optional<runtime::TimerId> transfer_timer_;
  std::optional<runtime::TimerId> news_timer_;
  bool news_are_due_ = false;
  RangeRepair repair_;
  std::shared_ptr<RaftGroup*> alive_;  // emptied by the destructor: completions that come later find nothing
};

}  // namespace forebay::raft
