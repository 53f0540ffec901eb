// Reads records of partitions that the caller assigns, in the order of their offsets.
//
// The consumer keeps a position per partition: the offset of the next record that poll() hands out. Broken
// connections are restored behind the scenes and reading goes on exactly there: nothing is skipped, nothing
// comes twice. Any node of the cluster is asked first, and the leader of a partition from the answer on that
// names it; when a node fails, another one that is known. Every batch is checked (CRC-32C, lengths, counts)
// before a record of it is handed out.
//
// Threads: one thread at a time, but for wake(), which any thread may call.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forebay/client_options.h"
#include "forebay/types.h"

namespace forebay {

// What to do when the position is not (or no longer) in the log.
enum class AutoReset : std::uint8_t {
  kNone,      // poll() reports kOffsetOutOfRange: the caller decides
  kEarliest,  // go on at the log start
  kLatest,    // go on at the end
};

struct ConsumerOptions {
  AutoReset auto_reset = AutoReset::kNone;
  // Bound of what is read ahead of poll(), all partitions together; a partition may always hold one response.
  std::size_t prefetch_bytes_max = 32 * 1024 * 1024;
  // Bound of one response of the broker; a larger batch comes alone. 1 KiB..8 MiB
  std::size_t response_bytes_max = 1024 * 1024;
  // poll() hands out at most so many records at once. At least 1.
  std::size_t poll_records_max = 10'000;
  // A batch that claims to be larger than this when decompressed is reported as kCorruptBatch.
  std::size_t decompressed_bytes_max = 64 * 1024 * 1024;
};

// A run of records of one partition as the broker stores them, decompressed. Keeps the bytes alive that its
// cursors point into. Copies are cheap and share them; immutable, any thread.
class ConsumedBatch {
 public:
  [[nodiscard]] const std::string& topic() const;
  [[nodiscard]] std::int32_t partition() const;
  // The part of the log that it stands for, half open, from the consumer's position on. After compaction
  // there are fewer records than offsets.
  [[nodiscard]] std::int64_t begin_offset() const;
  [[nodiscard]] std::int64_t end_offset() const;
  [[nodiscard]] std::int64_t append_time_ms() const;
  [[nodiscard]] std::uint64_t term() const;
  [[nodiscard]] std::size_t record_count() const;  // that a cursor will hand out
  // Sum over the records of the bytes of key and value.
  [[nodiscard]] std::uint64_t payload_bytes() const;
  [[nodiscard]] Compression compression() const;
  [[nodiscard]] std::size_t stored_bytes() const;  // as stored, head included

  // Walks over the records in the order of their offsets. Must not outlive the batch. One thread.
  class Cursor {
   public:
    ~Cursor();
    Cursor(Cursor&&) noexcept;
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;
    Cursor& operator=(Cursor&&) = delete;
    // Returns: false after the last record. The bytes of `record` live as long as the batch, its list of
    // headers until the next call.
    [[nodiscard]] bool next(RecordView& record);

   private:
    friend class ConsumedBatch;
    class State;
    explicit Cursor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  [[nodiscard]] Cursor records() const;
  // Copies of all records.
  [[nodiscard]] std::vector<Record> to_records() const;

 private:
  friend class ConsumedBatchAccess;
  struct Content;
  explicit ConsumedBatch(std::shared_ptr<const Content> content);
  std::shared_ptr<const Content> content_;
};

// Why a partition stands still.
struct PartitionFailure {
  TopicPartition partition;
  std::int64_t position = 0;
  Error error;
  std::optional<std::int64_t> log_start;  // as far as the broker said
  std::optional<std::int64_t> log_end;
};

// Where a partition's reading stands.
struct PartitionProgress {
  std::int64_t position = 0;   // next offset to hand out
  std::int64_t log_start = 0;  // as of the last response; never goes back, whoever answers
  std::int64_t high_watermark =
      0;  // first offset that is not readable yet, as of the last response; 0 before
  [[nodiscard]] std::int64_t lag() const { return high_watermark > position ? high_watermark - position : 0; }
};

class Consumer {
 public:
  // Connects to nobody yet. Errors: kInvalidArgument, naming the option.
  [[nodiscard]] static Result<std::unique_ptr<Consumer>> create(ClientOptions client,
                                                                ConsumerOptions options = {});
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Adds partitions of a topic (none named: all that it has now), each to be read from `from`; one that is
  // assigned already is moved there. Waits for the broker where `from` or the list must be looked up.
  // A damaged partition, where the broker cannot find `from`, does not keep the others: it stands still at
  // offset 0, and poll() reports it once.
  // Errors: kUnknownTopic, kUnknownPartition, kUnavailable, kTimedOut, and kDataLoss or kStorageFailed when
  // every partition is damaged; nothing is changed then.
  [[nodiscard]] Result<void> assign(std::string_view topic, std::vector<std::int32_t> partitions,
                                    OffsetSpec from);
  // Drops a topic's partitions (none named: all); what was read ahead is thrown away.
  void unassign(std::string_view topic, const std::vector<std::int32_t>& partitions = {});
  [[nodiscard]] std::vector<TopicPartition> assignment() const;  // in order

  // Moves the position; also the way to go on after a failure of the partition.
  // Errors: kInvalidArgument when it is not assigned; those of assign().
  [[nodiscard]] Result<void> seek(const TopicPartition& partition, OffsetSpec to);

  // A paused partition hands out nothing and is not read ahead beyond its bound.
  // Errors: kInvalidArgument when it is not assigned.
  [[nodiscard]] Result<void> pause(const TopicPartition& partition);
  [[nodiscard]] Result<void> resume(const TopicPartition& partition);

  // Records of one or more partitions, each in order; empty when none came in time. The position moves past
  // them, and past offsets without records.
  // Errors: of one partition, which the context names; it stands still, at its position, until seek(). The
  // others go on with the next call. kOffsetOutOfRange (with AutoReset::kNone), kCorruptBatch, kDataLoss,
  // kUnknownTopic, kUnknownPartition and what else cannot be mended by waiting; an unreachable broker is not
  // an error but a poll without records: see failures().
  [[nodiscard]] Result<std::vector<Record>> poll(std::chrono::milliseconds timeout);
  // The same without copying records. At least one batch, if any came; poll_records_max does not apply.
  [[nodiscard]] Result<std::vector<ConsumedBatch>> poll_batches(std::chrono::milliseconds timeout);

  // Partitions that stand still until seek(), and those that are being retried at this moment.
  [[nodiscard]] std::vector<PartitionFailure> failures() const;

  // Errors: kInvalidArgument when it is not assigned.
  [[nodiscard]] Result<PartitionProgress> progress(const TopicPartition& partition) const;
  [[nodiscard]] Result<std::int64_t> position(const TopicPartition& partition) const;
  // Asks the broker for the high watermark of every assigned partition, in the order of assignment().
  [[nodiscard]] Result<std::vector<std::int64_t>> end_offsets();

  // Makes a poll that waits, or else the next one, return at once with what there is. Any thread.
  void wake();

 private:
  class Core;
  explicit Consumer(std::shared_ptr<Core> core);
  std::shared_ptr<Core> core_;
};

}  // namespace forebay
