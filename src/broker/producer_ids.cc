#include "broker/producer_ids.h"

#include <utility>

namespace forebay::broker {
namespace {

// The next block is asked for when so few ids are left: at 1,000 sessions in a second there is half of one
// for the decision.
constexpr std::uint64_t kLow = kProducerIdsPerBlock / 2;
// Longer than an election, shorter than what clients wait by default.
constexpr auto kWaitMax = std::chrono::seconds(5);
constexpr std::size_t kWaitingMax = 10'000;
constexpr std::uint32_t kRetryMs = 100;

// A matter of time: of an election, or until this node is registered.
bool passes(ErrorCode code) { return is_retryable(code) || code == ErrorCode::kFailedPrecondition; }

Error not_in_time(const std::string& why) {
  return {ErrorCode::kNotYet, "no producer id can be given yet: " + why + "; retry", kRetryMs};
}

}  // namespace

ProducerIdAllocator::ProducerIdAllocator(runtime::Executor& executor, Grant grant, Draw draw)
    : executor_(executor),
      grant_(std::move(grant)),
      draw_(std::move(draw)),
      alive_(std::make_shared<ProducerIdAllocator*>(this)) {}

ProducerIdAllocator::~ProducerIdAllocator() {
  *alive_ = nullptr;
  if (timer_) executor_.cancel(*timer_);
}

std::uint64_t ProducerIdAllocator::left() const {
  std::uint64_t ids = 0;
  for (const cluster::ProducerIds& block : blocks_) ids += block.count;
  return ids;
}

std::optional<model::ProducerId> ProducerIdAllocator::next() {
  if (blocks_.empty()) return std::nullopt;
  cluster::ProducerIds& block = blocks_.front();
  const model::ProducerId id = block.first;
  block = {id.next(), block.count - 1};
  if (block.count == 0) blocks_.pop_front();
  return id;
}

void ProducerIdAllocator::take(Taken taken) {
  if (stopped_) return taken(Error{ErrorCode::kShuttingDown, "the node is stopping", 1000});
  if (waiting_.empty()) {
    if (const auto id = next()) {
      ask_when_low();
      return taken(*id);
    }
  }
  if (waiting_.size() >= kWaitingMax) {
    return taken(Error{ErrorCode::kResourceExhausted,
                       std::to_string(kWaitingMax) + " producers wait for an id already; retry later", 1000});
  }
  waiting_.push_back({executor_.now() + kWaitMax, std::move(taken)});
  watch_waiting();
  ask_when_low();
}

void ProducerIdAllocator::ask_when_low() {
  if (!asking_ && !stopped_ && left() < kLow) ask();
}

void ProducerIdAllocator::ask() {
  asking_ = true;
  grant_(newest_, [alive = alive_](Result<cluster::GrantedIds> granted) {
    if (*alive != nullptr) (*alive)->on_granted(std::move(granted));
  });
}

void ProducerIdAllocator::on_granted(Result<cluster::GrantedIds> granted) {
  asking_ = false;
  if (stopped_) return;
  if (granted && newest_ && granted->block.first <= *newest_)
    granted = Error{ErrorCode::kInternal, "the controller gives a block of producer ids again"};
  if (!granted) {
    // Whoever comes next asks again.
    const Error& why = granted.error();
    if (why.code == ErrorCode::kDataLoss) return serve_drawn();
    return refuse_waiting(passes(why.code) ? not_in_time(why.context) : why);
  }
  newest_ = granted->block.first;
  // An earlier copy of the request got it, and its answer is lost; or an earlier life.
  if (!granted->is_new) return ask();
  blocks_.push_back(granted->block);
  serve();
  ask_when_low();
}

void ProducerIdAllocator::serve() {
  while (!waiting_.empty()) {
    const auto id = next();
    if (!id) return;
    Taken taken = std::move(waiting_.front().taken);
    waiting_.pop_front();
    taken(*id);
  }
}

void ProducerIdAllocator::serve_drawn() {
  auto waiting = std::exchange(waiting_, {});
  for (Waiting& one : waiting)
    one.taken(model::ProducerId(kDrawnIdsBegin + static_cast<std::int64_t>(draw_() >> 2)));
}

void ProducerIdAllocator::refuse_waiting(const Error& why) {
  auto waiting = std::exchange(waiting_, {});
  for (Waiting& one : waiting) one.taken(why);
}

void ProducerIdAllocator::watch_waiting() {
  if (timer_ || waiting_.empty()) return;
  timer_ = executor_.schedule_after(waiting_.front().until - executor_.now(), [this] { on_late(); });
}

void ProducerIdAllocator::on_late() {
  timer_.reset();
  while (!waiting_.empty() && waiting_.front().until <= executor_.now()) {
    Taken taken = std::move(waiting_.front().taken);
    waiting_.pop_front();
    taken(not_in_time("the controller has not answered in time"));
  }
  watch_waiting();
}

void ProducerIdAllocator::stop() {
  stopped_ = true;
  if (timer_) executor_.cancel(*std::exchange(timer_, std::nullopt));
  refuse_waiting({ErrorCode::kShuttingDown, "the node is stopping", 1000});
}

}  // namespace forebay::broker
