// The other nodes, as the groups of one shard see them: carries what groups say, finds out who can be
// reached, and knows who leads what. Failure detection is here and not in the groups: heartbeats go per link
// (a shard of this node and a shard of another), whatever the number of groups, and a group costs nothing
// while it is quiet.
//
//  - A link is alive while heartbeats come back as echoes: broken in one direction is broken. A link that is
//    not is ended, and begun anew by the transport.
//  - A node is unreachable for a group when its link is gone and not back within `session_grace`, at once
//  when
//    nobody answers at its address, or when it comes back with another incarnation. Then the groups that it
//    led lose their leader, and leaders without a majority step down.
//  - What each node leads is told at the beginning of a session and as it changes: what it left out is led no
//    more.
//
// Thread rules: everything on the shard.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/unique_function.h"
#include "io/peer_transport.h"
#include "raft/core/catch_up_pace.h"
#include "raft/core/messages.h"
#include "raft/fill_pace.h"
#include "raft/peer_codec.h"
#include "runtime/executor.h"

namespace forebay::raft {

class RaftGroup;

struct PeersConfig {
  model::NodeId self;
  std::uint32_t shard_count = 1;
  runtime::Duration heartbeat_interval = std::chrono::milliseconds(100);
  runtime::Duration failure_timeout = std::chrono::milliseconds(1'000);
  runtime::Duration session_grace = std::chrono::milliseconds(200);
  std::uint64_t fill_bytes_per_second = 0;      // of new replicas, by this shard; 0: as fast as it goes
  std::uint64_t catch_up_bytes_per_second = 0;  // of each member, by this shard; likewise
};

class Peers final : private io::PeerTransportListener {
 public:
  // References outlive it; it is the transport's listener from now on.
  Peers(io::PeerTransport& transport, runtime::Executor& executor, const PeersConfig& config);
  ~Peers() override;
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  // --- for the groups of this shard
  void add(RaftGroup& group);
  void remove(RaftGroup& group);
  [[nodiscard]] bool is_reachable(model::NodeId node, const model::TopicPartition& group) const;
  // Nothing speaks against it as a leader, as far as it has told.
  [[nodiscard]] bool is_fit(model::NodeId node, const model::TopicPartition& group) const;
  // Which disk answers there now; nothing without a link.
  [[nodiscard]] std::optional<model::Uuid> disk_of(model::NodeId node) const;
  [[nodiscard]] std::size_t room(model::NodeId node, const model::TopicPartition& group) const;
  // False: there is no link, or no room.
  bool send(model::NodeId node, const model::TopicPartition& group, const Message& message);
  [[nodiscard]] bool send(model::NodeId node, Append append);
  void send(model::NodeId node, const RepairRequest& request);
  [[nodiscard]] bool send(model::NodeId node, RepairFrames frames);
  void send(model::NodeId node, const LeaveRequest& request);
  void send(model::NodeId node, const LeaveResponse& response);
  void send(model::NodeId node, const Compacted& words);
  void send(model::NodeId node, const CompactedEverywhere& words);
  // Once this turn's work is done: what came in one burst leaves in one append.
  void pump_soon(RaftGroup& group);
  // It began or ceased to lead.
  void leadership_changed(RaftGroup& group);
  // Reads of frames from disk in flight are bounded: a node that comes back is behind in many groups. False:
  // pumped again when it is its turn. What is in memory needs no slot: the tail does not wait for those who
  // catch up.
  [[nodiscard]] bool take_read_slot(RaftGroup& group);
  void give_read_slot();
  // What new replicas are filled with from the disk is paced, of all groups of the shard together. False:
  // pumped again when it is time. `filled`: so much was read for one.
  [[nodiscard]] bool may_fill(RaftGroup& group);
  void filled(std::size_t bytes);
  // From now on, also for who waits by the rate before. 0: as fast as it goes.
  void set_fill_rate(std::uint64_t bytes_per_second);
  // Likewise of members that are far behind, of each by itself (raft/core/catch_up_pace.h).
  [[nodiscard]] bool may_catch_up(RaftGroup& group, model::NodeId member);
  void caught_up(model::NodeId member, std::size_t bytes);
  // Clients have written so much into a group that is led here.
  void written(std::size_t bytes) { catch_up_.written(bytes, executor_.now().time_since_epoch()); }
  // Points to nothing once this is gone: a log that ends later still answers what groups were reading.
  [[nodiscard]] std::shared_ptr<Peers*> handle() const { return alive_; }

  // What speaks against this node as a leader: told to the others, and to the groups of this shard.
  void set_hardship(const Hardship& hardship) { hardship_ = hardship; }
  [[nodiscard]] const Hardship& hardship() const { return hardship_; }

  // For the groups nodes with these disks are not there any more, in both directions: they were replaced, or
  // an operator has declared them lost, and what they hold may be another history. Their requests are
  // answered, so that they learn why. For ever: it only adds.
  void refuse_disks(const std::set<model::Uuid>& disks) { refused_disks_.insert(disks.begin(), disks.end()); }

  // --- for the layers above
  struct Listener {
    // A node leads a group in a term; also groups that are not on this shard or node.
    UniqueFunction<void(const model::TopicPartition&, model::Term, model::NodeId)> leads;
    UniqueFunction<void(model::NodeId, const io::PeerHello&)> appeared;
    UniqueFunction<void(model::NodeId, const Error&)> gone;
    // Something arrived for a group that is not here: a replica that should be made, or that was removed.
    UniqueFunction<void(model::NodeId, const model::TopicPartition&)> unknown_group;
    UniqueFunction<void(model::NodeId, std::string, UniqueFunction<void(Result<std::string>)>)> request;
  };
  void set_listener(Listener listener) { listener_ = std::move(listener); }
  using Answer = UniqueFunction<void(Result<std::string>)>;
  // To the shard of the other node that owns `group`. Errors: kUnavailable before it was sent;
  // kOutcomeUnknown when the link broke or the time was over first; and what the other one answers.
  void request(model::NodeId node, const model::TopicPartition& group, std::string body,
               runtime::Duration timeout, Answer answer);
  struct PeerStatus {
    io::PeerHello hello;
    std::uint32_t links = 0;
    runtime::TimePoint heard;
    bool gone = false;
    // When it went away the last time: then it was heard last. None: it never did.
    std::optional<runtime::TimePoint> away_since;
  };
  // Those that were ever there since this node has started.
  [[nodiscard]] std::map<model::NodeId, PeerStatus> nodes() const;
  [[nodiscard]] std::optional<runtime::TimePoint> last_away(model::NodeId node) const;

  // --- what happened since the start
  struct Counts {
    std::uint64_t elections = 0;    // a group of this shard stood
    std::uint64_t leaderships = 0;  // and one began to lead
    std::uint64_t installs = 0;     // a replica here began anew where its leader's log begins
    std::uint64_t installs_sent = 0;
    std::uint64_t states_taken = 0;  // of a state machine here, from the leader of its log
    std::uint64_t states_sent = 0;
  };
  void count_election() { ++counts_.elections; }
  void count_leadership() { ++counts_.leaderships; }
  void count_install() { ++counts_.installs; }
  void count_install_sent() { ++counts_.installs_sent; }
  void count_state_taken() { ++counts_.states_taken; }
  void count_state_sent() { ++counts_.states_sent; }
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Link {
    std::uint64_t sent = 0;       // heartbeats
    std::uint64_t heard = 0;      // the highest of the other
    std::uint64_t echoed = 0;     // of ours
    runtime::TimePoint alive_at;  // when the heartbeat that was echoed last had left
    std::deque<runtime::TimePoint> unechoed;
    Hardship hardship;  // as its last heartbeat said
  };
  struct Node {
    io::PeerHello hello;
    runtime::TimePoint heard;
    std::optional<runtime::TimerId> grace;
    bool gone = true;  // as the groups know it
    std::optional<runtime::TimePoint> away_since;
  };
  struct Waiting {
    io::PeerShard peer;
    runtime::TimerId timer;
    Answer answer;
  };

  void on_session(const io::PeerShard& peer, const io::PeerHello& hello) override;
  void on_session_end(const io::PeerShard& peer, const Error& why) override;
  void on_unreachable(model::NodeId node, const Error& why) override;
  void on_message(const io::PeerShard& peer, io::PeerMessage message) override;
  void on_room(const io::PeerShard& peer) override;

  void receive(const io::PeerShard& from, Heartbeat&& words);
  void receive(const io::PeerShard& from, Led&& words);
  void receive(const io::PeerShard& from, Resigned&& words);
  void receive(const io::PeerShard& from, Opened&& words);
  void receive(const io::PeerShard& from, GroupMessage&& words);
  void receive(const io::PeerShard& from, Append&& words);
  void receive(const io::PeerShard& from, RepairRequest&& words);
  void receive(const io::PeerShard& from, RepairFrames&& words);
  void receive(const io::PeerShard& from, LeaveRequest&& words);
  void receive(const io::PeerShard& from, LeaveResponse&& words);
  void receive(const io::PeerShard& from, Compacted&& words);
  void receive(const io::PeerShard& from, CompactedEverywhere&& words);
  void receive(const io::PeerShard& from, Request&& words);
  void receive(const io::PeerShard& from, Response&& words);
  [[nodiscard]] Result<std::string> answer_state_request(model::NodeId from, const std::string& body);

  [[nodiscard]] bool is_refused(model::NodeId node) const {
    const auto at = nodes_.find(node);
    return at != nodes_.end() && refused_disks_.contains(at->second.hello.disk);
  }
  [[nodiscard]] bool has_link(model::NodeId node) const;
  [[nodiscard]] std::optional<io::PeerShard> shard_for(model::NodeId node,
                                                       const model::TopicPartition& group) const;
  [[nodiscard]] RaftGroup* find(model::NodeId from, const model::TopicPartition& group);
  void beat();
  void node_gone(model::NodeId node, const Error& why);
  void links_changed(model::NodeId node);
  void tell_lost(model::NodeId node, const std::vector<model::TopicPartition>& groups);
  void tell_led(const io::PeerShard& peer, bool complete, const std::vector<model::TopicPartition>& groups);
  void tell_opened();
  void run_later();
  void end_turn();
  void pump_again(std::set<model::TopicPartition>& waiting);
  void finish(std::uint64_t id, Result<std::string> result);

  io::PeerTransport& transport_;
  runtime::Executor& executor_;
  const PeersConfig config_;
  Listener listener_;
  std::map<model::TopicPartition, RaftGroup*> groups_;
  std::map<io::PeerShard, Link> links_;
  std::map<model::NodeId, Node> nodes_;
  std::set<model::Uuid> refused_disks_;
  std::set<model::TopicPartition> to_pump_;
  std::set<model::TopicPartition> to_tell_;
  std::set<model::TopicPartition> opened_;           // and not yet told
  std::deque<model::TopicPartition> wanting_slots_;  // in turn, each once
  std::set<model::TopicPartition> wants_slot_;       // the same
  std::uint32_t read_slots_;
  FillPace fill_pace_;
  std::set<model::TopicPartition> wants_to_fill_;
  std::optional<runtime::TimerId> fill_timer_;
  CatchUpPace catch_up_;
  std::set<model::TopicPartition> wants_to_catch_up_;
  std::optional<runtime::TimerId> catch_up_timer_;
  Hardship hardship_;
  bool turn_scheduled_ = false;
  Counts counts_;
  std::map<std::uint64_t, Waiting> waiting_;
  std::uint64_t next_request_ = 1;
  runtime::TimerId beat_timer_{};
  std::shared_ptr<Peers*> alive_;
};

}  // namespace forebay::raft
