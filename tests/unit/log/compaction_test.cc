#include "log/core/compaction.h"

#include <limits>

#include "log_world.h"
#include "model/dead_letters.h"
#include "model/record_iterator.h"

namespace forebay::log::testing {
namespace {

using model::LogPosition;
using model::Offset;
using model::Timestamp;

struct Stored {
  std::int64_t offset = 0;
  std::string key;
  std::optional<std::string> value;
  Timestamp timestamp;
  friend bool operator==(const Stored&, const Stored&) = default;
};

FramePtr frame_of(LogPosition begin,
                  const std::vector<std::pair<std::string, std::optional<std::string>>>& records,
                  model::Codec codec = model::Codec::kNone, const model::BatchOptions& options = {},
                  Timestamp time = Timestamp(1000)) {
  model::BatchBuilder builder(options);
  for (const auto& [key, value] : records) {
    model::NewRecord record;
    if (!key.empty()) record.key = as_bytes(key);
    if (value) record.value = as_bytes(*value);
    record.timestamp = time;
    EXPECT_TRUE(builder.append(record));
  }
  return make_frame_of(LogWorld::partition_id(0), begin, model::Term(1), builder.build(codec).value(), time);
}

std::vector<Stored> records_in(const Frame& frame) {
  std::vector<Stored> out;
  if (frame.header.kind != FrameKind::kRecords) return out;
  const auto view = model::RecordBatchView::parse(frame.payload.span());
  EXPECT_TRUE(view) << view.error().to_string();
  std::vector<std::byte> scratch;
  EXPECT_TRUE(model::for_each_record(*view, 1U << 24, scratch, [&out](const model::RecordView& record) {
    Stored stored;
    stored.offset = record.offset.value();
    if (record.key) stored.key = as_text(*record.key);
    if (record.value) stored.value = std::string(as_text(*record.value));
    stored.timestamp = record.timestamp;
    out.push_back(std::move(stored));
  }));
  return out;
}

// A whole compaction in memory. `dirty_from`: index of the first frame that was never compacted.
std::vector<FramePtr> run_compaction(const std::vector<FramePtr>& frames, std::size_t dirty_from,
                                     Compaction::Rules rules, TombstonesLeft* left = nullptr,
                                     const std::optional<LogPosition>& everywhere = std::nullopt) {
  rules.everywhere = everywhere.value_or(rules.everywhere);
  Compaction compaction(rules, {1, 2, 3, 4});
  while (compaction.begin_pass()) {
    bool full = false;
    for (std::size_t i = dirty_from; i < frames.size() && !full; ++i) {
      full = !compaction.learn(frames[i]->header, frames[i]->payload.span());
    }
    if (full) continue;
    for (const FramePtr& frame : frames) compaction.judge(frame->header, frame->payload.span());
  }
  if (left != nullptr) *left = compaction.tombstones_left();
  compaction.begin_rewrite();
  std::vector<FramePtr> out;
  FrameWidener widener;
  const auto take = [&out](std::optional<Frame> frame) {
    if (frame) out.push_back(std::make_shared<const Frame>(*std::move(frame)));
  };
  for (const FramePtr& frame : frames) {
    Compaction::Outcome outcome = compaction.rewrite(frame->header, frame->payload.span());
    Frame kept = *frame;
    if (outcome.fate == Compaction::Fate::kGone) {
      take(widener.drop(kept));
      continue;
    }
    if (outcome.fate == Compaction::Fate::kRewritten) {
      kept.header.payload_bytes = static_cast<std::uint32_t>(outcome.batch.size());
      kept.header.payload_crc = model::read_batch_header(outcome.batch.data()).crc;
      kept.payload = SharedBytes::take(std::move(outcome.batch));
    }
    take(widener.keep(std::move(kept)));
  }
  take(widener.finish());
  return out;
}

std::vector<Stored> all_records(const std::vector<FramePtr>& frames) {
  std::vector<Stored> out;
  for (const FramePtr& frame : frames) {
    for (Stored& stored : records_in(*frame)) out.push_back(std::move(stored));
  }
  return out;
}

void expect_covered(const std::vector<FramePtr>& frames, LogPosition begin, LogPosition end) {
  LogPosition at = begin;
  for (const FramePtr& frame : frames) {
    EXPECT_EQ(frame->header.begin, at);
    at = frame->header.end;
  }
  EXPECT_EQ(at, end);
}

Compaction::Rules rules_at(std::int64_t now) {
  Compaction::Rules rules;
  rules.now = Timestamp(now);
  rules.delete_retention_ms = 1000;
  rules.everywhere = {Offset(std::numeric_limits<std::int64_t>::max()), 0};
  return rules;
}

TEST(Compaction, KeepsTheLastValueOfEachKeyAtItsOffset) {
  std::vector<FramePtr> frames;
  frames.push_back(frame_of({}, {{"a", "1"}, {"b", "2"}, {"a", "3"}}));
  frames.push_back(frame_of({Offset(3), 0}, {{"b", "4"}}));
  frames.push_back(frame_of({Offset(4), 0}, {{"c", "5"}, {"b", "6"}}));
  const auto out = run_compaction(frames, 0, rules_at(5000));
  const std::vector<Stored> want{
      {2, "a", "3", Timestamp(1000)}, {4, "c", "5", Timestamp(1000)}, {5, "b", "6", Timestamp(1000)}};
  EXPECT_EQ(all_records(out), want);
  expect_covered(out, {}, {Offset(6), 0});
  EXPECT_EQ(out.size(), 2U) << "a batch without records is gone";
}

TEST(Compaction, KeepsRecordsWithoutAKey) {
  std::vector<FramePtr> frames{frame_of({}, {{"", "1"}, {"a", "2"}, {"", "3"}, {"a", "4"}})};
  const auto out = run_compaction(frames, 0, rules_at(5000));
  ASSERT_EQ(all_records(out).size(), 3U);
}

// What broke its topic's rules is no value of its key, and no tombstone either.
TEST(Compaction, DeadLettersAreUntouchedAndSupersedeNothing) {
  const FramePtr good = frame_of({}, {{"a", "1"}, {"b", "2"}});
  const FramePtr plain = frame_of(good->header.end, {{"a", "bad"}, {"b", std::nullopt}, {"c", "3"}});
  const auto view = model::RecordBatchView::parse(plain->payload.span());
  const std::vector<model::DeadLetter> letters{{0, 4, "no number"}, {1, 4, "null"}};
  auto batch = model::mark_dead_letters(*view, view->stored_records(), letters);
  ASSERT_TRUE(batch);
  model::set_base_offset(*batch, Offset(0));
  const FramePtr marked = make_frame_of(LogWorld::partition_id(0), good->header.end, model::Term(1),
                                        *std::move(batch), Timestamp(1000));
  const FramePtr last = frame_of(marked->header.end, {{"c", "4"}});
  TombstonesLeft left;
  const auto out = run_compaction({good, marked, last}, 0, rules_at(1'000'000'000), &left);
  const auto records = all_records(out);
  ASSERT_EQ(records.size(), 5U);
  EXPECT_EQ(records[0].value, "1");
  EXPECT_EQ(records[1].value, "2");
  EXPECT_EQ(records[2].value, "bad");
  EXPECT_EQ(records[3].value, std::nullopt);
  EXPECT_EQ(records[4].value, "4");
  EXPECT_FALSE(left.waiting_to || left.horizon);
  const auto rewritten = model::without_dead_letters(out[1]->payload.span());
  ASSERT_TRUE(rewritten);
  EXPECT_TRUE(rewritten->bytes.empty());  // c went, and the others are dead letters still
}

TEST(Compaction, BatchThatWouldBeTooLargeForAJournalStaysAsItIs) {
  const FramePtr first = frame_of({}, {{"a", "1"}, {"b", std::string(200, 'b')}});
  const FramePtr last = frame_of(first->header.end, {{"a", "2"}});
  Compaction::Rules rules = rules_at(5000);
  EXPECT_EQ(all_records(run_compaction({first, last}, 0, rules)).size(), 2U);
  rules.frame_bytes_max = 200;
  EXPECT_EQ(all_records(run_compaction({first, last}, 0, rules)).size(), 3U);
}

TEST(Compaction, TombstoneStaysForItsTimeThenGoes) {
  std::vector<FramePtr> frames;
  frames.push_back(frame_of({}, {{"a", "1"}, {"b", "2"}}));
  frames.push_back(frame_of({Offset(2), 0}, {{"a", std::nullopt}}));
  auto out = run_compaction(frames, 0, rules_at(5000));
  std::vector<Stored> want{{1, "b", "2", Timestamp(1000)}, {2, "a", std::nullopt, Timestamp(1000)}};
  EXPECT_EQ(all_records(out), want) << "its timestamp too is unchanged";
  const auto head = model::read_batch_header(out.back()->payload.data());
  EXPECT_TRUE(head.attributes.has_delete_horizon());
  EXPECT_EQ(head.base_timestamp, Timestamp(6000));

  out = run_compaction(out, out.size(), rules_at(6000));
  EXPECT_EQ(all_records(out), want) << "not before its time";
  out = run_compaction(out, out.size(), rules_at(6001));
  want.pop_back();
  EXPECT_EQ(all_records(out), want);
  expect_covered(out, {}, {Offset(3), 0});
}

TEST(Compaction, TimeOfATombstoneBeginsWhenAllReplicasAreCompacted) {
  std::vector<FramePtr> frames;
  frames.push_back(frame_of({}, {{"a", "1"}}));
  frames.push_back(frame_of({Offset(1), 0}, {{"a", std::nullopt}}));
  frames.push_back(frame_of({Offset(2), 0}, {{"b", std::nullopt}, {"c", "2"}}));
  Compaction::Rules rules = rules_at(5000);
  rules.everywhere = {Offset(1), 0};
  TombstonesLeft left;
  auto out = run_compaction(frames, 0, rules, &left);
  const auto head = [&out](std::size_t i) { return model::read_batch_header(out.at(i)->payload.data()); };
  ASSERT_EQ(out.size(), 2U);
  EXPECT_FALSE(head(0).attributes.has_delete_horizon());
  EXPECT_EQ(left.waiting_to, (LogPosition{Offset(2), 0}));
  EXPECT_FALSE(left.horizon);
  EXPECT_FALSE(left.are_due({Offset(2), 0}, Timestamp(5999))) << "it would read the whole log";
  EXPECT_FALSE(left.are_due({Offset(1), 0}, Timestamp(6000))) << "a replica is not so far";
  EXPECT_TRUE(left.are_due({Offset(2), 0}, Timestamp(6000)));

  out = run_compaction(out, out.size(), rules_at(100'000), &left, LogPosition{Offset(2), 0});
  EXPECT_TRUE(head(0).attributes.has_delete_horizon()) << "however long it has been there";
  EXPECT_EQ(head(0).base_timestamp, Timestamp(101'000));
  EXPECT_FALSE(head(1).attributes.has_delete_horizon());
  EXPECT_EQ(left.waiting_to, (LogPosition{Offset(4), 0}));
  EXPECT_EQ(left.horizon, Timestamp(101'000));

  out = run_compaction(out, out.size(), rules_at(101'001), &left, LogPosition{});
  const std::vector<Stored> want{{2, "b", std::nullopt, Timestamp(1000)}, {3, "c", "2", Timestamp(1000)}};
  EXPECT_EQ(all_records(out), want) << "what has begun needs nobody's word any more";
  EXPECT_EQ(left.waiting_to, (LogPosition{Offset(4), 0}));
  EXPECT_FALSE(left.horizon);
}

TEST(Compaction, ControlFramesAndTransactionsAreUntouched) {
  model::BatchOptions transactional;
  transactional.transactional = true;
  transactional.producer_id = model::ProducerId(7);
  transactional.producer_epoch = model::ProducerEpoch(0);
  transactional.base_sequence = 0;
  std::vector<FramePtr> frames;
  frames.push_back(
      make_control_frame(LogWorld::partition_id(0), {}, model::Term(1), TermStart{}, Timestamp(1)));
  frames.push_back(frame_of({Offset(0), 1}, {{"a", "1"}}));
  frames.push_back(frame_of({Offset(1), 0}, {{"a", "2"}}, model::Codec::kNone, transactional));
  frames.push_back(frame_of({Offset(2), 0}, {{"b", "3"}}, model::Codec::kNone, transactional));
  frames.push_back(frame_of({Offset(3), 0}, {{"b", "4"}}));
  const auto out = run_compaction(frames, 0, rules_at(5000));
  ASSERT_EQ(out.size(), frames.size());
  for (std::size_t i = 0; i < out.size(); ++i) EXPECT_TRUE(same_bytes(*out[i], *frames[i])) << i;
}

// A replica that ends beside one could not go on there: a control frame has no rest.
TEST(Compaction, ControlFramesKeepTheirRange) {
  const auto control_at = [](LogPosition begin) {
    return make_control_frame(LogWorld::partition_id(0), begin, model::Term(1), TermStart{}, Timestamp(1));
  };
  std::vector<FramePtr> frames;
  frames.push_back(frame_of({}, {{"a", "1"}}));
  frames.push_back(frame_of({Offset(1), 0}, {{"a", "2"}}));
  frames.push_back(control_at({Offset(2), 0}));
  frames.push_back(frame_of({Offset(2), 1}, {{"a", "3"}}));
  frames.push_back(frame_of({Offset(3), 0}, {{"a", "4"}}));
  frames.push_back(control_at({Offset(4), 0}));
  frames.push_back(frame_of({Offset(4), 1}, {{"a", "5"}}));
  const auto out = run_compaction(frames, 0, rules_at(5000));
  expect_covered(out, {}, {Offset(5), 0});
  ASSERT_EQ(out.size(), 5U);
  EXPECT_EQ(out[1]->header, frames[2]->header);
  EXPECT_EQ(out[3]->header, frames[5]->header);
  for (const std::size_t i : {0U, 2U}) {
    EXPECT_EQ(out[i]->header.kind, FrameKind::kRecords);
    EXPECT_TRUE(check_frame_payload(out[i]->header, out[i]->payload.span()));
  }
  ASSERT_EQ(all_records(out).size(), 1U);
}

TEST(Compaction, HeadOfAProducersLastBatchStays) {
  model::BatchOptions producer;
  producer.producer_id = model::ProducerId(7);
  producer.producer_epoch = model::ProducerEpoch(3);
  producer.base_sequence = 41;
  std::vector<FramePtr> frames;
  frames.push_back(frame_of({}, {{"a", "1"}}, model::Codec::kNone, producer));
  producer.base_sequence = 42;
  frames.push_back(frame_of({Offset(1), 0}, {{"a", "2"}}, model::Codec::kNone, producer));
  frames.push_back(frame_of({Offset(2), 0}, {{"a", "3"}}));
  auto out = run_compaction(frames, 0, rules_at(5000));
  ASSERT_EQ(out.size(), 2U);
  const auto head = model::read_batch_header(out[0]->payload.data());
  EXPECT_EQ(head.producer_id, model::ProducerId(7));
  EXPECT_EQ(head.last_sequence(), 42);
  EXPECT_EQ(head.record_count, 0);
  EXPECT_EQ(out[0]->header.begin, LogPosition{});
  // Again, and after the producer's life.
  out = run_compaction(out, out.size(), rules_at(6000));
  ASSERT_EQ(out.size(), 2U);
  out = run_compaction(out, out.size(), rules_at(6000 + 8LL * 24 * 3600 * 1000));
  ASSERT_EQ(out.size(), 1U);
  expect_covered(out, {}, {Offset(3), 0});
}

// It comes back after any time and must find the sequence that it came to, in the epoch that it had.
TEST(Compaction, HeadOfANamedProducersLastBatchStaysForEver) {
  model::BatchOptions producer;
  producer.producer_id = model::ProducerId(7);
  producer.producer_epoch = model::ProducerEpoch(3);
  producer.base_sequence = 41;
  const std::vector<Control> names{
      ProducerFence{producer.producer_id, model::ProducerEpoch(4)},
      ProducerPosition{producer.producer_id, model::ProducerEpoch(4), 0, "file", "12"}};
  for (const Control& name : names) {
    std::vector<FramePtr> frames;
    frames.push_back(frame_of({}, {{"a", "1"}}, model::Codec::kNone, producer));
    frames.push_back(
        make_control_frame(LogWorld::partition_id(0), {Offset(1), 0}, model::Term(1), name, Timestamp(1)));
    model::BatchOptions next = producer;
    next.producer_epoch = model::ProducerEpoch(4);
    next.base_sequence = std::numeric_limits<std::int32_t>::max();  // it goes on with 0
    frames.push_back(frame_of({Offset(1), 1}, {{"a", "2"}, {"a", "3"}}, model::Codec::kNone, next));
    frames.push_back(frame_of({Offset(3), 0}, {{"a", "4"}}));
    auto out = run_compaction(frames, 0, rules_at(5000));
    out = run_compaction(out, out.size(), rules_at(6000 + 800LL * 24 * 3600 * 1000));
    expect_covered(out, {}, {Offset(4), 0});
    ASSERT_EQ(out.size(), 4U);
    EXPECT_TRUE(same_bytes(*out[1], *frames[1])) << "what names it stays as it is";
    const auto head = model::read_batch_header(out[2]->payload.data());
    EXPECT_EQ(head.producer_id, producer.producer_id);
    EXPECT_EQ(head.producer_epoch, model::ProducerEpoch(4));
    EXPECT_EQ(head.last_sequence(), 0);
    EXPECT_EQ(head.base_offset, Offset(1));
    EXPECT_EQ(head.record_count, 0);
  }
}

TEST(Compaction, NothingLeftStillCoversItsRange) {
  std::vector<FramePtr> frames{frame_of({}, {{"a", std::nullopt}}),
                               frame_of({Offset(1), 0}, {{"b", std::nullopt}})};
  auto out = run_compaction(frames, 0, rules_at(5000));
  out = run_compaction(out, out.size(), rules_at(100'000));
  EXPECT_TRUE(all_records(out).empty());
  expect_covered(out, {}, {Offset(2), 0});
}

TEST(Compaction, UndecodableBatchIsUntouched) {
  std::vector<std::byte> batch(200, std::byte{0x5a});
  model::BatchHeader head;
  head.batch_length = 188;
  head.record_count = 3;
  head.last_offset_delta = 2;
  model::write_batch_header(batch.data(), head);
  std::vector<FramePtr> frames{
      frame_of({}, {{"a", "1"}}),
      make_frame_of(LogWorld::partition_id(0), {Offset(1), 0}, model::Term(1), batch, Timestamp(1)),
      frame_of({Offset(4), 0}, {{"a", "2"}})};
  const auto out = run_compaction(frames, 0, rules_at(5000));
  ASSERT_EQ(out.size(), 2U);
  EXPECT_EQ(as_text(out[0]->payload.span()), as_text(frames[1]->payload.span()));
}

// Against the obvious: walk everything, keep the last record of each key.
TEST(CompactionRandom, EqualsTheSlowModel) {
  for (std::uint64_t seed = 1; seed <= seeds(15); ++seed) {
    SCOPED_TRACE(seed);
    sim::SimRng rng(seed);
    std::vector<FramePtr> frames;
    std::size_t dirty_from = 0;
    const std::uint64_t keys = rng.between(1, 400);
    std::int64_t now = 1000;
    std::map<std::int64_t, Stored> appended;
    std::map<std::string, std::int64_t> last;
    for (int round = 0; round < 4; ++round) {
      LogPosition at = frames.empty() ? LogPosition{} : frames.back()->header.end;
      for (std::uint64_t n = rng.between(1, 60); n > 0; --n) {
        std::vector<std::pair<std::string, std::optional<std::string>>> records;
        for (std::uint64_t r = rng.between(1, 12); r > 0; --r) {
          const std::string key = "key" + std::to_string(rng.below(keys));
          std::optional<std::string> value;
          if (!rng.one_in(8)) value = std::to_string(rng.next());
          const std::int64_t offset = at.next_offset.value() + static_cast<std::int64_t>(records.size());
          appended[offset] = {offset, key, value, Timestamp(now)};
          last[key] = offset;
          records.emplace_back(key, value);
        }
        const model::Codec codec = model::kCodecs[rng.below(std::size(model::kCodecs))];
        frames.push_back(frame_of(at, records, codec, {}, Timestamp(now)));
        at = frames.back()->header.end;
        now += static_cast<std::int64_t>(rng.below(50));
      }
      Compaction::Rules rules = rules_at(now);
      rules.map_bytes_max = rng.one_in(3) ? 4000 : 1U << 20;  // the small one needs several passes
      frames = run_compaction(frames, dirty_from, rules);
      dirty_from = frames.size();
      now += static_cast<std::int64_t>(rng.below(3000));

      expect_covered(frames, {}, at);
      std::map<std::string, Stored> survivors;
      std::int64_t previous = -1;
      for (const Stored& stored : all_records(frames)) {
        ASSERT_GT(stored.offset, previous) << "order";
        previous = stored.offset;
        ASSERT_EQ(stored, appended.at(stored.offset)) << "nothing is invented or changed";
        ASSERT_EQ(last.at(stored.key), stored.offset) << "superseded records are gone";
        survivors[stored.key] = stored;
      }
      for (const auto& [key, offset] : last) {
        if (appended.at(offset).value) {
          ASSERT_TRUE(survivors.contains(key)) << key << " lost its last value";
        } else if (!survivors.contains(key)) {
          ASSERT_LT(appended.at(offset).timestamp.value() + 1000, now) << "a tombstone went before its time";
        }
      }
    }
  }
}

TEST(CompactionPlan, RespectsRatioLagAndCommit) {
  LogConfig config;
  config.cleanup = CleanupPolicy::kCompact;
  config.min_cleanable_dirty_ratio = 0.5;
  const auto segment = [](std::int64_t begin, std::uint32_t generation, std::uint64_t bytes,
                          std::int64_t last) {
    CompactionSegment out;
    out.meta = {{Offset(begin), 0}, model::BootEpoch(1), generation, {Offset(begin + 10), 0}, bytes};
    out.last_append = Timestamp(last);
    return out;
  };
  std::vector<CompactionSegment> segments{segment(0, 1, 100, 10), segment(10, 0, 60, 20),
                                          segment(20, 0, 60, 30)};
  const auto all = plan_compaction(config, segments, {{Offset(30), 0}, {}}, Timestamp(100));
  ASSERT_TRUE(all);
  EXPECT_EQ(all->end, 3U);
  EXPECT_EQ(all->dirty_begin, 1U);
  EXPECT_FALSE(plan_compaction(config, segments, {{Offset(29), 0}, {}}, Timestamp(100)))
      << "60 of 160 is too little";
  config.min_cleanable_dirty_ratio = 0.3;
  EXPECT_EQ(plan_compaction(config, segments, {{Offset(29), 0}, {}}, Timestamp(100))->end, 2U);
  config.min_compaction_lag_ms = 75;
  EXPECT_EQ(plan_compaction(config, segments, {{Offset(30), 0}, {}}, Timestamp(100))->end, 2U);
  config.min_compaction_lag_ms = 90;
  EXPECT_FALSE(plan_compaction(config, segments, {{Offset(30), 0}, {}}, Timestamp(100)));
  config.min_compaction_lag_ms = 0;
  config.min_cleanable_dirty_ratio = 0.9;
  const TombstonesLeft left{
      .next_pass = Timestamp(50), .waiting_to = LogPosition{Offset(5), 0}, .horizon = {}};
  const CompactionBounds bounds{{Offset(30), 0}, {Offset(5), 0}};
  const auto clean = plan_compaction(config, segments, bounds, Timestamp(100), left);
  ASSERT_TRUE(clean) << "tombstones are due";
  EXPECT_EQ(clean->end, 1U);
  EXPECT_EQ(clean->dirty_begin, 1U);
  EXPECT_FALSE(plan_compaction(config, segments, {{Offset(30), 0}, {}}, Timestamp(100), left));
  config.cleanup = CleanupPolicy::kDelete;
  EXPECT_FALSE(plan_compaction(config, segments, {{Offset(30), 0}, {}}, Timestamp(100)));
}

TEST(KeyMap, HoldsTheLargestOffsetAndSaysWhenFull) {
  KeyMap map(4096);
  const KeyHasher hasher({1, 2, 3, 4});
  std::size_t held = 0;
  while (map.put(hasher.hash(as_bytes(std::to_string(held))), Offset(static_cast<std::int64_t>(held))))
    ++held;
  EXPECT_GT(held, 40U);
  EXPECT_LE(held * 24, 4096U);
  for (std::size_t i = 0; i < held; ++i) {
    const KeyHash hash = hasher.hash(as_bytes(std::to_string(i)));
    EXPECT_EQ(map.find(hash), Offset(static_cast<std::int64_t>(i)));
    EXPECT_TRUE(map.put(hash, Offset(0))) << "a key that is there needs no room";
    EXPECT_EQ(map.find(hash), Offset(static_cast<std::int64_t>(i)));
  }
  EXPECT_FALSE(map.find(hasher.hash(as_bytes("other"))));
}

// The reference values of the SipHash paper's authors: key 00..0f, input 00, 00 01, ...
TEST(SipHash, EqualsTheReferenceVectors) {
  const std::uint64_t k0 = 0x0706050403020100ULL, k1 = 0x0f0e0d0c0b0a0908ULL;
  std::vector<std::byte> input;
  const std::uint64_t want[] = {0x726fdb47dd0e0e31ULL, 0x74f839c593dc67fdULL, 0x0d6c8009d9a94f5aULL,
                                0x85676696d7fb7e2dULL, 0xcf2794e0277187b7ULL, 0x18765564cd99a68dULL,
                                0xcbc9466e58fee3ceULL, 0xab0200f58b01d137ULL, 0x93f5f5799a932462ULL};
  for (const std::uint64_t expected : want) {
    EXPECT_EQ(siphash24(k0, k1, input), expected) << input.size();
    input.push_back(static_cast<std::byte>(input.size()));
  }
}

}  // namespace
}  // namespace forebay::log::testing
