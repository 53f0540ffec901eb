// What a consumer reads ahead of its caller: which partition is subscribed where and from which offset, how
// much may come, what a broken or refused subscription means. Pure: no thread, no clock, no stream; time is
// an argument. The owner (consumer_core.cc) guards it with its mutex, does what next_work() names, and
// reports back.
//
// Where: a partition begins at whichever node the client knows, goes to the leader when an answer names one,
// and to another node when one does not do.
//
// Invariants: of one partition, deliveries follow one another without a gap and without an overlap, whatever
// streams they came by, and log start and high watermark never go back: a node that was the leader once may
// answer by what it knew then. What is queued plus what may come stays within prefetch_bytes_max, but for one
// response of each partition.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "client/core/backoff.h"
#include "client/core/fetched.h"
#include "client/core/nodes.h"
#include "forebay/consumer.h"

namespace forebay::client {

class ReadAhead {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  // Names one subscription; never used again.
  using StreamId = std::uint64_t;

  struct Limits {
    std::size_t prefetch_bytes_max;
    std::size_t response_bytes_max;
    AutoReset auto_reset;
    BackoffRange reconnect;
  };

  struct Subscribe {  // open a stream and fetch its first response
    StreamId stream;
    TopicPartition partition;
    std::int64_t offset;
    Nodes::Id node;
    std::string address;  // of the node
  };
  struct Fetch {  // fetch one more response
    StreamId stream;
  };
  struct Cancel {  // end it; nothing of it counts any more
    StreamId stream;
  };
  using Work = std::variant<Subscribe, Fetch, Cancel>;

  // A response to hand out: records from `begin` on; afterwards the partition stands at `end`.
  struct Delivery {
    TopicPartition partition;
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::vector<FetchedBatch> batches;
  };

  ReadAhead(const Limits& limits, std::vector<std::string> servers, std::uint64_t seed);

  // --- what the caller wants ---
  // Assigns, or moves.
  void assign(const TopicPartition& partition, std::int64_t offset);
  void unassign(const TopicPartition& partition);
  // Requires: assigned.
  void set_paused(const TopicPartition& partition, bool paused);
  // What was delivered from `offset` on cannot be used: the partition stands still there. Its position is
  // left to moved().
  void fail(const TopicPartition& partition, std::int64_t offset, const Error& error);
  // The records below `offset` were handed out.
  void moved(const TopicPartition& partition, std::int64_t offset);

  [[nodiscard]] bool is_assigned(const TopicPartition& partition) const {
    return readers_.contains(partition);
  }
  [[nodiscard]] bool is_paused(const TopicPartition& partition) const {
    return readers_.at(partition).paused;
  }
  [[nodiscard]] std::vector<TopicPartition> assignment() const;
  // Requires: assigned.
  [[nodiscard]] PartitionProgress progress(const TopicPartition& partition) const;
  [[nodiscard]] std::vector<PartitionFailure> failures() const;

  // --- what to do ---
  [[nodiscard]] std::optional<Work> next_work(TimePoint now);
  // When next_work() may have something although nothing happened.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const;
  // The next response to hand out, the partitions in turn; or the failure of a partition, once, after
  // everything that came before it.
  [[nodiscard]] std::optional<std::variant<Delivery, PartitionFailure>> take();
  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }

  // --- what happened ---
  void received(StreamId stream, FetchedResponse response, TimePoint now);
  // The stream is over. No error: the broker just ended it.
  void ended(StreamId stream, const std::optional<RpcError>& error, TimePoint now);

 private:
  struct Queued {
    std::int64_t begin;
    std::int64_t end;
    std::vector<FetchedBatch> batches;
    std::size_t bytes;
  };
  struct Reader {
    Nodes::Id node = 0;           // where it is subscribed next
    std::int64_t position = 0;    // handed out below
    std::int64_t fetch_from = 0;  // received below
    std::optional<StreamId> stream;
    bool fetching = false;       // a response was asked for
    bool fetching_more = false;  // while others were queued: counted in fetching_more_
    bool paused = false;
    bool failure_told = false;
    std::optional<RpcError> failure;  // stands still
    std::optional<Error> trouble;     // is being retried
    std::uint32_t failures = 0;       // in a row
    TimePoint not_before{};
    std::int64_t log_start = 0;
    std::int64_t high_watermark = 0;
    std::deque<Queued> queue;
  };
  using Readers = std::map<TopicPartition, Reader>;
  struct Stream {
    TopicPartition partition;
    Nodes::Id node = 0;
    std::uint64_t connection = 0;  // of the node
  };

  void drop_stream(Reader& reader);
  void fetch_over(Reader& reader);
  void drop_queue(Reader& reader);
  void stand_still(Reader& reader, RpcError failure);
  void retry_later(Reader& reader, const Error& error, TimePoint now);
  [[nodiscard]] bool may_fetch(const Reader& reader) const;
  [[nodiscard]] static bool wants_stream(const Reader& reader) { return !reader.stream && !reader.failure; }
  [[nodiscard]] std::optional<RpcError> accept(Reader& reader, FetchedResponse& response);
  void redirect(Reader& reader, const Stream& from, const RpcError& error, TimePoint now);
  // Returns: whether the reader goes on at the node of that address, which is another one.
  [[nodiscard]] bool follow(Reader& reader, std::string_view leader, TimePoint now);
  [[nodiscard]] PartitionFailure failure_of(const TopicPartition& partition, const Reader& reader) const;

  const Limits limits_;
  JitterRng rng_;
  Nodes nodes_;
  std::vector<std::uint64_t> connections_;  // by node: how many were lost
  Readers readers_;
  std::map<StreamId, Stream> streams_;
  std::deque<StreamId> cancels_;
  TopicPartition last_taken_;   // whose turn it was
  TopicPartition last_served_;  // who could fetch last
  std::size_t queued_bytes_ = 0;
  std::size_t fetching_more_ = 0;
  StreamId next_stream_ = 1;
};

}  // namespace forebay::client
