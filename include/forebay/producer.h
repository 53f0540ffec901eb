// Sends records. They are gathered into one batch per partition, sent over one stream, and acknowledged.
//
// Where: any node of the cluster takes records, and says which one leads a partition; from then on its
// batches go there directly, over one connection to each node. When a node fails, or does not lead any more,
// they go to another one that is known, within delivery_timeout.
//
// Order: records of one partition are stored in the order in which send() was called, through retries,
// reconnects and changes of the leader. No retry stores a record twice (ProducerOptions::idempotent).
//
// Every send is answered exactly once: by an Ack, or by an Error after which the record may be stored (once)
// only if the code is kTimedOut, kOutcomeUnknown, kProducerFenced or kCancelled.
//
// Of a batch in which some records break the schemas of their topic, each of those is answered with
// kInvalidRecord and what is wrong with it; the others are stored, in their order. A named producer stops.
//
// Threads: every method may be called from any thread. Callbacks and sinks are called on threads of the SDK,
// or inside send() when the record is refused there. They must not block. They may call send(), which does
// not wait for room there (kResourceExhausted), but not flush(), close() or the destructor.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "forebay/client_options.h"
#include "forebay/source_place.h"
#include "forebay/types.h"

namespace forebay {

// What was achieved for a record when the broker acknowledged it.
struct Ack {
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int64_t append_time_ms = 0;  // ms since 1970 UTC, by the broker's clock
  std::uint64_t term = 0;
  bool flushed = false;  // on stable storage of `replicas_flushed` replicas
  std::uint32_t replicas_flushed = 0;
  std::uint32_t replicas_total = 0;
  // An earlier try had stored it: places, times and replicas are those of that copy; `quarantined` is what
  // this try was judged by, which is another only if the schemas of the topic changed in between.
  bool duplicate = false;
  // The record breaks the schemas of its topic, and was stored as a dead letter (on.violation=quarantine): it
  // is not shown to readers of the topic, but to those of TOPIC.dlq. Why; may be empty, where a batch had
  // many.
  std::optional<std::string> quarantined = {};
  friend bool operator==(const Ack&, const Ack&) = default;
};

using AckCallback = std::function<void(const Result<Ack>&)>;

// Receives the answers of the sends that carry a token: one call for a run of records of one partition, so
// that nothing is allocated per record. Must outlive the Producer.
class AckSink {
 public:
  virtual ~AckSink() = default;
  // `tokens` are in the order of sending. On success the record of tokens[i] has the offset result->offset +
  // i, all else is the same for all. The arguments live during the call only.
  virtual void on_acks(std::span<const std::uint64_t> tokens, const Result<Ack>& result) = 0;
};

// Records that were acknowledged, and of which the partition has lost the last ones: only in a topic with
// durability=replicated, which acknowledges before it is durable, after several replicas failed at once.
struct EarlyAckLoss {
  std::string_view topic;
  std::int32_t partition = 0;
  std::uint64_t records = 0;
};

enum class WhenFull : std::uint8_t {
  kBlock,  // send() waits for room, up to block_timeout
  kFail,   // send() answers kResourceExhausted at once
};

struct ProducerOptions {
  Acks acks = Acks::kAll;
  Compression compression = Compression::kNone;
  // A batch is closed when its encoded records reach this, or the topic's max.message.bytes when that is
  // less; one larger record makes a batch of its own. 1 KiB..8 MiB.
  std::size_t batch_bytes_max = 256 * 1024;
  // How long an unfilled batch may wait for more records. 0: it leaves as soon as the window has room, and
  // what arrives while it has none is gathered: a busy producer batches by itself. At most 60 s.
  std::chrono::milliseconds linger{0};
  // No record is stored twice, however often it is sent: the cluster knows this producer by an id, which is
  // asked for with the first record, and the place of each record in what it sends to a partition. Not set:
  // as with true when acks is kAll, else without, because what may be lost by choice cannot be counted. True
  // needs acks = kAll. A broker that knows no ids answers kUnsupported: upgrade it, or set this to false.
  std::optional<bool> idempotent;
  // Batches of one partition that may be unanswered at a time. 1..5, and 1..64 when not idempotent
  std::uint32_t in_flight_per_partition_max = 5;
  // Bytes of batches on the connection to one node that may be unanswered at a time; one batch is always let
  // through.
  std::size_t in_flight_bytes_max = 8 * 1024 * 1024;
  // Bound of everything that was sent and not yet answered. At least batch_bytes_max.
  std::size_t buffer_bytes_max = 64 * 1024 * 1024;
  WhenFull when_full = WhenFull::kBlock;
  // The longest that send() waits, for room and for the first look at a topic's partitions: then it answers
  // kResourceExhausted or kTimedOut.
  std::chrono::milliseconds block_timeout{60'000};
  // From send() to its answer, retries included. After it: kTimedOut.
  std::chrono::milliseconds delivery_timeout{120'000};
  // Wait before a failed batch is sent again: doubled with each failure, with jitter, up to the maximum;
  // longer when the broker asks for it.
  std::chrono::milliseconds retry_delay{20};
  std::chrono::milliseconds retry_delay_max{1'000};
  // Only when not idempotent: whether a batch is sent again when nobody can say if it was stored: its node,
  // or the connection to it, has failed before the answer. True: it is stored for certain, and it, and what
  // was sent behind it, may be stored twice (1 2 3 becomes 1 2 1 2 3). False: it is stored once or not at
  // all, and its records are answered with kOutcomeUnknown or kTimedOut; what is behind it goes on.
  bool retry_unknown_outcome = true;
  // How often the number of partitions is looked up again. It is also done when the broker reports a change.
  std::chrono::milliseconds metadata_age_max{60'000};
  // Answers of sends with a token. Null: such sends are refused.
  AckSink* sink = nullptr;
  // Told when acknowledged records are found to be lost; Stats::records_lost counts them. The producer goes
  // on. The argument lives during the call only. Null: only counted.
  std::function<void(const EarlyAckLoss&)> on_early_ack_loss;
};

class Producer {
 public:
  // Connects to nobody yet. Errors: kInvalidArgument, naming the option.
  [[nodiscard]] static Result<std::unique_ptr<Producer>> create(ClientOptions client,
                                                                ProducerOptions options = {});
  // As close(0 ms): answers what is still waiting with kCancelled. Call flush() or close() first.
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // Sends to the partition that the key chooses (murmur2, as Kafka's clients); without key, to one partition
  // after another, a batch each. The bytes are copied during the call.
  // The call waits only while the buffer is full (see WhenFull), and on the first send to a topic for the
  // number of its partitions.
  // Errors (in the answer): kInvalidArgument, kUnknownTopic, kUnknownPartition, kRecordTooLarge,
  // kInvalidRecord, kResourceExhausted, kTimedOut, kOutcomeUnknown, kProducerFenced (for good), kUnsupported,
  // kCancelled (closed), and whatever else the broker says.
  [[nodiscard]] std::future<Result<Ack>> send(std::string_view topic, const Record& record);
  void send(std::string_view topic, const Record& record, AckCallback callback);

  // The same to a partition that the caller chose.
  [[nodiscard]] std::future<Result<Ack>> send(std::string_view topic, std::int32_t partition,
                                              const Record& record);
  void send(std::string_view topic, std::int32_t partition, const Record& record, AckCallback callback);

  // The cheap way: the answer goes to ProducerOptions::sink with `token`. When an error is returned the
  // record was refused, and the sink does not hear of it. `partition` < 0: as chosen by the key.
  [[nodiscard]] Result<void> send_token(std::string_view topic, std::int32_t partition,
                                        const RecordView& record, std::uint64_t token);

  // Sends what waits for linger, and returns when every send that was made before is answered, well or badly.
  // Errors: kTimedOut (they stay under way), kCancelled (closed meanwhile).
  [[nodiscard]] Result<void> flush(std::chrono::milliseconds timeout);

  // Refuses further sends, then as flush(); what is left at the timeout is answered with kCancelled. When it
  // returns every send is answered. Errors: kTimedOut when something was left. Calling it again does nothing.
  [[nodiscard]] Result<void> close(std::chrono::milliseconds timeout);

  struct Stats {
    std::uint64_t records_acked = 0;
    std::uint64_t records_quarantined = 0;  // of those: see Ack::quarantined
    std::uint64_t records_failed = 0;
    std::uint64_t batches_sent = 0;     // tries, retries included
    std::uint64_t batches_retried = 0;  // tries after the first
    std::uint64_t bytes_sent = 0;       // encoded batches
    std::uint64_t connects = 0;         // streams opened
    std::uint64_t duplicates = 0;       // batches of which an earlier try had been stored
    std::uint64_t records_lost = 0;     // acknowledged early, and lost: see EarlyAckLoss
    std::uint64_t buffered_bytes = 0;   // now: sent and not answered
  };
  [[nodiscard]] Stats stats() const;

 private:
  friend class NamedProducer;
  class Core;
  static constexpr std::int32_t kByKey = -1;
  explicit Producer(std::shared_ptr<Core> core);
  std::future<Result<Ack>> send_to(std::string_view topic, std::int32_t partition, const Record& record);
  void send_to(std::string_view topic, std::int32_t partition, const Record& record, AckCallback callback);
  // Of a named producer. Errors: it was refused, and nobody is called.
  using SendAnswer = std::variant<std::uint64_t, AckCallback>;
  [[nodiscard]] Result<void> send_at(const std::string& topic, std::int32_t partition,
                                     const RecordView& record, const SourcePlace& place, SendAnswer answer);
  std::shared_ptr<Core> core_;
};

}  // namespace forebay
