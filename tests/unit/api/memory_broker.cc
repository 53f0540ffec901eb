#include "memory_broker.h"

#include <algorithm>
#include <utility>

#include "model/batch_validation.h"

namespace forebay::test {
namespace {

constexpr std::chrono::seconds kLongTime{30};

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

Error MemoryBroker::unknown_topic(const std::string& name) {
  return {ErrorCode::kUnknownTopic,
          "topic '" + name + "' does not exist; create it with: forebay topic create " + name};
}

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

}  // namespace forebay::test
