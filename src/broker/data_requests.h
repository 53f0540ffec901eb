// What the broker is asked with records: produce, fetch, offsets. Thread rules: plain values, but for those
// that say otherwise.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "log/core/frame.h"
#include "model/ids.h"
#include "partition/core/producer_state.h"

namespace forebay::broker {

enum class Acks : std::uint8_t { kAll, kLeader, kNone };

// Keeps the order of one stream's requests to one partition (retry_round in log.proto). The stream makes one
// per partition. There are two fences because a request is judged in two places: what was handed to the shard
// before a later one was refused at the entry must not be refused for that.
struct ProduceOrder {
  class Fence {
   public:
    // From now on requests of this round, and of earlier ones, are refused with kNotYet.
    void raise(std::uint32_t round) {
      std::uint32_t below = below_.load(std::memory_order_acquire);
      while (below <= round && !below_.compare_exchange_weak(below, round + 1, std::memory_order_acq_rel)) {
      }
    }
    [[nodiscard]] bool refuses(std::uint32_t round) const {
      return round < below_.load(std::memory_order_acquire);
    }

   private:
    std::atomic<std::uint32_t> below_{0};
  };
  Fence entry;  // judged by the thread that hands over the stream's requests, one after the other
  Fence shard;  // judged on the partition's shard
};

struct ProduceRequest {
  std::string topic;
  model::PartitionIndex partition;
  Acks acks = Acks::kAll;
  std::chrono::milliseconds timeout{30'000};
  // One record batch v2 as the client sent it; the broker writes base offset and leader epoch into its head.
  std::string batch;
  std::optional<std::uint32_t> destination_crc;  // what the client made of topic, partition and batch
  std::shared_ptr<ProduceOrder> order;           // none: the request stands for itself
  std::uint32_t retry_round = 0;                 // with `order`
  // How far a named producer's source is read when the batch is stored.
  std::optional<partition::SourcePosition> position;
  std::string client_id;  // who sends, if he says so
};
struct ProduceAck {
  model::PartitionIndex partition;
  model::Offset base_offset;
  model::Offset last_offset;
  model::Timestamp append_time;
  model::Term term;
  model::Offset log_start;
  bool flushed = false;
  std::uint32_t replicas_flushed = 0;
  std::uint32_t replicas_total = 0;
  bool duplicate = false;  // it was there already: offsets and times are those of the first copy
  // Records that break the topic's schemas: stored as dead letters. Of the first ones with a text.
  std::vector<RecordFault> quarantined;
};

struct FenceProducerRequest {
  std::string topic;
  std::vector<model::PartitionIndex> partitions;  // empty = all
  model::ProducerId producer;
  model::ProducerEpoch epoch;
  std::chrono::milliseconds timeout{30'000};
};
struct PartitionFenced {
  model::PartitionIndex partition;
  std::optional<Error> error;
  std::optional<partition::SessionEnd> before;  // of the last session before this one that stored anything
};
struct FenceProducerResult {
  std::vector<PartitionFenced> partitions;  // in the order of the request
  std::uint32_t topic_partitions = 0;
};

struct FetchRequest {
  std::string topic;
  model::PartitionIndex partition;
  model::Offset offset;
  std::uint32_t bytes_max = 1U << 20;
  std::uint32_t bytes_min = 1;
  std::chrono::milliseconds wait_max{0};
};
struct FetchResult {
  model::Offset log_start;
  model::Offset high_watermark;
  model::Offset next_offset;
  std::vector<log::FramePtr> frames;  // kRecords; the payload is the batch
};
// A fetch that waits. cancel() makes it answer kCancelled soon; safe after completion. Any thread.
class FetchTicket {
 public:
  virtual ~FetchTicket() = default;
  virtual void cancel() = 0;
};

enum class OffsetPoint : std::uint8_t { kStart, kEnd, kEventTime, kAppendTime };
struct ListOffsetsRequest {
  std::string topic;
  std::vector<model::PartitionIndex> partitions;  // empty = all
  OffsetPoint point = OffsetPoint::kEnd;
  model::Timestamp time;
};
struct PartitionOffset {
  model::PartitionIndex partition;
  std::optional<model::Offset> offset;
  model::Offset log_start;
  model::Offset high_watermark;
  model::Term term;
  std::optional<Error> error;
  bool end_lost = false;              // more was acknowledged than the high watermark says, and is lost
  std::uint32_t batch_bytes_max = 0;  // of the topic; also with an error
};

// What producing to a topic needs to know beforehand, from the calling thread's snapshot; cheap.
struct TopicHead {
  model::TopicId id;
  std::uint32_t partitions = 0;
  std::uint32_t max_message_bytes = 0;
};

}  // namespace forebay::broker
