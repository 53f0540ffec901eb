#include "torture/availability.h"

#include <algorithm>

namespace forebay::torture {
namespace {

using Time = sim::HistoryTime;

// The time of the run, cut where faults begin and end.
struct Stretch {
  Time begin = 0;
  Time end = 0;
  const FaultSpan* fault = nullptr;  // nullptr: none
};

std::string seconds(std::uint64_t ns) {
  constexpr std::uint64_t kMs = 1'000'000;
  return std::to_string(ns / kMs) + " ms";
}

class Judge {
 public:
  explicit Judge(const Run& run) : run_(run) {}

  Availability run() {
    if (run_.lags.empty()) {
      result_.unknown = "nobody measured how late timers were";
      return std::move(result_);
    }
    for (const FaultSpan& fault : run_.faults) result_.faults.push_back({.span = fault});
    if (!gather_acks()) return std::move(result_);
    cut_time();
    for (const Stretch& stretch : stretches_) judge(stretch);
    for (FaultReport& report : result_.faults) judge_count(report);
    return std::move(result_);
  }

 private:
  [[nodiscard]] bool gather_acks() {
    acks_.resize(run_.partitions.size());
    first_ = ~Time{0};
    for (const sim::SentRecord& record : run_.history.sent) {
      first_ = std::min(first_, record.invoked);
      last_ = std::max(last_, record.invoked);
      if (record.outcome != sim::Outcome::kOk) continue;
      acks_[record.partition].push_back(record.finished);
      for (FaultReport& report : result_.faults) {
        if (record.invoked >= report.span.begin && record.finished <= report.span.end) ++report.acks;
      }
    }
    for (auto& times : acks_) std::sort(times.begin(), times.end());
    if (last_ == 0) result_.unknown = "nothing was produced";
    return last_ != 0;
  }

  void cut_time() {
    Time at = first_;
    for (const FaultSpan& fault : run_.faults) {
      if (fault.begin > at) stretches_.push_back({at, fault.begin, nullptr});
      stretches_.push_back({std::max(at, fault.begin), fault.end, &fault});
      at = std::max(at, fault.end);
    }
    if (last_ > at) stretches_.push_back({at, last_, nullptr});
  }

  [[nodiscard]] std::uint64_t lag(Time begin, Time end) const {
    std::uint64_t worst = 0;
    constexpr Time kSampleNs = 1'000'000'000;  // a sample tells of the second before it
    for (const LagSample& sample : run_.lags) {
      if (sample.at >= begin && sample.at <= end + kSampleNs) worst = std::max(worst, sample.lag_ns);
    }
    return worst;
  }

  void judge(const Stretch& stretch) {
    FaultReport* report = stretch.fault == nullptr
                              ? nullptr
                              : &result_.faults[static_cast<std::size_t>(stretch.fault - run_.faults.data())];
    const std::uint64_t bound_ns =
        report == nullptr ? kHealNs : std::uint64_t{report->span.within_ms} * 1'000'000;
    for (std::size_t partition = 0; partition < acks_.size(); ++partition) {
      // A gap counts as far as it lies in the stretch.
      Time before = stretch.begin;
      const auto& times = acks_[partition];
      auto ack = std::lower_bound(times.begin(), times.end(), stretch.begin);
      for (bool more = true; more;) {
        more = ack != times.end() && *ack < stretch.end;
        const Time now = more ? *ack++ : stretch.end;
        judge_gap({before, now}, stretch, report, bound_ns, partition);
        before = now;
      }
    }
  }

  void judge_gap(std::pair<Time, Time> gap, const Stretch& stretch, FaultReport* report,
                 std::uint64_t bound_ns, std::size_t partition) {
    const std::uint64_t lasted = gap.second - gap.first;
    if (report == nullptr) {
      result_.worst_healed_ns = std::max(result_.worst_healed_ns, lasted);
    } else if (lasted > report->worst_ns) {
      report->worst_ns = lasted;
      report->partition = run_.partitions[partition].name;
    }
    if (bound_ns == 0 || lasted <= bound_ns) return;
    const std::uint64_t allowed = bound_ns + kWakesInAChain * lag(gap.first, gap.second);
    if (report != nullptr) report->allowed_ns = std::max(report->allowed_ns, allowed);
    if (lasted <= allowed) return;
    const std::string what = "no acknowledgement of " + run_.partitions[partition].name + " for " +
                             seconds(lasted) + " from " + std::to_string(gap.first) + " on, allowed were " +
                             seconds(allowed);
    if (report == nullptr) {
      add("I16", what + ", without any fault since " + std::to_string(stretch.begin));
    } else {
      add("I33", what + ", during " + report->span.fault + " of " + report->span.target);
    }
  }

  void judge_count(FaultReport& report) {
    if (!report.span.serves) return;
    if (report.span.within_ms != 0)
      report.allowed_ns = std::max(report.allowed_ns, report.span.within_ms * 1'000'000);
    // One that was over before anything had to be served proves nothing either way.
    constexpr std::uint64_t kLongNs = 5'000'000'000;
    const bool long_enough = report.span.end - report.span.begin > std::max(report.allowed_ns, kLongNs);
    if (report.acks == 0 && long_enough) {
      add("I33", "nothing at all was acknowledged during " + report.span.fault + " of " + report.span.target);
    }
  }

  void add(const char* rule, std::string what) {
    if (result_.violations.size() < sim::kViolationsMax)
      result_.violations.push_back({rule, std::move(what)});
  }

  const Run& run_;
  Availability result_;
  std::vector<std::vector<Time>> acks_;  // by partition, sorted
  std::vector<Stretch> stretches_;
  Time first_ = 0;
  Time last_ = 0;
};

}  // namespace

Availability check_availability(const Run& run) { return Judge(run).run(); }

}  // namespace forebay::torture
