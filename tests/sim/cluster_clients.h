// The clients of a simulated cluster, and what they saw. Producers send records with values of their own and
// wait for each answer; readers follow a partition from its beginning. Each goes to the node that it believes
// to lead, over a network that loses nothing: a node that is down refuses, one that dies or is paused does
// not answer.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "partition/partition.h"
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
                copies = 0,
                sessions_lost =
                    0;  // refused as unknown, or as out of order: what was stored is not known any more
};

// An acknowledgement in the moment in which the leader gives it.
struct AckSeen {
  std::uint32_t node = 0;
  std::uint32_t partition = 0;
  partition::ProduceAck ack;
  std::vector<std::uint64_t> values;
};

class ClusterClients {
 public:
  using OnAck = std::function<void(const AckSeen&)>;
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

  // Of an idempotent producer in one partition.
  struct Session {
    std::int16_t epoch = 0;
    std::int32_t next_sequence = 0;
  };
  struct Request {
    std::uint32_t producer = 0;
    std::uint32_t partition = 0;
    std::string batch;
    std::int32_t count = 0;
    std::size_t first = 0;  // in history_.sent
    std::vector<std::uint64_t> values;
  };

  // Calls `work` on the node, which answers once at most, and `then` here, once: with that answer, with a
  // refusal when nobody listens there, or with kTimedOut.
  template <typename T>
  void call(std::uint32_t node, std::uint32_t partition,
            std::function<void(partition::Partition&, partition::Done<T>)> work, Answer<T> then);
  void after(Duration most, Task task);
  [[nodiscard]] HistoryTime now() const;
  [[nodiscard]] std::uint32_t leader_for(std::uint32_t partition);
  void learn(std::uint32_t partition, std::uint32_t asked, const Error& error);
  void produce_next(std::uint32_t producer);
  void produce(std::uint32_t producer, std::uint32_t partition);
  void send(const std::shared_ptr<const Request>& request);
  void on_produced(const std::shared_ptr<const Request>& request, std::uint32_t node,
                   const Result<partition::ProduceAck>& ack);
  [[nodiscard]] bool settle(const Request& request, const Result<partition::ProduceAck>& ack);
  void trim(std::uint32_t producer, std::uint32_t partition);
  void list(std::uint32_t producer, std::uint32_t partition);
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
  std::map<std::pair<std::uint32_t, std::uint32_t>, Session> sessions_;  // by producer and partition
  std::vector<Reader> readers_;
  std::uint64_t next_value_ = 1;
  std::uint32_t next_session_ = 1;
  std::size_t waiting_ = 0;
  bool producing_ = true;
  bool reading_ = true;
  std::function<void(const std::string&)> trace_;
};

}  // namespace forebay::sim
