#include "api/member_call.h"

#include <utility>

#include "api/errors.h"
#include "api/group_messages.h"
#include "api/messages.h"

namespace forebay::api {
namespace {

// A member that commits for each record has a few round trips of them under way.
constexpr std::size_t kUnansweredMax = 64;
// Assignments of large groups are some hundred kilobytes.
constexpr std::size_t kWaitingMax = 256;

grpc::ByteBuffer bytes_of(const v1::MemberUpdate& update) {
  grpc::ByteBuffer bytes;
  write_message(update, &bytes);
  return bytes;
}

}  // namespace

// What the coordinator holds, perhaps for longer than the call lives: a node that stops ends its calls before
// its coordinators. Told from the coordinator's shard, cut off from any thread.
class MemberCall::Stream final : public group::MemberStream {
 public:
  explicit Stream(MemberCall* call) : hold_(std::in_place, call) {}
  void tell(group::AssignmentNotice notice) override {
    if (const auto call = hold()) (*call)->say(assignment_message(notice));
  }
  void end(Error why) override {
    if (const auto call = hold()) (*call)->end(why);
  }
  // Nothing is told any more.
  void cut() {
    std::optional<CallHold<MemberCall>> last;  // let go without the mutex
    const std::lock_guard lock(mutex_);
    if (hold_) last.emplace(std::move(*hold_));
    hold_.reset();
  }

 private:
  [[nodiscard]] std::optional<CallHold<MemberCall>> hold() {
    const std::lock_guard lock(mutex_);
    if (!hold_) return std::nullopt;
    return std::optional<CallHold<MemberCall>>(std::in_place, hold_->operator->());
  }
  std::mutex mutex_;
  std::optional<CallHold<MemberCall>> hold_;
};

MemberCall::MemberCall(ContextPtr context, const grpc::CallbackServerContext& call)
    : OpenCall(context->calls), context_(std::move(context)), host_(call.peer()) {
  reading_ = true;
  StartRead(&incoming_);
  if (!enlist()) stop(stopping_error());
}

void MemberCall::OnReadDone(bool ok) {
  if (!ok) {
    // It has half-closed or is gone: either way nobody says anything for it any more.
    detach();
    Lock lock(mutex_);
    reading_ = false;
    ended_ = true;
    advance(std::move(lock));
    return;
  }
  context_->metrics.received(incoming_.Length());
  const auto request = read_message<v1::MemberRequest>(incoming_);
  incoming_.Clear();
  {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    handling_ = true;
  }
  if (request) {
    handle(*request);
  } else {
    end(request.error());
  }
  Lock lock(mutex_);
  handling_ = false;
  advance(std::move(lock));
}

void MemberCall::handle(const v1::MemberRequest& request) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    first = group_.empty();
  }
  if (first != request.has_join()) {
    return end({ErrorCode::kInvalidArgument, first ? "the first message of a member has to be `join`"
                                                   : "the member has joined already on this stream"});
  }
  switch (request.request_case()) {
    case v1::MemberRequest::kJoin:
      return join(request.join());
    case v1::MemberRequest::kSubscribe:
      return ask([this, subscription = subscription_of(request.subscribe())](
                     group::Coordinator& coordinator, const group::MemberRef& member) mutable {
        coordinator.subscribe(group_, member, std::move(subscription),
                              [hold = CallHold(this)](const Result<std::monostate>& done) {
                                hold->request_done(done ? Result<void>{} : Result<void>(done.error()));
                              });
      });
    case v1::MemberRequest::kConfirm:
      return ask([this, number = group::AssignmentNumber(request.confirm().assignment())](
                     group::Coordinator& coordinator, const group::MemberRef& member) {
        coordinator.confirm(group_, member, number,
                            [hold = CallHold(this)](const Result<std::monostate>& done) {
                              hold->request_done(done ? Result<void>{} : Result<void>(done.error()));
                            });
      });
    case v1::MemberRequest::kCommit:
      return commit(request.commit());
    case v1::MemberRequest::kHeartbeat:
      return ask([this, number = request.heartbeat().number()](group::Coordinator& coordinator,
                                                               const group::MemberRef& member) {
        coordinator.heartbeat(group_, member,
                              [hold = CallHold(this), number](const Result<std::monostate>& done) {
                                if (done) {
                                  v1::MemberUpdate update;
                                  update.mutable_heartbeat()->set_number(number);
                                  hold->say(update);
                                }
                                hold->request_done(done ? Result<void>{} : Result<void>(done.error()));
                              });
      });
    case v1::MemberRequest::kRelease:
      return ask([this, partitions = partitions_of(request.release().partitions())](
                     group::Coordinator& coordinator, const group::MemberRef& member) mutable {
        coordinator.release(group_, member, std::move(partitions),
                            [hold = CallHold(this), &coordinator](const Result<group::ReleaseOutcome>& done) {
                              hold->released(coordinator, done);
                            });
      });
    case v1::MemberRequest::kLeave:
      return ask([this](group::Coordinator& coordinator, const group::MemberRef& member) {
        coordinator.leave(group_, member, [hold = CallHold(this)](const Result<group::Leaving>& left) {
          hold->request_done(left ? Result<void>{} : Result<void>(left.error()));
          if (!left) return;
          Lock lock(hold->mutex_);
          // The coordinator has let go of it: its number may be another one's when this call is done.
          hold->member_.reset();
          hold->ended_ = true;
          hold->advance(std::move(lock));
        });
      });
    case v1::MemberRequest::REQUEST_NOT_SET:
      return end({ErrorCode::kUnsupported, "a message of a member that this version does not know"});
  }
}

void MemberCall::join(const v1::JoinGroup& request) {
  auto input = join_input_of(request);
  input.host = host_;
  const auto start = start_rule_of(request.start());
  const auto assignor = assignor_of(request.assignor());
  if (!start || !assignor) return end(start ? assignor.error() : start.error());
  input.start = *start;
  input.assignor = *assignor;
  if (request.group().empty()) return end({ErrorCode::kInvalidArgument, "a member has to name its group"});
  {
    const std::lock_guard lock(mutex_);
    group_ = request.group();
    joining_ = true;
  }
  context_->broker.with_coordinator(
      group_, broker::Broker::GroupsTopic::kMake,
      [hold = CallHold(this), input = std::move(input),
       owned = partitions_of(request.owned())](Result<group::Coordinator*> found) mutable {
        if (!found) return hold->joined(found.error(), {});
        auto stream = std::make_shared<Stream>(hold.operator->());
        {
          const std::lock_guard lock(hold->mutex_);
          hold->stream_ = stream;
        }
        const std::string group = hold->group_;
        (*found)->join(group, std::move(input), std::move(owned), std::move(stream),
                       [hold = std::move(hold), coordinator = *found](const Result<group::Joined>& result) {
                         const group::Group* known = coordinator->look().find(hold->group_);
                         hold->joined(result, known == nullptr ? group::GroupEpoch{} : known->roster.epoch);
                       });
      });
}

// Before any assignment is told.
void MemberCall::joined(const Result<group::Joined>& result, group::GroupEpoch epoch) {
  bool gone = false;
  {
    const std::lock_guard lock(mutex_);
    joining_ = false;
    if (result) member_ = *result;
    gone = broken_ || ended_;
  }
  if (!result) {
    context_->metrics.failed(Method::kJoinGroup, result.error().code);
    return end(result.error());
  }
  context_->metrics.answered(Method::kJoinGroup);
  if (gone) return detach();
  say(joined_message(*result, epoch));
}

void MemberCall::released(const group::Coordinator& coordinator,
                          const Result<group::ReleaseOutcome>& outcome) {
  // What it does not own it cannot give back: nothing of it moves, and the next assignment says what it owns.
  if (!outcome && outcome.error().code != ErrorCode::kNotOwner) return request_done(outcome.error());
  v1::MemberUpdate update;
  v1::Released* to = update.mutable_released();
  const group::Group* known = coordinator.look().find(group_);
  if (outcome && known != nullptr) {
    put_partitions(*known, outcome->move, to->mutable_moving());
    put_partitions(*known, outcome->stay, to->mutable_staying());
  }
  say(update);
  request_done({});
}

void MemberCall::commit(const v1::Commit& request) {
  auto offsets = offsets_of(request.offsets());
  if (!offsets) return end(offsets.error());
  ask([this, request, offsets = std::move(*offsets)](group::Coordinator& coordinator,
                                                     const group::MemberRef& member) mutable {
    coordinator.commit(
        group_, member, std::move(offsets),
        [hold = CallHold(this), request = std::move(request)](const Result<group::EntryResults>& done) {
          if (done) {
            v1::MemberUpdate update;
            update.mutable_committed()->set_correlation_id(request.correlation_id());
            put_results(request.offsets(), *done, update.mutable_committed()->mutable_partitions());
            hold->say(update);
          }
          hold->request_done(done ? Result<void>{} : Result<void>(done.error()));
        });
  });
}

template <typename Ask>
void MemberCall::ask(Ask ask) {
  group::MemberRef member;
  {
    const std::lock_guard lock(mutex_);
    if (member_) {
      member = {member_->id, member_->epoch};
      ++unanswered_;
    }
  }
  if (member.id.empty()) {
    return end({ErrorCode::kInvalidArgument, "a member has to wait until it has joined before it says more"});
  }
  context_->broker.with_coordinator(group_, broker::Broker::GroupsTopic::kExpect,
                                    [hold = CallHold(this), member = std::move(member),
                                     ask = std::move(ask)](Result<group::Coordinator*> found) mutable {
                                      if (!found) return hold->request_done(found.error());
                                      ask(**found, member);
                                    });
}

void MemberCall::request_done(const Result<void>& result) {
  {
    Lock lock(mutex_);
    --unanswered_;
    if (result) return advance(std::move(lock));
  }
  end(result.error());
}

void MemberCall::say(const v1::MemberUpdate& update) {
  auto bytes = bytes_of(update);
  Lock lock(mutex_);
  if (ended_ || broken_) return;
  if (waiting_.size() >= kWaitingMax) {
    broken_ = true;
  } else {
    waiting_.push_back(std::move(bytes));
  }
  advance(std::move(lock));
}

// With the reason in the last message and in the status.
void MemberCall::end(const Error& why) {
  const Error named = context_->broker.name_coordinator(why, group_);
  v1::MemberUpdate update;
  *update.mutable_ended() = to_detail(named);
  auto bytes = bytes_of(update);
  detach();
  Lock lock(mutex_);
  if (ended_) return;
  ended_ = true;
  status_ = to_status(named);
  waiting_.push_back(std::move(bytes));
  advance(std::move(lock));
}

// Nobody speaks for the member any more: its session begins to count.
void MemberCall::detach() {
  std::optional<group::Joined> member;
  std::shared_ptr<Stream> stream;
  {
    const std::lock_guard lock(mutex_);
    member = std::exchange(member_, std::nullopt);
    stream = std::exchange(stream_, nullptr);
  }
  if (stream) stream->cut();
  if (!member) return;
  context_->broker.with_coordinator(group_, broker::Broker::GroupsTopic::kExpect,
                                    [group = group_, member = *member](Result<group::Coordinator*> found) {
                                      if (found) (*found)->detach(group, member.number, member.epoch);
                                    });
}

void MemberCall::OnWriteDone(bool ok) {
  Lock lock(mutex_);
  writing_ = false;
  if (!ok) broken_ = true;
  advance(std::move(lock));
}

void MemberCall::OnCancel() {
  detach();
  Lock lock(mutex_);
  broken_ = true;
  advance(std::move(lock));
}

void MemberCall::OnDone() {
  detach();
  release();
}

void MemberCall::stop(const Error& why) { end(why); }

MemberCall::Next MemberCall::next() {
  Next next;
  if (finished_) return next;
  if (broken_) {
    waiting_.clear();
    status_ = grpc::Status::CANCELLED;
    next.finish = !writing_ && acting_ == 0;
  } else {
    if (!writing_ && !waiting_.empty()) {
      outgoing_.Swap(&waiting_.front());
      waiting_.pop_front();
      next.write = true;
    }
    if (ended_) {
      next.finish = !next.write && !writing_ && acting_ == 0;
    } else {
      next.read = !reading_ && !handling_ && !joining_ && unanswered_ < kUnansweredMax;
    }
  }
  if (next.write) writing_ = true;
  if (next.read) reading_ = true;
  if (next.finish) finished_ = true;
  return next;
}

void MemberCall::advance(Lock lock) {
  while (true) {
    const Next next = this->next();
    if (!next.read && !next.write && !next.finish) return;
    ++acting_;
    lock.unlock();
    if (next.finish) {
      Finish(status_);
      return;
    }
    if (next.write) StartWrite(&outgoing_);
    if (next.read) StartRead(&incoming_);
    lock.lock();
    --acting_;
  }
}

}  // namespace forebay::api
