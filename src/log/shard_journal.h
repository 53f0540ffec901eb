// The journal behind journal.h: assembles rounds, writes one at a time, hands out completions, keeps the ring
// of files. Everything on the shard.
//
// States: idle -> (post) -> round in flight -> completed -> idle ... While a data round is in flight the next
// one is gathered already: its frames are copied and checksummed, so that it can be submitted the moment the
// other is done; only its header, which names the one before, has to wait. Records are not gathered: a
// truncation must not be mixed with flushes that speak of what it cuts. A checkpoint is a run of rounds of
// its own that nothing interrupts. After a failed write: a new file is made, the round that was in flight is
// written there; a second failure ends the journal.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/core/journal_ring.h"
#include "log/journal.h"
#include "log/journal_queue.h"
#include "log/journal_seed.h"

namespace forebay::log {

class ShardJournal final : public Journal {
 public:
  struct Ports {
    io::FileSystem& fs;
    runtime::Executor& executor;
    runtime::BlockingPool& pool;
    runtime::WallClock& clock;
    JournalOwner& owner;
  };
  ShardJournal(JournalSeed seed, const JournalConfig& config, const Ports& ports);
  ~ShardJournal() override;
  ShardJournal(const ShardJournal&) = delete;
  ShardJournal& operator=(const ShardJournal&) = delete;

  [[nodiscard]] LogSlot open(const model::TopicPartition& id) override;
  void close(LogSlot slot) override;
  void add_frame(LogSlot slot, model::LogEpoch log_epoch, FramePtr frame) override;
  void add_record(LogSlot slot, JournalRecord record, RecordDone done) override;
  void drop_frames(LogSlot slot, model::LogPosition from) override;
  void segment_flushed(LogSlot slot, model::LogPosition end) override;
  void want_checkpoint() override;
  void stop(UniqueFunction<void(Result<void>)> done) override;
  [[nodiscard]] JournalStats stats() const override;
  [[nodiscard]] bool is_stalled() const override;

 private:
  struct Slot {
    model::TopicPartition id;
    std::uint32_t generation = 0;  // of the slot's use: completions of an earlier use are not handed out
    bool open = false;
    bool in_round = false;                  // while a round is assembled
    std::uint64_t counted_in = 0;           // the last window of rounds that it was counted in
    std::optional<HardState> hard_state;    // as of the last round assembled
    std::optional<KnownEnd> end;            // likewise
    std::optional<model::LogPosition> cut;  // lowest truncation in the round being assembled
    bool cut_in_flight = false;             // the round in flight truncates, installs, removes or creates it
  };
  // What to tell when the round is durable, in the order of the round.
  struct Completion {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    model::LogEpoch log_epoch;
    model::LogPosition end;
    RecordDone record_done;
    bool is_record = false;
  };
  // A round from the first byte put into its buffer until it is durable.
  struct Round {
    std::shared_ptr<io::AlignedBuffer> buffer = std::make_shared<io::AlignedBuffer>();
    RoundWriter writer;
    RoundHeader header;                // from sealing on
    std::vector<std::byte> directory;  // what the next round will repeat of this one
    std::vector<Completion> completions;
    std::size_t budget_bytes = 0;  // what may still be put into it
  };
  enum class Gathering : std::uint8_t { kNone, kOpen, kClosed };  // kClosed: takes nothing more
  struct CheckpointWrite {
    std::vector<std::byte> bytes;
    std::uint32_t part = 0;
    std::uint32_t parts = 0;
    RoundSequence id;
  };

  // --- shard_journal.cc: queue, rounds, completions
  void wake();
  void start_round();
  [[nodiscard]] bool is_worth_a_round() const;
  [[nodiscard]] bool may_be_spaced() const;
  [[nodiscard]] bool spacing_says_wait();
  [[nodiscard]] bool start_data_round();
  void begin_fill(Round& round, ByteSpan directory, std::size_t bytes);
  void fill(Round& round, bool control_only);
  [[nodiscard]] std::size_t take_turn(Round& round, std::uint32_t slot, bool control_only, bool first);
  void put_item(Round& round, std::uint32_t slot, JournalQueue::Item item);
  [[nodiscard]] std::size_t first_in_turn_bytes(bool control_only) const;
  [[nodiscard]] std::size_t entries_bytes_max(std::size_t fixed_bytes) const;
  void end_fill(Round& round);
  [[nodiscard]] bool may_gather() const;
  void gather();
  void close_gathered();
  void submit_gathered();
  [[nodiscard]] RoundHeader next_header(RoundKind kind);
  void write_round(const RoundHeader& header);
  void submit(ByteSpan bytes);
  void on_written(Result<void> result);
  void hand_out(std::vector<Completion> completions);
  void after_round();
  void arm_idle_round();
  void write_idle_round();
  void finish_stop(Result<void> result);
  void fail(const Error& error);
  void fail_records(const Error& error);

  // --- journal_space.cc: files, checkpoints, what to do when a write fails
  [[nodiscard]] bool growable() const;
  [[nodiscard]] std::size_t room_left() const;
  [[nodiscard]] bool records_may_use(std::size_t bytes) const;
  [[nodiscard]] bool control_may_use(std::size_t bytes) const;
  [[nodiscard]] bool make_room(std::size_t bytes, bool control_only);
  void switch_file();
  void begin_checkpoint();
  void write_checkpoint_part();
  void checkpoint_part_written();
  void look_for_space();
  void want_segments();
  void grow();
  void on_file_made(std::uint64_t number, Result<std::unique_ptr<io::File>> made);
  void on_write_failed(const Error& error);
  void continue_in(std::uint64_t number, std::shared_ptr<io::File> file);
  void delete_in_background(std::string path, bool directory);

  const JournalConfig config_;
  const std::string data_dir_;
  const std::string directory_path_;
  const model::BootEpoch epoch_;
  const std::uint64_t epoch_seed_;
  const std::uint32_t shard_;
  Ports ports_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::unordered_map<model::TopicPartition, std::uint32_t> slot_of_;
  JournalQueue queue_;

  JournalRing ring_;
  std::map<std::uint64_t, std::shared_ptr<io::File>> files_;  // usable and free ones, by number
  std::uint64_t next_file_number_ = 1;
  bool growing_ = false;
  std::optional<runtime::TimePoint> grow_again_at_;
  std::optional<std::uint64_t> space_wanted_for_;  // number of the file, so that the owner is asked once

  RoundSequence last_sequence_;  // of the last good round
  std::uint32_t last_crc_ = 0;
  RoundSequence used_sequence_;           // highest number ever used, good or abandoned
  std::vector<std::byte> directory_;      // of the last good round
  std::vector<std::byte> repeated_;       // records of the round being assembled
  std::vector<std::uint32_t> in_round_;   // slots in it
  std::vector<std::uint32_t> cut_slots_;  // those with cut_in_flight

  Round round_;     // in flight, or being assembled for it
  Round gathered_;  // the next one, while round_ is in flight
  Gathering gathering_ = Gathering::kNone;
  bool in_flight_ = false;
  bool scheduled_ = false;
  bool recovering_write_ = false;
  bool failed_ = false;
  bool records_blocked_ = false;
  std::optional<CheckpointWrite> checkpoint_;
  bool checkpoint_due_ = false;
  bool clean_checkpoint_ = false;

  runtime::TimePoint round_started_{};
  runtime::TimePoint last_round_end_{};
  // Windows of rounds, from 1 on, and how many partitions had something in them.
  std::uint64_t window_ = 1;
  std::uint32_t window_rounds_ = 0;
  std::uint32_t window_partitions_ = 0;
  std::uint32_t last_window_partitions_ = 0;
  bool idle_wanted_ = false;
  std::optional<runtime::TimerId> idle_timer_;
  std::optional<runtime::TimerId> spacing_timer_;
  std::optional<runtime::TimerId> space_timer_;

  bool stopping_ = false;
  UniqueFunction<void(Result<void>)> stop_done_;
  JournalStats stats_;
};

}  // namespace forebay::log
