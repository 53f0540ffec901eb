// The network of a simulated world: the transports of all its processes, on one scheduler.
//
// The model is TCP's. A session is made by itself, after a drawn delay, between two shards whose processes
// live, run, know each other and reach each other both ways; the node with the higher id dials. Within it
// messages arrive in order, each after a drawn delay, some late by as much as a packet that is lost and sent
// again, so that what was sent later waits behind it. Sessions are independent: one overtakes another. What
// the network has taken may arrive after its sender has died.
//
// A cut holds up what goes one way, and the acknowledgements of what goes the other way, so that this comes
// to a halt too, a window later. When it heals soon enough what waited arrives; else each end gives up by
// itself, one earlier than the other. A process that dies ends its sessions; a machine without power says
// nothing, so the others learn of it when they give up, or when it is back and does not know them. Whose
// process is paused takes nothing in.
//
// A new session between two shards ends what one of them still holds for the old one, and drops the rest of
// it. Everything is drawn from one seed; faults that no options ask for do not happen.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "io/peer_transport.h"
#include "sim/sim_executor.h"
#include "sim/sim_session.h"

namespace forebay::sim {

class SimPeerTransport;

class SimNetwork {
 public:
  struct Options {
    Duration delay_min = std::chrono::microseconds(15);
    Duration delay_max = std::chrono::microseconds(80);
    double late_chance = 0;  // of each message: lost on the way and sent again
    Duration late_delay_max = std::chrono::milliseconds(130);
    double reset_chance = 0;              // of each message: its session ends for no reason
    std::uint64_t bytes_per_second = 0;   // one way within one session; 0: any number
    std::size_t window_bytes = 1U << 20;  // taken by the network and not yet acknowledged
    std::size_t queue_bytes = io::kPeerQueueBytes;
    std::size_t queue_slack_bytes = io::kPeerQueueSlackBytes;
    Duration connect_delay_max = std::chrono::milliseconds(1);
    // How long an end believes in a session of which it hears nothing.
    Duration give_up_min = std::chrono::seconds(1);
    Duration give_up_max = std::chrono::seconds(6);
  };
  // Another network for each seed: in many of them most faults do not happen at all.
  [[nodiscard]] static Options draw(SimRng& rng);

  SimNetwork(SimScheduler& scheduler, const Options& options);
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  // The transport of one shard of a process, which runs on `executor`. Its machine has power from now on.
  // Destroying it is what the death of its process does (see process_died); not inside one of its callbacks.
  // Requires: the shard has no other. The network and the executor outlive it.
  [[nodiscard]] std::unique_ptr<SimPeerTransport> attach(const io::PeerShard& self, SimExecutor& executor);

  enum class Death : std::uint8_t {
    kProcess,  // its machine ends the sessions: the others learn it as soon as they can hear it
    kPower,    // silence
  };
  // All transports of the node are dead: nothing is called any more, nothing leaves. Call it, or destroy
  // them, when the process is killed, before its executor is.
  void process_died(model::NodeId node, Death how);

  // --- faults. One way: what `from` sends to `to`.
  void cut(model::NodeId from, model::NodeId to);
  void heal(model::NodeId from, model::NodeId to);
  void heal_all();
  [[nodiscard]] bool is_cut(model::NodeId from, model::NodeId to) const { return cuts_.contains({from, to}); }
  // Ends all sessions between them, at each end by itself. Returns how many.
  std::size_t reset(model::NodeId a, model::NodeId b);
  // From now on; what is on its way keeps its delay.
  void set_options(const Options& options) { options_ = options; }
  [[nodiscard]] const Options& options() const { return options_; }

  struct Stats {
    std::uint64_t sessions = 0;  // begun
    std::uint64_t resets = 0;
    std::uint64_t gave_up = 0;           // ends that heard nothing for too long
    std::uint64_t replaced = 0;          // ends that learnt of a session's end by the next one
    std::uint64_t half_open = 0;         // ends that were told by a machine that did not know the session
    std::uint64_t overflows = 0;         // sessions ended because a queue was full
    std::uint64_t messages = 0;          // delivered
    std::uint64_t bytes = 0;             // delivered
    std::uint64_t late_messages = 0;     // that were lost once
    std::uint64_t held_messages = 0;     // that waited for a cut to heal
    std::uint64_t messages_of_dead = 0;  // delivered after their sender had died
    std::uint64_t refusals = 0;          // attempts that found nobody, or somebody else
  };
  [[nodiscard]] const Stats& stats() const { return stats_; }
  // Of all that was delivered so far; two runs of one seed have the same.
  [[nodiscard]] std::uint64_t trace_hash() const { return trace_.value(); }

 private:
  friend class SimPeerTransport;
  using SessionPtr = std::shared_ptr<SimSession>;
  // The lower node first: it accepts.
  using Pair = std::pair<io::PeerShard, io::PeerShard>;
  struct Link {
    SessionPtr session;
    std::uint64_t attempt = 0;  // the one that counts; an older event finds another number
    bool attempt_armed = false;
    Duration retry_delay{};
  };

  // Making sessions (sim_network.cc).
  void detach(SimPeerTransport& transport, Death how);
  void consider(const Pair& pair);
  void consider_all_of(const io::PeerShard& shard);
  [[nodiscard]] bool wants_to_dial(const Pair& pair, const Link& link) const;
  void arm_attempt(const Pair& pair, Link& link, Duration delay);
  void attempt(const Pair& pair, std::uint64_t number);
  [[nodiscard]] std::string obstacle(const Pair& pair) const;
  void begin(const Pair& pair, Link& link);
  [[nodiscard]] SimPeerTransport* find(const io::PeerShard& shard) const;

  // Within a session (sim_network_traffic.cc). `end` is 0 or 1: the one that is spoken of.
  // False: the session ended by it.
  [[nodiscard]] bool send(const SessionPtr& session, std::size_t from, io::PeerMessage message);
  void pump(const SessionPtr& session, std::size_t to);
  void put_on_the_way(const SessionPtr& session, std::size_t to, SimSessionItem item);
  void arm_delivery(const SessionPtr& session, std::size_t to);
  void arm_pump(const SessionPtr& session, std::size_t to);
  void deliver(const SessionPtr& session, std::size_t to, std::uint64_t number);
  void tell(const SessionPtr& session, std::size_t end, SimSessionItem item);
  void tell_room(const SessionPtr& session, std::size_t from);
  [[nodiscard]] bool cut_towards(const SimSession& session, std::size_t to) const;

  // How sessions end (sim_network_ends.cc).
  void finish(const SessionPtr& session, std::size_t end);
  void fail(const SessionPtr& session, std::size_t end, Error why);
  void fail_later(const SessionPtr& session, std::size_t end, Error why);
  void break_session(const SessionPtr& session, const std::string& why);
  void end_by(const SessionPtr& session, std::size_t end, Error why);
  void lose_some(SimDirection& direction);
  void drop_outgoing(SimSession& session, std::size_t end);
  void watch(const SessionPtr& session, std::size_t end);
  void look_after(const SessionPtr& session, std::size_t end);
  void watch_all_between(model::NodeId a, model::NodeId b);

  [[nodiscard]] Duration draw_duration(Duration low, Duration high);
  [[nodiscard]] Duration draw_delay();

  SimScheduler& scheduler_;
  Options options_;
  SimRng rng_;
  std::map<io::PeerShard, SimPeerTransport*> transports_;
  std::map<Pair, Link> links_;
  // Every session that one of its ends still believes in.
  std::map<std::uint64_t, SessionPtr> sessions_;
  std::set<std::pair<model::NodeId, model::NodeId>> cuts_;
  std::set<model::NodeId> dark_;  // without power
  std::uint64_t next_session_ = 1;
  Stats stats_;
  TraceHash trace_;
};

}  // namespace forebay::sim
