// torture_check: reads the history and the dumps of a torture run and says whether any promise was broken.
// Exit status 0: valid; 1: invalid; 2: unknown, which is no pass.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "sim/history_check.h"
#include "torture/availability.h"
#include "torture/group_check.h"
#include "torture/run_reader.h"

namespace {

using namespace forebay;  // NOLINT: a program of one file

enum ExitStatus : int { kValid = 0, kInvalid = 1, kUnknown = 2 };

struct Arguments {
  std::string run;
  std::vector<std::string> histories;
  std::vector<std::pair<std::string, std::string>> dumps;  // replica, file
};

bool parse_arguments(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    const std::string value = argv[i + 1];
    const std::size_t equals = value.find('=');
    if (flag == "--run") {
      arguments.run = value;
    } else if (flag == "--history") {
      arguments.histories.push_back(value);
    } else if (flag == "--dump" && equals != std::string::npos) {
      arguments.dumps.emplace_back(value.substr(0, equals), value.substr(equals + 1));
    } else {
      return false;
    }
  }
  return argc % 2 == 1 && !arguments.run.empty() && !arguments.histories.empty();
}

enum class LastLine : std::uint8_t { kWhole, kMayBeCut };

// A process that was killed may have left half a line.
template <typename EachLine>
Result<void> read_lines(const std::string& path, LastLine last, EachLine each) {
  std::ifstream file(path);
  if (!file) return Error{ErrorCode::kNotFound, path + " cannot be opened"};
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (file.eof() && last == LastLine::kMayBeCut) break;
    if (const auto read = each(line); !read)
      return Error{read.error().code, path + ":" + std::to_string(number) + ": " + read.error().context};
  }
  return {};
}

Result<torture::Run> read_run(const Arguments& arguments) {
  torture::RunReader reader(arguments.run);
  for (const std::string& path : arguments.histories) {
    if (const auto read = read_lines(path, LastLine::kMayBeCut,
                                     [&](const std::string& line) { return reader.history_line(line); });
        !read)
      return read.error();
  }
  for (const auto& [replica, path] : arguments.dumps) {
    const auto read = read_lines(path, LastLine::kWhole,
                                 [&](const std::string& line) { return reader.dump_line(replica, line); });
    if (!read) return read.error();
  }
  return reader.finish();
}

void print_counts(const torture::Run& run) {
  std::size_t counts[3] = {};
  std::size_t polled = 0;
  std::size_t in_logs = 0;
  for (const auto& record : run.history.sent) ++counts[static_cast<std::size_t>(record.outcome)];
  for (const auto& poll : run.history.polls) polled += poll.records.size();
  for (const auto& log : run.history.finals) in_logs += log.records.size();
  std::printf(
      "records: acknowledged=%zu refused=%zu unknown=%zu; polls=%zu with %zu records; listings=%zu; final "
      "logs=%zu with %zu records\n",
      counts[0], counts[1], counts[2], run.history.polls.size(), polled, run.history.listings.size(),
      run.history.finals.size(), in_logs);
}

double ms(std::uint64_t ns) { return static_cast<double>(ns) / 1e6; }

void print_faults(const torture::Run& run, const torture::Availability& availability) {
  std::uint64_t lag = 0;
  for (const auto& sample : run.lags) lag = std::max(lag, sample.lag_ns);
  std::printf("timers were late by up to %.0f ms; longest silence of a partition without a fault %.0f ms\n",
              ms(lag), ms(availability.worst_healed_ns));
  if (!availability.faults.empty())
    std::printf("%-18s %-12s %8s %8s %12s %10s\n", "fault", "target", "seconds", "acks", "silence ms",
                "allowed");
  for (const auto& report : availability.faults) {
    std::printf("%-18s %-12s %8.1f %8llu %12.0f %10s\n", report.span.fault.c_str(),
                report.span.target.c_str(), ms(report.span.end - report.span.begin) / 1e3,
                static_cast<unsigned long long>(report.acks), ms(report.worst_ns),
                report.allowed_ns == 0 ? "-" : std::to_string(report.allowed_ns / 1'000'000).c_str());
  }
  for (const std::string& skipped : run.skipped) std::printf("skipped: %s\n", skipped.c_str());
}

void print_groups(const torture::GroupReport& report) {
  if (report.groups.empty()) return;
  std::printf("%-8s %8s %8s %8s %8s %8s %12s %10s %10s\n", "group", "members", "killed", "paused", "tenures",
              "lost", "processed", "again", "readings");
  const auto number = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
  for (const auto& group : report.groups) {
    std::printf("%-8s %8llu %8llu %8llu %8llu %8llu %12llu %10llu %10llu\n", group.name.c_str(),
                number(group.members), number(group.killed), number(group.paused), number(group.tenures),
                number(group.lost), number(group.processed), number(group.again), number(group.readings));
  }
}

// What was not looked at; empty: all of it was.
std::string missing_logs(const torture::Run& run) {
  for (const auto& partition : run.partitions) {
    if (partition.dumps < partition.replicas)
      return std::to_string(partition.dumps) + " of " + std::to_string(partition.replicas) + " replicas of " +
             partition.name + " were dumped";
    if (partition.final_reads == 0) return "no final read of " + partition.name;
  }
  return run.partitions.empty() ? "no topic" : "";
}

// The first of them; one thing that is wrong tends to be said a thousand times.
void add_all(std::vector<sim::Violation>& violations, const char* rule, const std::string& what,
             const std::vector<std::string>& told) {
  for (std::size_t i = 0; i < std::min(told.size(), sim::kViolationsMax); ++i)
    violations.push_back({rule, what + told[i]});
}

int judge_run(const torture::Run& run) {
  print_counts(run);
  sim::Judgement judgement = sim::judge(run.history);
  const torture::Availability availability = torture::check_availability(run);
  print_faults(run, availability);
  const torture::GroupReport groups = torture::check_groups(run);
  print_groups(groups);
  std::vector<sim::Violation> violations = std::move(judgement.violations);
  violations.insert(violations.end(), availability.violations.begin(), availability.violations.end());
  violations.insert(violations.end(), groups.violations.begin(), groups.violations.end());
  // Of what passes, a poll of a member says nothing.
  add_all(violations, "told", "", run.groups.troubles);
  add_all(violations, "I1", "", run.not_stored);
  add_all(violations, "I31", "not repaired: ", run.damage);
  // What a reader asks for it has been given before, or was told to go on at.
  add_all(violations, "I12", "a reader ", run.refused_reads);
  for (const auto& violation : violations) std::printf("  %s: %s\n", violation.rule, violation.what.c_str());
  if (!violations.empty()) {
    std::printf("verdict: invalid\n");
    return kInvalid;
  }
  std::string unknown = missing_logs(run);
  if (unknown.empty()) unknown = availability.unknown;
  if (unknown.empty()) unknown = groups.unknown;
  if (unknown.empty() && !judgement.valid()) unknown = judgement.to_string();
  std::printf("verdict: %s\n", unknown.empty() ? "valid" : ("unknown: " + unknown).c_str());
  return unknown.empty() ? kValid : kUnknown;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  if (!parse_arguments(argc, argv, arguments)) {
    std::fprintf(stderr, "usage: torture_check --run ID --history FILE... --dump REPLICA=FILE...\n");
    return kUnknown;
  }
  const auto run = read_run(arguments);
  if (!run) {
    std::printf("verdict: unknown: %s\n", run.error().context.c_str());
    return kUnknown;
  }
  return judge_run(*run);
}
