#include "torture/group_history.h"

#include <limits>
#include <utility>

namespace forebay::torture {
namespace {

using Kind = GroupHistory::Kind;

constexpr std::uint32_t kNoGroup = std::numeric_limits<std::uint32_t>::max();

// Ops of a member with a partition.
std::optional<Kind> partition_kind(std::string_view op) {
  if (op == "assigned") return Kind::kAssigned;
  if (op == "processed") return Kind::kProcessed;
  if (op == "revoked") return Kind::kRevoked;
  if (op == "lost") return Kind::kLost;
  return std::nullopt;
}

// Ops of the harness.
std::optional<Kind> harness_kind(std::string_view op) {
  if (op == "kill") return Kind::kKilled;
  if (op == "pause") return Kind::kPaused;
  if (op == "wake") return Kind::kResumed;
  return std::nullopt;
}

}  // namespace

bool GroupReader::knows(std::string_view op) {
  return partition_kind(op) || harness_kind(op) || op == "member" || op == "joined" || op == "away" ||
         op == "trouble" || op == "left" || op == "committed";
}

std::uint32_t GroupReader::group_number(std::string_view name) {
  const auto [at, is_new] = groups_.emplace(name, static_cast<std::uint32_t>(history_.groups.size()));
  if (is_new) history_.groups.emplace_back(name);
  return at->second;
}

std::uint32_t GroupReader::member_number(std::string_view name) {
  const auto [at, is_new] = members_.emplace(name, static_cast<std::uint32_t>(history_.members.size()));
  if (is_new) {
    history_.members.push_back({std::string(name), kNoGroup});
    states_.emplace_back();
  }
  return at->second;
}

Result<void> GroupReader::line(const HistoryLine& line, std::optional<std::uint32_t> partition,
                               sim::History& seen) {
  if (const auto kind = harness_kind(line.op)) {
    const auto member = line.text("member");
    if (!member) return wrong_line("no member", line.whole);
    history_.events.push_back({.at = line.at, .kind = *kind, .member = member_number(*member)});
    return {};
  }
  const bool wants_partition = partition_kind(line.op) || line.op == "committed";
  if (wants_partition != partition.has_value()) return wrong_line("a partition, or none", line.whole);
  if (line.op == "committed") return committed_line(line, *partition);
  if (partition) return partition_line(line, *partition, seen);
  return member_line(line);
}

Result<void> GroupReader::member_line(const HistoryLine& line) {
  const std::uint32_t number = member_number(line.process);
  GroupHistory::Member& member = history_.members[number];
  if (line.op == "member") {
    const auto group = line.text("group");
    if (!group || member.group != kNoGroup) return wrong_line("not a new member", line.whole);
    member.group = group_number(*group);
    return {};
  }
  if (member.group == kNoGroup) return wrong_line("of no group", line.whole);
  if (line.op == "trouble") {
    history_.troubles.push_back(member.name + " was told " + std::string(line.text("error").value_or("?")) +
                                " at " + std::to_string(line.at) + ": " +
                                std::string(line.text("what").value_or("")));
    return {};
  }
  // The first time is how it begins.
  if (line.op == "joined" && !std::exchange(states_[number].joined, true)) return {};
  const bool well = line.op == "left" && line.type == "ok";
  history_.events.push_back({.at = line.at, .kind = well ? Kind::kLeft : Kind::kAway, .member = number});
  return {};
}

Result<void> GroupReader::partition_line(const HistoryLine& line, std::uint32_t partition,
                                         sim::History& seen) {
  const std::uint32_t number = member_number(line.process);
  if (history_.members[number].group == kNoGroup) return wrong_line("of no group", line.whole);
  const GroupHistory::Event event{
      .at = line.at, .kind = *partition_kind(line.op), .member = number, .partition = partition};
  if (event.kind == Kind::kProcessed) return processed_line(line, event, seen);
  if (event.kind == Kind::kAssigned) states_[number].sessions[partition] = next_session_++;
  history_.events.push_back(event);
  return {};
}

Result<void> GroupReader::processed_line(const HistoryLine& line, GroupHistory::Event event,
                                         sim::History& seen) {
  const auto& sessions = states_[event.member].sessions;
  const auto session = sessions.find(event.partition);
  if (session == sessions.end()) return wrong_line("it never had the partition", line.whole);
  sim::Poll poll{
      .session = session->second, .partition = event.partition, .invoked = line.at, .finished = line.at};
  const auto records = line.text("records");
  if (!records || !parse_records(*records, poll.records) || poll.records.empty())
    return wrong_line("no records", line.whole);
  poll.position = event.begin = poll.records.front().offset;
  // Members are not told of high watermarks.
  poll.next = poll.high_watermark = event.end = poll.records.back().offset + 1;
  history_.events.push_back(event);
  seen.polls.push_back(std::move(poll));
  return {};
}

Result<void> GroupReader::committed_line(const HistoryLine& line, std::uint32_t partition) {
  const auto group = line.text("group");
  GroupHistory::Reading reading{.told = line.at, .partition = partition};
  if (!group || !line.get("asked", reading.asked) || !line.get("offset", reading.offset))
    return wrong_line("not what is committed", line.whole);
  reading.group = group_number(*group);
  if (std::int64_t end = 0; line.get("end", end)) reading.end = end;
  history_.readings.push_back(reading);
  return {};
}

Result<GroupHistory> GroupReader::finish() {
  // One that was killed before it wrote a line has done nothing.
  std::erase_if(history_.events, [this](const GroupHistory::Event& event) {
    return history_.members[event.member].group == kNoGroup;
  });
  for (auto& member : history_.members) {
    if (member.group == kNoGroup) member.group = 0;
  }
  return std::move(history_);
}

}  // namespace forebay::torture
