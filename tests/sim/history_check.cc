#include "sim/history_check.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

namespace forebay::sim {
namespace {

std::string text(std::int64_t number) { return std::to_string(number); }
std::string text(std::uint64_t number) { return std::to_string(number); }

// A value at an offset, and who said so.
struct Sighting {
  std::uint32_t partition;
  std::int64_t offset;
  std::uint64_t value;
  const FinalLog* final_log;  // else an acknowledgement or a poll
  bool acknowledged;
  [[nodiscard]] std::string by() const {
    if (final_log != nullptr) return final_log->replica;
    return acknowledged ? "an acknowledgement" : "a reader";
  }
};

class Judge {
 public:
  explicit Judge(const History& history) : history_(history) {
    for (const SentRecord& record : history_.sent) sent_.push_back(&record);
    std::sort(sent_.begin(), sent_.end(), [](auto* a, auto* b) { return a->value < b->value; });
    gather_sightings();
  }

  Judgement run() {
    check_origin();
    check_one_value_per_offset();
    check_one_offset_per_value();
    check_finals();
    check_kept();
    check_real_time();
    check_order();
    check_polls();
    check_listings();
    if (!judgement_.violations.empty()) {
      judgement_.verdict = Judgement::Verdict::kInvalid;
    } else {
      judgement_.verdict = shown_ ? Judgement::Verdict::kValid : Judgement::Verdict::kUnknown;
    }
    return std::move(judgement_);
  }

 private:
  void report(const char* rule, std::string what) {
    if (judgement_.violations.size() < kViolationsMax)
      judgement_.violations.push_back({rule, std::move(what)});
  }

  [[nodiscard]] const SentRecord* find_sent(std::uint64_t value) const {
    const auto at =
        std::lower_bound(sent_.begin(), sent_.end(), value,
                         [](auto* record, std::uint64_t wanted) { return record->value < wanted; });
    return at == sent_.end() || (*at)->value != value ? nullptr : *at;
  }

  void gather_sightings() {
    for (const SentRecord& record : history_.sent) {
      if (record.outcome == Outcome::kOk)
        sightings_.push_back({record.partition, record.offset, record.value, nullptr, true});
    }
    for (const Poll& poll : history_.polls) {
      for (const SeenRecord& record : poll.records)
        sightings_.push_back({poll.partition, record.offset, record.value, nullptr, false});
    }
    for (const FinalLog& log : history_.finals) {
      for (const SeenRecord& record : log.records)
        sightings_.push_back({log.partition, record.offset, record.value, &log, false});
    }
    std::sort(sightings_.begin(), sightings_.end(), [](const Sighting& a, const Sighting& b) {
      return std::tie(a.partition, a.offset, a.value) < std::tie(b.partition, b.offset, b.value);
    });
  }

  // I6, I7
  void check_origin() {
    for (std::size_t i = 1; i < sent_.size(); ++i) {
      if (sent_[i]->value == sent_[i - 1]->value)
        report("I6", "the history itself is wrong: value " + text(sent_[i]->value) + " was sent twice");
    }
    for (const Sighting& seen : sightings_) {
      const SentRecord* origin = find_sent(seen.value);
      const std::string where = "value " + text(seen.value) + " at offset " + text(seen.offset) +
                                " of partition " + text(std::uint64_t{seen.partition}) + ", seen by " +
                                seen.by();
      if (origin == nullptr) {
        report("I6", where + ", was never sent");
      } else if (origin->partition != seen.partition) {
        report("I6", where + ", was sent to partition " + text(std::uint64_t{origin->partition}));
      } else if (origin->outcome == Outcome::kFail) {
        report("I7", where + ", had been refused");
      }
    }
    const auto check_sound = [this](const std::vector<SeenRecord>& records, const std::string& by) {
      for (const SeenRecord& record : records) {
        if (!record.sound)
          report("I6", "a damaged record at offset " + text(record.offset) + " was given to " + by);
      }
    };
    for (const Poll& poll : history_.polls) check_sound(poll.records, "a reader");
    for (const FinalLog& log : history_.finals) check_sound(log.records, log.replica);
  }

  // I3
  void check_one_value_per_offset() {
    for (std::size_t i = 1; i < sightings_.size(); ++i) {
      const Sighting& a = sightings_[i - 1];
      const Sighting& b = sightings_[i];
      if (a.partition != b.partition || a.offset != b.offset || a.value == b.value) continue;
      report("I3", "offset " + text(b.offset) + " of partition " + text(std::uint64_t{b.partition}) +
                       " is value " + text(a.value) + " for " + a.by() + " and value " + text(b.value) +
                       " for " + b.by());
    }
  }

  // I10
  void check_one_offset_per_value() {
    std::vector<const Sighting*> by_value;
    for (const Sighting& seen : sightings_) by_value.push_back(&seen);
    std::sort(by_value.begin(), by_value.end(), [](auto* a, auto* b) {
      return std::tie(a->value, a->partition, a->offset) < std::tie(b->value, b->partition, b->offset);
    });
    for (std::size_t i = 1; i < by_value.size(); ++i) {
      const Sighting& a = *by_value[i - 1];
      const Sighting& b = *by_value[i];
      if (a.value != b.value || (a.offset == b.offset && a.partition == b.partition)) continue;
      report("I10", "value " + text(a.value) + " is at offset " + text(a.offset) + " for " + a.by() +
                        " and at offset " + text(b.offset) + " for " + b.by());
    }
  }

  // I4
  void check_finals() {
    for (const FinalLog& log : history_.finals) {
      std::int64_t next = log.log_start;
      for (const SeenRecord& record : log.records) {
        if (record.offset < next) {
          report("I4",
                 log.replica + ": offset " + text(record.offset) + " lies behind offset " + text(next - 1));
          continue;
        }
        if (!is_gap(log, next, record.offset)) {
          report("I4", log.replica + ": nothing at offsets " + text(next) + " to " + text(record.offset - 1) +
                           " of partition " + text(std::uint64_t{log.partition}));
        }
        next = record.offset + 1;
      }
      if (next < log.end && !is_gap(log, next, log.end))
        report("I4", log.replica + ": nothing at offsets " + text(next) + " to " + text(log.end - 1));
      if (next > log.end) report("I4", log.replica + ": records beyond its end " + text(log.end));
    }
  }

  // All of [begin, end) is in gaps that the replica names.
  static bool is_gap(const FinalLog& log, std::int64_t begin, std::int64_t end) {
    for (bool grew = true; begin < end && grew;) {
      grew = false;
      for (const auto& [from, to] : log.gaps) {
        if (from > begin || to <= begin) continue;
        begin = to;
        grew = true;
      }
    }
    return begin >= end;
  }

  [[nodiscard]] static bool holds(const FinalLog& log, std::int64_t offset, std::uint64_t value) {
    if (offset < log.log_start || is_gap(log, offset, offset + 1)) return true;
    const auto at = std::lower_bound(
        log.records.begin(), log.records.end(), offset,
        [](const SeenRecord& record, std::int64_t wanted) { return record.offset < wanted; });
    return at != log.records.end() && at->offset == offset && at->value == value;
  }

  // I1, I12
  void check_kept() {
    std::map<std::uint32_t, std::vector<const FinalLog*>> finals;
    for (const FinalLog& log : history_.finals) finals[log.partition].push_back(&log);
    const Sighting* last = nullptr;
    for (const Sighting& seen : sightings_) {
      if (seen.final_log != nullptr) continue;
      const bool same = last != nullptr && last->partition == seen.partition && last->offset == seen.offset &&
                        last->value == seen.value && last->acknowledged == seen.acknowledged;
      last = &seen;
      if (same) continue;  // read many times
      const auto at = finals.find(seen.partition);
      if (at == finals.end()) {
        shown_ = false;
        continue;
      }
      for (const FinalLog* log : at->second) {
        if (holds(*log, seen.offset, seen.value)) continue;
        report(seen.acknowledged ? "I1" : "I12", "value " + text(seen.value) + " at offset " +
                                                     text(seen.offset) + " of partition " +
                                                     text(std::uint64_t{seen.partition}) +
                                                     (seen.acknowledged ? " was acknowledged" : " was read") +
                                                     " and is not in " + log->replica);
      }
    }
  }

  // The offset of a record, from its acknowledgement or from whoever saw it.
  [[nodiscard]] std::map<std::uint64_t, std::int64_t> found_offsets() const {
    std::map<std::uint64_t, std::int64_t> found;
    for (const Sighting& seen : sightings_) {
      const SentRecord* origin = find_sent(seen.value);
      if (origin != nullptr && origin->outcome == Outcome::kInfo) found.emplace(seen.value, seen.offset);
    }
    return found;
  }

  // I5
  void check_real_time() {
    const auto found = found_offsets();
    struct Begin {
      std::uint32_t partition;
      HistoryTime at;
      std::int64_t offset;
      std::uint64_t value;
    };
    std::vector<Begin> begins;
    for (const SentRecord* record : sent_) {
      if (record->outcome == Outcome::kOk) {
        begins.push_back({record->partition, record->invoked, record->offset, record->value});
      } else if (const auto at = found.find(record->value); at != found.end()) {
        begins.push_back({record->partition, record->invoked, at->second, record->value});
      }
    }
    sweep_after_acks(begins, [this](const Begin& begin, const SentRecord& acked) {
      if (begin.offset > acked.offset) return;
      report("I5", "value " + text(begin.value) + " was sent after value " + text(acked.value) +
                       " had been acknowledged at offset " + text(acked.offset) + " of partition " +
                       text(std::uint64_t{begin.partition}) + ", and lies at offset " + text(begin.offset));
    });
  }

  // I9
  void check_order() {
    const auto found = found_offsets();
    using Source = std::pair<std::uint32_t, std::uint32_t>;  // process, partition
    std::map<Source, std::pair<std::uint64_t, std::int64_t>> last;
    for (const SentRecord* record : sent_) {  // by value
      if (!record->ordered) continue;
      const auto at = found.find(record->value);
      if (record->outcome != Outcome::kOk && at == found.end()) continue;
      const std::int64_t offset = record->outcome == Outcome::kOk ? record->offset : at->second;
      auto& [value_before, offset_before] =
          last.try_emplace(Source{record->process, record->partition}, record->value, -1).first->second;
      if (offset <= offset_before) {
        report("I9", "value " + text(record->value) + " was sent after value " + text(value_before) +
                         " by the same producer, and lies at offset " + text(offset) + " of partition " +
                         text(std::uint64_t{record->partition}) + ", not behind offset " +
                         text(offset_before));
      }
      value_before = record->value;
      offset_before = offset;
    }
  }

  // I15
  void check_listings() {
    struct Begin {
      std::uint32_t partition;
      HistoryTime at;
      std::int64_t latest;
    };
    std::vector<Begin> begins;
    for (const Listing& listing : history_.listings)
      begins.push_back({listing.partition, listing.invoked, listing.latest});
    sweep_after_acks(begins, [this](const Begin& begin, const SentRecord& acked) {
      if (begin.latest > acked.offset) return;
      report("I15", "the latest offset of partition " + text(std::uint64_t{begin.partition}) +
                        " was said to be " + text(begin.latest) + " after value " + text(acked.value) +
                        " had been acknowledged at offset " + text(acked.offset));
    });
  }

  // Calls `judge_one` with each of `begins` and the highest acknowledgement of its partition before it.
  template <typename Begin, typename JudgeOne>
  void sweep_after_acks(std::vector<Begin>& begins, JudgeOne judge_one) {
    std::sort(begins.begin(), begins.end(), [](const Begin& a, const Begin& b) {
      return std::tie(a.partition, a.at) < std::tie(b.partition, b.at);
    });
    std::vector<const SentRecord*> acks;
    for (const SentRecord* record : sent_) {
      if (record->outcome == Outcome::kOk) acks.push_back(record);
    }
    std::sort(acks.begin(), acks.end(), [](auto* a, auto* b) {
      return std::tie(a->partition, a->finished) < std::tie(b->partition, b->finished);
    });
    std::size_t next = 0;
    const SentRecord* highest = nullptr;
    for (const Begin& begin : begins) {
      const auto is_before = [&begin](const SentRecord& ack) {
        return ack.partition < begin.partition ||
               (ack.partition == begin.partition && ack.finished < begin.at);
      };
      for (; next < acks.size() && is_before(*acks[next]); ++next) {
        if (highest == nullptr || highest->partition != acks[next]->partition ||
            highest->offset < acks[next]->offset)
          highest = acks[next];
      }
      if (highest != nullptr && highest->partition == begin.partition) judge_one(begin, *highest);
    }
  }

  // I13, I14
  void check_polls() {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<const Poll*>> sessions;
    for (const Poll& poll : history_.polls) sessions[{poll.partition, poll.session}].push_back(&poll);
    for (auto& [key, polls] : sessions) {
      std::stable_sort(polls.begin(), polls.end(), [](auto* a, auto* b) { return a->invoked < b->invoked; });
      const std::string who =
          "session " + text(std::uint64_t{key.second}) + " of partition " + text(std::uint64_t{key.first});
      const Poll* before = nullptr;
      for (const Poll* poll : polls) {
        if (before != nullptr) {
          if (poll->position != before->next) {
            report("I13", who + " went on at offset " + text(poll->position) + " after it had read up to " +
                              text(before->next));
          }
          if (poll->high_watermark < before->high_watermark) {
            report("I14", who + " was told a high watermark of " + text(poll->high_watermark) + " after " +
                              text(before->high_watermark));
          }
          if (poll->log_start < before->log_start) {
            report("I14", who + " was told a log start of " + text(poll->log_start) + " after " +
                              text(before->log_start));
          }
        }
        check_poll(*poll, who);
        before = poll;
      }
    }
  }

  // It returned exactly what lies between its position and where it says that the next one begins.
  void check_poll(const Poll& poll, const std::string& who) {
    if (poll.next > poll.high_watermark) {
      report("I13", who + " was given what lies above the high watermark " + text(poll.high_watermark));
    }
    std::int64_t next = poll.position;
    for (const SeenRecord& record : poll.records) {
      if (record.offset < next) {
        report("I13", who + " got offset " + text(record.offset) + " again, or out of order");
        continue;
      }
      if (record.offset >= poll.next)
        report("I13", who + " got offset " + text(record.offset) + " too early");
      check_skipped(poll, who, next, record.offset);
      next = record.offset + 1;
    }
    check_skipped(poll, who, next, poll.next);
  }

  void check_skipped(const Poll& poll, const std::string& who, std::int64_t begin, std::int64_t end) {
    // Trimmed meanwhile; what was read before that is given all the same.
    begin = std::max(begin, poll.log_start);
    if (begin >= end) return;
    const FinalLog* log = nullptr;
    for (const FinalLog& one : history_.finals) {
      if (one.partition == poll.partition) log = &one;
    }
    // Without a final log every offset is taken for a record's.
    const bool fine = log != nullptr && is_gap(*log, begin, end);
    if (!fine) report("I13", who + " was not given offsets " + text(begin) + " to " + text(end - 1));
  }

  const History& history_;
  std::vector<const SentRecord*> sent_;  // by value
  std::vector<Sighting> sightings_;      // by place
  bool shown_ = true;
  Judgement judgement_;
};

}  // namespace

bool Judgement::breaks(const std::string& rule) const {
  return std::any_of(violations.begin(), violations.end(),
                     [&rule](const Violation& violation) { return rule == violation.rule; });
}

std::string Judgement::to_string() const {
  if (verdict == Verdict::kValid) return "valid";
  std::string result =
      verdict == Verdict::kInvalid ? "invalid" : "unknown: no final log of a partition that was used";
  for (const Violation& violation : violations)
    result += "\n  " + std::string(violation.rule) + ": " + violation.what;
  return result;
}

Judgement judge(const History& history) { return Judge(history).run(); }

}  // namespace forebay::sim
