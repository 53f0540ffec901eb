#include "memory_broker.h"

#include <algorithm>
#include <utility>

#include "model/batch_validation.h"

namespace forebay::test {
namespace {

constexpr std::chrono::seconds kLongTime{30};
const std::set<std::string> kConfigKeys = {"retention.ms", "max.message.bytes"};

Error unknown_topic(const std::string& name) {
  return {ErrorCode::kUnknownTopic,
          "topic '" + name + "' does not exist; create it with: forebay topic create " + name};
}

}  // namespace

class MemoryBroker::Ticket final : public broker::FetchTicket {
 public:
  Ticket(MemoryBroker& broker, std::uint64_t number) : broker_(broker), number_(number) {}
  void cancel() override {
    broker_.post([&broker = broker_, number = number_] { broker.cancel_fetch(number); });
  }

 private:
  MemoryBroker& broker_;
  const std::uint64_t number_;
};

MemoryBroker::MemoryBroker() : thread_([this] { run(); }) {}

MemoryBroker::~MemoryBroker() {
  post([this] {  // everything is answered, also at the end
    for (auto& [partition, answers] : held_) {
      for (Task& answer : answers) answer();
    }
    for (Waiting& each : waiting_) each.done(Error{ErrorCode::kShuttingDown, "stopping"});
    waiting_.clear();
  });
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void MemoryBroker::post(Task task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  changed_.notify_all();
}

void MemoryBroker::post_and_wait(Task task) {
  std::mutex mutex;
  std::condition_variable done;
  bool over = false;
  post([&] {
    task();
    const std::lock_guard lock(mutex);
    over = true;
    done.notify_all();
  });
  std::unique_lock lock(mutex);
  done.wait(lock, [&] { return over; });
}

void MemoryBroker::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closing_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
    counts_.fetches_waiting = waiting_.size();
    changed_.notify_all();
  }
}

void MemoryBroker::make_topic(const std::string& name, std::uint32_t partitions) {
  post_and_wait([&] {
    Topic topic;
    topic.id.bytes[15] = next_topic_++;
    topic.partitions.resize(partitions);
    const std::lock_guard lock(mutex_);
    heads_[name] = {topic.id, partitions, kMaxMessageBytes};
    topics_[name] = std::move(topic);
  });
}

void MemoryBroker::hold_answers(std::int32_t partition) {
  post_and_wait([&] { held_partitions_.insert(partition); });
}

void MemoryBroker::release_answers(std::int32_t partition) {
  post_and_wait([&] {
    held_partitions_.erase(partition);
    for (Task& answer : std::exchange(held_[partition], {})) answer();
  });
}

void MemoryBroker::release_one_answer(std::int32_t partition) {
  post_and_wait([&] {
    auto& answers = held_[partition];
    if (answers.empty()) return;
    answers.front()();
    answers.pop_front();
  });
}

void MemoryBroker::fail_next_produce(Error error) {
  post_and_wait([&] { produce_failures_.push_back(std::move(error)); });
}

void MemoryBroker::fail_next_fetch(Error error) {
  post_and_wait([&] { fetch_failures_.push_back(std::move(error)); });
}

void MemoryBroker::lead_elsewhere(std::int32_t partition, const std::string& address, Known known) {
  post_and_wait([&] {
    {
      const std::lock_guard lock(mutex_);
      led_elsewhere_.erase(partition);
      if (!address.empty()) led_elsewhere_[partition] = {address, known};
    }
    wake_fetches();
  });
}

std::string MemoryBroker::led_elsewhere(const std::string& /*topic*/, model::PartitionIndex partition) const {
  const std::lock_guard lock(mutex_);
  const auto at = led_elsewhere_.find(partition.value());
  return at == led_elsewhere_.end() || at->second.second == Known::kByRefusal ? std::string()
                                                                              : at->second.first;
}

Result<void> MemoryBroker::check_leads(std::int32_t partition) const {
  const std::lock_guard lock(mutex_);
  const auto at = led_elsewhere_.find(partition);
  if (at == led_elsewhere_.end()) return {};
  return Error{ErrorCode::kNotLeader, "another node leads it", 0, at->second.first};
}

void MemoryBroker::advance(std::chrono::milliseconds by) {
  post_and_wait([&] {
    now_ = now_.plus(by.count());
    wake_fetches();
  });
}

void MemoryBroker::corrupt(const std::string& topic, std::int32_t partition, std::size_t frame) {
  post_and_wait([&] {
    log::FramePtr& at = topics_.at(topic).partitions[static_cast<std::size_t>(partition)].frames[frame];
    auto copy = std::make_shared<log::Frame>(*at);
    std::string bytes(as_text(at->payload.span()));
    bytes.resize(bytes.size() - 1);
    copy->payload = SharedBytes::take(std::move(bytes));
    at = std::move(copy);
  });
}

MemoryBroker::Counts MemoryBroker::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

bool MemoryBroker::wait_until(const std::function<bool(const Counts&)>& predicate) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, kLongTime, [&] { return predicate(counts_); });
}

std::vector<std::string> MemoryBroker::batches(const std::string& topic, std::int32_t partition) {
  std::vector<std::string> all;
  post_and_wait([&] {
    for (const auto& frame : topics_.at(topic).partitions[static_cast<std::size_t>(partition)].frames) {
      all.emplace_back(as_text(frame->payload.span()));
    }
  });
  return all;
}

// --- produce and fetch -----------------------------------------------------------------------------------

Result<MemoryBroker::Partition*> MemoryBroker::find(const std::string& topic,
                                                    model::PartitionIndex partition) {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return unknown_topic(topic);
  const auto index = static_cast<std::size_t>(partition.value());
  if (index >= found->second.partitions.size()) {
    return Error{ErrorCode::kUnknownPartition,
                 "the topic has " + std::to_string(found->second.partitions.size()) + " partitions"};
  }
  return &found->second.partitions[index];
}

void MemoryBroker::produce(broker::ProduceRequest request, broker::Done<broker::ProduceAck> done) {
  {
    const std::lock_guard lock(mutex_);
    ++counts_.produced;
    ++counts_.unanswered;
    counts_.unanswered_most = std::max(counts_.unanswered_most, counts_.unanswered);
    counts_.last_acks = request.acks;
    counts_.last_timeout = request.timeout;
    clients.push_back(request.client_id);
  }
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    const std::int32_t partition = request.partition.value();
    auto result = append(request);
    if (held_partitions_.contains(partition)) {
      held_[partition].push_back([this, done = std::move(done), result = std::move(result)]() mutable {
        answer(done, std::move(result));
      });
    } else {
      answer(done, std::move(result));
    }
  });
}

void MemoryBroker::answer(broker::Done<broker::ProduceAck>& done, Result<broker::ProduceAck> result) {
  {
    const std::lock_guard lock(mutex_);
    --counts_.unanswered;
    changed_.notify_all();
  }
  done(std::move(result));
}

Result<broker::ProduceAck> MemoryBroker::append(broker::ProduceRequest& request) {
  if (request.order && request.order->entry.refuses(request.retry_round)) {
    return Error{ErrorCode::kNotYet, "a request of the stream was refused at the entry"};
  }
  if (request.order && request.order->shard.refuses(request.retry_round)) {
    return Error{ErrorCode::kNotYet, "an earlier request of the stream was refused"};
  }
  if (!produce_failures_.empty()) {
    Error error = produce_failures_.front();
    produce_failures_.pop_front();
    if (request.order) request.order->shard.raise(request.retry_round);
    return error;
  }
  FOREBAY_TRY(Partition* const partition, find(request.topic, request.partition));
  if (auto leads = check_leads(request.partition.value()); !leads) {
    if (request.order) request.order->shard.raise(request.retry_round);
    return leads.error();
  }
  model::BatchRules rules;
  rules.batch_bytes_max = kMaxMessageBytes;
  std::vector<std::byte> scratch;
  FOREBAY_CHECK(model::validate_batch(as_bytes(request.batch), rules, scratch));
  if (request.position) positions.push_back(*request.position);
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(request.batch.data()), request.batch.size());
  for (const log::FramePtr& frame : partition->frames) {
    const auto stored = model::read_batch_header(frame->payload.data());
    const auto sent = model::read_batch_header(bytes.data());
    if (sent.producer_id == model::kNoProducerId || stored.producer_id != sent.producer_id ||
        stored.base_sequence != sent.base_sequence)
      continue;
    return broker::ProduceAck{.partition = request.partition,
                              .base_offset = stored.base_offset,
                              .last_offset = stored.last_offset(),
                              .duplicate = true};
  }
  const std::int32_t records = model::read_batch_header(bytes.data()).record_count;
  model::set_base_offset(bytes, partition->end);
  model::set_leader_epoch(bytes, kTerm);
  auto frame = std::make_shared<log::Frame>();
  frame->header.begin = {partition->end, 0};
  frame->header.end = frame->header.begin.after_records(records);
  frame->header.term = kTerm;
  frame->header.append_time = now_;
  frame->header.payload_bytes = static_cast<std::uint32_t>(bytes.size());
  frame->payload = SharedBytes::take(std::move(request.batch));
  broker::ProduceAck ack;
  ack.partition = request.partition;
  ack.base_offset = partition->end;
  ack.last_offset = partition->end.plus(records - 1);
  ack.append_time = now_;
  ack.term = kTerm;
  ack.log_start = partition->log_start;
  ack.flushed = request.acks != broker::Acks::kNone;
  ack.replicas_flushed = ack.flushed ? 1 : 0;
  ack.replicas_total = 1;
  partition->end = frame->header.end.next_offset;
  partition->frames.push_back(std::move(frame));
  wake_fetches();
  return ack;
}

std::shared_ptr<broker::FetchTicket> MemoryBroker::fetch(broker::FetchRequest request,
                                                         broker::Done<broker::FetchResult> done) {
  std::uint64_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    ++counts_.fetches;
    counts_.last_wait = request.wait_max;
    counts_.last_bytes_max = request.bytes_max;
    number = next_fetch_++;
  }
  post([this, number, request = std::move(request), done = std::move(done)]() mutable {
    auto result = try_fetch(request, false);
    if (result) {
      done(std::move(*result));
      return;
    }
    const model::Timestamp until = now_.plus(request.wait_max.count());
    waiting_.push_back({number, std::move(request), until, std::move(done)});
  });
  return std::make_shared<Ticket>(*this, number);
}

std::optional<Result<broker::FetchResult>> MemoryBroker::try_fetch(const broker::FetchRequest& request,
                                                                   bool waited) {
  if (!fetch_failures_.empty()) {
    Error error = fetch_failures_.front();
    fetch_failures_.pop_front();
    return error;
  }
  auto found = find(request.topic, request.partition);
  if (!found) return Result<broker::FetchResult>(found.error());
  if (auto leads = check_leads(request.partition.value()); !leads)
    return Result<broker::FetchResult>(leads.error());
  const Partition& partition = **found;
  if (request.offset < partition.log_start || request.offset > partition.end) {
    return Error{ErrorCode::kOffsetOutOfRange, "offset " + std::to_string(request.offset.value())};
  }
  broker::FetchResult result{partition.log_start, partition.end, request.offset, {}};
  std::size_t bytes = 0;
  for (const log::FramePtr& frame : partition.frames) {
    if (frame->header.end.next_offset <= request.offset) continue;
    if (!result.frames.empty() && bytes + frame->payload.size() > request.bytes_max) break;
    bytes += frame->payload.size();
    result.frames.push_back(frame);
    result.next_offset = frame->header.end.next_offset;
  }
  if (bytes < request.bytes_min && !waited && request.wait_max.count() > 0) return std::nullopt;
  return result;
}

void MemoryBroker::wake_fetches() {
  for (auto each = waiting_.begin(); each != waiting_.end();) {
    auto result = try_fetch(each->request, each->until <= now_);
    if (!result) {
      ++each;
      continue;
    }
    auto done = std::move(each->done);
    each = waiting_.erase(each);
    done(std::move(*result));
  }
}

void MemoryBroker::cancel_fetch(std::uint64_t number) {
  for (auto each = waiting_.begin(); each != waiting_.end(); ++each) {
    if (each->number != number) continue;
    auto done = std::move(each->done);
    waiting_.erase(each);
    done(Error{ErrorCode::kCancelled, "cancelled"});
    return;
  }
}

void MemoryBroker::fence_producer(broker::FenceProducerRequest request,
                                  broker::Done<broker::FenceProducerResult> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    const auto found = topics_.find(request.topic);
    if (found == topics_.end()) return done(unknown_topic(request.topic));
    fences.push_back(request);
    broker::FenceProducerResult result;
    result.topic_partitions = static_cast<std::uint32_t>(found->second.partitions.size());
    if (request.partitions.empty()) {
      for (std::size_t index = 0; index < found->second.partitions.size(); ++index)
        request.partitions.emplace_back(static_cast<std::int32_t>(index));
    }
    for (const model::PartitionIndex index : request.partitions) {
      broker::PartitionFenced fenced;
      fenced.partition = index;
      auto partition = find(request.topic, index);
      auto leads = check_leads(index.value());
      if (!partition || !leads) {
        fenced.error = partition ? leads.error() : partition.error();
      } else if (const auto session = sessions.find(index.value()); session != sessions.end()) {
        fenced.before = session->second;
      }
      result.partitions.push_back(std::move(fenced));
    }
    done(std::move(result));
  });
}

void MemoryBroker::list_offsets(broker::ListOffsetsRequest request,
                                broker::Done<std::vector<broker::PartitionOffset>> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    const auto found = topics_.find(request.topic);
    if (found == topics_.end()) {
      done(unknown_topic(request.topic));
      return;
    }
    if (request.partitions.empty()) {
      for (std::size_t index = 0; index < found->second.partitions.size(); ++index) {
        request.partitions.emplace_back(static_cast<std::int32_t>(index));
      }
    }
    std::vector<broker::PartitionOffset> offsets;
    for (const model::PartitionIndex index : request.partitions) {
      broker::PartitionOffset offset;
      offset.partition = index;
      offset.batch_bytes_max = kMaxMessageBytes;
      auto partition = find(request.topic, index);
      auto leads = check_leads(index.value());
      if (!partition || !leads) {
        offset.error = partition ? leads.error() : partition.error();
        offsets.push_back(offset);
        continue;
      }
      const Partition& log = **partition;
      offset.log_start = log.log_start;
      offset.high_watermark = log.end;
      offset.term = kTerm;
      if (request.point == broker::OffsetPoint::kStart) offset.offset = log.log_start;
      if (request.point == broker::OffsetPoint::kEnd) offset.offset = log.end;
      for (const log::FramePtr& frame : log.frames) {
        const model::Timestamp time = request.point == broker::OffsetPoint::kAppendTime
                                          ? frame->header.append_time
                                          : model::read_batch_header(frame->payload.data()).max_timestamp;
        if (offset.offset || time < request.time) continue;
        offset.offset = frame->header.begin.next_offset;
      }
      offsets.push_back(offset);
    }
    done(std::move(offsets));
  });
}

// --- topics and the node ---------------------------------------------------------------------------------

Result<broker::TopicHead> MemoryBroker::topic_head(const std::string& topic) const {
  const std::lock_guard lock(mutex_);
  const auto found = heads_.find(topic);
  if (found == heads_.end()) return unknown_topic(topic);
  return found->second;
}

void MemoryBroker::create_topic(broker::CreateTopicRequest request,
                                broker::Done<broker::CreateTopicResult> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto leads = check_leads(kController); !leads) return done(leads.error());
    if (topics_.contains(request.name)) {
      done(Error{ErrorCode::kTopicExists, "topic '" + request.name + "' exists"});
      return;
    }
    for (const auto& [key, value] : request.config) {
      if (kConfigKeys.contains(key)) continue;
      done(Error{ErrorCode::kInvalidConfig, "unknown key " + key});
      return;
    }
    Topic topic;
    topic.id.bytes[15] = next_topic_;
    topic.partitions.resize(request.partitions);
    topic.config = request.config;
    broker::CreateTopicResult result{topic.id, request.partitions,
                                     request.replication_factor == 0 ? 1 : request.replication_factor};
    if (!request.validate_only) {
      ++next_topic_;
      const std::lock_guard lock(mutex_);
      heads_[request.name] = {topic.id, request.partitions, kMaxMessageBytes};
      topics_[request.name] = std::move(topic);
    }
    done(result);
  });
}

void MemoryBroker::list_topics(bool include_internal, broker::Done<std::vector<broker::TopicSummary>> done) {
  post([this, include_internal, done = std::move(done)]() mutable {
    std::vector<broker::TopicSummary> topics;
    for (const auto& [name, topic] : topics_) {
      const bool internal = name.starts_with("__");
      if (internal && !include_internal) continue;
      topics.push_back(
          {name, topic.id, static_cast<std::uint32_t>(topic.partitions.size()), 1, internal, 42});
    }
    done(std::move(topics));
  });
}

broker::TopicDescription MemoryBroker::describe(const std::string& name, const Topic& topic) const {
  broker::TopicDescription description;
  description.name = name;
  description.id = topic.id;
  description.replication_factor = 1;
  std::int32_t index = 0;
  for (const Partition& partition : topic.partitions) {
    broker::PartitionDescription each;
    each.partition = model::PartitionIndex(index++);
    each.leader = model::NodeId(1);
    each.term = kTerm;
    each.replicas = {model::NodeId(1)};
    each.log_start = partition.log_start;
    each.high_watermark = partition.end;
    each.state = "ready";
    each.damage = {{model::Offset(5), model::Offset(7)}, {model::Offset(9), std::nullopt}};
    each.oldest_append_time = kStartTime;
    each.segments = 1;
    if (const auto leads = check_leads(index - 1); !leads) {
      each.leader = model::NodeId(2);
      each.leader_address = leads.error().leader;
      each.state = "follows";
    }
    description.partitions.push_back(std::move(each));
  }
  for (const std::string& key : kConfigKeys) {
    const auto found = topic.config.find(key);
    const bool is_default = found == topic.config.end();
    description.config.push_back({key, is_default ? "-1" : found->second, is_default, "doc of " + key});
  }
  return description;
}

void MemoryBroker::describe_topic(std::string name, broker::Done<broker::TopicDescription> done) {
  post([this, name = std::move(name), done = std::move(done)]() mutable {
    const auto found = topics_.find(name);
    if (found == topics_.end()) {
      done(unknown_topic(name));
    } else {
      done(describe(name, found->second));
    }
  });
}

void MemoryBroker::alter_topic(broker::AlterTopicRequest request,
                               broker::Done<std::vector<broker::ConfigEntry>> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto leads = check_leads(kController); !leads) return done(leads.error());
    const auto found = topics_.find(request.name);
    if (found == topics_.end()) {
      done(unknown_topic(request.name));
      return;
    }
    Topic changed = found->second;
    for (const auto& [key, value] : request.set) changed.config[key] = value;
    for (const std::string& key : request.unset) changed.config.erase(key);
    auto config = describe(request.name, changed).config;
    if (!request.validate_only) found->second = std::move(changed);
    done(std::move(config));
  });
}

void MemoryBroker::delete_topic(std::string name, broker::Done<std::monostate> done) {
  post([this, name = std::move(name), done = std::move(done)]() mutable {
    if (auto leads = check_leads(kController); !leads) return done(leads.error());
    if (topics_.erase(name) == 0) {
      done(unknown_topic(name));
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      heads_.erase(name);
    }
    wake_fetches();
    done(std::monostate{});
  });
}

void MemoryBroker::add_partitions(std::string name, std::uint32_t total, bool validate_only,
                                  broker::Done<broker::AddPartitionsResult> done) {
  post([this, name = std::move(name), total, validate_only, done = std::move(done)]() mutable {
    if (auto leads = check_leads(kController); !leads) return done(leads.error());
    const auto found = topics_.find(name);
    if (found == topics_.end()) {
      done(unknown_topic(name));
      return;
    }
    if (total <= found->second.partitions.size()) {
      done(Error{ErrorCode::kInvalidArgument, "total: must be more than now"});
      return;
    }
    if (!validate_only) {
      found->second.partitions.resize(total);
      const std::lock_guard lock(mutex_);
      heads_[name].partitions = total;
    }
    done(broker::AddPartitionsResult{total, "keys may now go elsewhere"});
  });
}

void MemoryBroker::trim_topic(std::string name, std::vector<broker::TrimPoint> points,
                              broker::Done<std::vector<broker::TrimResult>> done) {
  post([this, name = std::move(name), points = std::move(points), done = std::move(done)]() mutable {
    std::vector<broker::TrimResult> results;
    for (const broker::TrimPoint& point : points) {
      broker::TrimResult result;
      result.partition = point.partition;
      auto partition = find(name, point.partition);
      auto leads = check_leads(point.partition.value());
      if (!partition || !leads) {
        result.error = partition ? leads.error() : partition.error();
      } else {
        (*partition)->log_start = point.before.value_or((*partition)->end);
        result.log_start = (*partition)->log_start;
      }
      results.push_back(result);
    }
    done(std::move(results));
  });
}

// Says what it was asked for, from nodes 1 and 2.
void MemoryBroker::move_partition(broker::MoveRequest request, broker::Done<broker::MoveResult> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto known = find(request.topic, request.partition); !known) return done(known.error());
    if (auto decides = check_leads(-1); !decides) return done(decides.error());
    moves.push_back(request);
    if (refusal_of_moves) return done(*refusal_of_moves);
    broker::PartitionTarget target{request.partition, request.epoch.value_or(0) + 1, {}, {}, std::nullopt};
    target.from = target.to = {model::NodeId(1), model::NodeId(2)};
    if (const auto* move = std::get_if<broker::MoveTo>(&request.what)) target.to = move->nodes;
    if (const auto* rebuild = std::get_if<broker::RebuildReplica>(&request.what))
      target.rebuild = rebuild->node;
    done(broker::MoveResult{{std::move(target)}, {request.validate_only ? "not done" : "done"}});
  });
}

void MemoryBroker::change_replication(broker::ChangeReplicationRequest request,
                                      broker::Done<broker::MoveResult> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto known = find(request.topic, model::PartitionIndex(0)); !known) return done(known.error());
    replications.push_back(request);
    if (refusal_of_moves) return done(*refusal_of_moves);
    broker::PartitionTarget target{model::PartitionIndex(0), 1, {model::NodeId(1)}, {}, std::nullopt};
    for (std::uint32_t node = 1; node <= request.replication_factor; ++node) target.to.emplace_back(node);
    done(broker::MoveResult{{std::move(target)}, {}});
  });
}

void MemoryBroker::transfer_leader(broker::TransferLeaderRequest request, broker::Done<std::monostate> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    if (auto known = find(request.topic, request.partition); !known) return done(known.error());
    if (auto leads = check_leads(request.partition.value()); !leads) return done(leads.error());
    for (broker::PartitionReplicas& one : partition_replicas) {
      if (one.topic == request.topic && one.partition == request.partition) one.leader = request.to;
    }
    done(std::monostate{});
  });
}

void MemoryBroker::describe_node(broker::Done<broker::NodeDescription> done) {
  post([done = std::move(done), advertised = api_advertised]() mutable {
    broker::NodeDescription node;
    node.id = model::NodeId(1);
    node.version = "0.1.0";
    node.cluster_id = "cluster";
    node.disk_id = "disk";
    node.api_address = "0.0.0.0:7400";
    node.api_advertised = advertised;
    node.uptime = std::chrono::milliseconds(1234);
    node.shards = 1;
    node.boot_epoch = model::BootEpoch(2);
    node.warnings = {"one", "two"};
    done(std::move(node));
  });
}

void MemoryBroker::describe_cluster(broker::Done<broker::ClusterDescription> done) {
  post([this, done = std::move(done)]() mutable { done(cluster); });
}

void MemoryBroker::list_partitions(broker::ListPartitionsRequest request,
                                   broker::Done<std::vector<broker::PartitionReplicas>> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    std::vector<broker::PartitionReplicas> found;
    for (const std::string& topic : request.topics) {
      if (!topics_.contains(topic)) return done(Error{ErrorCode::kUnknownTopic, "no topic " + topic});
    }
    for (const broker::PartitionReplicas& one : partition_replicas) {
      const auto& names = request.topics;
      if (names.empty() || std::find(names.begin(), names.end(), one.topic) != names.end())
        found.push_back(one);
    }
    done(std::move(found));
  });
}

void MemoryBroker::recover_partition(broker::RecoverPartitionRequest request,
                                     broker::Done<partition::MajorityLoss> done) {
  post([this, request = std::move(request), done = std::move(done)]() mutable {
    recoveries.push_back(std::move(request));
    done(partition::MajorityLoss{{{model::NodeId(2), model::Uuid{{2}}}, {model::NodeId(3), model::Uuid{{3}}}},
                                 {{model::NodeId(1), model::Uuid{{1}}}},
                                 model::Offset(70),
                                 model::Offset(60)});
  });
}

void MemoryBroker::set_node_drained(model::NodeId node, bool drained, broker::Done<std::monostate> done) {
  post([this, node, drained, done = std::move(done)]() mutable {
    for (broker::ClusterNode& one : cluster.nodes) {
      if (one.id != node) continue;
      one.drained = drained;
      return done(std::monostate{});
    }
    done(Error{ErrorCode::kInvalidArgument, "the cluster has no broker " + std::to_string(node.value())});
  });
}

void MemoryBroker::decommission_node(broker::DecommissionNodeRequest request,
                                     broker::Done<broker::DecommissionResult> done) {
  post([this, request, done = std::move(done)]() mutable {
    for (broker::ClusterNode& one : cluster.nodes) {
      if (one.id != request.node) continue;
      if (!request.validate_only) one.decommission = request.cancel ? "" : broker::kDecommissionMoving;
      if (request.cancel) return done(broker::DecommissionResult{});
      return done(broker::DecommissionResult{3, {{model::NodeId(1), 2}, {model::NodeId(2), 1}}});
    }
    done(Error{ErrorCode::kInvalidArgument,
               "the cluster has no broker " + std::to_string(request.node.value())});
  });
}

void MemoryBroker::set_move_rate(std::uint64_t bytes_per_second, broker::Done<std::uint64_t> done) {
  post([this, bytes_per_second, done = std::move(done)]() mutable {
    done(std::exchange(move_rate, bytes_per_second));
  });
}

void MemoryBroker::unready_partitions(broker::Done<std::vector<broker::UnreadyPartition>> done) {
  post([done = std::move(done)]() mutable { done(std::vector<broker::UnreadyPartition>{}); });
}

}  // namespace forebay::test
