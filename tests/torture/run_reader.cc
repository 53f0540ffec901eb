#include "torture/run_reader.h"

#include <algorithm>

#include "base/result.h"
#include "torture/record_value.h"

namespace forebay::torture {
namespace {

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
  return parse_number(text.substr(0, text.find('/')), offset);
}

}  // namespace

Result<void> RunReader::history_line(std::string_view whole) {
  FOREBAY_TRY(const HistoryLine line, HistoryLine::parse(whole));
  if (line.process == "nemesis") return nemesis_line(line);
  if (line.op == "topic") return topic_line(line);
  if (line.op == "produce") return produce_line(line);
  if (line.op == "stored" || line.op == "resume") return stored_line(line);
  if (line.op == "poll") return poll_line(line);
  if (line.op == "list") return list_line(line);
  if (line.op == "final") return final_line(line);
  if (line.op == "sample") {
    std::uint64_t lag_us = 0;
    if (!line.get("lag_us", lag_us)) return wrong_line("no lag_us", whole);
    run_.lags.push_back({line.at, lag_us * 1000});
    return {};
  }
  if (!GroupReader::knows(line.op)) return wrong_line("unknown op", whole);
  std::optional<std::uint32_t> partition;
  if (line.topic != "-") {
    FOREBAY_TRY(partition, partition_of(line));
  }
  return group_reader_.line(line, partition, run_.history);
}

std::uint32_t RunReader::process_number(std::string_view name) {
  return processes_.emplace(name, static_cast<std::uint32_t>(processes_.size())).first->second;
}

Result<std::uint32_t> RunReader::partition_of(const HistoryLine& line) const {
  const auto topic = topics_.find(line.topic);
  std::uint32_t partition = 0;
  if (topic == topics_.end() || !parse_number(line.partition, partition) || partition >= topic->second.count)
    return wrong_line("no such partition", line.whole);
  return topic->second.first + partition;
}

Result<void> RunReader::topic_line(const HistoryLine& line) {
  Topic topic{.name = std::string(line.topic), .first = static_cast<std::uint32_t>(run_.partitions.size())};
  std::size_t replicas = 0;
  const auto id = line.text("id");
  if (!parse_number(line.partition, topic.count) || !id || !line.get("replicas", replicas))
    return wrong_line("not a topic", line.whole);
  for (std::uint32_t i = 0; i < topic.count; ++i)
    run_.partitions.push_back({.name = topic.name + "/" + std::to_string(i), .replicas = replicas});
  topics_by_id_.emplace(*id, topic);
  topics_.emplace(topic.name, topic);
  return {};
}

Result<void> RunReader::produce_line(const HistoryLine& line) {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  if (!line.get("first", first) || !line.get("count", count)) return wrong_line("no values", line.whole);
  if (line.type == "invoke") return sent_line(line, first, count);
  std::int64_t offset = 0;
  if (line.type == "ok" && !line.get("offset", offset)) return wrong_line("no offset", line.whole);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto at = sent_.find(first + i);
    if (at == sent_.end()) return wrong_line("an answer to nothing", line.whole);
    sim::SentRecord& record = run_.history.sent[at->second];
    const bool again = named_.contains(record.process);
    if (record.finished != 0 && !again) return wrong_line("a second answer", line.whole);
    if (line.type == "ok") {
      if (record.outcome == sim::Outcome::kOk && record.finished <= line.at) continue;
      record.outcome = sim::Outcome::kOk;
      record.offset = offset + static_cast<std::int64_t>(i);
    } else if (line.type == "fail" && !again) {  // who resumes sends it once more
      record.outcome = sim::Outcome::kFail;
    }
    if (!again || line.type == "ok") record.finished = line.at;
  }
  return {};
}

Result<void> RunReader::sent_line(const HistoryLine& line, std::uint64_t first, std::uint64_t count) {
  FOREBAY_TRY(const std::uint32_t partition, partition_of(line));
  const std::uint32_t process = process_number(line.process);
  const auto by = line.text("by");
  if (by && by != "session" && by != "name") return wrong_line("by whom?", line.whole);
  if (by == "name") named_.insert(process);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto [at, is_new] = sent_.emplace(first + i, run_.history.sent.size());
    if (is_new) {
      run_.history.sent.push_back({.value = first + i,
                                   .process = process,
                                   .partition = partition,
                                   .invoked = line.at,
                                   .ordered = by.has_value()});
      continue;
    }
    sim::SentRecord& record = run_.history.sent[at->second];
    if (by != "name" || record.process != process || record.partition != partition)
      return wrong_line("the value is in use", line.whole);
    record.invoked = std::min(record.invoked, line.at);
  }
  return {};
}

Result<void> RunReader::stored_line(const HistoryLine& line) {
  if (line.op == "resume" && line.type == "info") return {};  // it did not succeed
  if (line.type != "ok") return wrong_line("not what is stored", line.whole);
  if (line.op == "resume") {
    Resume resume{.process = process_number(line.process), .at = line.at};
    if (!line.get("upto", resume.upto)) return wrong_line("no upto", line.whole);
    resumes_.push_back(resume);
    return {};
  }
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  if (!line.get("first", first) || !line.get("count", count)) return wrong_line("no values", line.whole);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!sent_.contains(first + i)) return wrong_line("it was never sent", line.whole);
    stored_.emplace(first + i, line.at);
  }
  return {};
}

// Where they lie was not told; from now on it counts as acknowledged there.
void RunReader::find_stored() {
  for (const Resume& resume : resumes_) {
    for (const sim::SentRecord& record : run_.history.sent) {
      if (record.process == resume.process && record.value <= resume.upto)
        stored_.emplace(record.value, resume.at);
    }
  }
  std::erase_if(stored_, [this](const auto& one) {
    return run_.history.sent[sent_.at(one.first)].outcome == sim::Outcome::kOk;
  });
  for (const sim::FinalLog& log : run_.history.finals) {
    for (const sim::SeenRecord& seen : log.records) {
      const auto stored = stored_.find(seen.value);
      if (stored == stored_.end()) continue;
      sim::SentRecord& record = run_.history.sent[sent_.at(seen.value)];
      record.outcome = sim::Outcome::kOk;
      record.offset = seen.offset;
      record.finished = stored->second;
      stored_.erase(stored);
    }
  }
  for (const auto& [value, at] : stored_)
    run_.not_stored.push_back("value " + std::to_string(value) + ", said to be stored at " +
                              std::to_string(at) + ", is nowhere");
}

Result<void> RunReader::poll_line(const HistoryLine& line) {
  std::uint64_t id = 0;
  if (!line.get("id", id)) return wrong_line("no id", line.whole);
  if (line.type == "invoke") {
    PendingRead pending{.invoked = line.at};
    if (!line.get("session", pending.session) || !line.get("position", pending.position))
      return wrong_line("no session or position", line.whole);
    if (!polls_.emplace(id, pending).second) return wrong_line("the id is in use", line.whole);
    return {};
  }
  const auto pending = polls_.find(id);
  if (pending == polls_.end()) return wrong_line("an answer to nothing", line.whole);
  if (line.type == "ok") {
    const auto partition = partition_of(line);
    if (!partition) return partition.error();
    sim::Poll poll{.session = pending->second.session,
                   .partition = *partition,
                   .invoked = pending->second.invoked,
                   .finished = line.at,
                   .position = pending->second.position};
    const auto records = line.text("records");
    if (!line.get("next", poll.next) || !line.get("hw", poll.high_watermark) ||
        !line.get("start", poll.log_start) || !records || !parse_records(*records, poll.records))
      return wrong_line("not what a poll answers", line.whole);
    run_.history.polls.push_back(std::move(poll));
  } else if (const auto error = line.text("error"); error == "OFFSET_OUT_OF_RANGE" || error == "DATA_LOSS") {
    run_.refused_reads.push_back(std::string(line.process) + " at offset " +
                                 std::to_string(pending->second.position) + " of " + std::string(line.topic) +
                                 '/' + std::string(line.partition) + " was told " + std::string(*error) +
                                 " at " + std::to_string(line.at));
  }
  polls_.erase(pending);
  return {};
}

Result<void> RunReader::list_line(const HistoryLine& line) {
  std::uint64_t id = 0;
  if (!line.get("id", id)) return wrong_line("no id", line.whole);
  if (line.type == "invoke") {
    if (!lists_.emplace(id, PendingRead{.invoked = line.at}).second)
      return wrong_line("the id is in use", line.whole);
    return {};
  }
  const auto pending = lists_.find(id);
  if (pending == lists_.end()) return wrong_line("an answer to nothing", line.whole);
  if (line.type == "ok") {
    const auto partition = partition_of(line);
    if (!partition) return partition.error();
    sim::Listing listing{.partition = *partition, .invoked = pending->second.invoked, .finished = line.at};
    if (!line.get("latest", listing.latest)) return wrong_line("no latest", line.whole);
    run_.history.listings.push_back(listing);
  }
  lists_.erase(pending);
  return {};
}

Result<void> RunReader::final_line(const HistoryLine& line) {
  const auto partition = partition_of(line);
  if (!partition) return partition.error();
  sim::FinalLog log{.replica = "the final read by " + std::string(line.process), .partition = *partition};
  const auto records = line.text("records");
  if (line.type != "ok" || !line.get("start", log.log_start) || !line.get("end", log.end) || !records ||
      !parse_records(*records, log.records))
    return wrong_line("not a final read", line.whole);
  ++run_.partitions[*partition].final_reads;
  run_.history.finals.push_back(std::move(log));
  return {};
}

Result<void> RunReader::nemesis_line(const HistoryLine& line) {
  if (line.op == "skip") {
    run_.skipped.push_back(std::string(line.text("fault").value_or("?")) + ": " +
                           std::string(line.text("why").value_or("?")) + " missing");
    return {};
  }
  std::uint64_t id = 0;
  if (!line.get("id", id)) return wrong_line("no id", line.whole);
  if (line.type == "invoke") {
    FaultSpan span{.fault = std::string(line.op), .target = std::string(line.text("target").value_or("-"))};
    span.begin = line.at;
    int serves = 0;
    if (!line.get("within_ms", span.within_ms) || !line.get("serves", serves))
      return wrong_line("no within_ms or serves", line.whole);
    span.serves = serves != 0;
    open_faults_[id] = run_.faults.size();
    run_.faults.push_back(std::move(span));
    return {};
  }
  const auto open = open_faults_.find(id);
  if (open == open_faults_.end()) return wrong_line("the end of nothing", line.whole);
  run_.faults[open->second].end = line.at;
  open_faults_.erase(open);
  return {};
}

Result<void> RunReader::dump_line(const std::string& replica, std::string_view line) {
  const std::string_view kind = json_member(line, "kind");
  if (line.empty() || line.back() != '}') return wrong_line("not a whole line of a dump", line);
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
  if (!parse_number(json_member(line, "partition"), partition) || partition >= topic->second.count ||
      !parse_position(json_member(line, "log_start"), log.log_start) ||
      !parse_position(json_member(line, "end"), log.end))
    return wrong_line("not a partition", line);
  log.partition = topic->second.first + partition;
  if (line.find("\"damage\":[{") != std::string_view::npos)
    run_.damage.push_back(replica + ": " + std::string(line.substr(line.find("\"damage\":"))) + " of " +
                          run_.partitions[log.partition].name);
  if (!dumps_.emplace(std::pair(replica, log.partition), run_.history.finals.size()).second)
    return wrong_line("a partition that comes twice", line);
  ++run_.partitions[log.partition].dumps;
  run_.history.finals.push_back(std::move(log));
  return {};
}

Result<void> RunReader::dump_record(const std::string& replica, std::string_view line) {
  const auto topic = topics_by_id_.find(json_member(line, "topic"));
  if (topic == topics_by_id_.end()) return {};
  std::uint32_t partition = 0;
  sim::SeenRecord record;
  if (!parse_number(json_member(line, "partition"), partition) ||
      !parse_number(json_member(line, "offset"), record.offset))
    return wrong_line("not a record", line);
  const auto log = dumps_.find(std::pair(replica, topic->second.first + partition));
  if (log == dumps_.end()) return wrong_line("a record of an unknown partition", line);
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
  find_stored();
  FOREBAY_TRY(run_.groups, group_reader_.finish());
  return std::move(run_);
}

}  // namespace forebay::torture
