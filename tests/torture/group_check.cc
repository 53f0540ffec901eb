#include "torture/group_check.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace forebay::torture {
namespace {

using Time = sim::HistoryTime;
using Kind = GroupHistory::Kind;
using Event = GroupHistory::Event;
using Reading = GroupHistory::Reading;

// A member notices within a poll that it was out of the group, and says so with the next one.
constexpr Time kNoticedWithinNs = 2'000'000'000;

struct Tenure {
  std::uint32_t member = 0;
  Time begin = 0;
  std::optional<std::int64_t> first;  // offset that it began with
  std::int64_t end = 0;               // behind the last one
  Time revoked = 0;                   // 0: it was not
  bool lost = false;
};

// One member's times of absence.
struct Absences {
  std::vector<std::pair<Time, Time>> paused;
  std::vector<Time> away;
  Time killed = 0;
  [[nodiscard]] bool was_paused(Time begin, Time end) const {
    return std::any_of(paused.begin(), paused.end(),
                       [&](const auto& span) { return span.first <= end && span.second >= begin; });
  }
  // Whether something in that time excuses it that what it had processed was not committed.
  [[nodiscard]] bool excuse(Time begin, Time end) const {
    return (killed != 0 && killed <= end) || was_paused(begin, end) ||
           std::any_of(away.begin(), away.end(),
                       [&](Time at) { return at >= begin && at <= end + kNoticedWithinNs; });
  }
};

// A partition as one group has it.
class PartitionJudge {
 public:
  PartitionJudge(const Run& run, std::uint32_t group, std::uint32_t partition,
                 const std::vector<Absences>& absences, GroupReport& report)
      : run_(run),
        absences_(absences),
        report_(report),
        counts_(report.groups[group]),
        where_(run.partitions[partition].name + " of group " + run.groups.groups[group]) {}

  void judge(const std::vector<const Event*>& events, std::vector<const Reading*> readings,
             std::int64_t final_end) {
    std::sort(readings.begin(), readings.end(), [](auto* a, auto* b) { return a->told < b->told; });
    auto reading = readings.begin();
    for (const Event* event : events) {
      for (; reading != readings.end() && (*reading)->told < event->at; ++reading) judge_reading(**reading);
      judge_event(*event);
    }
    for (; reading != readings.end(); ++reading) judge_reading(**reading);
    judge_monotone(readings);
    for (const Repeat& repeat : repeats_) judge_repeat(repeat);
    if (high_ < final_end) {
      add("I19", "records from offset " + std::to_string(high_) + " to " + std::to_string(final_end - 1) +
                     " of " + where_ + " were processed by nobody");
    }
    if (readings.empty() || readings.back()->offset != final_end) {
      add("I19", (readings.empty() ? "nothing" : std::to_string(readings.back()->offset)) +
                     " is the last that was seen to be committed of " + where_ + ", which ends at " +
                     std::to_string(final_end));
    }
    for (const Reading* one : readings) {
      if (one->offset > final_end)
        add("I17", std::to_string(one->offset) + " was committed of " + where_ + ", which ends at " +
                       std::to_string(final_end));
    }
  }

 private:
  struct Repeat {
    std::size_t tenure;
    std::int64_t begin;
  };

  void add(const char* rule, std::string what) {
    if (report_.violations.size() < sim::kViolationsMax)
      report_.violations.push_back({rule, std::move(what)});
  }
  [[nodiscard]] const std::string& name(std::uint32_t member) const {
    return run_.groups.members[member].name;
  }

  void judge_event(const Event& event) {
    switch (event.kind) {
      case Kind::kAssigned:
        ++counts_.tenures;
        current_[event.member] = tenures_.size();
        floors_.push_back(committed_);
        tenures_.push_back({.member = event.member, .begin = event.at});
        return;
      case Kind::kProcessed:
        return judge_processed(event);
      case Kind::kRevoked:
      case Kind::kLost:
        if (const auto at = current_.find(event.member); at != current_.end()) {
          Tenure& tenure = tenures_[at->second];
          if (event.kind == Kind::kRevoked) tenure.revoked = event.at;
          if (event.kind == Kind::kLost && !std::exchange(tenure.lost, true)) ++counts_.lost;
        }
        return;
      case Kind::kAway:
      case Kind::kLeft:
      case Kind::kKilled:
      case Kind::kPaused:
      case Kind::kResumed:
        return;  // not of a partition: see Absences
    }
  }

  void judge_processed(const Event& event) {
    const std::size_t number = current_.at(event.member);  // GroupReader has made sure of it
    Tenure& tenure = tenures_[number];
    const std::string who = name(event.member) + " processed offset " + std::to_string(event.begin) + " of " +
                            where_ + " at " + std::to_string(event.at);
    if (tenure.revoked != 0) add("I18", who + ", which it had given up at " + std::to_string(tenure.revoked));
    const Tenure& newest = tenures_.back();
    if (newest.member != tenure.member && !absences_[tenure.member].was_paused(tenure.begin, event.at))
      add("I18", who + ", which " + name(newest.member) + " has had since " + std::to_string(newest.begin));
    if (!tenure.first) {
      tenure.first = event.begin;
      if (event.begin < floors_[number])
        add("I17", who + ", although " + std::to_string(floors_[number]) + " was committed before it began");
      if (event.begin < high_) repeats_.push_back({number, event.begin});
    }
    if (event.begin > high_)
      add("I19", who + ", and nobody has processed " + std::to_string(high_) + " to " +
                     std::to_string(event.begin - 1));
    counts_.processed += static_cast<std::uint64_t>(event.end - event.begin);
    if (event.begin < high_)
      counts_.again += static_cast<std::uint64_t>(std::min(event.end, high_) - event.begin);
    tenure.end = event.end;
    high_ = std::max(high_, event.end);
  }

  void judge_reading(const Reading& reading) {
    ++counts_.readings;
    const std::string what = std::to_string(reading.offset) + " was seen to be committed of " + where_ +
                             " at " + std::to_string(reading.told);
    committed_ = std::max(committed_, reading.offset);
    if (reading.offset > high_)
      add("I19", what + ", when nothing from offset " + std::to_string(high_) + " on had been processed");
    if (reading.end && reading.offset > *reading.end)
      add("I17", what + ", and the end is " + std::to_string(*reading.end));
  }

  // What was told before another question was put is its lower bound.
  void judge_monotone(const std::vector<const Reading*>& by_told) {
    std::vector<const Reading*> by_asked = by_told;
    std::sort(by_asked.begin(), by_asked.end(), [](auto* a, auto* b) { return a->asked < b->asked; });
    std::int64_t known = 0;
    auto told = by_told.begin();
    for (const Reading* reading : by_asked) {
      for (; told != by_told.end() && (*told)->told < reading->asked; ++told)
        known = std::max(known, (*told)->offset);
      if (reading->offset < known)
        add("I17", std::to_string(reading->offset) + " was seen to be committed of " + where_ + " at " +
                       std::to_string(reading->told) + ", after " + std::to_string(known));
    }
  }

  // Everybody whose work is done again must have an excuse.
  void judge_repeat(const Repeat& repeat) {
    for (std::size_t i = 0; i < repeat.tenure; ++i) {
      const Tenure& before = tenures_[i];
      if (!before.first || before.end <= repeat.begin) continue;
      const Time from = before.revoked != 0 ? before.revoked : before.begin;
      if (before.lost || absences_[before.member].excuse(from, tenures_[repeat.tenure].begin)) continue;
      add("again", name(tenures_[repeat.tenure].member) + " began with offset " +
                       std::to_string(repeat.begin) + " of " + where_ + " at " +
                       std::to_string(tenures_[repeat.tenure].begin) + ", although " + name(before.member) +
                       " had processed up to " + std::to_string(before.end) +
                       (before.revoked != 0 ? ", had given it up in order" : "") +
                       ", and was neither killed, nor paused, nor out of the group");
    }
  }

  const Run& run_;
  const std::vector<Absences>& absences_;
  GroupReport& report_;
  GroupReport::Group& counts_;
  const std::string where_;
  std::vector<Tenure> tenures_;
  std::vector<std::int64_t> floors_;              // by tenure: committed when it began
  std::map<std::uint32_t, std::size_t> current_;  // by member: its last tenure
  std::vector<Repeat> repeats_;
  std::int64_t high_ = 0;       // everything below was processed
  std::int64_t committed_ = 0;  // that was told
};

std::vector<Absences> absences_of(const GroupHistory& history) {
  std::vector<Absences> absences(history.members.size());
  for (const Event& event : history.events) {
    Absences& one = absences[event.member];
    if (event.kind == Kind::kKilled) one.killed = event.at;
    if (event.kind == Kind::kAway) one.away.push_back(event.at);
    if (event.kind == Kind::kPaused) one.paused.emplace_back(event.at, ~Time{0});
    if (event.kind == Kind::kResumed && !one.paused.empty()) one.paused.back().second = event.at;
  }
  return absences;
}

void count_members(const GroupHistory& history, const std::vector<Absences>& absences, GroupReport& report) {
  for (const std::string& group : history.groups) report.groups.push_back({.name = group});
  for (std::size_t i = 0; i < history.members.size(); ++i) {
    if (history.groups.empty()) return;
    GroupReport::Group& group = report.groups[history.members[i].group];
    ++group.members;
    group.killed += absences[i].killed != 0 ? 1 : 0;
    group.paused += absences[i].paused.size();
  }
}

}  // namespace

GroupReport check_groups(const Run& run) {
  GroupReport report;
  const GroupHistory& history = run.groups;
  const std::vector<Absences> absences = absences_of(history);
  count_members(history, absences, report);
  std::map<std::uint32_t, std::int64_t> ends;
  for (const sim::FinalLog& log : run.history.finals) {
    auto& end = ends.try_emplace(log.partition, log.end).first->second;
    end = std::max(end, log.end);
  }
  std::vector<const Event*> sorted;
  for (const Event& event : history.events) sorted.push_back(&event);
  std::stable_sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->at < b->at; });
  using Place = std::pair<std::uint32_t, std::uint32_t>;  // group, partition
  std::map<Place, std::vector<const Event*>> events;
  std::map<Place, std::vector<const Reading*>> readings;
  for (const Event* event : sorted) {
    if (event->kind <= Kind::kLost)
      events[{history.members[event->member].group, event->partition}].push_back(event);
  }
  for (const Reading& reading : history.readings)
    readings[{reading.group, reading.partition}].push_back(&reading);
  for (std::uint32_t group = 0; group < history.groups.size(); ++group) {
    for (std::uint32_t partition = 0; partition < run.partitions.size(); ++partition) {
      const auto end = ends.find(partition);
      if (end == ends.end()) {
        report.unknown = "nobody knows where " + run.partitions[partition].name + " ends";
        continue;
      }
      PartitionJudge(run, group, partition, absences, report)
          .judge(events[{group, partition}], readings[{group, partition}], end->second);
    }
  }
  return report;
}

}  // namespace forebay::torture
