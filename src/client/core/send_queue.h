// What a producer sends next: gathers records into one batch per partition, and decides which batch is
// closed, encoded, sent where, sent again, given up. Pure: no thread, no clock, no stream; time is an
// argument. The owner (producer.cc) guards it with its mutex, does the work that next_work() names, and
// reports back.
//
// Where: a lane begins at whichever node the client knows, goes to the leader when an answer names one, and
// to another node when one does not do. There is one stream to a node, for all lanes that are there.
//
// Idempotence (Limits::idempotent): a batch gets its producer identity and its sequence when it is encoded,
// and goes out again as it is until it is answered. Where a batch of a lane is given up without being
// acknowledged, the lane begins anew, under another epoch, with what is certainly not stored; what may be
// stored is never sent under another identity than its first. See send_queue_sequences.cc.
//
// Invariants: batches of a lane are sent in the order of their records, and again in that order after a
// failure; a lane changes the node only while none of its batches is unanswered; a batch is finished exactly
// once; at most one write is under way on a stream; buffered_bytes() is the sum over the batches that are not
// finished.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "base/unique_function.h"
#include "client/core/backoff.h"
#include "client/core/nodes.h"
#include "client/core/producer_session.h"
#include "client/core/stored_batch.h"
#include "forebay/producer.h"
#include "forebay/source_place.h"
#include "model/batch_builder.h"

namespace forebay::client {

using TimePoint = std::chrono::steady_clock::time_point;
using AckFunction = UniqueFunction<void(const Result<Ack>&)>;

// Who wants to know what became of a record: a token for the producer's sink, or a function.
using Answer = std::variant<std::uint64_t, AckFunction>;

// The answers of one batch, all of one kind; number i belongs to record i.
struct Answers {
  std::vector<std::uint64_t> tokens;
  std::vector<AckFunction> functions;
  [[nodiscard]] std::size_t size() const { return tokens.size() + functions.size(); }
};

class SendQueue {
 public:
  struct Limits {
    std::size_t batch_bytes_max;
    std::chrono::nanoseconds linger;
    std::uint32_t in_flight_per_lane_max;
    std::size_t in_flight_bytes_max;  // of one stream
    std::size_t buffer_bytes_max;
    std::chrono::nanoseconds delivery_timeout;
    std::chrono::nanoseconds answer_timeout;  // a stream that owes an answer for so long is given up
    BackoffRange retry;
    BackoffRange reconnect;
    model::Codec codec;
    bool retry_unknown = true;  // send again what may have been stored already; idempotent: always
    bool idempotent = false;
    bool stop_on_failure = false;  // named: nothing may be stored behind a record that is not; idempotent too
  };

  class Lane;
  struct Batch;

  // Work for the owner, to be done without the lock.
  struct Connect {  // open a stream; then stream_closed() when it ends
    Nodes::Id node;
    std::string address;
  };
  struct Encode {  // build `builder`; then encoded()
    Batch* batch;
    model::BatchBuilder* builder;  // stays untouched by others until encoded()
  };
  struct Send {  // write one request; then write_done()
    Nodes::Id node;
    const std::string* topic;  // lives as long as the queue
    std::int32_t partition;
    std::uint64_t correlation;
    std::uint32_t retry_round;
    SharedBytes batch;
    std::uint32_t destination_crc;
    std::optional<SourcePlace> position;  // of the last record, in its source
  };
  struct Cancel {  // end the stream: it owes an answer for too long
    Nodes::Id node;
  };
  struct BeginSession {};  // ask for a producer identity; then session_begun() or session_failed()
  using Work = std::variant<Connect, Encode, Send, Cancel, BeginSession>;

  // An answered batch, or records of one that goes on without them: deliver it, then call delivered(id).
  struct Finished {
    std::uint64_t id;
    Answers answers;
    Result<Ack> result;  // of the first record
  };

  // Records of a partition that were acknowledged and are lost: of a topic that acknowledges early.
  struct Loss {
    const std::string* topic;
    std::int32_t partition;
    std::uint64_t records;
  };

  SendQueue(const Limits& limits, std::vector<std::string> servers, std::uint64_t seed);
  ~SendQueue();

  // The lane of a partition, made when it is new. Lives as long as the queue.
  [[nodiscard]] Lane& lane(const std::string& topic, std::int32_t partition);

  // The topic takes no larger batches, as encoded, than that; 0: not known. Batches are kept below it from
  // now on.
  void set_topic_limit(Lane& lane, std::size_t batch_bytes_max);

  // --- records in ---
  // Whether a record of that size may be added now.
  [[nodiscard]] bool has_room(std::size_t bytes) const {
    return buffered_bytes_ == 0 || buffered_bytes_ + bytes <= limits_.buffer_bytes_max;
  }
  // Somebody waits for room: batches leave without lingering.
  void set_pressure(bool on, TimePoint now);
  // Adds a record. `position`: where it stands in its source, for named producers. Errors: kRecordTooLarge,
  // and what ended the queue (fenced, stopped); `answer` is untouched then.
  [[nodiscard]] Result<void> append(Lane& lane, const model::NewRecord& record, Answer& answer, TimePoint now,
                                    std::optional<SourcePlace> position = {});
  // Names the batch that the lane's next record would join; 0: a new one.
  [[nodiscard]] static std::uint64_t open_batch_of(const Lane& lane);
  // Whether that record still fits. Requires: open_batch_of(lane) != 0.
  [[nodiscard]] bool fits_open_batch(const Lane& lane, const model::NewRecord& record) const;

  // --- what to do ---
  [[nodiscard]] std::optional<Work> next_work(TimePoint now);
  // Quick: false means that next_work() has nothing.
  [[nodiscard]] bool may_have_work() const {
    return (!encodings_.empty() && may_encode()) || wants_session() ||
           std::any_of(links_.begin(), links_.end(),
                       [this](const Link& link) { return may_have_work(link); });
  }
  [[nodiscard]] std::vector<Finished> take_finished();
  [[nodiscard]] std::vector<Loss> take_losses() { return std::exchange(losses_, {}); }
  // When on_time() should be called at the latest, as far as is known now.
  [[nodiscard]] std::optional<TimePoint> next_deadline() const { return deadline_; }

  // --- what happened ---
  void encoded(Batch* batch, Result<SharedBytes> bytes, TimePoint now);
  void write_done(Nodes::Id node) { links_[node].writing = false; }
  // `leader`: who wrote it, when that was another node than the one it was sent to; else empty.
  void acked(std::uint64_t correlation, const StoredBatch& stored, std::string_view leader, TimePoint now);
  void refused(std::uint64_t correlation, const Error& error, TimePoint now);
  // The stream is gone, whatever was in flight on it is sent again. `error` is what is told of it when time
  // runs out. `connected`: it has had a connection, so that somebody may have got what was sent.
  void stream_closed(Nodes::Id node, bool connected, const Error& error, TimePoint now);
  void session_begun(const ProducerIdentity& identity, TimePoint now);
  // Asked again later, unless the error says that it will not do: then everything fails with it.
  void session_failed(const Error& error, TimePoint now);
  void on_time(TimePoint now);
  void delivered(std::uint64_t id) { live_.erase(id); }

  // --- flush and close ---
  // Every batch with records by now leaves without lingering. Returns: the mark for is_flushed().
  [[nodiscard]] std::uint64_t flush(TimePoint now);
  // Whether every record that was added before the mark is delivered.
  [[nodiscard]] bool is_flushed(std::uint64_t mark) const { return live_.empty() || *live_.begin() >= mark; }
  // Finishes everything. Nothing is sent afterwards.
  void fail_all(const Error& error);

  [[nodiscard]] Producer::Stats stats() const;

 private:
  // To one node: its stream, and the lanes that are there and have something to send.
  struct Link {
    bool up = false;
    bool writing = false;
    bool connect_wanted = false;
    bool cancel_wanted = false;
    std::size_t in_flight_bytes = 0;
    std::size_t in_flight = 0;
    std::deque<Lane*> full;     // may have a closed batch to send
    std::deque<Lane*> partial;  // may have an unfilled batch to send
    std::deque<Lane*> idle;     // those of them with nothing under way
    [[nodiscard]] bool has_lanes() const { return !full.empty() || !partial.empty() || !idle.empty(); }
  };

  [[nodiscard]] bool may_have_work(const Link& link) const {
    if (link.cancel_wanted) return true;
    if (!link.up) return link.connect_wanted;
    return !link.writing && (!link.full.empty() || (!link.partial.empty() && eager_room()) ||
                             (!link.idle.empty() && light_load()));
  }
  [[nodiscard]] bool eager_room() const {
    return requests_out_ < kEagerRequestsMax && in_flight_bytes_ < limits_.in_flight_bytes_max;
  }
  [[nodiscard]] bool light_load() const {
    return requests_out_ < kRequestsMax && in_flight_bytes_ < limits_.batch_bytes_max;
  }
  [[nodiscard]] bool may_leave_unfilled(const Lane& lane, TimePoint now) const;
  [[nodiscard]] bool may_encode() const { return !limits_.idempotent || session_.is_ready(); }
  [[nodiscard]] bool wants_session() const {
    return limits_.idempotent && session_.must_ask() && !live_.empty() && !failed_;
  }
  void open_batch(Lane& lane, TimePoint now);
  void close_batch(Lane& lane);
  void offer(Lane& lane, TimePoint now);
  [[nodiscard]] bool can_write(const Lane& lane, TimePoint now) const;
  [[nodiscard]] bool can_close(const Lane& lane, TimePoint now) const;
  template <typename Visit>
  void for_each_lane(Visit visit);
  [[nodiscard]] std::optional<Nodes::Id> node_named(std::string_view address);
  [[nodiscard]] std::optional<Work> work_of(Nodes::Id node, TimePoint now);
  [[nodiscard]] std::optional<Work> next_write(Link& link, TimePoint now);
  [[nodiscard]] Work start_write(Lane& lane, Batch& batch, TimePoint now);
  void close_partials(Link& link, TimePoint now);
  [[nodiscard]] bool may_retry(ErrorCode code) const;
  void redirect(Lane& lane, const Error& error, TimePoint now);
  void move_to(Lane& lane, Nodes::Id node);
  void finish(Batch& batch, Result<Ack> result);
  enum class Outcome : std::uint8_t { kStored, kGivenUp };
  void forget(Lane& lane, Batch& batch, Outcome outcome = Outcome::kGivenUp);
  void stamp(Lane& lane, Batch& batch);
  void restamp(Lane& lane, Batch& batch);
  void begin_sequences_anew(Lane& lane);
  [[nodiscard]] bool may_send_next(const Lane& lane) const;
  [[nodiscard]] bool refused_by_sequence(Lane& lane, Batch& batch, const Error& error, TimePoint now);
  void give_up_unknown(Lane& lane, const Error& error);
  [[nodiscard]] bool leaves_faults_out(Lane& lane, Batch& batch, const Error& error);
  [[nodiscard]] bool stops_at_faults(Lane& lane, Batch& batch, const Error& error);
  void answer_faults(Batch& batch, const Error& error);
  void answer_stored(Batch& batch, const StoredBatch& stored);
  void take_bytes(Lane& lane, Batch& batch, SharedBytes bytes);
  void note_loss(const Lane& lane, const Error& error);
  void leave_flight(Batch& batch);
  void settle(Lane& lane, TimePoint now);
  void expire(Lane& lane, TimePoint now);
  [[nodiscard]] Error timed_out() const;
  void wake_by(TimePoint at) {
    if (!deadline_ || at < *deadline_) deadline_ = at;
  }

  // An unfilled batch waits for more records while so many requests are unanswered: this is how a busy
  // producer batches. Two exceptions, within kRequestsMax: while few bytes are under way, a partition with
  // nothing under way does not wait, since what would fill its batch may be long in coming (many partitions,
  // each with little); and nobody waits for longer than kUnfilledWaitMax, however busy the others are.
  static constexpr std::uint32_t kEagerRequestsMax = 4;
  static constexpr std::uint32_t kRequestsMax = 512;  // half of what the broker reads ahead of its answers
  static constexpr std::chrono::milliseconds kUnfilledWaitMax{5};

  // Builders are used again: their buffers are what a batch costs most.
  static constexpr std::size_t kBuildersMax = 8;
  static constexpr std::uint64_t kNoBatch = 0;  // of Finished: others of the batch are still to be answered

  const Limits limits_;
  JitterRng rng_;
  std::unordered_map<std::string, std::unordered_map<std::int32_t, std::unique_ptr<Lane>>> lanes_;
  Nodes nodes_;
  std::deque<Link> links_;  // by node
  Nodes::Id turn_ = 0;      // whose link is looked at first
  std::deque<Batch*> encodings_;
  std::vector<model::BatchBuilder> builders_;
  const model::BatchBuilder empty_builder_;              // tells how large a record is alone
  std::unordered_map<std::uint64_t, Batch*> in_flight_;  // by correlation
  std::vector<Finished> finished_;
  std::set<std::uint64_t> live_;  // ids of batches that are not delivered

  ProducerSession session_;  // not used unless idempotent
  std::vector<Loss> losses_;

  bool pressure_ = false;
  bool failed_ = false;        // fail_all() was called
  std::optional<Error> stop_;  // everything fails with it, and what is appended is refused
  std::optional<Error> last_error_;
  std::optional<TimePoint> deadline_;
  std::size_t buffered_bytes_ = 0;
  std::size_t in_flight_bytes_ = 0;
  std::uint32_t requests_out_ = 0;  // in flight, or closed on the way there
  std::uint64_t flush_mark_ = 0;    // batches with a lower id do not linger
  std::uint64_t next_id_ = 1;
  std::uint64_t next_correlation_ = 1;
  Producer::Stats stats_;
};

}  // namespace forebay::client
