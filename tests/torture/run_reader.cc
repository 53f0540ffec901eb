#include "torture/run_reader.h"

#include <charconv>

#include "torture/record_value.h"

namespace forebay::torture {
namespace {

Error wrong(std::string_view what, std::string_view line) {
  constexpr std::size_t kShown = 300;
  return Error{ErrorCode::kInvalidArgument, std::string(what) + ": " + std::string(line.substr(0, kShown))};
}

template <typename Number>
[[nodiscard]] bool parse(std::string_view text, Number& number) {
  const auto done = std::from_chars(text.data(), text.data() + text.size(), number);
  return done.ec == std::errc{} && done.ptr == text.data() + text.size();
}

std::string_view next_word(std::string_view& rest) {
  const std::size_t space = rest.find(' ');
  const std::string_view word = rest.substr(0, space);
  rest = space == std::string_view::npos ? std::string_view{} : rest.substr(space + 1);
  return word;
}

// OFFSET:VALUE[xCOUNT][!]
[[nodiscard]] bool append_run(std::string_view text, std::vector<sim::SeenRecord>& records) {
  const bool sound = !text.ends_with('!');
  if (!sound) text.remove_suffix(1);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const std::size_t times = text.find('x', colon);
  sim::SeenRecord record{.sound = sound};
  std::uint64_t count = 1;
  if (!parse(text.substr(0, colon), record.offset)) return false;
  if (times != std::string_view::npos && !parse(text.substr(times + 1), count)) return false;
  const std::size_t length = times == std::string_view::npos ? times : times - colon - 1;
  if (!parse(text.substr(colon + 1, length), record.value)) return false;
  for (std::uint64_t i = 0; i < count; ++i, ++record.offset, ++record.value) records.push_back(record);
  return true;
}

[[nodiscard]] bool parse_records(std::string_view text, std::vector<sim::SeenRecord>& records) {
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    if (!append_run(text.substr(0, comma), records)) return false;
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
  }
  return true;
}

// Of one object on one line, as our tool prints it: "name":"text" or "name":number. Empty when absent.
std::string_view json_member(std::string_view line, std::string_view name) {
  const std::string wanted = "\"" + std::string(name) + "\":";
  const std::size_t at = line.find(wanted);
  if (at == std::string_view::npos) return {};
  std::string_view rest = line.substr(at + wanted.size());
  if (rest.starts_with('"')) return rest.substr(1, rest.find('"', 1) - 1);
  return rest.substr(0, rest.find_first_of(",}]"));
}

// OFFSET/CONTROL
[[nodiscard]] bool parse_position(std::string_view text, std::int64_t& offset) {
  return parse(text.substr(0, text.find('/')), offset);
}

}  // namespace

struct RunReader::Line {
  std::string_view whole;
  sim::HistoryTime at = 0;
  std::string_view process;
  std::string_view type;
  std::string_view op;
  std::string_view topic;
  std::string_view partition;
};

class RunReader::Fields {
 public:
  explicit Fields(std::string_view rest) : rest_(rest) {}
  [[nodiscard]] std::optional<std::string_view> text(std::string_view name) const {
    std::string_view rest = rest_;
    while (!rest.empty()) {
      const std::string_view word = next_word(rest);
      if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=')
        return word.substr(name.size() + 1);
    }
    return std::nullopt;
  }
  template <typename Number>
  [[nodiscard]] bool get(std::string_view name, Number& number) const {
    const auto found = text(name);
    return found && parse(*found, number);
  }

 private:
  std::string_view rest_;
};

Result<void> RunReader::history_line(std::string_view whole) {
  Line line{.whole = whole};
  std::string_view rest = whole;
  if (!parse(next_word(rest), line.at)) return wrong("no time", whole);
  line.process = next_word(rest);
  line.type = next_word(rest);
  line.op = next_word(rest);
  line.topic = next_word(rest);
  line.partition = next_word(rest);
  if (line.partition.empty()) return wrong("too short", whole);
  if (line.type != "invoke" && line.type != "ok" && line.type != "fail" && line.type != "info")
    return wrong("unknown type", whole);
  const Fields fields(rest);
  if (line.process == "nemesis") return nemesis_line(line, fields);
  if (line.op == "topic") return topic_line(line, fields);
  if (line.op == "produce") return produce_line(line, fields);
  if (line.op == "poll") return poll_line(line, fields);
  if (line.op == "list") return list_line(line, fields);
  if (line.op == "final") return final_line(line, fields);
  if (line.op == "sample") {
    std::uint64_t lag_us = 0;
    if (!fields.get("lag_us", lag_us)) return wrong("no lag_us", whole);
    run_.lags.push_back({line.at, lag_us * 1000});
    return {};
  }
  return wrong("unknown op", whole);
}

Result<std::uint32_t> RunReader::partition_of(const Line& line) const {
  const auto topic = topics_.find(line.topic);
  std::uint32_t partition = 0;
  if (topic == topics_.end() || !parse(line.partition, partition) || partition >= topic->second.count)
    return wrong("no such partition", line.whole);
  return topic->second.first + partition;
}

Result<void> RunReader::topic_line(const Line& line, const Fields& fields) {
  Topic topic{.name = std::string(line.topic), .first = static_cast<std::uint32_t>(run_.partitions.size())};
  std::size_t replicas = 0;
  const auto id = fields.text("id");
  if (!parse(line.partition, topic.count) || !id || !fields.get("replicas", replicas))
    return wrong("not a topic", line.whole);
  for (std::uint32_t i = 0; i < topic.count; ++i)
    run_.partitions.push_back({.name = topic.name + "/" + std::to_string(i), .replicas = replicas});
  topics_by_id_.emplace(*id, topic);
  topics_.emplace(topic.name, topic);
  return {};
}

Result<void> RunReader::produce_line(const Line& line, const Fields& fields) {
  std::uint64_t id = 0;
  if (!fields.get("id", id)) return wrong("no id", line.whole);
  if (line.type == "invoke") {
    std::uint64_t first = 0;
    PendingProduce pending{.at = run_.history.sent.size()};
    const auto partition = partition_of(line);
    if (!partition) return partition.error();
    if (!fields.get("first", first) || !fields.get("count", pending.count))
      return wrong("no values", line.whole);
    const auto process =
        processes_.emplace(line.process, static_cast<std::uint32_t>(processes_.size())).first->second;
    for (std::size_t i = 0; i < pending.count; ++i) {
      run_.history.sent.push_back(
          {.value = first + i, .process = process, .partition = *partition, .invoked = line.at});
    }
    if (!produces_.emplace(id, pending).second) return wrong("the id is in use", line.whole);
    return {};
  }
  const auto pending = produces_.find(id);
  if (pending == produces_.end()) return wrong("an answer to nothing", line.whole);
  std::int64_t offset = 0;
  if (line.type == "ok" && !fields.get("offset", offset)) return wrong("no offset", line.whole);
  for (std::size_t i = 0; i < pending->second.count; ++i) {
    sim::SentRecord& record = run_.history.sent[pending->second.at + i];
    record.finished = line.at;
    if (line.type == "ok") {
      record.outcome = sim::Outcome::kOk;
      record.offset = offset + static_cast<std::int64_t>(i);
    } else if (line.type == "fail") {
      record.outcome = sim::Outcome::kFail;
    }
  }
  produces_.erase(pending);
  return {};
}

Result<void> RunReader::poll_line(const Line& line, const Fields& fields) {
  std::uint64_t id = 0;
  if (!fields.get("id", id)) return wrong("no id", line.whole);
  if (line.type == "invoke") {
    PendingRead pending{.invoked = line.at};
    if (!fields.get("session", pending.session) || !fields.get("position", pending.position))
      return wrong("no session or position", line.whole);
    if (!polls_.emplace(id, pending).second) return wrong("the id is in use", line.whole);
    return {};
  }
  const auto pending = polls_.find(id);
  if (pending == polls_.end()) return wrong("an answer to nothing", line.whole);
  if (line.type == "ok") {
    const auto partition = partition_of(line);
    if (!partition) return partition.error();
    sim::Poll poll{.session = pending->second.session,
                   .partition = *partition,
                   .invoked = pending->second.invoked,
                   .finished = line.at,
                   .position = pending->second.position};
    const auto records = fields.text("records");
    if (!fields.get("next", poll.next) || !fields.get("hw", poll.high_watermark) ||
        !fields.get("start", poll.log_start) || !records || !parse_records(*records, poll.records))
      return wrong("not what a poll answers", line.whole);
    run_.history.polls.push_back(std::move(poll));
  } else if (const auto error = fields.text("error");
             error == "OFFSET_OUT_OF_RANGE" || error == "DATA_LOSS") {
    run_.refused_reads.push_back(std::string(line.process) + " at offset " +
                                 std::to_string(pending->second.position) + " of " + std::string(line.topic) +
                                 '/' + std::string(line.partition) + " was told " + std::string(*error) +
                                 " at " + std::to_string(line.at));
  }
  polls_.erase(pending);
  return {};
}

Result<void> RunReader::list_line(const Line& line, const Fields& fields) {
  std::uint64_t id = 0;
  if (!fields.get("id", id)) return wrong("no id", line.whole);
  if (line.type == "invoke") {
    if (!lists_.emplace(id, PendingRead{.invoked = line.at}).second)
      return wrong("the id is in use", line.whole);
    return {};
  }
  const auto pending = lists_.find(id);
  if (pending == lists_.end()) return wrong("an answer to nothing", line.whole);
  if (line.type == "ok") {
    const auto partition = partition_of(line);
    if (!partition) return partition.error();
    sim::Listing listing{.partition = *partition, .invoked = pending->second.invoked, .finished = line.at};
    if (!fields.get("latest", listing.latest)) return wrong("no latest", line.whole);
    run_.history.listings.push_back(listing);
  }
  lists_.erase(pending);
  return {};
}

Result<void> RunReader::final_line(const Line& line, const Fields& fields) {
  const auto partition = partition_of(line);
  if (!partition) return partition.error();
  sim::FinalLog log{.replica = "the final read by " + std::string(line.process), .partition = *partition};
  const auto records = fields.text("records");
  if (line.type != "ok" || !fields.get("start", log.log_start) || !fields.get("end", log.end) || !records ||
      !parse_records(*records, log.records))
    return wrong("not a final read", line.whole);
  ++run_.partitions[*partition].final_reads;
  run_.history.finals.push_back(std::move(log));
  return {};
}

Result<void> RunReader::nemesis_line(const Line& line, const Fields& fields) {
  if (line.op == "skip") {
    run_.skipped.push_back(std::string(fields.text("fault").value_or("?")) + ": " +
                           std::string(fields.text("why").value_or("?")) + " missing");
    return {};
  }
  std::uint64_t id = 0;
  if (!fields.get("id", id)) return wrong("no id", line.whole);
  if (line.type == "invoke") {
    FaultSpan span{.fault = std::string(line.op), .target = std::string(fields.text("target").value_or("-"))};
    span.begin = line.at;
    int serves = 0;
    if (!fields.get("within_ms", span.within_ms) || !fields.get("serves", serves))
      return wrong("no within_ms or serves", line.whole);
    span.serves = serves != 0;
    open_faults_[id] = run_.faults.size();
    run_.faults.push_back(std::move(span));
    return {};
  }
  const auto open = open_faults_.find(id);
  if (open == open_faults_.end()) return wrong("the end of nothing", line.whole);
  run_.faults[open->second].end = line.at;
  open_faults_.erase(open);
  return {};
}

Result<void> RunReader::dump_line(const std::string& replica, std::string_view line) {
  const std::string_view kind = json_member(line, "kind");
  if (line.empty() || line.back() != '}') return wrong("not a whole line of a dump", line);
  if (kind == "partition") return dump_partition(replica, line);
  // A record's own members come first; its kind stands at the end of the line.
  if (line.ends_with("\"kind\":\"record\"}")) return dump_record(replica, line);
  if (kind == "damage") run_.damage.push_back(replica + ": " + std::string(line));
  return {};
}

Result<void> RunReader::dump_partition(const std::string& replica, std::string_view line) {
  const auto topic = topics_by_id_.find(json_member(line, "topic"));
  if (topic == topics_by_id_.end()) return {};  // not of this run's clients
  std::uint32_t partition = 0;
  sim::FinalLog log{.replica = replica};
  if (!parse(json_member(line, "partition"), partition) || partition >= topic->second.count ||
      !parse_position(json_member(line, "log_start"), log.log_start) ||
      !parse_position(json_member(line, "end"), log.end))
    return wrong("not a partition", line);
  log.partition = topic->second.first + partition;
  if (line.find("\"damage\":[{") != std::string_view::npos)
    run_.damage.push_back(replica + ": " + std::string(line.substr(line.find("\"damage\":"))) + " of " +
                          run_.partitions[log.partition].name);
  if (!dumps_.emplace(std::pair(replica, log.partition), run_.history.finals.size()).second)
    return wrong("a partition that comes twice", line);
  ++run_.partitions[log.partition].dumps;
  run_.history.finals.push_back(std::move(log));
  return {};
}

Result<void> RunReader::dump_record(const std::string& replica, std::string_view line) {
  const auto topic = topics_by_id_.find(json_member(line, "topic"));
  if (topic == topics_by_id_.end()) return {};
  std::uint32_t partition = 0;
  sim::SeenRecord record;
  if (!parse(json_member(line, "partition"), partition) || !parse(json_member(line, "offset"), record.offset))
    return wrong("not a record", line);
  const auto log = dumps_.find(std::pair(replica, topic->second.first + partition));
  if (log == dumps_.end()) return wrong("a record of an unknown partition", line);
  sim::FinalLog& into = run_.history.finals[log->second];
  if (record.offset < into.log_start) return {};  // trimmed, not yet removed
  const ParsedValue parsed = parse_record_value(
      {.run = run_name_, .topic = topic->second.name, .partition = partition}, json_member(line, "value"));
  record.value = parsed.value;
  record.sound = parsed.sound;
  into.records.push_back(record);
  return {};
}

Result<Run> RunReader::finish() {
  if (!open_faults_.empty())
    return Error{ErrorCode::kInvalidArgument,
                 "a fault never ended: " + run_.faults[open_faults_.begin()->second].fault};
  return std::move(run_);
}

}  // namespace forebay::torture
