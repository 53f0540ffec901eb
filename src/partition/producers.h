// Keeps the state of a partition's producers: loads it from the newest snapshot and the frames behind it,
// lets it follow the log, and writes snapshots, so that opening a partition never reads all of it.
//
// It is loaded when it is needed: by the first batch of a producer, or when records are appended at all. A
// partition where nothing happens reads and writes nothing. Where there are very many producers, those that
// are silent are only in the snapshot's file, and looked up there when they come back (producer_table.h).
// Thread rules: everything on the partition's shard.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_function.h"
#include "log/log.h"
#include "partition/core/producer_expiry.h"
#include "partition/core/producer_states.h"
#include "runtime/executor.h"

namespace forebay::partition {

// What it asks of its partition.
class ProducersOwner {
 public:
  virtual ~ProducersOwner() = default;
  // Up to here nothing is ever taken back; as far as this replica knows.
  [[nodiscard]] virtual model::LogPosition committed() const = 0;
  // It leads, and everything that was ever committed is: committed() is no guess.
  [[nodiscard]] virtual bool commit_is_certain() const = 0;
  [[nodiscard]] virtual bool repair_is_hopeful() const = 0;
  // Nobody else has a copy of the log.
  [[nodiscard]] virtual bool is_only_copy() const = 0;
  // may_forget() may say yes now where it said no.
  virtual void on_producers_kept() = 0;
};

class Producers {
 public:
  using Loaded = UniqueFunction<void(Result<void>)>;
  // `where`: "partition 3 of topic 'orders'". All references outlive it.
  Producers(log::Log& log, runtime::Executor& executor, ProducersOwner& owner, std::string where,
            const ProducerLimits& limits);
  ~Producers();
  Producers(const Producers&) = delete;
  Producers& operator=(const Producers&) = delete;

  [[nodiscard]] const std::string& where() const { return where_; }
  // Until then states() says nothing.
  [[nodiscard]] bool is_loaded() const { return step_ == Step::kLoaded; }
  [[nodiscard]] const ProducerStates& states() const { return states_; }
  // Of this object's life.
  struct Counts {
    std::uint64_t loads = 0;
    std::uint64_t from_snapshot = 0;  // of those, that did not fold the log from its begin
    std::uint64_t from_leader = 0;    // likewise, from what came before an install
    std::uint64_t rolled_back = 0;    // truncations that took something back
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }
  // Loads it and calls back, in the order of asking. Errors: kNotYet, and what fail_waiting() says.
  void when_loaded(Loaded loaded);
  void fail_waiting(const Error& error);
  // states() can judge this producer, and is not behind `at`. Requires: is_loaded().
  [[nodiscard]] bool is_at_hand(model::ProducerId id, model::LogPosition at = {}) const;
  // Looks it up, or waits for the commit, and calls back, in the order of asking. Errors: as when_loaded().
  void when_at_hand(model::ProducerId id, model::LogPosition at, Loaded at_hand);
  // A batch of it has been appended that came from this client.
  void used_by(model::ProducerId id, std::string_view client) { states_.used_by(id, client); }
  struct Lookups {
    std::uint64_t let_go = 0;     // producers that went from memory
    std::uint64_t looked_up = 0;  // and those that were looked for on the disk
  };
  [[nodiscard]] const Lookups& lookups() const { return lookups_; }
  // Of the leader in `term`, now and then: what the log is to say of those who were silent for long. Nothing
  // while the state is not loaded. Requires: `now` can be trusted (ClockGuard).
  [[nodiscard]] std::optional<log::ProducersForgotten> look_for_silent(model::Term term,
                                                                       model::Timestamp now);
  // No more snapshots but one of what has changed much.
  void stop();

  // --- the log
  void on_frame(const log::Frame& frame);
  void on_truncated(model::LogPosition to);
  void on_installed();
  void on_commit(model::LogPosition commit);

  // What lies below `begin` may go: all that it says of producers is kept. If not, it is going to be, and
  // on_producers_kept() tells. Requires: begin <= committed().
  [[nodiscard]] bool may_forget(model::LogPosition begin);
  // Of what is committed; nothing: there is nothing to tell. Errors: kNotYet, it is being loaded now.
  [[nodiscard]] Result<std::optional<log::StateSnapshot>> state_for_install();

 private:
  // Nothing: where it stands is at the very begin of a log of which nothing is known before.
  [[nodiscard]] std::optional<log::StateSnapshot> head() const;
  enum class Step : std::uint8_t { kUnknown, kReadingStates, kReadingFrames, kWaiting, kLoaded };

  void load_if_wanted();
  void choose(Result<std::vector<log::StateSnapshot>> snapshots);
  [[nodiscard]] bool is_of_this_log(const log::StateSnapshot& snapshot) const;
  void read_on();
  void on_frames(Result<std::vector<log::FramePtr>> frames);
  void on_unreadable(const Error& error);
  [[nodiscard]] bool pass_over_segment(const Error& error);
  void finish_loading();
  void begin_anew();
  void write_if_due();
  void write();
  void on_written(model::LogPosition position, std::uint64_t covered, const Result<void>& written,
                  std::optional<ProducerIndex> index);
  void fold(model::LogPosition upto);
  void look_up();
  void on_parts(Result<std::vector<SharedBytes>> parts);
  [[nodiscard]] Result<void> bring(const std::vector<SharedBytes>& parts);
  void on_brought();
  void serve_at_hand();
  void let_go();
  void read_for_install();
  void arm(runtime::Duration delay, void (Producers::*then)());
  // Runs only while the load that made it is under way.
  template <typename T>
  [[nodiscard]] UniqueFunction<void(T)> of_this_load(void (Producers::*then)(T));

  log::Log& log_;
  runtime::Executor& executor_;
  ProducersOwner& owner_;
  const std::string where_;
  ProducerStates states_;
  ProducerExpiry expiry_;
  Step step_ = Step::kUnknown;
  std::uint64_t load_ = 0;          // counts them: what an earlier one asked for comes too late
  model::LogPosition next_;         // while loading: of the next frame
  std::uint32_t failed_reads_ = 0;  // in a row
  bool records_came_ = false;       // since it was opened
  model::LogPosition not_before_;   // a snapshot is from here: nothing to load before this is committed
  bool install_waits_ = false;
  std::optional<log::StateSnapshot> for_install_;  // as it lies on the disk
  std::vector<Loaded> waiting_;
  struct AtHand {
    model::ProducerId id;
    model::LogPosition at;
    Loaded done;
  };
  std::deque<AtHand> wait_at_hand_;
  struct Lookup {
    model::LogPosition base;
    std::vector<model::ProducerId> ids;
    std::vector<ProducerIndex::Block> blocks;
  };
  std::optional<Lookup> lookup_;  // under way
  Lookups lookups_;
  std::optional<runtime::TimePoint> told_at_;  // that a client has many
  std::optional<runtime::TimerId> timer_;
  Counts counts_;
  bool installed_ = false;         // and nothing was loaded since
  std::uint64_t bytes_since_ = 0;  // of frames, since the snapshot that is there
  bool writing_ = false;
  std::optional<runtime::TimePoint> write_again_at_;
  bool no_room_ = false;     // the last write found the disk full
  model::LogPosition kept_;  // a snapshot of this position, or what it would say, is on the disk
  std::optional<model::LogPosition> keep_;  // asked for by may_forget()
  bool stopped_ = false;
  std::shared_ptr<Producers*> alive_;
};

}  // namespace forebay::partition
