#include "client/group_consumer_core.h"

#include <grpcpp/channel.h>

#include <algorithm>
#include <random>
#include <utility>

namespace forebay {
namespace {

using client::MemberSession;
using std::chrono::milliseconds;

// "For ever" must not overflow when it is added to now.
constexpr milliseconds kWaitMax = std::chrono::hours(24 * 365);

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) ^ device();
}

MemberSession::Settings settings_of(const ClientOptions& client, const GroupOptions& options) {
  MemberSession::Settings settings;
  client::JoinWords& join = settings.join;
  join.group = options.group;
  join.instance_id = options.instance_id;
  join.client_id = options.client_id;
  join.rack = options.rack;
  join.topics = options.topics;
  join.pattern = options.pattern;
  join.start = options.start;
  join.assignor = options.assignor;
  join.session_timeout = options.session_timeout;
  join.revoke_timeout = options.revoke_timeout;
  settings.processing_deadline = options.processing_deadline;
  settings.commit_interval = options.commit_interval;
  settings.marked_ranges_max = GroupConsumer::kMarkedRangesMax;
  settings.asks_before_giving_up = options.hooks.on_revoked != nullptr;
  settings.reconnect = {client.reconnect_delay, client.reconnect_delay_max};
  return settings;
}

Error not_read(const TopicPartition& partition) {
  return Error{ErrorCode::kNotOwner, partition.to_string() + " does not belong to this member now"};
}

Error closed_error() { return Error{ErrorCode::kCancelled, "the group consumer is closed"}; }

}  // namespace

GroupConsumer::Core::Core(const ClientOptions& client, GroupOptions options,
                          std::unique_ptr<Consumer> consumer)
    : client_(client),
      options_(std::move(options)),
      consumer_(std::move(consumer)),
      session_(settings_of(client_, options_), client_.servers, random_seed()) {}

void GroupConsumer::Core::start() {
  Lock lock(mutex_);
  alarm_ = std::make_unique<client::AlarmThread>([this] { on_alarm(); });
  pump(lock);
}

// --- the member ---

void GroupConsumer::Core::on_alarm() {
  Lock lock(mutex_);
  pump(lock);
  changed_.notify_all();
}

void GroupConsumer::Core::pump(Lock& lock) {
  while (!closing_) {
    auto action = session_.next_action(Clock::now());
    if (!action) break;
    if (const auto* open_action = std::get_if<MemberSession::OpenStream>(&*action)) {
      open(*open_action);
      continue;
    }
    const auto* say = std::get_if<MemberSession::Say>(&*action);
    const auto found =
        streams_.find(say != nullptr ? say->stream : std::get<MemberSession::Cancel>(*action).stream);
    if (found == streams_.end() || found->second.stream == nullptr) continue;  // it has ended by itself
    if (say != nullptr) {
      found->second.stream->say(say->words);
      continue;
    }
    auto stream = found->second.stream;
    lock.unlock();
    stream->cancel();
    stream.reset();  // without the lock: see on_destroyed()
    lock.lock();
  }
  if (const auto deadline = session_.next_deadline(); deadline && !closing_) alarm_->set(*deadline);
  while (auto loss = session_.next_loss()) {
    if (options_.hooks.on_lost == nullptr) continue;
    lock.unlock();
    options_.hooks.on_lost(loss->partitions, loss->why);
    lock.lock();
  }
}

// With the lock held: a stream calls back on other threads only.
void GroupConsumer::Core::open(const MemberSession::OpenStream& action) {
  auto& channel = channels_[action.node];
  if (channel == nullptr) channel = client::open_channel(action.address);
  auto stream = client::MemberStream::open(channel, action.address, action.stream, shared_from_this());
  stream->say(action.join);
  streams_.emplace(action.stream, Open{std::move(stream), channel, action.node});
}

void GroupConsumer::Core::on_words(std::uint64_t stream, const client::CoordinatorWords& words) {
  {
    Lock lock(mutex_);
    session_.heard(stream, words, Clock::now());
    pump(lock);
    changed_.notify_all();
  }
  if (std::holds_alternative<client::AssignmentWords>(words) ||
      std::holds_alternative<client::ReleasedWords>(words))
    consumer_->wake();
}

void GroupConsumer::Core::on_ended(std::uint64_t stream, const std::optional<client::RpcError>& error) {
  {
    Lock lock(mutex_);
    const auto found = streams_.find(stream);
    if (found != streams_.end()) {
      auto& channel = channels_[found->second.node];
      const bool server_is_gone = error && !error->from_broker;
      if (server_is_gone && channel == found->second.channel) channel.reset();
      found->second.stream.reset();
    }
    session_.ended(stream, error, Clock::now());
    pump(lock);
    changed_.notify_all();
  }
  consumer_->wake();
}

void GroupConsumer::Core::on_destroyed(std::uint64_t stream) {
  const Lock lock(mutex_);
  if (const auto found = streams_.find(stream); found != streams_.end()) {
    spent_channels_.push_back(std::move(found->second.channel));
    streams_.erase(found);
  }
  changed_.notify_all();
}

// --- the caller's thread ---

Result<void> GroupConsumer::Core::look_after_membership() {
  std::vector<std::shared_ptr<grpc::Channel>> spent;
  {
    Lock lock(mutex_);
    spent.swap(spent_channels_);
    if (closed_) return closed_error();
    pump(lock);
    if (session_.error()) return *session_.error();
    if (auto refusal = session_.next_refusal()) return std::move(*refusal);
  }
  run_tidings();
  follow_assignment();
  if (without_start_.empty()) return {};
  Error error = std::move(without_start_.back());
  without_start_.pop_back();
  return error;
}

void GroupConsumer::Core::run_tidings() {
  Lock lock(mutex_);
  while (auto tiding = session_.next_tiding()) {
    lock.unlock();
    follow_assignment();
    if (tiding->kind == MemberSession::Tiding::Kind::kAssigned) {
      if (options_.hooks.on_assigned) options_.hooks.on_assigned(tiding->partitions);
    } else if (options_.hooks.on_revoked) {
      options_.hooks.on_revoked(tiding->partitions, tiding->until);
    }
    lock.lock();
    if (tiding->kind == MemberSession::Tiding::Kind::kRevoked) session_.gave_up(tiding->partitions);
    pump(lock);
  }
}

void GroupConsumer::Core::follow_assignment() {
  std::vector<MemberSession::Reading> readings;
  {
    const Lock lock(mutex_);
    readings = session_.reading();
  }
  std::map<TopicPartition, const MemberSession::Reading*> wanted;
  for (const auto& reading : readings) wanted.emplace(reading.partition, &reading);
  for (auto at = reads_.begin(); at != reads_.end();) {
    const auto still = wanted.find(at->first);
    if (still != wanted.end() && still->second->grant == at->second.grant) {
      ++at;
      continue;
    }
    consumer_->unassign(at->first.topic, {at->first.partition});
    at = reads_.erase(at);
  }
  for (const auto& reading : readings) {
    if (!reads_.contains(reading.partition)) begin_reading(reading);
    Read& read = reads_[reading.partition];
    const bool hold = read.paused || reading.held_back;
    if (hold == read.held) continue;
    const auto told = hold ? consumer_->pause(reading.partition) : consumer_->resume(reading.partition);
    if (told) read.held = hold;  // else it waits for seek()
  }
}

void GroupConsumer::Core::begin_reading(const MemberSession::Reading& reading) {
  Read& read = reads_[reading.partition];
  read.grant = reading.grant;
  if (!reading.from) {
    const Lock lock(mutex_);
    if (session_.start_rule().point == StartRule::Point::kFail) {
      without_start_.push_back(
          {ErrorCode::kFailedPrecondition,
           "group '" + options_.group + "' has committed nothing of " + reading.partition.to_string() +
               ", and its start rule is fail; say where it begins: forebay group reset, or seek()"});
      return;
    }
  }
  read.from_start = !reading.from;
  // Without a look-up: where the log begins is asked for only if it is not there.
  const auto assigned = consumer_->assign(reading.partition.topic, {reading.partition.partition},
                                          OffsetSpec::at(reading.from.value_or(0)));
  if (!assigned) without_start_.push_back(assigned.error());
}

// Whether the error of a poll needs nobody's attention.
bool GroupConsumer::Core::is_settled(const Error& error) {
  for (const PartitionFailure& failure : consumer_->failures()) {
    if (failure.error != error) continue;
    const auto read = reads_.find(failure.partition);
    if (read == reads_.end() || !owns(failure.partition)) return true;  // it has gone
    if (read->second.from_start && failure.log_start && error.code == ErrorCode::kOffsetOutOfRange) {
      read->second.from_start = false;
      return consumer_->seek(failure.partition, OffsetSpec::at(*failure.log_start)).has_value();
    }
  }
  return false;
}

template <typename Item, typename Take>
Result<std::vector<Item>> GroupConsumer::Core::poll_items(Milliseconds timeout, Take take) {
  const auto deadline = Clock::now() + std::min(timeout, kWaitMax);
  while (true) {
    FOREBAY_CHECK(look_after_membership());
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
    Result<std::vector<Item>> items = take(std::max(left, milliseconds(0)));
    if (!items) {
      if (is_settled(items.error())) continue;
      return items;
    }
    if (!items->empty()) return items;
    pass_gaps();
    const Lock lock(mutex_);
    if (std::exchange(woken_, false) || Clock::now() >= deadline) return items;
  }
}

Result<std::vector<ConsumedBatch>> GroupConsumer::Core::poll_batches(Milliseconds timeout) {
  return poll_items<ConsumedBatch>(timeout, [&](milliseconds left) -> Result<std::vector<ConsumedBatch>> {
    FOREBAY_TRY(auto batches, consumer_->poll_batches(left));
    std::erase_if(batches, [&](const ConsumedBatch& batch) { return !hand_out(batch); });
    return batches;
  });
}

Result<std::vector<Record>> GroupConsumer::Core::poll(Milliseconds timeout) {
  return poll_items<Record>(timeout, [&](milliseconds left) -> Result<std::vector<Record>> {
    FOREBAY_TRY(auto records, consumer_->poll(left));
    hand_out(records);
    return records;
  });
}

// Returns: whether it is this member's still.
bool GroupConsumer::Core::hand_out(const ConsumedBatch& batch) {
  const TopicPartition partition{batch.topic(), batch.partition()};
  const auto read = reads_.find(partition);
  if (read == reads_.end()) return false;
  const Grant grant = read->second.grant;
  const auto now = Clock::now();
  const Lock lock(mutex_);
  bool ours = true;
  if (static_cast<std::int64_t>(batch.record_count()) == batch.end_offset() - batch.begin_offset()) {
    ours = session_.delivered(partition, grant, batch.begin_offset(), batch.end_offset(), now);
  } else {
    RecordView record;
    auto cursor = batch.records();
    while (ours && cursor.next(record))
      ours = session_.delivered(partition, grant, record.offset, record.offset + 1, now);
  }
  if (ours) session_.passed(partition, grant, batch.end_offset());
  return ours;
}

// Leaves what is this member's still.
void GroupConsumer::Core::hand_out(std::vector<Record>& records) {
  const auto now = Clock::now();
  std::size_t kept = 0;
  for (std::size_t begin = 0, end = 0; begin < records.size(); begin = end) {
    const TopicPartition partition{records[begin].topic, records[begin].partition};
    for (end = begin + 1; end < records.size(); ++end) {
      const Record& last = records[end - 1];
      const Record& next = records[end];
      if (next.offset != last.offset + 1 || next.partition != last.partition || next.topic != last.topic)
        break;
    }
    const auto read = reads_.find(partition);
    const Lock lock(mutex_);
    if (read == reads_.end() || !session_.delivered(partition, read->second.grant, records[begin].offset,
                                                    records[end - 1].offset + 1, now))
      continue;
    for (std::size_t i = begin; i < end; ++i, ++kept) {
      if (kept != i) records[kept] = std::move(records[i]);
    }
  }
  records.resize(kept);
}

// Offsets without records behind the last one that was handed out.
void GroupConsumer::Core::pass_gaps() {
  for (const auto& [partition, read] : reads_) {
    const auto position = consumer_->position(partition);
    if (!position) continue;
    const Lock lock(mutex_);
    session_.passed(partition, read.grant, *position);
  }
}

Result<void> GroupConsumer::Core::seek(const TopicPartition& partition, OffsetSpec to) {
  const auto read = reads_.find(partition);
  if (read == reads_.end() || !owns(partition)) return not_read(partition);
  FOREBAY_CHECK(consumer_->assign(partition.topic, {partition.partition}, to));
  FOREBAY_TRY(const std::int64_t position, consumer_->position(partition));
  read->second.from_start = false;
  const Lock lock(mutex_);
  return session_.restart(partition, position);
}

Result<std::int64_t> GroupConsumer::Core::position(const TopicPartition& partition) const {
  if (!reads_.contains(partition) || !owns(partition)) return not_read(partition);
  return consumer_->position(partition);
}

Result<void> GroupConsumer::Core::set_paused(const TopicPartition& partition, bool paused) {
  follow_assignment();
  const auto read = reads_.find(partition);
  if (read == reads_.end()) return not_read(partition);
  read->second.paused = paused;
  follow_assignment();
  return {};
}

Result<void> GroupConsumer::Core::close() {
  if (std::exchange(closed_, true)) return {};
  const auto deadline = Clock::now() + options_.close_timeout;
  {
    Lock lock(mutex_);
    session_.leave();
    pump(lock);
  }
  run_tidings();
  Lock lock(mutex_);
  const bool over = changed_.wait_until(lock, deadline, [&] { return session_.is_over(); });
  closing_ = true;
  std::vector<std::shared_ptr<client::MemberStream>> running;
  for (const auto& [id, entry] : streams_) {
    if (entry.stream != nullptr) running.push_back(entry.stream);
  }
  lock.unlock();
  alarm_->stop();
  for (const auto& stream : running) stream->cancel();
  running.clear();
  lock.lock();
  changed_.wait(lock, [&] { return streams_.empty(); });
  const auto channels = std::exchange(channels_, {});
  const auto spent = std::exchange(spent_channels_, {});
  const auto unfinished = session_.unfinished();
  lock.unlock();
  if (over && unfinished) {
    return Error{ErrorCode::kNotOwner,
                 "this member was out of group '" + options_.group +
                     "' before all that was marked was committed; what is missing comes "
                     "again: " +
                     unfinished->to_string()};
  }
  if (over) return {};
  return Error{ErrorCode::kTimedOut,
               "the coordinator of group '" + options_.group + "' did not answer within " +
                   std::to_string(options_.close_timeout.count()) +
                   " ms: what was not committed comes again, to others when the session is over"};
}

// --- any thread ---

Result<void> GroupConsumer::Core::mark(const TopicPartition& partition, std::int64_t begin,
                                       std::int64_t end) {
  Lock lock(mutex_);
  FOREBAY_CHECK(session_.mark(partition, begin, end));
  if (!session_.holds_back()) return {};
  pump(lock);
  lock.unlock();
  consumer_->wake();
  return {};
}

Result<void> GroupConsumer::Core::commit_now(Milliseconds timeout) {
  const auto deadline = Clock::now() + std::min(timeout, kWaitMax);
  Lock lock(mutex_);
  const auto wanted = session_.commit_soon();
  pump(lock);
  for (const auto& [offset, grant] : wanted) {
    while (true) {
      FOREBAY_TRY(const bool committed, session_.is_committed(offset, grant));
      if (committed) break;
      if (auto refusal = session_.next_refusal()) return std::move(*refusal);
      if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) {
        const auto& trouble = session_.trouble();
        return Error{ErrorCode::kTimedOut, "offsets of group '" + options_.group + "' are not committed yet" +
                                               (trouble ? ": " + trouble->to_string() : "")};
      }
    }
  }
  return {};
}

std::vector<TopicPartition> GroupConsumer::Core::assignment() const {
  const Lock lock(mutex_);
  std::vector<TopicPartition> partitions;
  for (const auto& reading : session_.reading()) partitions.push_back(reading.partition);
  return partitions;
}

bool GroupConsumer::Core::owns(const TopicPartition& partition) const {
  const Lock lock(mutex_);
  return session_.owns(partition);
}

GroupStatus GroupConsumer::Core::status() const {
  const Lock lock(mutex_);
  return {session_.is_joined(), session_.member_id(), session_.member_epoch(), session_.trouble()};
}

void GroupConsumer::Core::wake() {
  {
    const Lock lock(mutex_);
    woken_ = true;
  }
  consumer_->wake();
}

}  // namespace forebay
