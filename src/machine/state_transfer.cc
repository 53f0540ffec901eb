#include "machine/state_transfer.h"

#include <utility>

namespace forebay::machine {
namespace {

// A piece takes a round trip and a read of memory.
constexpr runtime::Duration kPieceTimeout = std::chrono::seconds(3);
// Nobody has asked for so long: whoever did is gone, or has it all.
constexpr runtime::Duration kKept = std::chrono::seconds(30);

}  // namespace

// --- answering

StateSource::~StateSource() {
  if (forget_) executor_.cancel(*forget_);
}

Result<std::string> StateSource::answer(const StateRequest& request, model::Term term, model::Offset applied,
                                        const std::function<Entries()>& entries) {
  if (request.from == 0) {
    if (applied < request.applied) return Error{ErrorCode::kNotYet, "the state is not that far here", 100};
    if (!kept_ || kept_->applied < request.applied) kept_ = Kept{applied, encode_state(entries())};
  } else if (!kept_ || kept_->applied != request.applied) {
    return Error{ErrorCode::kNotYet, "that state is not kept any more; begin anew", 100};
  }
  if (kept_->bytes.size() > kStateBytesMax)
    return Error{ErrorCode::kUnsupported, "the state is larger than anything that is sent"};
  if (request.from > kept_->bytes.size())
    return Error{ErrorCode::kInvalidArgument, "the state ends before that"};
  if (forget_) executor_.cancel(*forget_);
  forget_ = executor_.schedule_after(kKept, [this] {
    forget_.reset();
    kept_.reset();
  });
  return encode_piece({.term = term,
                       .applied = kept_->applied,
                       .size = kept_->bytes.size(),
                       .bytes = kept_->bytes.substr(request.from, kStatePieceBytes)});
}

// --- fetching

StateFetch::StateFetch(raft::Peers& peers, const model::TopicPartition& id, model::NodeId from,
                       model::Offset at_least, Done done)
    : peers_(peers),
      from_(from),
      next_{id, at_least, 0},
      done_(std::move(done)),
      alive_(std::make_shared<StateFetch*>(this)) {}

void StateFetch::ask() {
  peers_.request(from_, next_.id, encode_request(next_), kPieceTimeout,
                 [alive = alive_](Result<std::string> answer) {
                   if (*alive != nullptr) (*alive)->take(std::move(answer));
                 });
}

// `done` may end this fetch.
void StateFetch::take(Result<std::string> answer) {
  if (!answer) return std::exchange(done_, nullptr)(std::move(answer).error());
  auto piece = decode_piece(as_bytes(*answer));
  if (!piece) return std::exchange(done_, nullptr)(std::move(piece).error());
  const bool first = next_.from == 0;
  const bool fits =
      first ? piece->applied >= next_.applied : piece->applied == next_.applied && piece->term == term_;
  const bool ends = piece->bytes.empty() && bytes_.size() < piece->size;
  if (!fits || ends || bytes_.size() + piece->bytes.size() > piece->size)
    return std::exchange(done_, nullptr)(Error{ErrorCode::kNotYet, "the state changed while it was fetched"});
  term_ = piece->term;
  bytes_ += piece->bytes;
  next_ = {next_.id, piece->applied, bytes_.size()};
  if (bytes_.size() < piece->size) return ask();
  std::exchange(done_, nullptr)(Fetched{*term_, next_.applied, std::move(bytes_)});
}

}  // namespace forebay::machine
