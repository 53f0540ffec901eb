// Producers of a simulated cluster that number their batches, and those that have a name.
#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <utility>

#include "sim/cluster_clients.h"
#include "sim/producer_checks.h"

namespace forebay::sim {
namespace {

constexpr std::uint32_t kGapsOneIn = 40;  // batches of a session that has begun
// An older life of a name does not believe the first ones.
constexpr std::uint32_t kRefusalsMax = 4;
// No session of a world gets so far.
constexpr std::int32_t kGap = 1'000'000;
// Append times of a world lie about so close together.
constexpr std::uint64_t kForgetSinceMaxMs = 1'000;
constexpr const char* kSource = "source";

std::int32_t sequence_behind(std::int32_t sequence, std::int32_t count) {
  return static_cast<std::int32_t>(
      (static_cast<std::uint32_t>(sequence) + static_cast<std::uint32_t>(count)) & 0x7fffffffU);
}

}  // namespace

ProducerLife& ClusterClients::begin_life(std::uint32_t producer) {
  Life& life = *lives_.emplace_back(std::make_unique<Life>());
  life.producer = producer;
  life.named = options_.named && producer % 2 == 0;
  life.sessions.resize(partitions_);
  if (const auto before = newest_.find(producer); before != newest_.end()) {
    ++stats_.lives;
    const auto epoch = static_cast<std::int16_t>(before->second->sessions.front().epoch + 1);
    for (Session& session : life.sessions) session.epoch = epoch;
  }
  newest_[producer] = &life;
  return life;
}

std::vector<ClientItem> ClusterClients::next_items(Life& life, std::uint32_t partition, std::int32_t count) {
  std::vector<Item> items;
  auto& source = sources_[{life.producer, partition}];
  std::size_t& next = life.sessions[partition].next_item;
  for (std::int32_t i = 0; i < count; ++i) {
    if (next == source.size()) source.push_back(new_item(life, partition, i == 0));
    items.push_back(source[next++]);
  }
  return items;
}

void ClusterClients::number(Request& request, model::BatchOptions& options) {
  Life& life = *request.life;
  Session& session = life.sessions[request.partition];
  request.epoch = session.epoch;
  request.first = !session.begun;
  request.gap = session.begun && rng_.one_in(kGapsOneIn);
  std::int32_t sequence = session.next_sequence;
  if (request.first && options_.late_sequences)
    sequence =
        sequence_behind(kLateSequence, static_cast<std::int32_t>(rng_.below(0x80000000U - kLateSequence)));
  if (request.gap) {
    sequence = sequence_behind(sequence, kGap);
  } else {
    session.begun = true;
    request.number = session.batches++;
    session.in_flight.insert(request.number);
    session.next_sequence = sequence_behind(sequence, request.count);
  }
  if (life.named && !request.gap) {
    request.items = next_items(life, request.partition, request.count);
    request.position = partition::SourcePosition{kSource, std::to_string(session.next_item)};
  } else {
    for (std::int32_t i = 0; i < request.count; ++i)
      request.items.push_back(new_item(life, request.partition, i == 0));
  }
  request.last_sequence = sequence_behind(sequence, request.count - 1);
  options.producer_id = model::ProducerId(life.producer);
  options.producer_epoch = model::ProducerEpoch(session.epoch);
  options.base_sequence = sequence;
}

// No session begins there: a partition whose sessions have come so far is made by writing past its judge.
void ClusterClients::begin_late(partition::Partition& there, const RequestPtr& request,
                                partition::Done<partition::ProduceAck> done) {
  there.produce(
      request->input(), [&there, request, done = std::move(done)](Result<partition::ProduceAck> ack) mutable {
        const bool is_new =
            !ack && (ack.error().code == ErrorCode::kUnknownProducer ||
                     (ack.error().code != ErrorCode::kProducerFenced && ack.error().last_sequence == -1));
        if (!is_new) return done(std::move(ack));
        if (request->position) {
          there.group().append_control(log::ProducerPosition{
              model::ProducerId(request->life->producer), model::ProducerEpoch(request->epoch),
              request->last_sequence, request->position->source, request->position->position});
        }
        there.group().append_records(request->batch, request->count, false);
        there.produce(request->input(), std::move(done));  // which is a copy now
      });
}

// Returns: whether the same is to be sent again.
bool ClusterClients::settle(const Request& request, bool followed, const Result<partition::ProduceAck>& ack) {
  Life& life = *request.life;
  Session& session = life.sessions[request.partition];
  if (ack) {
    if (request.gap) contradiction_ = "I9: a batch was stored whose sequence follows nothing";
    stats_.copies += ack->duplicate ? 1 : 0;
    if (session.epoch == request.epoch && !request.gap) session.in_flight.erase(request.number);
    return false;
  }
  const bool goes_on = !life.over && session.epoch == request.epoch && !request.gap;
  switch (ack.error().code) {
    case ErrorCode::kOutOfOrderSequence:
    case ErrorCode::kUnknownProducer:
    case ErrorCode::kEarlyAckLost:
      // What it follows came later.
      if (request.gap || (goes_on && followed)) {
        ++stats_.gaps_refused;
        return producing_ && goes_on;
      }
      if (goes_on) lose(request, ack.error().code);
      return false;
    case ErrorCode::kProducerFenced:
      ++stats_.fenced;
      if (!goes_on) return false;
      session.in_flight.erase(request.number);
      if (!life.named || is_newest(life)) {
        lose(request, ack.error().code);
      } else if (++life.refusals == kRefusalsMax) {
        life.over = true;
      }
      return false;
    default:
      return producing_ && goes_on;
  }
}

void ClusterClients::lose(const Request& request, ErrorCode why) {
  Life& life = *request.life;
  Session& session = life.sessions[request.partition];
  const std::string lost = "client " + std::to_string(life.producer) + ": its session, epoch " +
                           std::to_string(session.epoch) + ", in partition " +
                           std::to_string(request.partition) + " is lost at sequence " +
                           std::to_string(request.last_sequence);
  if (life.named) {
    life.over = true;
    if (!is_newest(life)) return;  // a fence that was lost with its leader refused what this one follows
    trace(lost);
    ++stats_.sessions_lost;
    return produce_next(begin_life(life.producer));
  }
  trace(lost);
  const bool forgotten = why == ErrorCode::kUnknownProducer && options_.forgets_one_in > 0;
  ++(forgotten ? stats_.sessions_forgotten : stats_.sessions_lost);
  session = {.epoch = static_cast<std::int16_t>(session.epoch + 1)};
}

// --- names

void ClusterClients::fence(Life& life, std::uint32_t partition) {
  Session& session = life.sessions[partition];
  if (session.fence == Session::Fence::kUnasked) {
    session.fence = Session::Fence::kAsked;
    ask_fence(life, partition);
  }
  produce_next(life);
}

void ClusterClients::ask_fence(Life& life, std::uint32_t partition) {
  const std::uint32_t node = leader_for(partition);
  const model::ProducerId id(life.producer);
  const model::ProducerEpoch epoch(life.sessions[partition].epoch);
  ++waiting_;
  call<partition::ProducerFenced>(
      node, partition,
      [id, epoch](partition::Partition& there, partition::Done<partition::ProducerFenced> done) {
        there.fence_producer(id, epoch, kRequestTimeout, std::move(done));
      },
      [this, &life, partition, node, id, epoch](const Result<partition::ProducerFenced>& fenced,
                                                model::Term) {
        --waiting_;
        if (fenced) {
          on_fenced_(partition, id, epoch);
          return resume(life, partition, *fenced);
        }
        learn(partition, node, fenced.error());
        if (fenced.error().code == ErrorCode::kProducerFenced) {
          ++(is_newest(life) ? stats_.sessions_lost : stats_.fenced);
          life.over = true;
        }
        if (!producing_ || life.over) return;
        ++waiting_;
        after(kClientRetryMax, [this, &life, partition] {
          --waiting_;
          ask_fence(life, partition);
        });
      });
}

// Goes on with its source where the life before came to.
void ClusterClients::resume(Life& life, std::uint32_t partition, const partition::ProducerFenced& fenced) {
  Session& session = life.sessions[partition];
  session.fence = Session::Fence::kStands;
  auto& source = sources_[{life.producer, partition}];
  const std::string who =
      "producer " + std::to_string(life.producer) + " in partition " + std::to_string(partition);
  if (fenced.before) {
    const std::string text = fenced.before->position ? fenced.before->position->position : "nothing";
    std::from_chars(text.data(), text.data() + text.size(), session.next_item);
    if (session.next_item == 0 || session.next_item > source.size()) {
      contradiction_ = who + " is told to go on behind " + text;
      session.next_item = 0;
      return;
    }
    ++stats_.resumed;
    SentRecord& last = history_.sent[source[session.next_item - 1].sent];
    const std::int64_t offset = fenced.before->last_offset.value();
    if (last.outcome == Outcome::kOk && last.offset != offset)
      contradiction_ = who + " is told to go on behind offset " + std::to_string(offset) +
                       ", and that record was acknowledged at " + std::to_string(last.offset);
    if (last.outcome == Outcome::kInfo) {
      ++stats_.resumed_behind_unknown;
      last.outcome = Outcome::kOk;
      last.offset = offset;
      last.finished = now();
    }
  }
  for (std::size_t i = session.next_item; i < source.size(); ++i) {
    if (history_.sent[source[i].sent].outcome == Outcome::kOk)
      contradiction_ = "I10: " + who + " is told to send once more what was acknowledged";
  }
}

// A named producer's source is in the topic in its order, and nothing of it is left out.
std::string ClusterClients::broken_source(const FinalLog& log) const {
  for (const auto& [key, source] : sources_) {
    if (key.second != log.partition) continue;
    std::unordered_map<std::uint64_t, std::size_t> places;
    for (std::size_t i = 0; i < source.size(); ++i) places[history_.sent[source[i].sent].value] = i;
    std::optional<std::size_t> before;
    if (log.log_start == 0) before = static_cast<std::size_t>(-1);
    for (const SeenRecord& record : log.records) {
      const auto place = places.find(record.value);
      if (place == places.end()) continue;
      if (before && place->second != *before + 1)
        return "I9: line " + std::to_string(place->second) + " of the source of producer " +
               std::to_string(key.first) + " is at offset " + std::to_string(record.offset) + " of " +
               log.replica + ", and comes after line " + std::to_string(*before);
      before = place->second;
    }
  }
  return {};
}

std::string ClusterClients::contradiction() const {
  if (!contradiction_.empty() || options_.keys > 0) return contradiction_;
  for (const FinalLog& log : history_.finals) {
    if (std::string broken = broken_source(log); !broken.empty()) return broken;
  }
  return {};
}

// --- who is silent

// Everybody who was silent for so long, but nobody of whom a try may still be on its way that a partition
// would take for the first batch of a new producer.
log::ProducersForgotten ClusterClients::forgettable(std::uint32_t partition, model::Timestamp newest) {
  bool any = false;
  bool first = false;
  std::erase_if(sent_[partition], [](const auto& request) { return request.expired(); });
  for (const auto& request : sent_[partition]) {
    const RequestPtr alive = request.lock();
    any = any || alive != nullptr;
    first = first || (alive != nullptr && (alive->first || alive->last_sequence == alive->count - 1));
  }
  const model::Timestamp before =
      newest.plus(1 - static_cast<std::int64_t>(rng_.one_in(2) ? 0 : rng_.below(kForgetSinceMaxMs)));
  return {.silent_before = first ? model::kNoTimestamp : before,
          .quiet_before = any ? model::kNoTimestamp : before};
}

void ClusterClients::forget(Life& life, std::uint32_t partition) {
  const std::uint32_t node = leader_for(partition);
  ++waiting_;
  call<std::monostate>(
      node, partition,
      [this, partition](partition::Partition& there, partition::Done<std::monostate> done) {
        if (auto appendable = there.check_appendable(); !appendable) return done(appendable.error());
        there.group().append_control(forgettable(partition, there.log().max_append_time()));
        done(std::monostate{});
      },
      [this, &life, partition, node](const Result<std::monostate>& asked, model::Term) {
        --waiting_;
        if (asked) {
          ++stats_.forgets;
        } else {
          learn(partition, node, asked.error());
        }
        produce_next(life);
      });
}

}  // namespace forebay::sim
