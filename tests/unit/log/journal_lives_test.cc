// Random lives of a journal whose next round is mostly gathered while one is in flight: small steps of time,
// slow writes, few records; logs that come and go, frames of every size, tiny files and rounds, failed
// writes, stops at any moment. After each life recovery must find what the model of journal_harness.h
// promises.
//
// FOREBAY_SEED=N replays one world, FOREBAY_SEEDS=N tries the first N, FOREBAY_FIRST_SEED=N begins there.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "journal_harness.h"
#include "log/core/journal_scan.h"
#include "log/data_directory.h"
#include "sim/seed_range.h"

namespace forebay::log::testing {
namespace {

constexpr std::uint8_t kGuestTopic = 9;

// What the worlds came to.
struct Reached {
  std::uint64_t rounds = 0;
  std::uint64_t gathered = 0;
  std::uint64_t write_errors = 0;
  std::uint64_t failures = 0;
  std::uint64_t clean_stops = 0;
  std::uint64_t guests_closed_waiting = 0;
  std::uint64_t rings_gone_round = 0;
  std::uint64_t rotten = 0;
  std::uint64_t bytes_lost_to_rot = 0;
};

HarnessOptions options_of(std::uint64_t seed) {
  sim::SimRng rng(seed * 7'368'787 + 5);
  HarnessOptions options;
  options.seed = seed;
  options.engine = rng.one_in(4) ? sim::Engine::kPageCache : sim::Engine::kDirect;
  options.partitions = static_cast<std::uint32_t>(rng.one_in(4) ? rng.between(16, 40) : rng.between(1, 8));
  JournalConfig& journal = options.journal;
  journal.file_bytes = (64U << 10) * (rng.one_in(4) ? 4 : 1);
  journal.files_max = static_cast<std::uint32_t>(rng.between(4, 5));
  // Down to four rounds in a file.
  journal.round_bytes_max = static_cast<std::uint32_t>(
      rng.one_in(4) ? journal.file_bytes / 4
                    : rng.between(1, journal.file_bytes / 4 / kRoundBlockBytes) << 12);
  journal.round_partition_bytes = static_cast<std::uint32_t>(rng.between(512, journal.round_bytes_max));
  journal.frame_bytes_max = static_cast<std::uint32_t>(rng.between(2000, 20'000));
  if (rng.one_in(3)) journal.busy_round_spacing = std::chrono::microseconds(rng.between(50, 3'000));
  return options;
}

class Lives : public JournalHarness {
 public:
  Lives(std::uint64_t seed, Reached& reached)
      : JournalHarness(options_of(seed)), rng_(seed * 104'729 + 17), reached_(reached) {}
  ~Lives() override { end_process(); }
  Lives(const Lives&) = delete;
  Lives& operator=(const Lives&) = delete;

  void run() {
    for (int life = 0; life < 5 && !failed(); ++life) {
      if (!come_up()) return;
      live();
    }
    if (!failed() && come_up()) rot_one_round();
  }

  void on_frames_durable(LogSlot slot, model::LogEpoch log_epoch, LogPosition end) override {
    for (Guest& guest : guests_) {
      if (guest.slot != slot) continue;
      EXPECT_TRUE(guest.created) << "a frame was reported before an earlier record";
      EXPECT_GT(end, guest.durable);
      EXPECT_LE(end, guest.end());
      guest.durable = end;
      return;
    }
    bool known = false;
    for (std::size_t i = 0; i < partition_count(); ++i) known = known || partition(i).slot == slot;
    EXPECT_TRUE(known) << "a frame is reported of a log that was closed";
    JournalHarness::on_frames_durable(slot, log_epoch, end);
  }
  void on_space_wanted(std::span<const std::pair<LogSlot, LogPosition>> wanted) override {
    JournalHarness::on_space_wanted(wanted);
    for (Guest& guest : guests_) {
      const bool asked =
          std::any_of(wanted.begin(), wanted.end(), [&](const auto& one) { return one.first == guest.slot; });
      if (!asked) continue;
      guest.flushed = guest.durable;
      journal().segment_flushed(*guest.slot, guest.flushed);
    }
  }
  std::vector<PartitionCheckpoint> checkpoint() override {
    std::vector<PartitionCheckpoint> all = JournalHarness::checkpoint();
    for (const Guest& guest : guests_) {
      if (!guest.slot || !guest.created) continue;
      PartitionCheckpoint state;
      state.id = guest.id;
      state.segment_end = guest.flushed;
      all.push_back(std::move(state));
    }
    return all;
  }

 private:
  // A log that is closed again while the journal runs, whatever is under way, and then forgotten.
  struct Guest {
    TopicPartition id;
    std::optional<LogSlot> slot;
    std::vector<FramePtr> frames;
    LogPosition durable, flushed;
    bool created = false;
    bool closed = false;
    [[nodiscard]] LogPosition end() const {
      return frames.empty() ? LogPosition{} : frames.back()->header.end;
    }
  };

  static bool failed() { return ::testing::Test::HasFailure(); }
  bool over() { return disk().power_is_off() || failure() || failed(); }

  void end_process() {
    if (running()) {
      const JournalStats stats = journal().stats();
      reached_.rounds += stats.rounds;
      reached_.gathered += stats.rounds_gathered;
      reached_.write_errors += stats.write_errors;
      if (failure()) ++reached_.failures;
      if (stats.bytes > options().journal.file_bytes * options().journal.files_max)
        ++reached_.rings_gone_round;
    }
    stop_objects();
    for (Guest& guest : guests_) guest.slot.reset();
  }

  bool come_up() {
    for (int tries = 0; tries < 6; ++tries) {
      if (tries < 3 && rng_.one_in(5)) disk().crash_at_step(rng_.between(1, 60));
      if (start()) {
        disk().crash_at_step(std::uint64_t{1} << 40);  // not in the life to come
        EXPECT_EQ(recovered().report.rotten_rounds, 0U);
        greet_guests();
        return !failed();
      }
      if (failed()) return false;
      reboot(sim::Landing::kSeeded);
    }
    ADD_FAILURE() << "never came up";
    return false;
  }

  // What was found of them is right; then they go, so that they do not hold the ring back.
  void greet_guests() {
    for (const RecoveredPartition& found : recovered().shards[0].partitions) {
      if (found.state.id.topic != partition_id(kGuestTopic, 0).topic) continue;
      const Guest& guest = guests_.at(static_cast<std::size_t>(found.state.id.partition.value()));
      EXPECT_TRUE(found.state.damage.empty()) << guest.id.to_string();
      EXPECT_LE(found.end, guest.end());
      if (!guest.closed) {
        EXPECT_GE(found.end, guest.durable);
      }
      LogPosition at = found.state.segment_end;
      for (const FramePtr& frame : found.tail) {
        EXPECT_EQ(frame->header.begin, at);
        at = frame->header.end;
        const bool added = std::any_of(guest.frames.begin(), guest.frames.end(), [&](const FramePtr& made) {
          return made->header == frame->header &&
                 std::ranges::equal(made->payload.span(), frame->payload.span());
        });
        EXPECT_TRUE(added) << "a frame that nobody added at " << frame->header.begin.to_string();
      }
      EXPECT_EQ(at, found.end);
      journal().close(journal().open(found.state.id));
    }
    for (Guest& guest : guests_) guest.closed = true;
  }

  void live() {
    const auto kind = rng_.below(8);
    records_in_100_ = rng_.one_in(3) ? rng_.between(0, 15) : rng_.below(2);
    step_max_us_ = rng_.between(5, 80);
    large_in_100_ = rng_.one_in(3) ? 3 : rng_.between(0, 40);
    if (kind < 3) disk().crash_at_step(rng_.between(1, rng_.one_in(2) ? 60 : 400));
    for (std::size_t i = 0; i < partition_count() && !over(); ++i) {
      if (!partition(i).latest.exists) create(i);
    }
    const std::uint64_t steps = rng_.between(20, rng_.one_in(3) ? 800 : 200);
    std::uint64_t broken = rng_.below(steps);
    for (std::uint64_t step = 0; step < steps && !over(); ++step) {
      if ((kind == 3 || kind == 4) && step == broken) {
        break_writes(kind == 4 && rng_.one_in(2) ? 2 : 1);
        if (rng_.one_in(2)) broken += rng_.between(20, 100);  // and again, of another file
      }
      random_step();
    }
    if (failed()) return;
    if (kind == 5 && !over()) stop_at_once();
    if (kind >= 6 && !over()) come_to_rest();
    end_process();
    if (!disk().power_is_off() && (kind == 7 || kind == 3)) {
      machine().kill_and_restart(sim::Landing::kSeeded);
    } else {
      machine().reboot(kind == 5 ? sim::Landing::kDrop : sim::Landing::kSeeded);
    }
    disk().clear_faults();
  }

  void break_writes(std::uint64_t times) {
    disk().inject({.op = options().engine == sim::Engine::kPageCache && rng_.one_in(2) ? sim::DiskOp::kSync
                                                                                       : sim::DiskOp::kWrite,
                   .effect = rng_.one_in(3) ? sim::DiskEffect::kNoSpace : sim::DiskEffect::kIoError,
                   .path = sim::path_contains(".journal"),
                   .skip = rng_.below(4),
                   .times = times});
  }

  // Everything that was asked for is there after a clean stop, whatever was under way.
  void stop_at_once() {
    ASSERT_TRUE(stop_clean());
    for (std::size_t i = 0; i < partition_count(); ++i) {
      EXPECT_EQ(partition(i).durable_ops, partition(i).ops.size()) << partition(i).id.to_string();
    }
    for (const Guest& guest : guests_) {
      if (guest.slot) {
        EXPECT_EQ(guest.durable, guest.end());
      }
    }
    ++reached_.clean_stops;
  }

  // With nothing to do the journal does nothing.
  void come_to_rest() {
    ASSERT_TRUE(settle());
    for (const Guest& guest : guests_) {
      if (!guest.slot) continue;
      ASSERT_TRUE(
          machine().scheduler().run_until([&] { return guest.durable == guest.end(); },
                                          {.steps_max = 200'000, .duration_max = std::chrono::seconds(60)}));
    }
    run_for(std::chrono::seconds(1));
    const std::uint64_t steps = machine().scheduler().steps();
    const std::uint64_t rounds = journal().stats().rounds;
    run_for(std::chrono::seconds(1));
    EXPECT_LE(machine().scheduler().steps() - steps, 20U);
    EXPECT_EQ(journal().stats().rounds, rounds);
    EXPECT_EQ(journal().stats().pending_bytes, 0U);
  }

  void random_step() {
    const std::size_t i = rng_.below(partition_count());
    ModelPartition& p = partition(i);
    const auto dice = rng_.below(100);
    if (!p.latest.exists) {
      create(i);
    } else if (dice < records_in_100_) {
      random_record(i);
    } else if (dice < 20) {
      if (!p.durable.frames.empty()) {
        flush_segment(i, p.durable.frames[rng_.below(p.durable.frames.size())]->header.end);
      }
    } else if (dice < 26) {
      visit();
    } else if (dice < 29) {
      disk().inject({.op = sim::DiskOp::kWrite,
                     .effect = sim::DiskEffect::kStall,
                     .path = sim::path_contains(".journal"),
                     .stall = std::chrono::microseconds(rng_.between(100, 3'000))});
    } else if (dice < 31) {
      append_control(i);
    } else {
      const bool large = rng_.below(100) < large_in_100_;
      const std::uint64_t most = large ? options().journal.frame_bytes_max : 700;
      append(i, static_cast<std::int64_t>(1 + rng_.below(5)), rng_.between(30, most));
    }
    if (rng_.one_in(40)) return run_for(std::chrono::milliseconds(rng_.between(1, 30)));
    if (!rng_.one_in(3)) run_for(std::chrono::microseconds(rng_.below(step_max_us_)));
  }

  void random_record(std::size_t i) {
    ModelPartition& p = partition(i);
    switch (rng_.below(6)) {
      case 0:
        if (rng_.one_in(3)) return record(i, RemoveReplica{});
        [[fallthrough]];
      case 1:
      case 2: {
        const std::size_t frames = p.latest.frames.size();
        if (frames == 0) return;
        return truncate(i, frames - 1 - rng_.below(std::min<std::size_t>(3, frames)));
      }
      case 3:
        return record(i, SetLogStart{std::max(p.latest.log_start, p.durable.log_start)});
      default:
        return set_term(i, p.latest.hard_state.term.value() + 1,
                        rng_.one_in(2) ? std::optional(3U) : std::nullopt);
    }
  }

  void visit() {
    std::vector<Guest*> open;
    for (Guest& guest : guests_) {
      if (guest.slot) open.push_back(&guest);
    }
    if (open.empty() || (open.size() < 3 && rng_.one_in(6))) {
      Guest& guest = guests_.emplace_back();
      guest.id = partition_id(kGuestTopic, static_cast<std::int32_t>(guests_.size() - 1));
      guest.slot = journal().open(guest.id);
      journal().add_record(*guest.slot, CreateReplica{}, [&guest](const Result<void>& result) {
        if (result) guest.created = true;
      });
      return;
    }
    Guest& guest = *open[rng_.below(open.size())];
    for (std::uint64_t n = rng_.between(1, 3); n > 0; --n) {
      guest.frames.push_back(
          records_frame(guest.id, guest.end(), 1, model::Term(1), rng_.between(30, 1500), ++fill_));
      journal().add_frame(*guest.slot, {}, guest.frames.back());
    }
    if (!rng_.one_in(4)) return;
    if (rng_.one_in(2)) run_for(std::chrono::microseconds(rng_.below(20)));
    if (guest.durable < guest.end()) ++reached_.guests_closed_waiting;
    journal().close(*guest.slot);
    guest.slot.reset();
    guest.closed = true;
  }

  // One rotten round with a successor costs the bytes of its frames, and nothing else.
  void rot_one_round() {
    for (int step = 0; step < 120 && !over(); ++step) random_step();
    if (over()) return;
    come_to_rest();
    end_process();
    reboot(sim::Landing::kDrop);
    disk().clear_faults();
    const std::vector<std::byte> boot_bytes = *disk().content("/data/BOOT");
    const auto boot = decode_boot(boot_bytes);
    const std::string directory = journal_directory(kDataDir, boot->epoch) + "/";
    struct Place {
      std::string path;
      std::uint64_t offset = 0;
      RoundHeader header;
    };
    std::vector<Place> rounds;
    for (const std::string& path : disk().files()) {
      if (!path.starts_with(directory)) continue;
      const auto name = parse_journal_file_name(path.substr(directory.size()));
      const FileScan scan =
          scan_journal_file(*disk().content(path), {boot->epoch, boot->seed, name->shard, name->number}, 0);
      for (const ScannedRound& round : scan.rounds) rounds.push_back({path, round.file_offset, round.header});
    }
    std::sort(rounds.begin(), rounds.end(),
              [](const Place& a, const Place& b) { return a.header.sequence < b.header.sequence; });
    const RoundHeader newest = rounds.back().header;
    std::erase_if(rounds, [&](const Place& place) {
      return place.header.sequence < newest.live_from || place.header.sequence == newest.sequence ||
             place.header.kind != RoundKind::kData;
    });
    if (rounds.empty()) return;
    const auto recover_again = [&] {
      auto recovered = recover_only();
      EXPECT_TRUE(recovered.has_value());
      disk().remove(journal_directory(kDataDir, recovered->epoch));
      disk().replace_file("/data/BOOT", boot_bytes);
      return std::move(*recovered);
    };
    const Recovered sound = recover_again();
    const Place& place = rounds[rng_.below(rounds.size())];
    disk().flip_bit(place.path, place.offset * 8 + rng_.below(std::uint64_t{place.header.used_bytes} * 8));
    const Recovered rotten = recover_again();
    EXPECT_EQ(rotten.report.rotten_rounds, 1U);
    ++reached_.rotten;
    ASSERT_EQ(sound.shards[0].partitions.size(), rotten.shards[0].partitions.size());
    for (const RecoveredPartition& want : sound.shards[0].partitions) {
      const auto& all = rotten.shards[0].partitions;
      const auto got = std::find_if(all.begin(), all.end(),
                                    [&](const auto& one) { return one.state.id == want.state.id; });
      ASSERT_TRUE(got != all.end()) << want.state.id.to_string();
      expect_only_bytes_lost(want, *got);
    }
  }

  void expect_only_bytes_lost(const RecoveredPartition& want, const RecoveredPartition& got) {
    SCOPED_TRACE(want.state.id.to_string());
    EXPECT_EQ(got.end, want.end);
    EXPECT_EQ(got.state.log_epoch, want.state.log_epoch);
    EXPECT_EQ(got.state.log_start, want.state.log_start);
    EXPECT_EQ(got.state.hard_state.term, want.state.hard_state.term);
    EXPECT_EQ(got.state.hard_state.vote, want.state.hard_state.vote);
    EXPECT_EQ(got.state.segment_end, want.state.segment_end);
    std::vector<Damage> missing;
    std::size_t next = 0;
    for (const FramePtr& frame : want.tail) {
      if (next < got.tail.size() && got.tail[next]->header == frame->header) {
        ++next;
        continue;
      }
      reached_.bytes_lost_to_rot += frame->header.payload_bytes;
      if (!missing.empty() && missing.back().end == frame->header.begin) {
        missing.back().end = frame->header.end;
      } else {
        missing.push_back({DamageKind::kMiddle, frame->header.begin, frame->header.end});
      }
    }
    EXPECT_EQ(next, got.tail.size());
    EXPECT_EQ(got.state.damage, missing);
  }

  sim::SimRng rng_;
  Reached& reached_;
  std::deque<Guest> guests_;
  std::uint64_t fill_ = 1'000'000;
  std::uint64_t records_in_100_ = 0;
  std::uint64_t large_in_100_ = 0;
  std::uint64_t step_max_us_ = 1;
};

constexpr std::uint64_t kWorlds = 150;
#ifdef __SANITIZE_ADDRESS__
constexpr std::uint64_t kWorldsInATest = 30;
#else
constexpr std::uint64_t kWorldsInATest = kWorlds;
#endif

TEST(JournalLives, WhatWasReportedIsFoundHoweverRoundsAreGathered) {
  const sim::SeedRange seeds(kWorldsInATest);
  Reached reached;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    SCOPED_TRACE(seed);
    Lives(seed, reached).run();
    if (HasFailure()) FAIL() << "replay with FOREBAY_SEED=" << seed;
  }
  const std::pair<const char*, std::uint64_t> places[] = {
      {"rounds", reached.rounds},
      {"gathered", reached.gathered},
      {"write errors", reached.write_errors},
      {"failures", reached.failures},
      {"clean stops", reached.clean_stops},
      {"logs closed with frames under way", reached.guests_closed_waiting},
      {"rings gone round", reached.rings_gone_round},
      {"rotten rounds", reached.rotten},
      {"bytes lost to rot", reached.bytes_lost_to_rot},
  };
  sim::expect_reached(seeds, kWorlds, places);
  // Else this is not the test of gathering that it says it is.
  EXPECT_TRUE(!seeds.covers(kWorlds) || reached.gathered > reached.rounds / 8)
      << reached.gathered << " of " << reached.rounds;
}

}  // namespace
}  // namespace forebay::log::testing
