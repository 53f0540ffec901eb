// The part of RaftGroup that sends its followers what they lack: from memory at once, from the disk in turn.
#include <algorithm>
#include <utility>

#include "log/core/log_base.h"
#include "raft/raft_group.h"

namespace forebay::raft {
namespace {

// Sent and not yet on the follower's disk, of one group.
constexpr std::size_t kWindowBytes = 4U << 20;
// While so many appends are on their way to the follower's disk, less than this is not worth a message: one
// is being flushed there, and the next round finds the other one waiting.
constexpr std::size_t kAppendsInFlightWanted = 2;
constexpr std::size_t kAppendBytesWanted = 64U << 10;
// What is committed, followers learn with the next frames, or after this: nobody waits for it but the
// metadata's images, and a message of its own for each commit would cost as much as an append.
constexpr runtime::Duration kCommitNewsDelay = std::chrono::milliseconds(5);
constexpr std::size_t kAppendBytesMax = 1U << 20;

std::size_t encoded_bytes(const std::vector<log::FramePtr>& frames) {
  std::size_t bytes = 0;
  for (const log::FramePtr& frame : frames) bytes += frame->encoded_bytes();
  return bytes;
}

}  // namespace

void RaftGroup::pump() {
  if (!is_leader()) return;
  for (const model::NodeId peer : core_.peers()) send_to(peer);
}

// What is stored is no longer in flight; nor is what lies above what is sent next, it was refused.
void RaftGroup::Sending::forget(model::LogPosition stored, model::LogPosition next) {
  while (!in_flight.empty() && in_flight.front().first <= stored) {
    in_flight_bytes -= in_flight.front().second;
    in_flight.pop_front();
  }
  while (!in_flight.empty() && in_flight.back().first > next) {
    in_flight_bytes -= in_flight.back().second;
    in_flight.pop_back();
  }
}

void RaftGroup::tell_commit_later() {
  if (news_timer_) return;
  news_timer_ = surroundings_.executor->schedule_after(kCommitNewsDelay, [this] {
    news_timer_.reset();
    news_are_due_ = true;
    pump();
    news_are_due_ = false;
  });
}

void RaftGroup::send_to(model::NodeId peer) {
  while (is_leader()) {
    const auto head = core_.next_append(peer);
    Sending& sending = sending_[peer];
    // A wiped node has to be let in again first: who it was before is still the member.
    if (!head || sending.reading || !surroundings_.peers->is_reachable(peer, id()) ||
        !speaks_for_a_member(peer))
      return;
    const auto progress = core_.progress(peer);
    sending.forget(progress->stored, progress->next);
    if (head->prev == core_.end()) {
      if (core_.news_can_wait(peer) && !news_are_due_) return tell_commit_later();
      if (surroundings_.peers->send(peer, Append{id(), *head, {}})) core_.sent(peer, head->prev);
      return;
    }
    // An answer, or room, pumps again.
    if (sending.in_flight_bytes >= kWindowBytes) return;
    if (surroundings_.peers->room(peer, id()) < kAppendBytesMax) return;
    const bool from_disk = !log_.is_in_memory(head->prev);
    const bool fills = from_disk && core_.is_learner(peer);
    if (fills && !surroundings_.peers->may_fill(*this)) return;
    const bool catches_up = from_disk && !fills;
    if (catches_up && !surroundings_.peers->may_catch_up(*this, peer)) return;
    if (from_disk && !surroundings_.peers->take_read_slot(*this)) return;
    sending.reading = true;
    log_.read_frames(
        {.from = head->prev,
         .upto = core_.end(),
         .bytes_max = kAppendBytesMax,
         .first = progress->probing ? log::FirstFrame::kAfterTrimmed : log::FirstFrame::kCovering},
        [alive = alive_, peers = surroundings_.peers->handle(), from_disk, fills, catches_up, peer,
         prev = head->prev, term = core_.term()](Result<std::vector<log::FramePtr>> frames) {
          if (from_disk && *peers != nullptr) (*peers)->give_read_slot();
          if (fills && frames && *peers != nullptr) (*peers)->filled(encoded_bytes(*frames));
          if (catches_up && frames && *peers != nullptr) (*peers)->caught_up(peer, encoded_bytes(*frames));
          if (*alive != nullptr) (*alive)->on_frames(peer, prev, term, std::move(frames));
        });
    // From memory it has been sent already, or is not worth sending yet; from disk it comes later.
    const auto next = core_.next_append(peer);
    if (!next || next->prev == head->prev) return;
  }
}

void RaftGroup::on_frames(model::NodeId peer, model::LogPosition prev, model::Term term,
                          Result<std::vector<log::FramePtr>> frames) {
  const auto at = sending_.find(peer);
  if (at == sending_.end()) return;  // its link was made anew meanwhile
  Sending& sending = at->second;
  sending.reading = false;
  if (!is_leader() || core_.term() != term) return;
  auto head = core_.next_append(peer);
  if (!head || head->prev != prev) return surroundings_.peers->pump_soon(*this);
  if (!frames) {
    // Another branch may end where none of our frames does. Asked without any, the replica says where it ends
    // in terms that we have.
    if (frames.error().code == ErrorCode::kNotFound && core_.progress(peer)->probing &&
        surroundings_.peers->send(peer, Append{id(), *head, {}}))
      core_.sent(peer, prev);
    return;
  }
  const model::LogPosition begin =
      frames->empty() ? std::max(prev, log_.log_start()) : frames->front()->header.begin;
  if (begin > prev) return send_install(peer, *head, begin);
  if (frames->empty()) return;
  // The log start of a replica may lie within a batch: after a start it knows of no more that is committed.
  if (begin < prev) head = core_.append_from(*head, begin);
  const std::size_t bytes = encoded_bytes(*frames);
  const auto progress = core_.progress(peer);
  sending.forget(progress->stored, progress->next);  // it may have answered meanwhile
  if (sending.in_flight.size() >= kAppendsInFlightWanted && bytes < kAppendBytesWanted) return;
  // Others may have taken it while this was read; there is a call when it is back.
  if (surroundings_.peers->room(peer, id()) < io::peer_room_wanted(bytes)) return;
  const model::LogPosition end = frames->back()->header.end;
  if (!surroundings_.peers->send(peer, Append{id(), *head, std::move(*frames)})) return;
  core_.sent(peer, end);
  sending.in_flight.emplace_back(end, bytes);
  sending.in_flight_bytes += bytes;
}

void RaftGroup::send_install(model::NodeId peer, const AppendHead& head, model::LogPosition begin) {
  const log::LogBase base = log::base_at(begin, log_.terms(), log_.memberships());
  // Else room for it pumps again.
  if (!surroundings_.peers->send(peer, id(), core_.install_instead(head, base))) return;
  core_.install_sent(peer, begin);
  surroundings_.peers->count_install_sent();
}

}  // namespace forebay::raft
