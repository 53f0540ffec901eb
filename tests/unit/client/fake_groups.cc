#include "fake_groups.h"

#include <thread>
#include <utility>

#include "client/member_wire.h"

namespace forebay::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

MemberWords words_of(const v1::MemberRequest& request) {
  if (request.has_join()) {
    const v1::JoinGroup& join = request.join();
    JoinWords words;
    words.group = join.group();
    words.member_id = join.member_id();
    words.new_member_id = join.new_member_id();
    words.number = join.join_number();
    words.member_epoch = join.member_epoch();
    words.instance_id = join.instance_id();
    words.topics.assign(join.subscription().topics().begin(), join.subscription().topics().end());
    if (join.has_start()) words.start = start_rule_of(join.start());
    words.session_timeout = milliseconds(join.session_timeout_ms());
    words.revoke_timeout = milliseconds(join.revoke_timeout_ms());
    words.owned = partitions_of(join.owned());
    return words;
  }
  if (request.has_commit()) {
    CommitWords words;
    words.correlation = request.commit().correlation_id();
    for (const auto& one : request.commit().offsets())
      words.offsets.push_back({{one.topic(), one.partition()}, one.offset()});
    return words;
  }
  if (request.has_confirm()) return ConfirmWords{request.confirm().assignment()};
  if (request.has_heartbeat()) return HeartbeatWords{request.heartbeat().number()};
  if (request.has_release())
    return ReleaseWords{partitions_of(request.release().partitions()), request.release().reason()};
  return LeaveWords{};
}

v1::ErrorDetail detail_of(const Error& error) {
  v1::ErrorDetail detail;
  detail.set_reason(static_cast<v1::ErrorReason>(error.code));
  detail.set_message(error.context);
  return detail;
}

v1::MemberUpdate update_of(const CoordinatorWords& words) {
  v1::MemberUpdate update;
  if (const auto* joined = std::get_if<JoinedWords>(&words)) {
    update.mutable_joined()->set_member_id(joined->member_id);
    update.mutable_joined()->set_member_epoch(joined->member_epoch);
    update.mutable_joined()->set_session_timeout_ms(
        static_cast<std::uint32_t>(joined->session_timeout.count()));
    update.mutable_joined()->set_heartbeat_interval_ms(
        static_cast<std::uint32_t>(joined->heartbeat_interval.count()));
    put_start_rule(joined->start, *update.mutable_joined()->mutable_start());
  } else if (const auto* assignment = std::get_if<AssignmentWords>(&words)) {
    v1::Assignment& to = *update.mutable_assignment();
    to.set_number(assignment->number);
    to.set_confirm_within_ms(static_cast<std::uint32_t>(assignment->confirm_within.count()));
    put_partitions(assignment->give_up, to.mutable_give_up());
    for (const auto& one : assignment->owned) {
      auto* owned = to.add_owned();
      owned->set_topic(one.partition.topic);
      owned->set_partition(one.partition.partition);
      if (one.committed) owned->set_committed(*one.committed);
    }
  } else if (const auto* ack = std::get_if<CommitAckWords>(&words)) {
    update.mutable_committed()->set_correlation_id(ack->correlation);
    for (const auto& one : ack->partitions) {
      auto* to = update.mutable_committed()->add_partitions();
      to->set_topic(one.partition.topic);
      to->set_partition(one.partition.partition);
      if (one.error) *to->mutable_error() = detail_of(*one.error);
    }
  } else {
    update.mutable_heartbeat()->set_number(std::get<HeartbeatAckWords>(words).number);
  }
  return update;
}

}  // namespace

void FakeGroups::add_topic(const std::string& name, std::size_t partitions) {
  const std::lock_guard lock(mutex_);
  coordinator_.add_topic(name, partitions);
}

void FakeGroups::speak_again() {
  const std::lock_guard lock(mutex_);
  silent_ = false;
  changed_.notify_all();
}

void FakeGroups::be_silent() {
  const std::lock_guard lock(mutex_);
  silent_ = true;
}

std::optional<std::int64_t> FakeGroups::committed(const std::string& group,
                                                  const TopicPartition& partition) const {
  const std::lock_guard lock(mutex_);
  return coordinator_.committed(group, partition);
}

std::size_t FakeGroups::member_count(const std::string& group) const {
  const std::lock_guard lock(mutex_);
  return coordinator_.member_count(group);
}

// Under the mutex.
void FakeGroups::route() {
  for (; !coordinator_.out.empty(); coordinator_.out.pop_front()) {
    const auto& out = coordinator_.out.front();
    const auto at = streams_.find(out.stream);
    if (at == streams_.end()) continue;
    if (const auto* words = std::get_if<CoordinatorWords>(&out.words)) {
      at->second.waiting.push_back(update_of(*words));
      continue;
    }
    if (const auto* error = std::get_if<Error>(&out.words)) {
      at->second.waiting.emplace_back();
      *at->second.waiting.back().mutable_ended() = detail_of(*error);
    }
    at->second.over = true;
  }
  changed_.notify_all();
}

grpc::Status FakeGroups::Join(grpc::ServerContext* context,
                              grpc::ServerReaderWriter<v1::MemberUpdate, v1::MemberRequest>* call) {
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_stream_++;
    streams_[id];
  }
  bool left = false;
  std::thread writer([&] {
    std::unique_lock lock(mutex_);
    Stream& stream = streams_[id];
    while (true) {
      changed_.wait(lock, [&] { return (!silent_ && !stream.waiting.empty()) || stream.over; });
      while (!silent_ && !stream.waiting.empty()) {
        const v1::MemberUpdate update = std::move(stream.waiting.front());
        stream.waiting.pop_front();
        lock.unlock();
        call->Write(update);
        lock.lock();
      }
      if (stream.over) break;
    }
    if (!left) context->TryCancel();  // ends the reading
  });
  v1::MemberRequest request;
  while (!left && call->Read(&request)) {
    const std::lock_guard lock(mutex_);
    if (silent_) continue;
    left = request.has_leave();
    coordinator_.say(id, words_of(request), steady_clock::now());
    route();
  }
  {
    const std::lock_guard lock(mutex_);
    coordinator_.broken(id, steady_clock::now());
    streams_[id].over = true;
    route();
  }
  writer.join();
  const std::lock_guard lock(mutex_);
  streams_.erase(id);
  return grpc::Status::OK;
}

}  // namespace forebay::client
