// Sends what is read from a source (a file, a table) into one topic, each record once, over crashes and
// restarts of the program. The topic keeps, beside the records, how far the source was read; whoever begins
// with the same name again is told, and stops whoever had it before.
//
//   auto producer = NamedProducer::resume(client, {.name = "import", .topic = "orders", .source =
//   "orders.csv"}); reader.seek_behind(producer->start_after()); while (reader.next(record))
//   producer->send(reader.position(), record, on_ack); producer->close(timeout);
//
// What must be the same in every run: the records and their order, their positions, the keys, the partitions
// of the topic. Records without key are placed by their position.
//
// Answers: as Producer's. The first record that fails, whatever the reason, stops the producer: what is under
// way is answered with kCancelled, and further sends are refused, because a later position must not be stored
// over a record that is missing. Resume with a new one: it knows what is stored.
//
// Threads: as Producer, but records are sent by one thread at a time, in the order of their positions.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forebay/producer.h"
#include "forebay/source_place.h"

namespace forebay {

struct NamedProducerOptions {
  std::string name;  // 1 to 249 of a-z A-Z 0-9 . _ - ; one at a time in the cluster
  std::string topic;
  // Bytes that tell the source from every other one that this name might be used for by mistake. At most 251.
  std::string source;
  // Whether what an earlier run gave as `source` is the same source (a file that has grown since). Null: when
  // the bytes are equal.
  std::function<bool(std::string_view stored)> is_same_source;
  ProducerOptions producer;  // acks must be kAll, and idempotent not false
};

class NamedProducer {
 public:
  // Stops earlier ones of that name, and asks every partition how far it is. Errors: kInvalidArgument, naming
  // the option; kUnknownTopic; kFailedPrecondition: the records that are there come from another source, or
  // the topic had another number of partitions; kProducerFenced: somebody resumed at the same time;
  // kUnsupported: the broker is too old; what else the broker says after ClientOptions::request_timeout.
  [[nodiscard]] static Result<std::unique_ptr<NamedProducer>> resume(ClientOptions client,
                                                                     NamedProducerOptions options);
  ~NamedProducer();  // as Producer's
  NamedProducer(const NamedProducer&) = delete;
  NamedProducer& operator=(const NamedProducer&) = delete;

  // Begin behind this position: every record up to it is stored. Absent: at the beginning of the source,
  // since a partition has nothing yet.
  [[nodiscard]] std::optional<std::uint64_t> start_after() const { return start_after_; }
  // The highest position that is stored in some partition. Absent: nothing is stored.
  [[nodiscard]] std::optional<std::uint64_t> furthest() const { return furthest_; }

  // By partition: the place of the last record that is stored there. Whoever gave checksums compares them
  // before the first send.
  [[nodiscard]] const std::vector<std::optional<SourcePlace>>& stored() const { return stored_; }

  // Sends a record unless it is stored already. `place`: the record's in its source, more than that of the
  // record before (a row number, a byte offset). `partition` < 0: by its key, or, without key, by its
  // position. Returns: false: it is stored already, and nobody is called. Errors: kInvalidArgument; otherwise
  // as Producer::send_token(); the record was not sent.
  [[nodiscard]] Result<bool> send_token(const SourcePlace& place, std::int32_t partition,
                                        const RecordView& record, std::uint64_t token);
  [[nodiscard]] Result<bool> send(const SourcePlace& place, const RecordView& record, AckCallback callback);

  [[nodiscard]] Result<void> flush(std::chrono::milliseconds timeout) { return producer_->flush(timeout); }
  [[nodiscard]] Result<void> close(std::chrono::milliseconds timeout) { return producer_->close(timeout); }
  [[nodiscard]] Producer::Stats stats() const { return producer_->stats(); }

 private:
  NamedProducer() = default;
  // Where the record goes; nothing: it is there.
  [[nodiscard]] Result<std::optional<std::int32_t>> place(std::uint64_t position, std::int32_t partition,
                                                          const RecordView& record) const;

  std::string topic_;
  std::vector<std::optional<SourcePlace>> stored_;  // by partition: everything up to it
  std::optional<std::uint64_t> start_after_;
  std::optional<std::uint64_t> furthest_;
  std::optional<std::uint64_t> last_;  // the last position that was sent, or was there
  std::unique_ptr<Producer> producer_;
};

}  // namespace forebay
