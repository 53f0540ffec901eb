#include "schema/registry.h"

#include <utility>
#include <vector>

#include "schema/refresh_question.h"
#include "schema/schema_codec.h"

namespace forebay::schema {
namespace {

// Changes that wait for their turn. Each takes a round of the log and its parsing: whoever stands behind so
// many would have given up.
constexpr std::size_t kWaitingMax = 1'000;
// How often a replica that has just been opened, or that somebody waits for, is looked at.
constexpr runtime::Duration kWatchEvery = std::chrono::milliseconds(20);
constexpr runtime::Duration kCatchUpAgain = std::chrono::milliseconds(100);
// How long somebody waits for news that the leader has told already.
constexpr runtime::Duration kAppliedMax = std::chrono::seconds(5);

Error stopping_error() {
  return {ErrorCode::kShuttingDown, "the node is stopping; use another one, or retry when it is back", 500};
}

}  // namespace

template <typename Function>
auto Registry::guarded(Function function) {
  return [alive = alive_, function = std::move(function)](auto&&... values) mutable {
    if (*alive != nullptr) function(std::forward<decltype(values)>(values)...);
  };
}

Registry::Registry(const RegistryParts& parts, const machine::HostConfig& config)
    : parts_(parts),
      host_({.log = parts.log,
             .machine = &machine_,
             .store = parts.store,
             .executor = parts.executor,
             .pool = parts.pool,
             .peers = parts.peers},
            config,
            {.leads = [this](model::Term) { on_leads(); },
             .lost = [this] { on_lost(); },
             .failed = [this] { on_failed(); }}),
      alive_(std::make_shared<Registry*>(this)) {}

Registry::~Registry() {
  *alive_ = nullptr;
  if (watch_) parts_.executor->cancel(*watch_);
  if (under_way_) std::exchange(under_way_, std::nullopt)->operator()(stopping_error());
  for (Change& one : std::exchange(waiting_, {})) one.done(stopping_error());
  for (auto& [offset, one] : std::exchange(for_applied_, {})) one.done(stopping_error());
}

void Registry::start() {
  host_.start();
  watch();
}

void Registry::stop(UniqueFunction<void()> done) {
  stopping_ = true;
  host_.stop(std::move(done));
}

void Registry::erase(UniqueFunction<void()> done) {
  stopping_ = true;
  machine_.image()->set_current(false);
  host_.erase(std::move(done));
}

// Who leads has applied all there is: what is read here right after a change is answered.
void Registry::on_leads() {
  leading_ = true;
  if (!stopping_) machine_.image()->set_current(true);
}

void Registry::on_lost() {
  leading_ = false;
  ++leadership_;
  auto leads = host_.check();
  const Error why = leads
                        ? Error{ErrorCode::kNotYet, "the leader of the registry has just changed; retry", 100}
                        : leads.error();
  // What was proposed has been answered; this was still being decided.
  if (under_way_) std::exchange(under_way_, std::nullopt)->operator()(why);
  for (Change& one : std::exchange(waiting_, {})) one.done(why);
}

// The copy stays as it is: others are asked instead.
void Registry::on_failed() {
  failed_ = true;
  machine_.image()->set_current(false);
}

void Registry::change(Decide decide, machine::Done<model::Offset> done) {
  if (stopping_) return done(stopping_error());
  if (auto leads = host_.check(); !leads) return done(std::move(leads).error());
  if (!leading_)
    return done(Error{ErrorCode::kNotYet, "the leader of the registry is beginning; retry", 100});
  if (waiting_.size() >= kWaitingMax)
    return done(Error{ErrorCode::kResourceExhausted,
                      std::to_string(kWaitingMax) + " changes of schemas wait already; retry later", 1000});
  waiting_.push_back({std::move(decide), std::move(done)});
  run_next();
}

void Registry::run_next() {
  if (under_way_ || waiting_.empty() || stopping_) return;
  Change next = std::move(waiting_.front());
  waiting_.pop_front();
  under_way_ = std::move(next.done);
  auto decided = std::make_shared<Result<SchemaRecords>>();
  parts_.schema_pool->run(
      [decide = std::move(next.decide), image = machine_.image(), schemas = parts_.schemas,
       now = parts_.clock->now(), decided]() mutable { *decided = decide(*image, *schemas, now); },
      *parts_.executor,
      guarded([this, leadership = leadership_, decided] { on_decided(leadership, std::move(*decided)); }));
}

void Registry::on_decided(std::uint64_t leadership, Result<SchemaRecords> records) {
  if (leadership != leadership_ || !under_way_) return;  // answered when that leadership ended
  if (!records) return finish(std::move(records).error());
  if (records->empty()) {
    return host_.confirm(guarded([this, leadership](const Result<std::monostate>& proved) {
      if (leadership != leadership_) return;
      finish(proved ? Result<model::Offset>(host_.applied()) : proved.error());
    }));
  }
  std::vector<std::string> bytes;
  bytes.reserve(records->size());
  for (const SchemaRecord& one : *records) bytes.push_back(encode_record(one));
  const auto count = static_cast<std::int64_t>(bytes.size());
  auto proposed = host_.propose(bytes, guarded([this, count](const Result<model::Offset>& first) {
                                  if (first) ++changes_;
                                  finish(first ? Result<model::Offset>(first->plus(count)) : first.error());
                                }));
  if (!proposed) finish(std::move(proposed).error());
}

void Registry::finish(Result<model::Offset> outcome) {
  if (!under_way_) return;
  auto done = *std::exchange(under_way_, std::nullopt);
  run_next();
  done(std::move(outcome));
}

// --- what may be old
// -------------------------------------------------------------------------------------------------------------

void Registry::refresh(machine::Done<std::monostate> done) {
  if (host_.is_leading()) return host_.confirm(std::move(done));
  const auto leader = parts_.log->leader();
  if (!leader || parts_.peers == nullptr)
    return done(Error{ErrorCode::kNotYet, "nobody is known to lead the schema registry; retry", 100});
  parts_.peers->request(*leader, parts_.log->log().id(), encode_refresh(), kAppliedMax,
                        guarded([this, done = std::move(done)](Result<std::string> answer) mutable {
                          if (!answer) return done(std::move(answer).error());
                          const auto offset = decode_refresh_answer(*answer);
                          if (!offset) return done(offset.error());
                          when_applied(*offset, std::move(done));
                        }));
}

bool Registry::answer_refresh(const std::string& body, UniqueFunction<void(Result<std::string>)>& reply) {
  if (!is_refresh(as_bytes(body))) return false;
  host_.confirm(guarded([this, reply = std::move(reply)](const Result<std::monostate>& proved) mutable {
    if (!proved) return reply(proved.error());
    reply(encode_refresh_answer(host_.applied()));
  }));
  return true;
}

void Registry::when_applied(model::Offset offset, machine::Done<std::monostate> done) {
  if (host_.applied() >= offset) return done(std::monostate{});
  for_applied_.emplace(offset, Waiting{std::move(done), parts_.executor->now() + kAppliedMax});
  if (!watch_) watch();
}

// A copy is current once it has all that its leader had when it was asked: what a log that was just opened
// says of what is committed may be long ago.
void Registry::catch_up_once() {
  if (catching_up_ || stopping_ || failed_ || parts_.executor->now() < catch_up_again_) return;
  catching_up_ = true;
  refresh(guarded([this](const Result<std::monostate>& refreshed) {
    catching_up_ = false;
    catch_up_again_ = parts_.executor->now() + kCatchUpAgain;
    if (refreshed && !stopping_ && !failed_) machine_.image()->set_current(true);
  }));
}

void Registry::watch() {
  watch_.reset();
  std::vector<machine::Done<std::monostate>> reached, late;
  const auto now = parts_.executor->now();
  for (auto at = for_applied_.begin(); at != for_applied_.end();) {
    const bool there = at->first <= host_.applied();
    if (!there && at->second.until > now) {
      ++at;
      continue;
    }
    (there ? reached : late).push_back(std::move(at->second.done));
    at = for_applied_.erase(at);
  }
  const bool current = machine_.image()->is_current();
  if (!current) catch_up_once();
  if (!watch_ && !stopping_ && ((!current && !failed_) || !for_applied_.empty()))
    watch_ = parts_.executor->schedule_after(kWatchEvery, [this] { watch(); });
  for (auto& done : reached) done(std::monostate{});
  for (auto& done : late)
    done(Error{ErrorCode::kTimedOut, "the change is made, and this node has not heard of it in time"});
}

}  // namespace forebay::schema
