#include "sim/producer_checks.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "partition/core/producer_snapshot.h"

namespace forebay::sim {
namespace {

using partition::ProducerState;

std::string session_text(model::ProducerId id, model::ProducerEpoch epoch) {
  return "producer " + std::to_string(id.value()) + " epoch " + std::to_string(epoch.value());
}

std::string state_text(const ProducerState& state) {
  std::string text = "epoch " + std::to_string(state.epoch.value()) + ", last time " +
                     std::to_string(state.last_time.value()) + ", batches";
  for (const partition::StoredBatch& batch : state.batches)
    text += " " + std::to_string(batch.first_sequence) + "-" + std::to_string(batch.last_sequence) + "@" +
            std::to_string(batch.first_offset.value());
  if (!state.named) return text;
  text += ", named";
  if (state.named->position) text += " at " + state.named->position->position;
  if (state.named->next) text += ", next " + state.named->next->position.position;
  if (state.named->before) text += ", before it " + std::to_string(state.named->before->last_sequence);
  return text;
}

using Producers = std::map<model::ProducerId, ProducerState>;

std::optional<Producers> decode(const ProducerChecks::Bytes& bytes) {
  auto snapshot = partition::decode_producers(ByteSpan(bytes.data(), bytes.size()));
  if (!snapshot) return std::nullopt;
  Producers producers;
  for (auto& [id, state] : snapshot->producers) producers.emplace(id, std::move(state));
  return producers;
}

// What everybody knows who has folded a log from which old batches are gone.
ProducerState without_old_batches(ProducerState state) {
  if (state.batches.size() > 1) state.batches = {state.batches.back()};
  if (state.named && state.named->before) {
    auto named = *state.named;
    named.before.reset();
    state.named = std::make_shared<const partition::NamedProducer>(std::move(named));
  }
  return state;
}

// Of the first one that differs; nothing: none does.
std::optional<std::string> difference(const Producers& there, const Producers& log) {
  for (const auto& [id, state] : log) {
    const auto at = there.find(id);
    const std::string said = "of producer " + std::to_string(id.value()) + " the log says " +
                             state_text(state) + ", and the replica knows ";
    if (at == there.end()) return said + "nothing";
    if (!(at->second == state)) return said + state_text(at->second);
  }
  for (const auto& [id, state] : there) {
    if (!log.contains(id))
      return "the replica knows producer " + std::to_string(id.value()) + ", " + state_text(state) +
             ", and the log does not";
  }
  return std::nullopt;
}

}  // namespace

void ProducerChecks::take(std::size_t partition, const log::Frame& frame, bool whole,
                          const std::string& where) {
  Group& group = groups_[partition];
  if (frame.header.kind == log::FrameKind::kRecords) {
    const model::BatchHeader batch = model::read_batch_header(frame.payload.data());
    if (batch.producer_id != model::kNoProducerId) take_batch(group, batch, whole, where);
  } else if (const auto control = log::decode_control(frame.payload.span())) {
    take_control(group, *control);
  }
  group.states.appended(frame);
  group.states.committed(frame.header.end);
  group.end = frame.header.end;
  group.by_position[group.end] = group.states.encode();
  while (!group.ahead.empty() && group.ahead.begin()->first <= group.end) {
    compare(group, group.ahead.begin()->first, group.ahead.begin()->second);
    group.ahead.erase(group.ahead.begin());
  }
}

void ProducerChecks::take_batch(Group& group, const model::BatchHeader& batch, bool whole,
                                const std::string& where) {
  const std::string what = session_text(batch.producer_id, batch.producer_epoch) + " at offset " +
                           std::to_string(batch.base_offset.value()) + " of " + where;
  if (const auto fenced = group.fenced.find(batch.producer_id);
      fenced != group.fenced.end() && batch.producer_epoch < fenced->second)
    fail_("I11: " + what + " stands behind the fence of epoch " + std::to_string(fenced->second.value()));
  const auto [at, is_new] = group.sessions.try_emplace(batch.producer_id);
  Session& session = at->second;
  const bool begins = is_new || batch.producer_epoch > session.epoch || session.may_begin_anew;
  if (!is_new && batch.producer_epoch < session.epoch && !session.may_begin_anew)
    fail_("I11: " + what + " comes after epoch " + std::to_string(session.epoch.value()));
  const bool is_first = batch.base_sequence == 0 ||
                        (rules_.late_sequences && batch.base_sequence >= kLateSequence) ||
                        rules_.may_forget || group.gave_up;
  const bool follows = session.last_sequence >= 0 && batch.producer_epoch == session.epoch &&
                       static_cast<std::uint32_t>(batch.base_sequence) ==
                           ((static_cast<std::uint32_t>(session.last_sequence) + 1) & 0x7fffffffU);
  // Where the log is compacted what lies between may be gone.
  if (whole && !rules_.compacting && !follows && !(begins && is_first))
    fail_("I9: sequence " + std::to_string(batch.base_sequence) + " of " + what + " comes after " +
          std::to_string(session.last_sequence) + " of epoch " + std::to_string(session.epoch.value()));
  if (batch.last_sequence() < batch.base_sequence || (follows && batch.base_sequence == 0)) ++counts_.wraps;
  session = {.epoch = batch.producer_epoch, .last_sequence = batch.last_sequence()};
}

void ProducerChecks::take_control(Group& group, const log::Control& control) {
  if (const auto* fence = std::get_if<log::ProducerFence>(&control)) {
    ++counts_.fences;
    auto& fenced = group.fenced[fence->producer];
    fenced = std::max(fenced, fence->epoch);
    const auto session = group.sessions.find(fence->producer);
    if (session != group.sessions.end() && session->second.epoch < fence->epoch) ++counts_.sessions_fenced;
  }
  if (const auto* forgotten = std::get_if<log::ProducersForgotten>(&control)) {
    const auto freed = group.states.count(*forgotten);
    counts_.producers_forgotten += freed.producers;
    counts_.batches_forgotten += freed.batches;
    for (auto& [id, session] : group.sessions) session.may_begin_anew = !group.fenced.contains(id);
  }
}

void ProducerChecks::give_up(std::size_t partition, model::LogPosition from) {
  Group& group = groups_[partition];
  if (from >= group.end) return;
  auto& known = group.by_position;
  known.erase(known.upper_bound(from), known.end());
  group.states.reset({});
  if (!known.empty()) {
    const auto there = decode(known.rbegin()->second);
    if (!there || !group.states.restore(known.rbegin()->first, known.rbegin()->second))
      return fail_("a state of producers cannot be read back");
    group.states.bring({there->begin(), there->end()});
  }
  group.end = from;
  group.ahead.clear();
  group.sessions.clear();
  group.gave_up = true;
}

void ProducerChecks::fence_answered(std::size_t partition, model::ProducerId id, model::ProducerEpoch epoch) {
  auto& answered = groups_[partition].answered[id];
  answered = std::max(answered, epoch);
}

void ProducerChecks::see(std::size_t partition, model::LogPosition at, const Bytes& state,
                         const std::string& where) {
  Group& group = groups_[partition];
  Seen seen{state, where};
  if (at > group.end) {
    group.ahead.emplace(at, std::move(seen));
  } else {
    compare(group, at, seen);
  }
}

void ProducerChecks::see_compacted(std::size_t partition, model::LogPosition upto) {
  model::LogPosition& known = groups_[partition].compacted_to;
  known = std::max(known, upto);
}

void ProducerChecks::compare(const Group& group, model::LogPosition at, const Seen& seen) {
  // In between, a log that was compacted further lacks what was the last batch there.
  if (rules_.may_forget || at < group.compacted_to) return;
  ++counts_.states_compared;
  const auto next = group.by_position.upper_bound(at);
  static const Bytes kNobody = partition::encode_producers({});
  const Bytes& expected = next == group.by_position.begin() ? kNobody : std::prev(next)->second;
  if (seen.state == expected) return;
  auto there = decode(seen.state);
  auto log = decode(expected);
  if (!there || !log) return fail_("the state of producers of " + seen.where + " cannot be read");
  if (rules_.compacting) {
    for (auto* producers : {&*there, &*log}) {
      for (auto& [id, state] : *producers) state = without_old_batches(std::move(state));
    }
  }
  if (const auto differs = difference(*there, *log))
    fail_("what is known of producers below " + at.to_string() + " on " + seen.where +
          " is not what the log says: " + *differs);
}

void ProducerChecks::finish() {
  for (std::size_t partition = 0; partition < groups_.size(); ++partition) {
    const Group& group = groups_[partition];
    if (!group.ahead.empty())
      fail_("producers were known up to " + group.ahead.rbegin()->first.to_string() + " on " +
            group.ahead.rbegin()->second.where + ", and no log gets there");
    for (const auto& [id, epoch] : group.answered) {
      const auto fenced = group.fenced.find(id);
      if (fenced == group.fenced.end() || fenced->second < epoch)
        fail_("I11: the fence of " + session_text(id, epoch) + " in partition " + std::to_string(partition) +
              " was answered and is not in the log");
    }
  }
}

}  // namespace forebay::sim
