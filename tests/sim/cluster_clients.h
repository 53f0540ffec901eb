// The clients of a simulated cluster, and what they saw. Producers send records with values of their own and
// wait for each answer; readers follow a partition from its beginning. Each goes to the node that it believes
// to lead, over a network that loses nothing: a node that is down refuses, one that dies or is paused does
// not answer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "partition/partition.h"
#include "sim/client_requests.h"
#include "sim/cluster_node.h"
#include "sim/history.h"
#include "sim/sim_executor.h"

namespace forebay::sim {

struct ClientOptions {
  std::uint32_t producers = 2;
  std::uint32_t readers = 1;
  Duration pause_max = std::chrono::milliseconds(5);  // between two requests of one client
  Duration patience_min = std::chrono::milliseconds(500);
  Duration patience_max = std::chrono::seconds(3);  // then the outcome counts as unknown
  std::uint32_t records_max = 4;                    // of one batch
  std::uint64_t filler_bytes_max = 300;
  std::uint64_t large_bytes = 0;       // one batch in sixteen has a record of up to so many bytes
  std::uint32_t trims_one_in = 0;      // requests of a producer; 0: never
  bool trims_past_the_absent = false;  // else no further than what every replica has
  std::uint32_t listings_one_in = 8;
  std::uint32_t keys = 0;               // records have one of so many keys; 0: none
  std::uint32_t tombstones_one_in = 0;  // of records with a key
  // The topic acknowledges early: what is acknowledged may be lost, so it counts as of unknown outcome. What
  // a reader has seen may not.
  bool early_acks = false;
  // Producers number their batches, and send each again until it is acknowledged.
  bool idempotent = false;
  // Those with a name, every second one, read a source and are started again while they still run: the new
  // life fences the old one, and goes on where that came to.
  bool named = false;
  std::uint32_t in_flight_max = 1;   // batches of a producer in a partition that wait for an answer
  bool late_sequences = false;       // sessions begin shortly before their numbers wrap
  std::uint32_t forgets_one_in = 0;  // requests of a producer: the log is to forget the silent ones; 0: never
  [[nodiscard]] static ClientOptions draw(SimRng& rng);
};

// The value of a record, as bytes that tell whether they are whole.
[[nodiscard]] std::string record_value(std::uint64_t value, std::uint32_t partition, std::size_t filler);
// A record with a key has its number as its timestamp too: a tombstone has nothing else to tell it by.
// What the frames of a read or of a replica's log hold, from `from` on.
[[nodiscard]] std::vector<SeenRecord> records_in(const std::vector<log::FramePtr>& frames,
                                                 std::uint32_t partition, model::Offset from);

struct ClientStats {
  std::uint64_t acked = 0, acked_early = 0, refused = 0, unknown = 0, polls = 0, records_read = 0, trims = 0,
                listings = 0, leader_changes_seen = 0, stale_answers = 0, tombstones_sent = 0, sent_again = 0,
                copies = 0, gaps_refused = 0, fenced = 0, lives = 0, resumed = 0, resumed_behind_unknown = 0,
                forgets = 0, sessions_forgotten = 0,
                sessions_lost = 0;  // refused, and the log was not made to forget them
};

// An acknowledgement in the moment in which the leader gives it.
struct AckSeen {
  std::uint32_t node = 0;
  std::uint32_t partition = 0;
  partition::ProduceAck ack;
  std::vector<std::uint64_t> values;
};

// Between a client and a node, one way.
inline constexpr Duration kClientHopMax = std::chrono::microseconds(100);
inline constexpr Duration kClientRetryMax = std::chrono::milliseconds(40);
// The node gives a request up itself after this time.
inline constexpr Duration kRequestTimeout = std::chrono::seconds(2);

class ClusterClients {
 public:
  using OnAck = std::function<void(const AckSeen&)>;
  using OnFenced = std::function<void(std::uint32_t partition, model::ProducerId, model::ProducerEpoch)>;
  // No trim asks for more.
  using TrimBound = std::function<std::int64_t(std::uint32_t partition)>;
  ClusterClients(SimScheduler& scheduler, std::vector<std::unique_ptr<ClusterNode>>& nodes,
                 std::uint32_t partitions, const ClientOptions& options, OnAck on_ack, TrimBound trim_bound);
  ~ClusterClients();
  ClusterClients(const ClusterClients&) = delete;
  ClusterClients& operator=(const ClusterClients&) = delete;

  void start();
  // Producers send nothing new; readers go on.
  void stop_producing() { producing_ = false; }
  void stop_reading() { reading_ = false; }
  // What was there from `from` on is given up: who has read it reads on there, as another session.
  void begin_again(std::uint32_t partition, std::int64_t from);
  // Requests of producers that wait for an answer.
  [[nodiscard]] std::size_t producers_waiting() const { return waiting_; }
  // Every reader has read up to here.
  [[nodiscard]] bool all_read(std::uint32_t partition, std::int64_t end) const;
  [[nodiscard]] History& history() { return history_; }
  [[nodiscard]] const ClientStats& stats() const { return stats_; }
  void on_fenced(OnFenced listener) { on_fenced_ = std::move(listener); }
  // What a client was told and cannot be; empty: nothing. Of the final logs too, when those are there.
  [[nodiscard]] std::string contradiction() const;
  // The highest offset that a trim asked for.
  [[nodiscard]] std::int64_t trim_asked(std::uint32_t partition) const { return trim_asked_[partition]; }
  void set_trace(std::function<void(const std::string&)> trace) { trace_ = std::move(trace); }

 private:
  // An answer, and the term of the partition on the node that gave it.
  template <typename T>
  using Answer = std::function<void(Result<T>, model::Term)>;
  struct Reader {
    std::uint32_t partition = 0;
    std::uint32_t session = 0;
    std::int64_t position = 0;
    model::Term term;  // the highest that answered
  };

  using Item = ClientItem;
  using Session = ProducerSession;
  using Life = ProducerLife;
  using Request = ProduceRequest;
  using RequestPtr = std::shared_ptr<const Request>;

  // Calls `work` on the node, which answers once at most, and `then` here, once: with that answer, with a
  // refusal when nobody listens there, or with kTimedOut.
  template <typename T>
  void call(std::uint32_t node, std::uint32_t partition,
            std::function<void(partition::Partition&, partition::Done<T>)> work, Answer<T> then);
  void after(Duration most, Task task);
  [[nodiscard]] HistoryTime now() const;
  [[nodiscard]] std::uint32_t leader_for(std::uint32_t partition);
  void learn(std::uint32_t partition, std::uint32_t asked, const Error& error);
  void produce_next(Life& life);
  void produce(Life& life, std::uint32_t partition);
  [[nodiscard]] Item new_item(const Life& life, std::uint32_t partition, bool may_be_large);
  void send(const RequestPtr& request);
  // `followed`: what it follows had no answer yet when it was sent.
  void on_produced(const RequestPtr& request, std::uint32_t node, bool followed,
                   const Result<partition::ProduceAck>& ack);
  [[nodiscard]] std::vector<std::uint64_t> values_of(const Request& request) const;
  void note_outcome(const Request& request, const Result<partition::ProduceAck>& ack);
  void trim(Life& life, std::uint32_t partition);
  void list(Life& life, std::uint32_t partition);
  // --- cluster_producers.cc
  Life& begin_life(std::uint32_t producer);
  [[nodiscard]] bool is_newest(const Life& life) const { return newest_.at(life.producer) == &life; }
  void number(Request& request, model::BatchOptions& options);
  [[nodiscard]] std::vector<Item> next_items(Life& life, std::uint32_t partition, std::int32_t count);
  static void begin_late(partition::Partition& there, const RequestPtr& request,
                         partition::Done<partition::ProduceAck> done);
  [[nodiscard]] bool settle(const Request& request, bool followed, const Result<partition::ProduceAck>& ack);
  void lose(const Request& request, ErrorCode why);
  void fence(Life& life, std::uint32_t partition);
  void ask_fence(Life& life, std::uint32_t partition);
  void resume(Life& life, std::uint32_t partition, const partition::ProducerFenced& fenced);
  void forget(Life& life, std::uint32_t partition);
  [[nodiscard]] std::string broken_source(const FinalLog& log) const;
  [[nodiscard]] log::ProducersForgotten forgettable(std::uint32_t partition, model::Timestamp newest);
  void read_next(std::size_t reader);
  void on_read(std::size_t reader, std::uint32_t session, std::uint32_t node, HistoryTime invoked,
               const Result<partition::FetchOutput>& output, model::Term term);
  void trace(const std::string& line) {
    if (trace_) trace_(line);
  }

  SimScheduler& scheduler_;
  std::vector<std::unique_ptr<ClusterNode>>& nodes_;
  const std::uint32_t partitions_;
  const ClientOptions options_;
  OnAck on_ack_;
  TrimBound trim_bound_;
  SimRng rng_;
  SimExecutor executor_;
  History history_;
  ClientStats stats_;
  std::vector<std::uint32_t> believed_leader_;  // by partition
  std::vector<std::int64_t> trim_asked_;
  std::vector<std::unique_ptr<Life>> lives_;
  std::map<std::uint32_t, Life*> newest_;  // by producer
  // What a named producer reads, by producer and partition.
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<Item>> sources_;
  std::vector<std::vector<std::weak_ptr<const Request>>> sent_;  // by partition: a try may be on its way
  OnFenced on_fenced_;
  std::string contradiction_;
  std::vector<Reader> readers_;
  std::uint64_t next_value_ = 1;
  std::uint32_t next_session_ = 1;
  std::size_t waiting_ = 0;
  bool producing_ = true;
  bool reading_ = true;
  std::function<void(const std::string&)> trace_;
};

template <typename T>
void ClusterClients::call(std::uint32_t node, std::uint32_t partition,
                          std::function<void(partition::Partition&, partition::Done<T>)> work,
                          Answer<T> then) {
  auto waits = std::make_shared<bool>(true);
  const auto answer = [this, waits, then](Result<T> result, model::Term term) {
    after(kClientHopMax, [waits, then, result = std::move(result), term]() mutable {
      if (std::exchange(*waits, false)) then(std::move(result), term);
    });
  };
  ClusterNode& there = *nodes_[node];
  if (!there.is_up()) return answer(Error{ErrorCode::kUnavailable, "the node is down"}, {});
  const auto patience = Duration(
      static_cast<std::int64_t>(rng_.between(static_cast<std::uint64_t>(options_.patience_min.count()),
                                             static_cast<std::uint64_t>(options_.patience_max.count()))));
  SimExecutor& executor = there.machine().executor();
  const auto hop =
      Duration(static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(kClientHopMax.count()) + 1)));
  // Dies with the process: then only patience ends the wait.
  scheduler_.add_event(hop, &executor, &executor, [&there, partition, work = std::move(work), answer] {
    partition::Partition* const found = there.find(partition);
    if (found == nullptr) return answer(Error{ErrorCode::kNotYet, "not open"}, {});
    work(*found, [answer, &there, partition](Result<T> result) {
      const partition::Partition* still = there.find(partition);
      answer(std::move(result), still == nullptr ? model::Term{} : still->term());
    });
  });
  scheduler_.add_event(patience, &executor_, &executor_, [waits, then] {
    if (std::exchange(*waits, false)) then(Error{ErrorCode::kTimedOut, "no answer"}, {});
  });
}

}  // namespace forebay::sim
