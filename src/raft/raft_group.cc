#include "raft/raft_group.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "base/crc32c.h"
#include "base/endian.h"
#include "model/record_batch.h"

namespace forebay::raft {

Result<std::unique_ptr<RaftGroup>> RaftGroup::open(log::Log& log, log::Voter self, runtime::WallClock& clock,
                                                   GroupListener& listener) {
  FOREBAY_TRY(Raft core, Raft::open(self, {.hard_state = log.hard_state(),
                                           .end = log.end(),
                                           .terms = log.terms(),
                                           .log_start = log.log_start(),
                                           .membership = log.membership()}));
  if (core.membership() != log::Membership{.voters = {self}, .next_voters = {}, .learners = {}}) {
    return Error{ErrorCode::kFailedPrecondition,
                 "the partition has other members, which this version does not support"};
  }
  return std::unique_ptr<RaftGroup>(new RaftGroup(log, std::move(core), clock, listener));
}

RaftGroup::RaftGroup(log::Log& log, Raft core, runtime::WallClock& clock, GroupListener& listener)
    : log_(log),
      core_(std::move(core)),
      clock_(clock),
      listener_(listener),
      alive_(std::make_shared<RaftGroup*>(this)) {
  log_.on_flushed([this](model::LogPosition flushed) {
    const model::LogPosition before = core_.commit();
    core_.flushed(flushed);
    was_established_ = was_established_ || core_.has_committed_in_term();
    if (core_.commit() > before) listener_.on_commit(core_.commit());
  });
  log_.on_failed([this](const Error& error) {
    failed_ = error;
    core_.step_down();
    listener_.on_log_failed(error);
  });
}

RaftGroup::~RaftGroup() {
  *alive_ = nullptr;
  log_.on_flushed(nullptr);
  log_.on_failed(nullptr);
}

void RaftGroup::start() {
  core_.campaign();
  carry_out();
}

void RaftGroup::carry_out() {
  while (core_.has_ready()) {
    Ready ready = core_.take_ready();
    if (ready.hard_state) {
      log_.set_hard_state(*ready.hard_state,
                          [alive = alive_, state = *ready.hard_state](Result<void> durable) {
                            RaftGroup* group = *alive;
                            if (group == nullptr || !durable)
                              return;  // a failed write comes through on_failed
                            group->core_.hard_state_durable(state);
                            group->carry_out();
                            if (group->is_leader()) group->listener_.on_leader();
                          });
    }
    for (const log::Control& control : ready.controls) append_control(control);
  }
}

model::Timestamp RaftGroup::next_append_time() { return std::max(clock_.now(), log_.max_append_time()); }

RaftGroup::Appended RaftGroup::append_records(std::string batch, std::int32_t record_count,
                                              bool log_append_time) {
  FOREBAY_ASSERT(is_leader());
  FOREBAY_ASSERT(record_count > 0);
  const model::LogPosition begin = log_.end();
  const model::Timestamp append_time = next_append_time();
  const std::span<std::byte> bytes(reinterpret_cast<std::byte*>(batch.data()), batch.size());
  model::set_base_offset(bytes, begin.next_offset);
  model::set_leader_epoch(bytes, core_.term());
  if (log_append_time) model::set_append_time(bytes, append_time);

  auto frame = std::make_shared<log::Frame>();
  frame->header.partition = log_.id();
  frame->header.kind = log::FrameKind::kRecords;
  frame->header.begin = begin;
  frame->header.end = begin.after_records(record_count);
  frame->header.term = core_.term();
  frame->header.append_time = append_time;
  frame->header.payload_bytes = static_cast<std::uint32_t>(batch.size());
  frame->header.payload_crc = load_be<std::uint32_t>(bytes.data() + model::kBatchCrcAt);
  frame->payload = SharedBytes::take(std::move(batch));
  const Appended appended{begin.next_offset, frame->header.end, core_.term(), append_time};
  append_frame(std::move(frame));
  return appended;
}

RaftGroup::Appended RaftGroup::append_control(const log::Control& control) {
  FOREBAY_ASSERT(is_leader());
  auto frame = std::make_shared<log::Frame>();
  frame->payload = SharedBytes::take(log::encode_control(control));
  const model::LogPosition begin = log_.end();
  frame->header.partition = log_.id();
  frame->header.kind = log::FrameKind::kControl;
  frame->header.begin = begin;
  frame->header.end = begin.after_control();
  frame->header.term = core_.term();
  frame->header.append_time = next_append_time();
  frame->header.payload_bytes = static_cast<std::uint32_t>(frame->payload.size());
  frame->header.payload_crc = crc32c(frame->payload.span());
  const Appended appended{begin.next_offset, frame->header.end, core_.term(), frame->header.append_time};
  append_frame(std::move(frame));
  return appended;
}

void RaftGroup::append_frame(log::FramePtr frame) {
  const model::LogPosition end = frame->header.end;
  log_.append(std::move(frame));
  core_.appended(end);
}

}  // namespace forebay::raft
